"""Number formats: pure functions on float32 tensors, named by spec strings such as `fixed(8,4)`.

`registry` reads the strings without tensors; `parse` gives the format itself.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.formats.base import Format

__all__ = ["Format", "parse"]


def parse(text: str) -> "Format":
    """The format that `text` names.

    Raises:
        SpecError: a ValueError with the position of what is wrong and a correct example.
    """
    from engine.formats.registry import build

    return build(text)


def __getattr__(name: str) -> Any:
    """`Format` brings torch along: import it on first use."""
    if name == "Format":
        from engine.formats.base import Format

        return Format
    raise AttributeError(name)
