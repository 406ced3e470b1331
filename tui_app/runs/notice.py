"""What stands where a run's figure would be: what went wrong, whole, and what to do; else what the run waits for."""

from collections import Counter
from collections.abc import Mapping

from engine.runtime.records import RunRecord
from engine.runtime.states import STARTING
from tui_app.actions import key_of
from tui_app.glyphs import state
from tui_app.text import clean, count, error_line

KINDS = 3  # different errors that are written out


def failure(run: RunRecord, keys: Mapping[str, str] | None = None) -> str:
    """Each different error of the run, whole, and what to do about it, in lines; empty where nothing went wrong.

    `keys` are the user's own, by action.
    """
    if str(run.state) == "damaged":
        return clean(run.problem)
    errors = Counter(error_line(point.error) or "failed" for point in run.failed if point.error)
    kinds = {str((point.error or {}).get("type")) for point in run.failed if point.error}
    broken = run.state == "interrupted" and run.problem
    if not errors and not broken:
        return ""
    lines = [clean(run.problem)] if broken else []
    if errors:
        failed = sum(errors.values())
        lines.append(f"{state('failed')} {count(failed, 'point')} of {len(run.points)} failed" + ":" * bool(errors))
        lines += [text if len(errors) == 1 else f"{times} times: {text}" for text, times in errors.most_common(KINDS)]
    return "\n".join([*lines, "", *_advice(run, kinds, keys or {})])


def _advice(run: RunRecord, kinds: set[str], keys: Mapping[str, str]) -> list[str]:
    advice = []
    if kinds - {"InputError"}:
        advice.append(f"{key_of('run.log', keys)} shows the log with the traceback")
    advice.append(f"{key_of('run.rerun', keys)} opens its settings to start it anew")
    left = any(point.state == "queued" for point in run.points)
    if left and run.state in ("failed", "interrupted", "paused"):
        advice.append(f"{key_of('run.pause', keys)} goes on with the points left")
    return advice


def waiting(run: RunRecord, otherwise: str) -> str:
    """What keeps a run from its first point, or that none will come, else `otherwise`."""
    if run.state == "cancelled" and not run.done:
        return "The run was cancelled before its first point ended."
    return clean(run.problem) if run.active and run.problem not in ("", STARTING) else otherwise
