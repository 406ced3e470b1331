"""A data set tokenised, as far as it is used: done once, kept in the cache by content, memory-mapped."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.digests import fingerprint
from engine.models.labelled_sets import ALL, Draw, LabelledSets, Preparer, labelled_sets
from engine.models.labels import Classes, Fit, Head, fit
from engine.models.splits import SPLITS, Sets, split_sets
from engine.models.texts import LabelledTexts, find_files, read_splits
from engine.training.tokens import Tokens

LAYOUT = 3
CHUNK = 1000


def load_tokens(
    source: str,
    tokenizer: Any,
    max_length: int,
    seed: int,
    text_column: str | None = None,
    label_column: str | None = None,
    progress: Progress | None = None,
    *,
    head: Head | None = None,
    model: str = "the model",
    first_label: int | None = None,
    draw: Draw = ALL,
) -> LabelledSets[Tokens]:
    """The three sets of `load_texts`, each text cut to `max_length` tokens or to what the model takes.

    Only texts that the `draw` takes are tokenised.

    Labels are the classes of the `head` of the model of that name; without one the data's own, from 0.

    Raises:
        InputError: as `load_texts` and `fit`, or a tokenizer without a fast implementation.
    """
    files = find_files(source, progress)
    counts = {split: len(files[split]) for split in SPLITS if split in files}
    key = fingerprint(
        [
            [LAYOUT, counts, seed, text_column, label_column, asdict(draw)],
            [_limit(tokenizer, max_length), tokenizer.truncation_side, _encoder(tokenizer).to_str()],
        ],
        [path for split in SPLITS for path in files.get(split, ())],
    )

    def read() -> Sets[LabelledTexts]:
        return split_sets(read_splits(files, source, text_column, label_column), source, seed)

    def fitted(classes: Classes) -> Fit:
        return fit(classes, head, source, model, first_label)

    return labelled_sets("tokens", key, _Tokenised(read, tokenizer, max_length), fitted, draw, seed, progress)


def encode(part: LabelledTexts, tokenizer: Any, max_length: int, progress: Progress | None = None) -> Tokens:
    """Texts as tokens, special tokens included, cut to `max_length` or to what the model takes."""
    encoder = _encoder(tokenizer)
    encoder.enable_truncation(_limit(tokenizer, max_length), direction=tokenizer.truncation_side)
    rows = part.rows
    pieces: list[np.ndarray[Any, Any]] = []
    types: list[np.ndarray[Any, Any]] = []
    for start in range(0, len(part), CHUNK):
        for one in encoder.encode_batch_fast(rows[start : start + CHUNK]):
            pieces.append(np.asarray(one.ids, dtype=np.int32))
            if part.seconds is not None:
                types.append(np.asarray(one.type_ids, dtype=np.int8))
        if progress is not None:
            progress(len(pieces), len(part), "tokenising")
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int32)
    labels = np.asarray(part.labels, dtype=np.int64)
    kinds = torch.from_numpy(np.concatenate(types)) if types else None
    pad_id = int(tokenizer.pad_token_id)
    return Tokens(torch.from_numpy(ids), torch.from_numpy(offsets), torch.from_numpy(labels), kinds, pad_id)


def with_types_for(model: Any, tokens: Tokens) -> Tokens:
    """The tokens with the types of pairs where the model's forward takes them and has as many."""
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    known = getattr(model.config, "type_vocab_size", 2)
    if tokens.types is None or (takes and int(tokens.types.max()) < known):
        return tokens
    return replace(tokens, types=None)


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


@dataclass(frozen=True, slots=True)
class _Tokenised(Preparer[LabelledTexts, Tokens]):
    """Texts as files of token numbers."""

    texts: Callable[[], Sets[LabelledTexts]]
    tokenizer: Any
    max_length: int

    def read(self) -> Sets[LabelledTexts]:
        return self.texts()

    def write(self, folder: Path, rows: LabelledTexts, progress: Progress) -> tuple[str, ...]:
        tokens = encode(rows, self.tokenizer, self.max_length, progress)
        for name in ("ids", "offsets", "labels", "types"):
            if (tensor := getattr(tokens, name)) is not None:
                np.save(folder / f"{name}.npy", tensor.numpy())
        return ()

    def samples(self, folder: Path, classes: torch.Tensor) -> Tokens:
        def mapped(name: str) -> torch.Tensor:
            # Copy on write: torch wants memory that it may write to, the file stays as it is.
            return torch.from_numpy(np.load(folder / f"{name}.npy", mmap_mode="c"))

        types = mapped("types") if (folder / "types.npy").exists() else None
        pad_id = int(self.tokenizer.pad_token_id)
        return Tokens(mapped("ids"), mapped("offsets"), classes[mapped("labels")], types, pad_id)
