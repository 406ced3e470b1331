"""ONNX (opset 21): weights as integers under `DequantizeLinear`, inputs as the operators that round them.

ONNX Operators, DequantizeLinear-21 and QuantizeLinear-21: a value is `(x - zero_point) * scale`, with a scale for the
tensor, for an index of one axis, or for each block along it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.exports.contract import Change, Program, Source, Target, cached, changed
from engine.formats.registry import FULL, parse_spec
from engine.formats.spec import WHOLE
from engine.models.manifest import Manifest

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import Tensor

    from engine.exports.integers import Integers
    from engine.formats import Format
    from engine.layers import Kind

OPSET = 21
LARGEST = (1 << 31) - (1 << 20)
"""Bytes of a file: protocol buffers end at 2 GiB."""
WIDTHS = (4, 8, 16)
EXACT = "float32 with the same values"


class Onnx(Target):
    """`int`, `uint` and `fixed` of up to 16 bits keep their codes; of other formats float32 has the same values."""

    name, title, program, suffix = "onnx", "ONNX", "onnxruntime", ".onnx"
    packages = ("onnx", "onnxscript", "onnxruntime")
    help = "Write the model as ONNX: integers under DequantizeLinear; checked by onnxruntime."

    def changes(self, manifest: Manifest) -> Sequence[Change]:
        """Formats without codes in ONNX, codes that grow, and inputs that nothing in ONNX rounds."""
        found = [one for part in ("weight", "bias") for one in changed(manifest, part, _stored)]
        found += changed(manifest, "input", _computed)
        return found + cached(manifest)

    def write(self, source: Source, path: Path) -> None:
        """Raises InputError where torch.export cannot follow the model, or the file would be too large."""
        import onnx_ir as ir
        import torch

        from engine.exports.plain import plain_model
        from engine.exports.tracing import traced

        program = traced(plain_model(source.model, _rounding), source.example)
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of torchvision, which is not needed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=OPSET,
                optimize=False,
                verbose=False,
                input_names=list(source.example),
                output_names=["logits"],
            )
        assert exported is not None
        model = exported.model
        _dequantize(model.graph, source)
        for node in model.graph.all_nodes():  # notes of the exporter, which nothing that runs the file reads
            node.metadata_props.clear()
        data = ir.to_proto(model)
        if data.ByteSize() > LARGEST:
            raise InputError("an ONNX file holds less than 2 GiB, and this model is larger; export it as GGUF or pt2.")
        path.write_bytes(data.SerializeToString())

    def opened(self, path: Path, source: Source) -> Program:
        """A session of onnxruntime on the CPU."""
        import onnxruntime
        import torch

        from engine.exports.tracing import given

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_inputs()]

        def run(inputs: Mapping[str, Tensor]) -> Tensor:
            arrays = {name: given(name, inputs).numpy() for name in names}
            return torch.from_numpy(session.run(None, arrays)[0])

        return run


def _stored(spec: str) -> str:
    """What becomes of stored values; empty where they stay codes of as many bits."""
    found = parse_spec(spec)
    if found.name == FULL:
        return ""
    if found.name not in ("int", "uint", "fixed") or found.args[0] > max(WIDTHS):
        return EXACT
    width = next(size for size in WIDTHS if found.args[0] <= size)
    return "" if width == found.args[0] else f"the same values in {width} bits"


def _computed(spec: str) -> str:
    """What becomes of inputs: arithmetic rounds them here and there alike, but ONNX cannot look at a float's bits."""
    found = parse_spec(spec)
    arithmetic = found.name in ("int", "uint") and (len(found.args) == 1 or found.args[1] == WHOLE)
    return "" if found.name in (FULL, "fixed") or arithmetic else "not rounded"


