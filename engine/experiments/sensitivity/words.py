"""The findings of a sensitivity run as sentences."""

from collections.abc import Mapping
from typing import Any

from engine.experiments.launch import command
from engine.experiments.shared.finding import Finding
from engine.tasks.metric import Bounded, Metric


def sentence(one: Finding, metric: Metric, each: str, settings: Mapping[str, Any]) -> str:
    """A finding in words; `findings.py` says what each kind holds. `each` is what was rounded alone: layer or block."""
    match one.kind:
        case "destroyed":
            zeros, *sqnr = one.values
            others = f" and {one.counts[0]} more" if one.counts[0] else ""
            ratio = f" and an SQNR of {sqnr[0]:.1f} dB" if sqnr else ""
            what = f"{one.at} destroys {one.of}{others}: {100 * zeros:.0f} % of its weights are zero{ratio}"
            return f"{what}. This is known before any score is measured."
        case "lost":
            assert isinstance(one.value, Bounded)
            change = metric.change(one.value, one.samples)
            return f"{one.of} at {one.at}: significant loss, {change}; keep it at more bits."
        case "more":
            number, ending = one.counts[0], ("", "s") if one.counts[0] == 1 else ("s", "")
            return f"{number} more {each}{ending[0]} show{ending[1]} a significant loss at {one.at}."
        case "unhurt":
            count = f"{one.counts[0]} of {one.counts[1]} measured {each}s"
            return f"{one.at}: {count} show no significant loss (n = {one.samples:,})."
        case "ranked":
            by_outputs, by_noise = one.values
            order = f"the second-order score ranks {one.counts[0]} {each}s as their measured loss does"
            ranks = f"with a rank correlation of {by_outputs:+.2f}, the SQNR of their weights with {by_noise:+.2f}"
            return f"{one.at}: {order} {ranks}."
        case "mix":
            same = {key: settings[key] for key in ("model", "data") if key in settings}
            return f"A mix that spares them: {command('quantize', {**same, 'formats': one.at})}"
    raise ValueError(f"a sensitivity run finds no {one.kind!r}")
