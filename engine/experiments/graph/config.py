"""What a capture takes: a model, sets of inputs, passes."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from engine.experiments.api import ExperimentConfig
from engine.experiments.shared.settings import Words
from engine.graph.inputs import AUTO, check_inputs, usual_sets
from engine.graph.passes import parse_pass
from engine.models.own_source import is_own
from engine.models.sources import absolute_source


class GraphConfig(ExperimentConfig):
    """Which model, with which inputs, and what is done to the captured graph."""

    device: str = Field("cpu", title="Device", description="Captures need no GPU: the CPU is enough.")
    model: str = Field(
        "builtin", title="Model", description="A folder, a Hugging Face id, file.py:function, run:NAME or builtin."
    )
    inputs: str = Field(
        AUTO,
        title="Inputs",
        description="Sets of inputs, a capture each: input_ids,labels; input_ids; auto: what its task gives the model.",
    )
    against: str = Field("", title="Against", description="Another model to capture and to compare with.")
    passes: Words = Field(
        (), title="Passes", description="Transforms in order: remove_dropout, quantize_linear(fixed(8))."
    )
    mode: Literal["train", "eval"] = Field(
        "train", title="Mode", description="In eval mode export switches dropout off, or leaves it out."
    )
    attention: Literal["auto", "sdpa", "eager"] = Field(
        "auto", title="Attention", description="Fused (sdpa), step by step (eager), or as the model has it."
    )
    batch: int = Field(1, ge=1, le=65536, title="Batch", description="Texts that FLOPs and bytes are worked out for.")
    sequence: int = Field(128, ge=1, le=1 << 20, title="Sequence", description="Tokens per text, likewise.")

    @field_validator("model", "against")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """What is here is named so that the run finds it wherever it is resumed from."""
        return absolute_source(value.strip())

    @field_validator("inputs")
    @classmethod
    def _known_inputs(cls, value: str, info: ValidationInfo) -> str:
        if value.strip() in ("", AUTO):
            return AUTO
        sets = [
            names for text in value.split(";") if (names := [name.strip() for name in text.split(",") if name.strip()])
        ]
        for names in sets or [[]]:
            if not names or not is_own(str(info.data.get("model", ""))):
                check_inputs(names)
        return "; ".join(dict.fromkeys(",".join(dict.fromkeys(names)) for names in sets))

    @field_validator("passes")
    @classmethod
    def _known_passes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from engine.formats.registry import parse_spec

        for text in value:
            found, arguments = parse_pass(text)
            if "format" in found.takes:
                parse_spec(arguments[found.takes.index("format")])
        return value

    def sets(self, model: str) -> list[str]:
        """The sets of inputs of a model, each as `input_ids,labels`."""
        return list(usual_sets(model)) if self.inputs == AUTO else self.inputs.split("; ")
