"""Tables in a terminal: what is left out where there is little room."""

import pytest

from engine.experiments.api import Column
from tui_app.command.output import LONGEST, SHORT, fitting
from tui_app.command.say import UNCUT

COLUMNS = (
    Column("kind", "Kind"),
    Column("layer", "Layer"),
    Column("time", "Time", "seconds"),
    Column("time_low", "from", "seconds"),
    Column("time_high", "to", "seconds"),
    Column("calls", "Calls", "number"),
    Column("share", "Share", "percent"),
)
ROWS = [
    {"kind": "Linear", "layer": "l" * 30, "time": 1.0, "time_low": 0.9, "time_high": 1.2, "calls": 3, "share": 0.5},
    {"kind": "Linear", "layer": "m" * 40, "time": 2.0, "time_low": 1.9, "time_high": 2.2, "calls": 5, "share": 0.5},
]


@pytest.mark.parametrize(
    ("room", "keys", "longest"),
    [
        (200, ["kind", "layer", "time", "time_low", "time_high", "calls", "share"], UNCUT),
        (86, ["kind", "layer", "time", "time_low", "time_high", "calls", "share"], UNCUT),
        (85, ["kind", "layer", "time", "calls", "share"], LONGEST),
        (70, ["layer", "time", "calls", "share"], LONGEST),
        (60, ["layer", "time", "calls", "share"], SHORT),
        (40, ["layer", "time", "calls"], SHORT),
        (5, ["layer"], SHORT),
    ],
)
def test_what_tells_least_goes_first(room: int, keys: list[str], longest: int) -> None:
    """Quartiles, then words that are the same in every row, then the ends of names, then the last columns."""
    columns, length = fitting(COLUMNS, ROWS, room)
    assert ([column.key for column in columns], length) == (keys, longest)


def test_a_table_without_rows_has_its_headings() -> None:
    assert fitting(COLUMNS[:3], [], 80) == (COLUMNS[:3], UNCUT)


def test_help_leaves_out_what_means_nothing_there() -> None:
    from engine.experiments import registry
    from tui_app.command.run import settings_help

    assert "calibration_samples" not in dict(settings_help(registry.get("finetune").Config))
    assert "calibration_samples" in dict(settings_help(registry.get("quantize").Config))


def test_help_says_what_a_setting_may_be_and_is() -> None:
    from engine.experiments import registry
    from tui_app.command.run import settings_help

    rows = dict(settings_help(registry.get("quantize").Config))
    assert rows["modes"].endswith("  [any of ptq, qat; default: ptq]")
    assert rows["input_range"].endswith("  [one of max, error; default: max]")
    assert rows["max_length"].endswith("  [only with task=text-classification; default: 256]")
    assert rows["batch_size"].endswith("  [default: 64]")
    assert rows["workers"].endswith("memory allow.")
    assert list(rows)[:3] == ["model", "data", "widths"]
