"""The least that a space can give: so that a constraint which nobody can keep is told before anything is trained."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.figures.units import in_bytes
from engine.models.own_source import is_own
from engine.search.constraints import Constraint
from engine.search.space import Range, Space

if TYPE_CHECKING:
    from torch import nn


def check_bounds(
    source: str, task: str, spaces: Sequence[Space], modes: Sequence[str], limits: Sequence[Constraint]
) -> None:
    """Raises InputError where the smallest model of every mode is larger than a constraint allows.

    Compressed weights count as nothing: what is left of them depends on data. What stays float32 cannot vanish.
    """
    if is_own(source):  # what its function makes of other arguments only running it can say
        return
    least: dict[str, list[float]] = {"parameters": [], "bytes": []}
    for space, mode in zip(spaces, modes, strict=True):
        total, uncompressed = _smallest(source, task, space)
        least["parameters"].append(total)
        least["bytes"].append(4.0 * (total if mode == "plain" else uncompressed))
    for limit in limits:
        if limit.sign > 0 and limit.key in least and min(least[limit.key]) > limit.bound:
            found = min(least[limit.key])
            shown = in_bytes(found) if limit.key == "bytes" else f"{found:,.0f}"
            raise InputError(
                f"no trial can keep {limit.text}: the smallest model of the space has {shown}; raise the bound or let "
                "the space go lower."
            )


def _smallest(source: str, task: str, space: Space) -> tuple[int, int]:
    """Parameters of the smallest model of a space, and those of them that are in no linear layer."""
    import torch
    from transformers import AutoConfig

    from engine.layers import is_meant, kind_of
    from engine.models.place import place_of
    from engine.tasks.base import PretrainedTask
    from engine.tasks.kinds import get

    place = place_of(source)
    config = AutoConfig.from_pretrained(place)
    known = config.to_dict()
    for dimension in space.dimensions:
        values = dimension.values or ((dimension.domain.low,) if isinstance(dimension.domain, Range) else ())
        for name in dimension.parts or (dimension.name,):
            numbers = [dimension.spread(value)[name] for value in values]
            if name in known and all(isinstance(value, int | float) for value in numbers):
                setattr(config, name, min(numbers))
    made_by = get(task)
    assert isinstance(made_by, PretrainedTask)  # of a module of the user's own nothing is known here
    with torch.device("meta"):
        model: nn.Module = made_by.auto.from_config(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    linear = [one for one in model.modules() if (kind := kind_of(one)) is not None and is_meant(kind, "Linear")]
    compressed = {id(parameter): parameter.numel() for one in linear for parameter in one.parameters()}
    return total, total - sum(compressed.values())
