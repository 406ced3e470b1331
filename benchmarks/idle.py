"""`benchmarks.live` where hosts import what they import for `quantize`, as those of most runs do: for cluster.py."""

from benchmarks.live import Live
from engine.experiments.shared.quantizing import WARM_FORMATS
from engine.experiments.shared.workbench import WARM


class Idle(Live):
    """The same points."""

    name = "benchmarks.idle"
    title = "Idle"
    warm = (*WARM, *WARM_FORMATS)


EXPERIMENT = Idle()
