"""The tokens of a text of any length in bounded memory: parts that overlap, joined where both see the same tokens.

A tokenizer takes some 160 bytes for each character of a text while it works, and looks no further than a few words
around a token. So two neighbouring parts agree on the tokens between them, but for the few where one of them begins or
ends; they are joined in the middle of what agrees, and the tokens are those of the whole text.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART, OVERLAP, AGREEING = 1 << 18, 1 << 11, 8
"""Characters of a part, those that neighbours share, and how many tokens on either side of a joint must be the same."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Tokens, with the places in the whole text where those begin and end that stand for any of it."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    special: NDArray[np.bool_]

    def begun(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The tokens that begin between two places of the text, and where."""
        inside = np.flatnonzero((self.starts > start) & (self.starts < stop) & ~self.special)
        return list(zip(inside.tolist(), self.starts[inside].tolist(), strict=True))

    def same(self, place: int, other: "_Part", there: int) -> bool:
        """Whether a token begins at both places, among tokens that are the same in both."""
        low, high = (slice(at - AGREEING, at + AGREEING) for at in (place, there))
        if place < AGREEING or there < AGREEING or self.special[low].any() or other.special[high].any():
            return False
        return bool(
            len(self.ids[low]) == len(other.ids[high]) == 2 * AGREEING
            and (self.ids[low] == other.ids[high]).all()
            and (self.starts[low] == other.starts[high]).all()
            and self.ends[place - 1] <= self.starts[place]
        )


def token_ids(tokenizer: Any, text: str, part: int = PART, overlap: int = OVERLAP) -> NDArray[np.int32]:
    """What the tokenizer makes of the whole text, `[tokens]`, with what it adds by itself at either end.

    A tokenizer that does not say where its tokens lie is given all of it at once, and so is one whose parts do not
    agree.
    """
    if len(text) <= part + overlap or not tokenizer.is_fast:
        return np.asarray(tokenizer(text, verbose=False)["input_ids"], dtype=np.int32)
    found: list[NDArray[np.int32]] = []
    before, begin = _tokens(tokenizer, text, 0, part + overlap), 0
    for start in range(part, len(text) - overlap, part):
        after = _tokens(tokenizer, text, start, start + part + overlap)
        joint = _joint(before, after, start, start + overlap)
        if joint is None:
            return token_ids(tokenizer, text, len(text))
        found.append(before.ids[begin : joint[0]])
        before, begin = after, joint[1]
    found.append(before.ids[begin:])
    return np.concatenate(found)


def _tokens(tokenizer: Any, text: str, start: int, stop: int) -> _Part:
    # The tokenizer warns of a text longer than the model takes; here it is cut into windows.
    asked = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "verbose": False}
    found = tokenizer(text[start : min(len(text), stop)], **asked)
    places = np.asarray(found["offset_mapping"], dtype=np.int64).reshape(-1, 2) + start
    special = np.asarray(found["special_tokens_mask"], dtype=bool)
    return _Part(np.asarray(found["input_ids"], dtype=np.int32), places[:, 0], places[:, 1], special)


def _joint(before: _Part, after: _Part, start: int, stop: int) -> tuple[int, int] | None:
    """The places in both parts at which the second may go on with what the first leaves; None where they differ."""
    at = {place: there for there, place in reversed(after.begun(start, stop))}
    middle = (start + stop) // 2
    for here, place in sorted(before.begun(start, stop), key=lambda one: abs(one[1] - middle)):
        if place in at and before.same(here, after, at[place]):
            return here, at[place]
    return None
