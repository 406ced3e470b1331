"""A small BERT and tokens it can learn: the class says whether token 7 occurs."""

import torch
from transformers import BertConfig, BertForSequenceClassification

from engine.training.tokens import Tokens


def small_model(dropout: float = 0.0) -> BertForSequenceClassification:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=40,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            initializer_range=0.1,
        )
        return BertForSequenceClassification(config).eval()


def small_tokens(count: int = 256) -> Tokens:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(4, 12, (count,), generator=generator)
    offsets = torch.cat((lengths.new_zeros(1), lengths.cumsum(0)))
    ids = torch.randint(8, 40, (int(offsets[-1]),), generator=generator, dtype=torch.int32)
    labels = torch.arange(count) % 2
    ids[offsets[:-1] + 2] = torch.where(labels == 1, 7, ids[offsets[:-1] + 2].long()).int()
    return Tokens(ids, offsets, labels)
