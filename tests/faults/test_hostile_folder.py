"""Whatever is in one run's folder, the others are listed, and that one can be looked at and removed."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.folders import FILES, FOLDERS, assert_the_others_are_untouched, labtui, whole_run

EXAMPLES = int(os.environ.get("LABTUI_FUZZ", "15"))
"""For each file; `LABTUI_FUZZ=1000` looks further."""
JSON_FILES = [name for name in FILES if name.endswith((".json", ".jsonl"))]
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**20, -(10**20), 10**400, -1, 2**63, 10**15])
    | st.floats()
    | st.text(st.characters())  # lone surrogates too
    | st.sampled_from(["float:nan", "float:inf", "\x1b]0;x\x07", "\u202ex", "../../..", "finished"])
)
_ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("template") / "labtui"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABTUI_HOME", str(home))
        yield whole_run()


@pytest.fixture
def pair(template: Path, state: Path) -> Callable[[], tuple[Path, Path]]:
    """Makes the state folder anew: a run to damage, and a good one."""

    def fresh() -> tuple[Path, Path]:
        shutil.rmtree(state, ignore_errors=True)
        (state / "runs").mkdir(parents=True, mode=0o700)
        state.chmod(0o700)
        bad, good = (shutil.copytree(template, state / "runs" / name) for name in ("q-0001", "q-0002"))
        _finish(good)
        return bad, good

    return fresh


def _finish(path: Path) -> None:
    """The failed point is forgotten: a run that has one finished point and one queued would be interrupted."""
    for name in ("attempts/0001.1.jsonl", "trials.jsonl", "run.db"):
        (path / name).unlink(missing_ok=True)
    spec = json.loads((path / "spec.json").read_text())
    (path / "spec.json").write_text(json.dumps(spec | {"points": spec["points"][:1]}))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def fuzz(test: Callable[..., None]) -> Callable[..., None]:
    fixture = HealthCheck.function_scoped_fixture
    return settings(max_examples=EXAMPLES, suppress_health_check=[fixture, HealthCheck.too_slow])(test)


@pytest.mark.parametrize("name", FILES)
@fuzz
@given(data=st.binary(max_size=5000))
def test_any_bytes(pair: Callable[[], tuple[Path, Path]], name: str, data: bytes) -> None:
    bad, good = pair()
    _write(bad / name, data)
    assert_the_others_are_untouched(bad, good)


@pytest.mark.parametrize("name", JSON_FILES)
@fuzz
@given(value=_ANYTHING)
def test_any_json(pair: Callable[[], tuple[Path, Path]], name: str, value: Any) -> None:
    bad, good = pair()
    _write(bad / name, json.dumps(value).encode() + b"\n")
    assert_the_others_are_untouched(bad, good)


@pytest.mark.parametrize("name", JSON_FILES)
@fuzz
@given(data=st.data())
def test_any_value_of_any_field(pair: Callable[[], tuple[Path, Path]], name: str, data: st.DataObject) -> None:
    bad, good = pair()
    lines = (bad / name).read_text().splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = json.dumps(_changed(json.loads(lines[number]), data))
    _write(bad / name, "".join(f"{line}\n" for line in lines).encode())
    if name != "spec.json":
        (bad / "run.db").unlink()
    assert_the_others_are_untouched(bad, good)


def _changed(value: Any, data: st.DataObject) -> Any:
    """The value with something else at a place of its own choosing."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    if not keys or data.draw(st.integers(0, 3)) == 0:
        return data.draw(_ANYTHING)
    key = data.draw(st.sampled_from(list(keys)))
    copy = dict(value) if isinstance(value, dict) else list(value)
    if isinstance(copy, dict) and data.draw(st.integers(0, 5)) == 0:
        del copy[key]
    else:
        copy[key] = _changed(value[key], data)
    return copy


@pytest.mark.parametrize("name", JSON_FILES)
@pytest.mark.parametrize("bomb", [b'{"a":' * 10**5, b"[" * 10**5 + b"]" * 10**5, b"9" * 10**5, b"[" * 300 + b"]" * 300])
def test_bombs(pair: Callable[[], tuple[Path, Path]], name: str, bomb: bytes) -> None:
    bad, good = pair()
    _write(bad / name, b'{"ts":1,"n":0,"kind":"finished","point":0,"data":{"a":' + bomb + b"}}\n")
    assert_the_others_are_untouched(bad, good)


def _missing(path: Path) -> None:
    return


def _a_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def _a_pipe(path: Path) -> None:
    os.mkfifo(path)


def _a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _a_file(path: Path) -> None:
    path.write_text("a file")


ODDITIES = [_missing, _a_folder, _a_pipe, _a_link, _a_dangling_link, _a_loop, _huge, _a_file]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("name", [*FILES, *FOLDERS, "run.db-shm", "."])
def test_odd_things_in_place_of_files_and_folders(
    pair: Callable[[], tuple[Path, Path]], name: str, oddity: Callable[[Path], None]
) -> None:
    bad, good = pair()
    path = bad / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if name == "." and oddity not in (_a_pipe, _a_file, _huge):
        pytest.skip("a link is no run, and a folder without files has its own test")
    if name.startswith("logs/") and oddity is _huge:
        pytest.skip("`labtui logs` would print it all, which is right")
    oddity(path)
    assert_the_others_are_untouched(bad, good)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE point SET result = '[1]'",
        "UPDATE point SET result = '{\"accuracy\": []}'",
        "UPDATE point SET started = 'yesterday'",
        "UPDATE point SET ended = 1e300",
        "UPDATE point SET state = 'odd'",
        "UPDATE point SET error = '{}'",
        "UPDATE point SET attempt = -1",
        "UPDATE point SET device = x'ff00'",
        "UPDATE metric SET key = x'ff', value = 'much', step = x'00'",
        "UPDATE run SET state = 'odd', started = 'x'",
        "INSERT INTO point(idx, params) VALUES(7, '{}')",
        "INSERT INTO event(ts, point, attempt, kind, data) VALUES(0, 0, 1, 'note', '[]')",
        "DELETE FROM point",
        "DELETE FROM run",
        "DROP TABLE metric",
        "ALTER TABLE metric RENAME TO m; CREATE VIEW metric AS"
        " WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c)"
        " SELECT x AS seq, x AS point, x AS attempt, x AS key, x AS step, x AS value FROM c",
    ],
)
@pytest.mark.timeout(60)
def test_an_index_that_says_what_no_log_says(pair: Callable[[], tuple[Path, Path]], change: str) -> None:
    bad, good = pair()
    before = labtui("show", bad.name).stdout
    database = sqlite3.connect(bad / "run.db")
    database.executescript(change)
    database.close()
    if "result = '{" not in change:  # which only the experiment can find out
        assert labtui("show", bad.name).stdout == before
    assert_the_others_are_untouched(bad, good)
