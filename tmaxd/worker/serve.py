"""`serve`: the whole life of a worker program, from its environment to its last result."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType

from tmaxd.worker.given import MAX_WINDOW, Given, Unfit
from tmaxd.worker.task import Task

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from typing import NoReturn

CO_COROUTINE = 0x80
"""`inspect.CO_COROUTINE`; importing inspect takes longer than all the rest here."""

AsyncHandler = Callable[[Task], Awaitable[object]]


def serve(handler: Callable[[Task], object] | AsyncHandler, *, window: int = 16) -> None:
    """Take tasks from tmaxd and answer with what `handler` returns, until SIGTERM or SIGINT.

    `handler` is a plain function (one task after the other) or a coroutine function (up to `window` at
    once). It returns the result: text, bytes that are UTF-8, None, or anything that JSON can express. What
    it raises is the task's failure; `Temporary` asks for another try. A task that takes longer than its
    timeout is interrupted: in a plain function by an exception, in a coroutine by cancellation.

    `window` is the most tasks that the worker wants to be given ahead; `TMAX_WINDOW` overrides it.
    On SIGTERM or SIGINT the running tasks finish, their results are sent, and `serve` returns.

    Raises ValueError when `window` is not between 1 and 1024 and RuntimeError outside the main thread.
    Exits with status 2, saying why, where the program was not started by tmaxd.
    """
    if not 1 <= window <= MAX_WINDOW:
        raise ValueError(f"window must be between 1 and {MAX_WINDOW}, not {window}")
    _must_be_main_thread()
    try:
        given = Given()
    except Unfit as error:
        _leave(str(error))
    window = given.window or window
    if _is_coroutine_function(handler):
        import asyncio

        from tmaxd.worker.concurrent import Concurrent

        asyncio.run(Concurrent(given.link, handler, window, given.spool).run())  # type: ignore[arg-type]
    else:
        from tmaxd.worker.inline import Inline

        Inline(given.link, handler, window, given.spool).run()


def _must_be_main_thread() -> None:
    import signal

    try:
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1))
    except ValueError:
        raise RuntimeError(
            "serve must be called in the main thread: it is stopped by signals"
        ) from None


def _leave(why: str) -> NoReturn:
    sys.stderr.write(
        f"tmaxd worker: {why}.\n"
        "This program takes its tasks from tmaxd: name it under `serve:` in tmax.yaml, and `tmaxctl up`\n"
        "starts it in a pane with its FIFOs ready.\n"
    )
    raise SystemExit(2)


def _is_coroutine_function(handler: Callable[..., object]) -> bool:
    """Also for methods, `functools.partial` and objects with an async `__call__`."""
    target: object = handler
    while isinstance(target, functools.partial):
        target = target.func
    if not isinstance(target, (FunctionType, MethodType)):
        target = getattr(target, "__call__", None)  # noqa: B004  its code is looked at
    code = getattr(target, "__code__", None)
    return code is not None and bool(code.co_flags & CO_COROUTINE)
