"""Preparing: the same function in float64, S and R against independent ones, exact files, killed calibrations."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, layer_report, quantize_model, quantized_layers
from engine.compress.layers import Quantized
from engine.compress.lora import LoraSettings, add_lora
from engine.compress.methods.activation_aware import awq_scale
from engine.compress.methods.prepare import smooth_scale
from engine.compress.preparation import Rotated, Scaled, hadamard, prepared_layers, random_signs
from engine.compress.prepared import prepared_layer
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of
from engine.errors import InputError
from engine.formats import parse
from engine.layers import weight_of
from engine.models.classifier import Classifier
from engine.preparing import Preparing, parse_preparing
from engine.store import load, save
from tests.compress.methods.test_apply import KilledError, Memory, logits

SMOOTH, AWQ, HADAMARD = Preparing("smooth"), Preparing("awq"), Preparing("hadamard", seed=3)
EXACT = LayerFormats("fixed(28)", "fp32", "fp32")
"""Rounds next to nothing."""


def layers() -> dict[str, tuple[nn.Module, Tensor]]:
    from transformers.pytorch_utils import Conv1D

    torch.manual_seed(0)
    return {
        "linear": (nn.Linear(24, 5), torch.randn(3, 7, 24)),
        "transposed": (Conv1D(5, 24), torch.randn(3, 7, 24)),
        "conv1d": (nn.Conv1d(8, 6, 3, padding=1), torch.randn(2, 8, 9)),
        "conv2d": (nn.Conv2d(8, 6, 3, stride=2, padding=1), torch.randn(2, 8, 9, 9)),
        "grouped": (nn.Conv2d(8, 6, 3, groups=2), torch.randn(2, 8, 9, 9)),
        "depthwise": (nn.Conv2d(8, 8, 3, groups=8), torch.randn(2, 8, 9, 9)),
    }


WAYS = [(name, way) for name in layers() for way in ("scaled", "rotated") if (name, way) not in
        (("grouped", "rotated"), ("depthwise", "rotated"))]  # fmt: skip


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_a_prepared_layer_computes_the_same_in_float64(name: str, way: str) -> None:
    layer, x = layers()[name]
    layer, x = layer.double(), x.double()
    channels = x.shape[-1] if x.dim() == 3 and name != "conv1d" else x.shape[1]
    scale = torch.rand(channels, dtype=torch.float64) + 0.1
    one = Scaled(SMOOTH, scale) if way == "scaled" else Rotated(HADAMARD, random_signs(channels, 3))
    prepared = prepared_layer(layer, one)
    prepared.weight_format = parse_double()
    assert not torch.equal(prepared.weight, weight_of(layer))
    torch.testing.assert_close(prepared(x), layer(x), rtol=1e-12, atol=1e-12)


def parse_double() -> nn.Module:
    """A format that rounds nothing, not even to float32."""
    module = nn.Identity()
    module.scalars = ()  # type: ignore[assignment]
    return module


def matrix(size: int) -> Tensor:
    """Sylvester's matrix by the parity of the bits that two indices share."""
    return torch.tensor(
        [[(-1.0) ** (i & j).bit_count() for j in range(size)] for i in range(size)], dtype=torch.float64
    )


