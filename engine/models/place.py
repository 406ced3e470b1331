"""Where `from_pretrained` finds a model: a folder on this machine, made on first use where it must be, or an id."""

from engine.models.cache import Progress
from engine.models.gguf import folder_of_gguf, is_gguf
from engine.models.sources import locate


def place_of(source: str, progress: Progress | None = None) -> str:
    """A folder, or the id of a repository on the hub.

    Raises:
        InputError: nothing there, or a GGUF file that cannot be read.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import folder_of

        return str(folder_of(source, progress))
    if located.kind == "local":
        return str(folder_of_gguf(located.path, source, progress) if is_gguf(located.path) else located.path)
    return located.name
