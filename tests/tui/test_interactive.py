"""The warm worker: what it answers, what it survives, and that it goes with the app."""

import asyncio
import io
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from engine import interactive
from engine.errors import InputError
from tests.faults.helpers import wait_for
from tests.tui.curve.figures import sweep
from tui_app.interactive import Interactive


def ask(*requests: dict[str, object]) -> list[dict[str, object]]:
    """What the worker's loop answers."""
    answers = io.StringIO()
    interactive.serve(io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_config_is_checked() -> None:
    (answer,) = ask({"id": 7, "do": "check", "experiment": "quantize", "values": {"widths": "x"}})
    assert answer["id"] == 7
    assert "'x' is not a whole number" in str(answer["error"])


def test_a_bad_request_does_not_end_it() -> None:
    answers = ask({"id": 1, "do": "dance"}, {"id": 2, "do": "check", "experiment": "nope", "values": {}})
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "There is no experiment 'nope'" in str(answers[1]["error"])


def test_a_figure_survives_the_pipe() -> None:
    assert interactive.figure_from(json.loads(json.dumps(asdict(sweep())))) == sweep()


@pytest.mark.slow
async def test_pictures_come_from_a_process_of_its_own(tmp_path: Path) -> None:
    worker = Interactive()
    worker.start()
    for name in ("a.png", "b.svg"):
        path = tmp_path / name
        assert await worker.ask("picture", figure=asdict(sweep()), path=str(path)) == str(path)
        assert path.stat().st_size > 1000
    with pytest.raises(InputError, match=r"cannot be written|not a folder|exists"):
        await worker.ask("picture", figure=asdict(sweep()), path=str(tmp_path / "a.png" / "c.png"))
    worker.stop()


@pytest.mark.slow
async def test_the_worker_sees_the_gpus_and_never_the_users_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")
    worker = Interactive()
    worker.start()
    assert worker._process is not None
    with pytest.raises(InputError, match="There is no experiment 'nope'"):
        await worker.ask("check", experiment="nope", values={})
    environment = Path(f"/proc/{worker._process.pid}/environ").read_bytes().split(b"\0")
    assert b"CUDA_VISIBLE_DEVICES=GPU-1" in environment
    worker.stop()


@pytest.mark.slow
async def test_one_that_died_says_so_and_is_started_again(tmp_path: Path) -> None:
    worker = Interactive()
    await worker.ask("picture", figure=asdict(sweep()), path=str(tmp_path / "a.svg"))
    process = worker._process
    assert process is not None
    waiting = asyncio.create_task(worker.ask("picture", figure=asdict(sweep()), path=str(tmp_path / "b.png")))
    await asyncio.sleep(0)
    process.kill()
    with pytest.raises(InputError, match="ended before it answered"):
        await waiting
    process.wait()
    assert await worker.ask("picture", figure=asdict(sweep()), path=str(tmp_path / "c.svg"))
    worker.stop()


@pytest.mark.slow
def test_it_ends_with_the_apps_end_of_the_pipe() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.interactive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.slow
def test_prints_of_libraries_never_reach_the_answers() -> None:
    script = (
        "import engine.interactive as i\n"
        "def chatty(**values):\n    print('noise'); import os; os.system('echo noise'); return 'said'\n"
        "i.check = chatty\ni.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input='{"id": 1, "do": "check"}\n', capture_output=True, text=True, check=True
    )
    assert done.stdout == '{"id": 1, "value": "said"}\n'
    assert done.stderr.count("noise") == 2


def standing_by(worker: psutil.Process) -> list[psutil.Process]:
    return [child for child in worker.children() if "engine.experiments.standby" in child.cmdline()]


@pytest.mark.slow
async def test_a_checked_config_has_a_driver_stand_by_and_it_goes_with_the_worker() -> None:
    worker = Interactive()
    worker.start()
    assert worker._process is not None
    process = psutil.Process(worker._process.pid)
    await worker.ask("check", experiment="tests.faults.toy", values={"actions": ["work"]})
    assert not standing_by(process), "another package's code may change between two runs"
    await worker.ask("check", experiment="quantize", values={"model": "builtin", "data": "builtin"})
    (driver,) = wait_for(lambda: standing_by(process), "a driver that has its name")
    await worker.ask("check", experiment="quantize", values={"model": "builtin", "data": "builtin", "seed": 1})
    assert standing_by(process) == [driver]
    worker.stop()
    assert not psutil.wait_procs([driver], timeout=60)[1]
