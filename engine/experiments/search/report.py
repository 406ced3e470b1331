"""What a search of architectures says of its trials in words; curves and tables are those of every search."""

from collections.abc import Sequence

from engine.experiments.search import architecture
from engine.runtime.records import Params, PointRecord, RunRecord
from engine.search.keys import RESERVED


def setting(params: Params) -> str:
    """A trial's parameters in a line."""
    named = {key: value for key, value in params.items() if key not in RESERVED}
    skipped = [key.removeprefix(architecture.SKIP) for key, value in named.items() if value == architecture.IDENTITY]
    plain = [
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in named.items()
        if not key.startswith(architecture.SKIP)
    ]
    return ", ".join(plain + ([f"without {', '.join(skipped)}"] if skipped else []))


def unused(run: RunRecord) -> list[str]:
    """What in the space changed nothing: dimensions, and layers that trials could not leave out."""
    idle = (run.notes.get("dimensions") or {}).get("idle") or ()
    told = [f"{name} changes nothing: models of its first and its last value compute the same." for name in idle]
    return told + _unapplied(run.finished)


def _unapplied(points: Sequence[PointRecord]) -> list[str]:
    """Layers that trials wanted to leave out and that their models did not have."""
    missing: dict[str, int] = {}
    for point in points:
        for name in (point.result or {}).get("not_skipped") or ():
            missing[name] = missing.get(name, 0) + 1
    return [
        f"{name} could not be left out in {count} trials: their models have no such square layer, so the choice "
        "changed nothing there."
        for name, count in missing.items()
    ]
