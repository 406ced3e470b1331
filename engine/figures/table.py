"""A table as data, and as CSV, Markdown and LaTeX."""

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.figures import escape
from engine.text import clean_line

_NUMBER = re.compile(
    r"[+-]?(?:\d[\d,]*\.?\d*(?:e[+-]?\d+)?|inf|nan)[kMGT]?"
    r"(?: ±[\d.]+)?(?: (?:B|[kMG]B|[mµ]?s|dB|%)|[dhm] \d+[hms])?"
)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under headers; None is an empty cell. Headers and texts are escaped as each format asks.

    `note` says what the numbers are; only LaTeX has a place for it, a comment.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def csv(self) -> str:
        """RFC 4180, with numbers in full precision."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerows([escape.csv_cell(value) for value in row] for row in (self.headers, *self.rows))
        return out.getvalue()

    def markdown(self) -> str:
        """A GitHub table; numbers with four digits, to the right."""
        head, *body = self._short(escape.markdown)
        rule = tuple("---:" if numbers else "---" for numbers in self._numbers())
        return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *body))

    def latex(self) -> str:
        """A tabular with booktabs rules; numbers with four digits, to the right."""
        head, *body = (" & ".join(row) for row in self._short(escape.latex))
        columns = "".join("r" if numbers else "l" for numbers in self._numbers())
        lines = (
            *([f"% {clean_line(self.note)}"] if self.note else []),
            r"% in the preamble: \usepackage{booktabs}",
            f"\\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            f"{head} \\\\",
            r"\midrule",
            *(f"{row} \\\\" for row in body),
            r"\bottomrule",
            r"\end{tabular}",
        )
        return "".join(f"{line}\n" for line in lines)

    def _short(self, escaped: Callable[[str], str]) -> list[tuple[str, ...]]:
        """Headers and rows, every cell as text."""
        return [tuple(escaped(_short(value)) for value in row) for row in (self.headers, *self.rows)]

    def _numbers(self) -> list[bool]:
        """Which columns hold numbers and nothing else."""
        columns = [[_short(row[i]) for row in self.rows] for i in range(len(self.headers))]
        return [any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells if cell) for cells in columns]


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)
