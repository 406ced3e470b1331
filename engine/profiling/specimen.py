"""What is measured: a model from any source, or a built-in block, and random inputs for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from engine.errors import InputError
from engine.graph.inputs import DIMENSIONS, check_inputs, example, is_own, usual_inputs
from engine.graph.subjects import subject
from engine.models.cache import Progress
from engine.models.positions import longest_input
from engine.profiling.layer_blocks import BLOCKS
from engine.training.forward import NotFiniteError, check_weights, forward, where_it_began

USUAL_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Specimen:
    """A model on its device, in evaluation mode, and the keyword arguments it is called with."""

    name: str
    model: nn.Module
    inputs: Mapping[str, Tensor]

    @property
    def tokens(self) -> int:
        """Tokens per text; 1 of what is no text."""
        first = next(iter(self.inputs.values()))
        return first.shape[1] if first.ndim in (2, 3) and not is_own(self.model) else 1

    def __call__(self) -> object:
        """One forward pass. Raises ForwardError where the model's own code raised."""
        return forward(self.model, self.inputs)

    def checked(self) -> object:
        """One forward pass whose outputs are numbers; raises NotFiniteError with the layer where they are not."""
        found = self()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in outputs(found)):
            began = where_it_began(self.model, self.inputs)
            raise NotFiniteError(f"the outputs of {self.name} are not finite: {began}.")
        return found


def model_of(what: str, hidden: int = 256, progress: Progress | None = None) -> nn.Module:
    """A block by its name, or the model that a source names, in float32 and evaluation mode.

    Raises:
        InputError: nothing there, no model that transformers can make, or one with NaN or infinity among its weights.
    """
    if what in BLOCKS:
        return BLOCKS[what](hidden).eval()
    model = subject(what, progress=progress).weights().eval()
    check_weights(model, what)
    return model


def specimen(
    what: str, model: nn.Module, *, dtype: torch.dtype, device: str, batch: int, sequence: int | None, seed: int = 0
) -> Specimen:
    """The model moved to device and dtype, with inputs drawn by seed: `batch` texts of `sequence` tokens each.

    Without a `sequence` they have 128 tokens, or as many as the model takes.

    Raises:
        InputError: a model whose input cannot be drawn, or one that does not take as many tokens.
    """
    longest = longest_input(model) if hasattr(model, "config") else None
    if sequence is None:
        sequence = min(USUAL_TOKENS, longest or USUAL_TOKENS)
    if what in BLOCKS:
        generator = torch.Generator().manual_seed(seed)
        width = next(iter(model.parameters())).shape[-1]
        inputs = {"x": torch.randn(batch, sequence, width, generator=generator)}
    else:
        if longest is not None and sequence > longest:
            raise InputError(f"{what} takes {longest:,} tokens at most, not {sequence:,}; give a shorter sequence.")
        names = usual_inputs(model) if is_own(model) else [_main_input(model)]
        inputs = example(names, model, sizes={"batch": batch, "sequence": sequence}, seed=seed)
    moved = {name: t.to(device, dtype if t.is_floating_point() else t.dtype) for name, t in inputs.items()}
    return Specimen(what, model.to(device, dtype).eval(), moved)


def _main_input(model: nn.Module) -> str:
    main = str(getattr(model, "main_input_name", "input_ids"))
    name = main if main in DIMENSIONS or "input_ids" not in signature(model.forward).parameters else "input_ids"
    check_inputs([name])
    return name


def outputs(result: object) -> list[Tensor]:
    """The floating-point tensors of whatever a model returned."""
    return [t for t in pytree.tree_leaves(result) if isinstance(t, Tensor) and t.is_floating_point()]


def synchronize(device: str) -> None:
    """Waits until the device has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
