"""From an image to the bytes that a model looks at, and how those become the numbers that it takes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import InputError

Pixels = NDArray[np.uint8]
CLOSE = 1e-4  # of values around 1
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class Preparation(Protocol):
    """What happens to an image before a model sees it. A model takes `pixels * scale + shift`, for each channel."""

    @property
    def channels(self) -> int:
        """Of the image that it is given, and of the pixels."""

    @property
    def scale(self) -> tuple[float, ...]:
        """By channel."""

    @property
    def shift(self) -> tuple[float, ...]:
        """By channel."""

    @property
    def key(self) -> str:
        """What the pixels depend on."""

    def pixels(self, image: Image.Image) -> Pixels:
        """An image of the mode that `mode_of` gives, as uint8 [channels, height, width]."""


def mode_of(channels: int) -> str:
    """Pillow's name for images of so many channels."""
    return _MODES.get(channels, "RGB")


@dataclass(frozen=True, slots=True)
class Plain:
    """Scaled to 0..1 and normalised by `mean` and `std`, an entry for each channel.

    The shorter edge is brought to `shorter` pixels, then the middle of `crop` (height, width) cut out; None leaves the
    image as it is. `resample` is Pillow's number of a filter.
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    shorter: int | None = None
    crop: tuple[int, int] | None = None
    resample: int = Image.Resampling.BILINEAR

    @property
    def channels(self) -> int:
        """As many as there are means."""
        return len(self.mean)

    @property
    def scale(self) -> tuple[float, ...]:
        """By channel."""
        return tuple(1 / (255 * std) for std in self.std)

    @property
    def shift(self) -> tuple[float, ...]:
        """By channel."""
        return tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))

    @property
    def key(self) -> str:
        """Its own fields."""
        return json.dumps(asdict(self))

    def pixels(self, image: Image.Image) -> Pixels:
        """Resized and cropped, where it is to be."""
        if self.shorter is not None:
            factor = self.shorter / min(image.size)
            width, height = (self.shorter if side == min(image.size) else int(side * factor) for side in image.size)
            image = image.resize((width, height), self.resample)
        if self.crop is not None:
            left = round((image.width - self.crop[1]) / 2)
            top = round((image.height - self.crop[0]) / 2)
            image = image.crop((left, top, left + self.crop[1], top + self.crop[0]))  # beyond the edge it is black
        return _channels_first(image)


class Processed:
    """What an image processor of transformers does, up to rescaling and normalising, which a device does faster."""

    def __init__(self, processor: Any, channels: int, source: str) -> None:
        """Looks at what the processor makes of a few images.

        Raises:
            InputError: it does more to values than scale and shift them, or gives the model more than pixels.
        """
        self.channels: int = channels
        self._processor, self._source = processor, source
        again = {"include_top": False} if hasattr(processor, "include_top") else {}  # EfficientNet normalises twice
        self._bare = {"do_rescale": False, "do_normalize": False} | again
        dark, bright = (_middle(self._whole(self._even(value))) for value in (0, 255))
        self.shift: tuple[float, ...] = tuple(dark.tolist())
        self.scale: tuple[float, ...] = tuple(((bright - dark) / 255).tolist())
        noise = np.random.default_rng(0).integers(0, 256, (48, 56, channels), dtype=np.uint8)
        some = Image.fromarray(noise.squeeze(-1) if channels == 1 else noise)
        mine = self.pixels(some).astype(np.float64) * np.reshape(self.scale, (-1, 1, 1)) + np.reshape(
            self.shift, (-1, 1, 1)
        )
        if not np.allclose(mine, self._whole(some), rtol=CLOSE, atol=CLOSE):
            raise InputError(f"the image processor of {source} does more than scale pixels; take another model.")

    @property
    def key(self) -> str:
        """The processor's own settings."""
        settings = json.dumps(self._processor.to_dict(), sort_keys=True, default=str)
        return hashlib.blake2b(f"{self.channels} {settings}".encode(), digest_size=16).hexdigest()

    def pixels(self, image: Image.Image) -> Pixels:
        """Resized and cropped."""
        found = self._given(image, **self._bare)
        if found.dtype != np.uint8:
            raise InputError(f"the image processor of {self._source} gives no bytes; take another model.")
        return found

    def _even(self, value: int) -> Image.Image:
        mode = mode_of(self.channels)
        return Image.new(mode, (48, 48), (value,) * self.channels if self.channels > 1 else value)

    def _whole(self, image: Image.Image) -> NDArray[Any]:
        return self._given(image).astype(np.float64)

    def _given(self, image: Image.Image, **how: bool) -> NDArray[Any]:
        made: Mapping[str, Any] = self._processor(image, return_tensors="np", **how)
        values = np.asarray(made["pixel_values"][0]) if "pixel_values" in made else np.zeros(0)
        if set(made) != {"pixel_values"} or values.ndim != 3:
            raise InputError(
                f"the image processor of {self._source} gives {', '.join(made)}, and labtui gives a model images of "
                "one size as pixel_values; take another model."
            )
        return values


def _middle(values: NDArray[Any]) -> NDArray[Any]:
    """By channel the value in the middle: at the edges a processor may have filled up."""
    return values[:, values.shape[1] // 2, values.shape[2] // 2]


def _channels_first(image: Image.Image) -> Pixels:
    values = np.asarray(image, dtype=np.uint8)
    return values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
