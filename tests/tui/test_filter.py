"""The filter language, term by term."""

import pytest

from engine.runtime.runs import damaged_record
from tests.tui.recorded import NOW, run_record
from tui_app.runs.filter import parse_filter
from tui_app.runs.summary import summarize

RUNS = {
    run.id: summarize(run)
    for run in (
        run_record("q-0001", name="bert tiny PTQ", config={"model": "prajjwal1/bert-tiny"}),
        run_record("q-0002", name="Bert QAT", modes=("qat",), widths=(2, 3), age=60),
        run_record("q-0003", name="broken", state="failed", done=0, error={"type": "ValueError", "message": "no"}),
        run_record("q-0004", name="going", state="running", done=4),
    )
}


def found(text: str) -> str:
    """The last digits of the ids that pass."""
    wanted = parse_filter(text, NOW)
    return "".join(name[-1] for name, run in RUNS.items() if wanted(run))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "1234"),
        ("   ", "1234"),
        ("bert", "12"),
        ("BERT ptq", "1"),
        ("q-0003", "3"),
        ("-bert", "34"),
        ("-bert -broken", "4"),
        ('"bert qat"', "2"),
        ("qat|broken", "23"),
        ("qat | broken", "23"),
        ("-qat|broken", "14"),
        ("state:running", "4"),
        ("state:running|failed", "34"),
        ("state:run|fail bert", ""),
        ("-state:failed", "124"),
        ("model:bert-tiny", "1"),
        ("experiment:quantize", "1234"),
        ("experiment:prune", ""),
        ("name:bert", "12"),
        ("id:q-0002|q-0004", "24"),
        ("device:cpu", "1234"),
        ("acc>=0.8", "14"),
        ("accuracy>=80%", "14"),
        ("acc<0.8", "2"),
        ("acc>2", ""),
        ("bytes<1M", ""),
        ("bytes>1M", "124"),
        ("points=2", "2"),
        ("points!=2", "134"),
        ("done>=8", "1"),
        ("age<100", "2"),
        ("width<=4", "2"),
        ("-acc>=80%", "23"),
        ("nosuch>1", ""),
    ],
)
def test_terms(text: str, ids: str) -> None:
    assert found(text) == ids


@pytest.mark.parametrize(
    "text", ["-", "|", "||", ":", "state:", '"', '"bert', "acc>=", "acc>=x", "a:b:c", "-|", "%", ">"]
)
def test_half_typed_text_never_fails(text: str) -> None:
    found(text)


def test_an_empty_field_asks_for_nothing() -> None:
    assert found("state:") == "1234"


def test_markup_and_escapes_are_plain_text() -> None:
    run = summarize(run_record("q-0009", name="a[red]b\x1b[31mc\x1b]0;x\x07"))
    assert run.name == "a[red]bc"
    assert parse_filter("[red]")(run)


def test_a_run_that_cannot_be_read_can_be_filtered() -> None:
    gone = summarize(damaged_record(run_record("q-0010").path, ValueError("spec.json: gone")))
    assert parse_filter("state:damaged")(gone)
    assert not parse_filter("acc>0")(gone)
