"""First trials of a mixed-precision search out of a sensitivity run: the formats that hurt least, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InputError
from engine.experiments.mixed.families import Menu
from engine.formats.registry import FAMILIES, FULL, parse_spec
from engine.models.layer_names import fits
from engine.runtime.runs import find_run, read_run
from engine.tasks.kinds import metric_of

Table = Mapping[str, Mapping[str, float]]
"""By layer and format, the validation score with that layer alone in that format, turned so that more is better."""


def pinned_table(name: str, layers: Sequence[str]) -> Table:
    """What a sensitivity run has measured of these layers.

    Validation scores, not test scores: the search chooses by nothing that was looked at to report.

    Raises:
        InputError: no such run, a run of another experiment, or one that knows none of the layers.
    """
    run = read_run(find_run(name))
    if run.experiment != "sensitivity":
        raise InputError(f"{run.id} is a run of {run.experiment}; a warm start needs a run of sensitivity.")
    table: dict[str, dict[str, float]] = {}
    metric = metric_of(run.config)
    for point in run.finished:
        for layer in layers:  # of a block all that lie in it
            if point.result and fits(layer, point.params["layer"]):
                table.setdefault(layer, {})[point.params["format"]] = metric.goodness(point.result[metric.validation])
    if not table:
        raise InputError(f"{run.id} has measured none of the layers that are searched; name another sensitivity run.")
    return table


def first_trials(name: str, menu: Menu, layers: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Two trials: each layer in the format that hurt it least, then in the narrowest that hurt it no more than a fifth.

    A layer for which the table has no format of the menu stays in full precision, or takes the menu's first.
    """
    table = pinned_table(name, layers)
    trials: list[dict[str, Any]] = []
    for narrow in (False, True):
        params: dict[str, Any] = {}
        for layer in layers:
            params |= _choice(table.get(layer, {}), menu, layer, narrow)
        if params and params not in trials:
            trials.append(params)
    return tuple(trials)


def _choice(measured: Mapping[str, float], menu: Menu, layer: str, narrow: bool) -> dict[str, Any]:
    offered = {spec: params for spec in measured if (params := menu.params(layer, spec)) is not None}
    if not offered:
        return _fallback(menu, layer)
    ranked = sorted(offered, key=lambda spec: -measured[spec])
    if narrow:
        worst, best = measured[ranked[-1]], measured[ranked[0]]
        fine = [spec for spec in ranked if measured[spec] >= best - 0.2 * (best - worst)]
        return offered[min(fine, key=_bits)]
    return offered[ranked[0]]


def _fallback(menu: Menu, layer: str) -> dict[str, Any]:
    if menu.full:
        return menu.params(layer, FULL) or {}
    return menu.params(layer, menu.spec(layer, {})) or {}


def _bits(spec: str) -> int:
    """A measure of a format's width that needs no tensors: the bits that its arguments or its name tell."""
    found = parse_spec(spec)
    named = [int(digit) for digit in found.name if digit.isdigit()]
    if found.name.startswith(("minifloat", "block_minifloat")):
        return 1 + int(found.args[0]) + int(found.args[1])
    first = next(iter(FAMILIES[found.name].arguments), None)
    return int(found.args[0]) if first and first.widens else named[0] if named else 1
