"""A format as a module, and the values that it makes of a parameter, held while nothing has changed."""

import weakref
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.compress.returning import returning_memory
from engine.formats import Format
from engine.formats.dispatch import mapped, ordinary
from engine.layers import Kind


class FakeQuantize(nn.Module):
    """A format as a module. The format's plain numbers are buffers too, so that vmap can stack many configurations."""

    def __init__(self, number_format: Format) -> None:
        super().__init__()
        self.format = number_format
        for name, value in number_format.scalars().items():
            dtype = torch.int32 if isinstance(value, int) else torch.float32
            self.register_buffer(name, torch.as_tensor(value, dtype=dtype), persistent=False)
        self._moves = any(isinstance(value, Tensor) for value in number_format.scalars().values())

    def forward(self, x: Tensor) -> Tensor:
        """The quantised values with the straight-through gradient, shape of `x`, float32."""
        return self._current.fake_quantize(x)

    @property
    def _current(self) -> Format:
        """The format; with the buffers in it where vmap maps over them, and where it has tensors: buffers move."""
        scalars = self.scalars
        return self.format.with_scalars(*scalars) if self._moves or mapped(*scalars) else self.format

    @property
    def scalars(self) -> tuple[Tensor, ...]:
        """The format's plain numbers, in its order."""
        return tuple(value for value in self._buffers.values() if value is not None)

    def extra_repr(self) -> str:
        """The spec."""
        return str(self.format)


class HeldValue:
    """A quantised tensor, kept while what it was made from is unchanged and needs no gradient."""

    def __init__(self) -> None:
        self._sources: tuple[weakref.ref[Tensor], ...] = ()
        self._versions: tuple[int, ...] = ()
        self._value: Tensor | None = None

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """A copy starts empty: what it would hold was made from another module's parameters."""
        return type(self), ()

    def of(self, layer: nn.Module, name: str, quantizer: FakeQuantize, kind: Kind | None = None) -> Tensor:
        """The layer's parameter `name`, quantised along the rows of its kind.

        From the last call where nothing has changed since.
        """
        sources = _origins(layer, name)
        differentiated = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in sources)
        if differentiated:
            self._value = None  # an optimizer's step follows, and fused ones leave a tensor's version as it was
        if (
            differentiated
            or not ordinary(*sources, *quantizer.scalars)
            or any(tensor.is_inference() for tensor in sources)
        ):
            return _rounded(getattr(layer, name), quantizer, kind)
        if self._value is None or not self._fresh(sources):
            with returning_memory(), torch.inference_mode(False), torch.no_grad():
                self.put(layer, name, _rounded_in_parts(getattr(layer, name), quantizer, kind))
        assert self._value is not None
        return self._value

    def put(self, layer: nn.Module, name: str, value: Tensor) -> None:
        """Holds `value` as what the parameter quantises to."""
        sources = _origins(layer, name)
        self._sources = tuple(weakref.ref(tensor) for tensor in sources)
        self._versions = tuple(tensor._version for tensor in sources)
        self._value = value

    def release(self) -> None:
        """Lets go of a value that takes memory beside what it was made from."""
        sources = [source for ref in self._sources if (source := ref()) is not None]
        if self._value is not None and not any(source.data_ptr() == self._value.data_ptr() for source in sources):
            self._value = None

    def _fresh(self, sources: tuple[Tensor, ...]) -> bool:
        return (
            self._value is not None
            and self._value.device == sources[0].device
            and len(sources) == len(self._sources)
            and all(ref() is tensor for ref, tensor in zip(self._sources, sources, strict=True))
            and self._versions == tuple(tensor._version for tensor in sources)
        )


def _rounded(x: Tensor, quantizer: FakeQuantize, kind: Kind | None) -> Tensor:
    rounded: Tensor = quantizer(x) if kind is None else kind.shaped(quantizer(kind.rows(x)), x.shape)
    return rounded


def _rounded_in_parts(x: Tensor, quantizer: FakeQuantize, kind: Kind | None) -> Tensor:
    """The same values without gradients, some rows of a large weight at a time."""
    rows = x if kind is None else kind.rows(x)
    parts = quantizer.format.parts_of(rows)
    if len(parts) == 1:
        return _rounded(x, quantizer, kind)
    rounded = torch.empty_like(rows, dtype=torch.float32)
    for place, part in zip(torch.split(rounded, [len(part) for part in parts]), parts, strict=True):
        place.copy_(quantizer(part))
    return rounded if kind is None else kind.shaped(rounded, x.shape)


def _origins(layer: nn.Module, name: str) -> tuple[Tensor, ...]:
    """What a parameter is made from: itself, or where it is parametrised the tensors behind it."""
    if not parametrize.is_parametrized(layer, name):
        return (getattr(layer, name),)
    behind = layer.get_submodule(f"parametrizations.{name}")
    return (*behind.parameters(), *behind.buffers())
