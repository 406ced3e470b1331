import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models import headers
from engine.models.check import check_body, check_model, check_sources
from engine.models.labels import Head


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    configure(folder, architectures=["BertForSequenceClassification"], id2label={"0": "a", "1": "b", "2": "c"})
    weights(folder, **{"classifier.weight": [3, 8]})
    (folder / "tokenizer.json").touch()
    return folder


def configure(folder: Path, **facts: object) -> None:
    (folder / "config.json").write_text(json.dumps(facts))


def weights(folder: Path, **shapes: list[int]) -> None:
    """A file of weights, as far as its header goes."""
    header = json.dumps(
        {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    ).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def data(tmp_path: Path, labels: list[object]) -> str:
    file = tmp_path / "data.csv"
    file.write_text("text,label\n" + "".join(f"t{i},{label}\n" for i, label in enumerate(labels)))
    return str(file)


def test_what_fits_passes(model: Path, tmp_path: Path) -> None:
    said = check_sources(str(model), data(tmp_path, [0, 1, 2] * 9))
    assert said == [
        "27 rows read (text, label), all used: 21 train, 3 validation, 3 test "
        "(validation and test drawn from train, seed 0)"
    ]
    assert check_sources("builtin", "builtin") == []


def test_a_label_beyond_the_models_classes(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the label 3 and .* 3 classes apart \(0 to 2\)"):
        check_sources(str(model), data(tmp_path, [0, 3] * 9))
    with pytest.raises(InputError, match="the label 2 and builtin tells 2"):
        check_sources("builtin", data(tmp_path, [0, 2] * 9))


@pytest.mark.parametrize("facts", [{"architectures": ["BertForMaskedLM"]}, {}])
def test_a_model_without_a_head_is_refused(facts: dict[str, list[str]], model: Path, tmp_path: Path) -> None:
    configure(model, **facts)
    with pytest.raises(InputError, match="no trained classification head; fine-tune it"):
        check_sources(str(model), data(tmp_path, [0, 1]))


def test_two_classes_where_a_config_says_nothing(model: Path) -> None:
    configure(model, architectures=["BertForSequenceClassification"])
    weights(model, **{"classifier.weight": [2, 8]})
    assert check_model(str(model)) == Head(2)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no model.safetensors"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_an_incomplete_model(missing: str, message: str, model: Path) -> None:
    (model / missing).unlink()
    with pytest.raises(InputError, match=message):
        check_model(str(model))


DIGITS = '{"vocab_size": ' + "1" * 5000 + "}"


@pytest.mark.parametrize("config", ["", "{", "[]", '{"architectures": 3}', "[" * 200_000, '{"a":' * 100_000, DIGITS])
def test_a_damaged_config(config: str, model: Path) -> None:
    (model / "config.json").write_text(config)
    with pytest.raises(InputError, match=r"config.json of .* cannot be read"):
        check_model(str(model))


def test_a_file_is_no_model(model: Path) -> None:
    with pytest.raises(InputError, match="is a file"):
        check_model(str(model / "config.json"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 1, 1], "every row of .* has the label 1"),
        ([0, "bad"], "row 1 of .* has 0, row 2 of .* has bad"),
        ([], "has no rows"),
    ],
)
def test_labels_that_cannot_be_learned(labels: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        check_sources("builtin", data(tmp_path, labels))


def test_a_text_column_that_is_not_there_or_is_the_label(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column words; its columns are text, label"):
        check_sources("builtin", data(tmp_path, [0, 1]), text_column="words")
    with pytest.raises(InputError, match="text_column and label_column are both label"):
        check_sources("builtin", data(tmp_path, [0, 1]), text_column="label")


@pytest.mark.parametrize("check", [check_model, lambda source: check_sources("builtin", source)])
def test_a_hub_that_cannot_be_reached(check: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", refuse)
    with pytest.raises(InputError, match=r"hub cannot be reached .*not known.*local folder or builtin") as caught:
        check("nobody/nothing-of-this-name")  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_it_imports_no_torch() -> None:
    code = (
        "import sys, engine.models.check, engine.models.discovery; "
        "print({'torch', 'transformers', 'datasets'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_weights_of_another_shape_are_refused_before_anything_is_loaded(model: Path) -> None:
    facts = {"architectures": ["BertForSequenceClassification"], "vocab_size": 100, "hidden_size": 16}
    configure(model, **facts)
    weights(model, **{"bert.embeddings.word_embeddings.weight": [100, 16], "classifier.weight": [2, 16]})
    check_model(str(model))
    weights(model, **{"bert.embeddings.word_embeddings.weight": [100, 32], "classifier.weight": [2, 16]})
    with pytest.raises(InputError, match=r"word_embeddings.weight of .* has the shape \[100, 32\] and .* \[100, 16\]"):
        check_model(str(model))


def test_a_table_of_words_may_have_a_width_by_any_name(model: Path) -> None:
    """RemBERT calls it input_embedding_size: its weights were said to belong to another model."""
    facts = {"architectures": ["BertForSequenceClassification"], "vocab_size": 100, "hidden_size": 16}
    configure(model, **facts, input_embedding_size=12)
    weights(model, **{"bert.embeddings.word_embeddings.weight": [100, 12], "classifier.weight": [2, 16]})
    check_model(str(model))


@pytest.fixture
def cached(model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the model `somebody/something` in the hub's cache; nothing may be asked of the hub."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: pytest.fail("asked the hub"))
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda name, file: str(model / file) if name == "somebody/something" else None,
    )
    return model


def test_a_hub_model_in_the_cache_is_checked_before_the_start(cached: Path) -> None:
    facts = {"architectures": ["BertForSequenceClassification"], "vocab_size": 100, "hidden_size": 16}
    configure(cached, **facts)
    weights(cached, **{"bert.embeddings.word_embeddings.weight": [100, 32], "classifier.weight": [2, 16]})
    for check in (check_model, check_body):
        with pytest.raises(InputError, match="the weights belong to another model"):
            check("somebody/something")
    (cached / "model.safetensors").unlink()
    assert check_model("somebody/something") == Head(2)
    assert check_body("somebody/something") == []


def test_a_hub_model_that_is_only_partly_here_is_left_to_the_start(cached: Path) -> None:
    configure(cached, architectures=["BertForSequenceClassification"])
    (cached / "model.safetensors").unlink()
    (cached / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    assert check_model("somebody/something") == Head(2)


def test_a_hub_model_that_is_not_here_is_said_to_be_checked_later(cached: Path) -> None:
    (said,) = check_body("nobody/else")
    assert said == "nobody/else is not on this machine yet: it is fetched and checked when the run starts"


DEEP = (200_000).to_bytes(8, "little") + b"[" * 200_000
"""A header nested deeper than Python reads."""


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x10" + bytes(7) + b"{]", DEEP])
def test_weights_that_cannot_be_read_are_refused(model: Path, content: bytes) -> None:
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors of .* is damaged or cut short"):
        check_model(str(model))


ALBERT = {
    "architectures": ["AlbertForSequenceClassification"],
    "vocab_size": 50,
    "hidden_size": 64,
    "embedding_size": 8,
}


def test_embeddings_narrower_than_the_model_are_no_other_model(model: Path) -> None:
    configure(model, **ALBERT, num_hidden_layers=12, num_hidden_groups=1)
    group = "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"
    table = "albert.embeddings.word_embeddings.weight"
    weights(model, **{table: [50, 8], group: [128, 64], "classifier.weight": [2, 64]})
    assert check_model(str(model)) == Head(2)


BERT = {
    "architectures": ["BertForSequenceClassification"],
    "vocab_size": 100,
    "hidden_size": 16,
    "num_hidden_layers": 2,
}
SHAPES = {
    "bert.embeddings.word_embeddings.weight": [100, 16],
    **{f"bert.encoder.layer.{i}.output.dense.weight": [16, 64] for i in range(2)},
    "classifier.weight": [2, 16],
}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"num_labels": 10**12}, "says 1,000,000,000,000 classes"),
        ({"num_labels": float("inf")}, "has num_labels=inf, which is no whole number"),
        ({"num_labels": 1}, "has one output: .*; labtui run finetune gives it a new head"),
        ({"problem_type": "regression"}, "estimates quantities"),
        ({"problem_type": "multi_label_classification"}, "any number of labels"),
        ({"num_labels": "two"}, "num_labels=two"),
        ({"id2label": {"a": "b"}}, "keys are no numbers"),
        ({"num_hidden_layers": 10**7}, "num_hidden_layers=10000000, as no model has"),
        ({"num_hidden_layers": -1}, "num_hidden_layers=-1"),
        ({"num_hidden_layers": 2.5}, "num_hidden_layers=2.5, which is no whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads=0"),
        ({"hidden_size": "a"}, "hidden_size=a"),
        ({"hidden_size": 10**6, "vocab_size": None}, "hidden_size 1,000,000 and no tensor of its weights is larger"),
        ({"vocab_size": 10**9, "hidden_size": None}, "vocab_size 1,000,000,000 and no tensor"),
        ({"num_hidden_layers": 3}, r"num_hidden_layers 3 and its weights hold 2 \(bert.encoder.layer.0 to"),
        ({"num_hidden_layers": 1}, "num_hidden_layers 1 and its weights hold 2"),
        ({"num_labels": 7}, "no trained classification head: its config.json says 7 classes"),
    ],
)
def test_a_config_that_cannot_be_that_of_the_weights(facts: dict[str, object], message: str, model: Path) -> None:
    """One child took 14.5 GB to build what such a config says; others ran a model of other layers than the file has."""
    configure(model, **BERT | facts)
    weights(model, **SHAPES)
    with pytest.raises(InputError, match=message):
        check_model(str(model))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classifier.weight", "no trained classification head: .* none of its tensors is a head"),
        ("bert.encoder.layer.0.output.dense.weight", "have no bert.encoder.layer.0, and bert.encoder.layer.1 is there"),
        ("bert.encoder.layer.1.output.dense.weight", "num_hidden_layers 2 and its weights hold 1"),
    ],
)
def test_missing_tensors_are_named_before_the_start(name: str, message: str, model: Path) -> None:
    configure(model, **BERT)
    weights(model, **SHAPES)
    assert check_model(str(model)) == Head(2)
    weights(model, **{one: shape for one, shape in SHAPES.items() if one != name})
    with pytest.raises(InputError, match=message):
        check_model(str(model))


