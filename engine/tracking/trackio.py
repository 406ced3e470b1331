"""Trackio: a run of a project for each point, in a group for the run."""

from contextlib import suppress

from engine.errors import InputError
from engine.tracking.contract import Tracker
from engine.tracking.told import Told, ToldPoint


class Trackio(Tracker):
    """Curves step by step, settings as the run's config, results at the end."""

    name, title, packages, target = "trackio", "Trackio", ("trackio",), "PROJECT"
    help = "Send curves, settings and results to the Trackio project PROJECT."

    def publish(self, run: Told, target: str) -> str:
        """Runs are called by the id of ours and the number of the point; those that are there already are refused."""
        import trackio

        there: list[str] = []
        with suppress(ValueError):  # a project that is new
            there = [one.name for one in trackio.Api().runs(target)]
        if any(name.startswith(f"{run.id} ") for name in there):
            raise InputError(f"{run.id} is in {target} already; name another project.")
        for point in run.points:
            trackio.init(
                project=target,
                name=f"{run.id} {point.index} {point.name}",
                group=f"{run.name} ({run.id})",
                config={**run.facts, **point.params},
                embed=False,
                auto_log_cpu=False,  # this machine now, not the one that computed the run then
                auto_log_gpu=False,
            )
            for step, values in _steps(point).items():
                trackio.log(values, step=step)
            trackio.finish()
        return f"the Trackio project {target}"


def _steps(point: ToldPoint) -> dict[int, dict[str, float]]:
    """What is logged at each step; the results at the last."""
    found: dict[int, dict[str, float]] = {}
    for name, curve in point.curves.items():
        for step, value in curve:
            found.setdefault(int(step), {})[name] = value
    last = max(found, default=0)
    found.setdefault(last, {}).update({f"result/{name}": value for name, value in point.results.items()})
    return dict(sorted(found.items()))


TRACKER = Trackio()
