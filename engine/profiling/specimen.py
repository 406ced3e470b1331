"""What is measured: a model from any source, or a built-in block, and random inputs for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from engine.errors import InputError
from engine.graph.inputs import check_inputs, example
from engine.graph.sources import subject
from engine.models.cache import Progress
from engine.profiling.blocks import BLOCKS

USUAL_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Specimen:
    """A model on its device, in evaluation mode, and the keyword arguments it is called with."""

    name: str
    model: nn.Module
    inputs: Mapping[str, Tensor]

    @property
    def tokens(self) -> int:
        """Tokens per text."""
        return next(iter(self.inputs.values())).shape[1]

    def __call__(self) -> object:
        """One forward pass."""
        return self.model(**self.inputs)


def model_of(what: str, hidden: int = 256, progress: Progress | None = None) -> nn.Module:
    """A block by its name, or the model that a source names, in float32 and evaluation mode.

    Raises:
        InputError: nothing there, or no model that transformers can make.
    """
    if what in BLOCKS:
        return BLOCKS[what](hidden).eval()
    return subject(what, progress=progress).weights().eval()


def specimen(
    what: str, model: nn.Module, *, dtype: torch.dtype, device: str, batch: int, sequence: int | None, seed: int = 0
) -> Specimen:
    """The model moved to device and dtype, with inputs drawn by seed: `batch` texts of `sequence` tokens each.

    Without a `sequence` they have 128 tokens, or as many as the model takes.

    Raises:
        InputError: a model whose input cannot be drawn, or one that does not take as many tokens.
    """
    longest = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    if sequence is None:
        sequence = min(USUAL_TOKENS, longest or USUAL_TOKENS)
    if what in BLOCKS:
        generator = torch.Generator().manual_seed(seed)
        width = next(iter(model.parameters())).shape[-1]
        inputs = {"x": torch.randn(batch, sequence, width, generator=generator)}
    else:
        if longest is not None and sequence > longest:
            raise InputError(f"{what} takes {longest:,} tokens at most, not {sequence:,}; give a shorter sequence.")
        names = [str(getattr(model, "main_input_name", "input_ids"))]
        check_inputs(names)
        inputs = example(names, model, sizes={"batch": batch, "sequence": sequence}, seed=seed)
    moved = {name: t.to(device, dtype if t.is_floating_point() else t.dtype) for name, t in inputs.items()}
    return Specimen(what, model.to(device, dtype).eval(), moved)


def outputs(result: object) -> list[Tensor]:
    """The floating-point tensors of whatever a model returned."""
    return [t for t in pytree.tree_leaves(result) if isinstance(t, Tensor) and t.is_floating_point()]


def synchronize(device: str) -> None:
    """Waits until the device has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
