"""What leaves the program in a file is data: no terminal, spreadsheet, LaTeX or Markdown reads a command in it."""

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.figures import escape
from engine.figures.files import to_json
from engine.figures.table import Table
from engine.text import clean

ESCAPES = ("\x1b]0;title\x07", "\x1b[31m", "\x9b2J", "\u202e", "\x07", "\ud800")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("write", [Table.csv, Table.markdown, Table.latex])
@pytest.mark.parametrize("sign", ESCAPES)
def test_no_terminal_escape_is_in_a_table(write: Any, sign: str) -> None:
    text = write(Table((f"head{sign}er",), ((f"ce{sign}ll",),), note=f"no{sign}te"))
    assert "header" in text
    assert "cell" in text
    assert clean(text.replace("\r\n", "\n")) == text.replace("\r\n", "\n")


@pytest.mark.parametrize("sign", ESCAPES)
def test_json_holds_the_same_text_and_nothing_that_a_terminal_obeys(sign: str) -> None:
    text = to_json({f"k{sign}": f"v{sign}"})
    assert clean(text) == text
    assert json.loads(text) == {f"k{sign}": f"v{sign}"}
    text.encode("utf-8")


@pytest.mark.parametrize("begin", ["=", "+", "@", "-", "\t=", "\r=", " =", "\x1b[0m=", "\u00a0=", "＝", "=1+"])
def test_a_spreadsheet_runs_no_cell_and_no_header(begin: str) -> None:
    text = f"{begin}cmd|' /C calc'!A0"
    head, body = read(Table((text,), ((text,),)).csv())
    assert head[0].startswith("'")
    assert body[0].startswith("'")


@pytest.mark.parametrize(
    "value", [-0.5, -3, 1e-9, float("-inf"), "-0.5", "+1.5e3", "1e-4", True, "a=b", "", "fixed(4,2)"]
)
def test_numbers_and_plain_text_stay_what_they_are(value: Any) -> None:
    assert read(Table(("a", "b"), ((value, 1),)).csv())[1][0] == str(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", "a_b"),
        ("_a_", r"\_a\_"),
        ("*x* `y` [z](u) <b> a|b", r"\*x\* \`y\` \[z\](u) \<b\> a\|b"),
        ("<script>&lt;&amp & b", r"\<script\>&amp;lt;&amp & b"),
        ("# no heading\nin one line", r"\# no heading in one line"),
        ("$x$ ~~y~~", r"\$x\$ \~\~y\~\~"),
        ("-1.20 ±0.43", "-1.20 ±0.43"),
    ],
)
def test_markdown_shows_the_text_as_it_stands(text: str, expected: str) -> None:
    assert escape.markdown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50 % & $x_1^2$ #1 ~", r"50 \% \& \$x\_1\textasciicircum{}2\$ \#1 \textasciitilde{}"),
        ("-1.20 ±0.43", r"$-$1.20 $\pm$0.43"),
        ("1e-4, 2-3, l1-norm", "1e-4, 2-3, l1-norm"),
        ('--set "x"', "-{}-set {''}x{''}"),
        ("Δ ≤ 3 µs → a<b|c", r"$\Delta$ $\leq$ 3 $\mu$s $\to$ a\textless{}b\textbar{}c"),
    ],
)
def test_latex_shows_the_text_as_it_stands(text: str, expected: str) -> None:
    assert escape.latex(text) == expected


@given(st.text(max_size=30))
def test_latex_leaves_nothing_special_but_its_own_commands(text: str) -> None:
    left = re.sub(r"\\text\w+\{\}|\{''\}|-\{\}(?=-)|\\ldots\{\}|\\[&%$#_{}]|\$(?:\\\w+|-)\$", "", escape.latex(text))
    assert not set(left) & set("&%$#_{}~^\\")
    assert "\n" not in left
