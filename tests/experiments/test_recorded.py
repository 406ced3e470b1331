"""Typed params and results: their records are those of older versions, and their columns follow from the fields."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from engine.experiments import registry
from engine.experiments.api import Column
from engine.experiments.recorded import Part, Quantity, Recorded
from engine.tasks.metric import ACCURACY, PERPLEXITY, Bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Recorded):
    score: Annotated[Bounded, Quantity("{Metric}", "score", key="{metric}")]
    loss: Annotated[float, Quantity("Loss", "number")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Recorded):
    name: Annotated[str, Quantity("Layer")]
    noise: Annotated[float | None, Quantity("SQNR", "db")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(Recorded):
    whole: Annotated[Inner, Part()]
    before: Annotated[Inner | None, Part("before_")] = None
    rate: Annotated[float | None, Quantity("{Samples}/s", "number", key="{samples}_per_second")] = None
    rows: tuple[Row, ...] = ()


WHOLE = Inner(score=Bounded(0.8, 0.7, 0.9), loss=0.5)


def test_a_record_is_flat_and_without_what_has_its_default() -> None:
    assert Outer(whole=WHOLE).to_record() == {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "loss": 0.5}


def test_what_is_written_is_read_again_among_other_keys() -> None:
    some = Outer(whole=WHOLE, before=WHOLE, rate=3.0, rows=(Row(name="a", noise=None), Row(name="b", noise=2.0)))
    record = some.to_record(PERPLEXITY)
    assert record["before_perplexity_low"] == 0.7
    assert record["windows_per_second"] == 3.0
    assert record["rows"][0] == {"name": "a", "noise": None}
    assert Outer.from_record({**record, "of a later version": 1}, PERPLEXITY) == some


def test_what_must_be_there_is_named_where_it_is_not() -> None:
    with pytest.raises(KeyError, match="loss"):
        Outer.from_record({"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9})


def test_columns_have_the_title_unit_and_interval_of_their_field() -> None:
    assert Outer.columns(PERPLEXITY)["score"] == Column(
        "perplexity", "Perplexity", "number", "perplexity_low", "perplexity_high"
    )
    assert Outer.columns()["before_score"].low == "before_accuracy_low"
    assert Outer.columns()["rate"] == Column("texts_per_second", "Texts/s", "number")
    assert Outer.tables(ACCURACY)["rows"]["noise"] == Column("noise", "SQNR", "db")


@pytest.mark.parametrize("name", registry.NAMES)
def test_every_column_that_is_shown_is_a_quantity_of_the_experiment(name: str) -> None:
    experiment = registry.get(name)
    for task in ("text-classification", "causal-lm", "image-classification"):
        quantities = experiment.quantities({"task": task})
        assert {column.key for column in experiment.columns_of({"task": task})} <= quantities.keys()
