"""What a measure of each layer alone takes: formats and layers."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from engine.experiments.shared.config import CALIBRATION, InputRange, TaskConfig, fold, input_range
from engine.experiments.shared.settings import Formats, FormatText, Words, unique
from engine.formats.registry import FULL, parse_spec

_BLOCK = re.compile(r".*?\.\d+(?=\.)")
"""The name of a member of the outermost list that a layer lies in: `model.layers.3`."""


class SensitivityConfig(TaskConfig):
    """One point for each format and layer, or block of layers."""

    SPREADS = True

    formats: Formats = Field(
        ("fixed(2)", "fixed(4)", "mxfp4"),
        min_length=1,
        title="Formats",
        description="Each is tried on each layer alone: fixed(4), mxfp4.",
    )
    activations: FormatText = Field("", title="Activations", description="Format of the inputs; empty: the weights'.")
    input_range: InputRange = input_range()
    each: Literal["layer", "block"] = Field(
        "layer", title="Each", description="What is rounded alone: a layer, or a block with all its layers."
    )
    fold: bool = fold()
    layers: Words = Field(
        (), title="Layers", description="Types or name patterns to try; empty: Linear, of images Conv2d too."
    )
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out, for example classifier.")

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """By the name of each point, the layers that it rounds; a layer outside all blocks is one of its own.

        Raises:
            InputError: there is no such model.
        """
        from engine.models.layer_names import layers_like

        groups: dict[str, tuple[str, ...]] = {}
        for layer in layers_like(self.model, self.layers, self.skip):
            block = _BLOCK.match(layer) if self.each == "block" else None
            name = block[0] if block else layer
            groups[name] = (*groups.get(name, ()), layer)
        return groups

    @property
    def trains(self) -> bool:
        """A layer is rounded, and the model measured."""
        return False

    @property
    def train_samples(self) -> int:
        """None but those of calibration."""
        return 0

    @property
    def needs_train(self) -> str:
        """Formats of inputs are fitted to what comes in."""
        return "" if self.activations == FULL else CALIBRATION

    @field_validator("formats")
    @classmethod
    def _specs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return unique(tuple(str(parse_spec(spec)) for spec in value))  # one layer at a time leaves nothing to mix
