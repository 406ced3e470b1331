"""The app's own colours: a dark and a light theme that keep their roles apart at 256 colours, and one for 16."""

from collections.abc import Container, Iterable
from dataclasses import replace

from textual.color import Color
from textual.filter import ANSIToTruecolor, LineFilter, Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="labtui",
    primary="#5fafff",
    secondary="#87d7af",
    accent="#ffaf5f",
    success="#87d787",
    warning="#ffd75f",
    error="#ff5f5f",
    foreground="#d0d7e2",
    background="#0e1117",
    surface="#0e1117",
    panel="#1c2230",
    boost="#161b26",
    dark=True,
    variables={
        "muted": "#8a93a3",
        "cursor-row": "#1f2a4a",
        "quiet-row": "#1c2230",
        "border": "#5fafff",
        "border-blurred": "#3a4356",
        "block-cursor-foreground": "#0e1117",
        "block-cursor-text-style": "none",
        "footer-background": "#161b26",
        "scrollbar": "#3a4356",
        "scrollbar-background": "#0e1117",
        "scrollbar-hover": "#5fafff",
        "scrollbar-active": "#5fafff",
        "scrollbar-corner-color": "#0e1117",
        "input-selection-background": "#5fafff 35%",
    },
)

LIGHT = Theme(
    name="labtui-light",
    primary="#005faf",
    secondary="#00785a",
    accent="#af5f00",
    success="#00875f",
    warning="#966400",
    error="#c8283c",
    foreground="#22272e",
    background="#fafafa",
    surface="#fafafa",
    panel="#e4e8ee",
    boost="#eef1f5",
    dark=False,
    variables={
        "muted": "#6a727d",
        "cursor-row": "#cfdff0",
        "quiet-row": "#e8edf3",
        "border": "#005faf",
        "border-blurred": "#b4bcc8",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "footer-background": "#eef1f5",
        "scrollbar": "#b4bcc8",
        "scrollbar-background": "#fafafa",
    },
)

SIXTEEN = replace(
    BUILTIN_THEMES["ansi-dark"],
    name="labtui-16",
    primary="ansi_bright_blue",
    accent="ansi_magenta",
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "border": "ansi_bright_blue",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "muted": "ansi_white",
        "cursor-row": "ansi_bright_black",
        "quiet-row": "ansi_default",
    },
)

THEMES = (DARK, LIGHT, SIXTEEN)


def chosen(wanted: str | None, known: Container[str], colourless: bool, system: str | None) -> str:
    """The theme to begin with: the user's where it can be shown, else ours for so many colours."""
    usual = SIXTEEN.name if colourless or system == "standard" else "labtui"
    return wanted if wanted is not None and wanted in known and not colourless else usual


def suited(filters: Iterable[LineFilter], colourless: bool, native: bool) -> list[LineFilter]:
    """The app's filters for the theme that it begins with: they were made for the one before it."""
    found = [NoColor() if colourless and isinstance(one, Monochrome) else one for one in filters]
    for one in found:
        if isinstance(one, ANSIToTruecolor):
            one.enabled = not native
    return found


def defaults(theme: Theme) -> dict[str, str]:
    """Our own variables, for themes that do not give them.

    `$muted` is text that steps back, `$cursor-row` and `$quiet-row` the ground of the chosen row with and without the
    focus. They are opaque: table cells are not blended with what is under them.
    """
    if theme.ansi:
        return {name: SIXTEEN.variables[name] for name in ("muted", "cursor-row", "quiet-row")}
    ink = Color.parse(theme.foreground or ("#e0e0e0" if theme.dark else "#202020"))
    ground = Color.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    primary = Color.parse(theme.primary)
    blends = {"muted": ink.blend(ground, 0.4), "cursor-row": ground.blend(primary, 0.22)}
    return {name: color.hex6 for name, color in {**blends, "quiet-row": ground.blend(primary, 0.08)}.items()}
