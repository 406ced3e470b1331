"""What the reader's keys have set, without the widget: which figure, which scales, how smooth, how near."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.figures.figure import Figure
from tui_app import glyphs

SMOOTHING = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98)
WHOLE = (0.0, 1.0)

Curve = tuple[str, int]
"""What a curve is known by while its figure grows: name and slot."""


@dataclass(slots=True)
class Controls:
    """The figures and how they are looked at. Scales and hidden curves are remembered for each figure by its key."""

    figures: tuple[Figure, ...] = ()
    smoothing: float = 0.0
    window: tuple[float, float] = WHOLE
    picture: bool = False
    _shown: int = 0
    _scales: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    _hidden: dict[str, frozenset[Curve]] = field(default_factory=dict)

    @property
    def figure(self) -> Figure | None:
        """The figure in view."""
        return self.figures[self._shown] if self.figures else None

    @property
    def hidden(self) -> frozenset[int]:
        """The numbers of the curves in the figure that are hidden."""
        figure = self.figure
        away = self._hidden.get(figure.key, frozenset()) if figure else frozenset()
        curves = [(one.name, one.slot) for one in figure.series] if figure and away else []
        found = frozenset(i for i, curve in enumerate(curves) if curve in away)
        return found if len(found) < len(curves) else frozenset()

    @property
    def visible(self) -> Figure | None:
        """The figure in view without the hidden curves."""
        figure, hidden = self.figure, self.hidden
        if figure is None or not hidden:
            return figure
        return replace(figure, series=tuple(one for i, one in enumerate(figure.series) if i not in hidden))

    @property
    def logs(self) -> tuple[bool, bool]:
        """Whether x and y are logarithmic."""
        figure = self.figure
        if figure is None:
            return False, False
        return self._scales.get(figure.key, (figure.x_scale == "log", figure.y_scale == "log"))

    @property
    def smooths(self) -> bool:
        """Whether the figure has lines to smooth."""
        return self.figure is not None and any(series.kind == "line" for series in self.figure.series)

    @property
    def words(self) -> str:
        """What the keys have set: `log x · smooth 0.6 · 1/3`."""
        log_x, log_y = self.logs
        parts = (
            "log x" if log_x else "",
            "log y" if log_y else "",
            f"smooth {self.smoothing:g}" if self.smoothing and self.smooths else "",
            f"zoom {1 / (self.window[1] - self.window[0]):.0f}{glyphs.sign('times')}" if self.window != WHOLE else "",
            f"{self._shown + 1}/{len(self.figures)}" if len(self.figures) > 1 else "",
        )
        return f" {glyphs.sign('dot')} ".join(filter(None, parts))

    def take(self, figures: Sequence[Figure], front: str = "") -> bool:
        """New figures, in view the one whose key is `front`; True where it is another than before, by its key."""
        before = self.figure.key if self.figure else None
        self.figures = tuple(figures)
        self._shown = next((i for i, figure in enumerate(figures) if figure.key == (front or before)), 0)
        other = (self.figure.key if self.figure else None) != before
        if other:
            self.window = WHOLE
        return other

    def next_figure(self) -> None:
        """The figure after this one, whole; after the last the first."""
        self._shown = (self._shown + 1) % max(1, len(self.figures))
        self.window = WHOLE

    def hide(self, curve: int) -> None:
        """Hides a curve, or shows it again; hiding the last one shows all."""
        if (figure := self.figure) is not None:
            self._away(figure, self.hidden ^ {curve})

    def alone(self) -> None:
        """Shows the first curve alone, then the next; after the last all of them."""
        figure = self.figure
        if figure is None:
            return
        every = [i for i, one in enumerate(figure.series) if one.slot >= 0]
        shown = [i for i in every if i not in self.hidden]
        place = every.index(shown[0]) + 1 if len(shown) == 1 and len(every) > 1 else 0
        kept = every[place : place + 1]
        self._away(figure, frozenset(set(every) - set(kept)) if kept and len(every) > 1 else frozenset())

    def _away(self, figure: Figure, curves: frozenset[int]) -> None:
        self._hidden[figure.key] = frozenset((figure.series[i].name, figure.series[i].slot) for i in curves)

    def smooth(self, step: int) -> None:
        """One step smoother, or rougher."""
        place = SMOOTHING.index(self.smoothing) + step
        self.smoothing = SMOOTHING[max(0, min(place, len(SMOOTHING) - 1))]

    def turn(self, *, x: bool = False, y: bool = False) -> None:
        """Makes an axis logarithmic, or linear again."""
        if self.figure is not None:
            log_x, log_y = self.logs
            self._scales[self.figure.key] = (log_x != x, log_y != y)
