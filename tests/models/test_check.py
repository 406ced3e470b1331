import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models.check import check_data, check_model, check_sources


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    configure(folder, architectures=["BertForSequenceClassification"], id2label={"0": "a", "1": "b", "2": "c"})
    weights(folder)
    (folder / "tokenizer.json").touch()
    return folder


def configure(folder: Path, **facts: object) -> None:
    (folder / "config.json").write_text(json.dumps(facts))


def weights(folder: Path, **shapes: list[int]) -> None:
    """A file of weights, as far as its header goes."""
    header = json.dumps({name: {"dtype": "F32", "shape": shape} for name, shape in shapes.items()}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def data(tmp_path: Path, labels: list[object]) -> str:
    file = tmp_path / "data.csv"
    file.write_text("text,label\n" + "".join(f"t{i},{label}\n" for i, label in enumerate(labels)))
    return str(file)


def test_what_fits_passes(model: Path, tmp_path: Path) -> None:
    check_sources(str(model), data(tmp_path, [0, 1, 2]))
    check_sources("builtin", "builtin")


def test_a_label_beyond_the_models_classes(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the label 3 and .* 3 classes apart \(0 to 2\)"):
        check_sources(str(model), data(tmp_path, [0, 3]))
    with pytest.raises(InputError, match="the label 2 and builtin tells 2"):
        check_sources("builtin", data(tmp_path, [0, 2]))


@pytest.mark.parametrize("facts", [{"architectures": ["BertForMaskedLM"]}, {}])
def test_a_model_without_a_head_is_refused(facts: dict[str, list[str]], model: Path, tmp_path: Path) -> None:
    configure(model, **facts)
    with pytest.raises(InputError, match="no trained classification head; fine-tune it"):
        check_sources(str(model), data(tmp_path, [0, 1]))


def test_two_classes_where_a_config_says_nothing(model: Path) -> None:
    configure(model, architectures=["BertForSequenceClassification"])
    assert check_model(str(model)) == 2


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


@pytest.mark.parametrize("config", ["", "{", "[]", '{"architectures": 3}'])
def test_a_damaged_config(config: str, model: Path) -> None:
    (model / "config.json").write_text(config)
    with pytest.raises(InputError, match=r"config.json of .* cannot be read"):
        check_model(str(model))


def test_a_file_is_no_model(model: Path) -> None:
    with pytest.raises(InputError, match="is a file"):
        check_model(str(model / "config.json"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1, 1, 1], "every row of .* has the label 1"), ([0, "bad"], 'row 2 of .* the label "bad"'), ([], "has no rows")],
)
def test_labels_that_cannot_be_learned(labels: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        check_data(data(tmp_path, labels))


def test_a_text_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column words; its columns are text, label"):
        check_data(data(tmp_path, [0, 1]), text_column="words")


@pytest.mark.parametrize("check", [check_model, check_data])
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
        "import sys, engine.models.check, engine.models.nearby; "
        "print({'torch', 'transformers', 'datasets'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_weights_of_another_shape_are_refused_before_anything_is_loaded(model: Path) -> None:
    facts = {"architectures": ["BertForSequenceClassification"], "vocab_size": 100, "hidden_size": 16}
    configure(model, **facts)
    weights(model, **{"bert.embeddings.word_embeddings.weight": [100, 16]})
    check_model(str(model))
    weights(model, **{"bert.embeddings.word_embeddings.weight": [100, 32]})
    with pytest.raises(InputError, match=r"word_embeddings.weight of .* has the shape \[100, 32\] and .* \[100, 16\]"):
        check_model(str(model))


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x10" + bytes(7) + b"{]"])
def test_weights_that_cannot_be_read_are_refused(model: Path, content: bytes) -> None:
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors of .* is damaged or cut short"):
        check_model(str(model))
