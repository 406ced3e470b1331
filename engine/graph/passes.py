"""The transforms by name, and how one is written: `quantize_linear(fixed(8), bert.encoder)`. No torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class Pass:
    """A transform. `takes` names its arguments; the ones after the first `needs` may be left out."""

    name: str
    title: str
    takes: tuple[str, ...] = ()
    needs: int = 0


PASSES: Mapping[str, Pass] = {
    one.name: one
    for one in (
        Pass("remove_dropout", "Remove dropout"),
        Pass("fold_constants", "Fold constants"),
        Pass("merge_duplicates", "Merge duplicates"),
        Pass("remove_no_ops", "Remove no-ops"),
        Pass(
            "quantize_linear",
            "Quantise linear layers",
            ("format", "layers"),
            1,
        ),
    )
}


def parse_pass(text: str) -> tuple[Pass, tuple[str, ...]]:
    """A transform and its arguments.

    Raises:
        InputError: no such transform, or not its arguments.
    """
    match = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", text.strip(), re.DOTALL)
    name = match[1] if match else text
    if match is None or name not in PASSES:
        near = get_close_matches(name, PASSES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the passes are {', '.join(PASSES)}."
        raise InputError(f"there is no pass {text!r}; {hint}")
    found = PASSES[name]
    arguments = tuple(word.strip() for word in re.split(r",(?![^()]*\))", match[2] or "") if word.strip())
    if not found.needs <= len(arguments) <= len(found.takes):
        form = f"{name}({', '.join(found.takes)})" if found.takes else name
        raise InputError(f"{text} is written {form}.")
    return found, arguments
