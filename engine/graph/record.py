"""The plain description of a captured model: what screens, tables, files and diffs are made from. No torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

Kind = Literal["input", "weight", "buffer", "operator", "output"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a graph.

    `operator` is its short name (`linear`), `target` the full one (`aten.linear.default`), `settings` its arguments
    that are no tensors. `shape` holds numbers and the names of dynamic dimensions; None where the value is no tensor.
    What depends on sizes holds for the graph's `sizes`: `output_bytes` (0 for a view of memory that is there already)
    and `flops`. `parameters` and `weight_bytes` count what the node itself holds. `low` and `high` bound a weight's
    values once they have been read. `source` is file and line in the model's code, `code` that line.
    """

    name: str
    kind: Kind
    operator: str
    target: str = ""
    module: str = ""
    inputs: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    shape: tuple[str, ...] | None = None
    dtype: str = ""
    output_bytes: int = 0
    parameters: int = 0
    weight_bytes: int = 0
    flops: int = 0
    source: str = ""
    code: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def shape_text(self) -> str:
        """`batch×sequence×128`; empty for what is no tensor."""
        return "" if self.shape is None else "×".join(self.shape) or "scalar"


@dataclass(frozen=True)
class Graph:
    """A captured model.

    `title` is what the user called it, `model` its class, `modules` the class of every module by path, called or not
    (the root is ""), `attention` the implementation that it computes attention with. `sizes` are the dimensions that
    bytes and FLOPs were worked out for, `passes` what has been done to it since it was captured. Where it could not be
    captured, `problem` is the reason in a sentence and `nodes` holds its weights alone.
    """

    title: str
    model: str
    inputs: tuple[str, ...]
    mode: Literal["train", "eval"]
    nodes: tuple[Node, ...]
    modules: Mapping[str, str]
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    attention: str = ""
    problem: str = ""

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each node stands in the order of execution."""
        return {node.name: place for place, node in enumerate(self.nodes)}

    @cached_property
    def operators(self) -> tuple[Node, ...]:
        """The nodes that compute."""
        return tuple(node for node in self.nodes if node.kind == "operator")

    @property
    def heading(self) -> str:
        """The captured thing in a few words: `builtin(input_ids, labels) eval eager remove_dropout`."""
        unusual = [word for word, usual in ((self.mode, "train"), (self.attention, "sdpa")) if word not in ("", usual)]
        return " ".join((f"{self.title}({', '.join(self.inputs)})", *unusual, *self.passes))

    def inside(self, module: str) -> Iterator[Node]:
        """The nodes of a module and of all below it."""
        return (node for node in self.nodes if within(node.module, module))

    def as_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` takes them back."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        nodes = [
            {name: getattr(node, name) for name in _NODE if getattr(node, name) != _EMPTY[name]} for node in self.nodes
        ]
        return plain | {"modules": dict(self.modules), "sizes": dict(self.sizes), "nodes": nodes}


_NODE = tuple(one.name for one in fields(Node))
_EMPTY = {one.name: one.default for one in fields(Node)}


def from_dict(values: Mapping[str, Any]) -> Graph:
    """The graph that `as_dict` wrote, through JSON or not."""
    plain: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key != "nodes"
    }
    return Graph(**plain, nodes=tuple(_node(one) for one in values["nodes"]))


def _node(values: Mapping[str, Any]) -> Node:
    plain: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in values.items()}
    if "settings" in plain:
        plain["settings"] = tuple((name, text) for name, text in plain["settings"])
    return Node(**plain)


def within(path: str, module: str) -> bool:
    """Whether a module path is `module` or below it; "" is above all."""
    return not module or path == module or path.startswith(f"{module}.")


def lineage(path: str) -> list[str]:
    """A module and all above it, the root first: "", `bert`, `bert.encoder`."""
    parts = path.split(".") if path else []
    return ["", *(".".join(parts[:end]) for end in range(1, len(parts) + 1))]


def join(path: str, name: str) -> str:
    """A path one level down."""
    return f"{path}.{name}" if path else name
