import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.search.samplers import check_sampler, trial_seed
from engine.search.space import Dimension, Range, Space, tied
from engine.search.space_text import SpaceText, parse_space, write_space

WRITTEN = (
    "layers=1..4; hidden=64, 128, 192; rate=1e-05..0.01 log; sparsity=0.0..0.9 step 0.1; act=gelu, relu; on=true, false"
)


def test_what_is_written_is_read() -> None:
    space = parse_space(WRITTEN)
    assert [one.domain for one in space.dimensions] == [
        Range(1, 4, 1, whole=True),
        (64, 128, 192),
        Range(1e-5, 1e-2, None, log=True),
        Range(0, 0.9, 0.1),
        ("gelu", "relu"),
        (True, False),
    ]
    assert parse_space(write_space(space)) == space
    assert parse_space("a=0.0..1.0").dimensions[0].domain == Range(0, 1), "no whole numbers: the dots say so"
    assert parse_space("a=1..10 step 4").dimensions[0].domain == Range(1, 9, 4, whole=True)
    assert parse_space("f=fixed(8,4), mxint8\ng=1").names == ("f", "g")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.one_of(
            st.lists(st.integers(-99, 99), min_size=1, max_size=4, unique=True).map(tuple),
            st.tuples(st.integers(-99, 99), st.integers(1, 99)).map(lambda p: Range(p[0], p[0] + p[1], 1, whole=True)),
            st.tuples(st.floats(0.001, 10), st.floats(0.1, 10)).map(lambda p: Range(p[0], p[0] + p[1], log=True)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_space_survives_writing(domains: dict[str, object]) -> None:
    space = Space(tuple(Dimension(name, domain) for name, domain in domains.items()))
    assert parse_space(write_space(space)) == space


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layers", "'layers' is no dimension"),
        ("layers=", "is no dimension"),
        ("a=1;a=2", "a stands twice in the space"),
        ("a=3..1", "the range 3..1 is empty"),
        ("a=1..1", "is empty"),
        ("a=0..1 log", "begins above zero"),
        ("a=1..9 step 2 log", "a step or is log, not both"),
        ("a=1..3 step 5", "the step 5 does not fit"),
        ("a=1..3 stride 1", "is no range"),
        ("a=1,,2", "a value is empty"),
        ("a=1,2,1", "a value stands twice"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_space(text)


def test_a_toml_table_is_a_space() -> None:
    from pydantic import BaseModel

    class Model(BaseModel):
        space: SpaceText

    table = {"a": [1, 2], "b": {"low": 1e-4, "high": 1e-2, "log": True}, "c": "1..4", "d": 8, "e": [True, False]}
    assert Model(space=table).space == "a=1, 2; b=0.0001..0.01 log; c=1..4; d=8; e=true, false"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a range has low and high"):
        Model(space={"a": {"low": 1}})  # type: ignore[arg-type]


def test_the_product_has_every_combination_once_conditions_kept() -> None:
    space = Space(
        (
            Dimension("kind", ("a", "b")),
            Dimension("width", (1, 2, 3), under=(("kind", ("a",)),)),
            Dimension("n", Range(1, 2, 1, whole=True)),
        )
    )
    product = space.product()
    assert len(product) == (3 + 1) * 2
    assert len({str(one) for one in product}) == len(product)
    assert all(("width" in one) == (one["kind"] == "a") for one in product)
    assert all(space.checked(one) == one for one in product)


def test_what_does_not_fit_together_is_left_out() -> None:
    space = parse_space("heads=2,3,4; x=1..3; hidden=64,96")
    joint = tied(
        space, ("heads", "hidden"), lambda p: p["hidden"] % p["heads"] == 0, "hidden must be a multiple of heads"
    )
    found = {(one["heads"], one["hidden"]) for one in joint.product()}
    assert found == {(2, 64), (2, 96), (3, 96), (4, 64), (4, 96)}
    assert joint.dimensions[0].labels == ("2/64", "2/96", "3/96", "4/64", "4/96")
    assert joint.checked({"heads": 3, "hidden": 96, "x": 1}) == {"heads": 3, "hidden": 96, "x": 1}
    with pytest.raises(InputError, match="heads and hidden cannot be 3, 64"):
        joint.checked({"heads": 3, "hidden": 64, "x": 1})
    with pytest.raises(InputError, match="no combination of heads and hidden is left: hidden must"):
        tied(space, ("heads", "hidden"), lambda _: False, "hidden must be a multiple of heads")
    with pytest.raises(InputError, match="heads needs a step"):
        tied(parse_space("heads=1.0..2.0"), ("heads",), lambda _: True, "whole")
    assert tied(space, ("other",), lambda _: False, "") == space


@pytest.mark.parametrize(
    ("sampler", "text", "goals", "constrained", "message"),
    [
        ("random", "", 1, False, "the space is empty"),
        ("grid", "a=0.0..1.0", 1, False, "a grid needs a step for a"),
        ("grid", "a=1..999; b=1..999", 1, False, "more than 100,000 combinations"),
        ("cmaes", "a=0.0..1.0; b=x,y", 1, False, "b is a choice among values"),
        ("cmaes", "a=0.0..1.0", 1, False, "two dimensions or more"),
        ("cmaes", "a=0.0..1.0; b=1..3", 2, False, "one objective"),
        ("cmaes", "a=0.0..1.0; b=1..3", 1, True, "no constraints"),
    ],
)
def test_samplers_refuse_what_they_cannot_take(
    sampler: str, text: str, goals: int, constrained: bool, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_sampler(sampler, parse_space(text), goals, constrained)  # type: ignore[arg-type]
    check_sampler("tpe", parse_space("a=0.0..1.0; b=x,y"), 2, True)


def test_seeds_differ_by_trial_and_by_seed() -> None:
    seeds = {trial_seed(seed, number) for seed in range(20) for number in range(200)}
    assert len(seeds) == 4000
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hidden=1..99999999999", r"the range 1\.\.99999999999 has more than 100,000 values; give it a larger step"),
        ("hidden=1..999; heads=1..999", "hidden and heads have more than 100,000 combinations"),
    ],
)
def test_what_is_tied_is_bounded_before_it_is_gone_through(text: str, sentence: str) -> None:
    """`space=hidden_size=1..99999999999` never came back."""
    with pytest.raises(InputError, match=sentence):
        tied(parse_space(text), ("hidden", "heads"), lambda _: True, "heads share the hidden size")
