"""The app's end of the warm worker (`engine.interactive`): ask, and await the answer."""

import asyncio
import itertools
import json
import subprocess
import threading
from contextlib import suppress
from typing import Any

from engine.errors import InputError
from engine.own import command

Process = subprocess.Popen[bytes]
ENDED = "The helper process ended before it answered; try again."


class Interactive:
    """One worker process, started after first paint, gone with the app. One that died is started again when asked.

    A thread reads its answers, so that nothing of it hangs on the event loop's end. Not to be shared between loops.
    """

    def __init__(self) -> None:
        self._process: Process | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Process, asyncio.Future[dict[str, Any]]]] = {}
        self._sending = threading.Lock()

    def start(self) -> None:
        """Starts the worker, so that the first question finds it warm. Called inside the event loop."""
        from engine.runtime.processes import import_environment

        self._process = subprocess.Popen(
            command("engine.interactive"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=import_environment(),  # GPUs in sight: it finds the devices of the runs it starts
        )
        listening = self._process, asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=listening, name="interactive", daemon=True).start()

    def stop(self) -> None:
        """Ends the worker; what it was asked is not waited for."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.kill()
            self._process.wait()
            with suppress(OSError):
                self._process.stdin.close()

    async def ask(self, what: str, **values: Any) -> Any:
        """The worker's answer. Raises InputError with its sentence where it could not do it."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        assert self._process is not None
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = self._process, answer
        request = json.dumps({"id": number, "do": what, **values}).encode() + b"\n"
        try:
            await asyncio.to_thread(self._send, self._process, request)  # a busy worker lets the pipe fill up
        except OSError as error:
            raise InputError(ENDED) from error
        reply = await answer
        if "error" in reply:
            raise InputError(reply["error"])
        return reply["value"]

    def _send(self, process: Process, request: bytes) -> None:
        assert process.stdin is not None
        with self._sending:
            process.stdin.write(request)
            process.stdin.flush()

    def _listen(self, process: Process, loop: asyncio.AbstractEventLoop) -> None:
        assert process.stdout is not None
        with process.stdout, suppress(RuntimeError):  # of a loop that is closed: the app is gone
            for line in process.stdout:
                loop.call_soon_threadsafe(self._answered, json.loads(line))
            loop.call_soon_threadsafe(self._ended, process)

    def _answered(self, reply: dict[str, Any]) -> None:
        _, future = self._waiting.pop(reply["id"])
        if not future.done():
            future.set_result(reply)

    def _ended(self, process: Process) -> None:
        for number in [number for number, (asked, _) in self._waiting.items() if asked is process]:
            self._answered({"id": number, "error": ENDED})
