"""What is said before an export: a line for each format, however many layers chose their own scales."""

from engine.exports.contract import changed
from engine.models.manifest import Manifest


def manifest(**weights: str) -> Manifest:
    return Manifest.model_validate(
        {"layers": {name: {"kind": "linear", "weight": spec} for name, spec in weights.items()}}
    )


def said(made: Manifest, becomes: str = "floats") -> list[str]:
    return [str(change) for change in changed(made, "weight", lambda _: becomes)]


def test_layers_with_scales_of_their_own_are_one_line() -> None:
    made = manifest(a="nvfp4(3.2e-05)", b="nvfp4(1.5e-05)", c="nvfp4(3.2e-05)", d="uint(8,tensor,0.5,3)")
    assert said(made) == [
        "weights of a and 2 more layers in nvfp4: floats",
        "weights of d in uint(8,tensor,0.5,3): floats",
    ]


def test_a_spec_that_all_share_is_named_whole() -> None:
    assert said(manifest(a="fixed(8,4)", b="fixed(8,4)")) == ["weights of a and 1 more layer in fixed(8,4): floats"]
    assert said(manifest(a="int(4,32)", b="int(8,32)")) == [
        "weights of a in int(4,32): floats",
        "weights of b in int(8,32): floats",
    ]


def test_what_becomes_of_them_divides_them() -> None:
    made = manifest(a="fixed(8,4)", b="fixed(8,60)")
    found = changed(made, "weight", lambda spec: "too fine" if spec == "fixed(8,60)" else "")
    assert [str(change) for change in found] == ["weights of b in fixed(8,60): too fine"]
