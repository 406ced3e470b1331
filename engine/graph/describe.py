"""From a torch.fx program to its plain description."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import sympy
import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensor

from engine.compress import QuantizedLinear
from engine.graph.flops import COUNTED, Sized, flops
from engine.graph.record import Kind, Node

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in [^\n]*\n[ ]*([^\n]*)')
_LIBRARY = re.compile(r"[/\\]torch[/\\]")
_KINDS: Mapping[str, Kind] = {"placeholder": "input", "output": "output", "get_attr": "weight"}


class Sizes:
    """The symbols of a program: what each is called, and its number at the sizes that costs are worked out for."""

    def __init__(self, names: Mapping[sympy.Symbol, str], sizes: Mapping[str, int]) -> None:
        self.names = names
        self._numbers = {symbol: sympy.Integer(sizes[name]) for symbol, name in names.items() if name in sizes}
        self._known: dict[Any, tuple[int, str]] = {}

    def number(self, size: Any) -> int:
        """A dimension as a number."""
        return size if isinstance(size, int) else self._both(size)[0]

    def name(self, size: Any) -> str:
        """A dimension as a reader knows it: `batch`, `2*sequence`, `128`."""
        return str(size) if isinstance(size, int) else self._both(size)[1]

    def _both(self, size: torch.SymInt) -> tuple[int, str]:
        expression = size.node.expr
        if expression not in self._known:
            value = sympy.sympify(expression.xreplace(self._numbers))
            number = int(value) if value.is_number else int(size.node.hint or 1)
            text = str(expression.xreplace({symbol: sympy.Symbol(name) for symbol, name in self.names.items()}))
            self._known[expression] = number, text.replace(" ", "")
        return self._known[expression]


def describe(module: fx.GraphModule, sizes: Sizes) -> tuple[Node, ...]:
    """A description of every node, in the order of execution. A tied weight is counted where it is first used."""
    counted: set[int] = set()
    return tuple(_node(module, node, sizes, counted) for node in module.graph.nodes)


def _node(module: fx.GraphModule, node: fx.Node, sizes: Sizes, counted: set[int]) -> Node:
    value = node.meta.get("val")
    operator, target = _names(module, node)
    kind: Kind = _KINDS.get(node.op, "operator")
    held: list[Tensor] = []
    low = high = None
    weight_bytes = 0.0
    if node.op == "get_attr":
        tensor = _attribute(module, str(node.target))
        kind = "weight" if isinstance(tensor, nn.Parameter) else "buffer"
        operator = kind
        if isinstance(tensor, Tensor):
            value = tensor if value is None else value
            if id(tensor) not in counted:
                held = [tensor]
                weight_bytes = tensor.numel() * tensor.element_size()
                counted.add(id(tensor))
            low, high = _range(tensor) if kind == "weight" else (None, None)
    elif node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        held = list(layer.parameters())
        weight_bytes = _layer_bytes(layer)
    tensors = [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, Tensor)]
    first = tensors[0] if tensors else None
    costs = kind in ("operator", "input") and not _is_view(node)
    source, code = _place(node.meta.get("stack_trace") or "")
    return Node(
        name=node.name,
        kind=kind,
        operator=operator,
        target=target,
        module=_module(node),
        inputs=tuple(one.name for one in node.all_input_nodes),
        users=tuple(one.name for one in node.users),
        settings=_settings(module, node, sizes),
        shape=None if first is None else tuple(sizes.name(size) for size in first.shape),
        dtype="" if first is None else str(first.dtype).removeprefix("torch."),
        output_bytes=sum(_elements(one, sizes) * one.element_size() for one in tensors) if costs else 0,
        parameters=sum(one.numel() for one in held) if kind != "buffer" else 0,
        weight_bytes=round(weight_bytes),
        flops=_flops(module, node, operator, sizes),
        source=source,
        code=code,
        low=low,
        high=high,
    )


def _names(module: fx.GraphModule, node: fx.Node) -> tuple[str, str]:
    """The operator's short and full name."""
    if node.op == "call_function":
        target: Any = node.target
        if isinstance(target, torch._ops.OpOverload):
            return target._schema.name.partition("::")[2], str(target)
        return getattr(target, "__name__", str(target)), str(getattr(target, "__name__", target))
    if node.op == "call_module":
        return str(node.meta.get("operator", "module")), type(module.get_submodule(str(node.target))).__name__
    return _KINDS[node.op], str(node.target)


