"""How a run stands, in one line."""

from collections.abc import Sequence

from textual.content import Content

from engine.figures.units import in_seconds
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.runs.summary import Summary
from tui_app.text import clean
from tui_app.widgets.points import STATE_STYLES, attempt

BAR = 20
_MOST = 6


def run_line(run: Summary, record: RunRecord | None, now: float, width: int) -> Content:
    """`q-0142 name  ▸ running  7/12 ━━━━╸─── 58%  eta 3m12  cpu  training 61% of fixed(4) qat`."""
    style = STATE_STYLES.get(run.state, "$warning" if run.state in ("paused", "interrupted") else "")
    parts: list[Content] = [
        Content.assemble(
            " ", (run.id, "bold"), "  ", glyphs.clip(run.name, 40 if width >= 130 else 20) if run.name != run.id else ""
        ),
        Content.styled(f"{glyphs.state(run.state)} {run.state}", style),
        Content(f"{run.done}/{run.total}"),
    ]
    if run.state in ("running", "paused", "interrupted", "queued"):
        done, rest = glyphs.bar(run.fraction, BAR if width >= 100 else BAR // 2)
        parts.append(Content.assemble((done, "$primary"), (rest, "$muted"), f" {run.percent}%"))
    if run.ends is not None and run.ends > now:
        parts.append(Content(f"eta {in_seconds(run.ends - now)}"))
    elif run.started is not None and run.ended is not None:
        parts.append(Content.styled(f"took {in_seconds(run.ended - run.started)}", "$muted"))
    if run.tags:
        parts.append(Content.styled(glyphs.clip(" ".join(f"#{tag}" for tag in run.tags), 30), "$accent"))
    if run.device:
        parts.append(Content.styled(run.device, "$muted"))
    if run.problem and run.state != "failed":  # which stands whole where the figure would be
        parts.append(Content.styled(run.problem, "$warning"))
    if doing := running_point(record):
        parts.append(Content.styled(doing, "$muted"))
    return Content("  ").join(part for part in parts if part)


def listed(runs: Sequence[Summary]) -> list[Content]:
    """The first few of several runs, a short line each, and how many more there are."""
    shown = runs[:_MOST]
    lines = [Content(f"  {glyphs.state(run.state)} {run.id}  {run.name}  {run.done}/{run.total}") for run in shown]
    if (more := len(runs) - _MOST) > 0:
        lines.append(Content(f"  {glyphs.sign('ellipsis')} and {more} more"))
    return lines


def running_point(record: RunRecord | None) -> str:
    """What the running point is doing, and on a cluster where: `training 61% of fixed(4) qat on node-1 cpu`."""
    if record is None:
        return ""
    for point in record.running:
        if point.progress is not None:
            named = " ".join(list(dict.fromkeys(clean(value) for value in point.params.values()))[:2])
            on = f" on {clean(point.device)}" if point.device and record.on_cluster else ""
            return f"{clean(point.progress.text)} {100 * point.progress.fraction:.0f}% of {named}{on}{attempt(point)}"
    return ""
