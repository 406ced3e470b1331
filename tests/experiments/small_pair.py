"""A classifier of a few thousand weights and reviews of two words' worth, made in a second, for runs that train."""

import csv
import random
from pathlib import Path

WORDS = ("film", "plot", "the", "a", "scene", "actor", "music", "camera")
GOOD, BAD = ("good", "fine", "lovely"), ("bad", "poor", "dull")


def make_pair(folder: Path) -> dict[str, str]:
    """The settings `model` and `data` for it."""
    from transformers import BertConfig, BertForSequenceClassification

    from engine.models.builtin.model import make_tokenizer

    data, model = folder / "data", folder / "model"
    data.mkdir(parents=True)
    texts = []
    for split, count in (("train", 120), ("validation", 60), ("test", 60)):
        rows = _reviews(split, count)
        texts += [text for text, _ in rows]
        with (data / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    tokenizer = make_tokenizer(texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.2,
        pad_token_id=tokenizer.pad_token_id,
        architectures=["BertForSequenceClassification"],
    )
    BertForSequenceClassification(config).save_pretrained(model)
    tokenizer.save_pretrained(model)
    return {"model": str(model), "data": str(data)}


def _reviews(seed: str, count: int) -> list[tuple[str, int]]:
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        words = [*dice.sample(WORDS, 4), dice.choice(GOOD if number % 2 else BAD)]
        dice.shuffle(words)
        rows.append((" ".join(words), number % 2))
    return rows
