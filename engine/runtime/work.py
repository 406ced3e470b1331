"""The driver's work on one run: dispatches tasks, takes in their logs, follows `want`."""

import os
import sqlite3
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from engine.errors import DamagedRunError
from engine.runtime.attempts import AttemptFile, append_events
from engine.runtime.executor import Ending, Task, WorkerError
from engine.runtime.executors import executor_for
from engine.runtime.files import FULL, FULL_BYTES, free_bytes, has_inodes
from engine.runtime.finalise import finalise
from engine.runtime.hosts import Host
from engine.runtime.index import Index, disk_full
from engine.runtime.lock import LockInfo, RunLock
from engine.runtime.outcome import judge
from engine.runtime.processes import Identity
from engine.runtime.records import RunRecord, RunState
from engine.runtime.requests import Request, Want, read_request
from engine.runtime.spec import RunSpec, damaged
from engine.runtime.states import SAME_ERRORS, keeps_failing
from engine.runtime.trials import Study, Trials, pending

AfterPoint = Callable[[RunRecord], None]
_TICK_SECONDS = 0.05
_BEAT_SECONDS = 1.0
_DISK_SECONDS = 0.5
REBUILDS, REBUILD_SECONDS = 5, 30.0
"""An index that is made so often in so short a time and cannot be used all the same: the logs are damaged."""
_Result = TypeVar("_Result")


