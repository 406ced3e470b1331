"""What a graph drops and why two differ, in sentences that name the nodes they speak of."""

from engine.graph.reasons import (
    Added,
    Alone,
    Dropouts,
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

NAMED = 4


def sentence(reason: Reason) -> str:
    """A reason in words."""
    match reason:
        case Dropouts():
            return _dropouts(reason)
        case Same(nodes):
            return f"Both graphs are the same: {nodes:,} nodes."
        case Totals(left, right, same, changed, removed, added):
            alone = f"{removed:,} are only in {left}, {added:,} only in {right}"
            return f"{same:,} nodes are the same, {changed:,} changed, {alone}."
        case Alone(graph, modules, parameters):
            more = f" and {len(modules) - NAMED} more" if len(modules) > NAMED else ""
            return f"Only {graph} has {', '.join(modules[:NAMED])}{more}, with {parameters:,} parameters."
        case NoLoss():
            return _no_loss(reason)
        case NotNeeded(name, operators):
            total = sum(count for _, count in operators)
            return f"Without {name} {_count(total, 'operator')} that need it are gone: {_kinds(operators)}."
        case InPlace():
            to = f", for {_kinds(reason.reaches)}" if reason.reaches else ""
            taken = f"{reason.node} takes {reason.takes}, {_origin(reason.origin)}{to}"
            return f"In place of {', '.join(reason.before)}, made from {reason.input}, {taken}."
        case SizesFrom(name, sources):
            return f"The sizes of the inputs are read off {', '.join(sources)} in place of {name}."
        case OtherMode(left, right):
            return f"The left graph was captured in {left} mode, the right in {right} mode."
        case Removed(operators, moved):
            return f"{_kinds(operators)} {_are(operators)} gone{_moved(operators, moved)}."
        case Added(operators):
            return f"{_kinds(operators)} {_are(operators)} new."
        case Setting(operator, change, nodes):
            where = ", ".join(nodes[:NAMED]) + (", …" if len(nodes) > NAMED else "")
            return f"In {len(nodes)} {operator} {change} ({where})."


def _dropouts(one: Dropouts) -> str:
    parts = (
        (one.modules, "dropout module{} in the graph"),
        (one.functions, "dropout{} that a module calls by itself"),
        (one.attention, "more inside fused attention, as its dropout_p"),
    )
    said = [f"{count} {what.format('' if count == 1 else 's')}" for count, what in parts if count]
    off = f" {one.inactive} of them drop nothing: they are switched off." if one.inactive else ""
    first = ", ".join(one.idle[:2]) + (", …" if len(one.idle) > 2 else "")
    never = f" {len(one.idle)} dropout modules are never called: {first}." if one.idle else ""
    return f"{one.graph} has {', '.join(said) or 'no dropout'}.{off}{never}"


def _no_loss(one: NoLoss) -> str:
    of = ", ".join(f"{reshape} of {source}" for reshape, source in one.reshapes)
    reshaping = f" and the {_count(len(one.reshapes), 'reshape')} before it ({of})" if of else ""
    gives = f"the model gives {_count(one.outputs, 'output')} in place of {one.outputs_before}"
    return f"Without {one.input} there is no loss: {one.loss}{reshaping} {'are' if of else 'is'} gone, and {gives}."


def _origin(one: Origin) -> str:
    if one.values:
        return f"made from {', '.join(one.values)}"
    if one.shapes:
        return f"built inside the model from the shape of {', '.join(one.shapes)}"
    return "a constant"


def _moved(operators: Kinds, moved: int) -> str:
    if not moved:
        return ""
    them, take = "it" if _are(operators) == "is" else "them", "takes" if moved == 1 else "take"
    return f"; {_count(moved, 'node')} that used {them} now {take} what came before"


def _are(operators: Kinds) -> str:
    return "is" if sum(count for _, count in operators) == 1 else "are"


def _kinds(operators: Kinds) -> str:
    """`6 dropout, 2 view`."""
    return ", ".join(f"{count} {name}" for name, count in operators)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
