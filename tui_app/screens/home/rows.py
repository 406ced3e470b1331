"""How a run looks as a line of Home's table."""

from collections.abc import Mapping

from textual.content import Content

from engine.figures import palette
from tui_app import glyphs
from tui_app.runs.summary import Metric, Summary
from tui_app.text import age
from tui_app.widgets.table import Column, Row
from tui_app.widgets.units import show

TAGS = 20  # cells that tags take at most
DELTA = 6  # cells of a difference
STATE_STYLES = {
    "running": "bold $success",
    "queued": "$warning",
    "paused": "$accent",
    "interrupted": "bold $accent",
    "finished": "$success",
    "failed": "bold $error",
    "cancelled": "$muted",
    "damaged": "bold $error",
}


def columns(metric: str = "", widest: int = 0) -> tuple[Column, ...]:
    """The columns; the best value goes by its own name where all runs share it. Tags have one where there are any."""
    return (
        Column("id", "id", 6),
        Column("experiment", "kind", 8, rank=2),
        Column("name", "name", 12, flex=True),
        Column("state", "state", 13),
        Column("metric", metric or "best", 8, right=True),
        Column("delta", glyphs.sign("delta"), DELTA, right=True),
        Column("bytes", "size", 7, right=True, rank=1),
        Column("progress", "progress", 15, rank=3),
        Column("age", "age", 4, right=True),
        *([Column("tags", "tags", min(TAGS, widest), rank=4)] if widest else []),
    )


def state_text(run: Summary) -> Content:
    """The state's glyph and word; for a run at work how many points are done."""
    word = f"{run.done}/{run.total}" if run.state == "running" else run.state
    return Content.styled(f"{glyphs.state(run.state)} {word}", STATE_STYLES.get(run.state, ""))


def progress_text(run: Summary, width: int = 15) -> Content:
    """A bar and a percentage for a run that has not ended, the number of points for one that has."""
    if run.state in ("running", "paused", "interrupted"):
        done, rest = glyphs.bar(run.fraction, width - 5)
        colour = STATE_STYLES[run.state].removeprefix("bold ")
        return Content.assemble((done, colour), (rest, "$border-blurred"), f" {run.percent:3}%")
    if run.state in ("failed", "damaged") and run.problem:
        return Content.styled(run.problem, "$muted")
    return Content.styled(f"{run.done}/{run.total}" if run.total else "", "$muted")


def own_delta_text(delta: Metric | None) -> Content | str:
    """The difference from the run's own baseline, paired on the same samples; dim inside its noise."""
    if delta is None:
        return Content.styled(glyphs.sign("dash"), "$muted")
    low, high = delta.bounds
    return _difference(delta.value, delta, low > 0 or high < 0)


def delta_text(metric: Metric | None, baseline: Metric | None) -> Content | str:
    """The difference from the pinned baseline; dim where the intervals overlap, so that noise does not shout."""
    if metric is None or baseline is None or metric.label != baseline.label:
        return Content.styled(glyphs.sign("dash"), "$muted")
    return _difference(metric.value - baseline.value, metric, metric.differs(baseline))


def _difference(value: float, metric: Metric, clear: bool) -> Content:
    """A difference in `metric`, coloured by whether it is for the better where it is no noise."""
    colour = {True: "$success", False: "$error", None: ""}[metric.is_gain(value)] if clear else "$muted"
    text = show(value, metric.unit, bare=True, signed=True)
    if len(text) > DELTA and metric.unit == "number":
        text = next(short for digits in (3, 2, 1) if len(short := f"{value:+.{digits}g}") <= DELTA or digits == 1)
    return Content.styled(text, colour)


def row(run: Summary, now: float, slot: int | None, baseline: Summary | None, fresh: bool) -> Row:
    """One line. `slot` is the palette's slot of a marked run, `fresh` a failure that nobody has opened."""
    mark: Content | str = ""
    if slot is not None:
        mark = Content.styled(glyphs.series(slot), palette.style(slot).hex)
    elif fresh:
        mark = Content.styled("!", "bold $error")
    is_baseline = baseline is not None and baseline.id == run.id
    metric = Content.styled(glyphs.sign("dash"), "$muted")
    if run.metric is not None:
        metric = Content(show(run.metric.value, run.metric.unit, bare=True))
    delta = (
        Content.styled("base", "$secondary")
        if is_baseline
        else own_delta_text(run.delta)
        if baseline is None
        else delta_text(run.metric, baseline.metric)
    )
    return Row(
        run.id,
        (
            Content.styled(run.id, "$secondary" if is_baseline else "bold" if run.state == "running" else ""),
            Content.styled(run.experiment.rpartition(".")[2], "$muted"),
            run.name,
            state_text(run),
            metric,
            delta,
            show(run.bytes, "bytes") if run.bytes is not None else Content.styled(glyphs.sign("dash"), "$muted"),
            progress_text(run),
            Content.styled(age(run.created, now) if run.created else "", "$muted"),
            Content.styled(run.tag, "$accent"),
        ),
        mark,
    )


class Rows:
    """Lines already made, kept until something they show changes."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], Row]] = {}

    def make(
        self,
        ids: list[str],
        runs: Mapping[str, Summary],
        now: float,
        marks: Mapping[str, int],
        baseline: Summary | None,
        fresh: frozenset[str],
    ) -> list[Row]:
        """The lines of these runs, in order."""
        lines = []
        kept: dict[str, tuple[tuple[object, ...], Row]] = {}
        for name in ids:
            run = runs[name]
            facts = (id(run), age(run.created, now), marks.get(name), id(baseline), name in fresh)
            entry = self._kept.get(name)
            if entry is None or entry[0] != facts:
                entry = facts, row(run, now, marks.get(name), baseline, name in fresh)
            kept[name] = entry
            lines.append(entry[1])
        self._kept = kept
        return lines
