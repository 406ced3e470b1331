"""What a run of some settings will need of a host, so that one can be started before the run is. No torch."""

from pathlib import Path

from engine.errors import InputError
from engine.experiments import registry
from engine.experiments.api import AnyExperiment, ExperimentConfig
from engine.experiments.placement import placement
from engine.own import PACKAGES, ROOT
from engine.runtime.standby import Needs
from engine.runtime.versions import versions


def needs(experiment: AnyExperiment, config: ExperimentConfig) -> Needs | None:
    """None where no host is needed: on a cluster, or where no run can start."""
    if config.executor != "local":
        return None
    try:
        place = placement(experiment, config, len(experiment.points(config)))
    except (InputError, OSError):  # starting it will say so
        return None
    return Needs(registry.key_of(experiment), place.devices[0], (*versions().items(), _changed()))


def _changed() -> int:
    """When a file of this program was last changed, in nanoseconds: a host that was started before has older code."""
    files = (file for package in PACKAGES for file in (Path(ROOT) / package).rglob("*.py"))
    return max(file.stat().st_mtime_ns for file in files)
