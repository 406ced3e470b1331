"""What the one polling place tells, and what it does not."""

from pathlib import Path
from queue import Queue

from engine.errors import InputError
from engine.runtime.records import RunRecord
from tests.tui.recorded import MemorySource, run_record, write_run
from tui_app.runs.feed import Feed
from tui_app.runs.source import Disk, Reader
from tui_app.runs.summary import Summary
from tui_app.runs.watcher import News, Watcher

NOBODY: frozenset[str] = frozenset()


def settled(watcher: Watcher, followed: frozenset[str] = NOBODY) -> News:
    """All the news there is: looks until one finds nothing."""
    summaries: dict[str, Summary] = {}
    records: dict[str, RunRecord] = {}
    gone: frozenset[str] = frozenset()
    trouble = ""
    while (news := watcher.look(followed)) is not None:
        summaries |= news.summaries
        records |= news.records
        gone |= news.gone
        trouble = news.trouble
    return News(summaries, records, gone, 0, trouble)


def test_everything_is_told_once() -> None:
    watcher = Watcher(MemorySource(run_record("q-0001"), run_record("q-0002", state="running", done=2)))
    news = settled(watcher)
    assert set(news.summaries) == {"q-0001", "q-0002"}
    assert not news.records
    assert watcher.look(NOBODY) is None


def test_a_running_run_is_told_when_it_changes() -> None:
    source = MemorySource(run_record("q-0001"), run_record("q-0002", state="running", done=2))
    watcher = Watcher(source)
    settled(watcher)
    source.put(run_record("q-0002", state="running", done=3))
    assert [run.done for run in settled(watcher).summaries.values()] == [3]


def test_followed_runs_come_with_their_records_once_and_then_on_change() -> None:
    source = MemorySource(run_record("q-0001"))
    watcher = Watcher(source)
    settled(watcher)
    follow = frozenset(["q-0001"])
    assert settled(watcher, follow).records["q-0001"].done == 8
    assert watcher.look(follow) is None
    source.put(run_record("q-0001", name="renamed"))
    assert settled(watcher, follow).records["q-0001"].name == "renamed"
    settled(watcher)
    assert "q-0001" in settled(watcher, follow).records


def test_a_run_at_rest_that_another_app_touches_is_read_again() -> None:
    source = MemorySource(*(run_record(f"q-{n:04d}") for n in range(200)))
    watcher = Watcher(source)
    settled(watcher)
    source.put(run_record("q-0077", state="paused", done=3))
    found = [news for _ in range(11) if (news := watcher.look(NOBODY)) is not None]
    assert [name for news in found for name in news.summaries] == ["q-0077"]


def test_runs_come_and_go() -> None:
    source = MemorySource(run_record("q-0001"), run_record("q-0002"))
    watcher = Watcher(source)
    settled(watcher)
    source.put(run_record("q-0003"))
    source.drop("q-0001")
    news = settled(watcher)
    assert news.gone == {"q-0001"}
    assert set(news.summaries) == {"q-0003"}


def test_trouble_is_told_once_and_its_end_too() -> None:
    source = MemorySource(run_record("q-0001"))
    watcher = Watcher(source)
    settled(watcher)
    source.trouble = OSError(5, "Input/output error")
    assert "Input/output error" in settled(watcher).trouble
    assert watcher.look(NOBODY) is None
    source.trouble = None
    news = watcher.look(NOBODY)
    assert news is not None
    assert news.trouble == ""


class Broken(MemorySource):
    """One run that cannot be read."""

    def read(self, path: Path) -> RunRecord:
        if path.name == "q-0002":
            raise ValueError("spec.json: \x1b[31mgone")
        return super().read(path)


def test_one_damaged_run_does_not_end_the_others_news() -> None:
    news = settled(Watcher(Broken(run_record("q-0001"), run_record("q-0002"), run_record("q-0003"))))
    states = {name: run.state for name, run in news.summaries.items()}
    assert states == {"q-0001": "finished", "q-0002": "damaged", "q-0003": "finished"}
    assert news.summaries["q-0002"].problem == "spec.json: gone"


class Barred(MemorySource):
    """Runs that cannot be followed, for as long as `barred`."""

    barred = True

    def reader(self, path: Path) -> Reader:
        if self.barred:
            raise InputError("spec.json is broken; remove the run.")
        return super().reader(path)


def test_following_a_damaged_run_is_told_once_and_ends_with_the_damage() -> None:
    source = Barred(run_record("q-0001"), run_record("q-0002", state="running", done=2))
    watcher, follow = Watcher(source), frozenset(["q-0001"])
    news = settled(watcher, follow)
    assert {run.state for run in news.summaries.values()} == {"damaged"}
    assert news.records["q-0001"].problem == "spec.json is broken; remove the run."
    assert watcher.look(follow) is None
    source.barred = False
    assert settled(watcher, follow).records["q-0001"].done == 8


class Stumbling(MemorySource):
    """Fails in a way that nobody foresaw, while `stumbles`."""

    stumbles = True

    def paths(self) -> list[Path] | None:
        if self.stumbles:
            raise RuntimeError("what now")
        return super().paths()


def test_the_feed_survives_what_nobody_foresaw() -> None:
    source = Stumbling(run_record("q-0001"))
    told: Queue[News] = Queue()
    feed = Feed(source, told.put)
    feed.start()
    assert told.get(timeout=20).trouble == "RuntimeError: what now"
    feed.done(0.0)
    source.stumbles = False
    feed.wake()
    news = told.get(timeout=20)
    assert (news.trouble, set(news.summaries)) == ("", {"q-0001"})
    feed.stop()


def test_the_state_folder() -> None:
    finished, broken_off = write_run(name="whole"), write_run(name="part", done=3)
    watcher = Watcher(Disk())
    follow = frozenset([finished.name])
    news = settled(watcher, follow)
    states = {run.id: (run.state, run.done, run.total) for run in news.summaries.values()}
    assert states == {finished.name: ("finished", 8, 8), broken_off.name: ("interrupted", 3, 8)}
    assert news.records[finished.name].points[0].metrics["loss"][0] == (0.0, 0.9)
    third = write_run(name="later", done=0)
    assert third.name in settled(watcher).summaries
    watcher.close()
