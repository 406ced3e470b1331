"""Labelled images by split: a folder for each class, or a column of Parquet or Arrow. Nothing is decoded. No torch."""

import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.columns import find_image_columns
from engine.models.digests import digests_of, fingerprint
from engine.models.labelled import Labelled, classes_among
from engine.models.labels import Label
from engine.models.sources import locate
from engine.models.splits import SPLITS, Found, Split, name_of_split
from engine.models.tables import stream_rows
from engine.models.texts import find_files

ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
ROWS = 256  # of a table that are looked at at once
WHOLE = -1

Place = tuple[Path, int]
"""Where an image lies: a file that is one (its row is `WHOLE`), or a table and a row of it, from 0."""


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Places of images with their classes and the digests of their files, as long as each other."""

    places: list[Place]
    labels: list[int]
    rows: list[str]

    def __len__(self) -> int:
        return len(self.places)

    def pick(self, indices: Iterable[int]) -> "LabelledImages":
        """Some of them, in the order given."""
        chosen = list(indices)
        return LabelledImages(
            [self.places[i] for i in chosen], [self.labels[i] for i in chosen], [self.rows[i] for i in chosen]
        )


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The files of each split: tables, or below `folder` images with the names of their classes."""

    tables: Mapping[Split, tuple[Path, ...]]
    folder: Path = Path()
    images: Mapping[Split, tuple[tuple[str, Path], ...]] | None = None

    def key(self, settings: Any) -> str:
        """One for settings, which JSON can write, and the contents of all files."""
        if self.images is None:
            counts = {split: len(parts) for split, parts in self.tables.items()}
            return fingerprint([settings, counts], [path for parts in self.tables.values() for path in parts])
        paths = [path for parts in self.images.values() for _, path in parts]
        names = {
            split: [[name, str(path.relative_to(self.folder))] for name, path in parts]
            for split, parts in self.images.items()
        }
        return fingerprint([settings, names, digests_of(self.folder, paths)])


def find_images(source: str, progress: Progress | None = None) -> ImageFiles:
    """The files of each split of a source: those of the hub are downloaded, those of `builtin` made.

    Raises:
        InputError: nothing there that holds images, images without folders of their classes, or no train split.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import digits_folder

        return ImageFiles(find_files(str(digits_folder(progress))))
    if located.kind == "hub" or located.path.is_file():
        return ImageFiles(find_files(source, progress))
    found = _in_folders(located.path)
    if found is None:
        return ImageFiles(find_files(source, progress))
    if "train" not in found:
        raise InputError(f"{source} has no folder called train; it has {', '.join(found)}.")
    return ImageFiles({}, located.path, found)


def read_images(
    files: ImageFiles, source: str, image_column: str | None = None, label_column: str | None = None
) -> Found[LabelledImages]:
    """All images and labels of these files, as far as their headers say that they are images.

    Raises:
        InputError: a file or label that cannot be read, or more damaged images than sound ones.
    """
    found: dict[Split, Labelled[tuple[Place, str]]] = {}
    columns = "a folder per class"
    damaged: list[str] = []
    if files.images is not None:
        paths = [path for parts in files.images.values() for _, path in parts]
        digests = dict(zip(paths, digests_of(files.folder, paths), strict=True))
        label_of_name = _numbered({name for images in files.images.values() for name, _ in images})
        for split, images in files.images.items():
            found[split] = _of_folders(images, digests, label_of_name, damaged)
    else:
        columns = ""
        for split, tables in files.tables.items():
            found[split] = Labelled()
            for table in tables:
                image, label = find_image_columns(table, image_column, label_column, labelled=split == "train")
                columns = columns or f"{image}, {label}"
                _of_table(table, image, label, found[split], damaged)
    read = sum(len(rows.rows) for rows in found.values()) + len(damaged)
    if 2 * len(damaged) > read:
        raise InputError(
            f"{len(damaged):,} of {read:,} images of {source} are damaged or no images ({damaged[0]}); check the files."
        )
    classes, labels, left_out = classes_among(found, source)
    splits = {
        split: LabelledImages([place for place, _ in rows.rows], labels[split], [digest for _, digest in rows.rows])
        for split, rows in found.items()
    }
    return Found(splits, classes, read, columns, "image", (*left_out, *said_of_damaged(damaged)))


def first_size(files: ImageFiles, image_column: str | None = None) -> tuple[int, int]:
    """Height and width of one of the images. Raises InputError where none can be read."""
    for data in _some(files, image_column):
        if data is not None and is_image(data):
            from PIL import Image, ImageOps

            with Image.open(data if isinstance(data, Path) else io.BytesIO(data)) as image:
                width, height = ImageOps.exif_transpose(image).size
                return height, width
    raise InputError("no image can be read; check the files.")


def _some(files: ImageFiles, image_column: str | None) -> Iterator[Path | bytes | None]:
    for images in (files.images or {}).values():
        yield from (path for _, path in images)
    for tables in files.tables.values():
        for table in tables:
            column, _ = find_image_columns(table, image_column, labelled=False)
            for batch in stream_rows(table, [column], ROWS):
                yield from (stored_bytes(value, table) for value in batch[column])


def said_of_damaged(places: Sequence[str]) -> tuple[str, ...]:
    """What is said of images that cannot be read, nothing where there are none."""
    if not places:
        return ()
    more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
    return (f"{len(places):,} left out that cannot be read as images ({places[0]}{more})",)


def named(place: Place) -> str:
    """What a sentence calls the place of an image."""
    path, row = place
    return str(path) if row == WHOLE else f"row {row + 1} of {path}"


def stored_bytes(value: Any, table: Path) -> bytes | None:
    """The bytes of an image as a table holds it; None where there is none."""
    if isinstance(value, Mapping):
        path, value = value.get("path"), value.get("bytes")
        if value is None and isinstance(path, str) and path:
            try:
                return (table.parent / path).read_bytes()
            except OSError:
                return None
    return value if isinstance(value, bytes) and value else None


def is_image(data: bytes | Path) -> bool:
    """Whether a header says so, of a size that decompresses to something sensible."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of sizes that only an attack has
            with Image.open(data if isinstance(data, Path) else io.BytesIO(data)) as image:
                return min(image.size) > 0
    except Exception:  # whatever a decoder stumbles over
        return False


