"""A model that is loaded is the one its files describe: whole, of the right size, with the positions that it has."""

import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    OPTConfig,
    OPTForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from engine.errors import InputError
from engine.models import headers
from engine.models.builtin.model import make_tokenizer
from engine.models.classifier import load_classifier
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.positions import longest_input
from engine.models.texts import LabelledTexts
from engine.models.tokens import encode, load_tokens, with_types_for

TOKENIZER = make_tokenizer(["the film was good", "the plot was dull"])
SMALL = {
    "vocab_size": len(TOKENIZER),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 34,
}


def saved(folder: Path, model: Any) -> Path:
    model.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return saved(tmp_path / "bert", BertForSequenceClassification(BertConfig(**SMALL)))


def without(folder: Path, *beginnings: str, **more: torch.Tensor) -> str:
    """The folder with some tensors fewer and some more."""
    tensors = load_file(folder / "model.safetensors")
    left = {name: tensor for name, tensor in tensors.items() if not name.startswith(beginnings or ("-",))}
    save_file(left | more, folder / "model.safetensors", {"format": "pt"})
    return str(folder)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("classifier.", r"lacks classifier.bias, classifier.weight, which .* it would be made up"),
        ("bert.encoder.layer.1.", r"lacks bert.encoder.layer.1.* and 13 more tensors"),
        ("bert.pooler.dense.bias", r"lacks bert.pooler.dense.bias"),
        ("bert.", r"lacks bert.embeddings"),
    ],
)
def test_missing_tensors_are_an_error_that_names_them(gone: str, message: str, bert: Path) -> None:
    """Transformers draws them at random, and the model ran as if it were sound."""
    with pytest.raises(InputError, match=message):
        load_classifier(without(bert, gone))


def test_tensors_that_have_no_place_are_an_error(bert: Path) -> None:
    extra = {"bert.encoder.layer.2.output.dense.weight": torch.zeros(16, 32)}
    with pytest.raises(InputError, match=r"holds bert.encoder.layer.2.output.dense.weight, which .* has no place for"):
        load_classifier(without(bert, **extra))


def test_what_many_sound_files_hold_besides_is_none(bert: Path) -> None:
    load_classifier(without(bert, **{"bert.embeddings.position_ids": torch.arange(34)[None]}))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"hidden_size": 32}, r"has the shape \[.*\] and the model of its config.json \[.*\] and \d+ more tensors"),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}}, r"classifier.* has the shape \[2.* config.json \[3"),
        ({"hidden_act": "no-such"}, r"not a text classifier that transformers can load .*no-such"),
        ({"num_attention_heads": 3}, r"not a text classifier that transformers can load"),
        ({"layer_norm_eps": "x"}, r"not a text classifier that transformers can load"),
    ],
)
def test_a_config_of_another_model(facts: dict[str, object], message: str, bert: Path) -> None:
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | facts))
    with pytest.raises(InputError, match=message) as caught:
        load_classifier(str(bert))
    assert "\n" not in str(caught.value)


def test_its_size_is_compared_with_the_memory_before_it_is_built(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 10**9}))
    monkeypatch.setattr(headers, "available_memory", lambda: 1 << 30)
    with pytest.raises(InputError, match=r"takes \d+.\d GB in float32 and 1.1 GB of memory are free"):
        load_classifier(str(bert))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("it ran",)


