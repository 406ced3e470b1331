"""`make gpu`: a part that fails or never ends loses no other, and both reports are there after each."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import gpu

ROWS = [{"what": "a | b", "value": 1.23456}, {"what": "none", "value": None}]
WORDS = {
    "machine": f"import json; print('noise'); print(json.dumps({ROWS!r}))",
    "codes": "raise SystemExit('what went wrong')",
    "linear": "import time; time.sleep(600)",
    "tests": "print('18 passed')",
}


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    def command(part: str, device: str, options: argparse.Namespace) -> Sequence[str]:
        return [sys.executable, "-c", WORDS[part]]

    monkeypatch.setattr(gpu, "command", command)
    monkeypatch.setattr(gpu, "SECONDS", dict.fromkeys(WORDS, 20) | {"linear": 1})
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cuda", "--out", str(tmp_path / "report")])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 1
    return tmp_path / "report"


def test_what_fails_loses_nothing_else(report: Path) -> None:
    found = {one["part"]: one for one in json.loads(report.with_suffix(".json").read_text())}
    assert list(found) == list(WORDS)
    assert found["machine"]["rows"] == ROWS
    assert found["tests"]["text"] == "18 passed"
    assert not found["machine"]["error"] + found["tests"]["error"]
    assert "what went wrong" in found["codes"]["error"]
    assert found["linear"]["error"] == "not done after 1 s"
    assert found["linear"]["seconds"] < 15
    text = report.with_suffix(".md").read_text()
    assert "| a \\| b | 1.235 |" in text
    assert "**Failed:** what went wrong" in text


def test_every_part_has_a_limit() -> None:
    from benchmarks.gpu_parts import PARTS

    assert set(gpu.SECONDS) == {*PARTS, "tests", "loops"}


@pytest.mark.slow
def test_the_decoder_is_exact_here() -> None:
    from benchmarks.gpu_parts import Bench, every_code

    assert all("WRONG" not in row.values() for row in every_code(Bench("cpu", "builtin", "builtin")))


def test_only_files_with_tests_of_a_gpu_are_collected_for_one() -> None:
    found = set(gpu.files_with_gpu_tests())
    assert {"tests/kernels/test_gpu.py", "tests/formats/test_properties.py"} <= found
    assert "tests/kernels/test_codec.py" not in found
