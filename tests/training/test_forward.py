"""What a model's own code raises, and values that are no numbers: named by layer, never a score."""

import math

import pytest
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.training.evaluate import evaluate
from engine.training.forward import ForwardError, NotFiniteError, check_weights, forward, raised
from engine.training.latency import latency
from engine.training.objective import Classes
from engine.training.train import TrainSettings, train
from engine.training.variants import Variants
from tests.training.small import small_model, small_tokens

QUERY = "bert.encoder.layer.0.attention.self.query"


class Broken(nn.Module):
    """Adds to what a layer gives, on every text or on those with a token alone."""

    def __init__(self, layer: nn.Module, value: float) -> None:
        super().__init__()
        self.layer, self.value = layer, value

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.layer(hidden)
        out[0, 0, 0] += self.value
        return out


def measure(model: nn.Module) -> object:
    return evaluate(model, small_tokens(100), Classes(), batch_size=16, device="cpu")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_no_number_is_no_score(value: float) -> None:
    """The class of largest logit is class 0 where all are NaN: a broken model had 57.5 % and a star."""
    model = small_model()
    with torch.no_grad():
        model.get_submodule(QUERY).weight[0, 0] = value  # type: ignore[index, operator]
    message = rf"begins with the weights, of which {QUERY}.weight has 1 NaN or infinite of 1,024 values \(0.098 %\)"
    with pytest.raises(NotFiniteError, match=message):
        measure(model)
    with pytest.raises(NotFiniteError, match=rf"the weights of one are not finite: {QUERY}.weight has 1 NaN"):
        check_weights(model, "one")
    check_weights(small_model(), "one")


def test_the_layer_where_outputs_stop_being_numbers_is_named() -> None:
    model = small_model()
    layer = model.bert.encoder.layer[0].output
    layer.dense = Broken(layer.dense, math.inf)
    with pytest.raises(NotFiniteError, match=r"not finite: it begins in bert.encoder.layer.0.output.dense, whose"):
        measure(model)


def test_weights_too_large_for_a_float_are_no_score() -> None:
    """Each is a number, and their products are none."""
    model = small_model()
    with torch.no_grad():
        model.bert.pooler.dense.weight.fill_(3e38)
        model.classifier.weight.fill_(3e38)
    with pytest.raises(NotFiniteError, match="it begins in "):
        measure(model)


def test_what_a_models_code_raises_is_said_to_be_its_own() -> None:
    model = small_model()
    model.bert.embeddings.position_embeddings = nn.Embedding(2, 32)
    message = r"the model's forward raised \w+Error: .*, at .*\.py:\d+ in \w+"
    with pytest.raises(ForwardError, match=message):
        measure(model)
    with pytest.raises(ForwardError, match=message):
        train(model, small_tokens(), Classes(), TrainSettings(steps=1), device="cpu")
    with pytest.raises(ForwardError, match=message):
        latency(model, small_tokens(), batch_size=8, device="cpu")


def test_exhausted_memory_is_passed_on() -> None:
    class Hungry(nn.Module):
        def forward(self) -> None:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes")

    with pytest.raises(RuntimeError, match="allocate") as caught:
        forward(Hungry(), {})
    assert not isinstance(caught.value, ForwardError)


def test_an_exception_without_words_has_a_name_and_a_place() -> None:
    with pytest.raises(KeyError) as caught:
        {}[()]
    assert raised(KeyError()) == "KeyError: no reason"
    assert raised(caught.value).startswith("KeyError: (), at ")


def test_a_training_that_breaks_down_says_where_before_it_spoils_the_weights() -> None:
    model = small_model()
    settings = TrainSettings(steps=20, learning_rate=1e30, warmup=0, schedule="constant")
    with pytest.raises(NotFiniteError, match=r"training broke down at step \d, .*it begins .*learning rate \(1e\+30\)"):
        train(model, small_tokens(), Classes(), settings, device="cpu")


def test_one_variant_that_breaks_down_leaves_the_others_alone() -> None:
    alone, with_broken = small_model(), small_model()
    broken = small_model()
    with torch.no_grad():
        broken.classifier.weight[0, 0] = math.nan
    settings = TrainSettings(steps=3, batch_size=8, learning_rate=1e-3)
    losses: list[tuple[float, ...]] = []
    train(alone, small_tokens(), Classes(), settings, device="cpu")
    train(
        Variants([with_broken, broken]),
        small_tokens(),
        Classes(),
        settings,
        device="cpu",
        on_step=lambda _step, _total, *each: losses.append(each),
    )
    assert all(math.isfinite(good) and math.isnan(bad) for good, bad in losses)
    found = [evaluate(one, small_tokens(100), Classes(), batch_size=16, device="cpu") for one in (alone, with_broken)]
    assert found[1].loss == pytest.approx(found[0].loss, abs=1e-3)
    with pytest.raises(InputError, match="not finite"):
        measure(broken)


def test_a_model_that_changes_its_inputs_in_place_leaves_those_of_the_caller() -> None:
    class Centring(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sub_(1)

    x = torch.ones(2, 3)
    assert torch.equal(forward(Centring(), {"x": x}), torch.zeros(2, 3))
    assert torch.equal(x, torch.ones(2, 3))
