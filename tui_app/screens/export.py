"""The export dialog: one key a kind of file; the path is there already."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.errors import InputError
from engine.figures.files import to_json, write_text
from engine.figures.look import look
from engine.runtime.paths import existing, expanded
from tui_app.actions import BY_ID, bindings, show_key
from tui_app.living import Living
from tui_app.screens.base import Exports
from tui_app.screens.dialog import Dialog
from tui_app.text import clean, count
from tui_app.widgets.lineinput import LineInput

FOLDER = "exports"
SIZE, DPI = "7x4.4", "160"  # inches, as on the command line


class Sheet(Living, Static, can_focus=True):
    """The list of kinds. It holds the focus, so that single letters work until the path is edited."""

    HELP = "Press the letter of the kind of file. ↑ edits the path; ↓ size, resolution and title of a picture."


class ExportScreen(Dialog):
    """Writes figures through the warm worker and everything else itself; never over a file that is there."""

    BINDINGS = bindings("dialog", "export", "pick.next", "pick.previous")
    CSS = """
    ExportScreen.dialog > .box { width: 72; max-width: 96%; }
    ExportScreen.dialog > .box > * { width: 1fr; }
    ExportScreen Horizontal { height: 1; }
    ExportScreen Horizontal Static { width: 7; color: $muted; }
    ExportScreen Sheet { margin: 1 0; }
    ExportScreen Input { width: 1fr; }
    """
    title_text = "Export"

    def __init__(self, exports: Exports, folder: Path | None = None) -> None:
        super().__init__()
        self.exports = exports
        self._folder = Path(FOLDER) if folder is None else folder

    def box(self) -> Iterable[Widget]:
        yield Horizontal(Static("path"), LineInput(str(self._folder / self.exports.stem), compact=True, id="path"))
        yield Sheet(Content("\n").join(self._kinds()))
        if self.exports.figures:
            yield Static("PNG and SVG; size in inches, or column, page, slide", classes="muted")
            for name, usual in (("size", SIZE), ("dpi", DPI), ("title", self.exports.figures[0].title)):
                yield Horizontal(Static(name), LineInput(clean(usual), compact=True, id=name))

    def on_mount(self) -> None:
        self.query_one(Sheet).focus()

    def _kinds(self) -> Iterable[Content]:
        figure = clean(self.exports.figures[0].title) if self.exports.figures else ""
        rows = count(len(self.exports.table.rows), "row") if self.exports.table else ""
        runs = ", ".join(run.id for run in self.exports.runs)
        for name, what in (
            ("png", figure),
            ("svg", figure),
            ("csv", rows),
            ("json", runs),
            ("markdown", rows),
            ("latex", rows),
        ):
            action = BY_ID[f"export.{name}"]
            quiet = "" if what else "$muted"
            key = (f"{show_key(action.keys)}  ", "bold $secondary" if what else quiet)
            yield Content.assemble(
                key, (f"{action.label:<10}", quiet), (what or "nothing of this kind here", quiet or "$muted")
            )
        if len(self.exports.runs) == 1:
            action = BY_ID["export.model"]
            key = (f"{show_key(action.keys)}  ", "bold $secondary")
            yield Content.assemble(key, f"{action.label:<10}", "for another program: ONNX, GGUF and more")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Sheet).focus()

    def action_pick_next(self) -> None:
        self.focus_next()

    def action_pick_previous(self) -> None:
        self.focus_previous()

    def action_export_png(self) -> None:
        self._picture(".png")

    def action_export_svg(self) -> None:
        self._picture(".svg")

    def action_export_csv(self) -> None:
        self._text(".csv", self.exports.table.csv() if self.exports.table else None)

    def action_export_markdown(self) -> None:
        table = self.exports.summary or self.exports.table
        self._text(".md", table.markdown() if table else None)

    def action_export_latex(self) -> None:
        table = self.exports.paper or self.exports.table
        self._text(".tex", table.latex() if table else None)

    def action_export_json(self) -> None:
        from engine.experiments import results

        documents = [results.document(run) for run in self.exports.runs]
        value = documents[0] if len(documents) == 1 else {"runs": documents}
        self._text(".json", to_json(value) if documents else None)

    def action_export_model(self) -> None:
        if len(self.exports.runs) != 1:
            self.notify("A model is written for one run at a time.")
            return
        from tui_app.screens.export_model import export_model

        run, stem = self.exports.runs[0].id, expanded(self._typed("path") or str(self._folder / self.exports.stem))
        self.lab.run_worker(export_model(self.lab, run, self.exports.point, stem), group="export")
        self.dismiss(None)

    def _path(self, ending: str) -> Path:
        """The typed path with its ending, or with the next free number where a file of that name is there."""
        typed = expanded(self._typed("path") or str(self._folder / self.exports.stem))
        stem = typed.name.removesuffix(ending)
        path, number = typed.with_name(stem + ending), 2
        while existing(str(path)):
            path, number = typed.with_name(f"{stem}-{number}{ending}"), number + 1
        return path

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _text(self, ending: str, text: str | None) -> None:
        if text is None:
            self.notify("There is nothing of this kind here.")
            return
        path = self._path(ending)
        try:
            write_text(path, text)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._wrote(path)

    def _picture(self, ending: str) -> None:
        if not self.exports.figures:
            self.notify("There is no figure here.")
            return
        dots = self._typed("dpi") or DPI
        if not dots.isascii() or not dots.isdigit():
            self.notify(f"dpi is a whole number, not {dots!r}.", severity="error", markup=False)
            return
        asked: dict[str, Any] = {
            "size": self._typed("size") or SIZE,
            "dpi": int(dots[:9]),
            "title": self._typed("title"),
        }
        try:
            look(**asked)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        # The app draws it: the dialog is gone by then.
        self.lab.run_worker(self._drawn(self._path(ending), asked), group="export")
        self.dismiss(None)

    async def _drawn(self, path: Path, asked: Mapping[str, Any]) -> None:
        figure = asdict(self.exports.figures[0])
        try:
            await self.lab.interactive.ask("picture", figure=figure, path=str(path.absolute()), **asked)
        except InputError as error:
            self.lab.notify(str(error), severity="error", markup=False)
            return
        self.lab.notify(f"Wrote {path}", markup=False)

    def _wrote(self, path: Path) -> None:
        self.lab.notify(f"Wrote {path}", markup=False)
        self.dismiss(None)
