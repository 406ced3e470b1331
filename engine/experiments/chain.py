"""From `run:NAME` as people write it to `run:ID/POINT`, which means the same model tomorrow."""

from engine.errors import InputError
from engine.experiments import results
from engine.models.kept import kept_model
from engine.runtime.chain import PREFIX
from engine.runtime.runs import find_run, read_run


def pinned(source: str) -> str:
    """`run:NAME`, `run:NAME/best` and `run:NAME/POINT` as `run:ID/POINT`; any other source as it is.

    NAME is an id, a unique prefix of one, a name, or `@last`; without a point the one that the run chose is meant.

    Raises:
        InputError: no such run, a run that has chosen nothing, or a point that keeps no model.
    """
    if not source.startswith(PREFIX):
        return source
    name, _, point = source.removeprefix(PREFIX).rpartition("/")
    if point != "best" and not point.isdecimal():
        name, point = source.removeprefix(PREFIX), "best"
    run = read_run(find_run(name))
    index = int(point) if point.isdecimal() else -1
    if index < 0:
        if not run.finished:
            raise InputError(f"{run.id} has finished no point yet; wait for its first or name another run.")
        choice = results.best(run)
        if choice is None:
            raise InputError(f"{run.id} is a run of {run.experiment}, which chooses no point; name another run.")
        index = choice.index
    settled = f"{PREFIX}{run.id}/{index}"
    kept_model(settled)
    return settled


def is_on_hub(source: str) -> bool:
    """Whether a source has to be asked for over a network. Raises InputError for one that cannot be."""
    from engine.models.sources import locate

    return bool(source) and locate(source).kind == "hub"
