"""How many cores there are: what the kernel lets this process run on, within what its control groups grant."""

import os
from pathlib import Path

import pytest

from engine.runtime import cores


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {}, 8),
        ("0::/a/b\n", {"a/cpu.max": "250000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ("0::/a/b\n", {"a/cpu.max": "max 100000\n", "a/b/cpu.max": "300000 100000\n"}, 3),
        ("0::/a\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/a\n", {"a/cpu.max": "6400000 100000\n"}, 8),
        ("4:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "400000\n", "cpu/job/cpu.cfs_period_us": "100000\n"}, 4),
        ("4:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "-1\n", "cpu/job/cpu.cfs_period_us": "100000\n"}, 8),
        ("7:memory:/job\n", {"cpu.max": "100000 100000\n"}, 8),
        ("0::/a\n", {"a/cpu.max": "damaged\n"}, 8),
    ],
)
def test_a_quota_counts_wherever_it_stands(tmp_path: Path, groups: str, files: dict[str, str], expected: int) -> None:
    written(tmp_path / "self", groups)
    for name, text in files.items():
        written(tmp_path / "root" / name, text)
    assert cores.usable_cores(tmp_path / "self", tmp_path / "root") == expected


def test_without_control_groups_what_the_kernel_allows_counts(tmp_path: Path) -> None:
    assert cores.usable_cores(tmp_path / "none", tmp_path) == 8


@pytest.mark.parametrize(("there", "working"), [(1, 1), (2, 2), (3, 2), (8, 7)])
def test_beyond_two_a_core_is_left_to_the_screen(monkeypatch: pytest.MonkeyPatch, there: int, working: int) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: there)
    assert cores.working_cores() == working
