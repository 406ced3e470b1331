"""Every architecture through everything: each operation works or ends in one sentence, as docs/models.md says."""

import os
import re
from pathlib import Path

import pytest
import torch

from engine.errors import InputError
from engine.graph.capture import capture
from engine.graph.inputs import usual_inputs
from engine.graph.subjects import subject
from engine.layers import live_layers
from engine.training.forward import ForwardError
from tests.zoo.operations import OPERATIONS, Case, case
from tests.zoo.small import KINDS, LEFT_OUT, small_model

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"
OPEN = ("bert", "fnet", "gpt2", "llama", "roberta")
YES, NO = "yes", "no"


def row(kind: str, one: Case, outcomes: dict[str, str]) -> str:
    cells = [kind, str(len(live_layers(one.model))), *(outcomes[name] for name in OPERATIONS)]
    return f"| {' | '.join(cells)} |"


def recorded(kind: str) -> str:
    return next((line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| {kind} |")), "")


@pytest.mark.parametrize("kind", KINDS)
def test_works_or_says_why(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuda_kernels.timing.PATIENCE", 0)  # how long a step takes is none of its matters
    one = case(kind, tmp_path)
    outcomes: dict[str, str] = {}
    said: list[str] = []
    for name, operation in OPERATIONS.items():
        torch.manual_seed(0)
        try:
            operation(one)
            outcomes[name] = YES
        except (InputError, ForwardError) as error:
            print(f"{kind} {name}: {error}")
            said.append(str(error))
            outcomes[name] = NO
    assert all(text and "\n" not in text for text in said)
    found = row(kind, one, outcomes)
    if os.environ.get("LABTUI_UPDATE_ZOO"):
        write(kind, found)
    assert found == recorded(kind), "LABTUI_UPDATE_ZOO=1 writes docs/models.md anew; look at the difference"


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_is_captured_or_says_why(kind: str, tmp_path: Path) -> None:
    """With fixed sizes, which is several times as fast; the types in `OPEN` with open ones too."""
    model = small_model(kind)
    model.config.architectures = [type(model).__name__]
    model.save_pretrained(tmp_path)
    fixed = dict.fromkeys(usual_inputs(model), ("", ""))
    for dynamic in (fixed, None) if kind in OPEN else (fixed,):
        found = capture(subject(str(tmp_path)), dynamic=dynamic).graph
        assert found.nodes
        assert "\n" not in (found.problem or "")
        assert kind not in OPEN or not found.problem


def write(kind: str, found: str) -> None:
    lines = [line for line in DOCUMENT.read_text().splitlines() if not line.startswith(f"| {kind} |")]
    end = max(place for place, line in enumerate(lines) if line.startswith("|"))
    first = lines.index(next(line for line in lines if line.startswith("| ---")))
    rows = sorted([*lines[first + 1 : end + 1], found])
    DOCUMENT.write_text("\n".join([*lines[: first + 1], *rows, *lines[end + 1 :], ""]))


def test_the_document_names_every_type() -> None:
    text = DOCUMENT.read_text()
    rows = re.findall(r"^\| ([\w.-]+) \| \d+ \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(KINDS)
    assert all(f"`{kind}`" in text for kind in LEFT_OUT)
