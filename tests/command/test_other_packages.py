"""Experiments of other packages, and other packages' names: by dotted path, by entry point, beside an `engine.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THING = """
from engine.experiments.api import Column, Experiment, ExperimentConfig


class Config(ExperimentConfig):
    count: int = 2


class Thing(Experiment):
    name = "thing"
    title = "Thing"
    summary = "Doubles numbers."
    Config = Config
    columns = (Column("double", "Double", "number"),)

    def label(self, config):
        return "thing"

    def points(self, config):
        return [{"number": number} for number in range(config.count)]

    def check(self, config):
        return []

    def run(self, config, points, context):
        for point in points:
            context.finish(point.index, {"double": 2 * point.params["number"]})


print("imported", file=__import__("sys").stderr)
EXPERIMENT = Thing()
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a package of experiments, and files that are called as our packages are."""
    folder = tmp_path / "elsewhere"
    (folder / "mypkg").mkdir(parents=True)
    (folder / "mypkg" / "__init__.py").touch()
    (folder / "mypkg" / "thing.py").write_text(THING)
    for name in ("engine", "cuda_kernels"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    facts = folder / "mypkg-1.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mypkg\nVersion: 1.5\n")
    (facts / "entry_points.txt").write_text("[labtui.experiments]\ndoubling = mypkg.thing:EXPERIMENT\n")
    return folder


def labtui(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
    command = [sys.executable, "-m", "tui_app", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", ["mypkg.thing", "doubling"])
def test_an_experiment_of_another_package_runs_to_its_end(elsewhere: Path, name: str) -> None:
    done = labtui(elsewhere, "run", name, "--set", "count=3", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["run"]["experiment"] == name
    assert [point["result"]["double"] for point in document["points"]] == [0, 2, 4]
    shown = labtui(elsewhere, "show", "@last", "--json")
    assert json.loads(shown.stdout)["run"]["state"] == "finished"


def test_listed_without_being_imported(elsewhere: Path) -> None:
    done = labtui(elsewhere, "run", "--help")
    assert done.returncode == 0, done.stderr
    assert "doubling" in done.stdout
    assert "From mypkg 1.5." in done.stdout
    assert "imported" not in done.stderr
