"""Capture: a model's forward as a torch.fx program, by torch.export without data, and its description."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import sympy
import torch
from torch import Tensor, fx, nn
from torch.export import Dim

from engine.graph.describe import Sizes, describe
from engine.graph.inputs import check_inputs, dimensions_of, example, is_own, usual_inputs
from engine.graph.record import Graph, Node
from engine.graph.subjects import Subject, tensors_in

SIZES = {"batch": 1, "sequence": 128}
"""What bytes and FLOPs are worked out for where nothing else is said."""
Mode = Literal["train", "eval"]


@dataclass(frozen=True)
class Program:
    """A graph that can be changed and run, and its description.

    `symbols` are the names of its dynamic dimensions, `examples` the inputs it was captured with. `reference` is the
    model with its weights, in eval mode, once they have been read: then `module` holds them too. A program is never
    changed in place.
    """

    graph: Graph
    module: fx.GraphModule | None
    symbols: Mapping[sympy.Symbol, str]
    subject: Subject
    examples: Mapping[str, Tensor]
    reference: nn.Module | None = None

    def described(self, module: fx.GraphModule, **changes: Any) -> "Program":
        """The same with another torch.fx program, described anew."""
        nodes = describe(module, Sizes(self.symbols, self.graph.sizes))
        return replace(self, module=module, graph=replace(self.graph, nodes=nodes, **changes))


def capture(
    subject: Subject,
    inputs: Sequence[str] | None = None,
    *,
    mode: Mode = "train",
    sizes: Mapping[str, int] = SIZES,
    examples: Mapping[str, Tensor] | None = None,
    dynamic: Mapping[str, Sequence[str]] | None = None,
) -> Program:
    """The program of a subject's forward with the inputs named, or with those that it usually gets.

    In train mode the graph has its dropouts as they are; in eval mode export switches them off, or leaves them out.
    `examples` and `dynamic` (names of the dynamic dimensions, "" for a fixed one) are for inputs that `DIMENSIONS` does
    not know. Batch and sequence stay dynamic where the model allows it; a note says where it does not. What cannot be
    exported comes back as a description with the reason and the tree of modules.

    Raises:
        InputError: an input that the model does not take.
    """
    if examples is None:
        inputs = usual_inputs(subject.model) if inputs is None else inputs
        if not is_own(subject.model):
            check_inputs(inputs)
        with tensors_in(subject):
            examples = example(inputs, subject.model)

    def dimensions(name: str) -> tuple[str, ...]:
        return dimensions_of(name, subject.model) if dynamic is None else tuple(dynamic.get(name, ()))

    names = {name: dimensions(name) for name in examples}
    model = subject.model.train(mode == "train")
    modules = {re.sub(r"^\.", "", path): type(module).__name__ for path, module in model.named_modules()}
    attention = str(getattr(getattr(model, "config", None), "_attn_implementation", None) or "")
    graph = Graph(
        subject.title, type(model).__name__, tuple(examples), mode, (), modules, dict(sizes), attention=attention
    )
    try:
        exported, notes = _export(model, examples, names)
    except Exception as error:  # torch.export and the model's own code may raise anything
        return Program(replace(graph, nodes=_weights(model), problem=reason(error)), None, {}, subject, examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = exported.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    symbols = _symbols(module, names)
    program = Program(replace(graph, notes=(*notes, *_unused(module))), module, symbols, subject, examples)
    if subject.fake is None:
        program = replace(program, reference=subject.model.eval())
    return program.described(module)


def _export(
    model: nn.Module, examples: Mapping[str, Tensor], names: Mapping[str, Sequence[str]]
) -> tuple[torch.export.ExportedProgram, tuple[str, ...]]:
    """First with the dimensions as they are named; where the model fixes one, with those that it leaves open."""
    longest = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    kept = {"batch": Dim("batch", min=2), "sequence": Dim("sequence", min=2, max=longest)}

    def attempt(named: bool) -> torch.export.ExportedProgram:
        shapes = {
            name: {
                place: kept.setdefault(one, Dim(one, min=2)) if named else Dim.AUTO
                for place, one in enumerate(dimensions)
                if one
            }
            for name, dimensions in names.items()
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(model, (), dict(examples), dynamic_shapes=shapes, strict=False)

    try:
        exported = attempt(True)
    except Exception as error:
        try:
            exported = attempt(False)
        except Exception:
            raise error from None
    fixed = sorted(
        {
            one
            for node in exported.graph.nodes
            if node.op == "placeholder" and node.name in names
            for one, size in zip(names[node.name], node.meta["val"].shape, strict=False)
            if one and (isinstance(size, int) or size.node.expr.is_number)
        }
    )
    return exported, tuple(f"The model fixes the dimension {one}: it is not dynamic in this graph." for one in fixed)


def _symbols(module: fx.GraphModule, names: Mapping[str, Sequence[str]]) -> dict[sympy.Symbol, str]:
    """What the symbols in the shapes of the inputs are called."""
    found: dict[sympy.Symbol, str] = {}
    inputs = (node for node in module.graph.nodes if node.op == "placeholder")
    for node, dimensions in zip(
        inputs, names.values(), strict=False
    ):  # torch.fx gives `input` and its like other names
        for size, name in zip(node.meta["val"].shape, dimensions, strict=False):
            if name and isinstance(size, torch.SymInt) and isinstance(size.node.expr, sympy.Symbol):
                found.setdefault(size.node.expr, name)
    return found


def _unused(module: fx.GraphModule) -> tuple[str, ...]:
    idle = [node for node in module.graph.nodes if node.op == "placeholder" and not node.users]
    return tuple(f"The input {node.name} is not used by the model." for node in idle)


def _weights(model: nn.Module) -> tuple[Node, ...]:
    """The weights alone, for a model without a graph."""
    return tuple(
        Node(
            name=name.replace(".", "_"),
            kind="weight",
            operator="weight",
            target=name,
            module=name.rpartition(".")[0],
            shape=tuple(map(str, weight.shape)),
            dtype=str(weight.dtype).removeprefix("torch."),
            parameters=weight.numel(),
            weight_bytes=weight.numel() * weight.element_size(),
        )
        for name, weight in model.named_parameters()
    )


def reason(error: Exception) -> str:
    """Why a model cannot be exported, in a sentence."""
    text = str(error).strip()
    first = re.sub(r"\s+", " ", text.splitlines()[0] if text else type(error).__name__)[:200].rstrip(". :")
    place = _user_line(error)
    if "data-dependent" in text:
        return f"Its forward decides by the values of tensors{place}, which no graph can follow; {first}."
    return f"torch.export cannot follow its forward{place}: {type(error).__name__}: {first}."


def _user_line(error: Exception) -> str:
    """The innermost line of code outside torch in a traceback."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not re.search(r"[/\\](torch|engine[/\\]graph)[/\\]", file) and trace.tb_frame.f_code.co_name != "wrapper":
            found = f" at {file.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
