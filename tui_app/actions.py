"""Every action of the app, once: footer, help screen, palette, docs/keys.md and config.toml all read it here.

An action `run.pause` calls the method `action_run_pause` of the nearest focused widget, screen or app that binds it;
for a screen it may be that of a controller which the screen has adopted.
Groups listed in `EVERYWHERE` are always live; which others are live together stands in `collisions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from tui_app.tabs import TABS


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the user can do.

    `keys` is a comma-separated list in Textual's names, `label` the word in the footer, `description` a sentence.
    `rank` says how long the footer keeps it when there is little room (lower stays longer; None never shows there).
    `priority` actions fire even inside a text field.
    """

    id: str
    keys: str
    label: str
    description: str
    rank: int | None = None
    priority: bool = False

    @property
    def group(self) -> str:
        """The part of the id before the dot: where the action lives."""
        return self.id.partition(".")[0]

    @property
    def method(self) -> str:
        """What Textual calls: `action_` and this."""
        if self.group == "screen":
            return f"app.screen_go('{self.id.partition('.')[2]}')"
        name = self.id.replace(".", "_")
        return f"app.{name}" if self.priority and self.group == "app" else name  # dialogs have no page to do it

    @property
    def binding(self) -> Binding:
        """The action as Textual wants it."""
        return Binding(
            self.keys,
            self.method,
            self.label,
            show=self.rank is not None,
            tooltip=self.description,
            priority=self.priority,
            id=self.id,
        )


GROUPS = {
    "screen": "Screens",
    "app": "Everywhere",
    "pane": "Panes",
    "home": "Home",
    "filter": "Home: the filter",
    "run": "Runs",
    "launch": "Experiments",
    "form": "Forms",
    "edit": "Forms: editing a row",
    "compare": "Compare",
    "table": "Tables",
    "values": "Tables of points",
    "details": "Details",
    "graph": "Graph",
    "tree": "Graph: the tree",
    "drawing": "Graph: export",
    "erase": "Graph: erase a node",
    "curve": "Curves",
    "find": "Text and logs",
    "view": "Views",
    "export": "Export",
    "formats": "Formats",
    "search": "Search",
    "remove": "Delete runs",
    "quit": "Quit with runs going",
    "pick": "Pickers",
    "dialog": "Dialogs",
}

EVERYWHERE = ("screen", "app", "pane")