def _range(tensor: Tensor) -> tuple[float, float] | tuple[None, None]:
    """The smallest and largest value; none of a tensor without values."""
    if isinstance(tensor, FakeTensor) or tensor.is_meta or not tensor.numel() or not tensor.is_floating_point():
        return None, None
    low, high = torch.aminmax(tensor.detach())
    return float(low), float(high)


def _attribute(module: nn.Module, path: str) -> Any:
    parent, _, name = path.rpartition(".")
    return getattr(module.get_submodule(parent), name, None)


def _module(node: fx.Node) -> str:
    if node.op == "get_attr":
        return str(node.target).rpartition(".")[0]
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if not path.startswith("_empty_nn")]
    return re.sub(r"@\d+$", "", stack[-1]) if stack else ""  # a second call of one module is marked @1


def _place(trace: str) -> tuple[str, str]:
    """The innermost line of the model's own code, else of torch's; and the code there."""
    frames = _FRAME.findall(trace)
    if not frames:
        return "", ""
    own = [frame for frame in frames if not _LIBRARY.search(frame[0])]
    file, line, code = (own or frames)[-1]
    if code and not own:
        code = ""
    parts = PurePath(file).parts
    short = parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else parts[-1:]
    return f"{'/'.join(short)}:{line}", code.strip()


def _settings(module: fx.GraphModule, node: fx.Node, sizes: Sizes) -> tuple[tuple[str, str], ...]:
    """The arguments that are no tensors, by the names of the operator's schema; sizes by the names of dimensions."""
    if node.op == "output":
        return ()
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        return (("weight", str(layer.weight_format.format)),) if isinstance(layer, QuantizedLinear) else ()

    def text(value: Any) -> str:
        if isinstance(value, fx.Node):
            held = value.meta.get("val")
            return sizes.name(held) if isinstance(held, torch.SymInt) else value.name
        return f"[{', '.join(map(text, value))}]" if isinstance(value, list | tuple) else str(value)

    def plain(value: Any) -> bool:
        tensor = isinstance(value, fx.Node) and not isinstance(value.meta.get("val"), torch.SymInt)
        nodes = isinstance(value, list | tuple) and any(isinstance(one, fx.Node) and not plain(one) for one in value)
        return value is not None and not tensor and not nodes

    schema = getattr(node.target, "_schema", None)
    names = [argument.name for argument in schema.arguments] if schema is not None else []
    given = [(names[place] if place < len(names) else str(place), value) for place, value in enumerate(node.args)]
    return tuple((name, text(value)) for name, value in (*given, *node.kwargs.items()) if plain(value))


def _is_view(node: fx.Node) -> bool:
    """Whether the output is (or may be) the input's own memory: the operator's schema says so."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(one.alias_info is not None for one in schema.returns)


def _elements(tensor: Tensor, sizes: Sizes) -> int:
    count = 1
    for size in tensor.shape:
        count *= sizes.number(size)
    return count


def _flops(module: fx.GraphModule, node: fx.Node, operator: str, sizes: Sizes) -> int:
    if operator not in COUNTED:
        return 0

    def plain(value: Any) -> Any:
        if isinstance(value, fx.Node):
            value = value.meta.get("val")
        if isinstance(value, Tensor):
            return Sized(tuple(sizes.number(size) for size in value.shape), value.dtype)
        if isinstance(value, torch.SymInt):
            return sizes.number(value)
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    if node.op == "call_module":
        layer: Any = module.get_submodule(str(node.target))
        return flops(operator, torch.ops.aten.linear.default, plain([node.args[0], layer.weight, layer.bias]), {})
    assert callable(node.target)
    return flops(operator, node.target, plain(node.args), {name: plain(one) for name, one in node.kwargs.items()})


def _layer_bytes(layer: nn.Module) -> float:
    """Bytes of a layer's parameters as they would be packed: bits per weight of its formats."""
    if not isinstance(layer, QuantizedLinear):
        return float(sum(one.numel() * one.element_size() for one in layer.parameters()))
    bits = layer.weight.numel() * layer.weight_format.format.bits_per_element
    if layer.bias is not None:
        bits += layer.bias.numel() * (layer.bias_format.format.bits_per_element if layer.bias_format else 32)
    return bits / 8
