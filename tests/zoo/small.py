"""A small model with random weights of every model type that `AutoModelForSequenceClassification` knows."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

VOCABULARY, POSITIONS, LAYERS = 64, 48, 2

SIZES: Mapping[str, Any] = {
    **dict.fromkeys(("vocab_size", "shape_vocab_size", "pronunciation_vocab_size"), VOCABULARY),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), POSITIONS),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"), LAYERS),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers"), LAYERS),
    **dict.fromkeys(("hidden_size", "dim", "n_embd", "d_model", "emb_dim", "pooler_hidden_size"), 32),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_heads", "attention_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "d_head", "v_head_dim", "qk_nope_head_dim", "qk_rope_head_dim"), 8),
    **dict.fromkeys(("kv_channels", "attention_head_size"), 8),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "n_inner", "d_ff", "d_inner", "dff", "ffn_dim"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "ffn_hidden_size", "feed_forward_size"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 24),
    **dict.fromkeys(("embedding_size", "input_embedding_size", "output_embedding_size", "word_embed_proj_dim"), 16),
    **dict.fromkeys(("pronunciation_embed_dim", "shape_embed_dim"), 16),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "mamba_dt_rank", "mamba_d_state"), 8),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "topk_group", "n_group"), 2),
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    **dict.fromkeys(("bos_token_id", "cls_token_id"), 1),
    **dict.fromkeys(("eos_token_id", "sep_token_id", "decoder_start_token_id"), 2),
    **dict.fromkeys(("chunk_size", "block_size"), 8),
    "sliding_window": 16,
    "local_attention": 16,
}
"""Fields of configs, whatever the type, that are given these values where a config has them."""

_ALL_HEADS = {"num_key_value_heads": 4}
_FULL = {"layer_types": ["full_attention", "full_attention"]}
_MIXED = {"layer_types": ["linear_attention", "full_attention"]}
_NARROW = {"linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4}

OWN: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "deepseek_v2", "deepseek_v3", "esmc", "minicpm3"), _ALL_HEADS),
    "mistral4": {**_ALL_HEADS, "qk_head_dim": 16, "head_dim": 16, "qk_rope_head_dim": 8},
    "bart": {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}},
    "bigbird_pegasus": {"attention_type": "original_full"},
    "big_bird": {"attention_type": "original_full"},
    "canine": {"num_hash_buckets": 32, "local_transformer_stride": 16},
    "cohere_compass_text": {
        **_FULL,
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}},
    },
    "funnel": {"block_sizes": [1, 1, 1]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    "gptj": {"rotary_dim": 4},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2},
    "layoutlmv3": {"coordinate_size": 5, "shape_size": 6, "visual_embed": False},
    "longformer": {"attention_window": [8, 8]},
    "lilt": {"hidden_size": 48, "intermediate_size": 64, "num_attention_heads": 4},
    "luke": {"entity_vocab_size": 16, "entity_emb_size": 16},
    "markuplm": {"xpath_unit_hidden_size": 4, "max_depth": 4},
    "mobilebert": {"intra_bottleneck_size": 16, "true_hidden_size": 16},
    "perceiver": {"d_latents": 32, "num_latents": 8, "num_blocks": 1, "num_self_attends_per_block": 2, "d_model": 32},
    **{kind: {**_MIXED, **_NARROW} for kind in ("qwen3_5_text", "qwen3_next")},
    "qwen3_5": {"text_config": {**_MIXED, **_NARROW}, "vision_config": {"depth": 1, "num_position_embeddings": 16}},
    "reformer": {
        "axial_pos_shape": [4, 12],
        "axial_pos_embds_dim": [16, 16],
        "attn_layers": ["local", "lsh"],
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "num_buckets": 2,
    },
    "squeezebert": {"embedding_size": 32},
    "t5": {"decoder_start_token_id": 0},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2},
    "zamba2": {"num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2},
}
"""What single types need besides."""

LEFT_OUT: Mapping[str, str] = {
    "layoutlmv2": "needs detectron2, which is not on the package index",
    **dict.fromkeys(
        ("gemma3", "modernvbert", "t5gemma2", "ultravbert"),
        "takes images beside text; its text model is another entry",
    ),
}
"""Types that are not built here, and why."""


def _kinds() -> tuple[str, ...]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    return tuple(kind for kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES if kind not in LEFT_OUT)


KINDS = _kinds()
"""The types that are built here."""


def small_config(kind: str) -> Any:
    """The config of a small model of this type, two classes."""
    from transformers import CONFIG_MAPPING

    return _small(CONFIG_MAPPING[kind], OWN.get(kind, {}))


def _small(maker: Any, own: Mapping[str, Any]) -> Any:
    known = set(maker().to_dict()) | set(inspect.signature(maker.__init__).parameters)
    sizes = {name: value for name, value in SIZES.items() if name in known}
    for name, inner in getattr(maker, "sub_configs", {}).items():
        if name in known and hasattr(inner, "model_type"):
            sizes[name] = _small(inner, own.get(name, {})).to_dict()
    return maker(**sizes | {name: value for name, value in own.items() if name not in maker.sub_configs})


def small_model(kind: str, seed: int = 0) -> nn.Module:
    """A small model of this type with random weights, in evaluation mode."""
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    model: nn.Module = AutoModelForSequenceClassification.from_config(small_config(kind)).float().eval()
    return model
