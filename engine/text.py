"""Text from outside (names, labels, errors, log lines) made safe to show on a terminal."""

import re

_ESCAPES = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?                            # CSI
  | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)  # OSC, DCS, SOS, PM, APC
  | \x1b[ -/]*[0-~]?                                              # all others
    """,
    re.VERBOSE | re.MULTILINE,
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, C1
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # marks that reorder or break lines
    "\ud800-\udfff\ufeff\ufff9-\ufffb]"  # lone surrogates cannot be encoded
)


def clean(text: str) -> str:
    r"""`text` without terminal escapes and control characters; tabs stay, every line end becomes a newline.

    Markup such as `[red]` stays as it is: show the result as plain text, never as markup.

    >>> clean("a\x1b[31mb\x1b]0;title\x07c\x08")
    'abc'
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def clean_line(text: str) -> str:
    """As `clean`, on one line: runs of white space become one space."""
    return " ".join(clean(text).split())
