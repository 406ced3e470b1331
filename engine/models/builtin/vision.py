"""The built-in image classifier: a small residual net with batch norms, trained on scikit-learn's digits."""

from pathlib import Path

import torch
from transformers import ResNetConfig, ResNetForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from engine.models.builtin import digits_folder
from engine.models.builtin.digits import NAMES
from engine.models.cache import Progress
from engine.models.images import load_images
from engine.models.preparation import Processed
from engine.models.pretrained import quiet
from engine.training.objective import Classes
from engine.training.train import TrainSettings, train

SIZE = 16  # pixels of an edge: twice that of the images, for what strides leave of it
SETTINGS = TrainSettings(epochs=12, batch_size=32, learning_rate=3e-3, schedule="cosine")


def train_vision_model(folder: Path, seed: int, progress: Progress | None = None) -> None:
    """Trains on the digits' train set and saves model and image processor in `folder`."""
    quiet()
    processor = ViTImageProcessorPil(size={"height": SIZE, "width": SIZE}, image_mean=[0.3], image_std=[0.35])
    preparation = Processed(processor, 1, "builtin:vision")
    images = load_images(str(digits_folder(progress)), preparation, seed, progress=progress)
    model = make_model(seed)

    def on_step(step: int, total: int, loss: float) -> None:
        if progress is not None:
            progress(step, total, f"training the built-in image classifier, loss {loss:.3f}")

    train(model, images.train, Classes(), SETTINGS, device="cpu", on_step=on_step)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def make_config() -> ResNetConfig:
    """A stem and two stages of two basic blocks, 16 and 32 channels wide."""
    return ResNetConfig(
        num_channels=1,
        embedding_size=16,
        hidden_sizes=[16, 32],
        depths=[2, 2],
        layer_type="basic",
        num_labels=len(NAMES),
        id2label=dict(enumerate(NAMES)),
        label2id={name: number for number, name in enumerate(NAMES)},
        image_size=SIZE,
        architectures=["ResNetForImageClassification"],
    )


def make_model(seed: int) -> ResNetForImageClassification:
    """The model with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNetForImageClassification(make_config())
