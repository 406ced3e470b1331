"""SparseGPT and GPTQ in one pass: beside float64 as the papers have it, in models, in files, killed and refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, layer_report, quantize_model, quantized_layers
from engine.compress.methods.rounding import objective, rounded
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of
from engine.compress.prune_sparsegpt import selection_of
from engine.compress.report import pruned_share
from engine.errors import InputError
from engine.formats import parse
from engine.layers import weight_of
from engine.models.classifier import Classifier
from engine.preparing import Preparing
from engine.rounding import ZEROLESS, Sparsity, parse_sparsity
from engine.store import load, save
from tests.compress.methods.oracle import gptq
from tests.compress.methods.test_apply import KilledError, Memory, logits
from tests.compress.methods.test_rounding import layer

HALF, TWO_OF_FOUR = Sparsity(0.5), Sparsity(0.5, (2, 4))
SPECS = ("int(4)", "int(3,32)", "uint(3,20)", "int(4,200)", "block_minifloat(2,1,24)", "mxfp4", "fixed(4)", "nf4(64)")
"""Blocks that a panel of 128 columns holds whole numbers of, that it does not, and that are larger."""


@pytest.mark.parametrize(
    ("spec", "text"),
    [(spec, text) for spec in SPECS for text in ("0.5", "2:4")]
    + [("int(3,32)", text) for text in ("0.25", "0.75", "1:4", "4:8")],
)
def test_an_independent_implementation_gives_the_same_values(spec: str, text: str) -> None:
    rows, hessian = layer(16, 328, seed=8)
    hessian[17], hessian[:, 17] = 0, 0
    sparsity = parse_sparsity(text)
    assert sparsity is not None
    found = rounded(rows, hessian.unsqueeze(0), parse(spec), False, selection=selection_of(sparsity))
    share = 0.0 if sparsity.pattern else sparsity.share
    expected = gptq(rows, hessian, spec, False, share=share, n_of_m=sparsity.pattern)
    assert torch.equal(found.values.double(), expected)
    assert found.alive is not None
    assert not bool(found.values[~found.alive].any())
    assert int((~found.alive).sum()) == round(sparsity.share * rows.numel())


def test_what_was_masked_before_stays_and_counts() -> None:
    rows, hessian = layer(16, 256, seed=3)
    alive = torch.rand(rows.shape, generator=torch.Generator().manual_seed(0)) > 0.2
    found = rounded(rows, hessian.unsqueeze(0), parse("int(4)"), False, alive, selection_of(HALF))
    assert found.alive is not None
    assert not bool((found.alive & ~alive).any())
    assert int((~found.alive).sum()) == rows.numel() // 2
    assert torch.equal(found.values.double(), gptq(rows, hessian, "int(4)", False, alive, share=0.5))


@pytest.mark.parametrize("sparsity", [HALF, TWO_OF_FOUR], ids=str)
def test_the_output_is_nearer_than_of_the_smallest_and_the_nearest(sparsity: Sparsity) -> None:
    rows, hessian = layer(32, 128, seed=4)
    found = rounded(rows, hessian.unsqueeze(0), parse("int(4)"), False, selection=selection_of(sparsity))
    if sparsity.pattern:
        kept = torch.zeros(32, 32, 4).scatter_(2, rows.abs().view(32, 32, 4).topk(2).indices, 1.0).view_as(rows)
    else:
        kept = (rows.abs() > rows.abs().flatten().kthvalue(rows.numel() // 2).values).float()
    plain = parse("int(4)").quantize(rows * kept)
    assert found.error < 0.95 * objective(rows, plain, hessian.unsqueeze(0))


@pytest.mark.parametrize("spec", ["int(4,16)", "mxfp4"])
@pytest.mark.parametrize("sparsity", [HALF, TWO_OF_FOUR], ids=str)
def test_what_is_saved_is_read_again_and_saved_again(
    sparsity: Sparsity, spec: str, classifier: Classifier, batches: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    before = {name: one.clone() for name, one in classifier.model.state_dict().items()}
    model = quantize_model(classifier.model, LayerFormats(spec), batches, "gptq", sparsity=sparsity, shared=True)
    assert all(torch.equal(one, before[name]) for name, one in classifier.model.state_dict().items())
    assert pruned_share(model) == 0.5
    for one in quantized_layers(model).values():
        mask = mask_of(one)
        assert mask is not None
        assert not bool(weight_of(one)[~mask].any())
        assert sparsity.pattern is None or bool((mask.view(len(mask), -1, 4).sum(-1) == 2).all())
    save(replace(classifier, model=model), tmp_path / "once")
    again = load(tmp_path / "once", task="text-classification")
    assert torch.equal(logits(model, batches), logits(again.model, batches))
    assert pruned_share(again.model) == 0.5
    save(again, tmp_path / "twice")
    first, second = ((tmp_path / name / "compressed.safetensors").read_bytes() for name in ("once", "twice"))
    assert first == second


def test_a_killed_calibration_goes_on_with_the_same_numbers(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    formats = LayerFormats("int(3,16)")
    smooth = Preparing("smooth")
    whole = quantize_model(bert, formats, batches, "gptq", preparing=smooth, sparsity=HALF)
    memory = Memory(3)
    with pytest.raises(KilledError):
        quantize_model(bert, formats, batches, "gptq", memory, preparing=smooth, sparsity=HALF)
    resumed = quantize_model(bert, formats, batches, "gptq", memory, preparing=smooth, sparsity=HALF)
    assert torch.equal(logits(whole, batches), logits(resumed, batches))
    assert layer_report(whole) == layer_report(resumed)
    for name, one in quantized_layers(whole).items():
        assert torch.equal(mask_of(one), mask_of(resumed.get_submodule(name)))  # type: ignore[arg-type]


def test_it_prunes_what_sparsegpt_prunes_where_nothing_is_rounded(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    one = quantize_model(bert, LayerFormats("fixed(28)", "fp32", "fp32"), batches, "gptq", sparsity=TWO_OF_FOUR)
    other = prune_model(bert, Pruning("sparsegpt", granularity="n:m"), batches)
    for name, pruned in quantized_layers(one).items():
        mask = mask_of(pruned)
        assert mask is not None
        assert float((mask == mask_of(other.get_submodule(name))).float().mean()) > 0.99
    torch.testing.assert_close(logits(one, batches), logits(other, batches), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("spec", "sparsity", "sentence"),
    [
        ("binary_scaled", HALF, "binary_scaled has no zero"),
        ("int(4)", Sparsity(0.6, (2, 5)), "has 32 inputs, which 5 does not divide"),
    ],
)
def test_refused(
    spec: str, sparsity: Sparsity, sentence: str, bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    with pytest.raises(InputError, match=sentence):
        quantize_model(bert, LayerFormats(spec), batches, "gptq", sparsity=sparsity)


def test_which_families_have_no_zero() -> None:
    from engine.formats.registry import FAMILIES

    x = torch.tensor([[0.0, 1.0, 3.0]])
    found = [name for name, family in FAMILIES.items() if parse(family.example).quantize(x)[0, 0] != 0]
    assert tuple(found) == ZEROLESS


@pytest.mark.parametrize(
    ("text", "written"), [("0", "None"), ("0.50", "0.5"), (" 2 : 4 ", "2:4"), ("1:4", "1:4"), ("0.0", "None")]
)
def test_how_it_is_written(text: str, written: str) -> None:
    assert str(parse_sparsity(text)) == written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1", "a share from 0 to below 1; 1 is not"),
        ("-0.1", "a share from 0 to below 1"),
        ("nan", "a share from 0 to below 1"),
        ("half", "'half' is no sparsity; write a share or N:M"),
        ("4:4", "4:4 does not say that"),
        ("0:4", "N lies between 1 and M − 1"),
    ],
)
def test_what_is_no_sparsity(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_sparsity(text)
