"""Text on its way into a file: one function for each language that would read more in it than was meant.

Names, labels, headers and error messages come from data and models that others made. Terminal escapes and control
characters are removed everywhere.
"""

import re
from typing import Any

from engine.text import clean, clean_line

_RUN = "=+-@\t\r\n＝＋－＠"  # a spreadsheet takes a cell that begins with one of these for a formula
_MARKDOWN = re.compile(
    r"[\\`*\[\]<>|~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word stays: it means nothing there
    r"|&(?=#?\w+;)"
    r"|^[#+-](?=[ #])"
)
_LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': "{''}",
    "…": r"\ldots{}",
    "–": "--",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "Δ": r"$\Delta$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "→": r"$\to$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "−": "$-$",
    "\0": "{}",
}
_MINUS = re.compile(r"(?<![\w.)])-(?=[\d.])")


def csv_cell(value: Any) -> Any:
    """A value for a CSV writer: numbers as they are, nothing for None, text that no spreadsheet runs.

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5)
    ("'=1+1", '-0.5', -0.5)
    """
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    raw = str(value)
    text = clean(raw)
    begins = raw[:1] in _RUN or text.lstrip()[:1] in _RUN
    return f"'{text}" if raw and begins and not _is_number(text) else text


def markdown(text: str) -> str:
    """One line of GitHub's Markdown that shows `text` as it stands, in a sentence or in a cell."""
    return _MARKDOWN.sub(lambda found: "&amp;" if found[0] == "&" else f"\\{found[0]}", clean_line(text))


def latex(text: str) -> str:
    """One line of LaTeX that shows `text` as it stands; a minus before digits is a minus sign."""
    plain = _MINUS.sub("−", clean_line(text)).replace("--", "-\0-")  # two hyphens would be a dash
    return "".join(_LATEX.get(char, char) for char in plain)


def drawn(text: str) -> str:
    """One line for a picture; what no XML file may hold is removed as well."""
    return clean_line(text).translate({0xFFFE: None, 0xFFFF: None})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
