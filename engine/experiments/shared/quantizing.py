"""Quantised copies of a workbench's model, calibrated on a few of its training samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.experiments.shared.workbench import Workbench
from engine.preparing import Preparing
from engine.rounding import NEAREST, Method, Sparsity

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.compress import LayerFormats
    from engine.compress.calibration import InputFormat
    from engine.training.samples import Batch

WARM_FORMATS = (
    "engine.formats.registry",
    "engine.formats.kernels.elementwise",
    "engine.formats.kernels.errors",
    "engine.formats.kernels.compiling:prepare",
)
"""What a host imports beside `WARM` where number formats are used."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a point's layers are prepared and its weights rounded, with a checkpoint after each part of the model.

    `method` may be given by layer; nearest where a layer has none. gptq prunes to the `sparsity` as it rounds.
    """

    bench: Workbench
    point: int
    method: Method | Mapping[str, Method]
    preparing: Preparing | None = None
    sparsity: Sparsity | None = None

    def load(self) -> "tuple[int, Mapping[str, Tensor]]":
        """What the point's last checkpoint holds."""
        from safetensors.torch import load_file

        path = self.bench.context.resume(self.point)
        return (0, {}) if path is None else (int(path.name), load_file(path))

    def save(self, stage: int, tensors: "Mapping[str, Tensor]") -> None:
        """Keeps what is finished."""
        from safetensors.torch import save_file

        self.bench.context.checkpoint(self.point, stage, lambda path: save_file(dict(tensors), path))


def quantized(
    bench: Workbench,
    formats: "LayerFormats",
    model: "nn.Module | None" = None,
    *,
    shared: bool = False,
    by: Rounding | None = None,
    inputs: "Mapping[str, InputFormat] | None" = None,
) -> "nn.Module":
    """A copy of the workbench's model, or of another, with quantised layers, on its device.

    It has the parameters of the original where they are `shared`: then it must not be trained. `by` is how it is
    prepared and rounded; to nearest without. What is to be trained keeps its checkpoints for that. `inputs` are those
    of `calibrated_inputs`, for more layers perhaps, where they have been asked for.
    """
    from engine.compress import quantize_model
    from engine.compress.returning import return_memory

    bench.report(0, 1, "calibrating")
    batches = calibration(bench)
    start = model or bench.folded
    preparing = None if by is None else by.preparing
    if inputs is None and model is None and preparing is None:
        inputs = calibrated_inputs(bench, formats)

    def report(what: str, done: int, total: int) -> None:
        bench.report(done, total, f"{what}: part {done} of {total}")

    found = quantize_model(
        start,
        formats,
        batches,
        NEAREST if by is None else by.method,
        by if shared else None,
        report,
        preparing=preparing,
        sparsity=None if by is None else by.sparsity,
        shared=shared,
        inputs=inputs,
    )
    return_memory()  # rounding the weights comes next
    return found


def calibrated_inputs(bench: Workbench, formats: "LayerFormats") -> "Mapping[str, InputFormat]":
    """The formats of what enters the layers of the workbench's model, calibrated once in a run for all its points.

    Raises what `quantize_model` raises.
    """
    from engine.compress.calibration import InputFormat, calibrated, input_specs
    from engine.compress.selection import select_layers
    from engine.formats import parse
    from engine.models.digests import fingerprint

    names = select_layers(bench.folded, formats)

    def record() -> dict[str, Any]:
        found = calibrated(bench.folded, names, formats, calibration(bench))
        return {name: [str(one.format), one.sqnr] for name, one in found.items()}

    asked = fingerprint([input_specs(bench.folded, names, formats), formats.input_range])
    known = bench.context.shared(f"inputs-{asked}", record)
    return {name: InputFormat(parse(spec), sqnr) for name, (spec, sqnr) in known.items()}


def calibration(bench: Workbench) -> "list[Batch]":
    """A few batches of training samples, drawn by seed, on the workbench's device; none where the data have none."""
    calibration = bench.splits.calibration
    if calibration is None:
        return []
    bounded = bench.context.device == "cpu" and calibration.at_once is not None
    return list(calibration.to(bench.context.device).batches(bench.config.batch_size, within_cache=bounded))
