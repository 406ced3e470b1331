"""The filter of Home and of `labtui runs -q`: the language of tables, asked of runs.

The fields are experiment, state, model, data, name, id and device; the numbers those of the best point, bytes, points,
done, and age in seconds.
"""

import time
from collections.abc import Callable, Mapping

from tui_app.filtering import Language
from tui_app.runs.summary import Summary

FIELDS = ("experiment", "state", "model", "data", "name", "id", "device")


def parse_filter(text: str, now: float | None = None) -> Callable[[Summary], bool]:
    """What `text` asks for, as a test on a run's summary.

    `now` is the Unix time that ages are counted from (default: the time of the call).
    """
    moment = time.time() if now is None else now

    def numbers(run: Summary) -> Mapping[str, float]:
        known = {"points": float(run.total), "done": float(run.done), "age": moment - run.created}
        return known | ({"bytes": float(run.bytes)} if run.bytes is not None else {}) | dict(run.values)

    return Language[Summary](FIELDS, lambda run: run.words, getattr, numbers).parse(text)
