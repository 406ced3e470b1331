"""From a model to its quantised copy: which layers, which formats, what calibration does."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, QuantizedEmbedding, QuantizedLinear, layer_report, quantize_model, summarize
from engine.compress.layers import quantized_layers
from engine.errors import InputError
from engine.formats import parse

Batches = list[dict[str, torch.Tensor]]


def specs(model: nn.Module) -> dict[str, str]:
    return {name: str(layer.weight_format.format) for name, layer in quantized_layers(model).items()}


def test_every_linear_layer_by_default_and_the_original_untouched(bert: nn.Module, batches: Batches) -> None:
    before = {name: tensor.clone() for name, tensor in bert.state_dict().items()}
    with torch.no_grad():
        output = bert(**batches[0]).logits
        model = quantize_model(bert, LayerFormats("fixed(8)", "fixed(8)", "fixed(8)"), batches)
        assert torch.equal(bert(**batches[0]).logits, output)
        assert not torch.equal(model(**batches[0]).logits, output)
    linears = [name for name, module in bert.named_modules() if isinstance(module, nn.Linear)]
    assert list(specs(model)) == linears
    assert not any(isinstance(module, QuantizedLinear) for module in bert.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in bert.state_dict().items())
    assert not model.training


def test_fine_formats_change_nothing_much(bert: nn.Module, batches: Batches) -> None:
    model = quantize_model(bert, LayerFormats("fixed(24)", "fixed(24)", "fixed(24)"), batches)
    with torch.no_grad():
        assert torch.allclose(model(**batches[0]).logits, bert(**batches[0]).logits, atol=1e-4)


def test_layers_by_type_pattern_and_exclusion(bert: nn.Module) -> None:
    def chosen(**options: Any) -> list[str]:
        return list(specs(quantize_model(bert, LayerFormats("fixed(8,6)", **options))))

    assert "classifier" not in chosen(exclude=("classifier",))
    assert all("attention" in name for name in chosen(include=("*.attention.*",)))
    assert all(name.startswith("bert.encoder.layer.1.") for name in chosen(include=("bert.encoder.layer.1",)))
    assert chosen(include=("classifier", "bert.pooler")) == ["bert.pooler.dense", "classifier"]
    with_embeddings = quantize_model(bert, LayerFormats("fixed(8,6)", "fixed(8,4)", include=("Linear", "Embedding")))
    assert isinstance(with_embeddings.get_submodule("bert.embeddings.word_embeddings"), QuantizedEmbedding)


@pytest.mark.parametrize(
    "formats",
    [
        LayerFormats("fixed(8)", include=("clasifier",)),
        LayerFormats("fixed(8)", include=("Linear", "clasifier")),
        LayerFormats("fixed(8)", exclude=("clasifier",)),
        LayerFormats({"clasifier": "fixed(8)"}),
    ],
)
def test_a_pattern_that_fits_nothing_names_the_nearest(bert: nn.Module, formats: LayerFormats) -> None:
    with pytest.raises(InputError, match=r"'clasifier'.*classifier"):
        quantize_model(bert, formats)


def test_nothing_left_is_an_error(bert: nn.Module) -> None:
    with pytest.raises(InputError, match="no layer is left"):
        quantize_model(bert, LayerFormats("fixed(8)", exclude=("Linear",)))


def test_a_mix_by_name_takes_the_first_pattern_that_fits(bert: nn.Module, batches: Batches) -> None:
    mix = {"*.attention.*": "bfp(7,16)", "classifier": "fp32", "*": "fixed(8,6)"}
    model = quantize_model(bert, LayerFormats(mix, {"*.attention.*": "mxint8"}, {"*": "fixed(8)"}), batches)
    found = specs(model)
    assert all((spec == "bfp(7,16)") == ("attention" in name) for name, spec in found.items())
    assert found["classifier"] == "fp32"
    classifier = model.get_submodule("classifier")
    assert isinstance(classifier, QuantizedLinear)
    assert classifier.input_format is None
    assert classifier.bias_format is not None


def test_fp32_changes_nothing(bert: nn.Module, batches: Batches) -> None:
    model = quantize_model(bert, LayerFormats("fp32", "fp32", "fp32"))
    assert specs(model) == {}
    with torch.no_grad():
        assert torch.equal(model(**batches[0]).logits, bert(**batches[0]).logits)
    assert summarize(layer_report(model)) == {"sqnr_db": None, "bits": 32.0, "zeros": 0.0, "saturated": 0.0}


def test_activations_alone(bert: nn.Module, batches: Batches) -> None:
    model = quantize_model(bert, LayerFormats("fp32", "fixed(8)"), batches)
    layer = model.get_submodule("classifier")
    assert isinstance(layer, QuantizedLinear)
    assert layer.input_format is not None
    assert not layer.input_format.format.open


def test_weights_are_fitted_to_each_tensor_and_inputs_to_calibration(batches: Batches) -> None:
    torch.manual_seed(0)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(12, 12), nn.Linear(12, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x) * 100)

    model = Model()
    inputs = [torch.randn(50, 12) * scale for scale in (1.0, 3.0)]
    quantised = quantize_model(model, LayerFormats("fixed(6)", "fixed(6)"), [{"x": x} for x in inputs])
    with torch.no_grad():
        seen = torch.cat([model.first(x) * 100 for x in inputs])
    for name, layer, entering in (("first", model.first, torch.cat(inputs)), ("second", model.second, seen)):
        new = quantised.get_submodule(name)
        assert isinstance(new, QuantizedLinear)
        assert str(new.weight_format.format) == str(parse("fixed(6)").fit(layer.weight))
        assert new.input_format is not None
        assert str(new.input_format.format) == str(parse("fixed(6)").fit(entering))
        difference = new.input_format.format.quantize(entering) - entering
        expected = 10 * torch.log10(entering.double().square().sum() / difference.double().square().sum())
        assert new.input_sqnr == pytest.approx(float(expected), rel=1e-5)


def test_open_activation_formats_need_calibration(bert: nn.Module) -> None:
    with pytest.raises(InputError, match="calibration"):
        quantize_model(bert, LayerFormats("fixed(8)", "fixed(8)"))


def test_batches_may_keep_inputs_apart(bert: nn.Module, batches: Batches) -> None:
    apart = [SimpleNamespace(inputs=batch, labels=None) for batch in batches]
    one = quantize_model(bert, LayerFormats("fixed(5)", "fixed(5)"), apart)
    other = quantize_model(bert, LayerFormats("fixed(5)", "fixed(5)"), batches)
    with torch.no_grad():
        assert torch.equal(one(**batches[0]).logits, other(**batches[0]).logits)


def test_calibration_restores_modes_and_leaves_no_hooks(bert: nn.Module, batches: Batches) -> None:
    bert.train()
    bert.get_submodule("classifier").eval()
    quantize_model(bert, LayerFormats("fixed(8)", "fixed(8)"), batches)
    assert bert.training
    assert not bert.get_submodule("classifier").training
    assert all(not module._forward_pre_hooks for module in bert.modules())


def test_a_layer_used_twice_stays_one(batches: Batches) -> None:
    shared = nn.Linear(4, 4)
    model = quantize_model(nn.Sequential(shared, nn.ReLU(), shared), LayerFormats("fixed(8)"))
    assert isinstance(model[0], QuantizedLinear)
    assert model[0] is model[2]


def test_a_quantised_model_can_be_quantised_again(bert: nn.Module, batches: Batches) -> None:
    once = quantize_model(bert, LayerFormats("fixed(8)", "fixed(8)"), batches)
    twice = quantize_model(once, LayerFormats("mxfp4", "mxint8"), batches)
    assert set(specs(twice).values()) == {"mxfp4"}


def test_report(bert: nn.Module, batches: Batches) -> None:
    weight = bert.get_submodule("classifier").weight.detach()
    with torch.no_grad():
        weight.copy_(torch.linspace(-9, 9, weight.numel()).reshape(weight.shape))
    model = quantize_model(bert, LayerFormats("fixed(4,0)", "fixed(8)"), batches)
    reports = {report.name: report for report in layer_report(model)}
    report = reports["classifier"]
    q = parse("fixed(4,0)").quantize(weight)
    noise = (q - weight).double().square().sum()
    assert report.spec == "fixed(4,0)"
    assert report.elements == 64
    assert report.sqnr_weight_db == pytest.approx(float(10 * torch.log10(weight.double().square().sum() / noise)))
    assert report.zeros == float((q == 0).double().mean())
    assert report.saturated == float(((weight > 7) | (weight < -8)).double().mean())
    assert report.sqnr_input_db is not None
    total = summarize(list(reports.values()))
    assert total["zeros"] == pytest.approx(
        sum(r.zeros * r.elements for r in reports.values()) / sum(r.elements for r in reports.values())
    )


def test_types_are_linear_and_embedding_alone(bert: nn.Module) -> None:
    with pytest.raises(InputError, match="'Module'"):
        quantize_model(bert, LayerFormats("fixed(8)", include=("Module",)))


def test_a_copy_that_is_not_trained_may_share_the_originals_parameters() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))
    formats = LayerFormats("fixed(4)")
    shared, apart = quantize_model(model, formats, shared=True), quantize_model(model, formats)
    assert [id(one) for one in shared.parameters()] == [id(one) for one in model.parameters()]
    assert not {id(one) for one in apart.parameters()} & {id(one) for one in model.parameters()}
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(shared(x), apart(x))
        assert not torch.equal(shared(x), model(x))
