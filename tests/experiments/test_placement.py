"""Where a run is computed: devices here, or a Ray cluster."""

import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import check, configure, launch
from engine.experiments.placement import placement, seats_shown
from engine.runtime.cluster import look
from engine.runtime.cluster.connection import Node
from engine.runtime.spec import RunSpec
from engine.runtime.versions import versions

OTHERS = versions() | {"labtui": "0.0.1"}


def cluster(monkeypatch: pytest.MonkeyPatch, *nodes: tuple[float, float], there: dict[str, str] | None = None) -> None:
    seen = [look.Seen(Node(f"{n}", f"node-{n}", *has), there or versions()) for n, has in enumerate(nodes)]
    monkeypatch.setattr(look, "look", lambda _address: tuple(seen))


def placed(count: int, **settings: Any) -> Any:
    experiment, config = configure("quantize", {"executor": "ray", **settings})
    return placement(experiment, config, count)


@pytest.mark.parametrize(
    ("settings", "count", "seats"),
    [({}, 20, 12), ({}, 3, 3), ({"workers": 5}, 20, 5), ({"gpus": 1}, 20, 2), ({"gpus": 0.25}, 20, 8)],
)
def test_as_many_at_once_as_the_cluster_holds(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], count: int, seats: int
) -> None:
    cluster(monkeypatch, (4, 0), (8, 2))
    found = placed(count, **settings)
    assert (found.devices, found.seating.seats, found.seating.threads) == (("ray",), seats, 1)
    assert found.cpu == ("gpus" not in settings)
    assert "on 2 nodes of a Ray cluster (node-0, node-1)" in found.seating.said


def test_a_run_keeps_where_it_is_computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cluster(monkeypatch, (2, 0))
    data = tmp_path / "reviews.csv"
    data.write_text("text,label\n" + "".join(f"film {n},{n % 2}\n" for n in range(80)))
    values = {"executor": "ray", "address": "head:6379", "widths": "4", "data": str(data)}
    path = launch(*configure("quantize", values), start=False)
    expected = {"address": "head:6379", "gpus": 0.0, "sources": {str(data): str(data)}, "names": []}
    assert RunSpec.read(path).cluster == expected


def test_trials_take_the_model_of_the_chosen_one_along(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, (64, 0))
    experiment, config = configure("search", {"executor": "ray", "trials": 24})
    found = placement(experiment, config, 25)
    assert found.cluster["names"] == ("chosen",)
    assert found.seating.seats == 6  # a quarter of a curve's trials, as at home


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"address": "ray://head:10001"}, "address: Ray Client (ray://) does not stream what tasks report"),
        ({"address": "head"}, "address: 'head' is no address; write auto, or HOST:PORT"),
        ({"gpus": 1.5}, "gpus must be a fraction of one GPU or a whole number of them, not 1.5"),
        ({"executor": "slurm"}, "executor: there is no choice 'slurm'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        configure("quantize", {"executor": "ray", **settings})
    assert sentence in str(refused.value)


def test_nodes_that_cannot_compute_are_refused_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, config = configure("quantize", {"executor": "ray", "gpus": 1})
    cluster(monkeypatch, (4, 0))
    with pytest.raises(InputError, match="No node of the Ray cluster at auto has 1 GPU for a task"):
        check(experiment, config)
    cluster(monkeypatch, (4, 4), there=OTHERS)
    with pytest.raises(InputError, match=r"node-0 has labtui 0\.0\.1 instead of .*; install there"):
        check(experiment, config)


def test_without_ray_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'labtui\[ray\]'"):
        placed(3)


def test_a_form_asks_no_cluster() -> None:
    assert seats_shown(configure("quantize", {"executor": "ray", "workers": 7})[1], 20) == 7
