"""torch.compile beside eager. Those that compile C++ take their time."""

import shutil

import pytest
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.profiling import compiling
from engine.profiling.specimen import Specimen


class Broken(nn.Module):
    """Goes on by a value: Python must run between two graphs."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1 if x.sum() > 0 else x - 1


def test_a_graph_break_is_told_with_its_reason_and_line() -> None:
    graphs, breaks = compiling.graph_breaks(Broken(), Specimen("broken", Broken(), {"x": torch.ones(3)}))
    assert graphs == 2
    assert len(breaks) == 1
    assert breaks[0].startswith("a branch on a tensor's value (test_compiling.py, line ")


def test_a_whole_forward_is_one_graph() -> None:
    assert compiling.graph_breaks(nn.ReLU(), Specimen("relu", nn.ReLU(), {"input": torch.ones(3)})) == (1, ())


def test_a_compiler_that_fails_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> object:
        raise RuntimeError("\nno compiler was found.\nand a long trace")

    monkeypatch.setattr(torch, "compile", lambda *arguments, **options: broken)
    one = Specimen("relu", nn.ReLU(), {"input": torch.ones(3)})
    with pytest.raises(InputError, match=r"^torch.compile cannot compile relu here: no compiler was found\.$"):
        compiling.measure(one, "cpu", 4, lambda text: None)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_and_eager_agree() -> None:
    torch.manual_seed(0)
    one = Specimen("mlp", nn.Sequential(nn.Linear(8, 8), nn.GELU()).eval(), {"input": torch.randn(4, 8)})
    said: list[str] = []
    found = compiling.measure(one, "cpu", 4, said.append)
    assert said == ["starting the compiler", "compiling", "timing", "looking for graph breaks"]
    assert (found.graphs, found.breaks) == (1, ())
    assert found.difference <= 1e-6 < found.largest
    assert found.first_call > found.compiled.median
