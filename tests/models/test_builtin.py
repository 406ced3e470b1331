from pathlib import Path

import pytest
import torch

from engine.models.builtin import reviews
from engine.models.builtin.model import make_tokenizer
from engine.models.classifier import load_classifier
from engine.models.texts import load_texts
from engine.models.tokens import load_tokens
from engine.training.evaluate import evaluate
from engine.training.objective import Classes


def test_reviews_are_the_same_for_a_seed_all_different_and_balanced() -> None:
    made = reviews.make_reviews(2000, seed=0)
    assert made == reviews.make_reviews(2000, seed=0)
    assert made != reviews.make_reviews(2000, seed=1)
    assert len({text for text, _ in made}) == 2000
    assert 0.45 < sum(label for _, label in made) / 2000 < 0.55


def test_the_tokenizer_is_the_same_for_the_same_texts() -> None:
    texts = [text for text, _ in reviews.make_reviews(500, seed=0)]
    first, second = make_tokenizer(texts), make_tokenizer(texts)
    assert first.get_vocab() == second.get_vocab()
    ids = first("The plot is not SUPERB .")["input_ids"]
    assert first.convert_ids_to_tokens(ids)[0] == "[CLS]"
    assert first.unk_token_id not in ids


def test_the_pair_is_made_once_and_loads(builtin: Path) -> None:
    seen: list[str] = []
    classifier = load_classifier("builtin", progress=lambda done, total, text: seen.append(text))
    seen.clear()
    again = load_classifier("builtin", progress=lambda done, total, text: seen.append(text))
    assert seen == []
    assert all(map(torch.equal, classifier.model.parameters(), again.model.parameters()))
    assert (classifier.labels, classifier.pad_id) == (2, 0)
    splits = load_tokens("builtin", classifier.tokenizer, 64, seed=0)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (400, 60, 80)
    assert load_texts("builtin", seed=5).description == (
        "540 rows read (text, label), all used: 400 train, 60 validation, 80 test"
    )


@pytest.mark.slow
def test_the_real_pair_is_accurate(builtin_home: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABTUI_HOME", str(builtin_home))
    classifier = load_classifier("builtin")
    splits = load_tokens("builtin", classifier.tokenizer, 64, seed=0)
    found = evaluate(classifier.model, splits.test, Classes(), batch_size=64, device="cpu")
    assert 0.84 < found.value < 0.96
