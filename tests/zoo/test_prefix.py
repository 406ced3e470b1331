"""Every architecture: a forward that begins where points differ gives the logits of a whole one, to the last bit."""

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune_units import example_inputs
from engine.layers import live_layers
from engine.runtime.scratch import Scratch
from engine.training.prefix import Prefix
from tests.zoo import images, small

pytestmark = pytest.mark.slow
FOUND = ("bert", "gpt2", "llama", "roberta", "t5", "resnet", "vit")
"""Types of which it is known that something is found."""


def batches(kind: str, model: nn.Module) -> list[dict[str, torch.Tensor]]:
    if kind in images.KINDS:
        pixels = images.images(model).float() / 255 - 0.5
        return [{"pixel_values": pixels[:2]}, {"pixel_values": pixels[2:4]}]
    some = example_inputs(model)
    return [some, {name: tensor.flip(0) for name, tensor in some.items()}]


@pytest.mark.parametrize("kind", [*small.KINDS, *images.KINDS])
def test_logits_are_the_same(kind: str) -> None:
    model = (images if kind in images.KINDS else small).small_model(kind)
    some, scratch = batches(kind, model), Scratch(1 << 26)
    names, read = list(live_layers(model)), 0
    for name in dict.fromkeys((names[len(names) // 2], names[-1])):
        for spec in ("fixed(3)", "fixed(4)"):
            changed = quantize_model(model, LayerFormats(spec, include=(name,)), shared=True)
            if (prefix := Prefix.of(changed, model, {key: one[:1] for key, one in some[0].items()}, scratch)) is None:
                continue
            read += bool(scratch.readable())
            with prefix.over("test") as call, torch.inference_mode():
                for number, batch in enumerate(some):
                    torch.manual_seed(number)  # a few draw numbers
                    found = call(number, batch)
                    torch.manual_seed(number)
                    assert torch.equal(found, changed(**batch).logits)
    assert read or kind not in FOUND
