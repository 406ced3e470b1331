"""Transforms: from a program to another, the first untouched. Each is linted and can be compared with the model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.dialect.common.cse_pass import CSEPass, get_CSE_banned_ops

from engine.compress import quantized_layer
from engine.errors import InputError
from engine.formats import parse
from engine.graph.capture import Program
from engine.graph.passes import parse_pass
from engine.graph.record import join
from engine.models.layer_names import fits, no_match

DROPOUTS = frozenset({"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
RESHAPING = frozenset({"to", "slice", "contiguous", "view", "reshape", "expand", "detach", "alias", "_to_copy"})
CHECKS = frozenset({"_assert_tensor_metadata", "_assert_async"})


def with_weights(program: Program) -> Program:
    """The program with the model's weights in place of their shapes, its `reference` beside it.

    Raises:
        InputError: the weights cannot be read, or there is no graph to put them into.
    """
    if program.module is None:
        raise InputError(f"{program.graph.title} has no graph: {program.graph.problem}")
    if program.reference is not None:
        return program
    reference = program.subject.weights().eval()
    module = copied(program.module)
    # A tied tensor has several names, and the graph may call it by any.
    values: dict[str, Tensor] = dict(reference.named_parameters(remove_duplicate=False))
    values |= dict(reference.named_buffers(remove_duplicate=False))
    for node in module.graph.nodes:
        if node.op == "get_attr":
            path = str(node.target)
            if isinstance(getattr(module, path, None), nn.Module):  # what runs without gradients is a graph of its own
                continue
            if path not in values:
                raise InputError(
                    f"{program.graph.title} makes the constant {path} as it runs; its values are not known."
                )
            _put(module, path, values[path])
    return replace(program, reference=reference).described(module)


def apply(program: Program, text: str) -> Program:
    """The program after the transform that `text` names.

    Raises:
        InputError: no such transform, a format or layer that there is not, or weights that cannot be read.
    """
    found, arguments = parse_pass(text)
    before = with_weights(program)
    assert before.module is not None
    module = TRANSFORMS[found.name](copied(before.module), *arguments)
    return finished(before, module, text, tidy=found.name == "remove_no_ops")


def finished(program: Program, module: fx.GraphModule, text: str, *, tidy: bool = False) -> Program:
    """A changed module as a program, without what nobody uses any more; `tidy`: nor what nobody used before.

    Raises:
        RuntimeError: torch.fx finds that it is not well-formed.
    """
    idle = set() if program.module is None or tidy else _idle(program.module)
    module.graph.eliminate_dead_code(is_impure_node=lambda node: _impure(node) or node.name in idle)
    module.graph.lint()
    module.recompile()
    return program.described(module, passes=(*program.graph.passes, text))


def copied(module: fx.GraphModule) -> fx.GraphModule:
    """A module whose graph and containers are its own; its tensors are shared."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    return fx.GraphModule(module, graph)


def remove_dropout(module: fx.GraphModule) -> fx.GraphModule:
    """Every dropout gives way to its input; fused attention drops nothing."""
    for node in list(module.graph.nodes):
        if operator(node) in DROPOUTS:
            node.replace_all_uses_with(node.all_input_nodes[0])
            module.graph.erase_node(node)
    switch_off(module)
    return module


def switch_off(module: fx.GraphModule) -> int:
    """Puts operators that behave otherwise in training into evaluation; returns how many."""
    switched = 0
    for node in module.graph.nodes:
        for place, argument, value in _settings(node):
            off = {"train": False, "training": False, "dropout_p": 0.0}.get(argument)
            if off is not None and value:
                if place is None:
                    node.update_kwarg(argument, off)
                else:
                    node.update_arg(place, off)
                switched += 1
    return switched


def fold_constants(module: fx.GraphModule) -> fx.GraphModule:
    """What depends on weights, buffers and fixed numbers alone becomes a buffer."""
    values: dict[fx.Node, Any] = {}
    for node in list(module.graph.nodes):
        if node.op == "get_attr":
            values[node] = _get(module, str(node.target))
        elif _constant(node, values):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            with torch.no_grad():
                values[node] = node.target(*args, **kwargs)
    kept = {node for node in values if node.op != "get_attr" and any(user not in values for user in node.users)}
    for node in [one for one in module.graph.nodes if one in kept and isinstance(values[one], Tensor)]:
        path = join(_place(node), f"folded_{node.name}")
        _put(module, path, values[node].clone())
        with module.graph.inserting_before(node):
            held = module.graph.get_attr(path)
        held.meta = dict(node.meta)
        node.replace_all_uses_with(held)
    return module


def merge_duplicates(module: fx.GraphModule) -> fx.GraphModule:
    """Nodes that compute the same from the same become one; what draws random numbers is left alone."""
    random = {node.target for node in module.graph.nodes if _random(node)}
    result = CSEPass(banned_ops=get_CSE_banned_ops() | random)(module)
    assert result is not None
    merged: fx.GraphModule = result.graph_module
    return merged


