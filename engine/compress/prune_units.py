"""Units that can be cut out of a model, found by what flows where: no names of any family of models.

The output of every layer that holds a weight is replaced by noise of its own, so that a gradient reaches from what
enters a layer back to the layers right before it and no further. An input column that depends on some outputs forms a
unit with them, and with whatever else depends on those: a neuron is one column, a head as many as it is wide, a group
of heads with shared keys and values is one unit. A layer whose outputs go elsewhere too (the residual stream) has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.layers import LINEAR, TRANSPOSED, in_blocks, kind_of, live_layers
from engine.models.image_shape import image_shape
from engine.models.python_file import CARRIED

Kind = Literal["neurons", "heads"]
_TOKENS, _CHUNK = 8, 64
_EDGE = 64  # pixels, of a net that takes any size
_OUTSIDE = ""  # stands for whatever a model gives back


@dataclass(frozen=True, slots=True)
class Block:
    """Units of one layer's input columns, and the rows of the layers before it that go with each.

    `rows` gives for each of those layers the rows by unit, int64 [units, rows each], `taken` the columns likewise.
    """

    rows: Mapping[str, Tensor]
    columns: str
    taken: Tensor

    @property
    def units(self) -> int:
        """How many there are."""
        return len(self.taken)

    @property
    def kind(self) -> Kind:
        """Heads have more than one column each."""
        return "neurons" if self.taken.shape[1] == 1 else "heads"

    def places(self, kept: Tensor) -> Tensor:
        """The columns that units kept (bool [units]) stand for, in their order."""
        return self.taken[kept.cpu()].flatten().sort().values

    def row_places(self, name: str, kept: Tensor) -> Tensor:
        """The rows of a layer that units kept stand for, in their order."""
        return self.rows[name][kept.cpu()].flatten().sort().values


def repeated_layers(model: nn.Module) -> list[str]:
    """The linear layers of a model's repeated blocks, in its order."""
    linear = (name for name in live_layers(model) if kind_of(model.get_submodule(name)) in (LINEAR, TRANSPOSED))
    return [name for name in linear if in_blocks(name)]


def example_inputs(model: nn.Module, tokens: int = _TOKENS) -> dict[str, Tensor]:
    """What a model can be called with: two short texts of arbitrary tokens that end as its texts do, or two images.

    A module of the user's own carries inputs that it takes.
    """
    own: dict[str, Tensor] | None = getattr(model, CARRIED, None)
    if own is not None:
        return {name: tensor.to(next(model.parameters()).device) for name, tensor in own.items()}
    config: Any = getattr(model, "config", None)
    device = next(model.parameters()).device
    if getattr(model, "main_input_name", "") == "pixel_values":
        shape = (2, *image_shape(config, _EDGE))
        return {"pixel_values": torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)}
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    size = int(getattr(text, "vocab_size", None) or 2)
    special = [getattr(text, f"{name}_token_id", None) for name in ("pad", "bos", "eos", "cls", "sep")]
    plain = [one for one in range(min(size, 64)) if one not in special] or [0]
    ids = torch.tensor([[plain[(7 * row + 3 * place) % len(plain)] for place in range(tokens)] for row in range(2)])
    end = special[2]
    if isinstance(end, int) and 0 <= end < size:
        ids[:, -1] = end
    return {"input_ids": ids.to(device), "attention_mask": torch.ones_like(ids).to(device)}


def find_blocks(model: nn.Module) -> list[Block]:
    """The blocks of a model whose units can be cut, in its order; its mode and weights stay as they are.

    Raises:
        Exception: whatever the model's own code says to being run on a few tokens.
    """
    flow = _Flow()
    names = repeated_layers(model)
    flow.run(model, set(names))
    found = []
    for name in names:
        block = _block(flow, name, set(names))
        if block is not None:
            found.append(block)
    return found