def test_foreign_tensors_alone_are_no_model(model: Path) -> None:
    configure(model, **BERT)
    weights(model, **{"unet.down.weight": [100, 320]})
    with pytest.raises(InputError, match="no trained classification head"):
        check_model(str(model))


def test_a_shard_that_is_missing_is_named(model: Path) -> None:
    configure(model, **BERT)
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"model-00002-of-00002.safetensors of .* is missing"):
        check_model(str(model))


@pytest.mark.parametrize("check", [check_model, check_body])
def test_a_model_larger_than_the_memory(
    check: Callable[[str], object], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(model, **BERT)
    weights(model, **SHAPES)
    check(str(model))
    monkeypatch.setattr(headers, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"GB in float32 and 0.0 GB of memory are free"):
        check(str(model))


def test_only_finetune_makes_a_new_head(model: Path, tmp_path: Path) -> None:
    configure(model, **BERT | {"architectures": ["BertForMaskedLM"]})
    weights(model, **SHAPES)
    file = data(tmp_path, [0, 1, 2] * 9)
    with pytest.raises(InputError, match=r"no trained classification head; .*labtui run finetune"):
        check_sources(str(model), file)
    said = check_sources(str(model), file, new_head=True)[1]
    assert said.endswith("gets a new head of 3 classes; until it is trained it guesses")
    configure(model, **BERT)
    with pytest.raises(InputError, match="labtui run finetune gives it a new head"):
        check_sources(str(model), file)
    assert "new head of 3 classes in place of its own of 2" in check_sources(str(model), file, new_head=True)[1]
    assert len(check_sources(str(model), data(tmp_path, [0, 1] * 9), new_head=True)) == 1
    configure(model, **BERT | {"problem_type": "regression"})
    assert "new head of 2 classes" in check_sources(str(model), data(tmp_path, [0, 1] * 9), new_head=True)[1]


def test_a_compressed_model_keeps_its_head(model: Path, tmp_path: Path) -> None:
    configure(model, **BERT)
    (model / "model.safetensors").rename(model / "compressed.safetensors")
    check_sources(str(model), data(tmp_path, [0, 1] * 9), new_head=True)
    with pytest.raises(InputError, match="is compressed and keeps its head of 2 classes"):
        check_sources(str(model), data(tmp_path, [0, 1, 2] * 9), new_head=True)
