"""What layers are left with when channels are cut: noted where they stand, so that a cut model can be loaded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_CUT = "lost_channels"
"""What a module is marked by."""
_NUMBERS = ("in_channels", "out_channels", "groups", "num_features", "in_features", "out_features", "num_channels")
"""What layers call their own sizes."""


@contextmanager
def marking(model: nn.Module) -> Iterator[None]:
    """Marks the modules whose tensors have other shapes afterwards."""
    shapes = {module: [one.shape for one in _tensors(module).values()] for module in model.modules()}
    yield
    for module, before in shapes.items():
        if before != [one.shape for one in _tensors(module).values()]:
            setattr(module, _CUT, True)


def sizes_of(model: nn.Module) -> dict[str, dict[str, tuple[int, ...]]]:
    """By module that lost channels the shapes of its own tensors."""
    cut = {name: module for name, module in model.named_modules() if getattr(module, _CUT, False)}
    return {name: {key: tuple(one.shape) for key, one in _tensors(module).items()} for name, module in cut.items()}


def numbers_of(model: nn.Module) -> dict[str, dict[str, int]]:
    """What these modules say of their own sizes."""
    modules = {name: model.get_submodule(name) for name in sizes_of(model)}
    return {
        name: {key: value for key in _NUMBERS if isinstance(value := getattr(module, key, None), int)}
        for name, module in modules.items()
    }


def resize(
    model: nn.Module, sizes: Mapping[str, Mapping[str, Sequence[int]]], numbers: Mapping[str, Mapping[str, int]]
) -> None:
    """Gives modules the sizes that `sizes_of` told: a cut model can be loaded."""
    for name, shapes in sizes.items():
        module = model.get_submodule(name)
        setattr(module, _CUT, True)
        for key, shape in shapes.items():
            first = _tensors(module)[key]
            made = torch.zeros(tuple(shape), dtype=first.dtype)
            if key in module._parameters:
                module._parameters[key] = nn.Parameter(made)
            else:
                module._buffers[key] = made
        for key, value in numbers.get(name, {}).items():
            setattr(module, key, value)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    own = module._parameters | module._buffers
    return {key: one for key, one in own.items() if one is not None}
