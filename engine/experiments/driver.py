"""The driver process of one run: `python -m engine.experiments.driver RUN_DIRECTORY`."""

import sys
from pathlib import Path

from engine.experiments import registry
from engine.runtime.driver import drive
from engine.runtime.hosts import Host
from engine.runtime.notify import run_ended
from engine.runtime.processes import call_this_process
from engine.runtime.records import RunRecord
from engine.runtime.runs import read_run
from engine.runtime.spec import RunSpec

WORKER = "engine.experiments.worker"
"""The module of the host's process."""


def work_on(directory: Path, host: Host | None = None) -> int:
    """Drives the run to its end or to the next pause; `host` is one that has been started ahead."""
    call_this_process("labtui-driver")
    spec = RunSpec.read(directory)
    experiment = registry.get(spec.experiment)
    config = experiment.Config.recorded(spec.config)

    def tidy(run: RunRecord) -> None:
        experiment.tidy(config, run)

    def ended() -> None:
        run_ended(read_run(directory))

    return drive(directory, WORKER, after_point=tidy, study=experiment.study(config), after_end=ended, host=host)


if __name__ == "__main__":
    sys.exit(work_on(Path(sys.argv[1])))
