"""A model's forward as a program of torch.export, from its inputs by name to its logits."""

import warnings
from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from engine.errors import InputError
from engine.graph.capture import reason
from engine.graph.inputs import predicts_tokens
from engine.models.positions import longest_input
from engine.training.forward import logits_of

TOKENS = ("input_ids", "attention_mask", "token_type_ids")
"""Inputs whose second dimension is the length of a text."""


def given(name: str, inputs: Mapping[str, Tensor]) -> Tensor:
    """An input of a batch; the mask of one without padding, where models need none, is all ones."""
    return inputs[name] if name in inputs else torch.ones_like(inputs["input_ids"])


def maskable(model: Any, example: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The example with a mask where a model that reads whole texts takes one: those of a batch differ in length."""
    found = dict(example)
    takes = signature(model.forward).parameters
    if "input_ids" in found and "attention_mask" in takes and not predicts_tokens(model):
        found.setdefault("attention_mask", torch.ones_like(found["input_ids"]))
    return found


class _Logits(nn.Module):
    """Inputs in a fixed order to logits."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *values: Tensor) -> Tensor:
        return logits_of(self.model, dict(zip(self.names, values, strict=True)))


def traced(model: Any, example: Mapping[str, Tensor]) -> torch.export.ExportedProgram:
    """The program for batches of any size, and texts of any length that the model takes.

    Parameters are called `model.NAME`.

    Raises:
        InputError: torch.export cannot follow the model's own code.
    """
    longest = longest_input(model) if "input_ids" in example else None
    batch, sequence = Dim("batch", min=1), Dim("sequence", min=1, max=longest)
    shapes = tuple({0: batch, 1: sequence} if name in TOKENS else {0: batch} for name in example)
    module = _Logits(model, tuple(example)).eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.export.export(
                module, tuple(example.values()), dynamic_shapes={"values": shapes}, strict=False
            )
    except Exception as error:  # torch.export and the model's own code may raise anything
        raise InputError(f"the model cannot be exported: {reason(error)}") from error
    for node in found.graph.nodes:  # the lines of code that an operator comes from, with paths of this machine
        node.meta.pop("stack_trace", None)
    return found
