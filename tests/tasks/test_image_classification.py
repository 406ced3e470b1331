"""Image classifiers through experiments, beside transformers' own model and image processor, one image at a time."""

import io
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch.nn import functional
from transformers import AutoImageProcessor, AutoModelForImageClassification

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.models.images import load_images
from engine.models.preparation import Plain
from engine.runtime.context import Point, RecordingContext
from engine.store import load
from tests.tasks.pictures import NAMES, encoded, picture, write_folder, write_model, write_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("resnet")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("colours"), {"train": 12, "validation": 4, "test": 6})


def settings(model: str, data: Path | str, **more: Any) -> dict[str, Any]:
    return {"model": model, "data": str(data), "batch_size": 8, **more}


def results_of(name: str, folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    experiment, config = configure(name, values)
    experiment.check(config)
    context = RecordingContext(folder)
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    for point in points:
        experiment.run(config, [point], context)
    assert context.errors == {}
    return [context.results[point.index] for point in points]


def own_outcomes(model: str, folder: Path) -> tuple[float, float]:
    """Accuracy and mean loss as transformers has them."""
    net, processor = AutoModelForImageClassification.from_pretrained(model), AutoImageProcessor.from_pretrained(model)
    right, losses = [], []
    for label, name in enumerate(NAMES):
        for path in sorted((folder / name).iterdir()):
            with torch.no_grad():
                logits = net(**processor(Image.open(path), return_tensors="pt")).logits
            right.append(int(logits.argmax()) == label)
            losses.append(float(functional.cross_entropy(logits, torch.tensor([label]))))
    return sum(right) / len(right), sum(losses) / len(losses)


def test_the_task_is_read_off_the_model(model: str, data: Path) -> None:
    assert configure("quantize", settings(model, data))[1].model_dump()["task"] == "image-classification"
    assert configure("quantize", {"model": "builtin:vision"})[1].model_dump()["task"] == "image-classification"


def test_scores_are_transformers_own(model: str, data: Path, tmp_path: Path) -> None:
    (result,) = results_of("quantize", tmp_path / "run", settings(model, data, formats="fixed(28)"))
    accuracy, loss = own_outcomes(model, data / "test")
    assert result["accuracy"] == accuracy
    assert result["loss"] == pytest.approx(loss, rel=1e-5)
    assert (result["samples"], result["validation_samples"], result["delta"]) == (18, 12, 0)


def test_a_table_gives_what_a_folder_gives(model: str, tmp_path: Path) -> None:
    """The same images in another order of classes, one of them damaged, another twice; validation is drawn."""
    rows = [(encoded(seed, NAMES[seed % 3]), seed % 3) for seed in range(40)]
    folder = tmp_path / "tables"
    folder.mkdir()
    write_table(folder / "train.parquet", [*rows, (b"GIF89a no image", 0), (rows[0][0], 0)])
    write_table(
        folder / "test.parquet", [(encoded(100 + seed, NAMES[seed % 3]), seed % 3) for seed in range(9)] + rows[:1]
    )
    found = load_images(str(folder), load(model).preparation, seed=0, head=load(model).head)
    assert len(found.test) == 10
    assert len(found.train) + len(found.validation) == 39  # what is in the test set is not trained on
    assert "1 left out that cannot be read as images (row 41 of" in found.description
    assert "2 left out of train or validation because another set holds the same image" in found.description
    assert found.test.labels.tolist() == [seed % 3 for seed in range(9)] + [0]
    batch = next(found.test.batches(4))
    own = AutoImageProcessor.from_pretrained(model)(Image.open(io.BytesIO(encoded(100, "blue"))), return_tensors="pt")
    torch.testing.assert_close(batch.inputs["pixel_values"][:1], own.pixel_values)


def test_damaged_pixels_behind_a_sound_header_are_left_out(model: str, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    victim = tmp_path / "data" / "test" / "red" / "test0.png"
    victim.write_bytes(victim.read_bytes()[:200])
    found = load_images(str(tmp_path / "data"), load(model).preparation, seed=0)
    assert len(found.test) == 17
    assert f"1 left out that cannot be read as images ({victim})" in found.description


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("quantize", {"formats": "fixed(4)", "modes": "qat", "qat_steps": 3}),
        ("prune", {"sparsities": "0.5", "methods": "l1", "finetune_steps": 2}),
        ("finetune", {"methods": "full", "steps": 3}),
        ("sensitivity", {"formats": "fixed(3)"}),
    ],
)
def test_experiments_take_image_classifiers(model: str, data: Path, tmp_path: Path, name: str, more: Any) -> None:
    for result in results_of(name, tmp_path / "run", settings(model, data, **more)):
        low, value, high = (result[key] for key in ("accuracy_low", "accuracy", "accuracy_high"))
        assert 0 <= low <= value <= high <= 1
        assert name not in ("quantize", "prune") or result["covered"] > 0.9  # convolutions too


