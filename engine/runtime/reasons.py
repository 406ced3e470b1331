"""Exceptions of libraries in the words of the person who has to act on them."""

import re
from collections.abc import Iterator

_FULL = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "status_alloc_failed")
_UNLOADED = re.compile(r"([^/\s:']+\.so[.\d]*)\S*: (?:failed to map segment|cannot allocate)", re.IGNORECASE)
_BYTES = re.compile(r"tried to allocate ([\d.]+) (\w+)", re.IGNORECASE)


def reason(error: BaseException) -> str:
    """The exception's message; where what libraries say misleads, a sentence that says what to do."""
    for one in _chain(error):
        if found := _UNLOADED.search(str(one)):
            return f"there is not enough memory to load {found[1]}; raise the limit (ulimit -v) or end other programs."
    if out_of_memory(error):
        size = _BYTES.search(str(error))
        number = "" if size is None else f"{int(size[1]):,}" if size[1].isdigit() else size[1]
        asked = f" for {number} {size[2]} at once" if size else ""
        return f"there is not enough memory{asked}; try a smaller batch_size, a smaller max_length or a smaller model."
    if "weights_only" in str(error):
        return (
            "the file of weights holds Python objects beside its tensors, and loading those can run any program; "
            "have whoever made it save it as safetensors."
        )
    return str(error)


def out_of_memory(error: BaseException) -> bool:
    """Whether the host's or the GPU's memory was too small (torch's own types are known by name and message)."""
    return any(map(_is_memory, _chain(error)))


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | OSError) and (
        any(words in text for words in _FULL) or _UNLOADED.search(text) is not None
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
