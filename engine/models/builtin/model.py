"""The built-in classifier: a WordPiece tokenizer and a BERT-tiny-shaped model, trained on the generated reviews."""

from pathlib import Path
from string import ascii_lowercase

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer
from transformers.utils import logging

from engine.models.builtin import MAX_LENGTH
from engine.models.cache import Progress
from engine.models.texts import load_texts
from engine.models.tokens import encode
from engine.training.objective import Classes
from engine.training.train import TrainSettings, train

VOCABULARY = 1_500
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SETTINGS = TrainSettings(epochs=3, batch_size=32, learning_rate=1e-3)


def train_model(folder: Path, seed: int, progress: Progress | None = None) -> None:
    """Train tokenizer and classifier on the built-in train set and save both in `folder`."""
    logging.disable_progress_bar()
    texts = load_texts("builtin", seed, progress=progress)
    tokenizer = make_tokenizer(texts.train.texts)
    tokens = encode(texts.train, tokenizer, MAX_LENGTH)
    model = make_model(len(tokenizer), seed)

    def on_step(step: int, total: int, loss: float) -> None:
        if progress is not None:
            progress(step, total, f"training the built-in model, loss {loss:.3f}")

    train(model, tokens, Classes(), SETTINGS, device="cpu", on_step=on_step)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_tokenizer(texts: list[str]) -> BertTokenizer:
    """A lower-case WordPiece tokenizer with BERT's special tokens."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # The trainer numbers letters inside words in the order of a hash table and breaks ties by number: a vocabulary is
    # the same each time only where these have numbers beforehand.
    known = [*SPECIAL, *(f"##{letter}" for letter in ascii_lowercase)]
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=known, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    return BertTokenizer(vocab=backend.get_vocab(), model_max_length=MAX_LENGTH)


def make_config(vocabulary: int = VOCABULARY) -> BertConfig:
    """BERT-tiny's shape (2 layers, 2 heads, hidden 128) with a vocabulary of its own."""
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        max_position_embeddings=MAX_LENGTH,
        # Two classes are the default. The usual 0.02 is for wider models: at 128 it stays at chance for an epoch.
        initializer_range=0.08,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        architectures=["BertForSequenceClassification"],
    )


def make_model(vocabulary: int, seed: int) -> BertForSequenceClassification:
    """The model with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForSequenceClassification(make_config(vocabulary))