def _of_folders(
    images: Sequence[tuple[str, Path]],
    digests: Mapping[Path, str],
    label_of_name: Mapping[str, Label],
    damaged: list[str],
) -> Labelled[tuple[Place, str]]:
    rows = Labelled[tuple[Place, str]]()
    for name, path in images:
        if not is_image(path):
            damaged.append(str(path))
            continue
        rows.rows.append(((path, WHOLE), digests[path]))
        rows.labels.append(label_of_name[name])
        rows.first.setdefault(label_of_name[name], str(path))
    return rows


def _numbered(names: set[str]) -> Mapping[str, Label]:
    """The labels that folders stand for: numbers where all are called by one."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return {name: int(name) for name in names}
    return {name: name for name in names}


def _of_table(
    table: Path, image: str, label: str | None, rows: Labelled[tuple[Place, str]], damaged: list[str]
) -> None:
    sound: list[tuple[Place, str]] = []
    labels: list[Any] = []
    numbers: list[int] = []
    first = 0
    for batch in stream_rows(table, [image, *([] if label is None else [label])], ROWS):
        for row, value in enumerate(batch[image], start=first):
            data = stored_bytes(value, table)
            if data is None or not is_image(data):
                damaged.append(named((table, row)))
                continue
            sound.append(((table, row), hashlib.blake2b(data, digest_size=16).hexdigest()))
            numbers.append(row + 1)
            if label is not None:
                labels.append(batch[label][row - first])
        first += len(batch[image])
    rows.add(table, sound, label, labels, numbers)


def _in_folders(folder: Path) -> Mapping[Split, tuple[tuple[str, Path], ...]] | None:
    """The images of each split by class; None where a folder holds none in folders of its own."""
    own = _folders(folder)
    sets = {split: one for one in own if (split := name_of_split(one.name)) is not None and _folders(one)}
    if sets:
        found = {split: tuple(_classes(sets[split])) for split in SPLITS if split in sets}
        return found if any(found.values()) else None
    images = tuple(_classes(folder))
    if not images and any(_images(one) for one in (folder, *own)):
        raise InputError(f"{folder} holds images that lie in no folder of their class; put each into one.")
    return {"train": images} if images else None


def _classes(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each image below a folder's folders with the name of that folder."""
    for one in _folders(folder):
        for path in sorted(one.rglob("*")):
            if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file():
                yield one.name, path


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def _images(folder: Path) -> bool:
    return any(path.suffix.lower() in ENDINGS for path in folder.iterdir())
