"""Quantised copies of a workbench's model, calibrated on a few of its training samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.experiments.shared.workbench import Workbench
from engine.preparing import Preparing
from engine.rounding import NEAREST, Method, Sparsity

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.compress import LayerFormats
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
) -> "nn.Module":
    """A copy of the workbench's model, or of another, with quantised layers, on its device.

    It has the parameters of the original where they are `shared`: then it must not be trained. `by` is how it is
    prepared and rounded; to nearest without. What is to be trained keeps its checkpoints for that.
    """
    from engine.compress import quantize_model
    from engine.compress.returning import return_memory

    bench.report(0, 1, "calibrating")
    batches = calibration(bench)
    start = model or bench.folded

    def report(what: str, done: int, total: int) -> None:
        bench.report(done, total, f"{what}: part {done} of {total}")

    found = quantize_model(
        start,
        formats,
        batches,
        NEAREST if by is None else by.method,
        by if shared else None,
        report,
        preparing=None if by is None else by.preparing,
        sparsity=None if by is None else by.sparsity,
        shared=shared,
    )
    return_memory()  # rounding the weights comes next
    return found


def calibration(bench: Workbench) -> "list[Batch]":
    """A few batches of training samples, drawn by seed, on the workbench's device; none where the data have none."""
    calibration = bench.splits.calibration
    if calibration is None:
        return []
    bounded = bench.context.device == "cpu" and calibration.at_once is not None
    return list(calibration.to(bench.context.device).batches(bench.config.batch_size, within_cache=bounded))
