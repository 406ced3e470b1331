"""The verbs on recorded runs: what goes to stdout, what to stderr, which exit code."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tui_app.command.doctor as doctor_module
from engine.experiments.standing import Standing
from engine.runtime import devices
from engine.runtime.cluster import look
from engine.runtime.lock import RunLock
from engine.runtime.runs import read_run
from engine.runtime.versions import versions
from tests.tui.recorded import WIDTHS, write_run
from tui_app.command.main import VERBS, cli

Labtui = Callable[..., Result]


@pytest.fixture
def labtui() -> Labtui:
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def run() -> Path:
    return write_run(name="a [red]sweep[/red] \x1b[31mx", modes=("ptq", "qat"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(labtui: Labtui, verb: str) -> None:
    result = labtui(verb, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("show", "labtui: Missing argument 'RUN'. See labtui show --help."),
        ("formats \x1b[31mx", "labtui: Got unexpected extra argument (x). See labtui formats --help."),
        ("runs --jsn", "labtui: No such option '--jsn'. Did you mean '--json'? See labtui runs --help."),
        (
            "completion",
            "labtui: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish. See labtui completion --help.",
        ),
        ("extend x y", "labtui: Invalid value for 'COUNT': 'y' is not a valid whole number. See labtui extend --help."),
        ("run quantize x", "labtui: Got unexpected extra argument (x). See labtui run quantize --help."),
    ],
)
def test_wrong_usage_is_one_sentence_like_other_wrong_input(labtui: Labtui, words: str, sentence: str) -> None:
    result = labtui(*words.split())
    assert (result.exit_code, result.stderr.strip()) == (2, sentence)


def test_help_of_an_experiment_lists_every_setting(labtui: Labtui) -> None:
    from engine.experiments.quantize.config import QuantizeConfig

    text = labtui("run", "quantize", "--help").stdout
    for name in QuantizeConfig.model_fields:
        assert f"  {name} " in text


def test_show_prints_the_table_and_the_best_point(labtui: Labtui, run: Path) -> None:
    result = labtui("show", run.name)
    assert result.exit_code == 0
    assert "✓ finished" in result.stdout
    assert "16/16 points" in result.stdout
    assert "one standard error" in result.stdout
    assert "[red]sweep[/red] x" in result.stdout
    assert "\x1b" not in result.stdout


def test_show_json_is_the_documented_document(labtui: Labtui, run: Path) -> None:
    document = json.loads(labtui("show", "@last", "--json").stdout)
    assert document["run"]["id"] == run.name
    assert document["run"]["state"] == "finished"
    assert document["run"]["notes"]["baseline"]["accuracy"] == 0.8612
    assert [point["index"] for point in document["points"]] == list(range(16))
    first = document["points"][0]
    assert {"index", "params", "state", "attempt", "result", "error"} <= first.keys()
    assert {"accuracy", "accuracy_low", "accuracy_high", "loss", "bytes"} <= first["result"].keys()
    figure = document["figures"][0]
    assert {"title", "x_label", "y_label", "series"} <= figure.keys()
    assert [series["name"] for series in figure["series"]] == ["PTQ", "QAT", "baseline"]
    assert figure["series"][0]["x"] == list(WIDTHS)
    assert figure["series"][0]["y"] == [point["result"]["accuracy"] for point in document["points"][:8]]


def test_runs_lists_and_filters(labtui: Labtui) -> None:
    write_run(name="first")
    write_run(name="second", done=3)
    everything = json.loads(labtui("runs", "--json").stdout)
    assert [run["name"] for run in everything] == ["second", "first"]
    assert [run["done"] for run in everything] == [3, 8]
    finished = json.loads(labtui("runs", "-q", "state:finished", "--json").stdout)
    assert [run["name"] for run in finished] == ["first"]


def test_a_filter_may_name_what_no_run_has_yet(labtui: Labtui) -> None:
    write_run(done=0)
    for query in (
        "accuracy>0.5",
        "true_sparsity>=0.5",
        "state:failed",
        "experiment:prune",
        '"foo:bar"',
        "model:run:q-1",
    ):
        result = labtui("runs", "-q", query, "--json")
        assert (result.exit_code, result.stdout.strip()) == (0, "[]"), query


def test_a_long_name_gives_way_and_nothing_else_does(labtui: Labtui, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a name that is much too long for one line of a terminal with eighty columns"
    path = write_run(name=name)
    monkeypatch.delenv("COLUMNS", raising=False)
    whole = labtui("runs").stdout
    assert name in whole
    monkeypatch.setenv("COLUMNS", "60")
    narrow = labtui("runs").stdout
    assert max(map(len, narrow.splitlines())) <= 60
    assert path.name in narrow
    assert "✓ finished" in narrow
    assert name[:10] in narrow
    assert name not in narrow


def test_a_table_of_several_runs_is_refused_before_anything_is_written(labtui: Labtui, tmp_path: Path) -> None:
    first, second = write_run(name="first"), write_run(name="second")
    png = tmp_path / "a.png"
    result = labtui("export", first.name, second.name, "--png", png, "--csv", tmp_path / "b.csv")
    assert (result.exit_code, png.exists()) == (2, False)
    assert "written for one run at a time" in result.stderr


def test_export_writes_all_kinds(labtui: Labtui, run: Path, tmp_path: Path) -> None:
    kinds = ("png", "svg", "csv", "json", "markdown", "latex")
    options = [word for kind in kinds for word in (f"--{kind}", tmp_path / f"out.{kind}")]
    result = labtui("export", run.name, *options)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "out.svg").read_text()
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    recorded = read_run(run).points
    assert [float(row["accuracy"]) for row in rows] == [point.result["accuracy"] for point in recorded if point.result]
    assert json.loads((tmp_path / "out.json").read_text())["run"]["id"] == run.name
    assert (tmp_path / "out.markdown").read_text().count("\n") == 2 + len(recorded)
    assert r"\toprule" in (tmp_path / "out.latex").read_text()


def test_report_names_command_choice_and_figures(labtui: Labtui, run: Path, tmp_path: Path) -> None:
    assert labtui("export", run.name, "--report", tmp_path / "report").exit_code == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "labtui run quantize --set widths=2,3,4,5,6,8,12,16 --set modes=ptq,qat" in text
    assert "**Chosen:** fixed(" in text
    for figure in ("accuracy", "size", "loss"):
        assert f"]({run.name}-{figure}.png)" in text
        assert (tmp_path / "report" / f"{run.name}-{figure}.png").exists()


def test_several_runs_share_one_figure(labtui: Labtui, tmp_path: Path) -> None:
    first, second = write_run(name="one"), write_run(name="two", modes=("qat",))
    path = tmp_path / "both.svg"
    assert labtui("export", first.name, second.name, "--svg", path).exit_code == 0
    assert "one: PTQ" in path.read_text()
    assert "two: QAT" in path.read_text()


def test_logs_name_their_file_and_are_clean(labtui: Labtui, run: Path) -> None:
    (run / "logs" / "0.1.log").write_text("loading\x1b]0;owned\x07 model\n[bold]as it is[/bold]\n")
    result = labtui("logs", run.name)
    assert "0.1: loading model\n" in result.stdout
    assert "0.1: [bold]as it is[/bold]\n" in result.stdout


def test_rm_removes_all_of_it(labtui: Labtui, run: Path) -> None:
    assert labtui("rm", run.name).exit_code == 0
    assert not run.exists()


def test_rm_of_several_removes_none_where_a_name_is_wrong_and_all_that_are_at_rest(labtui: Labtui, run: Path) -> None:
    others = [write_run(), write_run()]
    assert "There is no run 'q-9999'" in labtui("rm", run.name, "q-9999").stderr
    assert run.exists()
    lock = RunLock.take(run)
    assert lock is not None
    result = labtui("rm", run.name, *(path.name for path in others), others[0].name)
    lock.release()
    assert result.exit_code == 2
    assert f"{run.name} is active; cancel it first." in result.stderr
    assert [path.exists() for path in (run, *others)] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "q-9999"), "There is no run 'q-9999'"),
        (("export", "@last"), "Say what to write"),
        (("export", "@last", "--png", "x.png", "--figure", "nope"), "the figures are accuracy, size, loss"),
        (("resume", "@last"), "finished already"),
        (("cancel", "@last"), "finished already"),
        (("run", "quantise"), "did you mean quantize"),
        (("run", "quantize", "--set", "widths=1"), "a width lies between 2 and 32"),
        (("run", "quantize", "--set", "formats=fixed(8,"), "fixed(8"),
        (("run", "quantize", "--config", "absent.toml"), "cannot be read"),
        (("run", "quantize", "--set", "model=/no/such/model"), "does not exist"),
        (("runs", "--nonsense"), "No such option"),
        (("frobnicate",), "There is no command 'frobnicate'; labtui --help lists them."),
        (("shw",), "There is no command 'shw'; did you mean show?"),
        (("run", "quantize", "--set", "wdths=4"), "wdths: there is no such setting; did you mean widths?"),
        (("run", "quantize", "--set", "modes=ptqq"), "modes: there is no choice 'ptqq'; did you mean ptq?"),
        (("run", "quantize", "--set", "seed=x"), "seed must be a whole number, not 'x'"),
        (("run", "quantize", "--set", "seed=-1"), "seed must be at least 0, not -1"),
        (("runs", "-q", "foo:bar"), "The filter knows no field 'foo:'; the fields are experiment,"),
        (("runs", "-q", "stat:failed"), "did you mean state?"),
        (("runs", "-q", "state:finishd"), "The filter knows no state 'finishd'; did you mean finished?"),
        (("runs", "-q", "state:failed|runing"), "did you mean running"),
        (("runs", "-q", "experiment:quantise"), "did you mean quantize?"),
        (
            ("runs", "-q", "points>>2"),
            "The filter compares points with '>2', which is no number; write for example acc>=0.8.",
        ),
        (("runs", "-q", "points>=many"), "The filter compares points with 'many', which is no number"),
        (("runs", "-q", "acuracy>0.5"), "The filter knows no number 'acuracy'; did you mean accuracy"),
    ],
)
def test_refusals_are_one_sentence_on_stderr_with_code_2(
    labtui: Labtui, run: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = labtui(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_setting_that_means_nothing_is_said_and_the_run_starts(labtui: Labtui) -> None:
    result = labtui(
        "run", "quantize", "--set", "modes=ptq", "--set", "learning_rate=1e-3", "--set", "widths=4", "--detach"
    )
    assert result.exit_code == 0
    assert "learning_rate is not used here: it belongs to modes=qat." in result.stderr.splitlines()
    labtui("cancel", result.stdout.strip())


def test_a_refused_run_leaves_nothing_behind(labtui: Labtui, state: Path) -> None:
    assert labtui("run", "quantize", "--set", "model=/no/such/model").exit_code == 2
    assert labtui("runs", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("torch", "kernels", "said"),
    [
        ("2.13.0+cpu", None, {"torch for gpus": "fail", "gpu kernels": "warn"}),
        ("2.13.0", None, {"gpu kernels": "warn"}),
        ("2.13.0+cu130", "here", {}),
    ],
)
def test_doctor_says_what_a_gpu_lacks(
    torch: str, kernels: str | None, said: dict[str, str], labtui: Labtui, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = devices.Device("GPU-1", "NVIDIA H200", 10**11)
    monkeypatch.setattr(devices, "available", lambda: [gpu])
    monkeypatch.setattr(doctor_module, "versions", lambda: {"python": "3.11", "torch": torch, "transformers": "5"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: kernels)
    checks = json.loads(labtui("doctor", "--json").stdout)["checks"]
    assert {check["name"]: check["state"] for check in checks if "gpu" in check["name"]} == said


def test_doctor_says_what_it_found(labtui: Labtui) -> None:
    checks = {check["name"]: check for check in json.loads(labtui("doctor", "--json").stdout)["checks"]}
    assert checks["state folder"]["state"] == "ok"
    assert checks["torch"]["state"] == "ok"
    assert "device" in checks


def test_doctor_says_who_stands_by(labtui: Labtui, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "all_standing", lambda: [Standing(4711, "quantize", 412_000_000)])
    done = labtui("doctor").stdout
    assert "✓ stand-by      quantize, 412 MB, pid 4711\n" in done
    assert "ends with the app" in done
    monkeypatch.setattr(doctor_module, "all_standing", list)
    assert "stand-by" not in labtui("doctor").stdout


def test_doctor_looks_at_a_cluster(labtui: Labtui, monkeypatch: pytest.MonkeyPatch) -> None:
    same, other = look.Seen(look.Node("1", "node-1", 8, 2), versions()), look.Seen(look.Node("2", "node-2", 4, 0), {})
    monkeypatch.setattr(look, "look", lambda _address: (same, other))
    done = labtui("doctor", "--address", "head:6379", "--json")
    checks = [check for check in json.loads(done.stdout)["checks"] if check["name"] in ("cluster", "node")]
    assert [(check["state"], check["found"]) for check in checks] == [
        ("ok", "head:6379 (2 nodes)"),
        ("ok", "node-1: 8 CPUs, 2 GPUs"),
        ("fail", "node-2: 4 CPUs, 0 GPUs"),
    ]
    assert checks[2]["advice"] == "node-2 cannot load labtui; install there what is installed here."
    assert done.exit_code == 1


def test_doctor_tries_how_one_is_told(labtui: Labtui, state: Path, tmp_path: Path) -> None:
    def check() -> dict[str, str]:
        checks: list[dict[str, str]] = json.loads(labtui("doctor", "--notify", "--json").stdout)["checks"]
        return next(check for check in checks if check["name"] == "notify")

    assert (check()["state"], check()["found"]) == ("ok", "off")
    state.mkdir(exist_ok=True)
    (state / "config.toml").write_text(f"notify = 'echo $LABTUI_STATE > {tmp_path / 'told'}'")
    assert check()["state"] == "ok"
    assert (tmp_path / "told").read_text() == "finished\n"
    (state / "config.toml").write_text("notify = 'exit 4'")
    assert check()["state"] == "fail"
    assert "status 4" in check()["advice"]
