"""Quantisation-aware training: a short one improves what post-training quantisation left, with every format."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from engine.compress import LayerFormats, quantize_model

Batch = dict[str, torch.Tensor]

HARSH = [
    "fixed(2)",
    "fixed(4,1)",
    "minifloat(2,1)",
    "minifloat_ieee(2,1)",
    "minifloat_denorm(2,2)",
    "log(3)",
    "bfp(1,16)",
    "block_minifloat(1,1,32)",
    "block_log(2,16)",
    "binary",
    "binary_scaled",
    "binary_residual(2)",
    "ternary",
    "mxint8",
    "mxfp8_e4m3",
    "mxfp8_e5m2",
    "mxfp6_e3m2",
    "mxfp6_e2m3",
    "mxfp4",
]


def batch(seed: int) -> Batch:
    """Sequences of 16 tokens; the label says whether tokens 1 to 9 outnumber tokens 10 to 19."""
    ids = torch.randint(1, 20, (64, 16), generator=torch.Generator().manual_seed(seed))
    return {"input_ids": ids, "labels": ((ids < 10).sum(1) > 8).long()}


def train(model: nn.Module, steps: int, rate: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        model(**batch(step)).loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()


def loss(model: nn.Module) -> float:
    with torch.no_grad():
        return sum(float(model(**batch(10_000 + i)).loss) for i in range(4)) / 4


@pytest.fixture(scope="module")
def trained() -> Iterator[nn.Module]:
    """A model half trained, and one thread: the tensors are too small to share."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForSequenceClassification(config)
    train(model, 60, 2e-3)
    yield model
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("spec", HARSH)
def test_a_short_training_improves_the_quantised_model(trained: nn.Module, spec: str) -> None:
    # The classifier stays as it is: where a grid turns every weight to zero, no gradient would pass it.
    formats = LayerFormats(spec, spec, exclude=("classifier",))
    model = quantize_model(trained, formats, [{"input_ids": batch(1)["input_ids"]}])
    before = loss(model)
    train(model, 50, 2e-3)
    assert loss(model) < before