@pytest.mark.parametrize("content", [pickle.dumps({"a": Evil()}), b"no pickle at all", b""])
def test_pickled_weights_that_are_not_tensors_alone(
    content: bytes, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence passed on torch's advice to switch its protection off."""
    (bert / "model.safetensors").unlink()
    (bert / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_classifier(str(bert))
    assert "weights_only" not in str(caught.value)
    assert "it ran" not in capsys.readouterr().out


def test_a_new_head_is_the_same_for_a_seed_and_leaves_the_body(tmp_path: Path) -> None:
    """Fine-tuning a pretrained encoder was refused with the advice to fine-tune it."""
    folder = saved(tmp_path / "lm", BertForMaskedLM(BertConfig(**SMALL)))
    with pytest.raises(InputError, match="no trained classification head"):
        load_classifier(str(folder))
    head = NewHead(3, ("bad", "so so", "good"), seed=7)
    first, again = (load_classifier(str(folder), new_head=head) for _ in range(2))
    assert all(map(torch.equal, first.model.parameters(), again.model.parameters()))
    assert first.head == Head(3, head.names)
    stored = load_file(folder / "model.safetensors")
    for name, tensor in first.model.bert.encoder.state_dict().items():
        assert torch.equal(tensor, stored[f"bert.encoder.{name}"])
    other = load_classifier(str(folder), new_head=NewHead(3, (), seed=8))
    assert not torch.equal(other.model.classifier.weight, first.model.classifier.weight)
    first.save(tmp_path / "tuned")
    assert load_classifier(str(tmp_path / "tuned")).head == Head(3, head.names)
    with pytest.raises(InputError, match=r"lacks bert.encoder.layer.1"):
        load_classifier(without(folder, "bert.encoder.layer.1."), new_head=head)


def test_a_head_of_other_classes_gives_way_to_a_new_one(bert: Path) -> None:
    made = load_classifier(str(bert), new_head=NewHead(5, (), seed=0))
    assert made.labels == 5
    assert made.model.classifier.weight.shape == (5, 16)


def test_a_head_for_another_task_gives_way_to_a_new_one_of_its_shape(bert: Path) -> None:
    """Its weights were taken over, under the name of a new head, and its config told others to go on as before."""
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    stored = load_file(bert / "model.safetensors")
    made = load_classifier(str(bert), new_head=NewHead(2, (), seed=0)).model
    assert made.config.problem_type is None
    assert not torch.equal(made.classifier.weight, stored["classifier.weight"])
    assert 0 < made.classifier.weight.std() < 0.1
    assert torch.equal(made.bert.pooler.dense.weight, stored["bert.pooler.dense.weight"])


ROBERTA = RobertaConfig(**SMALL, pad_token_id=1, type_vocab_size=1)
OPT = OPTConfig(
    vocab_size=len(TOKENIZER),
    hidden_size=16,
    word_embed_proj_dim=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    ffn_dim=32,
    max_position_embeddings=34,
)


@pytest.mark.parametrize(
    ("model", "longest"),
    [
        (BertForSequenceClassification(BertConfig(**SMALL)), 34),
        (RobertaForSequenceClassification(ROBERTA), 32),  # it counts from the padding token's id on
        (OPTForSequenceClassification(OPT), 34),
    ],
    ids=["bert", "roberta", "opt"],
)
def test_a_model_takes_as_many_tokens_as_it_has_positions(model: Any, longest: int) -> None:
    assert longest_input(model) == longest
    with torch.no_grad():
        model(input_ids=torch.full((1, longest), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, longest + 1), 5))


def test_long_texts_are_cut_to_the_positions_of_roberta(tmp_path: Path) -> None:
    folder = saved(tmp_path / "roberta", RobertaForSequenceClassification(RobertaConfig(**SMALL, type_vocab_size=1)))
    classifier = load_classifier(str(folder))
    long = encode(LabelledTexts(["the film was good " * 40], [0]), classifier.tokenizer, 128)
    (batch,) = long.batches(1)
    classifier.model(**batch.inputs)
    assert long.lengths.tolist() == [34 - classifier.pad_id - 1]


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    rows = "".join(f"the film {i},it was {'good' if i % 2 else 'dull'},{i % 2}\n" for i in range(40))
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,label\n" + rows)
    return str(tmp_path / "pairs.csv")


def test_pairs_are_tokenised_as_the_tokenizer_says(pairs: str, state: Path) -> None:
    splits = load_tokens(pairs, TOKENIZER, 12, 0)
    again = load_tokens(pairs, TOKENIZER, 12, 0)  # from the cache
    rows = [line.split(",") for line in Path(pairs).read_text().splitlines()[1:]]
    wanted = {}
    for first, second, _ in rows:
        one = TOKENIZER(first, second, truncation=True, max_length=12)
        wanted[tuple(one["input_ids"])] = one["token_type_ids"]
    for tokens in (splits.train, splits.validation, splits.test, again.train, again.train.select([3, 1])):
        assert tokens.types is not None
        for start, end in pairwise(tokens.offsets.tolist()):
            assert wanted[tuple(tokens.ids[start:end].tolist())] == tokens.types[start:end].tolist()
        for batch in tokens.batches(4):
            assert batch.inputs["token_type_ids"].shape == batch.inputs["input_ids"].shape
            assert batch.inputs["token_type_ids"].max() == 1


def test_token_types_go_only_to_models_that_take_them(pairs: str) -> None:
    """A DistilBERT has no such input, and a RoBERTa has a single type: its table ended in an IndexError."""
    tokens = load_tokens(pairs, TOKENIZER, 12, 0).train
    distil = DistilBertConfig(vocab_size=len(TOKENIZER), dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    models = (
        (BertForSequenceClassification(BertConfig(**SMALL)), True),
        (RobertaForSequenceClassification(ROBERTA), False),
        (DistilBertForSequenceClassification(distil), False),
    )
    for model, takes in models:
        fitting = with_types_for(model, tokens)
        assert (fitting.types is not None) == takes
        (batch,) = fitting.batches(len(fitting))
        model(**batch.inputs)


def test_labels_are_the_classes_of_the_model(tmp_path: Path) -> None:
    """Labels in another order than the model's made a sound model look like chance."""
    words = ("neutral", "entailment", "contradiction")
    told = {"neutral": 1, "entailment": 2, "contradiction": 0}
    rows = [(TOKENIZER.decode([5 + i // 8, 5 + i % 8]), words[i % 3]) for i in range(60)]
    (tmp_path / "words.csv").write_text("text,label\n" + "".join(f"{text},{word}\n" for text, word in rows))
    head = Head(3, ("CONTRADICTION", "NEUTRAL", "ENTAILMENT"))
    splits = load_tokens(str(tmp_path / "words.csv"), TOKENIZER, 12, 0, head=head, model="nli")
    kept: dict[tuple[int, ...], set[int]] = {}
    for text, word in rows:
        kept.setdefault(tuple(TOKENIZER(text)["input_ids"]), set()).add(told[word])
    for place, (start, end) in enumerate(pairwise(splits.train.offsets.tolist())):
        assert int(splits.train.labels[place]) in kept[tuple(splits.train.ids[start:end].tolist())]
    assert "classes by the model's names: contradiction → 0, entailment → 2, neutral → 1" in splits.description
