"""An image classifier and what prepares its images: from `builtin:vision`, a folder or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification

from engine.models.cache import Progress
from engine.models.check import check_head
from engine.models.facts import IMAGE_HEAD, check_timm, is_timm, read_facts
from engine.models.image_shape import image_shape
from engine.models.loading import NewHead, check_size, set_classes
from engine.models.preparation import Plain, Preparation, Processed
from engine.models.pretrained import Headed, from_source, made, quiet, stored_type, weights
from engine.models.sources import locate

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}  # Pillow's numbers


@dataclass(slots=True)
class ImageClassifier(Headed):
    """`model` is a transformers `…ForImageClassification`.

    `processor` is transformers' own image processor, None for a model of timm, whose config says as much.
    """

    preparation: Preparation
    processor: Any

    def save_companions(self, folder: Path) -> None:
        """The image processor alone."""
        if self.processor is not None:
            self.processor.save_pretrained(folder)


def load_image_classifier(
    source: str, progress: Progress | None = None, new_head: NewHead | None = None
) -> ImageClassifier:
    """Load a model that classifies images, or one that is to, with a `new_head`. Code that comes with it is never run.

    Raises:
        InputError: nothing there, not a model of images, one without a trained classification head, one that is not
            complete, takes other things than pixels, or does not fit in memory.
    """
    return from_source(source, lambda place: _load(place, source, new_head), progress)


def _load(place: str, source: str, new_head: NewHead | None) -> ImageClassifier:
    quiet()
    here = Path(place).exists()
    facts = read_facts(source if locate(source).kind != "builtin" else place)
    check_timm(facts, source)

    def make() -> ImageClassifier:
        config = AutoConfig.from_pretrained(place, local_files_only=here)
        if new_head is not None:
            set_classes(config, new_head)
        elif not is_timm(facts):
            check_head(source, config.architectures, IMAGE_HEAD)  # transformers would make up a random one
        stored = stored_type(config)
        preparation, processor = preparation_of(config, place, source)
        auto = AutoModelForImageClassification
        check_size(auto, config, source)
        model = weights(auto, place, source, config, new_head=new_head)
        return ImageClassifier(
            preparation, processor, model=model, labels=config.num_labels, source=source, stored=stored
        )

    classifier: ImageClassifier = made(source, "an image classifier", make, here=here)
    return classifier


def preparation_of(config: Any, place: str, source: str) -> tuple[Preparation, Any]:
    """What is done to images for a model of this config, and the image processor that does it, if it is transformers'.

    Raises:
        InputError: as `Processed`.
    """
    if config.model_type == "timm_wrapper":
        return timm_preparation(config.pretrained_cfg), None
    processor = AutoImageProcessor.from_pretrained(place, local_files_only=Path(place).exists(), backend="pil")
    return Processed(processor, image_shape(config)[0], source), processor


def timm_preparation(facts: dict[str, Any]) -> Plain:
    """What timm does to images for evaluation, as a model's `pretrained_cfg` says: the middle of a resized image."""
    _, height, width = facts["input_size"]
    share = float(facts.get("crop_pct") or 0.875)
    return Plain(
        tuple(facts.get("mean") or (0.485, 0.456, 0.406)),
        tuple(facts.get("std") or (0.229, 0.224, 0.225)),
        int(min(height, width) / share),
        (height, width),
        _FILTERS.get(str(facts.get("interpolation")), _FILTERS["bilinear"]),
    )
