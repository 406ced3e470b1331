"""Small models to capture, and what is known of them by hand."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from engine.graph.capture import Program, capture
from engine.graph.subjects import Subject, plain_subject

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
}
ALL = ("input_ids", "attention_mask", "labels")
MASKED = ALL[:2]
ALONE = ALL[:1]


@cache
def bert(attention: str = "sdpa", layers: int = 2) -> BertForSequenceClassification:
    """BERT-tiny's structure, narrower, with random weights."""
    torch.manual_seed(0)
    config = BertConfig(**(SHAPE | {"num_hidden_layers": layers}), max_position_embeddings=64)
    return BertForSequenceClassification._from_config(config, attn_implementation=attention)


@cache
def captured(inputs: tuple[str, ...] = ALL, attention: str = "sdpa", mode: str = "train", layers: int = 2) -> Program:
    """Captured once for all tests: programs are never changed."""
    return capture(plain_subject(bert(attention, layers), "bert"), inputs, mode=mode)  # type: ignore[arg-type]


def save_classifier(folder: Path) -> str:
    """A folder with config, weights and tokenizer, as `save_pretrained` writes them."""
    bert().save_pretrained(folder)
    vocabulary = {
        word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"))
    }
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return str(folder)


class Perceptron(nn.Module):
    """Two linear layers of 8·16 and 16·4 weights, with dropout between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.drop = nn.Dropout(0.5)
        self.second = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.drop(torch.relu(self.first(x))))


class Undecided(nn.Module):
    """Decides by the values of a tensor: no graph can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if x.sum() > 0 else x


class Fixed(nn.Module):
    """Works for batches of 3 alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(3, -1) + torch.ones(3, 1)


def subject(model: nn.Module) -> Subject:
    return plain_subject(model)


def program(model: nn.Module, width: int = 8) -> Program:
    """Captured with an input `x` of [batch, width]."""
    return capture(subject(model), examples={"x": torch.randn(3, width)}, dynamic={"x": ("batch", "")})
