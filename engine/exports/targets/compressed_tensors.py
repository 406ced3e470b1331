"""compressed-tensors: a folder of transformers whose linear layers are packed integers.

Format `pack-quantized` holds codes `q` of 4 or 8 bits in int32 words, their value `q * scale`; `naive-quantized` holds
a code a byte, `(q - zero_point) * scale`, as transformers 5.23 loads no packed zero points; `float-quantized` is float8
E4M3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.exports.contract import Change, Program, Source, Target, cached, changed, quietly, small_inputs
from engine.formats.registry import FULL, parse_spec
from engine.formats.spec import WHOLE
from engine.models.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from engine.formats.base import Packed

WIDTHS = (4, 8)
FLOAT8 = ("minifloat(4,3)", "minifloat_ieee(4,3)")
EXACT = "float weights with the same values"


class CompressedTensors(Target):
    """Linear layers in `int` and `uint` of up to 8 bits, or as float8; everything else as the float that it is."""

    name, title, program = "hf", "compressed-tensors", "transformers, from compressed-tensors"
    packages = ("compressed_tensors",)
    help = "Write a folder of transformers with packed weights (compressed-tensors); checked by from_pretrained."

    def blocked(self, task: str, manifest: Manifest, config: Mapping[str, Any]) -> str:
        """Models that their config.json does not describe."""
        if not config.get("model_type"):
            return "it is a module of a Python file, and transformers needs a model that a config.json describes."
        if manifest.cut or manifest.skipped or manifest.sizes or manifest.folded or manifest.prepared:
            return "layers are cut, left out or folded, or prepare their inputs, which its config.json cannot say."
        return super().blocked(task, manifest, config)

    def changes(self, manifest: Manifest) -> Sequence[Change]:
        """Other formats and layers, biases, and all that is done to inputs."""
        whole = [name for name in manifest.quantized if _is_whole(manifest, name)]
        others = [name for name in manifest.quantized if name not in whole]
        found = [
            *changed(manifest, "weight", _stored, whole),
            *changed(manifest, "weight", _told(EXACT), others),
            *changed(manifest, "bias", _told("float biases with the same values")),
            *changed(manifest, "input", _told("not rounded")),
        ]
        return found + small_inputs(manifest) + cached(manifest)

    def write(self, source: Source, path: Path) -> None:
        """Raises InputError where a weight lies beyond float8."""
        from engine.exports.plain import plain_model
        from engine.store.tensors import as_stored

        model = plain_model(source.model, lambda _: None)
        tensors = dict(model.state_dict())
        schemes: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for name, entry in source.manifest.quantized.items():
            packed = source.packed.get(f"{name}.weight")
            if packed is None or not _is_whole(source.manifest, name) or _stored(entry.weight) == EXACT:
                continue
            parts, scheme = _packed(packed, tensors.pop(f"{name}.weight"), name)
            tensors |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
            schemes.setdefault(packed.spec, (scheme, []))[1].append(name)
        if schemes:
            model.config.quantization_config = _config(schemes)
        model.config.dtype = source.subject.stored
        with quietly():
            model.save_pretrained(path, state_dict=as_stored(tensors, source.subject.stored))
        source.subject.save_companions(path)

    def opened(self, path: Path, source: Source) -> Program:
        """The model as `from_pretrained` loads it, in float32."""
        import torch

        from engine.models.pretrained import quiet
        from engine.training.forward import logits_of

        quiet()
        with quietly(), torch.inference_mode():
            model = type(source.model).from_pretrained(path, dtype=torch.float32, local_files_only=True).eval()
            if hasattr(model.config, "use_cache"):
                model.config.use_cache = False
            logits_of(model, source.example)  # unpacks the weights
        return lambda inputs: logits_of(model, inputs)


def _told(text: str) -> Any:
    """What becomes of every format but that of no rounding."""
    return lambda spec: "" if spec == FULL else text


def _stored(spec: str) -> str:
    """What becomes of a linear layer's weight; empty where it stays codes of as many bits."""
    found = parse_spec(spec)
    if found.name == FULL or spec in FLOAT8:
        return ""
    if found.name not in ("int", "uint") or found.args[0] > max(WIDTHS):
        return EXACT
    width = max(WIDTHS) if found.name == "uint" else next(size for size in WIDTHS if found.args[0] <= size)
    return "" if width == found.args[0] else f"the same values in {width} bits"


def _is_whole(manifest: Manifest, name: str) -> bool:
    """Whether a layer is a linear one that nothing shares its weight with, its rows whole blocks."""
    entry, weight = manifest.quantized[name], f"{name}.weight"
    shape = manifest.masks[name].shape if name in manifest.masks else manifest.shapes.get(weight)
    if entry.kind != "linear" or shape is None or weight in manifest.tied.values():
        return False
    found = parse_spec(entry.weight)
    blocks = found.name in ("int", "uint") and len(found.args) > 1 and found.args[1] != WHOLE
    return not blocks or shape[-1] % found.args[1] == 0


def _packed(packed: Packed, values: Tensor, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a layer's weight by their names, and how they are to be read."""
    import torch
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    from engine.exports.integers import integers

    found = integers(packed)
    if found is None:
        narrow = values.to(torch.float8_e4m3fn)
        if not torch.equal(narrow.float(), values):
            raise InputError(f"weights of {name} lie beyond float8 E4M3, which ends at 448; take another format.")
        scheme = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "tensor"}
        return {"weight": narrow, "weight_scale": torch.ones(1)}, scheme
    scales = found.scales if found.scales.ndim else found.scales.expand(len(found.codes), 1)
    groups = {"strategy": "channel"} if found.block is None else {"strategy": "group", "group_size": found.block}
    parts = {"weight_scale": scales.contiguous()}
    if found.zeros is not None:
        half = 1 << (max(WIDTHS) - 1)  # bytes have a sign here
        zeros = found.zeros if found.zeros.ndim else found.zeros.expand(len(found.codes), 1)
        parts |= {"weight": (found.codes - half).to(torch.int8), "weight_zero_point": (zeros - half).to(torch.int8)}
        return parts, {"num_bits": max(WIDTHS), "type": "int", "symmetric": False} | groups
    bits = next(size for size in WIDTHS if found.bits <= size)
    parts |= {
        "weight_packed": pack_to_int32(found.codes.to(torch.int8), bits),
        "weight_shape": torch.tensor(found.codes.shape),
    }
    return parts, {"num_bits": bits, "type": "int", "symmetric": True} | groups


def _config(schemes: Mapping[str, tuple[dict[str, Any], list[str]]]) -> dict[str, Any]:
    """The `quantization_config` of a config.json: a group for each format."""
    formats = {spec: _format(scheme) for spec, (scheme, _) in schemes.items()}
    groups = {
        f"group_{place}": {"targets": names, "weights": scheme, "format": formats[spec]}
        for place, (spec, (scheme, names)) in enumerate(schemes.items())
    }
    return {
        "quant_method": "compressed-tensors",
        "format": next(iter(formats.values())) if len({*formats.values()}) == 1 else "mixed-precision",
        "quantization_status": "compressed",
        "config_groups": groups,
        "ignore": [],
    }


def _format(scheme: Mapping[str, Any]) -> str:
    """The compression format of weights that are read so."""
    if scheme["type"] == "float":
        return "float-quantized"
    return "pack-quantized" if scheme["symmetric"] else "naive-quantized"


TARGET = CompressedTensors()