@pytest.mark.parametrize(("channels", "block"), [(2, 2), (24, 8), (64, 64), (96, 32), (7, 1)])
def test_the_rotation_is_a_hadamard_matrix_and_orthogonal(channels: int, block: int) -> None:
    h = torch.block_diag(*[matrix(block)] * (channels // block)) / block**0.5
    signs = random_signs(channels, 5)
    assert set(signs.tolist()) <= {-1, 1}
    r = Rotated(HADAMARD, signs).inputs(torch.eye(channels, dtype=torch.float64))
    torch.testing.assert_close(r, signs.double().diag() @ h)
    torch.testing.assert_close(r @ r.T, torch.eye(channels, dtype=torch.float64))
    x = torch.randn(4, channels, dtype=torch.float64)
    torch.testing.assert_close(hadamard(x), x @ h)


def test_signs_are_of_the_seed() -> None:
    assert torch.equal(random_signs(64, 1), random_signs(64, 1))
    assert not torch.equal(random_signs(64, 1), random_signs(64, 2))


def test_smooth_is_what_the_paper_writes() -> None:
    inputs, weights = [4.0, 0.5, 0.0, 2.0], [1.0, 0.25, 3.0, 0.0]
    found = smooth_scale(torch.tensor(inputs).double(), torch.tensor(weights).double(), 0.7)
    assert found.tolist() == pytest.approx([4**0.7 / 1, 0.5**0.7 / 0.25**0.3, 1, 1])


def inputs_of(model: nn.Module, name: str, batches: list[dict[str, Tensor]]) -> Tensor:
    """All that enters a layer, `[tokens, channels]`."""
    seen: list[Tensor] = []
    hook = model.get_submodule(name).register_forward_pre_hook(lambda _, args: seen.append(args[0].flatten(0, -2)))
    logits(model, batches)
    hook.remove()
    return torch.cat(seen)


ATTENTION = "bert.encoder.layer.1.attention.self."
SIBLINGS = [ATTENTION + one for one in ("query", "key", "value")]


@pytest.fixture
def outliers(bert: BertForSequenceClassification) -> BertForSequenceClassification:
    """The same with a few channels of large inputs."""
    with torch.no_grad():
        bert.bert.encoder.layer[0].output.LayerNorm.weight[3:6] *= 20
    return bert


@pytest.mark.parametrize("alpha", [0.3, 0.5])
def test_siblings_share_the_scale_of_smooth(
    alpha: float, outliers: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    model = quantize_model(outliers, EXACT, batches, preparing=Preparing("smooth", alpha))
    found = prepared_layers(model)
    x = inputs_of(outliers, SIBLINGS[0], batches).abs().amax(0)
    w = torch.stack([outliers.get_submodule(name).weight.detach().abs().amax(0) for name in SIBLINGS]).amax(0)
    expected = x**alpha / w ** (1 - alpha)
    assert len({id(found[name].scale) for name in SIBLINGS}) == 1
    torch.testing.assert_close(found[SIBLINGS[0]].scale, expected)
    torch.testing.assert_close(logits(model, batches), logits(outliers, batches), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["fp32", "fixed(5)", "mxfp4"])
def test_awq_takes_the_exponent_of_the_least_error(
    activation: str, outliers: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    formats = LayerFormats("int(3)", activation, "fp32", include=tuple(SIBLINGS))
    found = prepared_layers(quantize_model(outliers, formats, batches, preparing=AWQ))
    x, mean = inputs_of(outliers, SIBLINGS[0], batches), inputs_of(outliers, SIBLINGS[0], batches).abs().mean(0)
    errors = []
    for step in range(20):
        s = mean ** (step / 20)
        s = s / (s.max() * s.min()) ** 0.5
        rounded = x / s if activation == "fp32" else parse(activation).quantize(x / s)
        error = 0.0
        for name in SIBLINGS:
            w = outliers.get_submodule(name).weight.detach()
            steps = (w * s).abs().amax(1, keepdim=True) / 3
            q = (w * s / steps).round().clamp(-4, 3) * steps
            error += float((rounded @ q.T - x @ w.T).square().sum())
        errors.append(error)
    best = min(range(20), key=errors.__getitem__)
    assert best > 0
    torch.testing.assert_close(
        found[SIBLINGS[0]].scale.double(), awq_scale(mean.double(), best / 20), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize(
    ("preparing", "method"),
    [(SMOOTH, "nearest"), (SMOOTH, "gptq"), (AWQ, "nearest"), (HADAMARD, "nearest"), (HADAMARD, "gptq")],
    ids=str,
)
def test_what_is_saved_is_read_again_and_saved_again(
    preparing: Preparing, method: str, classifier: Classifier, batches: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    plain = quantize_model(classifier.model, LayerFormats("int(4,16)"), batches, method)
    model = quantize_model(classifier.model, LayerFormats("int(4,16)"), batches, method, preparing=preparing)
    assert {report.prepare for report in layer_report(model)} >= {str(preparing)}
    sizes = [
        save(replace(classifier, model=one), tmp_path / name)
        for one, name in ((model, "once"), (plain, "plain"), (classifier.model, "float"))
    ]
    assert sizes[1] < sizes[0] < sizes[2]
    again = load(tmp_path / "once", task="text-classification")
    assert torch.equal(logits(model, batches), logits(again.model, batches))
    assert [one.prepare for one in layer_report(again.model)] == [one.prepare for one in layer_report(model)]
    save(again, tmp_path / "twice")
    first, second = ((tmp_path / name / "compressed.safetensors").read_bytes() for name in ("once", "twice"))
    assert first == second


@pytest.mark.parametrize("stages", [1, 3])
def test_a_killed_calibration_goes_on_with_the_same_numbers(
    stages: int, outliers: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    formats = LayerFormats("int(3,16)", include=("*.output.dense",))
    whole = quantize_model(outliers, formats, batches, "gptq", preparing=AWQ)
    memory = Memory(stages)
    with pytest.raises(KilledError):
        quantize_model(outliers, formats, batches, "gptq", memory, preparing=AWQ)
    resumed = quantize_model(outliers, formats, batches, "gptq", memory, preparing=AWQ)
    assert memory.left < 0
    assert torch.equal(logits(whole, batches), logits(resumed, batches))
    assert layer_report(whole) == layer_report(resumed)


@pytest.mark.parametrize("preparing", [SMOOTH, AWQ, HADAMARD], ids=str)
def test_the_original_is_untouched_and_outliers_cost_less(
    preparing: Preparing, outliers: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    before = {name: one.clone() for name, one in outliers.state_dict().items()}
    formats = LayerFormats("int(4)", bias="fp32", include=("bert.encoder.layer.1.*",))
    expected = logits(outliers, batches)
    missed = [
        float(
            (logits(quantize_model(outliers, formats, batches, preparing=one, shared=True), batches) - expected).norm()
        )
        for one in (None, preparing)
    ]
    assert missed[1] < missed[0]
    assert all(torch.equal(one, before[name]) for name, one in outliers.state_dict().items())


def test_a_weight_that_layers_share_is_prepared_once() -> None:
    torch.manual_seed(0)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(8, 8), nn.Linear(8, 8)
            self.other.weight = self.one.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.other(self.one(x).relu())

    model, x = Twice(), torch.randn(5, 8)
    prepared = quantize_model(model, EXACT, [{"x": x}], preparing=SMOOTH)
    assert prepared.one.weight is prepared.other.weight
    assert set(prepared_layers(prepared)) == {"one", "other"}
    torch.testing.assert_close(prepared(x), model(x))


@pytest.mark.parametrize("preparing", [SMOOTH, AWQ], ids=str)
def test_a_pruned_model_keeps_its_zeros(
    preparing: Preparing, outliers: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    pruned = prune_model(outliers, Pruning(sparsity=0.5))
    model = quantize_model(pruned, LayerFormats("int(4)"), batches, "gptq", preparing=preparing)
    for name, layer in quantized_layers(model).items():
        assert (weight_of(layer)[~mask_of(layer)] == 0).all(), name
    with pytest.raises(InputError, match="would fill the zeros of a pruned layer"):
        quantize_model(pruned, LayerFormats("int(4)"), batches, preparing=HADAMARD)


def test_what_nothing_enters_has_no_scale() -> None:
    model = nn.Sequential(nn.Linear(6, 4))
    x = torch.randn(5, 6)
    x[:, 2] = 0
    for preparing in (SMOOTH, AWQ):
        found = prepared_layers(quantize_model(model, LayerFormats("int(3)"), [{"input": x}], preparing=preparing))
        assert all(one.scale[2] == 1 for one in found.values())
        assert all(one.scale.isfinite().all() for one in found.values())


def test_what_cannot_be_prepared_is_said(bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]) -> None:
    formats = LayerFormats("int(4)", "fp32", "fp32")
    with pytest.raises(InputError, match="training data"):
        quantize_model(bert, formats, [], preparing=AWQ)
    with pytest.raises(InputError, match="a table is looked up"):
        quantize_model(bert, LayerFormats("int(4)", include=("Embedding",)), batches, preparing=AWQ)
    with pytest.raises(InputError, match="0: 7 input channels, an odd number"):
        quantize_model(nn.Sequential(nn.Linear(7, 2)), formats, preparing=HADAMARD)
    grouped = LayerFormats("int(4)", include=("Conv2d",))
    with pytest.raises(InputError, match="a grouped convolution"):
        quantize_model(nn.Sequential(nn.Conv2d(4, 4, 1, groups=2)), grouped, preparing=HADAMARD)
    prepared = quantize_model(bert, formats, preparing=HADAMARD)
    again = "is prepared by hadamard at run time"
    with pytest.raises(InputError, match=again):
        quantize_model(prepared, formats, batches, preparing=SMOOTH)
    with pytest.raises(InputError, match=again):
        prune_model(prepared, Pruning(sparsity=0.5, granularity="neurons"))
    with pytest.raises(InputError, match=again):
        add_lora(prepared, LoraSettings())


def test_another_format_leaves_a_layer_prepared(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    prepared = quantize_model(bert, EXACT, batches, preparing=SMOOTH)
    again = quantize_model(prepared, EXACT)
    assert torch.equal(logits(again, batches), logits(prepared, batches))
    assert all(isinstance(again.get_submodule(name), Quantized) for name in prepared_layers(again))


@pytest.mark.parametrize(
    ("text", "written"), [("smooth", "smooth"), ("smooth(0.5)", "smooth"), (" smooth ( 0.70 )", "smooth(0.7)"),
                          ("awq", "awq"), ("hadamard", "hadamard"), ("none", "None")]
)  # fmt: skip
def test_how_it_is_written(text: str, written: str) -> None:
    assert str(parse_preparing(text)) == written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smooth(1.5)", "lies between 0 and 1; 1.5 does not"),
        ("smooth(-0.1)", "lies between 0 and 1"),
        ("smooth(nan)", "lies between 0 and 1"),
        ("smooth(half)", "a number between 0 and 1"),
        ("awq(2)", "awq takes nothing in brackets"),
        ("none(1)", "none takes nothing in brackets"),
        ("smoth", "no preparation is called 'smoth'; write none, smooth, smooth"),
        ("", "no preparation is called ''"),
    ],
)
def test_what_is_not_one(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_preparing(text)
