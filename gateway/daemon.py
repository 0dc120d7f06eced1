"""What every daemon needs around its TaskGroup: signals, the clock it was given, and a parent that may die."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import errno
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any

from gateway.clock import Clock, ScaledClock
from gateway.errors import ConfigError, Problem


def clock_of(text: str) -> Clock:
    """The clock that `--clock` asks for. Raises ConfigError."""
    try:
        return ScaledClock.parse(text)
    except ValueError as error:
        raise ConfigError(
            Problem(file="--clock", line=None, text=f"{text!r} is not START@ANCHORxSPEED: {error}")
        ) from error


SWITCH_S = 0.0001
"""How long a worker thread waits for a busy event loop before it gets the interpreter (Python's own: 5 ms). A commit
needs it some twenty times: with 5 ms each a busy gateway waits for its commits, and below 0.1 ms the switching itself
costs more than the waiting."""
COLLECT_AFTER = (10_000, 20, 20)
"""Python's own (700, 10, 10) takes a fifth of a busy gateway's time; its objects are freed without the collector."""


M_ARENA_MAX = -8
"""Of mallopt(3)."""


def tune_interpreter() -> None:
    """Set Python for a daemon: once, when everything is imported and built.

    What is there now lives as long as the process, so the collector need not look at it again.
    """
    _share_one_heap()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()  # cli.py starts without it: an import makes much, and nothing to collect


def _share_one_heap() -> None:
    """Of glibc. Each of our short threads would get a heap of its own, and none gives back what it has had once.

    An archive that took three million deliveries went from 80 to 400 MB by that. Elsewhere than on glibc: nothing.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def run_until_stopped(work: Callable[[], Awaitable[None]], arguments: argparse.Namespace) -> int:
    """Run `work` until SIGTERM, SIGINT or the parent's end cancels it; 0 after a clean stop.

    Cancellation is the only stop signal: every component flushes in its own `finally`.
    """
    tune_interpreter()
    return asyncio.run(_run(work, with_parent=bool(getattr(arguments, "with_parent", False))))


async def _run(work: Callable[[], Awaitable[None]], *, with_parent: bool) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a daemon runs in a task")
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:  # a second Ctrl-C must not interrupt the flush
            stopped = True
            task.cancel()

    loop.set_default_executor(Workers())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if with_parent:
        os.set_blocking(sys.stdin.fileno(), False)
        loop.add_reader(sys.stdin.fileno(), lambda: _read_parent(loop, stop))
    try:
        await work()
    except asyncio.CancelledError:
        if not stopped:
            raise
        task.uncancel()
    return 0


class Workers(ThreadPoolExecutor):
    """The loop's threads for what blocks: names that are looked up, lines that are opened, stores that are written.

    The standard one has a few threads, which the dead names of some devices can fill, and waits at the end until all of
    them are done: a daemon that was told to end would wait for a name server that is not there.
    """

    MOST = 64
    LAST_S = 1.0
    """What is under way at the end gets so long; nothing depends on it."""

    def __init__(self) -> None:
        super().__init__(1)
        self._alive: set[Thread] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As its parent does, on a thread that does not keep the process alive."""
        future: Future[Any] = Future()
        if len(self._alive) >= self.MOST:
            future.set_exception(OSError(errno.EAGAIN, f"{self.MOST} other things hang"))
            return future

        def run() -> None:
            result, problem, wanted = None, None, future.set_running_or_notify_cancel()
            try:
                result = fn(*args, **kwargs) if wanted else None
            except BaseException as error:  # noqa: BLE001 it is raised where it was asked for
                problem = error
            self._alive.discard(thread)
            if problem is not None:
                future.set_exception(problem)
            elif wanted:
                future.set_result(result)

        thread = Thread(target=run, name="worker", daemon=True)
        self._alive.add(thread)
        thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 as its parent
        """Returns when all is done, or LAST_S has passed."""
        end = monotonic() + self.LAST_S
        for thread in [*self._alive] if wait else ():
            thread.join(max(0.0, end - monotonic()))


def _read_parent(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Our parent never writes to our standard input: what can be read there is its end."""
    try:
        data = os.read(sys.stdin.fileno(), 1024)
    except BlockingIOError:
        return
    if not data:
        loop.remove_reader(sys.stdin.fileno())
        stop()
