"""What is asked of a run's processes, through its files."""

from collections.abc import Callable

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.screens.base import Page


def carry_out(page: Page, verb: Callable[[], str]) -> None:
    """Calls `verb` in a thread; the page shows the sentence that it returns, or what stood against it."""

    def work() -> None:
        try:
            done = verb()
        except (InputError, OSError) as error:
            page.app.call_from_thread(page.notify, in_words(error), severity="error", markup=False)
            return
        page.app.call_from_thread(page.notify, done, timeout=3, markup=False)

    page.run_worker(work, thread=True, group="control")