@dataclass
class _Flow:
    """What entered each layer, and the noise that stood for what left it; a layer may be called several times.

    `before` has for each layer those of which some output enters it, `readers` for each noise the layers it enters.
    """

    entered: dict[str, list[Tensor]] = field(default_factory=dict)
    left: dict[str, list[Tensor]] = field(default_factory=dict)
    before: dict[str, set[str]] = field(default_factory=dict)
    readers: dict[int, set[str]] = field(default_factory=dict)

    def run(self, model: nn.Module, names: set[str]) -> None:
        """One pass over the model with noise for what its layers give."""
        generator = torch.Generator().manual_seed(0)

        def enter(name: str, args: tuple[Any, ...]) -> None:
            if args and isinstance(args[0], Tensor) and args[0].requires_grad:
                self.entered.setdefault(name, []).append(args[0])

        def leave(name: str, output: Any) -> Any:
            if not isinstance(output, Tensor) or not output.is_floating_point():
                return output
            noise = torch.randn(output.shape, generator=generator).to(output).requires_grad_()
            self.left.setdefault(name, []).append(noise)
            return noise.clone()  # a model may change it in place

        training = {module: module.training for module in model.modules()}
        uses = [(name, same) for name, all_names in live_layers(model).items() for same in all_names]
        with ExitStack() as stack, torch.enable_grad(), sdpa_kernel([SDPBackend.MATH]):
            for name, used in uses:
                layer = model.get_submodule(used)
                hook = layer.register_forward_pre_hook(lambda _, args, name=name: enter(name, args), prepend=True)
                stack.callback(hook.remove)
                stack.callback(layer.register_forward_hook(lambda _, __, out, name=name: leave(name, out)).remove)
            try:
                model.eval()
                result = model(**example_inputs(model))
            finally:
                for module, was in training.items():
                    module.training = was
        whole = [(name, x) for name, calls in self.entered.items() for x in calls]
        whole += [(_OUTSIDE, one) for one in _tensors(result)]
        sources = [(name, noise) for name in names for noise in self.left.get(name, ())]
        for name, x in whole if sources else ():
            reached = torch.autograd.grad(
                x.sum(), [noise for _, noise in sources], retain_graph=True, allow_unused=True
            )
            for (other, noise), gradient in zip(sources, reached, strict=True):
                if gradient is not None:
                    self.before.setdefault(name, set()).add(other)
                    self.readers.setdefault(id(noise), set()).add(name)

    def alone(self, name: str, reader: str) -> bool:
        """Whether all that leaves a layer enters that reader and nothing else."""
        return all(self.readers.get(id(noise)) == {reader} for noise in self.left[name])


def _block(flow: _Flow, name: str, names: set[str]) -> Block | None:
    before = sorted(flow.before.get(name, ()))
    if not before or not set(before) <= names or not all(flow.alone(other, name) for other in before):
        return None
    width = flow.entered[name][0].shape[-1]
    depends = {other: torch.zeros(width, flow.left[other][0].shape[-1], dtype=torch.bool) for other in before}
    _note(flow, name, depends, range(1))
    rows = [int(matrix[0].count_nonzero()) for matrix in depends.values()]
    if any(len(matrix[0]) == count > 1 for matrix, count in zip(depends.values(), rows, strict=True)):
        return None  # all outputs of a layer in one column, as behind a norm: there is no choice
    if max(rows) > 1 or not _matched(flow, name, depends):
        for start in range(1, width, _CHUNK):
            _note(flow, name, depends, range(start, min(start + _CHUNK, width)))
    return _units(name, depends)


