"""A run's settings as a table: what differs from the baseline, or else from the defaults, comes first."""

from collections.abc import Iterator, Mapping
from typing import Any

from textual.content import Content

from engine.experiments.api import AnyExperiment
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.text import clean
from tui_app.widgets.table import Column, Row, Table


class SettingsTable(Table):
    """Setting, value, and what it is compared with."""

    HELP = "What the run was told. Settings that differ from the pinned baseline (else from the defaults) come first."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__((), id=id)
        self._of: tuple[object, ...] = ()

    def set_run(self, run: RunRecord, baseline: RunRecord | None, experiment: AnyExperiment | None) -> None:
        """Shows a run's settings beside a baseline's of the same experiment, or beside the defaults."""
        now = run.id, run.config, run.name, run.devices, run.versions, baseline and baseline.id, experiment
        if now == self._of:  # nothing of a run that goes on changes here
            return
        self._of = now
        if baseline is not None and (baseline.experiment != run.experiment or baseline.id == run.id):
            baseline = None
        other = baseline.config if baseline is not None else defaults(experiment)
        heading = clean(baseline.id) if baseline is not None else "Default"
        self.set_columns(
            (Column("key", "Setting", 15), Column("value", "Value", 12, flex=True), Column("other", heading, 12))
        )
        differing, same = compared(in_order(run.config, experiment), other)
        rows = [
            Row(key, (key, mine, Content.styled(theirs, "$muted")), glyphs.sign("differs"))
            for key, mine, theirs in differing
        ]
        rows += [Row(key, _quiet(key, mine, ""), "") for key, mine, _ in same]
        rows += [Row(f"fact {key}", _quiet(key, value, ""), "") for key, value in facts(run)]
        self.set_rows(rows)


def _quiet(*texts: str) -> tuple[Content, ...]:
    return tuple(Content.styled(text, "$muted") for text in texts)


def defaults(experiment: AnyExperiment | None) -> Mapping[str, Any]:
    """What an experiment's settings are where nobody says otherwise."""
    if experiment is None:
        return {}
    return {name: field.get_default(call_default_factory=True) for name, field in experiment.Config.settings().items()}


def in_order(config: Mapping[str, Any], experiment: AnyExperiment | None) -> Mapping[str, Any]:
    """A run's settings in the order of the form; those that the experiment does not know come last."""
    known = experiment.Config.settings() if experiment is not None else {}
    return {key: config[key] for key in (*known, *config) if key in config}


Lines = list[tuple[str, str, str]]


def compared(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Lines, Lines]:
    """(setting, mine, theirs) for those that differ and for those that do not."""
    differing: Lines = []
    same: Lines = []
    for key, value in mine.items():
        line = (clean(key), written(value), written(theirs.get(key)))
        (differing if line[1] != line[2] else same).append(line)
    return differing, same


def written(value: Any) -> str:
    """A setting in one line: lists with commas, a dash for nothing."""
    if value is None or value == "" or value == [] or value == ():
        return glyphs.sign("dash")
    if isinstance(value, list | tuple):
        return ",".join(map(written, value))
    return f"{value:g}" if isinstance(value, float) else clean(value)


def facts(run: RunRecord) -> Iterator[tuple[str, str]]:
    """What is known of the run besides its settings."""
    yield "run", clean(run.name)
    yield "devices", clean(run.where)
    for package, version in run.versions.items():
        yield clean(package), clean(version)
    yield "folder", clean(run.path)
