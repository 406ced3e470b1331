"""The next token of running text: perplexity on windows that do not overlap, as the literature measures it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import InputError
from engine.models.cache import cached
from engine.models.corpus import Corpus, corpus_files, read_corpus
from engine.models.gguf import stored_as
from engine.models.language import LanguageModel, load_language_model
from engine.models.long_text import token_ids
from engine.models.positions import check_ids
from engine.models.splits import SPLITS
from engine.tasks.base import PretrainedTask, Report, Splits
from engine.tasks.settings import LONGEST_WINDOW, Settings
from engine.training.objective import NextTokens
from engine.training.samples import sampled
from engine.training.windows import Windows

LAYOUT = 1


class CausalLM(PretrainedTask):
    """Every architecture that transformers has for causal language models."""

    name = "causal-lm"
    auto_class = "AutoModelForCausalLM"
    objective = NextTokens()

    def load(self, source: str, progress: Report | None = None) -> LanguageModel:
        """Raises InputError as `load_language_model`."""
        return load_language_model(source, progress)

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> LanguageModel:
        """The model with the tokenizer that stands in the folder."""
        from transformers import AutoTokenizer

        model.config.use_cache = False
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return LanguageModel(tokenizer, model=model, source=source, stored=stored)

    def data(self, config: Settings, subject: LanguageModel, report: Report) -> Splits:
        """Windows of each set, from its beginning; the last tokens that fill no window are left out.

        Rows and files are joined by two newlines, tokenised once, and the tokenizer adds what it adds by itself.

        Raises:
            InputError: a set is shorter than one window, or there is nothing to score on.
        """
        window = config.window or min(subject.longest or LONGEST_WINDOW, LONGEST_WINDOW)
        corpus = read_corpus(corpus_files(config.data, report), config.data, config.text_column or None)
        sets, said, key = self._windows(corpus, config.data, subject, window, report)
        if config.calibration and "train" not in sets and config.needs_train:
            other, how, more = self._windows(
                _first_set(config.calibration, report), config.calibration, subject, window, report
            )
            (sets["train"],) = other.values()
            said, key = f"{said}; calibration: {how}", key + more
        train, validation = sets.get("train"), sets.get("validation")
        protocol = f"windows of {window:,} tokens that do not overlap, float32"
        if stored := stored_as(config.model):
            protocol += f"; the model's weights came as {stored}"
        return Splits(
            train,
            validation and _first(validation, config.eval_samples),
            _first(sets["test"], config.eval_samples),
            train and sampled(train, config.calibration_samples, config.seed),
            f"{said}; {protocol}",
            f"{key} {window} {config.eval_samples}",
        )

    def _windows(
        self,
        corpus: Corpus,
        source: str,
        subject: LanguageModel,
        window: int,
        report: Report,
    ) -> tuple[dict[str, Windows], str, str]:
        """The windows of each set of a source, kept by content, what was read in a sentence, and a key."""

        def make(folder: Path) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            for split, text in corpus.texts.items():
                report(0, 1, f"tokenising {split}")
                np.save(folder / f"{split}.npy", token_ids(subject.tokenizer, text))

        key = _key(corpus, subject.tokenizer)
        folder = cached(f"windows/{key}", make, report)
        sets: dict[str, Windows] = {}
        counts = []
        for split in corpus.texts:
            ids = torch.from_numpy(np.load(folder / f"{split}.npy", mmap_mode="c"))
            check_ids(int(ids.max()) if len(ids) else 0, subject.model, subject.source)
            count = len(ids) // window
            if not count:
                raise InputError(
                    f"the {split} set of {source} has {len(ids):,} tokens, fewer than one window of {window:,}; give "
                    "a longer text, or a shorter window."
                )
            sets[split] = Windows(ids[: count * window].view(count, window))
            counts.append(f"{count:,} windows of {split} ({len(ids):,} tokens)")
        return sets, f"{corpus.description}: {', '.join(counts)}", key


def _first_set(source: str, report: Report) -> Corpus:
    """The first set that a source of calibration text has, no other: tokens take time and memory."""
    files = corpus_files(source, report)
    found = next(split for split in (*SPLITS, None) if split in files)
    corpus = read_corpus({found: files[found]}, source, None, labels=True)
    first = next(split for split in SPLITS if split in corpus.texts)
    return Corpus({first: corpus.texts[first]}, corpus.description)


def _first(windows: Windows, count: int | None) -> Windows:
    """The first windows of a set, as published figures have them."""
    return windows if count is None else windows.select(range(min(count, len(windows))))


def _key(corpus: Corpus, tokenizer: Any) -> str:
    """What the tokens of a corpus depend on."""
    digest = hashlib.blake2b(json.dumps([LAYOUT, type(tokenizer).__name__]).encode(), digest_size=16)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    digest.update((backend.to_str() if backend is not None else repr(tokenizer)).encode())
    for split, text in corpus.texts.items():
        digest.update(f"\0{split}\0".encode() + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


TASK = CausalLM()
