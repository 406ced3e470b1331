"""A command of the user's own when a run has ended: run once, by the driver, whatever becomes of it."""

from pathlib import Path

import pytest

from engine.runtime import control, notify
from tests.faults.helpers import toy_run, wait_for, wait_until_idle


def configure(state: Path, text: str) -> None:
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "config.toml").write_text(text)


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (["work"], "t-0001 toy: finished, 1 of 1 points"),
        (["fail"], "t-0001 toy: failed, 1 of 1 points (as told)"),
    ],
)
def test_the_driver_tells_when_a_run_has_ended(state: Path, tmp_path: Path, actions: list[str], said: str) -> None:
    told = tmp_path / "told"
    configure(state, f"notify = 'echo \"$LABTUI_MESSAGE\" >> {told}'")
    path = toy_run(actions, name="toy")
    control.start(path)
    wait_until_idle(path)
    wait_for(lambda: told.exists() and told.read_text().endswith("\n"), "the command")
    assert told.read_text() == f"{said}\n"


def test_a_cancelled_run_is_no_news(state: Path, tmp_path: Path) -> None:
    configure(state, f"notify = 'echo told >> {tmp_path / 'told'}'")
    path = toy_run(["work"] * 3, pause=0.05)
    control.start(path)
    control.cancel(path)
    assert wait_until_idle(path).state == "cancelled"
    wait_for(lambda: not notify_is_running(path), "the driver to leave")
    assert not (tmp_path / "told").exists()


def notify_is_running(path: Path) -> bool:
    from engine.runtime.lock import read_info

    return read_info(path).driver.alive


def test_a_command_that_fails_or_hangs_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notify.run_command("true", {}) == ""
    assert notify.run_command("echo no such host >&2; exit 3", {}) == "it ended with status 3: no such host"
    assert notify.run_command("no-such-program-at-all", {}).startswith("it ended with status 127")
    monkeypatch.setattr(notify, "SECONDS", 0.1)
    assert notify.run_command("sleep 60 & wait", {}) == "it took more than 0 seconds and was ended"


@pytest.mark.parametrize("text", ["", "notify = 3", "not toml", "notify = '  '"])
def test_without_a_command_nothing_runs(state: Path, text: str) -> None:
    assert notify.command() == ""
    configure(state, text)
    assert notify.command() == ""


def test_text_from_outside_is_no_program(state: Path, tmp_path: Path) -> None:
    configure(state, f"notify = 'echo $LABTUI_NAME > {tmp_path / 'told'}'")
    path = toy_run(["work"], name=f"x; touch {tmp_path}/owned $(touch {tmp_path}/owned)")
    control.start(path)
    wait_until_idle(path)
    wait_for((tmp_path / "told").exists, "the command")
    assert not (tmp_path / "owned").exists()
