"""The MXINT8 kernels beside their alternatives and the copy limit: points, and how one runs."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.experiments.api import Listing
from engine.experiments.profile.mxint8.config import MXInt8Config
from engine.experiments.profile.mxint8.findings import findings
from engine.experiments.profile.mxint8.measures import OURS, Kernel, MXInt8Params, MXInt8Point, MXInt8Result
from engine.experiments.profile.mxint8.report import figures, listings
from engine.experiments.profile.mxint8.words import sentence
from engine.experiments.profile.study import Study, named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime import devices
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded

if TYPE_CHECKING:
    from cuda_kernels.bench import Measurement

STAGES = ("labtui", "torch eager", "torch.compile", "Triton", "timing")


class MXInt8(Study[MXInt8Config, MXInt8Params, MXInt8Result]):
    """The study `mxint8`."""

    name = "mxint8"
    title = "MXINT8"
    summary = "How near to a copy the MXINT8 kernels are."
    Config = MXInt8Config
    Params = MXInt8Params
    Result = MXInt8Result
    shown = ("what", "dtype", "time", "against", "speedup", "share", "rate")

    def subjects(self, config: MXInt8Config) -> Sequence[str]:
        """Types."""
        return config.decoded

    def asked(self, config: MXInt8Config) -> Sequence[MXInt8Params]:
        """Elements × groups × types."""
        return [
            MXInt8Params(what=f"{elements:,} in groups of {group}", elements=elements, group=group, dtype=dtype)
            for elements in config.elements
            for group in config.groups
            for dtype in config.decoded
        ]

    def check(self, config: MXInt8Config) -> Sequence[str]:
        """Raises InputError where the device has no kernels. A compiler that is missing is a result of its own."""
        if devices.CPU not in devices.resolve(config.device) and find_spec("numba_cuda") is None:
            raise InputError("MXINT8 has no kernels for this GPU yet: `make cuda13` (or `make cuda12`) installs them.")
        return ()

    def measure(self, config: MXInt8Config, point: int, params: MXInt8Params, context: Context) -> MXInt8Result:
        """The bench of `cuda_kernels` at one size."""
        import torch

        from cuda_kernels.bench import measure

        measured = measure(
            context.device,
            params.elements,
            params.group,
            getattr(torch, params.dtype),
            config.repeats,
            lambda name: context.progress(point, STAGES.index(name), len(STAGES), name),
        )
        result = MXInt8Result(kernels=tuple(map(_kernel, measured)))
        ours = result.kernel(OURS)
        took = ours.time.value if ours and ours.time else None
        next_best = min((time.value for _, time in result.others), default=None)
        return MXInt8Result(
            kernels=result.kernels,
            time=took,
            against=next_best,
            speedup=next_best / took if next_best and took else None,
            share=ours.share if ours else None,
            rate=ours.rate if ours else None,
        )

    def figures(self, config: MXInt8Config, run: RunRecord) -> Sequence[Figure]:
        """Bytes per second of each kernel."""
        return figures(named(self.read(config, run)))

    def listings(self, config: MXInt8Config, run: RunRecord) -> Sequence[Listing]:
        """Every kernel at every size."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[MXInt8Point], run: RunRecord) -> Sequence[Finding]:
        """How near to the copy ours is."""
        return findings(named(points))

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


def _kernel(found: "Measurement") -> Kernel:
    """A kernel's numbers; of one that did not run they are NaN."""
    if math.isnan(found.median):
        return Kernel(name=found.name, note=found.note)
    time, rate = Bounded(found.median, found.low, found.high), found.rate / 1e9
    return Kernel(name=found.name, time=time, rate=rate, share=found.share_of_copy, note=found.note)


STUDY = MXInt8()
