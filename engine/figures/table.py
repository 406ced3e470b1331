"""A table as data, and as CSV, Markdown and LaTeX."""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)
_MARKDOWN = str.maketrans({"|": r"\|", "\n": " "})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under headers; None is an empty cell."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def csv(self) -> str:
        """RFC 4180, with numbers in full precision."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(self.headers)
        writer.writerows([["" if value is None else value for value in row] for row in self.rows])
        return out.getvalue()

    def markdown(self) -> str:
        """A GitHub table; numbers with four digits."""
        lines = [self.headers, tuple("---" for _ in self.headers), *self._short(lambda text: text.translate(_MARKDOWN))]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def latex(self) -> str:
        """A tabular with booktabs rules; numbers with four digits."""
        head = " & ".join(header.translate(_LATEX) for header in self.headers)
        body = "".join(f"{' & '.join(row)} \\\\\n" for row in self._short(lambda text: text.translate(_LATEX)))
        begin = f"\\begin{{tabular}}{{{'l' * len(self.headers)}}}"
        return f"{begin}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"

    def _short(self, escape: Callable[[str], str]) -> list[tuple[str, ...]]:
        return [tuple(escape(_short(value)) for value in row) for row in self.rows]


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)
