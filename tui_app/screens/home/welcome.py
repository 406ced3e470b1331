"""What an empty project shows: three ways to begin."""

from typing import cast

from textual import work
from textual.content import Content
from textual.widgets import Static

from engine.errors import InputError
from tui_app.actions import BY_ID, show_key
from tui_app.lab import Lab
from tui_app.living import Living


class Welcome(Living, Static, can_focus=True):
    """Shown, and in focus, while there are no runs; also what `n` and the demo do."""

    HELP = "Three ways to begin: the demo, an experiment of your own, or the command line."

    def on_mount(self) -> None:
        keymap = self.app._keymap

        def key(action: str) -> tuple[str, str]:
            keys = keymap.get(action, BY_ID[action].keys)
            return show_key(keys.split(",")[0]), "bold $block-cursor-foreground on $primary"

        def plain(action: str) -> tuple[str, str]:
            return key(action)[0], "bold"

        self.update(
            Content.assemble(
                ("No runs yet.", "bold $primary"),
                " Three ways to begin:\n\n ",
                (f" {key('home.demo')[0]} ", key("home.demo")[1]),
                ("  the demo", "bold"),
                "\n      a small sweep on a built-in model: no network, some minutes;\n      ",
                plain("home.demo_lm"),
                " takes a language model, ",
                plain("home.demo_vision"),
                " images\n\n ",
                (f" {key('home.new')[0]} ", key("home.new")[1]),
                ("  a new experiment", "bold"),
                "\n      quantise, prune, fine-tune or search, then press ^r\n\n ",
                (" $ ", "bold $block-cursor-foreground on $secondary"),
                ("  the command line", "bold"),
                "\n      labtui run quantize --set widths=4,6,8\n\n",
                ("Runs go on when you close this; they are here when you come back.", "$muted"),
            )
        )

    def new(self) -> None:
        """Asks which experiment, and opens it."""
        from tui_app.screens.experiment.opening import choices
        from tui_app.screens.pickers import PickScreen

        lab = cast("Lab", self.app)
        lab.push_screen(
            PickScreen("New experiment", choices()), lambda name: lab.open_experiment(name) if name else None
        )

    @work(thread=True, exclusive=True, group="demo")
    def demo(self, task: str) -> None:
        """Launches a demo sweep; the runtime's processes do the work."""
        from tui_app.command.demo import DEMOS

        try:
            path = DEMOS[task].launch()
        except (InputError, OSError) as error:
            self.app.call_from_thread(self.app.notify, str(error), severity="error", markup=False)
            return
        self.app.call_from_thread(self.app.notify, f"{path.name} has started.", timeout=4, markup=False)
