"""TensorBoard: a folder of event files for each point, below one for the run."""

from pathlib import Path

from engine.errors import InputError
from engine.runtime.files import write_durably
from engine.tracking.contract import Tracker
from engine.tracking.told import Told, ToldPoint


class TensorBoard(Tracker):
    """Curves and results as scalars, settings as hyperparameters."""

    name, title, packages, target = "tensorboard", "TensorBoard", ("tensorboard",), "DIR"
    help = "Write curves, settings and results as event files into DIR/ID."

    def publish(self, run: Told, target: str) -> str:
        """The run's folder appears whole, or not at all."""
        place = Path(target) / run.id
        if place.exists():
            raise InputError(f"{place} is there already; remove it, or name another folder.")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_durably(place, lambda partial: _write_all(partial, run))
        except OSError as error:
            raise InputError(f"{place} cannot be written: {error.strerror}; choose another place.") from None
        return str(place)


def _write_all(folder: Path, run: Told) -> None:
    folder.mkdir()
    for point in run.points:
        _write(folder / f"{point.index:04d} {point.name}".replace("/", "-"), run, point)


def _write(folder: Path, run: Told, point: ToldPoint) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for name, curve in point.curves.items():
            for step, value in curve:
                writer.add_scalar(name, value, int(step))
        results = {f"result/{name}": value for name, value in point.results.items()}
        if results:
            writer.add_hparams({**run.facts, **point.params}, results, run_name=".")
        writer.add_text("run", f"{run.name} ({run.id}), {run.experiment}: {point.name}, {point.state}")


TRACKER = TensorBoard()
