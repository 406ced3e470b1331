"""What a run may say of its points' sizes: the share of the model's bytes that changed, and what grew. No torch."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Quantity, Recorded, results_of
from engine.experiments.shared.measured import Share
from engine.figures.units import in_bytes, in_percent
from engine.models.coverage import LEAST
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of

_LARGER = 1.005  # times the source: less does not show in a size of three digits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized(Recorded):
    """What any experiment records of a size."""

    bytes: Annotated[int, Quantity("Size", "bytes")] = 0
    covered: Share = None


def enough(share: float | None) -> bool:
    """Whether a point changed enough of its model for a loss, or none, to mean something."""
    return share is None or share >= LEAST


def findings(run: RunRecord) -> list[str]:
    """How much of the model was changed, and which files are larger than what they were made from."""
    return [*_shares(run), *larger(run)]


def _shares(run: RunRecord) -> list[str]:
    shares = [share for one in results_of(run, _Sized, metric_of(run.config)) if (share := one.covered) is not None]
    if not shares:
        return []
    low, high = min(shares), max(shares)
    span = f"{in_percent(high)} %" if high - low < 0.0005 else f"{in_percent(low)} to {in_percent(high)} %"
    few = sum(share < LEAST for share in shares)
    if few:
        which = f"{few} of {len(shares)} points change" if few < len(shares) else "The points change"
        limit = f"{in_percent(LEAST, decimals=0)} %"
        return [f"{which} less than {limit} of the model's bytes ({span}): too little to say what that costs."]
    return [f"Changed layers hold {span} of the model's bytes; the rest is as it was."]


def larger(run: RunRecord) -> list[str]:
    """Which files are larger than the file that they were made from, and how much."""
    source = _Sized.from_record(run.notes.get("baseline") or {}).bytes
    sizes = [one.bytes for one in results_of(run, _Sized, metric_of(run.config))]
    grown = [size for size in sizes if source and size > _LARGER * source]
    if not grown:
        return []
    count = f"{len(grown)} of {len(sizes)} files are" if len(sizes) > 1 else "The file is"
    share = max(grown) / source
    return [f"{count} larger than the source ({in_bytes(source)}): up to {in_bytes(max(grown))}, {share:.3g} times it."]
