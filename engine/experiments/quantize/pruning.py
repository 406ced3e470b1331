"""How weights are pruned while gptq rounds them: as it is written, and checked before the start."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator

from engine.errors import InputError
from engine.experiments.shared.settings import Words
from engine.formats.registry import parse_spec
from engine.models.layer_names import layers_like
from engine.rounding import DENSE, ZEROLESS, parse_sparsity, undivided, without_zero


def _read(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(parse_sparsity(word) or DENSE) for word in words)


Sparsities = Annotated[Words, AfterValidator(_read)]


def refuse_zeroless(specs: Iterable[str]) -> None:
    """Raises ValueError where one of the formats has no zero to prune to."""
    for spec in specs:
        if parse_spec(spec).name in ZEROLESS:
            raise ValueError(without_zero(spec))


def check(sparsity: Sequence[str], source: str, include: Sequence[str], exclude: Sequence[str]) -> None:
    """Raises InputError for a layer, known by its files, whose inputs the M of an N:M does not divide."""
    patterns = [one.pattern for one in map(parse_sparsity, sparsity) if one is not None and one.pattern is not None]
    layers = layers_like(source, include, exclude) if patterns else {}
    for name, layer in layers.items():
        columns = layer.kind.row_shape(layer.shape)[1] if layer.shape and not layer.kind.table else 0
        for _, m in patterns:
            if columns % m:
                raise InputError(undivided(name, columns, m))
