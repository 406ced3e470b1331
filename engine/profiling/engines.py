"""The ways of computing a model that are laid side by side: each turns it into a function from inputs to logits.

An engine is a class here; it imports its library when it is made.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import InputError
from engine.exports.contract import Program
from engine.extras import check_installed, missing

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.exports.contract import Source, Target
    from engine.tasks.base import Subject


@dataclass(frozen=True, slots=True)
class Built:
    """A model in an engine: its program, and the bytes of what it loads."""

    program: Program
    bytes: int


class Engine(ABC):
    """One way. `changes` says what of a model it computes otherwise: all of it, or linear layers alone."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    changes: ClassVar[str] = "all"
    arithmetic: ClassVar[str] = "float32"
    """What it multiplies in: float32, bfloat16, int8, or `decoded`: weights are turned into floats first."""

    @classmethod
    def installed(cls) -> bool:
        """Whether its packages are there."""
        return not missing(cls.packages)

    @classmethod
    def check(cls, device: str) -> None:
        """Raises InputError where it cannot be used: a package is missing, or it does not run on this device."""
        check_installed(f"the engine {cls.name}", cls.packages, cls.extra)
        if device not in cls.devices:
            raise InputError(f"the engine {cls.name} does not run on {device}; choose others, or device=cpu.")

    @abstractmethod
    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """The subject's model, which stays as it is, in this engine; `example` are inputs on its device, `folder` is
        empty.

        Raises:
            InputError: the engine cannot take this model.
        """


class Eager(Engine):
    """Torch, operator by operator."""

    name = "eager"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """The model as it is."""
        return Built(_called(subject.model), _bytes_of(subject.model))


class EagerBF16(Engine):
    """The same in bfloat16."""

    name, arithmetic = "eager-bf16", "bfloat16"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """A copy with weights and activations in bfloat16."""
        import torch

        half = copy.deepcopy(subject.model).to(torch.bfloat16)
        return Built(_called(half, torch.bfloat16), _bytes_of(half))


class Compiled(Engine):
    """torch.compile."""

    name = "compiled"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """The model compiled for shapes that do not change."""
        import torch

        compiled: Any = torch.compile(subject.model, dynamic=False)
        return Built(_called(compiled), _bytes_of(subject.model))


class TorchaoWeights(Engine):
    """torchao with weights in int8, turned into floats in front of each product."""

    name, changes, arithmetic = "torchao-int8-weights", "linear", "decoded"
    packages, extra = ("torchao",), "peers"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """A copy with `Int8WeightOnlyConfig`."""
        from torchao.quantization import Int8WeightOnlyConfig

        return _by_torchao(subject.model, Int8WeightOnlyConfig())


class TorchaoDynamic(Engine):
    """torchao with weights and activations in int8, the scales of activations measured as they come."""

    name, changes, arithmetic = "torchao-int8-dynamic", "linear", "int8"
    packages, extra = ("torchao",), "peers"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """A copy with `Int8DynamicActivationInt8WeightConfig`."""
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig

        return _by_torchao(subject.model, Int8DynamicActivationInt8WeightConfig())


class OnnxRuntime(Engine):
    """onnxruntime in float32."""

    name, devices = "onnxruntime", ("cpu",)
    packages, extra = ("onnx", "onnxscript", "onnxruntime"), "onnx"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """The model as the export writes and opens it."""
        target, source = self._target(), _source(subject, example)
        path = folder / "model.onnx"
        target.write(source, path)
        return self._loaded(path, source)

    def _loaded(self, path: Path, source: Source) -> Built:
        return Built(self._target().opened(path, source), path.stat().st_size)

    @staticmethod
    def _target() -> Target:
        from engine.exports.targets.onnx import TARGET

        return TARGET


class OnnxRuntimeInt8(OnnxRuntime):
    """onnxruntime with weights and activations in int8, the scales of activations measured as they come."""

    name, changes, arithmetic = "onnxruntime-int8", "linear", "int8"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """The exported file after onnxruntime's own `quantize_dynamic`.

        That quantises stored weights, not what is computed of them: the graph transposes those of layers without a
        bias, so the file is optimised first, which does that once and for all.
        """
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.shape_inference import quant_pre_process

        source = _source(subject, example)
        path, folded, smaller = (folder / f"{name}.onnx" for name in ("model", "folded", "int8"))
        self._target().write(source, path)
        quant_pre_process(path, folded, skip_onnx_shape=True, skip_symbolic_shape=True)
        quantize_dynamic(folded, smaller, weight_type=QuantType.QInt8)
        return self._loaded(smaller, source)


class MXInt8(Engine):
    """Our own kernels: linear layers that keep MXINT8 codes."""

    name, changes, arithmetic = "mxint8", "linear", "decoded"

    def build(self, subject: Subject, example: Mapping[str, Tensor], folder: Path) -> Built:
        """A copy with packed layers."""
        from engine.compress.packed import pack_model

        packed = pack_model(subject.model)
        return Built(_called(packed), _bytes_of(packed))


ENGINES: Mapping[str, type[Engine]] = {
    one.name: one
    for one in (
        Eager,
        EagerBF16,
        Compiled,
        TorchaoWeights,
        TorchaoDynamic,
        OnnxRuntime,
        OnnxRuntimeInt8,
        MXInt8,
    )
}
"""Engines by name; the first is what the others are compared with."""


def usable(device: str) -> tuple[str, ...]:
    """The engines that are installed and run on this device."""
    return tuple(name for name, one in ENGINES.items() if device in one.devices and one.installed())


def _called(model: Any, dtype: Any = None) -> Program:
    from engine.training.forward import logits_of

    def program(inputs: Mapping[str, Tensor]) -> Tensor:
        given = inputs
        if dtype is not None:
            given = {name: one.to(dtype) if one.is_floating_point() else one for name, one in inputs.items()}
        return logits_of(model, given).float()

    return program


def _by_torchao(model: nn.Module, config: Any) -> Built:
    from torchao.quantization import quantize_

    changed = copy.deepcopy(model)
    quantize_(changed, config)
    return Built(_called(changed), _bytes_of(changed))


def _source(subject: Subject, example: Mapping[str, Tensor]) -> Source:
    from engine.exports.contract import Source
    from engine.exports.tracing import maskable
    from engine.models.manifest import Manifest

    # Two samples at least: torch.export takes a dimension of one for fixed.
    twice = {name: one if len(one) > 1 else one.repeat(2, *[1] * (one.ndim - 1)) for name, one in example.items()}
    return Source(subject, Manifest(), {}, maskable(subject.model, twice))


def _bytes_of(model: nn.Module) -> int:
    """Bytes of parameters and buffers, of tensors that wrap others those inside."""
    seen: dict[int, int] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        for inner in _plain(tensor):
            seen[inner.data_ptr()] = inner.numel() * inner.element_size()
    return sum(seen.values())


def _plain(tensor: Any) -> list[Tensor]:
    if not hasattr(tensor, "__tensor_flatten__"):
        return [tensor]
    names, _ = tensor.__tensor_flatten__()
    return [inner for name in names for inner in _plain(getattr(tensor, name))]
