"""Generated film reviews: the label is the sign of a sum of feelings that negation, degree and contrast change."""

import random
from pathlib import Path

from engine.models.builtin import lexicon as words

SIZES = {"train": 24_000, "validation": 1_000, "test": 2_000}
LABEL_NOISE = 0.03
# Reviews whose feelings cancel are not written: nobody could label them.
LEAST_FEELING = 1.0


def write_reviews(folder: Path, seed: int) -> None:
    """Write `train.parquet`, `validation.parquet` and `test.parquet` with columns text and label (1 is praise)."""
    import pyarrow as pa
    import pyarrow.parquet

    reviews = make_reviews(sum(SIZES.values()), seed)
    start = 0
    for split, size in SIZES.items():
        part = reviews[start : start + size]
        table = pa.table({"text": [text for text, _ in part], "label": [label for _, label in part]})
        pyarrow.parquet.write_table(table, folder / f"{split}.parquet")
        start += size


def make_reviews(count: int, seed: int) -> list[tuple[str, int]]:
    """That many different reviews with their labels, some of which are wrong."""
    source, seen, reviews = random.Random(seed), set[str](), list[tuple[str, int]]()
    while len(reviews) < count:
        text, feeling = _review(source)
        if abs(feeling) < LEAST_FEELING or text in seen:
            continue
        seen.add(text)
        label = int(feeling > 0)
        reviews.append((text, 1 - label if source.random() < LABEL_NOISE else label))
    return reviews


def _review(source: random.Random) -> tuple[str, float]:
    """A text and the sum of its feelings."""
    sentences, total = list[str](), 0.0
    for _ in range(source.choices((1, 2, 3), (5, 3, 1))[0]):
        text, feeling = _opinion(source)
        sentences.append(f"{text} .")
        total += feeling
    for _ in range(source.choices((0, 1), (3, 1))[0]):
        sentences.insert(source.randrange(len(sentences) + 1), _filler(source))
    return " ".join(sentences), total


def _opinion(source: random.Random) -> tuple[str, float]:
    """One or two clauses; of two, the one that the contrast leads to counts more."""
    text, feeling = _clause(source)
    if source.random() < 0.65:
        return text, feeling
    other, second = _clause(source)
    contrast, weight = source.choice(list(words.CONTRASTS.items()))
    if source.random() < 0.4:
        return f"although {text} , {other}", feeling + 2.0 * second
    return f"{text} , {contrast} {other}", feeling + weight * second


def _clause(source: random.Random) -> tuple[str, float]:
    aspect = source.choice(words.ASPECTS)
    if source.random() < 0.25:
        verb, feeling = source.choice(list(words.VERBS.items()))
        if source.random() < 0.15:
            return f"nobody {verb} the {aspect}", -0.8 * feeling
        return f"{source.choice(('i', 'we', 'everyone'))} {verb} the {aspect}", feeling
    adjective, feeling = source.choice(list(words.ADJECTIVES.items()))
    negation, sign = ("", 1.0) if source.random() < 0.82 else source.choice(list(words.NEGATIONS.items()))
    degree, weight = ("", 1.0) if source.random() < 0.65 else source.choice(list(words.INTENSIFIERS.items()))
    subject = f"the {aspect}" if source.random() < 0.7 else f"this {source.choice(words.GENRES)}"
    return " ".join(f"{subject} is {negation} {degree} {adjective}".split()), sign * weight * feeling


def _filler(source: random.Random) -> str:
    pattern = source.choice(words.FILLERS)
    while "{" in pattern:
        slot = pattern[pattern.index("{") + 1 : pattern.index("}")]
        pattern = pattern.replace(f"{{{slot}}}", _name(source) if slot in ("name", "place") else _slot(source, slot), 1)
    return pattern


def _slot(source: random.Random, slot: str) -> str:
    return source.choice(words.SLOTS[slot])


def _name(source: random.Random) -> str:
    syllables = (source.choice(words.ONSETS) + source.choice(words.VOWELS) for _ in range(source.choice((1, 2))))
    return "".join(syllables) + source.choice(words.CODAS)