def _matched(flow: _Flow, name: str, depends: Mapping[str, Tensor]) -> bool:
    """Notes all dependences at once where each row reaches one input column at most; whether that is so.

    Columns are asked for together, by each bit of their numbers those that have it and those that lack it. A row that
    reaches one of the two for every bit reaches the column whose number these bits are, and no other.
    """
    width = len(next(iter(depends.values())))
    places = torch.arange(max(1, (width - 1).bit_length()))
    bits = torch.arange(width) >> places.unsqueeze(1) & 1
    reached = _reached(flow, name, list(depends), torch.cat([bits, 1 - bits]))
    for other, found in reached.items():
        having, lacking = found.chunk(2)
        alive = found.any(0)
        if not torch.equal(having ^ lacking, alive.expand_as(having)):
            return False
        columns = (having.long() << places.unsqueeze(1)).sum(0)
        depends[other][columns[alive], alive.nonzero().flatten()] = True
    return True


def _note(flow: _Flow, name: str, depends: Mapping[str, Tensor], columns: range) -> None:
    """Which rows of the layers before some input columns of a layer depend on."""
    width = len(next(iter(depends.values())))
    asked = torch.tensor(columns).unsqueeze(1) == torch.arange(width)
    for other, found in _reached(flow, name, list(depends), asked).items():
        depends[other][columns.start : columns.stop] |= found


def _reached(flow: _Flow, name: str, before: Sequence[str], asked: Tensor) -> dict[str, Tensor]:
    """Of each layer before the rows that some input columns of a layer depend on, bool [asked, rows].

    `asked`, [asked, width], is 1 for the columns that are asked for together, else 0.
    """
    sources = [(other, noise) for other in before for noise in flow.left[other]]
    found = {other: torch.zeros(len(asked), flow.left[other][0].shape[-1], dtype=torch.bool) for other in before}
    for x in flow.entered[name]:
        weights = asked.to(x).view(len(asked), *[1] * (x.dim() - 1), -1).expand(len(asked), *x.shape)
        gradients = torch.autograd.grad(
            x, [noise for _, noise in sources], weights, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for (other, _), gradient in zip(sources, gradients, strict=True):
            if gradient is not None:
                found[other] |= (gradient != 0).flatten(1, -2).any(1).cpu()
    return found


def _units(name: str, depends: Mapping[str, Tensor]) -> Block | None:
    """Columns that share a row belong together; None where there is one unit alone, or they are of different sizes."""
    matrix = torch.cat(list(depends.values()), 1)
    groups = list(_components(matrix))
    columns = [columns for columns, _ in groups]
    rows = [rows for _, rows in groups]
    if len(groups) < 2 or len({len(one) for one in columns}) > 1:
        return None
    split: dict[str, Tensor] = {}
    first = 0
    for other, part in depends.items():
        own = [[row - first for row in one if first <= row < first + part.shape[1]] for one in rows]
        if len({len(one) for one in own}) > 1 or sum(map(len, own)) != part.shape[1]:
            return None
        split[other] = torch.tensor(own)
        first += part.shape[1]
    return Block(split, name, torch.tensor(columns))


def _components(matrix: Tensor) -> Iterator[tuple[list[int], list[int]]]:
    """Columns and rows of each connected part of a bipartite graph, bool [columns, rows], by its first column."""
    columns, rows = matrix.nonzero(as_tuple=True)
    alone = torch.arange(len(matrix))
    first, nowhere = alone, torch.full((matrix.shape[1],), len(matrix))
    while True:  # the first column that each is known to be connected with
        first_of_row = nowhere.scatter_reduce(0, rows, first[columns], "amin")
        lower = first.scatter_reduce(0, columns, first_of_row[rows], "amin")
        if torch.equal(lower, first):
            break
        first = lower
    grouped = [
        torch.split(label.argsort(stable=True), label.bincount(minlength=len(matrix) + 1).tolist())
        for label in (first, first_of_row)
    ]
    for start in (first == alone).nonzero().flatten().tolist():
        yield grouped[0][start].tolist(), grouped[1][start].tolist()


def _tensors(result: Any) -> Sequence[Tensor]:
    from torch.utils import _pytree as pytree

    return [one for one in pytree.tree_leaves(result) if isinstance(one, Tensor) and one.requires_grad]
