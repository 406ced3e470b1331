"""News of runs for the screens: one thread takes a look now and then, one message follows.

The bound is in the structure: two looks a second, fewer where they are costly, none before the screens have taken
the news of the last one, and no message where nothing changed.
"""

import threading
from collections.abc import Callable, Iterable

from engine.runtime.records import RunRecord
from tui_app.pace import Pace
from tui_app.runs.source import Source
from tui_app.runs.summary import Summary
from tui_app.runs.watcher import News, Watcher

SECONDS_BETWEEN = 0.5
BEHIND = 0.02  # the same while there are runs that have not been read yet
LONGEST = 5.0  # seconds that screens may take over news before there is more


class Feed:
    """Holds what is known (read it on the interface's thread) and fetches what is new (in a thread of its own).

    `post` hands each `News` over and must be safe to call from any thread; the interface answers with `take`, and with
    `done` once its screens show the news.
    """

    def __init__(self, source: Source, post: Callable[[News], object]) -> None:
        self.rows: dict[str, Summary] = {}
        self.records: dict[str, RunRecord] = {}
        self.unread = 0
        self.trouble = ""
        self.ready = False
        self._watcher = Watcher(source)
        self._post = post
        self._wanted: dict[int, frozenset[str]] = {}
        self._wake = threading.Event()
        self._shown = threading.Event()
        self._pace = Pace(SECONDS_BETWEEN)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="runs", daemon=True)

    def start(self) -> None:
        """Begins; the first look is taken at once."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Asks for a look now; asking again before it is taken changes nothing."""
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread and lets go of all files."""
        self._stopped = True
        self._wake.set()
        self._shown.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def follow(self, owner: int, ids: Iterable[str]) -> None:
        """The runs whose full records `owner` wants from now on, in place of those before."""
        wanted = frozenset(ids)
        if wanted == self._wanted.get(owner, frozenset()):
            return
        if wanted:
            self._wanted = {**self._wanted, owner: wanted}
        else:
            self._wanted = {key: value for key, value in self._wanted.items() if key != owner}
        self._wake.set()

    def take(self, news: News) -> frozenset[str]:
        """Takes news in; returns the ids that changed or are gone."""
        self.ready = True
        self.unread, self.trouble = news.unread, news.trouble
        for name in news.gone:
            self.rows.pop(name, None)
            self.records.pop(name, None)
        self.rows.update(news.summaries)
        self.records.update(news.records)
        wanted = frozenset().union(*self._wanted.values())
        for name in self.records.keys() - wanted:
            del self.records[name]
        return frozenset(news.summaries) | frozenset(news.records) | news.gone

    def done(self, cost: float) -> None:
        """The news taken last are on the screen; that took `cost` seconds of processor time."""
        self._pace.add(cost)
        self._shown.set()

    def _run(self) -> None:
        trouble = ""
        while True:
            self._wake.wait(BEHIND if self._watcher.behind else self._pace.seconds)
            self._wake.clear()
            if self._stopped:
                break
            before, trouble = trouble, ""
            try:
                with self._pace.measured():
                    news = self._watcher.look(frozenset().union(*self._wanted.values()))
            except Exception as error:  # without this thread there would be no news at all any more
                news, trouble = None, f"{type(error).__name__}: {error}"
            if news is None and trouble != before:
                news = News(trouble=trouble)
            if news is not None:
                self._shown.clear()
                self._post(news)
                self._shown.wait(LONGEST)
        self._watcher.close()
