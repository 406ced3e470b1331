"""Divisions round once on every device.

Where the divisor is a number, CUDA multiplies with its reciprocal, which is another value now and then. Without a GPU
that cannot be seen in results, so it is looked for in what the composed definitions ask torch for.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.formats import parse
from engine.formats.registry import FAMILIES

SPECS = [kind.example for kind in FAMILIES.values()] + ["int(4)", "uint(4)", "int(8,tensor)", "uint(8,tensor)"]


class ByNumbers(TorchDispatchMode):
    """Notes every number that is divided by and is no power of two."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if "div" in str(func) and not isinstance(args[1], torch.Tensor) and math.frexp(abs(args[1]))[0] != 0.5:
            self.found.append(args[1])
        return func(*args, **(kwargs or {}))


def test_a_number_that_is_divided_by_is_noticed() -> None:
    with ByNumbers() as seen:
        torch.ones(2) / 7
        torch.ones(2) / 8
        torch.ones(2) / torch.full((), 7.0)
    assert seen.found == [7]


@pytest.mark.parametrize("spec", SPECS)
def test_composed_definitions_divide_by_tensors(spec: str) -> None:
    x = torch.randn(6, 40)
    number_format = parse(spec).fit(x)
    with ByNumbers() as seen:
        number_format._composed(x)
    assert seen.found == []
