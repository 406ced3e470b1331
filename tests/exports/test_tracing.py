"""What a model is traced with: a mask where texts of several lengths will come in one batch."""

import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    FNetConfig,
    FNetForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

from engine.exports.tracing import maskable

IDS = {"input_ids": torch.zeros(2, 4, dtype=torch.long)}
SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9}


def test_a_classifier_of_texts_is_traced_with_a_mask() -> None:
    found = maskable(BertForSequenceClassification(BertConfig(**SMALL)), IDS)
    assert torch.equal(found["attention_mask"], torch.ones(2, 4, dtype=torch.long))
    own = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    given = maskable(BertForSequenceClassification(BertConfig(**SMALL)), IDS | {"attention_mask": own})
    assert given["attention_mask"] is own
    assert "attention_mask" not in IDS


def test_what_needs_none_gets_none() -> None:
    assert maskable(GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=2)), IDS).keys() == IDS.keys()
    assert maskable(FNetForSequenceClassification(FNetConfig(**SMALL)), IDS).keys() == IDS.keys()
    image = {"pixel_values": torch.zeros(1, 3, 8, 8)}
    assert maskable(nn.Identity(), image) == image