class Work:
    """One stretch of it, from taking the lock to letting it go."""

    def __init__(
        self,
        directory: Path,
        spec: RunSpec,
        lock: RunLock,
        worker: str,
        after_point: AfterPoint | None,
        study: Study | None = None,
        host: Host | None = None,
    ):
        self.request = Request()
        self.stopped = False
        self._directory = directory
        self._spec = spec
        self._lock = lock
        self._after_point = after_point
        self._reserve = spec.reserve
        self._executor = executor_for(directory, spec, worker, lock, host)
        self._trials = Trials(directory, study) if study is not None else None
        self._waits_at: int | None = None
        self._index: Index | None = None
        self._state: RunState = "queued"
        self._stored: RunState | None = None
        self._began = time.time()
        self._queue: deque[tuple[int, ...]] | None = None
        self._active: dict[Task, AttemptFile] = {}
        self._ended: deque[Ending] = deque()
        self._logs: set[AttemptFile] = set()
        self._sizes: dict[AttemptFile, int] = {}  # of logs when they were last taken in
        self._left = len(spec.points)
        self._failing = False
        self._disk_problem = self._index_problem = ""
        self._damages: deque[float] = deque(maxlen=REBUILDS)
        self._disk_checked = 0.0
        me = Identity.of(os.getpid())
        assert me is not None
        self._info = LockInfo(me.pid, me.start, me.boot)

    @property
    def want(self) -> Want:
        """What was asked for when this was last looked at."""
        return self.request.want

    def stop(self) -> None:
        """Ends this stretch soon: the run is interrupted and can be resumed."""
        self.stopped = True

    def run(self) -> RunState:
        """Works until there is nothing left to do or somebody says so. Returns where the run stands then."""
        trouble = ""
        try:
            self._beat()
            while not self._over():
                self._turn()
        except (WorkerError, DamagedRunError) as error:
            trouble = str(error)
        except Exception as error:
            traceback.print_exc()
            trouble = f"the driver failed ({error!r}); see logs/driver.log"
        finally:
            self._executor.close()
        try:
            state = finalise(self._directory, self._spec, self.want, self._index)
        except (sqlite3.Error, OSError, ValueError) as error:
            state, trouble = "interrupted", trouble or str(damaged(self._directory, f"its logs: {error}"))
        self._lock.write(replace(self._info, beat=time.time(), problem=trouble, hosts=()))
        return state

    def _over(self) -> bool:
        self.request = read_request(self._directory)
        if self.stopped or self.want == "cancel":
            return True
        at_rest = not self._active and not self._ended and not (self.want == "run" and self._wishes)
        return at_rest and (self.want == "pause" or self._failing or (self._queue is not None and not self._queue))

    @property
    def _wishes(self) -> bool:
        return self._trials is not None and bool(pending(self._directory))

    def _turn(self) -> None:
        self._check_disk()
        if self._wishes and (queue := self._indexed(self._granted)) is not None:
            self._queue, self._waits_at = queue, None
        self._dispatch()
        self._ended += self._executor.wait(_TICK_SECONDS)
        while self._take_in() and self._ended and self._conclude(self._ended[0]):
            self._ended.popleft()
        self._beat()

    def _dispatch(self) -> None:
        if self._queue is None:
            self._queue = self._indexed(self._queued)
        open_tasks = self._queue if self._queue and self.want == "run" and not self._failing else deque()
        self._executor.claim(len(self._active) + len(open_tasks))
        if self._executor.working and self._state == "queued":
            self._state = "running"
        for device in self._executor.idle():
            if not open_tasks or self._disk_problem:
                break
            points = self._next(open_tasks)
            if points is None:
                break
            known = self._indexed(lambda index: [(index.attempt(p), index.params(p)) for p in points])  # noqa: B023
            if known is None:
                open_tasks.appendleft(points)
                break
            task = Task(points, 1 + max(attempt for attempt, _ in known))
            while task.file(self._directory).path.exists():  # begun, but its writer died before its first line
                task = Task(points, task.attempt + 1)
            self._executor.submit(device, task, [params for _, params in known])
            self._active[task] = task.file(self._directory)
            self._logs.add(self._active[task])

    def _next(self, open_tasks: deque[tuple[int, ...]]) -> tuple[int, ...] | None:
        """Takes the first task that can begin: a trial may have to wait for what those before it find."""
        if self._trials is None:
            return open_tasks.popleft()
        if self._waits_at == self._left:
            return None
        trials, single = self._trials, [points[0] for points in open_tasks]
        point = self._indexed(lambda index: trials.given(index, single))
        if point is None:
            self._waits_at = None if self._index_problem else self._left
            if not (self._index_problem or self._active or self._ended or self._wishes):
                raise damaged(self._directory, "its trials wait for others that are not there")
            return None
        open_tasks.remove((point,))
        return (point,)

    def _granted(self, index: Index) -> deque[tuple[int, ...]]:
        """What is queued once the wishes are granted."""
        assert self._trials is not None
        self._trials.grant(index)
        return self._queued(index)

    def _queued(self, index: Index) -> deque[tuple[int, ...]]:
        running = {point for task in self._active for point in task.points}
        points = [point for point in index.unfinished() if point not in running]
        group = 1 if self._trials else self._spec.group
        return deque(tuple(points[start : start + group]) for start in range(0, len(points), group))

    def _take_in(self) -> bool:
        """Whether the index could be brought up to the logs. Looks at the run when points have ended."""
        grown = {file: size for file in self._logs if (size := _size(file.path)) != self._sizes.get(file)}
        if self._indexed(lambda index: index.ingest(sorted(grown))) is None:
            return False
        self._logs = set(self._active.values())
        self._sizes = {file: size for file, size in (self._sizes | grown).items() if file in self._logs}
        if (left := self._indexed(lambda index: index.left)) is None:
            return False
        if left != self._left:
            self._left = left
            self._look()
        return True

    def _look(self) -> None:
        if (run := self._indexed(lambda index: index.record(self.want, driven=True))) is None:
            return
        if (last := self._indexed(lambda index: index.last_ended(self._began, SAME_ERRORS))) is None:
            return
        self._failing = keeps_failing([run.points[index] for index in last])
        if run.finished and self._after_point:
            try:
                self._after_point(run)
            except Exception:  # tidying up is not worth a run
                traceback.print_exc()

    def _conclude(self, ending: Ending) -> bool:
        """Whether the ending of a task could be dealt with; a full disk puts it off."""
        if (crashes := self._indexed(lambda index: index.crashes(ending.task.points))) is None:
            return False
        file = ending.task.file(self._directory)
        outcome = judge(ending.status, crashes)
        if outcome.events:
            try:
                append_events(file.path, outcome.events)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                return False
        if outcome.again:
            _add_line(file.log, f"labtui: {outcome.why}; it begins again")
        assert self._queue is not None
        self._queue.extendleft(reversed(outcome.again))
        self._waits_at = None
        self._active.pop(ending.task, None)
        self._logs.add(file)
        return True

    def _indexed(self, action: Callable[[Index], _Result]) -> _Result | None:
        """The action's result. None while the disk is full or the index damaged (it is made again next time)."""
        try:
            if self._index is None or not self._index.in_place:
                self._drop_index()
                self._index = Index.open(self._directory, self._spec)
                if not self._active:
                    self._index.requeue()
                self._stored = None
            if self._stored != self._state:
                self._index.set_state(self._state)
                self._stored = self._state
            result = action(self._index)
            self._index_problem = ""
            return result
        except sqlite3.DatabaseError as error:
            if not disk_full(error, self._directory):
                self._drop_index()
                self._damages.append(time.monotonic())
                if len(self._damages) == REBUILDS and self._damages[-1] - self._damages[0] < REBUILD_SECONDS:
                    raise damaged(self._directory, f"its logs: {error}") from None
            self._index_problem = f"the index cannot be written: {error}"
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._index_problem = f"the index cannot be written: {error.strerror}"
        return None

    def _drop_index(self) -> None:
        if self._index is not None:
            self._index.connection.close()
        self._index = None

    def _check_disk(self) -> None:
        if time.monotonic() - self._disk_checked < _DISK_SECONDS:
            return
        self._disk_checked, free = time.monotonic(), free_bytes(self._directory)
        if free < min(FULL_BYTES, self._reserve):
            self._disk_problem = "the disk is full: the run goes on when there is room"
        elif not has_inodes(self._directory):
            self._disk_problem = "the disk has no inode left: it can hold no more files; remove some"
        elif free < self._reserve:
            has, needs = f"{free / 2**20:,.0f} MiB", f"{self._reserve / 2**20:,.0f} MiB"
            self._disk_problem = f"the disk is nearly full: {has} free, {needs} needed to go on"
        else:
            self._disk_problem = ""

    def _beat(self) -> None:
        ending = "pausing: the running points go to their end" if self.want == "pause" and self._active else ""
        problem = self._disk_problem or self._index_problem or ending or self._executor.waits_for
        info = replace(self._info, problem=problem, hosts=self._executor.hosts)
        if info != self._info or time.time() - info.beat >= _BEAT_SECONDS:
            self._info = replace(info, beat=time.time())
            self._lock.write(self._info)


def _size(log: Path) -> int:
    """In bytes; -1 where it is not there yet."""
    try:
        return log.lstat().st_size
    except FileNotFoundError:
        return -1


def _add_line(log: Path, text: str) -> None:
    """Says something where a reader of the raw output finds it; nothing depends on it."""
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
