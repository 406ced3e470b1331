"""Tags on Home and on a run's page; what the column of differences is a difference from."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from engine.runtime.label import Label, read_label, write_label
from engine.runtime.records import RunRecord
from tests.tui.driving import opened, screen_text, until
from tests.tui.recorded import BASELINE, MemorySource, accuracy_of, run_record, write_run
from tui_app.runs.source import Disk
from tui_app.screens.home.screen import HomeScreen


async def test_t_writes_tags_and_a_note() -> None:
    path = write_run()
    async with opened(source=cast(MemorySource, Disk()), size=(140, 40)) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: "Tags of q-0001" in screen_text(app))
        await pilot.press(*"paper", "comma", *"v2;", *"mine", "enter")
        await until(pilot, lambda: read_label(path) == Label(("paper", "v2"), "mine"))
        await until(pilot, lambda: "paper v2" in screen_text(app) and "mine" in screen_text(app))


def labelled(run: RunRecord, path: Path, tags: tuple[str, ...]) -> RunRecord:
    path.mkdir()
    write_label(path, Label(tags))
    return replace(run, path=path)


async def test_runs_are_grouped_by_their_tags(tmp_path: Path) -> None:
    runs = [
        labelled(run_record(f"q-000{n}", age=n), tmp_path / f"q-000{n}", tags)
        for n, tags in enumerate([("b",), (), ("a",), ("b",), ("a", "c")], 1)
    ]
    async with opened(*runs, size=(140, 40)) as (app, pilot):
        screen = cast(HomeScreen, app.screen)
        while screen.listing.board.sort != "tags":
            await pilot.press("o")
        assert [row.key for row in screen.listing.table.rows] == ["q-0003", "q-0005", "q-0004", "q-0001", "q-0002"]
        await pilot.press("slash", *"tag:a")
        await until(pilot, lambda: {row.key for row in screen.listing.table.rows} == {"q-0003", "q-0005"})


async def test_differences_are_from_each_runs_own_baseline_until_one_is_pinned() -> None:
    other = run_record("q-0002", modes=("qat",), widths=(2,), age=9999)
    async with opened(run_record("q-0001", widths=(3,)), other, size=(140, 40)) as (app, pilot):
        screen = cast(HomeScreen, app.screen)

        def deltas() -> dict[str, str]:
            return {row.key: str(row.cells[5]) for row in screen.listing.table.rows}

        own = {
            "q-0001": accuracy_of(3, "ptq") - BASELINE["accuracy"],
            "q-0002": accuracy_of(2, "qat") - BASELINE["accuracy"],
        }
        assert deltas() == {name: f"{100 * value:+.2f}" for name, value in own.items()}
        assert "Δ from each run's baseline; b pins one for all" in screen_text(app)
        await pilot.press("b")
        difference = accuracy_of(2, "qat") - accuracy_of(3, "ptq")
        assert deltas() == {"q-0001": "base", "q-0002": f"{100 * difference:+.2f}"}
        assert "Δ from q-0001; b unpins it" in screen_text(app)
