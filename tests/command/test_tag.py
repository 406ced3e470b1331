"""Tags and notes: written by a command or a key, shown, filtered by, and worth nothing to a run."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from engine.runtime.label import Label, read_label, write_label
from engine.runtime.runs import RunReader, read_run
from tests.tui.recorded import write_run
from tui_app.command.main import cli

Labtui = Callable[..., Result]


@pytest.fixture
def labtui() -> Labtui:
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


def test_tags_are_added_removed_and_found(labtui: Labtui) -> None:
    first, second = write_run(name="one").name, write_run(name="two").name
    assert labtui("tag", first, "paper", "#figure-2", "--note", "the one to show").stdout == (
        "paper figure-2\nthe one to show\n"
    )
    assert labtui("tag", second, "draft").exit_code == 0
    assert labtui("tag", first, "-r", "figure-2", "extra").stdout.splitlines()[0] == "paper extra"
    found = json.loads(labtui("runs", "-q", "tag:paper", "--json").stdout)
    assert [(run["id"], run["tags"]) for run in found] == [(first, ["paper", "extra"])]
    assert json.loads(labtui("runs", "-q", "-tag:paper", "--json").stdout)[0]["id"] == second
    assert json.loads(labtui("runs", "-q", "show", "--json").stdout)[0]["id"] == first
    document = json.loads(labtui("show", first, "--json").stdout)["run"]
    assert (document["tags"], document["note"]) == (["paper", "extra"], "the one to show")
    assert "#paper #extra" in labtui("show", first).stdout
    assert labtui("tag", first, "--note", "").stdout == "paper extra\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("two words",), "'two words' is no tag"),
        (("-x",), "No such option"),
        ((*map(str, range(30)),), "20 tags at most"),
        (("--note", "x" * 3000), "2000 characters at most"),
    ],
)
def test_what_is_no_tag_changes_nothing(labtui: Labtui, words: tuple[str, ...], sentence: str) -> None:
    path = write_run()
    write_label(path, Label(("kept",), "and this"))
    result = labtui("tag", path.name, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert read_label(path) == Label(("kept",), "and this")


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"tags":5,"note":""}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_label_is_no_label(damage: bytes) -> None:
    path = write_run()
    (path / "label.json").write_bytes(damage)
    assert read_label(path) == Label()
    assert read_run(path).id == path.name


def test_a_reader_hears_of_a_new_tag() -> None:
    path = write_run()
    reader = RunReader(path)
    assert reader.poll() is not None
    assert reader.poll() is None
    write_label(path, Label(("paper",)))
    assert reader.poll() is not None
    reader.close()