ACTIONS = (
    *(Action(f"screen.{tab.name}", tab.key, tab.label, tab.description) for tab in TABS),
    # Everywhere
    Action("app.help", "?", "help", "Shows the keys that do something here.", rank=0),
    Action("app.explain", "f1", "explain", "Explains the focused widget.", rank=14),
    Action("app.palette", "ctrl+p,:", "palette", "Finds an action, a screen, a run or a theme by name."),
    Action("app.back", "escape", "back", "Goes back one step.", rank=15),
    Action("app.leave", "q", "quit", "Goes back, or quits from a first page."),
    Action(
        "app.quit", "ctrl+q,ctrl+c", "quit", "Quits from anywhere; runs go on unless told otherwise.", priority=True
    ),
    Action("app.redraw", "ctrl+l", "redraw", "Draws the whole screen anew.", priority=True),
    Action("app.export", "e", "export", "Exports what is shown: PNG, SVG, CSV, JSON and more.", rank=7),
    Action("app.copy", "y", "copy", "Copies what is shown to the clipboard, through the terminal."),
    # Panes
    Action("pane.next", "tab", "next pane", "Moves the focus on."),
    Action("pane.previous", "shift+tab", "previous pane", "Moves the focus back."),
    Action("pane.jump", ";", "jump", "Shows a letter on each pane; press it to go there."),
    Action("pane.zoom", "z", "zoom", "Fills the screen with the focused pane, or puts it back.", rank=12),
    Action("pane.wider", ">", "wider", "Gives the focused pane more room."),
    Action("pane.narrower", "<", "narrower", "Gives the focused pane less room."),
    Action("pane.even", "=", "even", "Puts all panes back to their own size."),
    # Home
    Action("home.filter", "/", "filter", "Filters the runs: words, state:running, acc>=0.8, -word.", rank=5),
    Action("home.sort", "o", "sort", "Sorts by the next column.", rank=8),
    Action("home.reverse", "O", "reverse", "Turns the order round."),
    Action("home.new", "n", "new", "Starts a new experiment.", rank=4),
    Action("home.demo", "d", "demo", "Starts a small sweep on the built-in model.", rank=3),
    Action("home.demo_lm", "w", "language demo", "Starts the same on the built-in language model."),
    Action("home.demo_vision", "i", "image demo", "Starts the same on the built-in image classifier."),
    Action("home.compare", "c", "compare", "Compares the marked runs.", rank=6),
    Action(
        "home.baseline",
        "b",
        "baseline",
        "Pins this run as the baseline of all others, or lets it go.",
    ),
    Action("filter.keep", "enter,down", "keep the filter", "Goes back to the runs that the filter leaves.", rank=1),
    # Runs: on Home the run under the cursor, on a run's own screen that run
    Action("run.rerun", "r", "rerun", "Opens the run's settings as a new experiment.", rank=9),
    Action("run.pause", "p", "pause", "Pauses after the running point, or resumes.", rank=5),
    Action("run.cancel", "x", "cancel", "Cancels the run at once; what is recorded stays.", rank=6),
    Action("run.tag", "t", "tag", "Writes tags and a note on the run; tag: filters by them.", rank=14),
    Action("run.remove", "D,delete", "delete", "Deletes the run, or the marked ones, once you agree.", rank=15),
    Action("run.log", "L", "log", "Shows the run's log.", rank=13),
    Action("run.try", "T", "try", "Gives the next trial of a search parameters of your own.", rank=12),
    Action("run.more", "M", "more", "Adds trials to a search.", rank=12),
    # Experiments
    Action("launch.start", "ctrl+r", "run", "Starts the experiment, from any field.", rank=1),
    Action("launch.presets", "P", "presets", "Fills the form from a preset.", rank=6),
    Action("launch.edit", "ctrl+o", "edit as TOML", "Opens the settings as TOML in $EDITOR.", rank=14),
    Action("launch.save", "ctrl+s", "save preset", "Saves the form as a preset.", rank=13),
    Action("launch.follow", "f", "follow", "Selects each newest point by itself."),
    # Forms
    Action("form.open", "enter", "edit", "Edits the row, lists models or data, or chooses.", rank=2),
    Action("form.edit", "i", "edit text", "Edits the row's text, all of it selected."),
    Action("form.left", "left,h", "left", "Goes to the choice before."),
    Action("form.right", "right,l", "right", "Goes to the next choice."),
    Action("form.toggle", "space", "choose", "Chooses, or takes the choice back.", rank=3),
    Action("form.next", "down,j", "down", "Goes to the next row."),
    Action("form.previous", "up,k", "up", "Goes to the row before."),
    Action("form.first", "g,home", "top", "Goes to the first row."),
    Action("form.last", "G,end", "bottom", "Goes to the last row."),
    Action("form.half_down", "ctrl+d,pagedown", "half page down", "Goes down half a page."),
    Action("form.half_up", "ctrl+u,pageup", "half page up", "Goes up half a page."),
    Action("edit.accept", "enter", "accept", "Keeps the text; escape puts the old one back.", rank=1),
    Action("edit.next", "down", "accept, down", "Keeps the text and goes to the next row."),
    Action("edit.previous", "up", "accept, up", "Keeps the text and goes to the row before."),
    # Search
    Action("search.mixed", "v", "mixed", "Goes to the search for a format in every layer.", rank=11),
    # Views of one page
    Action("view.next", "]", "next view", "Shows the next view: points, details, settings, log.", rank=8),
    Action("view.previous", "[", "previous view", "Shows the view before."),
    # Compare
    Action("compare.import", "i", "import", "Lays a curve from a table or TensorBoard beside.", rank=2),
    Action("compare.same", "d", "same", "Shows or hides the settings that do not differ."),
    # Tables
    Action("table.down", "down,j", "down", "Moves down."),
    Action("table.up", "up,k", "up", "Moves up."),
    Action("table.top", "g,home", "top", "Goes to the first row."),
    Action("table.bottom", "G,end", "bottom", "Goes to the last row."),
    Action("table.half_down", "ctrl+d,pagedown", "half page down", "Goes down half a page."),
    Action("table.half_up", "ctrl+u,pageup", "half page up", "Goes up half a page."),
    Action("table.open", "enter", "open", "Opens the row.", rank=2),
    Action("table.mark", "space", "mark", "Marks the row: marked rows are drawn and compared.", rank=3),
    Action("values.sort", "o", "sort", "Sorts by the next column.", rank=8),
    Action("values.reverse", "O", "reverse", "Turns the order round."),
    Action("values.filter", "/", "filter", "Shows only rows with these words or numbers: acc>=0.8.", rank=9),
    Action("details.next", "m", "table", "Shows the next table of the run.", rank=4),
    # Curves
    Action("curve.metric", "m", "metric", "Shows the next figure or metric.", rank=3),
    Action("curve.smooth", "s", "smooth", "Smooths the curve more; the raw values stay, dim.", rank=4),
    Action("curve.rough", "S", "rough", "Smooths the curve less."),
    Action("curve.axis", "a", "axis", "Changes the x axis: linear or log, step or time.", rank=5),
    Action("curve.scale", "A", "scale", "Changes the y axis: linear or log."),
    Action("curve.closer", "+,up,k", "closer", "Zooms in."),
    Action("curve.farther", "-,down,j", "farther", "Zooms out."),
    Action("curve.whole", "0", "whole", "Shows the whole curve."),
    Action("curve.left", "left,h", "left", "Moves the cursor left; its values are read out."),
    Action("curve.right", "right,l", "cursor", "Moves the cursor right; its values are read out.", rank=6),
    Action("curve.alone", "H", "alone", "Shows one curve alone, then the next, and last all again.", rank=13),
    Action("curve.picture", "I", "picture", "Shows a real picture, where the terminal can, or the cells.", rank=12),
    # Graph
    Action("graph.capture", "ctrl+r", "capture", "Captures the model as a graph.", rank=1),
    Action("graph.passes", "p", "transform", "Applies a transform and compares with the model.", rank=3),
    Action("graph.compare", "d", "diff", "Shows what differs from another capture.", rank=4),
    Action("graph.undo", "U", "undo", "Takes the last transform back.", rank=9),
    Action("graph.erase", "x", "try erase", "Erases a node as it stands, then does it right.", rank=10),
    Action("graph.model", "M", "model", "Chooses another model.", rank=5),
    Action("graph.inputs", "I", "inputs", "Chooses the inputs to capture with.", rank=6),
    Action("graph.settings", "S", "settings", "Chooses mode, attention and sizes.", rank=13),
    Action("graph.input", "i", "to input", "Goes to an input of the node.", rank=11),
    Action("graph.user", "u", "to user", "Goes to a user of the node.", rank=11),
    Action("graph.back", "b", "go back", "Goes back to where the last jump began.", rank=12),
    Action("tree.unfold", "right,l", "open", "Opens the module."),
    Action("tree.fold", "left,h", "close", "Closes the module, or goes up to it."),
    Action("tree.open_all", "+", "open all", "Opens every module.", rank=14),
    Action("tree.close_all", "-", "close all", "Closes every module.", rank=14),
    Action("tree.find", "/", "find", "Finds nodes by name, operator or module.", rank=2),
    Action("tree.next", "n", "next", "Goes to the next node found."),
    Action("tree.previous", "N", "previous", "Goes to the node found before."),
    Action("tree.filter", "f", "filter", "Shows only some nodes: op:linear, module:layer.0.", rank=7),
    Action("drawing.dot", "d", "DOT", "Writes the graph as DOT.", rank=3),
    Action("drawing.whole", "w", "whole or part", "The whole graph, or the module under the cursor.", rank=2),
    Action("erase.do", "enter", "erase it", "Erases the node, its users rewired.", rank=1),
    # Text and logs
    Action("find.open", "/", "find", "Finds text.", rank=3),
    Action("find.next", "n", "next", "Goes to the next match."),
    Action("find.previous", "N", "previous", "Goes to the match before."),
    Action("find.follow", "f", "follow", "Keeps the end in view as lines arrive."),
    # Formats
    Action("formats.wider", "+", "wider", "Makes the format one bit wider.", rank=1),
    Action("formats.narrower", "-", "narrower", "Makes the format one bit narrower.", rank=2),
    Action("formats.family", "f", "family", "Takes the next family of formats.", rank=3),
    Action("formats.family_before", "F", "family before", "Takes the family before."),
    Action("formats.compare", "c", "compare", "Puts a second format beside, or takes it away.", rank=4),
    Action("formats.right", "right,l", "weights", "Goes to the next bar and shows the bits of a weight in it.", rank=5),
    Action("formats.left", "left,h", "left", "Goes to the bar before."),
    Action("formats.next", "n", "next weight", "Shows the next weight in the bar.", rank=11),
    Action("formats.previous", "N", "weight before", "Shows the weight before in the bar."),
    Action("formats.more", ".", "more there", "Moves fraction, exponent, bias or block up."),
    Action("formats.less", "comma", "less there", "Moves fraction, exponent, bias or block down."),
    Action("formats.edit", "s", "spec", "Writes the format by hand; enter goes back to the plot.", rank=6),
    Action("formats.model", "m", "model", "Takes another model.", rank=7),
    Action("formats.quantize", "r", "quantize", "Opens Quantize with these formats filled in.", rank=8),
    Action("formats.sensitivity", "a", "accuracy", "Opens Sensitivity: accuracy with one layer quantised.", rank=9),
    # Pickers
    Action("pick.next", "down", "down", "Goes to the next entry."),
    Action("pick.previous", "up", "up", "Goes to the entry before."),
    Action("pick.complete", "tab", "complete", "Takes the entry into the text: a folder's content is listed.", rank=2),
    Action("pick.finetune", "ctrl+t", "fine-tune", "Trains the model under the cursor on first."),
    # Dialogs
    Action("dialog.close", "escape,q", "close", "Closes the dialog; nothing happens.", rank=0),
    Action("export.png", "p", "PNG", "Writes the figure as a PNG.", rank=1),
    Action("export.svg", "s", "SVG", "Writes the figure as an SVG.", rank=2),
    Action("export.csv", "c", "CSV", "Writes the table as CSV.", rank=3),
    Action("export.json", "j", "JSON", "Writes the run as JSON.", rank=4),
    Action("export.markdown", "m", "Markdown", "Writes the table as Markdown.", rank=5),
    Action("export.latex", "l", "LaTeX", "Writes the table as LaTeX.", rank=6),
    Action("export.model", "o", "model", "Writes the model for another program and compares the two.", rank=7),
    Action("remove.do", "enter", "delete for good", "Deletes the runs with their results and models.", rank=1),
    Action("quit.leave", "enter", "leave them running", "Quits; the runs go on and are there next time.", rank=1),
    Action("quit.stop", "s", "stop them", "Cancels the active runs and quits; what is recorded stays.", rank=2),
)

