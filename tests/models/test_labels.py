import re

import pytest

from engine.errors import InputError
from engine.models.labels import Classes, Fit, Head, Label, classes_of, fit, label_of


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("1", 1),
        (" 2 ", 2),
        (1.0, 1),
        ("1.0", 1),
        ("3.", 3),
        (True, 1),
        (3, 3),
        ("-1", -1),
        ("+1", 1),
        (" good one ", "good one"),
        ("", None),
        ("  ", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_labels_as_people_write_them(value: object, label: Label | None) -> None:
    assert label_of(value) == label
    assert type(label_of(value)) in (int, str, type(None))


@pytest.mark.parametrize("value", [1.5, "0.25", "1e-3", [0, 1], {"a": 1}, b"x", "9" * 5000, 10**30, float("inf")])
def test_what_is_no_class(value: object) -> None:
    with pytest.raises((ValueError, OverflowError), match="which is"):
        label_of(value)


def classes(*labels: Label) -> Classes:
    return classes_of({label: f"row {label}" for label in labels})[0]


def test_the_values_of_labels_and_their_places() -> None:
    found, index = classes_of({"b": "row 1", "A": "row 2", "a": "row 3"})
    assert found.values == ("A", "b")
    assert index == {"A": 0, "a": 0, "b": 1}
    found, index = classes_of({"True": "row 1", "false": "row 2", 0: "row 3"})
    assert found.values == (0, 1)
    assert index == {"True": 1, "false": 0, 0: 0, 1: 1}
    assert classes_of({"true": "", "false": "", "mixed": ""})[0].values == ("false", "mixed", "true")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("good", 1), "row 1 has 1, row good has good; write all of them alike"),
        ((0, 1, -2), "row -2 has the label -2"),
        ((-1, 0, 1), "row -1 has the label -1 .* remove such rows, or number the classes"),
        (tuple(range(20_000)), "20,000 different values"),
    ],
)
def test_labels_that_make_no_classes(labels: tuple[Label, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        classes(*labels)


NLI = Head(3, ("CONTRADICTION", "NEUTRAL", "ENTAILMENT"))
PLAIN = Head(2, ("LABEL_0", "LABEL_1"))
FIVE = Head(5, tuple(f"LABEL_{i}" for i in range(5)))


@pytest.mark.parametrize(
    ("found", "head", "table", "note"),
    [
        (classes(0, 1), PLAIN, (0, 1), ""),
        (classes(1, 2), PLAIN, (0, 1), "labels start at 1 and count from 0 here"),
        (classes(1, 2), Head(3), (0, 1), "labels start at 1 and count from 0 here; 2 of the model's 3 classes occur"),
        (classes(1, 2, 3, 4, 5), FIVE, (0, 1, 2, 3, 4), "labels start at 1 and count from 0 here"),
        (classes(0, 2), Head(3), (0, 2), "2 of the model's 3 classes occur"),
        (classes("neg", "pos"), PLAIN, (0, 1), "classes in alphabetical order: neg → 0, pos → 1"),
        (
            classes("neg", "pos"),
            Head(2, ("BAD", "GOOD")),
            (0, 1),
            "classes in alphabetical order: neg → 0, pos → 1; the model calls its own BAD, GOOD",
        ),
        (classes("LABEL_1", "LABEL_0"), PLAIN, (0, 1), "classes by the model's names: LABEL_0 → 0, LABEL_1 → 1"),
        (
            classes("entailment", "neutral", "contradiction"),
            NLI,
            (0, 2, 1),
            "classes by the model's names: contradiction → 0, entailment → 2, neutral → 1",
        ),
        (
            Classes((0, 1, 2), ("entailment", "neutral", "contradiction")),
            NLI,
            (2, 1, 0),
            "classes by the model's names: entailment → 2, neutral → 1, contradiction → 0",
        ),
        (Classes((0, 1), ("neg", "pos")), PLAIN, (0, 1), ""),
        (Classes((0, 1), ("a-b", "c d")), Head(2, ("A B", "C_D")), (0, 1), ""),
        (Classes((1, 2), ("x", "y", "z")), Head(3), (1, 2), "2 of the model's 3 classes occur"),
    ],
)
def test_classes_of_the_data_as_those_of_a_model(found: Classes, head: Head, table: tuple[int, ...], note: str) -> None:
    made = fit(found, head, "data.csv", "model")
    assert (made.table, made.classes, made.note) == (table, head.classes, note)


def test_the_first_label_can_be_told() -> None:
    assert fit(classes(1, 2), Head(3), "d", "m", first=0).table == (1, 2)
    assert fit(classes(3, 4), Head(2), "d", "m", first=3).table == (0, 1)
    with pytest.raises(InputError, match="below first_label=1"):
        fit(classes(0, 1), Head(2), "d", "m", first=1)


@pytest.mark.parametrize(
    ("found", "head", "message"),
    [
        (classes(0, 2), PLAIN, "has the label 2 and m tells 2 classes apart (0 to 1); fine-tune it on these data"),
        (classes(1, 2, 3), PLAIN, "has the label 3 and m tells 2 classes"),
        (classes("a", "b", "c"), PLAIN, "has 3 classes (a, b, c) and m tells 2 classes apart"),
        (classes("neutral", "positive"), NLI, "has the label positive, and the classes of m are CONTRADICTION"),
    ],
)
def test_a_model_that_does_not_tell_the_classes_apart(found: Classes, head: Head, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        fit(found, head, "data.csv", "m")
    assert "labtui run finetune" in str(caught.value)


@pytest.mark.parametrize(
    ("found", "made"),
    [
        (classes(0, 1), Fit((0, 1), 2)),
        (classes(1, 2, 3), Fit((0, 1, 2), 3, (), "labels start at 1 and count from 0 here")),
        (classes(0, 4), Fit((0, 1), 2, (), "labels 0, 4 are the classes 0 to 1")),
        (
            classes("b", "a"),
            Fit((0, 1), 2, ("a", "b"), "classes in alphabetical order: a → 0, b → 1"),
        ),
        (Classes((0, 1), ("x", "y", "z")), Fit((0, 1), 3, ("x", "y", "z"))),
    ],
)
def test_a_new_head_has_the_classes_of_the_data(found: Classes, made: Fit) -> None:
    assert fit(found, None, "d", "m") == made