def remove_no_ops(module: fx.GraphModule) -> fx.GraphModule:
    """Views, casts and copies whose output is what their input was, and checks that always hold, are taken out."""
    for node in list(module.graph.nodes):
        if operator(node) in CHECKS:
            module.graph.erase_node(node)
        elif operator(node) in RESHAPING and (first := node.all_input_nodes) and _same(first[0], node):
            node.replace_all_uses_with(first[0])
    return module


def quantize_linear(module: fx.GraphModule, spec: str, pattern: str = "*") -> fx.GraphModule:
    """A quantised layer, its format fitted to the weight, for each `linear` whose module fits the pattern."""
    number_format = parse(spec)
    linears = [node for node in module.graph.nodes if operator(node) == "linear" and node.op == "call_function"]
    paths = [_place(node) for node in linears]
    chosen = [
        node for node, path in zip(linears, paths, strict=True) if fnmatchcase(path, pattern) or fits(path, pattern)
    ]
    if not chosen:
        raise no_match(paths, pattern)
    for node in chosen:
        x, weight, *bias = node.args
        assert isinstance(weight, fx.Node)
        layer = _linear(_get(module, str(weight.target)), _get(module, str(bias[0].target)) if bias else None)
        quantized = quantized_layer(layer, number_format.fit(layer.weight)).eval()
        path = join(_place(node), "quantized")
        module.add_submodule(path, quantized)
        with module.graph.inserting_before(node):
            call = module.graph.create_node("call_module", path, (x,), name=f"{node.name}_quantized")
        call.meta = {**node.meta, "operator": "linear"}
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
    return module


TRANSFORMS: Mapping[str, Callable[..., fx.GraphModule]] = {
    "remove_dropout": remove_dropout,
    "fold_constants": fold_constants,
    "merge_duplicates": merge_duplicates,
    "remove_no_ops": remove_no_ops,
    "quantize_linear": quantize_linear,
}


def operator(node: fx.Node) -> str:
    """The short name of what a node calls; empty where it calls no operator of torch's."""
    schema = getattr(node.target, "_schema", None)
    return "" if schema is None else str(schema.name.partition("::")[2])


def _settings(node: fx.Node) -> Iterator[tuple[int | None, str, Any]]:
    schema = getattr(node.target, "_schema", None)
    if schema is not None:
        for place, (argument, value) in enumerate(zip(schema.arguments, node.args, strict=False)):
            yield place, argument.name, value
        for name, value in node.kwargs.items():
            yield None, name, value


def _constant(node: fx.Node, values: Mapping[fx.Node, Any]) -> bool:
    known = all(one in values for one in node.all_input_nodes)
    return node.op == "call_function" and bool(operator(node)) and known and not _random(node) and not _impure(node)


def _random(node: fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _impure(node: fx.Node) -> bool:
    """What may not be left out though nobody uses it: the ends of the graph, checks, and what writes in place."""
    schema = getattr(node.target, "_schema", None)
    writes = schema is not None and any(
        one.alias_info is not None and one.alias_info.is_write for one in schema.arguments
    )
    return node.op in ("placeholder", "output") or operator(node) in CHECKS or writes


def _idle(module: fx.GraphModule) -> set[str]:
    """What nobody uses, directly or through others that nobody uses."""
    idle: set[str] = set()
    for node in reversed(module.graph.nodes):
        if not _impure(node) and all(user.name in idle for user in node.users):
            idle.add(node.name)
    return idle


def _same(before: fx.Node, after: fx.Node) -> bool:
    one, other = before.meta.get("val"), after.meta.get("val")
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return False
    alike = (str(one.shape), str(one.stride()), one.dtype, one.device)
    return alike == (str(other.shape), str(other.stride()), other.dtype, other.device)


def _place(node: fx.Node) -> str:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]).partition("@")[0] if stack else ""


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    layer.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return layer


def _get(module: nn.Module, path: str) -> Any:
    parent, _, name = path.rpartition(".")
    return getattr(module.get_submodule(parent), name)


def _put(module: fx.GraphModule, path: str, value: Tensor) -> None:
    """Puts a tensor at a path, making the containers on the way."""
    parent, _, name = path.rpartition(".")
    if parent and not _has(module, parent):
        module.add_submodule(parent, nn.Module())
    holder = module.get_submodule(parent)
    if name in holder._parameters and not isinstance(value, nn.Parameter):
        del holder._parameters[name]
    if isinstance(value, nn.Parameter):
        holder.register_parameter(name, value)
    elif name in holder._buffers:
        holder._buffers[name] = value
    else:
        holder.register_buffer(name, value)


def _has(module: nn.Module, path: str) -> bool:
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True
