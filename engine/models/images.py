"""A data set of images decoded and brought to a model's size, as far as it is used: once, kept by content."""

import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.columns import find_image_columns
from engine.models.image_files import (
    ROWS,
    WHOLE,
    LabelledImages,
    Place,
    find_images,
    named,
    read_images,
    said_of_damaged,
    stored_bytes,
)
from engine.models.labelled_sets import ALL, Draw, LabelledSets, Preparer, labelled_sets
from engine.models.labels import Classes, Fit, Head, fit
from engine.models.preparation import Pixels, Preparation, mode_of
from engine.models.splits import Sets, split_sets
from engine.models.tables import stream_rows
from engine.training.images import Images

LAYOUT = 1


def load_images(
    source: str,
    preparation: Preparation,
    seed: int,
    image_column: str | None = None,
    label_column: str | None = None,
    progress: Progress | None = None,
    *,
    head: Head | None = None,
    model: str = "the model",
    first_label: int | None = None,
    draw: Draw = ALL,
) -> LabelledSets[Images]:
    """The images that the `draw` takes of each set, prepared for a model; damaged ones are left out, which is said.

    Labels are the classes of the `head` of the model of that name; without one the data's own, from 0.

    Raises:
        InputError: as `read_images`, `split_sets` and `fit`, or images of several sizes that nothing resizes.
    """
    files = find_images(source, progress)
    key = files.key([LAYOUT, seed, image_column, label_column, asdict(draw), preparation.key])

    def read() -> Sets[LabelledImages]:
        return split_sets(read_images(files, source, image_column, label_column), source, seed)

    def fitted(classes: Classes) -> Fit:
        return fit(classes, head, source, model, first_label)

    return labelled_sets("images", key, _Decoded(read, preparation, image_column), fitted, draw, seed, progress)


@dataclass(frozen=True, slots=True)
class _Decoded(Preparer[LabelledImages, Images]):
    """Images as files of pixels."""

    images: Callable[[], Sets[LabelledImages]]
    preparation: Preparation
    image_column: str | None

    def read(self) -> Sets[LabelledImages]:
        return self.images()

    def write(self, folder: Path, rows: LabelledImages, progress: Progress) -> list[str]:
        return _write(folder, rows, self.preparation, self.image_column, progress)

    def said_of(self, left_out: Sequence[str]) -> Sequence[str]:
        return said_of_damaged(left_out)

    def samples(self, folder: Path, classes: torch.Tensor) -> Images:
        shape = tuple(json.loads((folder / "shape.json").read_text()))
        pixels = torch.zeros(shape, dtype=torch.uint8)
        if pixels.numel():
            # Copy on write: torch wants memory that it may write to, the file stays as it is.
            pixels = torch.from_numpy(np.memmap(folder / "pixels.raw", np.uint8, "c", shape=shape))
        labels = classes[torch.from_numpy(np.load(folder / "labels.npy"))]
        return Images(pixels, labels, torch.tensor(self.preparation.scale), torch.tensor(self.preparation.shift))


def _write(
    folder: Path, part: LabelledImages, preparation: Preparation, image_column: str | None, progress: Progress
) -> list[str]:
    """Writes pixels and labels of those that can be decoded; the places of the others."""
    damaged, labels = list[str](), list[int]()
    shape: tuple[int, ...] | None = None
    with (folder / "pixels.raw").open("wb") as file:
        for count, (at, data) in enumerate(_each(part.places, image_column)):
            image = None if data is None else decoded(data, preparation.channels)
            if image is None:
                damaged.append(named(part.places[at]))
                continue
            pixels = preparation.pixels(image)
            shape = _one_shape(shape, pixels, part.places[at])
            file.write(np.ascontiguousarray(pixels).tobytes())
            labels.append(part.labels[at])
            if count % 64 == 0:
                progress(count, len(part), "decoding images")
    if part.places and shape is None:
        raise InputError(f"no image can be decoded ({damaged[0]} is the first); check the files.")
    np.save(folder / "labels.npy", np.asarray(labels, dtype=np.int64))
    (folder / "shape.json").write_text(json.dumps([len(labels), *(shape or (preparation.channels, 1, 1))]))
    return damaged


def _one_shape(shape: tuple[int, ...] | None, pixels: Pixels, place: Place) -> tuple[int, ...]:
    if shape is not None and pixels.shape != shape:
        (_, height, width), (_, other, wide) = shape, pixels.shape
        raise InputError(
            f"{named(place)} is {wide} x {other} pixels and others are {width} x {height}; this model's images are not "
            "resized: give images of one size."
        )
    return pixels.shape


def _each(places: Sequence[Place], image_column: str | None) -> Iterator[tuple[int, bytes | None]]:
    """The bytes of each image with its number, table by table; None where a file has gone since."""
    for path, own in groupby(enumerate(places), lambda one: one[1][0]):
        numbers = {row: at for at, (_, row) in own}
        if WHOLE not in numbers:
            yield from _of_table(path, numbers, image_column)
            continue
        try:
            yield numbers[WHOLE], path.read_bytes()
        except OSError:
            yield numbers[WHOLE], None


def _of_table(table: Path, wanted: Mapping[int, int], image_column: str | None) -> Iterator[tuple[int, bytes | None]]:
    column, _ = find_image_columns(table, image_column, labelled=False)
    first = 0
    for batch in stream_rows(table, [column], ROWS):
        for row, value in enumerate(batch[column], start=first):
            if row in wanted:
                yield wanted[row], stored_bytes(value, table)
        first += len(batch[column])


def decoded(data: bytes, channels: int) -> Image.Image | None:
    """An image the way up that its camera says, with so many channels; None where it is damaged or none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return ImageOps.exif_transpose(image).convert(mode_of(channels))
    except Exception:  # a decoder raises of damaged bytes what it will
        return None
