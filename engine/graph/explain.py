"""Why two captures differ: sentences worked out from the graphs, each naming the nodes it speaks of."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from engine.graph.diff import Diff
from engine.graph.record import Graph, Node, within

RESHAPES = frozenset({"view", "reshape", "flatten", "squeeze", "unsqueeze", "_unsafe_view"})
NAMED = 4


def explain(diff: Diff) -> list[str]:
    """What the difference comes from, the broad first."""
    return [sentence for rule in RULES for sentence in rule(diff)]


def _totals(diff: Diff) -> Iterable[str]:
    counts = Counter(pair.change for pair in diff.pairs)
    if counts.keys() <= {"same"}:
        yield f"Both graphs are the same: {counts['same']:,} nodes."
        return
    yield (
        f"{counts['same']:,} nodes are the same, {counts['changed']:,} changed, {counts['removed']:,} are only in "
        f"{diff.left.heading}, {counts['added']:,} only in {diff.right.heading}."
    )


def _models(diff: Diff) -> Iterable[str]:
    """Modules that one alone has: each named once, without what is below it."""
    for ours, theirs in ((diff.left, diff.right), (diff.right, diff.left)):
        alone = [path for path in ours.modules if path not in theirs.modules]
        tops = [path for path in alone if path.rpartition(".")[0] not in alone]
        if tops:
            parameters = sum(node.parameters for node in ours.nodes if any(within(node.module, path) for path in tops))
            yield f"Only {ours.heading} has {_listed(tops)}, with {parameters:,} parameters."


def _inputs(diff: Diff) -> Iterable[str]:
    for having, lacking, flipped in ((diff.left, diff.right, False), (diff.right, diff.left, True)):
        for name in having.inputs:
            if name not in lacking.inputs:
                yield from _without(name, having, lacking, _Sides(diff, flipped))


class _Sides:
    """A diff seen from the graph that has an input (`having`) to the one that lacks it."""

    def __init__(self, diff: Diff, flipped: bool) -> None:
        pairs = [(pair.right, pair.left) if flipped else (pair.left, pair.right) for pair in diff.pairs]
        self.alone = {one.name: one for one, other in pairs if one and other is None}
        self.both = [(one, other) for one, other in pairs if one and other]
        self.partners = {one.name: other.name for one, other in self.both}


def _without(name: str, having: Graph, lacking: Graph, sides: _Sides) -> Iterable[str]:
    """What goes with an input, and what comes in its place."""
    sources, others = Sources(having), Sources(lacking)
    gone = _spread(name, having, sides)
    while more := {
        one for one, node in sides.alone.items() if one not in gone and node.users and gone.issuperset(node.users)
    }:
        gone |= more  # what was computed for these alone
    nodes = [having.by_name[one] for one in gone if having.by_name[one].kind == "operator"]
    losses = [node for node in nodes if node.operator.endswith("loss")]
    for loss in losses:
        reshapes = [
            having.by_name[one] for one in loss.inputs if one in gone and having.by_name[one].operator in RESHAPES
        ]
        before = _outputs(having), _outputs(lacking)
        of = ", ".join(f"{node.name} of {node.inputs[0]}" for node in reshapes if node.inputs)
        reshaping = f" and the {_count(len(reshapes), 'reshape')} before it ({of})" if reshapes else ""
        are = "are" if reshapes else "is"
        yield (
            f"Without {name} there is no loss: {loss.name}{reshaping} {are} gone, "
            f"and the model gives {_count(before[1], 'output')} in place of {before[0]}."
        )
    if nodes and not losses:
        yield f"Without {name} {_count(len(nodes), 'operator')} that need it are gone: {_kinds(nodes)}."
    for one, other in sides.both:
        went = [source for source in one.inputs if source in gone and name in sources.value[source]]
        came = [source for source in other.inputs if source not in {sides.partners.get(s) for s in one.inputs}]
        if one.kind == "operator" and one.operator != "sym_size" and went and came:
            reaches = _reached(lacking, other)
            to = f", for {_kinds(reaches)}" if reaches else ""
            taken = f"{other.name} takes {came[0]}, {others.origin(came[0])}{to}"
            yield f"In place of {', '.join(went)}, made from {name}, {taken}."
    sized = [(one, other) for one, other in sides.both if one.operator == "sym_size" and one.inputs == (name,)]
    if sized:
        read = ", ".join(dict.fromkeys(source for _, other in sized for source in other.inputs))
        yield f"The sizes of the inputs are read off {read} in place of {name}."


def _spread(name: str, having: Graph, sides: _Sides) -> set[str]:
    """The input and what is reached from it through nodes that the other graph lacks as well."""
    gone, waiting = {name}, [name]
    while waiting:
        more = {user for user in having.by_name[waiting.pop()].users if user in sides.alone} - gone
        gone |= more
        waiting += more
    return gone


class Sources:
    """Which inputs of the graph each node depends on, by their values and by their sizes alone."""

    def __init__(self, graph: Graph) -> None:
        self.value: dict[str, frozenset[str]] = {}
        self.size: dict[str, frozenset[str]] = {}
        nothing: frozenset[str] = frozenset()
        for node in graph.nodes:
            value = nothing.union(*(self.value[one] for one in node.inputs if one in self.value))
            size = nothing.union(*(self.size[one] for one in node.inputs if one in self.size))
            if node.operator == "sym_size":
                value, size = nothing, value | size
            self.value[node.name] = frozenset({node.name}) if node.kind == "input" else value
            self.size[node.name] = size

    def origin(self, name: str) -> str:
        """Where a node's value comes from, in words."""
        if self.value[name]:
            return f"made from {', '.join(sorted(self.value[name]))}"
        if self.size[name]:
            return f"built inside the model from the shape of {', '.join(sorted(self.size[name]))}"
        return "a constant"


