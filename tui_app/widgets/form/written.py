"""A form's settings written down as TOML, to edit and keep."""

import json
import textwrap
from collections.abc import Iterable, Mapping

from tui_app.widgets.form.fields import Field


def toml(fields: Iterable[Field], changed: Mapping[str, str | None]) -> str:
    """Every setting with what it means; those at their default are commented out."""
    lines: list[str] = []
    for field in fields:
        offered = f" Of: {', '.join(field.choices)}." if field.choices else ""
        about = f"{field.title}: {field.description}{offered}"
        lines += textwrap.wrap(about, 100, initial_indent="# ", subsequent_indent="# ")
        kept = field.name in changed
        text = (changed[field.name] or "") if kept else field.default
        lines += [f"{'' if kept else '# '}{field.name} = {_value(text)}", ""]
    return "\n".join(lines)


def _value(text: str) -> str:
    """Whole numbers as they are; everything else as a string, which the config class reads just as well."""
    return text if text.removeprefix("-").isdecimal() else json.dumps(text, ensure_ascii=False)
