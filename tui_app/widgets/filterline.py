"""The field of the filter language."""

from textual.events import Key

from tui_app.widgets.lineinput import LineInput


class FilterInput(LineInput):
    """Enter and down go back to the table; what is typed filters at once."""

    HELP = (
        "Words must all be found. state:running|queued asks a field (experiment, state, model, data, name, id, "
        "device), acc>=0.8 or acc>=80% a number of the best point, -word leaves out, a|b takes either."
    )

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: words  state:running|queued  acc>=80%  -word", id="query", select_on_focus=False
        )

    def on_key(self, event: Key) -> None:
        if event.key in ("enter", "down"):
            event.prevent_default()
            event.stop()
            self.screen.query("Table").first().focus()
