"""torch.export (`.pt2`): the program that computes as the model does here, its weights in float32."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.exports.contract import Change, Program, Source, Target, cached
from engine.models.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor


class Pt2(Target):
    """Weights have their values and inputs are rounded, whatever the format; codes are not kept."""

    name, title, program, suffix = "pt2", "torch.export", "torch", ".pt2"
    help = "Write the program of torch.export, which needs neither labtui nor transformers; checked by torch."

    def changes(self, manifest: Manifest) -> Sequence[Change]:
        """A cache of keys and values, which a program has none of."""
        return cached(manifest)

    def write(self, source: Source, path: Path) -> None:
        """Raises InputError where torch.export cannot follow the model."""
        import torch

        from engine.exports.plain import plain_model
        from engine.exports.tracing import traced

        model = plain_model(source.model, lambda number_format: number_format.quantize)
        program = traced(model, source.example)
        with path.open("wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(program, file)

    def opened(self, path: Path, source: Source) -> Program:
        """The program as `torch.export.load` gives it."""
        import torch

        from engine.exports.tracing import given

        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(file).module(check_guards=False)
        names = tuple(source.example)

        def run(inputs: Mapping[str, Tensor]) -> Tensor:
            logits: Tensor = module(*(given(name, inputs) for name in names))
            return logits

        return run


TARGET = Pt2()
