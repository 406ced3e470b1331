"""Figures and tables of the MXINT8 kernels, from the records alone."""

from collections.abc import Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.profile.charts import bars
from engine.experiments.profile.mxint8.measures import Kernel, MXInt8Params, MXInt8Result
from engine.experiments.profile.study import Named
from engine.figures.figure import Figure
from engine.tasks.metric import Bounded

Done = Named[MXInt8Params, MXInt8Result]


def figures(done: Sequence[Done]) -> Sequence[Figure]:
    """Bytes per second of each kernel, a series for each point."""
    if not done:
        return ()
    names = list(dict.fromkeys(kernel.name for one in done for kernel in one.result.kernels))
    series = {one.name: [_rate(one.result.kernel(name)) for name in names] for one in done}
    caption = "Bytes that must move, over the median time; the whiskers are quartiles. No kernel is to beat the copy."
    return [bars("rate", "MXINT8 decoded, GB/s", names, series, y_label="GB/s", y_unit="number", caption=caption)]


def _rate(kernel: Kernel | None) -> Bounded | None:
    """GB/s, with its quartiles; None of one that did not run."""
    if kernel is None or kernel.time is None or kernel.rate is None:
        return None
    moved = kernel.rate * kernel.time.value
    return Bounded(kernel.rate, moved / kernel.time.high, moved / kernel.time.low)


def listings(done: Sequence[Done]) -> Sequence[Listing]:
    """Every kernel at every size."""
    rows = tuple({"point": one.name, **kernel.to_record()} for one in done for kernel in one.result.kernels)
    known = Kernel.columns()
    columns = (
        Column("point", "Point"),
        known["name"],
        known["time"],
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        known["rate"],
        known["share"],
        known["note"],
    )
    return [Listing("kernels", "Kernels", columns, rows, "Median and quartiles, in turns.")] if rows else []
