"""Two captures side by side: which nodes are the same, which changed, which are in one alone."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, Literal

from engine.graph.record import Graph, Node

Change = Literal["same", "changed", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A node of the left graph and the one of the right that stands in its place; None where there is none."""

    left: Node | None
    right: Node | None
    changes: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """What became of the node."""
        if self.left is None:
            return "added"
        if self.right is None:
            return "removed"
        return "changed" if self.changes else "same"

    @property
    def node(self) -> Node:
        """The one that is there, the right one where both are."""
        node = self.right or self.left
        assert node is not None
        return node


@dataclass(frozen=True)
class Diff:
    """Pairs by module, in the order of the modules; within one in the order of execution."""

    left: Graph
    right: Graph
    pairs: tuple[Pair, ...]

    @cached_property
    def partners(self) -> dict[str, str]:
        """The right node's name by the left's."""
        return {pair.left.name: pair.right.name for pair in self.pairs if pair.left and pair.right}

    def of(self, change: Change) -> Iterator[Pair]:
        """The pairs with this change."""
        return (pair for pair in self.pairs if pair.change == change)

    def rows(self) -> list[dict[str, Any]]:
        """What differs, a row a pair."""
        return [
            {
                "module": pair.node.module,
                "change": pair.change,
                "operator": pair.node.operator,
                "left": pair.left.name if pair.left else None,
                "right": pair.right.name if pair.right else None,
                "what": "; ".join(pair.changes) or pair.node.shape_text,
            }
            for pair in self.pairs
            if pair.change != "same"
        ]

    def by_module(self) -> list[dict[str, Any]]:
        """How many nodes of each module that differs stayed, changed, went and came."""
        counts: defaultdict[str, dict[str, int]] = defaultdict(
            lambda: dict.fromkeys(("same", "changed", "removed", "added"), 0)
        )
        for pair in self.pairs:
            counts[pair.node.module][pair.change] += 1
        return [
            {"module": module, **found}
            for module, found in counts.items()
            if found["changed"] or found["removed"] or found["added"]
        ]


def compare(left: Graph, right: Graph) -> Diff:
    """The difference from `left` to `right`. Nodes are matched within their module, in order, by what they do."""
    ours, theirs = _by_module(left), _by_module(right)
    order = dict.fromkeys((*left.modules, *ours, *right.modules, *theirs))
    matched = [pair for module in order for pair in _match(ours.get(module, []), theirs.get(module, []))]
    partners = {one.name: other.name for one, other in matched if one and other}
    return Diff(left, right, tuple(Pair(one, other, _changes(one, other, partners)) for one, other in matched))


def _by_module(graph: Graph) -> dict[str, list[Node]]:
    found: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        found[node.module].append(node)
    return found


Matched = tuple[Node | None, Node | None]


def _match(left: Sequence[Node], right: Sequence[Node]) -> list[Matched]:
    """First what is exactly alike; in the gaps between, what has the same operator."""

    def exact(node: Node) -> Any:
        return _token(node), node.shape, node.dtype, node.settings

    return list(_aligned(left, right, [exact, _token]))


def _token(node: Node) -> tuple[str, str]:
    """What a node does; inputs and weights by their name."""
    return node.operator, "" if node.kind == "operator" else node.target


def _aligned(left: Sequence[Node], right: Sequence[Node], keys: Sequence[Callable[[Node], Any]]) -> Iterator[Matched]:
    if not keys:
        yield from ((node, None) for node in left)
        yield from ((None, node) for node in right)
        return
    ours, theirs = ([keys[0](node) for node in side] for side in (left, right))
    for what, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if what == "equal":
            yield from zip(left[a:b], right[c:d], strict=True)
        else:
            yield from _aligned(left[a:b], right[c:d], keys[1:])


def _changes(left: Node | None, right: Node | None, partners: dict[str, str]) -> tuple[str, ...]:
    if left is None or right is None:
        return ()
    found = [
        f"{name} {before or 'none'} → {after or 'none'}"
        for name, before, after in (
            ("shape", left.shape_text, right.shape_text),
            ("type", left.dtype, right.dtype),
            ("operator", left.target, right.target),
        )
        if before != after
    ]
    before, after = dict(left.settings), dict(right.settings)
    found += [
        f"{name} {before.get(name, 'unset')} → {after.get(name, 'unset')}"
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]
    came = [name for name in right.inputs if name not in {partners.get(one) for one in left.inputs}]
    went = [name for name in left.inputs if partners.get(name) not in right.inputs]
    if came or went:
        found.append(f"takes {', '.join(came) or 'nothing'} in place of {', '.join(went) or 'nothing'}")
    return tuple(found)
