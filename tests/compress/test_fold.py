"""Folded batch norms beside the model that still has them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.fold import fold_norms, folded_norms
from engine.store import load, save
from tests.tasks.pictures import write_model

INPUTS = {"pixel_values": torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))}


class Out(dict):  # type: ignore[type-arg]
    __getattr__ = dict.__getitem__


class Odd(nn.Module):
    """A norm behind a sum, one that a second reader bypasses, one used twice, and one that may go."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(3, 3, 3, padding=1, bias=name == 1) for name in range(3))
        self.plain, self.bypassed, self.behind = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, pixel_values: torch.Tensor) -> Out:
        x = self.plain(self.first(pixel_values))
        y = self.second(x)
        z = self.bypassed(y) + y
        return Out(logits=self.behind(self.third(z) + x).mean((2, 3)))


def randomised(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return model.eval()


def test_a_net_gives_the_same_without_its_norms(tmp_path: Path) -> None:
    subject = load(str(write_model(tmp_path / "net")))
    model = randomised(subject.model)
    expected = model(**INPUTS).logits
    names = fold_norms(model, INPUTS)
    assert len(names) == len(folded_norms(model)) == sum(isinstance(one, nn.Conv2d) for one in model.modules())
    assert not any(isinstance(one, nn.BatchNorm2d) for one in model.modules())
    torch.testing.assert_close(model(**INPUTS).logits, expected, rtol=1e-4, atol=1e-5)


def test_norms_that_are_needed_stay() -> None:
    model = randomised(Odd())
    expected = model(**INPUTS).logits
    assert fold_norms(model, INPUTS) == ["first"]
    assert folded_norms(model) == {"plain": "first"}
    torch.testing.assert_close(model(**INPUTS).logits, expected)


@pytest.mark.parametrize("spec", ["fp32", "fixed(6)"])
def test_what_is_saved_gives_the_same_outputs(tmp_path: Path, spec: str) -> None:
    subject = load(str(write_model(tmp_path / "net")))
    fold_norms(randomised(subject.model), INPUTS)
    if spec != "fp32":
        formats = LayerFormats(spec, None, spec, include=("Conv2d", "Linear"))
        subject.model = quantize_model(subject.model, formats)
    expected = subject.model(**INPUTS).logits
    save(subject, tmp_path / "saved")
    again = load(str(tmp_path / "saved"))
    assert torch.equal(again.model(**INPUTS).logits, expected)
    save(again, tmp_path / "twice")
    assert torch.equal(load(str(tmp_path / "twice")).model(**INPUTS).logits, expected)
