"""What a point of `search` measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.measured import Share
from engine.experiments.shared.trials import TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult(Recorded):
    """What was built and, unless the trial was pruned, how it was `judged`.

    `setting` is the trial's choices in a line, `inherited` the share of the weights that came from the starting model.
    `skipped` layers were left out, `not_skipped` ones could not be. `reports` and `rungs` are what the pruner was told.
    `operations` are floating-point operations for one sample, `latency` seconds for a batch.
    """

    judged: Annotated[TrialResult | None, Part()] = None
    setting: Annotated[str, Quantity("Setting")]
    parameters: Annotated[int, Quantity("Params", "number")]
    blocks: Annotated[int | None, Quantity("Blocks", "number")] = None
    linear_layers: Annotated[int | None, Quantity("Linear layers", "number")] = None
    inherited: Annotated[float | None, Quantity("Inherited", "percent")] = None
    skipped: tuple[str, ...]
    not_skipped: tuple[str, ...]
    covered: Share = None
    reports: tuple[Any, ...]
    rungs: Mapping[str, Any]
    operations: Annotated[int | None, Quantity("Operations", "number")] = None
    latency: Annotated[float | None, Quantity("Batch", "seconds")] = None
