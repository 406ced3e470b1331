"""A small model with random weights of every model type that `AutoModelForImageClassification` knows."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

SIZE, CLASSES = 32, 3

SIZES: Mapping[str, Any] = {
    "image_size": SIZE,
    "num_channels": 3,
    **dict.fromkeys(("hidden_size", "embed_dim", "projection_dim", "embedding_size", "stem_hidden_channels"), 16),
    **dict.fromkeys(("num_hidden_layers", "num_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads"), 2),
    **dict.fromkeys(("intermediate_size", "mlp_dim"), 24),
    "patch_size": 8,
}
"""Fields of configs, whatever the type, that are given these values where a config has them and they are numbers."""

_STAGES = {"hidden_sizes": [8, 16], "depths": [1, 1]}
_SWIN = {"patch_size": 4, "window_size": 4, "depths": [1, 1], "num_heads": [2, 2], "embed_dim": 16}
_VISION = {"vision_config": {**SIZES, "num_hidden_layers": 2}}

OWN: Mapping[str, Mapping[str, Any]] = {
    "beit": {"use_mean_pooling": True},
    "bit": {**_STAGES, "embedding_size": 8, "num_groups": 4},
    **dict.fromkeys(("clip", "metaclip_2", "siglip"), _VISION),
    **{kind: {**_STAGES, "num_stages": 2, "patch_size": 4} for kind in ("convnext", "convnextv2")},
    "cvt": {"embed_dim": [8, 16, 16], "num_heads": [1, 2, 2], "depth": [1, 2, 3], "cls_token": [False, False, True]},
    **dict.fromkeys(("donut-swin", "swin", "swinv2"), _SWIN),
    "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 0.2, "hidden_dim": 320, "image_size": SIZE},
    "focalnet": {"patch_size": 4, "embed_dim": 8, "depths": [1, 1], "focal_levels": [1, 1], "focal_windows": [3, 3]},
    "hgnet_v2": {
        "embedding_size": 8,
        "hidden_sizes": [8, 16, 16, 16],
        "stem_channels": [3, 8, 8],
        "depths": [1, 1, 1, 1],
        "stage_in_channels": [8, 8, 16, 16],
        "stage_mid_channels": [8, 8, 8, 8],
        "stage_out_channels": [8, 16, 16, 16],
        "stage_num_blocks": [1, 1, 1, 1],
        "stage_numb_of_layers": [1, 1, 1, 1],
    },
    "hiera": {
        "image_size": [SIZE, SIZE],
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "query_stride": [2, 2],
        "masked_unit_size": [4, 4],
        "num_query_pool": 1,
    },
    "levit": {
        "image_size": 64,
        "patch_size": 16,
        "hidden_sizes": [16, 24, 32],
        "num_attention_heads": [1, 1, 1],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
    },
    **{kind: {"depth_multiplier": 0.25, "min_depth": 8} for kind in ("mobilenet_v1", "mobilenet_v2")},
    "mobilevit": {"image_size": 64, "hidden_sizes": [12, 16, 20], "neck_hidden_sizes": [8, 8, 8, 12, 16, 20, 24]},
    "mobilevitv2": {"image_size": 256, "width_multiplier": 0.25},
    "perceiver": {
        "num_latents": 8,
        "d_latents": 16,
        "num_blocks": 1,
        "num_self_attends_per_block": 1,
        "num_self_attention_heads": 2,
        "num_cross_attention_heads": 1,
    },
    "poolformer": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
    "pvt": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]},
    "pvt_v2": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]},
    "regnet": {**_STAGES, "embedding_size": 8, "groups_width": 8},
    "resnet": {**_STAGES, "embedding_size": 8},
    "segformer": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]},
    "swiftformer": {"image_size": 64, "embed_dims": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
    "textnet": {"stem_num_channels": 3, "stem_out_channels": 8, "hidden_sizes": [8, 8, 8, 16, 16]},
}
"""What single types need besides."""

LEFT_OUT: Mapping[str, str] = {
    "dinat": "needs natten, which is not on the package index for this platform",
    "imagegpt": "takes numbers of colours, no pixels: refused before the start",
    "pp_lcnet": "gives no logits: its forward is refused with a sentence",
    "shieldgemma2": "takes texts beside images",
    "siglip2": "takes patches of images of any shape: refused before the start",
    "timm_wrapper": "needs timm",
}
"""Types that are not built here, and why."""


def _kinds() -> tuple[str, ...]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

    return tuple(kind for kind in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES if kind not in LEFT_OUT)


KINDS = _kinds()
"""The types that are built here."""


def small_config(kind: str) -> Any:
    """The config of a small model of this type, three classes."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

    maker = CONFIG_MAPPING[kind]
    usual = maker().to_dict()
    taken = set(usual) | set(inspect.signature(maker.__init__).parameters)
    sizes = {name: value for name, value in SIZES.items() if isinstance(usual.get(name), int) and name in taken}
    config = maker(**sizes | dict(OWN.get(kind, {})), num_labels=CLASSES)
    named = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES[kind]
    config.architectures = [named if isinstance(named, str) else named[0]]
    return config


def small_model(kind: str, seed: int = 0) -> nn.Module:
    """A small model of this type with random weights, in evaluation mode; its norms have seen some images."""
    from transformers import AutoModelForImageClassification

    torch.manual_seed(seed)
    model: nn.Module = AutoModelForImageClassification.from_config(small_config(kind)).float()
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        for tensor, least in ((norm.running_mean, -0.1), (norm.running_var, 0.5), (norm.weight, 0.5)):
            if tensor is not None:
                tensor.data.uniform_(least, least + 1)
    return model.eval()


def images(model: nn.Module, count: int = 4) -> torch.Tensor:
    """Images of a size that the model takes, as bytes."""
    size: Any = getattr(model.config, "image_size", None)
    if size is None and hasattr(model.config, "vision_config"):
        size = model.config.vision_config.image_size
    height, width = size if isinstance(size, list | tuple) else (size or SIZE, size or SIZE)
    return torch.randint(
        0, 256, (count, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(3)
    )
