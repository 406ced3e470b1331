import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from engine.errors import InputError
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.scored import TEST, VALIDATION
from engine.experiments.shared.workbench import BASELINE_OUTCOMES, Workbench
from engine.models.classifier import Classifier, load_classifier
from engine.models.texts import load_texts
from engine.models.tokens import load_tokens
from engine.runtime.context import RecordingContext
from engine.runtime.home import cache_dir
from engine.training.evaluate import evaluate
from engine.training.objective import Classes


@pytest.fixture
def classifier(builtin: Path) -> Classifier:
    return load_classifier("builtin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"the plot is good {'very ' * i}number {i},{i % 2}\n" for i in range(60)))
    return path


def test_tokens_are_what_the_tokenizer_says(classifier: Classifier, file: Path) -> None:
    splits = load_tokens(str(file), classifier.tokenizer, 16, seed=0)
    texts = load_texts(str(file), seed=0)
    for tokens, part in ((splits.train, texts.train), (splits.validation, texts.validation), (splits.test, texts.test)):
        wanted = classifier.tokenizer(part.texts, truncation=True, max_length=16)["input_ids"]
        cuts = tokens.offsets.tolist()
        assert [tokens.ids[a:b].tolist() for a, b in pairwise(cuts)] == wanted
        assert tokens.labels.tolist() == part.labels
    assert (splits.labels, splits.description) == (2, texts.description)


def test_the_second_time_is_read_from_the_cache(classifier: Classifier, file: Path, tmp_path: Path) -> None:
    def load(length: int = 16, seed: int = 0, source: Path = file) -> list[str]:
        seen: list[str] = []
        load_tokens(str(source), classifier.tokenizer, length, seed, progress=lambda *facts: seen.append(facts[2]))
        return seen

    file.write_text(file.read_text().replace("good", "fine"))
    assert load() != []
    classifier.tokenizer(["a call that leaves its mark"], truncation=True, padding="max_length", max_length=7)
    assert load() == []
    copied = tmp_path / "other.csv"
    copied.write_bytes(file.read_bytes())
    assert load(source=copied) == []
    assert load(length=8) != []
    assert load(seed=1) != []
    file.write_text(file.read_text().replace("fine", "poor"))
    assert load() != []
    assert len([path for path in (cache_dir() / "tokens").iterdir() if not path.name.startswith(".")]) >= 4


def test_texts_are_cut_to_what_the_model_takes(classifier: Classifier, file: Path) -> None:
    splits = load_tokens(str(file), classifier.tokenizer, 5000, seed=0)
    assert int(splits.train.lengths.max()) <= 64


def test_saved_and_loaded_it_is_the_same(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "saved")
    again = load_classifier(str(tmp_path / "saved"))
    assert all(map(torch.equal, classifier.model.parameters(), again.model.parameters()))
    assert again.tokenizer.get_vocab() == classifier.tokenizer.get_vocab()
    assert not again.model.training


def test_a_model_without_a_head_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    classifier.model.bert.save_pretrained(tmp_path)
    classifier.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no trained classification head"):
        load_classifier(str(tmp_path))


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(InputError, match="not a text classifier"):
        load_classifier(str(tmp_path))


@pytest.mark.slow
def test_the_real_model_on_some_real_reviews(imdb: Path, bert_tiny_imdb: Path, tmp_path: Path) -> None:
    texts = load_texts(str(imdb), seed=0).test.pick(range(0, 25_000, 50))
    file = tmp_path / "some.jsonl"
    rows = zip(texts.texts, texts.labels, strict=True)
    file.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    classifier = load_classifier(str(bert_tiny_imdb))
    train = load_tokens(str(file), classifier.tokenizer, 256, seed=0).train
    found = evaluate(classifier.model, train, Classes(), batch_size=64, device="cpu")
    assert 0.80 < found.value < 0.92


def test_data_with_more_classes_than_the_model(builtin: Path, tmp_path: Path) -> None:
    file = tmp_path / "three.csv"
    file.write_text("text,label\n" + "".join(f"number {i},{i % 3}\n" for i in range(60)))
    bench = Workbench(TaskConfig(data=str(file)), RecordingContext(tmp_path), lambda *_: None)
    with pytest.raises(InputError, match=r"the label 2 and builtin tells 2 classes apart \(0 to 1\)"):
        _ = bench.splits


def test_the_baseline_is_kept_and_its_copy_is_not(builtin: Path, file: Path, tmp_path: Path) -> None:
    bench = Workbench(TaskConfig(data=str(file)), RecordingContext(tmp_path), lambda *_: None)
    measured, outcomes = bench.baseline()
    assert measured.bytes > 0
    assert len(outcomes[TEST]) == measured.samples
    assert len(outcomes[VALIDATION]) == measured.validation_samples
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == [BASELINE_OUTCOMES, "once"]
