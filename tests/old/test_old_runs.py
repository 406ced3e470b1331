"""Run folders that 0.1.0 wrote stay readable, with every number as it was recorded.

`runs-0.1.0.tar.xz` holds one small finished run of each experiment, without its models; `expected.json` in it is what
`labtui show --json` of 0.1.0 said of them.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.experiments.results import opened
from engine.experiments.shared.config import TaskConfig
from engine.runtime.runs import read_run
from tui_app.command.main import cli

ARCHIVE = Path(__file__).with_name("runs-0.1.0.tar.xz")
with tarfile.open(ARCHIVE) as _archive:
    EXPECTED: dict[str, Any] = json.load(_archive.extractfile("expected.json"))  # type: ignore[arg-type]


@pytest.fixture
def old_runs(state: Path) -> Path:
    runs = state / "runs"
    runs.mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(runs, filter="data")
    (runs / "expected.json").unlink()
    for path in runs.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return runs


def labtui(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("run", EXPECTED)
def test_a_run_of_0_1_0_shows_what_it_recorded(old_runs: Path, run: str) -> None:
    found, expected = json.loads(labtui("show", run, "--json")), EXPECTED[run]
    assert found["run"]["experiment"] == expected["experiment"]
    assert found["run"]["state"] == expected["state"]
    assert (found["best"] or {}).get("index") == expected["best"]
    points = [{key: point[key] for key in ("index", "params", "state", "result")} for point in found["points"]]
    assert points == expected["points"]
    assert set(expected["figures"]) <= {figure["key"] for figure in found["figures"]}


@pytest.mark.parametrize("run", EXPECTED)
def test_a_run_of_0_1_0_prints_and_exports(old_runs: Path, run: str, tmp_path: Path) -> None:
    assert "✓ finished" in labtui("show", run)
    labtui("export", run, "--csv", str(tmp_path / "points.csv"))
    assert (tmp_path / "points.csv").read_text().count("\n") > len(EXPECTED[run]["points"])


def test_runs_of_0_1_0_are_listed_and_removed(old_runs: Path) -> None:
    listed = labtui("runs")
    assert all(run in listed for run in EXPECTED)
    labtui("rm", "g-0007")
    assert "g-0007" not in labtui("runs")


def test_runs_of_0_1_0_stay_calibrated_on_four_batches(old_runs: Path) -> None:
    for run in EXPECTED:
        _, config = opened(read_run(old_runs / run))
        if isinstance(config, TaskConfig):
            assert config.calibration_samples == 4 * config.batch_size
            assert type(config).recorded(config.model_dump(mode="json")) == config
    assert TaskConfig().calibration_samples == TaskConfig.recorded({}).calibration_samples == 128
