"""The filter language of Home and of `labtui runs -q`.

All terms must hold; `|` inside a term means either:

    bert quantize                  words, anywhere in id, name, experiment, state, model and data
    -failed  -state:paused         without
    state:running|queued           a field: experiment, state, model, data, name, id, device
    acc>=0.8  acc>=80%  bytes<1M   a number of the best point (`acc` finds `accuracy`), points, done, age in seconds
    "two words"                    quoted
"""

import operator
import re
import time
from collections.abc import Callable

from tui_app.runs.summary import Summary

Predicate = Callable[[Summary], bool]

FIELDS = ("experiment", "state", "model", "data", "name", "id", "device")
_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_EITHER = re.compile(r'(?:[^|"]|"[^"]*"?)+')
_NUMBER = re.compile(r"([a-z]\w*)(>=|<=|!=|>|<|=)([-+.\de]+)([kmg%]?)", re.IGNORECASE)
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "%": 1e-2}


def parse_filter(text: str, now: float | None = None) -> Predicate:
    """What `text` asks for, as a test on a run's summary. Any text means something: a half-typed term is a word.

    `now` is the Unix time that ages are counted from (default: the time of the call).
    """
    moment = time.time() if now is None else now
    terms = [_term(term, moment) for term in _TERM.findall(re.sub(r"\s*\|\s*", "|", text.lower()))]
    return lambda run: all(term(run) for term in terms)


def _term(text: str, now: float) -> Predicate:
    without = text.startswith("-") and len(text) > 1
    field = ""
    either: list[Predicate] = []
    for part in _EITHER.findall(text.removeprefix("-") if without else text):
        name, colon, rest = part.partition(":")
        if colon and name in FIELDS:
            field, part = name, rest
        either.append(_field(field, part.replace('"', "")) if field else _bare(part, now))
    return lambda run: (not either or any(one(run) for one in either)) != without


def _field(name: str, value: str) -> Predicate:
    return lambda run: value in getattr(run, name).lower()


def _bare(text: str, now: float) -> Predicate:
    match = _NUMBER.fullmatch(text)
    if match:
        key, sign, digits, suffix = match.groups()
        try:
            bound = float(digits) * _SCALE[suffix]
        except ValueError:
            pass
        else:
            return lambda run: any(_COMPARE[sign](value, bound) for value in _values(run, key, now))
    word = text.replace('"', "")
    return lambda run: word in run.words


def _values(run: Summary, key: str, now: float) -> list[float]:
    """The numbers that `key` means: the exact name's, else those of the one whose name begins with it."""
    known = {"points": float(run.total), "done": float(run.done), "age": now - run.created}
    known |= {"bytes": float(run.bytes)} if run.bytes is not None else {}
    known |= {name.lower(): value for name, value in run.values.items()}
    found = key if key in known else next((name for name in sorted(known) if name.startswith(key)), None)
    return [known[found]] if found is not None else []
