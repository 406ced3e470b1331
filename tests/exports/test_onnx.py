"""ONNX: which codes are in a file, and that onnxruntime computes from them what the model computes here."""

from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune_masks import mask_layers
from engine.experiments.exporting import planned
from engine.exports.integers import integers
from engine.exports.targets.onnx import OPSET, _replace
from engine.formats import parse
from engine.layers import CONV2D, LINEAR, TRANSPOSED, Kind
from tests.exports.kept import exported, run_keeping
from tui_app.command.main import cli

Pair = dict[str, str]
LINEARS = ("Linear", "Embedding")


def quantized(model: nn.Module, weight: str, inputs: str = "fp32", include: tuple[str, ...] = LINEARS) -> nn.Module:
    batch = {"input_ids": torch.arange(24).view(2, 12) % 20, "attention_mask": torch.ones(2, 12, dtype=torch.long)}
    return quantize_model(model, LayerFormats(weight, inputs, weight, include), [batch])


@pytest.mark.parametrize(
    "spec", ["int(8)", "uint(8)", "int(4,16)", "uint(3,16)", "fixed(8,6)", "int(16)", "uint(4,tensor,0.3,7)"]
)
@pytest.mark.parametrize(
    ("kind", "shape"),
    [(LINEAR, (6, 33)), (TRANSPOSED, (33, 6)), (CONV2D, (5, 4, 3, 3)), (LINEAR, (40,))],
    ids=["linear", "transposed", "convolution", "bias"],
)
def test_dequantize_linear_gives_the_values_of_every_format(spec: str, kind: Kind, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape)
    rows = weight if weight.ndim == 1 else kind.rows(weight)
    packed = parse(spec).pack(rows)
    found = integers(packed)
    assert found is not None
    value = ir.Value(name="w", shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
    value.const_value = ir.tensor(weight.numpy(), name="w")
    used = ir.node("Identity", [value])
    used.outputs[0].name, used.outputs[0].type = "y", value.type
    graph = ir.Graph([], used.outputs, nodes=[used], initializers=[value], opset_imports={"": OPSET}, name="test")
    _replace(graph, value, found, kind, shape)
    file = ir.to_proto(ir.Model(graph, ir_version=10)).SerializeToString()
    (got,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {})
    values = parse(spec).quantize(rows)
    assert torch.equal(torch.from_numpy(got), values if weight.ndim == 1 else kind.shaped(values, shape))


def test_the_command_writes_codes_that_onnxruntime_computes_the_same_from(small_pair: Pair, tmp_path: Path) -> None:
    run_keeping(small_pair, lambda model: quantized(model, "uint(4,16)"))
    file = tmp_path / "m.onnx"
    done = CliRunner().invoke(cli, ["export", "@last", "--onnx", str(file), "--samples", "40"])
    assert done.exit_code == 0, done.output
    assert "100.00 % of 40" in done.stdout
    assert "onnxruntime" in done.stdout
    assert b".py" not in file.read_bytes(), "no lines of code with this machine's paths"
    stored = onnx.load(file).graph.initializer
    codes = {one.name: one.data_type for one in stored if one.name.endswith(".codes")}
    assert set(codes.values()) == {TensorProto.UINT4}
    assert "model.bert.embeddings.word_embeddings.weight.codes" in codes
    assert "model.bert.encoder.layer.1.output.dense.weight" not in {one.name for one in stored}
    assert {one.name for one in tmp_path.iterdir()} == {"m.onnx", "labtui"}


@pytest.mark.slow
def test_masked_layers_formats_without_codes_and_rounded_inputs_compute_the_same(
    small_pair: Pair, tmp_path: Path
) -> None:
    def compressed(model: nn.Module) -> nn.Module:
        found = quantized(model, "mxfp4", "uint(8,tensor)")
        name = "bert.encoder.layer.0.intermediate.dense"
        mask_layers(found, {name: torch.arange(32 * 16).view(32, 16) % 3 > 0})
        return found

    run = run_keeping(small_pair, compressed)
    found = exported(run, "onnx", tmp_path / "m.onnx").compared
    assert found.predictions == found.here.n == 40
    assert found.equal >= 39  # sums in another order may turn the rounding of an input
    assert found.difference < 0.05


def test_what_cannot_be_expressed_is_said_before_anything_is_written(small_pair: Pair, tmp_path: Path) -> None:
    run = run_keeping(small_pair, lambda model: quantized(model, "int(5)", "mxint8", ("Linear",)))
    plan = planned(run, "onnx", tmp_path / "m.onnx")
    assert [sentence.partition(" of ")[2] for sentence in plan.said] == [
        "bert.encoder.layer.0.attention.self.query and 13 more layers in int(5): the same values in 8 bits.",
        "bert.encoder.layer.0.attention.self.query and 13 more layers in int(5): the same values in 8 bits.",
        "bert.encoder.layer.0.attention.self.query and 13 more layers in mxint8: not rounded.",
    ]
    command = ["export", "@last", "--onnx", str(tmp_path / "m.onnx"), "--strict"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 2
    assert "ONNX cannot express inputs" in done.stderr
    assert {one.name for one in tmp_path.iterdir()} == {"labtui"}, "the state folder alone"