def _passes(diff: Diff) -> Iterable[str]:
    """What a pass took out or changed: operators that went and came, and settings that are not what they were."""
    if diff.left.inputs != diff.right.inputs or diff.left.title != diff.right.title:
        return
    if diff.left.mode != diff.right.mode:
        yield f"The left graph was captured in {diff.left.mode} mode, the right in {diff.right.mode} mode."
    went = [pair.left for pair in diff.of("removed") if pair.left and pair.left.kind == "operator"]
    came = [pair.right for pair in diff.of("added") if pair.right and pair.right.kind == "operator"]
    if went:
        yield f"{_kinds(went)} {'is' if len(went) == 1 else 'are'} gone{_inherited(diff, went)}."
    if came:
        yield f"{_kinds(came)} {'is' if len(came) == 1 else 'are'} new."


def _inherited(diff: Diff, went: list[Node]) -> str:
    """How many of the users of what went now take its input instead."""
    users = {user for node in went for user in node.users}
    moved = sum(1 for pair in diff.of("changed") if pair.left and pair.left.name in users)
    if not moved:
        return ""
    them = "it" if len(went) == 1 else "them"
    return f"; {_count(moved, 'node')} that used {them} now {'takes' if moved == 1 else 'take'} what came before"


def _settings(diff: Diff) -> Iterable[str]:
    groups: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for pair in diff.of("changed"):
        assert pair.right is not None
        for change in pair.changes:
            if " → " in change:
                groups[pair.right.operator, change].append(pair.right)
    for (operator, change), nodes in groups.items():
        where = ", ".join(node.name for node in nodes[:NAMED]) + (", …" if len(nodes) > NAMED else "")
        yield f"In {len(nodes)} {operator} {change} ({where})."


RULES: tuple[Callable[[Diff], Iterable[str]], ...] = (_totals, _models, _inputs, _passes, _settings)
"""Each gives the sentences that it finds grounds for; a new one is a function and a name here."""


def _outputs(graph: Graph) -> int:
    return sum(len(node.inputs) for node in graph.nodes if node.kind == "output")


def _reached(graph: Graph, node: Node) -> list[Node]:
    """The attention operators that a node's value goes to, through whatever."""
    seen, waiting = {node.name}, [node.name]
    while waiting:
        for user in graph.by_name[waiting.pop()].users:
            if user not in seen:
                seen.add(user)
                if "attention" not in graph.by_name[user].operator:
                    waiting.append(user)
    return [one for one in graph.nodes if one.name in seen and "attention" in one.operator]


def _kinds(nodes: Iterable[Node]) -> str:
    """`6 dropout, 2 view`."""
    return ", ".join(f"{count} {name}" for name, count in Counter(node.operator for node in nodes).most_common())


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _listed(paths: list[str]) -> str:
    return ", ".join(paths[:NAMED]) + (f" and {len(paths) - NAMED} more" if len(paths) > NAMED else "")
