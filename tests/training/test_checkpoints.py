"""A training that was interrupted goes on with the same numbers; what does not fit is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.errors import InputError
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.context import Context
from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.state import Checkpoints, State
from engine.training.train import Optimizer, Trained, TrainSettings, train
from tests.training.small import small_model, small_tokens

SETTINGS = TrainSettings(steps=30, batch_size=24, learning_rate=5e-3, eval_steps=7, seed=3)


class KilledError(Exception):
    """What stands for kill -9."""


def context(folder: Path, attempt: int) -> Context:
    (folder / "attempts").mkdir(exist_ok=True)
    log = AttemptLog.create(AttemptFile.of(folder, "0000", attempt).path)
    log.emit("start", None, {"points": [0], "device": "cpu"})
    return Context(log.emit, device="cpu", directory=folder)


def accuracy_of(model: nn.Module) -> Callable[[int], float]:
    tokens = small_tokens(100)
    return lambda step: evaluate(model, tokens, Classes(), batch_size=32, device="cpu").value


def run(
    settings: TrainSettings, checkpoints: Checkpoints | None = None, until: int | None = None, dropout: float = 0.3
) -> tuple[nn.Module, Trained, list[float]]:
    model, losses = small_model(dropout), list[float]()

    def on_step(step: int, total: int, loss: float) -> None:
        if step == until:
            raise KilledError
        losses.append(loss)

    trained = train(
        model,
        small_tokens(),
        Classes(),
        settings,
        device="cpu",
        on_step=on_step,
        validate=accuracy_of(model),
        checkpoints=checkpoints,
    )
    return model, trained, losses


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("until", [2, 12, 26])
def test_going_on_gives_the_numbers_of_an_undisturbed_training(
    tmp_path: Path, optimizer: Optimizer, until: int
) -> None:
    """Killed in the first epoch (11 batches), after a validation, and in the third epoch."""
    settings = replace(SETTINGS, optimizer=optimizer)
    model, trained, losses = run(settings)
    with pytest.raises(KilledError):
        run(settings, Checkpoints(context(tmp_path, 1), 0, seconds=0), until)
    again, resumed, rest = run(settings, Checkpoints(context(tmp_path, 2), 0, seconds=0))
    assert rest == losses[until - 1 :]
    assert (resumed.steps, resumed.best_step, resumed.best_score) == (30, trained.best_step, trained.best_score)
    assert all(map(torch.equal, model.parameters(), again.parameters()))


def test_a_checkpoint_is_kept_no_more_often_than_asked(tmp_path: Path) -> None:
    run(replace(SETTINGS, steps=5), Checkpoints(context(tmp_path, 1), 0, seconds=3600))
    assert not (tmp_path / "artifacts").exists()


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=40, learning_rate=0.05, schedule="constant", eval_steps=2)
    model, seen = small_model(), list[tuple[float, int]]()
    measure = accuracy_of(model)

    def validate(step: int) -> float:
        seen.append((measure(step), step))
        return seen[-1][0]

    trained = train(model, small_tokens(), Classes(), settings, device="cpu", validate=validate)
    highest = max(accuracy for accuracy, _ in seen)
    assert trained.best_score == highest == measure(0)
    assert trained.best_step == next(step for accuracy, step in seen if accuracy == highest)


def test_it_stops_when_nothing_gets_better() -> None:
    answers = iter([0.5, 0.6, 0.6, 0.4, 0.9])
    settings = replace(SETTINGS, steps=100, eval_steps=3, patience=2)
    trained = train(
        small_model(), small_tokens(), Classes(), settings, device="cpu", validate=lambda step: next(answers)
    )
    assert (trained.steps, trained.best_step, trained.best_score) == (12, 6, 0.6)


def test_stopped_early_stays_stopped_after_a_kill(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=100, eval_steps=2, patience=1)
    kept = Checkpoints(context(tmp_path, 1), 0, seconds=0)
    answers = iter([0.6, 0.5])
    model, tokens = small_model(), small_tokens()
    train(model, tokens, Classes(), settings, device="cpu", validate=lambda step: next(answers), checkpoints=kept)
    again = Checkpoints(context(tmp_path, 2), 0, seconds=0)
    trained = train(small_model(), tokens, Classes(), settings, device="cpu", validate=lambda s: 1.0, checkpoints=again)
    assert (trained.steps, trained.best_step, trained.best_score) == (4, 2, 0.6)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    model = small_model()
    path = tmp_path / "state"
    State(model, torch.optim.AdamW(model.parameters())).save(path)
    other = small_model()
    other.classifier = nn.Linear(32, 3)
    with pytest.raises(InputError, match=r"classifier\.(weight is \(2, 32\)|bias is \(2,\)), here \(3"):
        State(other, torch.optim.AdamW(other.parameters())).load(path)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    model, path = small_model(), tmp_path / "state"
    optimizer = torch.optim.AdamW(model.parameters())
    model(input_ids=torch.ones(1, 4, dtype=torch.long)).logits.sum().backward()
    optimizer.step()
    State(model, optimizer, step=1).save(path)
    data = path.read_bytes()
    header = int.from_bytes(data[:8], "little")
    assert data[8 : 8 + header].lstrip().startswith(b'{"__metadata__"')
    assert b"optimizer.exp_avg.classifier.weight" in data[: 8 + header]
