"""GGUF: causal language models whose blocks of 32 weights are those of GGML's types Q8_0, Q4_0, Q4_1 and MXFP4.

A block is its scale, then its codes; 4-bit codes of places i and i + 16 share a byte, the first in the low bits (GGML,
ggml-common.h). Q8_0 and Q4_0 are `code * d` with d a float16, Q4_1 is `code * d + m`; MXFP4 has the scale byte of OCP
Microscaling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.exports.contract import Change, Program, Source, Target, cached, changed, quietly, small_inputs
from engine.models.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.formats.base import Packed

    Bytes = NDArray[np.uint8]

BLOCK = 32
TYPES: Mapping[str, str] = {
    "int(8,32)": "Q8_0",
    "int(4,32)": "Q4_0",
    "uint(4,32)": "Q4_1",
    "mxfp4": "MXFP4",
    "mxfp4(32)": "MXFP4",
}
FAMILIES = ("llama", "qwen2")
"""The architectures whose metadata are written; their names are the same in transformers and in GGUF."""


class Gguf(Target):
    """Four formats keep their codes; of any other the values are written in the shortest float type that holds them."""

    name, title, program, suffix = "gguf", "GGUF", "transformers, from GGUF", ".gguf"
    packages = ("gguf",)
    help = "Write a causal language model as GGUF: Q8_0, Q4_0, Q4_1, MXFP4; checked by transformers."

    def blocked(self, task: str, manifest: Manifest, config: Mapping[str, Any]) -> str:
        """Models of another task or family, and those that their config.json does not describe."""
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if task != "causal-lm":
            return "GGUF holds causal language models."
        if (family := config.get("model_type")) not in FAMILIES:
            return f"labtui writes the families {', '.join(FAMILIES)}, and this model is {family or 'of none'}."
        if rope.get("rope_type", rope.get("type", "default")) != "default":
            return "its rotary positions are scaled, which labtui does not write."
        if manifest.cut or manifest.skipped or manifest.sizes or manifest.prepared:
            return "layers are cut or left out, or prepare their inputs, which the metadata of GGUF cannot say."
        return super().blocked(task, manifest, config)

    def changes(self, manifest: Manifest) -> Sequence[Change]:
        """Other formats, biases, and all that is done to inputs."""
        narrow = [name for name in manifest.quantized if _columns(manifest, name) % BLOCK]
        whole = [name for name in manifest.quantized if name not in narrow]
        found = [
            *changed(manifest, "weight", _stored, whole),
            *changed(manifest, "weight", lambda spec: "" if spec == "fp32" else FLOAT, narrow),
            *changed(manifest, "bias", lambda spec: "" if spec == "fp32" else "F32 with the same values"),
            *changed(manifest, "input", lambda spec: "" if spec == "fp32" else "not rounded"),
        ]
        return found + small_inputs(manifest) + cached(manifest)

    def write(self, source: Source, path: Path) -> None:
        """Raises InputError where the tokenizer is of a kind that has no name in GGUF."""
        import gguf

        from engine.exports.tokenizers import add_tokenizer

        model, config = source.model, source.model.config
        writer = gguf.GGUFWriter(path, config.model_type)
        add_tokenizer(writer, source.subject.tokenizer, config.vocab_size)  # type: ignore[attr-defined]
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        writer.add_name(Path(source.subject.source).name)
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.num_attention_heads)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        writer.add_rope_dimension_count(head)
        writer.add_vocab_size(config.vocab_size)
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for name, data, kind in _tensors(source, model, config):
            writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[kind])
        try:
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()

    def opened(self, path: Path, source: Source) -> Program:
        """The model as transformers reads it, in float32."""
        import torch
        from transformers import AutoModelForCausalLM

        from engine.models.pretrained import quiet
        from engine.training.forward import logits_of

        quiet()
        options = {"gguf_file": path.name, "dtype": torch.float32, "local_files_only": True}
        with quietly():
            model = AutoModelForCausalLM.from_pretrained(path.parent, **options).eval()
        model.config.use_cache = False
        return lambda inputs: logits_of(model, inputs)


FLOAT = "F16, BF16 or F32, whichever is the first to hold the same values"


def _stored(spec: str) -> str:
    """What becomes of weights; empty where they stay what they are."""
    if spec == "uint(4,32)":
        return "Q4_1, whose lowest value of each block is rounded to float16"
    return "" if spec in TYPES or spec == "fp32" else FLOAT


def _columns(manifest: Manifest, name: str) -> int:
    """Of a layer's weight as rows; 0 where another layer's entry says it."""
    if name in manifest.masks:
        return manifest.masks[name].shape[1]
    return manifest.shapes.get(f"{name}.weight", (0,))[-1]


def _tensors(source: Source, model: Any, config: Any) -> Iterator[tuple[str, Any, str]]:
    """Name, bytes or numbers, and type of each tensor as GGUF has them."""
    import gguf
    import torch

    from engine.exports.plain import plain_model

    architecture = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == config.model_type)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, tensor in plain_model(model, lambda _: None).state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        layer, _, own = name.rpartition(".")
        values, packed = tensor.detach().float(), source.packed.get(source.manifest.tied.get(name, name))
        order = _order(layer, len(values), config)
        called = f"{names.get_name(layer)}.{own}"
        if packed is not None and packed.spec in TYPES and values.shape[-1] % BLOCK == 0:
            yield called, blocks(packed)[order.numpy()], TYPES[packed.spec]
        elif values.ndim == 1:
            yield called, values[order].numpy(), "F32"
        elif torch.equal(values.half().float(), values):
            yield called, values[order].half().numpy(), "F16"
        elif torch.equal(values.bfloat16().float(), values):
            yield called, values[order].bfloat16().view(torch.uint8).numpy(), "BF16"
        else:
            yield called, values[order].numpy(), "F32"


def _order(layer: str, rows: int, config: Any) -> Tensor:
    """The order of a layer's rows: GGML's llama turns neighbours by a position, transformers halves of a head."""
    import torch

    order = torch.arange(rows)
    leaf = layer.rpartition(".")[2]
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(leaf)
    if config.model_type != "llama" or heads is None:
        return order
    return order.view(heads, 2, -1).transpose(1, 2).reshape(-1)


def blocks(packed: Packed) -> Bytes:
    """A packed weight `[rows, columns]`, columns a multiple of 32, as GGML's blocks: `[rows, bytes]`."""
    import numpy as np

    from engine.exports.integers import integers
    from engine.formats.bits import unpack_bits

    rows, columns = packed.shape
    kind, parts = TYPES[packed.spec], []
    if kind == "MXFP4":
        codes = unpack_bits(packed.tensors["codes"], 4, rows * columns).numpy()
        parts.append(packed.tensors["scales"].numpy().reshape(-1, 1))
    else:
        found = integers(packed)
        assert found is not None
        codes, scales = found.codes.numpy(), found.scales.half()
        parts.append(scales.numpy().reshape(-1, 1).view(np.uint8))
        if kind == "Q4_0":
            codes = codes + 8
        if found.zeros is not None:
            lowest = (-found.zeros * found.scales).half()
            parts.append(lowest.numpy().reshape(-1, 1).view(np.uint8))
    codes = codes.reshape(-1, BLOCK)
    if kind == "Q8_0":
        parts.append(codes.astype(np.int8).view(np.uint8))
    else:
        first, second = codes[:, : BLOCK // 2].astype(np.uint8), codes[:, BLOCK // 2 :].astype(np.uint8)
        parts.append(first | second << 4)
    return np.concatenate(parts, axis=1).reshape(rows, -1)


TARGET = Gguf()
