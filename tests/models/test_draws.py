"""Only texts that a run uses are tokenised, and they are those that all tokens would have given."""

from pathlib import Path

import pytest
import torch

from engine.experiments.launch import configure
from engine.experiments.shared.config import TaskConfig
from engine.models import tokens as module
from engine.models.labelled_sets import ALL, Draw, LabelledSets
from engine.models.texts import LabelledTexts
from engine.models.tokens import load_tokens
from engine.tasks.labelled import draw_of
from engine.training.samples import drawn
from engine.training.tokens import Tokens
from tests.models.test_loading import TOKENIZER


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(
        "text,label\n" + "".join(f"the plot is good {'very ' * (i % 7)}number {i},{i % 2}\n" for i in range(200))
    )
    return path


def load(file: Path, draw: Draw, seed: int = 3) -> LabelledSets[Tokens]:
    return load_tokens(str(file), TOKENIZER, 12, seed, draw=draw)


def same(one: Tokens, other: Tokens) -> bool:
    pairs = ((one.ids, other.ids), (one.offsets, other.offsets), (one.labels, other.labels))
    return all(torch.equal(a, b) for a, b in pairs)


def test_what_is_drawn_is_part_of_the_whole(file: Path) -> None:
    whole, part = load(file, ALL), load(file, Draw(train=40, validation=5, test=1000, calibration=16))
    assert same(part.train, whole.train.select(drawn(len(whole.train), 40, 3)))
    assert same(part.validation, whole.validation.select(drawn(len(whole.validation), 5, 3)))
    assert same(part.test, whole.test)
    assert same(part.calibration, whole.train.select(drawn(len(whole.train), 16, 3)))
    assert part.description == whole.description
    assert len(whole.calibration) == 0


def test_calibration_does_not_depend_on_what_is_trained_on(file: Path) -> None:
    found = [load(file, Draw(train=train, calibration=16)).calibration for train in (None, 0, 40)]
    assert same(found[0], found[1])
    assert same(found[0], found[2])


def test_a_smaller_draw_is_part_of_a_larger_one() -> None:
    assert set(drawn(100, 10, 5).tolist()) < set(drawn(100, 40, 5).tolist())
    assert drawn(5, 9, 0).tolist() == [0, 1, 2, 3, 4]


def test_nothing_else_is_tokenised(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    encode = module.encode

    def counted(part: LabelledTexts, *more: object) -> Tokens:
        seen.append(len(part))
        return encode(part, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "encode", counted)
    draw = Draw(train=40, validation=5, test=6, calibration=16)
    load(file, draw)
    load(file, draw)
    assert seen == [40, 5, 6, 16]


@pytest.mark.parametrize(
    ("experiment", "settings", "count"),
    [
        ("quantize", {"batch_size": 8}, 0),
        ("quantize", {"batch_size": 8, "modes": "qat", "qat_steps": 40}, 320),
        ("quantize", {"batch_size": 8, "modes": "qat", "qat_epochs": 1}, None),
        ("prune", {"batch_size": 8, "finetune_steps": 3}, 24),
        ("prune", {"finetune_steps": 0}, 0),
        ("prune", {"finetune_epochs": 1}, None),
        ("finetune", {"batch_size": 8, "steps": 5}, 40),
        ("finetune", {}, None),
        ("sensitivity", {}, 0),
        ("mixed", {}, 0),
        ("search", {"space": "num_hidden_layers=1,2", "batch_size": 8, "steps": 9, "tune_steps": 20}, 160),
        ("search", {"space": "num_hidden_layers=1,2", "seeds": 2}, None),
        ("search", {"space": "batch_size=8,16"}, None),
    ],
)
def test_each_experiment_says_how_many_texts_it_trains_on(
    experiment: str, settings: dict[str, object], count: int | None
) -> None:
    config = configure(experiment, settings)[1]
    assert config.train_samples == count  # type: ignore[attr-defined]
    assert any("trained on" in sentence for sentence in config.cut) == bool(count)  # type: ignore[attr-defined]


def test_calibration_samples_are_as_many_as_the_setting_says_whatever_a_batch_is() -> None:
    draws = [draw_of(TaskConfig(calibration_samples=10, batch_size=size)) for size in (4, 64)]
    assert [draw.calibration for draw in draws] == [10, 10]
    assert draw_of(TaskConfig()).calibration == 128
