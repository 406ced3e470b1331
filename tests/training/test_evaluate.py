import pytest
import torch
from torch.nn import functional

from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.statistics import wilson
from tests.training.small import small_model, small_tokens


def test_it_equals_one_sample_at_a_time() -> None:
    model, tokens = small_model(), small_tokens(100)
    logits = []
    with torch.no_grad():
        for start, end in zip(tokens.offsets[:-1].tolist(), tokens.offsets[1:].tolist(), strict=True):
            logits.append(model(input_ids=tokens.ids[start:end].long().unsqueeze(0)).logits[0].double())
    alone = torch.stack(logits)
    correct = alone.argmax(-1) == tokens.labels
    for size in (1, 7, 64):
        found = evaluate(model, tokens, Classes(), batch_size=size, device="cpu")
        assert torch.equal(found.outcomes, correct)
        assert found.value == correct.double().mean()
        assert found.loss == pytest.approx(float(functional.cross_entropy(alone, tokens.labels)), abs=1e-5)
        assert (found.low, found.high) == wilson(int(correct.sum()), 100)
        assert found.n == 100


def test_the_models_mode_is_restored_and_progress_reaches_the_end() -> None:
    model, tokens, seen = small_model(dropout=0.5).train(), small_tokens(50), []
    first = evaluate(model, tokens, Classes(), batch_size=8, device="cpu", progress=lambda *facts: seen.append(facts))
    assert model.training
    assert seen[-1][:2] == (50, 50)
    assert evaluate(model, tokens, Classes(), batch_size=8, device="cpu").loss == first.loss
