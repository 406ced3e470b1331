"""Which steps are profiled."""

from typing import Literal

from pydantic import Field

from engine.experiments.profile.fields import BatchSizes, Blocks, Dtypes, Hidden, Model, Timed, Tokens


class StepConfig(Timed):
    """Each subject in each type at each batch size."""

    study: Literal["step"] = "step"
    model: Model = "builtin"
    blocks: Blocks = ()
    hidden: Hidden = 256
    dtypes: Dtypes = ("float32",)
    batch_sizes: BatchSizes = (1, 16)
    sequence: Tokens = None
    mode: Literal["inference", "training"] = Field(
        "inference", title="Mode", description="training: forward, backward and AdamW."
    )
    steps: int = Field(5, ge=1, le=1000, title="Steps", description="Steps under the profiler.")
    trace: bool = Field(True, title="Trace", description="Keep a Chrome trace with the run.")
