"""What Home says about the run under the cursor, beside the table and under it."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from engine.figures.units import in_seconds
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.actions import key_of
from tui_app.runs.summary import Summary
from tui_app.screens.home.rows import STATE_STYLES, state_text
from tui_app.text import count, error_line, moment
from tui_app.widgets.units import interval, show


def remaining(seconds: float) -> str:
    """Time left, which nobody knows to a tenth of a second."""
    return in_seconds(seconds) if seconds >= 60 else f"{max(1, round(seconds))} s"


def compared(baseline: Summary | None, keys: Mapping[str, str]) -> str:
    """What the column of differences is a difference from."""
    sign, key = glyphs.sign("delta"), key_of("home.baseline", keys)
    if baseline is not None:
        return f"{sign} from {baseline.id}; {key} unpins it"
    return f"{sign} from each run's baseline; {key} pins one for all"


def facts(run: Summary, record: RunRecord | None, baseline: RunRecord | None, now: float) -> Content:
    """State, times, the best point, what differs from the baseline's settings, and what went wrong."""
    lines: list[Content] = [
        Content.assemble((run.name, "bold")),
        Content.assemble(run.experiment, "  ", state_text(run)),
    ]
    if run.tags:
        lines.append(_pair("tags", run.tag))
    if run.note:
        lines.append(_pair("note", run.note))
    lines.append(_pair("device", run.device or glyphs.sign("dash")))
    if run.started is not None:
        lines.append(_pair("started", moment(run.started, now)))
    if run.ended is not None and run.started is not None:
        lines.append(_pair("took", in_seconds(run.ended - run.started)))
    if run.state == "running" and run.ends is not None:
        lines.append(_pair("eta", remaining(run.ends - now)))
    lines.append(_pair("points", f"{run.done} of {run.total} done"))
    if run.problem:
        lines += [
            Content(""),
            Content.styled(run.problem, STATE_STYLES["failed"] if run.state == "failed" else "$warning"),
        ]
    if run.metric is not None:
        lines += [Content(""), Content.styled("best point", "$secondary")]
        value = show(run.metric.value, run.metric.unit, bare=True)
        if run.metric.low is not None and run.metric.high is not None:
            value += f" {interval(run.metric.low, run.metric.high, run.metric.unit)}"
        lines.append(_pair(run.metric.label, value))
        if run.reason:
            lines.append(Content.styled(run.reason, "$muted"))
    if record is not None:
        lines += _settings(record, baseline)
        failed = [point for point in record.points if point.error]
        if failed:
            lines += [Content(""), Content.styled(count(len(failed), "failed point"), "bold $error")]
            lines += [Content(error_line(point.error)) for point in failed[:3]]
    return Content("\n").join(lines)


def _settings(record: RunRecord, baseline: RunRecord | None) -> list[Content]:
    """The settings, those that differ from the defaults first; or only those that differ from a baseline's."""
    from tui_app.screens.shown import found  # not before the first run has been read: experiments take time to import
    from tui_app.widgets import settings

    experiment = found(record)
    pinned = baseline if baseline is not None and baseline.id != record.id else None
    other = pinned.config if pinned is not None else settings.defaults(experiment)
    differing, same = settings.compared(settings.in_order(record.config, experiment), other)
    if pinned is None:
        title, lines = "settings", [_pair(key, mine) for key, mine, _ in differing + same]
    else:
        becomes = glyphs.sign("becomes")
        title, lines = (
            f"differs from {pinned.id}",
            [_pair(key, f"{theirs} {becomes} {mine}") for key, mine, theirs in differing],
        )
    return [Content(""), Content.styled(title, "$secondary"), *(lines or [Content.styled("nothing", "$muted")])]


def _pair(label: str, value: str) -> Content:
    return Content.assemble((f"{label:<14}", "$muted"), " ", value)


def jobs(runs: Sequence[Summary], standing: str | None, now: float, width: int) -> Content:
    """Running jobs with progress and time left, then those that wait, then who stands by for the next: one line."""
    parts: list[Content] = []
    for run in runs:
        if run.state == "running":
            done, rest = glyphs.bar(run.fraction, max(8, min(30, width // 4)))
            left = f"  eta {remaining(run.ends - now)}" if run.ends is not None else f"  {run.doing}".rstrip()
            why = f"  {run.problem}" if run.problem else ""
            parts.append(
                Content.assemble(
                    (f"{glyphs.state('running')} ", STATE_STYLES["running"]),
                    (run.id, "bold"),
                    f" {run.done}/{run.total} ",
                    (done, "$success"),
                    (rest, "$border-blurred"),
                    f" {run.percent}%",
                    (left, "$muted"),
                    (why, "$warning"),
                )
            )
    for run in (run for run in runs if run.state == "queued"):
        why = f" {run.problem}" if run.problem else ""
        parts += [Content.assemble((f"{glyphs.state('queued')} {run.id}", STATE_STYLES["queued"]), (why, "$muted"))]
    if standing is not None:
        parts.append(Content.styled(f"stands by: {standing}", "$muted"))
    return Content(" ") + Content("   ").join(parts)
