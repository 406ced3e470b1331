"""The figures of docs/formats.md say what its text says."""

from pathlib import Path

from click.testing import CliRunner

from engine.experiments.shared import pitfalls
from tui_app.command.formats import formats


def test_a_held_fraction_gains_nothing_and_a_fitted_one_six_decibels_a_bit() -> None:
    fitted, half, held = pitfalls.fraction().series
    assert max(held.y) - min(held.y) < 0.01
    assert all(5 < b - a < 7 for a, b in zip(fitted.y[3:], fitted.y[4:], strict=False))
    assert all(a >= b for a, b in zip(fitted.y, half.y, strict=True))
    assert half.y[0] < 3


def test_signs_without_a_scale_are_far_too_large() -> None:
    figure = pitfalls.scale()
    sizes = dict(zip(figure.categories, figure.series[0].y, strict=True))
    assert 15 < sizes["binary"] < 20
    assert all(0.7 < sizes[name] < 1.1 for name in sizes if name != "binary")


def test_without_a_zero_small_weights_are_lifted() -> None:
    with_zero, without, _ = pitfalls.zero().series
    assert with_zero.y[0] == 0
    assert min(without.y) == 2.0**-5
    assert set(without.y) == {2.0**-5, 2.0**-4, 2.0**-3}
    assert set(with_zero.y) == {0, 2.0**-4, 2.0**-3}


def test_the_command_draws_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(formats, ["--figures", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        f"formats-{name}.png" for name in ("fraction", "scale", "zero")
    }
    assert all(str(path) in done.output for path in (tmp_path / "new").iterdir())


def test_the_docs_show_them() -> None:
    folder = Path(__file__).parents[2] / "docs"
    text = (folder / "formats.md").read_text(encoding="utf-8")
    for figure in (pitfalls.fraction(), pitfalls.scale(), pitfalls.zero()):
        name = f"images/formats-{figure.key}.png"
        assert name in text
        assert (folder / name).stat().st_size < 100_000