def _rounding(number_format: Format) -> Any:
    """What rounds inputs in the traced program; `QuantizeLinear` where one scale and a type of ONNX serve them all."""
    import torch

    from engine.formats.affine import Affine
    from engine.formats.families.fixed import Fixed

    if _computed(str(number_format)):
        return None
    if not isinstance(number_format, Affine | Fixed) or number_format.width not in (8, 16):
        return number_format.quantize
    found = number_format.scalars()
    sign = "" if isinstance(number_format, Fixed) or number_format.signed else "u"
    step = 1 / found["scale"] if isinstance(number_format, Fixed) else found["scale"]
    kind = getattr(torch, f"{sign}int{number_format.width}")
    scale, zero = torch.tensor(float(step)), torch.tensor(int(found.get("zero", 0)), dtype=kind)

    def rounded(x: Tensor) -> Tensor:
        inputs = (x, scale, zero)
        codes = torch.onnx.ops.symbolic("QuantizeLinear", inputs, dtype=kind, shape=x.shape, version=OPSET)
        return torch.onnx.ops.symbolic(
            "DequantizeLinear", (codes, scale, zero), dtype=torch.float32, shape=x.shape, version=OPSET
        )

    return rounded


def _dequantize(graph: ir.Graph, source: Source) -> None:
    """Puts the codes of every packed parameter in the place of its values."""
    from engine.exports.integers import integers
    from engine.layers import LINEAR, kind_of

    for first, packed in source.packed.items():
        found = None if _stored(packed.spec) == EXACT else integers(packed)
        names = [first, *(name for name, kept in source.manifest.tied.items() if kept == first)]
        value = next(
            (graph.initializers[f"model.{one}"] for one in names if f"model.{one}" in graph.initializers), None
        )
        if found is None or value is None:  # a parameter that nothing uses is not in the program
            continue
        layer, _, own = first.rpartition(".")
        module = source.model.get_submodule(layer)
        kind = kind_of(module) if own == "weight" else LINEAR
        assert kind is not None
        _replace(graph, value, found, kind, getattr(module, own).shape)


def _replace(graph: ir.Graph, value: ir.Value, found: Integers, kind: Kind, shape: Sequence[int]) -> None:
    """`DequantizeLinear` of codes where a float parameter was; blocks run over rows, which are then shaped."""
    import ml_dtypes
    import numpy as np
    import onnx_ir as ir

    name = str(value.name)
    size = next(one for one in WIDTHS if found.bits <= one)
    sign = "" if found.zeros is None else "u"
    number = getattr(ml_dtypes if size == 4 else np, f"{sign}int{size}")
    per_row = found.block is None and found.scales.ndim == 2
    codes, scales, zeros = found.codes, found.scales, found.zeros
    if found.block is None:
        codes = kind.shaped(codes, shape)
        scales, zeros = scales.reshape(-1) if per_row else scales.reshape(()), zeros
        zeros = None if zeros is None else zeros.reshape(scales.shape)

    def constant(part: str, array: Any) -> ir.Value:
        tensor = ir.tensor(array, name=f"{name}.{part}")
        made = ir.Value(
            name=tensor.name, const_value=tensor, shape=ir.Shape(tuple(array.shape)), type=ir.TensorType(tensor.dtype)
        )
        graph.register_initializer(made)
        return made

    nodes = []
    if found.block is None:
        scale = constant("scales", scales.numpy())
    else:  # a block's is a float16 value, and is kept as one
        nodes.append(ir.node("Cast", [constant("scales", scales.half().numpy())], {"to": ir.DataType.FLOAT}))
        scale = nodes[0].outputs[0]
    inputs = [constant("codes", codes.numpy().astype(number)), scale]
    if zeros is not None:
        inputs.append(constant("zeros", zeros.numpy().astype(number)))
    attributes: dict[str, int] = {}
    if per_row:
        attributes = {"axis": 1 if kind.transposed else 0}
    elif found.block is not None:
        attributes = {"axis": codes.ndim - 1, "block_size": found.block}
    nodes.append(ir.node("DequantizeLinear", inputs, attributes))
    values = nodes[-1].outputs[0]
    if found.block is not None and kind.transposed:
        nodes.append(ir.node("Transpose", [values], {"perm": [1, 0]}))
    elif found.block is not None and tuple(shape) != tuple(codes.shape):
        nodes.append(ir.node("Reshape", [values, constant("shape", np.array(shape, dtype=np.int64))]))
    made = nodes[-1].outputs[0]
    made.shape, made.type = value.shape, value.type
    ir.convenience.replace_all_uses_with(value, made)
    graph.insert_before(graph[0], nodes)
    del graph.initializers[name]


TARGET = Onnx()