BY_ID = {action.id: action for action in ACTIONS}

_GLYPHS = {"escape": "esc", "enter": "↵", "space": "␣", "up": "↑", "down": "↓", "left": "←", "right": "→"}
_WORDS = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}
_CHARACTERS = {
    "question_mark": "?",
    "colon": ":",
    "semicolon": ";",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def bindings(*groups: str) -> list[BindingType]:
    """The bindings of whole groups, or of single actions given by id; for a class's `BINDINGS`."""
    return [action.binding for action in ACTIONS if action.group in groups or action.id in groups]


def character(key: str) -> str | None:
    """What a key types, None where it types nothing."""
    return " " if key == "space" else _CHARACTERS.get(key, key if len(key) == 1 else None)


def show_key(key: str, *, words: bool = False) -> str:
    """A key as a reader knows it: `^r` for ctrl+r, `?` for question_mark; plain words instead of arrows on request."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    last = _CHARACTERS.get(
        last, (_WORDS if words else _GLYPHS | {"pagedown": "pgdn", "pageup": "pgup"}).get(last, last)
    )
    marks = "".join("^" if modifier == "ctrl" else f"{modifier}+" for modifier in modifiers)
    return marks + last


def key_of(action: str, keys: Mapping[str, str]) -> str:
    """The first key of an action as a reader knows it; `keys` are the user's own, by action."""
    return show_key(keys.get(action, BY_ID[action].keys).split(",")[0].strip())
