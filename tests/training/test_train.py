import pytest
import torch

from engine.errors import InputError
from engine.training import train as module
from engine.training.evaluate import evaluate
from engine.training.forward import NotFiniteError
from engine.training.objective import Classes
from engine.training.train import TrainSettings, train
from tests.training.small import small_model, small_tokens
from tests.zoo import small as zoo

SETTINGS = TrainSettings(steps=60, batch_size=16, learning_rate=5e-3)


def run(settings: TrainSettings, dropout: float = 0.0) -> tuple[torch.nn.Module, list[tuple[int, int, float]]]:
    model, seen = small_model(dropout), list[tuple[int, int, float]]()
    train(model, small_tokens(), Classes(), settings, device="cpu", on_step=lambda *facts: seen.append(facts))
    return model, seen


def test_it_learns_and_reports_every_step() -> None:
    model, seen = run(SETTINGS)
    assert [step for step, _, _ in seen] == list(range(1, 61))
    assert {total for _, total, _ in seen} == {60}
    assert not model.training
    assert evaluate(model, small_tokens(), Classes(), batch_size=32, device="cpu").value > 0.95


def test_a_seed_fixes_everything_and_the_callers_random_state_stays() -> None:
    settings = TrainSettings(steps=5, batch_size=16, seed=3)
    torch.manual_seed(11)
    first, losses = run(settings, dropout=0.3)
    after = torch.rand(1)
    torch.manual_seed(11)
    assert torch.equal(torch.rand(1), after)
    second, again = run(settings, dropout=0.3)
    assert losses == again
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    _, other = run(TrainSettings(steps=5, batch_size=16, seed=4), dropout=0.3)
    assert other != losses


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    factor = module.rate("linear", total=10, warmup=2)
    assert [factor(step) for step in range(11)] == pytest.approx(
        [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0.0]
    )


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        (TrainSettings(steps=7), 7),
        (TrainSettings(epochs=2, batch_size=16), 32),
        (TrainSettings(epochs=0.5, batch_size=100), 2),
        (TrainSettings(epochs=0.001), 1),
    ],
)
def test_steps_and_epochs(settings: TrainSettings, steps: int) -> None:
    assert settings.total_steps(256) == steps


@pytest.mark.parametrize("settings", [TrainSettings(), TrainSettings(steps=1, epochs=1)])
def test_one_of_steps_and_epochs_must_be_set(settings: TrainSettings) -> None:
    with pytest.raises(ValueError, match="either"):
        settings.total_steps(10)


def test_frozen_parameters_stay_and_decay_spares_vectors() -> None:
    model = small_model()
    model.bert.requires_grad_(False)
    before = model.bert.embeddings.word_embeddings.weight.clone()
    train(model, small_tokens(), Classes(), TrainSettings(steps=2), device="cpu")
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, before)
    decayed, spared = module._groups(model, 0.1)
    assert [p.ndim for p in decayed["params"]] == [2]
    assert [p.ndim for p in spared["params"]] == [1]


def test_bf16_where_there_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_bf16", lambda device: False)
    with pytest.raises(InputError, match="bfloat16"):
        run(TrainSettings(steps=1, bf16=True))


def test_bf16_keeps_parameters_in_float32() -> None:
    if not module.has_bf16(torch.device("cpu")):
        pytest.skip("needs bfloat16 instructions")
    model, seen = run(TrainSettings(steps=60, batch_size=16, learning_rate=5e-3, bf16=True))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert seen[-1][2] < 0.5 * seen[0][2]


@pytest.mark.parametrize("at_once", [3, 16])
def test_losses_read_together_are_those_read_one_by_one(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """On a GPU several steps are read at once: the same losses, in order, none behind a validation."""
    settings = TrainSettings(steps=11, batch_size=16, learning_rate=5e-3, eval_steps=4)

    def trained() -> list[tuple[object, ...]]:
        seen: list[tuple[object, ...]] = []
        train(
            small_model(),
            small_tokens(),
            Classes(),
            settings,
            device="cpu",
            on_step=lambda *facts: seen.append(facts),
            validate=lambda step: seen.append(("validation", step)) or 0.5,
        )
        return seen

    one_by_one = trained()
    _read_together(monkeypatch, at_once)
    assert trained() == one_by_one


def test_a_loss_that_breaks_down_between_reads_is_told_by_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    _read_together(monkeypatch, 4)
    model = small_model()

    def spoil(done: int) -> None:
        if done == 5:
            with torch.no_grad():
                model.classifier.bias.fill_(float("nan"))

    seen: list[int] = []
    with pytest.raises(NotFiniteError, match="broke down at step 6, where the loss is not finite; lower"):
        train(
            model,
            small_tokens(),
            Classes(),
            TrainSettings(steps=12, batch_size=16),
            device="cpu",
            before_step=spoil,
            on_step=lambda step, *_: seen.append(step),
        )
    assert seen == [1, 2, 3, 4]


def _read_together(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """As on a GPU."""
    monkeypatch.setattr(module, "losses_at_once", lambda device: steps)


def test_a_model_that_trains_on_one_length_alone_is_refused() -> None:
    """Reformer's own code raised, of chunk lengths."""
    model = zoo.small_model("reformer")
    with pytest.raises(InputError, match=r"trains only on texts of 48 tokens each.*use it without training\.$"):
        train(model, small_tokens(), Classes(), TrainSettings(steps=1, batch_size=2), device="cpu")
