"""What happens where a node is erased while others use it, and how it is done right."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import fx

from engine.errors import InputError
from engine.graph.capture import Program
from engine.graph.transforms import copied, finished, with_weights

Edges = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """`error` is what torch.fx said to the first attempt, word for word; empty where it let the node go.

    `replacement` takes the node's place; where there is none, `problem` says why. `before` are the edges at the node,
    `after` those that take their place, as (from, to).
    """

    node: str
    error: str
    users: tuple[str, ...]
    before: Edges
    after: Edges = ()
    replacement: str = ""
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def try_erase(program: Program, name: str) -> tuple[Erased, Program | None]:
    """Erases a node as it stands, then with its users rewired to the input of the same shape and type.

    Returns the report, and the program without the node; None where nothing can take its place.

    Raises:
        InputError: there is no such node, or it is an input or output of the graph.
    """
    ready = with_weights(program)
    assert ready.module is not None
    error = _attempt(ready.module, name)
    module = copied(ready.module)
    node = _found(module, name)
    users = tuple(user.name for user in node.users)
    before = _edges(node)
    if not error:
        module.graph.erase_node(node)
        return Erased(name, "", users, before), finished(ready, module, f"erase({name})")
    described = ready.graph.by_name
    alike = [
        one
        for one in node.all_input_nodes
        if (described[one.name].shape, described[one.name].dtype) == (described[name].shape, described[name].dtype)
    ]
    if not alike:
        shape = described[name].shape_text or "no tensor"
        problem = (
            f"No input of {name} has its shape and type ({shape}, {described[name].dtype}): nothing can take its place."
        )
        return Erased(name, error, users, before, problem=problem), None
    taking = alike[0].name
    node.replace_all_uses_with(alike[0])
    module.graph.erase_node(node)
    report = Erased(name, error, users, before, tuple((taking, user) for user in users), taking)
    return report, finished(ready, module, f"erase({name})")


def _attempt(module: fx.GraphModule, name: str) -> str:
    """What torch.fx says to erasing a node whose users are still there."""
    trial = copied(module)
    node = _found(trial, name)
    try:
        trial.graph.erase_node(node)
    except RuntimeError as error:
        return str(error)
    return ""


def _found(module: fx.GraphModule, name: str) -> fx.Node:
    node: fx.Node | None = next((node for node in module.graph.nodes if node.name == name), None)
    if node is None:
        raise InputError(f"there is no node {name} in this graph.")
    if node.op in ("placeholder", "output"):
        raise InputError(
            f"{name} is an {'output' if node.op == 'output' else 'input'} of the graph; choose an operator."
        )
    return node


def _edges(node: fx.Node) -> Edges:
    ins = ((one.name, node.name) for one in node.all_input_nodes)
    return (*ins, *((node.name, user.name) for user in node.users))
