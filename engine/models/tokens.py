"""A data set tokenised: done once, kept in the cache by content, memory-mapped."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from engine.errors import InputError
from engine.models.cache import Progress, cached
from engine.models.texts import SPLITS, LabelledTexts, find_files, read_splits, split_texts
from engine.training.tokens import Tokens

LAYOUT = 1
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Splits:
    """The three sets as tokens. `labels` is the number of classes, `description` how the sets came about."""

    train: Tokens
    validation: Tokens
    test: Tokens
    labels: int
    description: str


def load_tokens(
    source: str,
    tokenizer: Any,
    max_length: int,
    seed: int,
    text_column: str | None = None,
    label_column: str | None = None,
    progress: Progress | None = None,
) -> Splits:
    """The three sets of `load_texts`, each text cut to `max_length` tokens or to what the model takes.

    Raises:
        InputError: as `load_texts`, or a tokenizer without a fast implementation.
    """
    files = find_files(source, progress)
    key = _fingerprint(
        (path for split in SPLITS for path in files.get(split, ())),
        [LAYOUT, {split: len(files[split]) for split in SPLITS if split in files}, seed, text_column, label_column],
        [_limit(tokenizer, max_length), tokenizer.truncation_side, _encoder(tokenizer).to_str()],
    )

    def make(folder: Path) -> None:
        texts = split_texts(read_splits(files, text_column, label_column), source, seed)
        parts = {"train": texts.train, "validation": texts.validation, "test": texts.test}
        total, done = sum(map(len, parts.values())), 0
        for name, part in parts.items():

            def report(more: float, _total: float, text: str, before: int = done) -> None:
                if progress is not None:
                    progress(before + more, total, text)

            _write(folder / name, encode(part, tokenizer, max_length, report))
            done += len(part)
        labels = 1 + max(max(part.labels) for part in parts.values())
        facts = {"labels": labels, "description": texts.description}
        (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")

    folder = cached(f"tokens/{key}", make, progress)
    facts: Mapping[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    train, validation, test = (_read(folder / name) for name in SPLITS)
    return Splits(train, validation, test, facts["labels"], facts["description"])


def encode(part: LabelledTexts, tokenizer: Any, max_length: int, progress: Progress | None = None) -> Tokens:
    """Texts as tokens, special tokens included, cut to `max_length` or to what the model takes."""
    encoder = _encoder(tokenizer)
    encoder.enable_truncation(_limit(tokenizer, max_length), direction=tokenizer.truncation_side)
    pieces: list[np.ndarray[Any, Any]] = []
    for start in range(0, len(part), CHUNK):
        encoded = encoder.encode_batch_fast(part.texts[start : start + CHUNK])
        pieces += [np.asarray(one.ids, dtype=np.int32) for one in encoded]
        if progress is not None:
            progress(len(pieces), len(part), "tokenising")
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    ids, labels = np.concatenate(pieces), np.asarray(part.labels, dtype=np.int64)
    return Tokens(torch.from_numpy(ids), torch.from_numpy(offsets), torch.from_numpy(labels))


def _limit(tokenizer: Any, max_length: int) -> int:
    return min(max_length, int(tokenizer.model_max_length))


def _encoder(tokenizer: Any) -> Tokenizer:
    """A copy without padding and truncation: the original's settings depend on how it was last called."""
    if not tokenizer.is_fast:
        raise InputError(f"the tokenizer {type(tokenizer).__name__} has no fast implementation; take another model.")
    encoder = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    encoder.no_truncation()
    encoder.no_padding()
    return encoder


def _fingerprint(files: Iterable[Path], settings: list[Any], tokenizer: list[Any]) -> str:
    digest = hashlib.blake2b(json.dumps([settings, tokenizer]).encode(), digest_size=16)
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _write(path: Path, tokens: Tokens) -> None:
    path.mkdir()
    for name in ("ids", "offsets", "labels"):
        np.save(path / f"{name}.npy", getattr(tokens, name).numpy())


def _read(path: Path) -> Tokens:
    # Copy on write: torch wants memory that it may write to, the file stays as it is.
    ids, offsets, labels = (
        torch.from_numpy(np.load(path / f"{name}.npy", mmap_mode="c")) for name in ("ids", "offsets", "labels")
    )
    return Tokens(ids, offsets, labels)
