"""The loss with a teacher beside float64 one row at a time, its gradient, and trainings that stop and go on."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.training.objective import Classes, NextTokens, Objective
from engine.training.state import Checkpoints
from engine.training.teacher import Teacher
from engine.training.train import TrainSettings, train
from engine.training.variants import Variants
from tests.training.small import small_model, small_tokens
from tests.training.test_checkpoints import KilledError, context
from tests.training.test_variants import SPECS, quantized

SETTINGS = TrainSettings(steps=12, batch_size=24, learning_rate=5e-3, seed=3)


def softmax(row: list[float]) -> list[float]:
    top = max(row)
    whole = sum(math.exp(one - top) for one in row)
    return [math.exp(one - top) / whole for one in row]


def oracle(rows: Tensor, taught: Tensor, labels: Tensor, weight: float, t: float) -> tuple[float, Tensor]:
    """The loss of rows `[n, classes]`, and its gradient: (1−λ)·(p − onehot) + λ·T·(p_T − q_T), over n."""
    total, gradient = 0.0, torch.zeros_like(rows, dtype=torch.float64)
    for place, (student, teacher, label) in enumerate(
        zip(rows.tolist(), taught.tolist(), labels.tolist(), strict=True)
    ):
        p, p_t, q_t = softmax(student), softmax([z / t for z in student]), softmax([z / t for z in teacher])
        kl = sum(q * math.log(q / p) for q, p in zip(q_t, p_t, strict=True))
        total += -(1 - weight) * math.log(p[label]) + weight * t**2 * kl
        for k in range(len(student)):
            task = p[k] - (k == label)
            gradient[place, k] = (1 - weight) * task + weight * t * (p_t[k] - q_t[k])
    return total / len(rows), gradient / len(rows)


@pytest.mark.parametrize("weight", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 10.0])
def test_loss_and_gradient_of_classes(weight: float, temperature: float) -> None:
    torch.manual_seed(0)
    logits, taught, labels = 3 * torch.randn(6, 5), 3 * torch.randn(6, 5), torch.randint(5, (6,))
    logits.requires_grad_()
    loss = Teacher(small_model(), weight, temperature).losses(Classes(), logits, taught, labels)
    loss.sum().backward()
    expected, gradient = oracle(logits.detach(), taught, labels, weight, temperature)
    assert loss.tolist() == pytest.approx([expected], rel=1e-5)
    assert torch.allclose(logits.grad.double(), gradient, atol=1e-6)  # type: ignore[union-attr]


def test_loss_and_gradient_of_next_tokens() -> None:
    """Only places that are judged count: the last one of a window has no token after it."""
    torch.manual_seed(0)
    logits, taught, labels = torch.randn(2, 4, 7), torch.randn(2, 4, 7), torch.randint(7, (2, 4))
    logits.requires_grad_()
    loss = Teacher(small_model()).losses(NextTokens(), logits, taught, labels)
    loss.sum().backward()
    rows, other, said = logits.detach()[:, :-1].flatten(0, 1), taught[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    expected, gradient = oracle(rows, other, said, 0.5, 2.0)
    assert loss.tolist() == pytest.approx([expected], rel=1e-5)
    assert logits.grad is not None
    assert torch.allclose(logits.grad[:, :-1].flatten(0, 1).double(), gradient, atol=1e-6)
    assert not logits.grad[:, -1].any()


@pytest.mark.parametrize(("objective", "shape"), [(Classes(), (3,)), (NextTokens(), (3, 5))])
def test_variants_have_a_divergence_each_from_one_teacher(objective: Objective, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    logits, taught = torch.randn(4, *shape, 6), torch.randn(*shape, 6)
    each = [float(objective.divergences(one, taught, 2.0)) for one in logits]
    assert objective.divergences(logits, taught, 2.0).tolist() == pytest.approx(each)
    assert objective.divergences(taught, taught, 2.0).tolist() == pytest.approx([0.0], abs=1e-6)


def test_a_teacher_is_asked_once_a_batch_and_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    logits = Teacher.logits

    def watched(self: Teacher, inputs: dict[str, Tensor]) -> Tensor:
        found = logits(self, inputs)
        asked.append(found.requires_grad)
        return found

    monkeypatch.setattr(Teacher, "logits", watched)
    model = small_model()
    before = [one.clone() for one in model.parameters()]
    models = [quantized(spec) for spec in SPECS]
    train(Variants(models), small_tokens(), Classes(), SETTINGS, device="cpu", teacher=Teacher(model))
    assert asked == [False] * SETTINGS.steps
    assert all(map(torch.equal, before, model.parameters()))
    assert all(one.grad is None for one in model.parameters())


def test_variants_learn_what_each_learns_alone() -> None:
    def losses(model: torch.nn.Module) -> Tensor:
        found: list[list[float]] = []
        teacher = Teacher(small_model())
        train(
            model, small_tokens(), Classes(), SETTINGS, device="cpu", teacher=teacher,
            on_step=lambda _step, _total, *values: found.append(list(values)),
        )  # fmt: skip
        return torch.tensor(found)

    alone = torch.cat([losses(quantized(spec, dropout=0.3)) for spec in SPECS], 1)
    assert torch.allclose(losses(Variants([quantized(spec, dropout=0.3) for spec in SPECS])), alone, atol=1e-4)


def test_going_on_gives_the_numbers_of_an_undisturbed_training(tmp_path: Path) -> None:
    def run(attempt: int | None, until: int | None = None) -> tuple[torch.nn.Module, list[float]]:
        model, losses = small_model(dropout=0.3), list[float]()

        def on_step(step: int, total: int, loss: float) -> None:
            if step == until:
                raise KilledError
            losses.append(loss)

        checkpoints = None if attempt is None else Checkpoints(context(tmp_path, attempt), 0, seconds=0)
        train(
            model, small_tokens(), Classes(), SETTINGS, device="cpu", teacher=Teacher(small_model()),
            on_step=on_step, checkpoints=checkpoints,
        )  # fmt: skip
        return model, losses

    model, losses = run(None)
    with pytest.raises(KilledError):
        run(1, until=7)
    again, rest = run(2)
    assert rest == losses[6:]
    assert all(map(torch.equal, model.parameters(), again.parameters()))
