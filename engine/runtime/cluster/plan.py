"""What a run's spec says of the cluster that it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PLACE = "ray"
"""The device of a run on a cluster; where a point is computed stands in the point's own log."""


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """`address` is `auto` or HOST:PORT of a Ray cluster, `gpus` what each task is given (a fraction shares one).

    `sources` are the settings that name files of this machine, with the path of each: they go to the nodes. `names` are
    parameters whose value is a point that the task builds on: what that point keeps goes with the task.
    """

    address: str = "auto"
    gpus: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
