"""What the Formats page says in words: the bits of a value, the table of layers, what leaves by copy and export."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from engine.experiments.api import Column as Quantity
from engine.figures.figure import Figure, Series
from engine.figures.palette import style
from engine.figures.table import Table as Rows
from tui_app import glyphs
from tui_app.text import ending
from tui_app.widgets.formatplot import facts_of
from tui_app.widgets.table import Column, fit
from tui_app.widgets.values import Entry, ValuesTable

Values = Mapping[str, Any]

QUANTITIES = (
    Quantity("name", "Layer"),
    Quantity("sqnr_db", "SQNR", "db"),
    Quantity("zeros", "Zeros", "percent"),
    Quantity("saturated", "Sat.", "percent"),
    Quantity("largest_error", "Max error", "number"),
    Quantity("elements", "Weights", "number"),
)
_SHORTEST = 14  # cells of a layer's name
_GAP = 2


class LayersTable(ValuesTable):
    """The layers of a model; a long name keeps what tells it from the others."""

    HELP = "All layers in this format, the noisiest first. Moving chooses the layer; o sorts by another column."

    def columns_of(self) -> list[Column]:
        name, *others = super().columns_of()
        return [Column(name.key, name.label, _SHORTEST, flex=True), *others]

    def cells_of(self, entry: Entry) -> list[Content | str]:
        _, *others = super().cells_of(entry)
        (first, room), *_ = fit(self.columns, self.size.width)
        return [self.layer_text(entry.key, self.columns[first].key, room), *others]


def entries(layers: Sequence[Values]) -> list[Entry]:
    """The rows of the table, the noisiest layer first."""
    ordered = sorted(layers, key=lambda one: float("inf") if one["sqnr_db"] is None else one["sqnr_db"])
    return [Entry(one["name"], one) for one in ordered]


def value_text(told: Values) -> Content:
    """One weight as each format stores it: its bits field by field, what they mean, what decoding gives."""
    value = told["formats"][0]["value"]
    among = f"{told['place'] + 1} of {told['of']:,}" if told["of"] else "the nearest"
    where = f"  row {told['row']}, column {told['column']}, {among}"
    lines = [Content.assemble((f"{value:.5g}", "bold"), (where, "$muted"))]
    for slot, stored in enumerate(told["formats"]):
        lines.append(
            Content.assemble(
                (f"{glyphs.series(slot)} ", style(slot).hex),
                (f"{stored['spec']} ", "bold"),
                f"{glyphs.sign('becomes')} {stored['decoded']:.5g}",
                (f" ({stored['decoded'] - stored['value']:+.2g})", "$muted"),
            )
        )
        lines += _fields(stored["parts"])
    return Content("\n").join(lines)


def _fields(parts: Sequence[Values]) -> list[Content]:
    """Names, bits and meanings of a code's parts, one below the other."""
    widths = [max(len(part[key]) for key in ("name", "bits", "meaning")) + _GAP for part in parts]

    def line(key: str, look: str) -> Content:
        cells = (f"{part[key]:<{width}}" for part, width in zip(parts, widths, strict=True))
        return Content.styled("  " + "".join(cells).rstrip(), look)

    return [line("name", "$muted"), line("bits", "bold $accent"), line("meaning", "")]


def copied(name: str, layer: Values, value: Values | None) -> str:
    """The page as text: facts, and the bits of the weight in view."""
    lines = [f"{name} {'x'.join(map(str, layer['shape']))}"]
    lines += [f"{one['spec']} as {one['fitted']}: {', '.join(facts_of(one))}" for one in layer["formats"]]
    if value is not None:
        lines.append(value_text(value).plain)
    return "\n".join(lines)


def figure_of(name: str, layer: Values) -> Figure:
    """The histogram and the grids as a figure to keep."""
    counts, limit = layer["counts"], layer["limit"]
    width = 2 * limit / len(counts)
    edges = tuple(place * width - limit for place in range(len(counts) + 1))
    total = sum(counts) or 1
    heights = tuple(count / total for count in (*counts, 0))
    grids = []
    for slot, shown in enumerate(layer["formats"]):
        held = [edge + width / 2 for edge, on_grid in zip(edges, shown["grid"], strict=False) if on_grid]
        xs = tuple(shown["values"] or held)
        label = f"{shown['fitted']}: values{' in use' if shown['scaled'] else ''}"
        grids.append(Series(label, xs, (0.0,) * len(xs), kind="scatter", slot=slot))
    weights = Series("weights", edges, heights, kind="steps", slot=-1)
    return Figure(
        key="weights",
        title=f"Weights of {ending(name, 48)}",
        x_label="Weight",
        y_label="Share of the weights",
        series=(weights, *grids),
        y_unit="percent",
        x_range=(-limit, limit),
        caption="; ".join(f"{shown['spec']}: {', '.join(facts_of(shown)[:3])}" for shown in layer["formats"]),
    )


def table_of(layers: Sequence[Values]) -> Rows:
    """All layers, for CSV, Markdown and LaTeX."""
    keys = ("name", "fitted", "elements", "sqnr_db", "zeros", "saturated", "largest_error")
    rows = tuple(tuple(one[key] for key in keys) for one in layers)
    return Rows(("layer", "format", "weights", *keys[3:]), rows)
