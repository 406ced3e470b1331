"""Which steps are profiled."""

from typing import Literal

from pydantic import Field

from engine.experiments.profile.bodies import BodyConfig


class StepConfig(BodyConfig):
    """How a step is profiled."""

    study: Literal["step"] = "step"
    mode: Literal["inference", "training"] = Field(
        "inference", title="Mode", description="training: forward, backward and AdamW."
    )
    steps: int = Field(5, ge=1, le=1000, title="Steps", description="Steps under the profiler.")
    trace: bool = Field(True, title="Trace", description="Keep a Chrome trace with the run.")