def only(folder: Path, name: str) -> Path:
    for number in range(4):
        (folder / name).mkdir(parents=True, exist_ok=True)
        picture(10 * len(name) + number, "red").save(folder / name / f"{number}.png")
    return folder


WRONG: dict[str, tuple[Any, str]] = {
    "one class": (
        lambda place: only(place, "cat"),
        "every row of .* has the label cat; a classifier needs two",
    ),
    "no class": (lambda place: only(place, ""), "images that lie in no folder of their class"),
    "no train": (lambda place: write_folder(place, {"test": 2}), "has no folder called train; it has test"),
    "text": (lambda place: text_table(place), "no image column of a usual name; its columns are text, label"),
    "csv": (lambda place: csv_table(place), "holds no images; they are read from Parquet or Arrow"),
    "other classes": (lambda place: only(only(place, "red"), "horse"), "has the label horse, and the classes of"),
    "all damaged": (lambda place: damaged(place), "of 6 images of .* are damaged or no images"),
}


def text_table(folder: Path) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), folder / "train.parquet")
    return folder


def csv_table(folder: Path) -> Path:
    folder.mkdir()
    (folder / "train.csv").write_text("image,label\na.png,0\nb.png,1\n")
    return folder


def damaged(folder: Path) -> Path:
    for path in write_folder(folder, {"train": 2}).rglob("*.png"):
        path.write_bytes(b"none")
    return folder


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_data_is_said_before_the_start(model: str, tmp_path: Path, case: str) -> None:
    make, message = WRONG[case]
    experiment, config = configure("quantize", settings(model, make(tmp_path / "data")))
    with pytest.raises(InputError, match=message):
        experiment.check(config)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"task": "text-classification"}, "is an image classifier and task says text-classification"),
        ({"model": "builtin", "task": "image-classification"}, "the built-in image classifier is builtin:vision"),
        ({"image_column": "label"}, "column label of .* holds no images"),
        ({"image_column": "photo"}, "has no column photo"),
    ],
)
def test_what_is_wrong_with_settings_is_said(model: str, tmp_path: Path, more: dict[str, Any], message: str) -> None:
    table = write_table(tmp_path / "train.parquet", [(encoded(seed, NAMES[seed % 3]), seed % 3) for seed in range(6)])
    experiment, config = configure("quantize", settings(model, table) | more)
    with pytest.raises(InputError, match=message):
        experiment.check(config)


def test_a_model_without_its_image_processor_is_refused(model: str, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    (other / "preprocessor_config.json").unlink()
    experiment, config = configure("quantize", settings(str(other), data))
    with pytest.raises(InputError, match=r"no image processor; save one there with image_processor.save_pretrained"):
        experiment.check(config)


def test_images_of_several_sizes_need_something_that_resizes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", {"train": 4})
    assert load_images(str(folder), Plain(), seed=0).train.pixels.shape[1:] == (3, 20, 24)
    picture(99, "red").resize((9, 9)).save(folder / "train" / "red" / "small.png")
    with pytest.raises(InputError, match=r"small.png is 9 x 9 pixels and others are 24 x 20"):
        load_images(str(folder), Plain(), seed=0)


def test_another_set_of_classes_gets_a_new_head(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("ape", "ibis", "horse", "rabbit"):
        only(folder, name)
    (result,) = results_of("finetune", tmp_path / "run", settings(model, folder, methods="full", steps=2))
    assert load(str(tmp_path / "run" / result["model"])).head.names == ("ape", "horse", "ibis", "rabbit")
