"""A graph as a tree of modules, with what lies below summed up at each level."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.graph.record import Graph, Node

OWN = "/own"


@dataclass(slots=True)
class Totals:
    """Sums over operators and weights; bytes of weights and of outputs apart."""

    operators: int = 0
    parameters: int = 0
    weight_bytes: int = 0
    output_bytes: int = 0
    flops: int = 0

    def add(self, node: Node) -> None:
        """Counts a node."""
        self.operators += node.kind == "operator"
        self.parameters += node.parameters
        self.weight_bytes += node.weight_bytes
        self.output_bytes += node.output_bytes
        self.flops += node.flops


@dataclass(slots=True)
class Branch:
    """A module: its own nodes and the modules below it, in the order in which they run; what never runs comes last."""

    path: str
    name: str
    kind: str
    parent: "Branch | None" = None
    entries: "list[Branch | Node]" = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)

    @property
    def branches(self) -> "Iterator[Branch]":
        """The modules directly below."""
        return (entry for entry in self.entries if isinstance(entry, Branch))

    def walk(self) -> "Iterator[Branch]":
        """The module and all below it, parents first."""
        yield self
        for branch in self.branches:
            yield from branch.walk()


def grow(graph: Graph, keep: Callable[[Node], bool] | None = None) -> Branch:
    """The tree of a graph, or of those of its nodes that `keep` wants: then without modules that hold none of them."""
    root = Branch("", graph.model, graph.model)
    made = {"": root}

    def branch(path: str) -> Branch:
        if path not in made:
            above, _, name = path.rpartition(".")
            parent = branch(above)
            made[path] = Branch(path, name, graph.modules.get(path, ""), parent)
            parent.entries.append(made[path])
        return made[path]

    if keep is None:
        for path in graph.modules:
            branch(path)
    for node in graph.nodes:
        if keep is None or keep(node):
            holder: Branch | None = branch(node.module)
            assert holder is not None
            holder.entries.append(node)
            while holder is not None:
                holder.totals.add(node)
                holder = holder.parent
    _order(root, graph)
    return root


def gather(branch: Branch, limit: int = 6) -> Branch:
    """Puts the operators that stand between modules, where there are more than `limit`, into a branch of their own.

    Its path is that of the module and `OWN`; it stands where the first of them runs. The tree is changed in place.
    """
    for below in list(branch.branches):
        gather(below, limit)
    loose = [entry for entry in branch.entries if isinstance(entry, Node) and entry.kind == "operator"]
    if len(loose) > limit and any(True for _ in branch.branches):
        own = Branch(branch.path + OWN, f"{len(loose)} operators of its own", "", branch, list(loose))
        for node in loose:
            own.totals.add(node)
        names = {node.name for node in loose}
        place = next(place for place, entry in enumerate(branch.entries) if entry is loose[0])
        rest = [entry for entry in branch.entries[place:] if isinstance(entry, Branch) or entry.name not in names]
        branch.entries = [*branch.entries[:place], own, *rest]
    return branch


def _order(branch: Branch, graph: Graph) -> int:
    """Sorts by first execution and returns where the branch's own begins; after the last node where it never runs."""
    starts = [
        _order(entry, graph) if isinstance(entry, Branch) else graph.places[entry.name] for entry in branch.entries
    ]
    ranks = [_rank(entry) for entry in branch.entries]
    order = sorted(range(len(starts)), key=lambda place: (ranks[place], starts[place]))
    branch.entries = [branch.entries[place] for place in order]
    return min((start for start, rank in zip(starts, ranks, strict=True) if rank == 1), default=len(graph.nodes))


def _rank(entry: Branch | Node) -> int:
    """Inputs and weights stand before what computes, the output after it."""
    if isinstance(entry, Branch):
        return 1
    return {"input": 0, "weight": 0, "buffer": 0, "operator": 1, "output": 2}[entry.kind]
