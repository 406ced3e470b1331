"""What a node is given for a task: the spec, the points, and as much of the run's folder as the task may read."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.runtime.attempts import POINTS, AttemptFile, attempt_files, checkpoint_folder, point_folder, trials_file
from engine.runtime.cluster.parcels import Parcel, files_in
from engine.runtime.cluster.plan import ClusterPlan
from engine.runtime.encoding import dumps
from engine.runtime.executor import Task
from engine.runtime.files import read_private
from engine.runtime.records import Params
from engine.runtime.spec import RunSpec
from engine.runtime.versions import versions

_OF_POINTS = (POINTS, "checkpoints")
_CURVES = (b'"kind":"metric"', b'"kind":"progress"')


class Orders:
    """Written for one run. What nodes are given again and again is stored in the cluster once."""

    def __init__(self, directory: Path, spec: RunSpec, plan: ClusterPlan, worker: str, threads: int):
        self._directory = directory
        self._spec = spec
        self._plan = plan
        fixed = {"worker": worker, "threads": threads, "gpus": plan.gpus, "versions": versions()}
        self.standing = dumps(fixed | {"spec": asdict(spec)}).encode()
        """JSON of what all tasks are told: with many points it is large, and stored in the cluster once."""
        self._parcels: dict[Path, tuple[tuple[int, int], Parcel]] = {}
        self._ended: dict[Path, tuple[int, str]] = {}

    def order(self, task: Task, params: Sequence[Params]) -> bytes:
        """JSON of what this task is told beside that."""
        points = [{"index": index, "params": own} for index, own in zip(task.points, params, strict=True)]
        file = task.file(self._directory)
        told = {"task": file.task, "attempt": task.attempt, "points": points, "files": self._logs(task)}
        return dumps(told).encode()

    def parcels(self, task: Task, params: Sequence[Params], put: Callable[[bytes], Any]) -> list[Parcel]:
        """Artifacts: what the run's points share, what these go on from, and what they build on."""
        artifacts = self._directory / "artifacts"
        shared = (path for path in artifacts.iterdir() if path.name not in _OF_POINTS)
        found = [file for path in shared for file in files_in(path)]
        for point in task.points:
            found += files_in(checkpoint_folder(self._directory, point))
        for own in params:
            for name in self._plan.names:
                if isinstance(index := own.get(name), int) and index >= 0:
                    found += files_in(point_folder(self._directory, index))
        return [self._parcel(path, path.relative_to(artifacts).as_posix(), put) for path in found]

    def _parcel(self, path: Path, name: str, put: Callable[[bytes], Any]) -> Parcel:
        state = path.stat()
        stamp = state.st_mtime_ns, state.st_size
        known = self._parcels.get(path)
        if known is None or known[0] != stamp:
            known = self._parcels[path] = stamp, Parcel.of(path, name, put)
        return known[1]

    def _logs(self, task: Task) -> dict[str, str]:
        """Whole logs of points that go on from a checkpoint; of a search, whose trials read what others have found,
        all logs without their curves.
        """
        trials = trials_file(self._directory)
        resumed = [point for point in task.points if files_in(checkpoint_folder(self._directory, point))]
        if not resumed and not trials.path.exists():
            return {}
        found = {}
        for file in attempt_files(self._directory):
            whole = file == trials or any(file.may_hold(point) for point in resumed)
            if whole or trials.path.exists():
                text = read_private(file.path).decode(errors="replace") if whole else self._without_curves(file)
                found[file.path.relative_to(self._directory).as_posix()] = text
        return found

    def _without_curves(self, file: AttemptFile) -> str:
        size = file.path.stat().st_size
        known = self._ended.get(file.path)
        if known is None or known[0] != size:
            lines = read_private(file.path).splitlines(keepends=True)
            kept = [line for line in lines if not any(kind in line for kind in _CURVES)]
            known = self._ended[file.path] = size, b"".join(kept).decode(errors="replace")
        return known[1]
