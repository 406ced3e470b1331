"""The field of the filter language."""

from tui_app.actions import bindings
from tui_app.widgets.lineinput import LineInput


class FilterInput(LineInput):
    """What is typed filters at once; the filter is left with or without its text."""

    BINDINGS = bindings("filter")
    HELP = (
        "Words must all be found. state:running|queued asks a field (experiment, state, model, data, name, id, "
        "device), acc>=0.8 or acc>=80% a number of the best point, -word leaves out, a|b takes either."
    )

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: words  state:running|queued  acc>=80%  -word", id="query", select_on_focus=False
        )

    def action_filter_keep(self) -> None:
        self.screen.set_focus(self.screen.query("Table").first())
