"""Why two captures differ: reasons worked out from the graphs; `words.py` puts them into sentences."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from engine.graph.diff import Diff
from engine.graph.reasons import (
    Added,
    Alone,
    InPlace,
    Kinds,
    NoLoss,
    NotNeeded,
    Origin,
    OtherMode,
    Reason,
    Removed,
    Same,
    Setting,
    SizesFrom,
    Totals,
)
from engine.graph.record import Graph, Node, within

RESHAPES = frozenset({"view", "reshape", "flatten", "squeeze", "unsqueeze", "_unsafe_view"})


def explain(diff: Diff) -> list[Reason]:
    """What the difference comes from, the broad first."""
    return [reason for rule in RULES for reason in rule(diff)]


def _totals(diff: Diff) -> Iterable[Reason]:
    counts = Counter(pair.change for pair in diff.pairs)
    if counts.keys() <= {"same"}:
        yield Same(counts["same"])
        return
    changes = counts["same"], counts["changed"], counts["removed"], counts["added"]
    yield Totals(diff.left.heading, diff.right.heading, *changes)


def _models(diff: Diff) -> Iterable[Reason]:
    """Modules that one alone has: each named once, without what is below it."""
    for ours, theirs in ((diff.left, diff.right), (diff.right, diff.left)):
        alone = [path for path in ours.modules if path not in theirs.modules]
        tops = [path for path in alone if path.rpartition(".")[0] not in alone]
        if tops:
            parameters = sum(node.parameters for node in ours.nodes if any(within(node.module, path) for path in tops))
            yield Alone(ours.heading, tuple(tops), parameters)


def _inputs(diff: Diff) -> Iterable[Reason]:
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


def _without(name: str, having: Graph, lacking: Graph, sides: _Sides) -> Iterable[Reason]:
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
        reshaped = tuple((node.name, node.inputs[0]) for node in reshapes if node.inputs)
        yield NoLoss(name, loss.name, reshaped, _outputs(having), _outputs(lacking))
    if nodes and not losses:
        yield NotNeeded(name, _kinds(nodes))
    for one, other in sides.both:
        went = [source for source in one.inputs if source in gone and name in sources.value[source]]
        came = [source for source in other.inputs if source not in {sides.partners.get(s) for s in one.inputs}]
        if one.kind == "operator" and one.operator != "sym_size" and went and came:
            reaches = _kinds(_reached(lacking, other))
            yield InPlace(name, tuple(went), other.name, came[0], others.origin(came[0]), reaches)
    sized = [(one, other) for one, other in sides.both if one.operator == "sym_size" and one.inputs == (name,)]
    if sized:
        yield SizesFrom(name, tuple(dict.fromkeys(source for _, other in sized for source in other.inputs)))


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

    def origin(self, name: str) -> Origin:
        """Where a node's value comes from."""
        return Origin(tuple(sorted(self.value[name])), tuple(sorted(self.size[name])))


def _passes(diff: Diff) -> Iterable[Reason]:
    """What a pass took out or changed: operators that went and came, and settings that are not what they were."""
    if diff.left.inputs != diff.right.inputs or diff.left.title != diff.right.title:
        return
    if diff.left.mode != diff.right.mode:
        yield OtherMode(diff.left.mode, diff.right.mode)
    went = [pair.left for pair in diff.of("removed") if pair.left and pair.left.kind == "operator"]
    came = [pair.right for pair in diff.of("added") if pair.right and pair.right.kind == "operator"]
    if went:
        yield Removed(_kinds(went), _moved(diff, went))
    if came:
        yield Added(_kinds(came))


def _moved(diff: Diff, went: list[Node]) -> int:
    """How many of the users of what went now take its input instead."""
    users = {user for node in went for user in node.users}
    return sum(1 for pair in diff.of("changed") if pair.left and pair.left.name in users)


def _settings(diff: Diff) -> Iterable[Reason]:
    groups: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for pair in diff.of("changed"):
        assert pair.right is not None
        for change in pair.changes:
            if " → " in change:
                groups[pair.right.operator, change].append(pair.right)
    for (operator, change), nodes in groups.items():
        yield Setting(operator, change, tuple(node.name for node in nodes))


RULES: tuple[Callable[[Diff], Iterable[Reason]], ...] = (_totals, _models, _inputs, _passes, _settings)
"""Each gives the reasons that it finds grounds for; a new one is a function and a name here."""


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


def _kinds(nodes: Iterable[Node]) -> Kinds:
    return tuple(Counter(node.operator for node in nodes).most_common())
