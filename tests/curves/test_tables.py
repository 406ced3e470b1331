"""Curves out of tables: which columns are meant, what is left out, what is refused."""

from pathlib import Path

import pandas as pd
import pytest

from engine.curves.curve import Curve
from engine.curves.offer import ROWS, offer
from engine.curves.reading import Asked
from engine.errors import InputError
from engine.figures.figure import Figure, Series

LOSS = Figure("loss", "Training loss", "Step", "Loss", (Series("run", (0.0, 1.0), (0.7, 0.6)),))
WIDTHS = Figure("width", "Accuracy against width", "Width", "Test accuracy", (), y_unit="percent")


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_pandas_writes_is_read_with_its_index_as_steps(tmp_path: Path) -> None:
    frame = pd.DataFrame({"loss": [0.7, 0.5, None, 0.25]}, index=[0, 10, 20, 30])
    frame.to_csv(tmp_path / "curve.csv")
    (curve,) = Asked(str(tmp_path / "curve.csv")).beside(LOSS)
    assert curve == Curve(f"{tmp_path.name}/curve.csv: loss", (0.0, 10.0, 30.0), (0.7, 0.5, 0.25))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".jsonl", ".parquet"])
def test_every_kind_of_table_gives_the_same_curve(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"curve{ending}"
    frame = pd.DataFrame({"step": [3, 1, 2], "loss": [0.1, 0.3, 0.2], "host": ["a", "b", "c"]})
    match ending:
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".parquet":
            frame.to_parquet(path)
        case _:
            frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    (curve,) = Asked(str(path)).beside(LOSS)
    assert (curve.x, curve.y) == ((1.0, 2.0, 3.0), (0.3, 0.2, 0.1))


@pytest.mark.parametrize(
    ("columns", "axes", "step", "value"),
    [
        (["Wall time", "Step", "Value"], ("Step", "Loss"), "Step", "Value"),  # TensorBoard's own CSV
        (["Step", "run - loss", "run - loss__MIN", "run - loss__MAX"], ("Step", "Loss"), "Step", "run - loss"),
        (["epoch", "global_step", "loss", "accuracy"], ("Step", "Loss"), "global_step", "loss"),
        (["step", "loss", "accuracy"], ("Step", "Test accuracy"), "step", "accuracy"),
        (["step", "train_loss", "val_loss"], ("Step", "Loss"), "step", None),
        (["width", "accuracy"], ("Width (bits)", "Test accuracy"), "width", "accuracy"),
        (["a", "b"], ("Step", "Loss"), None, None),
        (["loss"], ("Step", "Loss"), ROWS, "loss"),
        (["step", "time", "loss"], ("Step", "Accuracy"), "step", "loss"),
    ],
)
def test_columns_are_told_by_their_names_and_the_axes(
    columns: list[str], axes: tuple[str, str], step: str | None, value: str | None
) -> None:
    found = offer(columns, *axes)
    assert (found.step, found.value) == (step, value)
    assert value is None or value in found.values


def test_one_of_several_is_named_after_a_colon(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "step,train:loss,val\n1,0.5,0.6\n")
    assert [one.y for one in Asked(f"{path}:val").beside(LOSS)] == [(0.6,)]
    assert [one.y for one in Asked(f"{path}:train:loss").beside(LOSS)] == [(0.5,)]
    with pytest.raises(InputError, match=r"c\.csv holds train:loss, val; name one, as .*c\.csv:train:loss"):
        Asked(path).beside(LOSS)


def test_a_column_along_the_axis_is_no_count_of_steps(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "width,accuracy\n4,87.5\n8,90\n")
    (curve,) = Asked(path).beside(WIDTHS)
    assert not curve.steps
    with pytest.raises(InputError, match="has no column called step; name one of width, accuracy, row number with"):
        Asked(path).beside(LOSS)
    (by_row,) = Asked(f"{path}:accuracy", ROWS).beside(LOSS)
    assert (by_row.x, by_row.steps) == ((1.0, 2.0), True)


def test_values_that_are_not_finite_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "step,loss\n1,0.5\n2,NaN\n3,\n4,inf\n")
    (curve,) = Asked(path).beside(LOSS)
    assert (curve.x, curve.y) == ((1.0,), (0.5,))
    assert curve.said.endswith("c.csv: loss: 2 of 3 values are NaN or infinite and left out.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("step,loss\n", "has no column of numbers below its header; its columns are step, loss"),
        ("name,word\na,b\n", "has no column of numbers"),
        ("step,loss\n1,nan\n2,inf\n", "has no value that is a finite number"),
        ("0,0.7\n1,0.5\n", "holds numbers; put the names of its columns above them"),
        ("step,loss\n1,0.5\n,0.4\n", "Row 2 of .* has a loss and no step"),
        ("step,loss\n1,0.5,3\n", "row 1 of .* has 3 values and the header 2"),
        ("loss,loss\n1,0.5\n", "has 2 columns called loss"),
    ],
)
def test_a_table_without_a_curve_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path / "c.csv", text)
    with pytest.raises(InputError, match=said):
        Asked(path).beside(LOSS)


def test_a_column_of_words_and_one_that_is_not_there_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "step,loss,note\n1,0.5,x\n2,0.4,y\n")
    with pytest.raises(InputError, match=r'Row 1 of .* has "x" as note, which is no number'):
        Asked(f"{path}:note").beside(LOSS)
    with pytest.raises(InputError, match="has no column 'los'; its columns are step, loss, note"):
        Asked(f"{path}:los").beside(LOSS)
    with pytest.raises(InputError, match=r"nowhere\.csv does not exist; name a table"):
        Asked("nowhere.csv")
    (tmp_path / "c.pdf").write_text("x")
    with pytest.raises(InputError, match="is in no format that is read"):
        Asked(str(tmp_path / "c.pdf"))
