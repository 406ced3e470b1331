import pytest

from engine.search.constraints import feasible, parse_constraints


def test_units_and_signs() -> None:
    limits = parse_constraints("bytes<=2MB, lost<=1, accuracy>=80%, parameters<=1.5M, latency<=3ms, bytes>=1KiB")
    assert [(one.key, one.bound, one.sign) for one in limits] == [
        ("bytes", 2e6, 1),
        ("lost", 0.01, 1),
        ("validation_accuracy", 0.8, -1),
        ("parameters", 1.5e6, 1),
        ("latency", 0.003, 1),
        ("bytes", 1024, -1),
    ]
    assert parse_constraints(" ") == ()


def test_excess_is_at_most_zero_where_it_is_kept() -> None:
    below, above = parse_constraints("bytes<=100, accuracy>=0.5")
    assert below.excess({"bytes": 100}) == 0
    assert below.excess({"bytes": 130}) == 30
    assert above.excess({"validation_accuracy": 0.4}) == pytest.approx(0.1)
    assert feasible((below, above), {"bytes": 99, "validation_accuracy": 0.6})
    assert not feasible((below, above), {"bytes": 99, "validation_accuracy": 0.4})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("small", "'small' is no constraint"),
        ("bytes<2MB", "is no constraint"),
        ("bytes<=2parsecs", "is no constraint"),
        ("weight<=2", "of bytes, parameters"),
        ("bytes<=0", "no trial can keep 'bytes<=0'"),
        ("accuracy>=120%", "no trial can keep"),
        ("bytes<=1MB, bytes>=2MB", "no trial can keep both 'bytes<=1MB' and 'bytes>=2MB'"),
    ],
)
def test_what_cannot_be_read_or_kept_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_constraints(text)


def test_only_what_is_measured_may_be_bounded() -> None:
    with pytest.raises(ValueError, match="'operations<=1G' is no constraint"):
        parse_constraints("operations<=1G", ("bytes", "lost"))


def test_a_perplexity_is_a_plain_number_and_so_is_what_is_lost_of_it() -> None:
    known = ("bytes", "lost", "perplexity")
    limits = parse_constraints("perplexity<=25, lost<=1.5", known, in_points=False)
    assert feasible(limits, {"validation_perplexity": 25.0, "lost": 1.5})
    assert not feasible(limits, {"validation_perplexity": 25.1, "lost": 0.0})
    assert not feasible(limits, {"validation_perplexity": 24.0, "lost": 1.6})
    parse_constraints("lost<=-40", known, in_points=False)
    with pytest.raises(ValueError, match="'lost<=1%' is no constraint"):
        parse_constraints("lost<=1%", known, in_points=False)
