"""Runs the functions that a model calls: all at the same time, each in its own thread.

In a thread, since a function that hangs must block neither the answers that stream nor
an interrupt, which abandons it; an async one is cancelled then. One that belongs to the
cell's thread (``tool(threaded=False)``) is run by the reader of the events. The model
gets the message of whatever a function raises, without a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stepmagic.attachments.attachment import UserPart
from stepmagic.conversation.stream import TurnStream
from stepmagic.keys import Key, find_key
from stepmagic.schema.tools import Tool
from stepmagic.server.options import Options, handling_for_results
from stepmagic.transcript import Text, ToolCall, ToolResult
from stepmagic.transcript.events import Notice, ToolEnd, ToolStart

_MOST_CHARACTERS = 2_000
"""Of the message of an exception, and of a text that is passed on as it is."""

_SCALARS = (int, float, bool, type(None))

_Running: TypeAlias = list[tuple[asyncio.AbstractEventLoop, "asyncio.Task[Any]"]]
"""The loop of a thread and the task in it, once it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a call."""

    parts: tuple[UserPart, ...]
    is_error: bool = False
    notices: tuple[str, ...] = ()
    """What the user should know of it, one sentence each."""


class ToolRunner:
    """Runs the functions that one answer calls.

    Args:
        options: What the turn is asked with; its functions are those to be called.
        key: A key that no result may contain.
        stream: Takes the events; its reader is asked for permission, and runs the
            functions that belong to its thread.
    """

    def __init__(
        self, options: Options, *, key: Key | None, stream: TurnStream
    ) -> None:
        self._tools = {tool.name: tool for tool in options.tools}
        self._options = options
        self._key = key
        self._stream = stream
        self._results: dict[int, ToolResult] = {}

    @property
    def results(self) -> list[ToolResult]:
        """The results so far, in the order of the calls; all, once ``run`` is over."""
        return [self._results[number] for number in sorted(self._results)]

    async def run(self, calls: Sequence[ToolCall]) -> None:
        """Call functions at the same time; one that is stopped has a result too."""

        async def add(number: int) -> None:
            self._results[number] = await self.call(calls[number])

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(len(calls)):
                    group.create_task(add(number))
        finally:
            for number, call in enumerate(calls):
                self._results.setdefault(number, _stopped(call))

    async def call(self, call: ToolCall) -> ToolResult:
        """Call a function, once its arguments are right and the user agrees."""
        began = time.monotonic()
        ready = self._ready(call)
        if not isinstance(ready, Outcome) and ready[0].confirm:
            if not await self._is_allowed(call):
                ready = _failed("the user did not allow this call.")
            began = time.monotonic()
        if isinstance(ready, Outcome):
            outcome = ready
        else:
            self._stream.publish(ToolStart(call=call))
            outcome = await self._run(*ready)
        for notice in outcome.notices:
            self._stream.publish(Notice(text=notice, stays=True))
        result = _result(call, outcome)
        self._stream.publish(ToolEnd(result=result, time_s=time.monotonic() - began))
        return result

    def _ready(self, call: ToolCall) -> tuple[Tool, dict[str, Any]] | Outcome:
        """Return the function with its arguments, or why it cannot be called."""
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            return _failed(f"there is no function {call.name!r}. There are: {known}.")
        try:
            return tool, tool.schema.validate_arguments(call.arguments)
        except Exception as exc:  # noqa: BLE001 - a user's own check may raise anything
            return _failed(_described(exc))

    async def _is_allowed(self, call: ToolCall) -> bool:
        return await asyncio.wrap_future(self._stream.confirm(call))

    async def _run(self, tool: Tool, arguments: dict[str, Any]) -> Outcome:
        running: _Running = []

        def work() -> Outcome:
            return self._attempt(
                tool.name, lambda: _value(tool.function(**arguments), running)
            )

        if not tool.threaded:
            return await asyncio.wrap_future(self._stream.run_in_reader(work))
        loop = self._stream.reader.loop
        if loop is not None and inspect.iscoroutinefunction(tool.function):
            given = asyncio.run_coroutine_threadsafe(
                _settled(tool.function, arguments), loop
            )
            value = await asyncio.wrap_future(given)
            return await _in_thread(lambda: self._attempt(tool.name, value))
        try:
            return await _in_thread(work)
        except asyncio.CancelledError:
            for thread_loop, task in running:
                with contextlib.suppress(RuntimeError):  # it is over already
                    thread_loop.call_soon_threadsafe(task.cancel)
            raise

    def _attempt(self, name: str, make: Callable[[], Any]) -> Outcome:
        """Return the outcome of a function, in the thread that runs it."""
        try:
            made = self._outcome(make(), name)
        except Exception as exc:  # noqa: BLE001 - the model gets it, whatever it is
            made = _failed(_described(exc))
        keys = [key for key in (self._key, find_key()) if key is not None]
        parts = tuple(self._sendable(part, keys) for part in made.parts)
        return replace(made, parts=parts)

    def _outcome(self, value: Any, name: str) -> Outcome:
        """Return the outcome of a function that returned a value.

        Raises:
            AttachmentError: The value has no form that could be sent.
        """
        if (text := _short_text(value)) is not None:
            return Outcome(parts=(Text(text=text),))
        # With the first of them: pictures, tables, documents.
        from stepmagic.attachments.tool_results import attach_returned  # noqa: PLC0415

        handling = handling_for_results(self._options)
        returned = attach_returned(value, name, handling)
        return Outcome(parts=returned.parts, notices=returned.all_notices)

    def _sendable(self, part: UserPart, keys: list[Key]) -> UserPart:
        """Return a part without the API key, as the model and the protocol take it."""
        if isinstance(part, Text):
            text = part.text
            for key in keys:
                text = key.redact(text)
            return Text(text=text)
        kind = type(part).__name__.lower()
        contents = (part.data, part.url, part.name)
        if any(key.is_in(each) for key in keys for each in contents if each):
            return Text(text=f"[{kind} left out: it contains the API key]")
        if not self._options.capabilities.takes_part(part):
            return Text(text=f"[{kind} left out: the model cannot be shown it]")
        return part


def _stopped(call: ToolCall) -> ToolResult:
    return _result(call, _failed("the user stopped this call before it returned."))


def _result(call: ToolCall, outcome: Outcome) -> ToolResult:
    return ToolResult(
        call_id=call.id,
        name=call.name,
        parts=outcome.parts,
        is_error=outcome.is_error,
    )


def _failed(message: str) -> Outcome:
    return Outcome(parts=(Text(text=message),), is_error=True)


def _short_text(value: Any) -> str | None:
    """Return a short text as it is, a number as JSON; None for what is neither."""
    if type(value) is str:
        return value if len(value) <= _MOST_CHARACTERS else None
    if type(value) not in _SCALARS:
        return None
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return None


def _described(exc: BaseException) -> str:
    """Return an exception as text; its own ``__str__`` may fail too."""
    name = type(exc).__name__
    try:
        words = str(exc)
    except Exception:  # noqa: BLE001 - its type is known still
        words = ""
    return f"{name}: {words}"[:_MOST_CHARACTERS] if words else name


def _value(given: Any, running: _Running) -> Any:
    """Return what a function returned; an async one is awaited."""
    if not inspect.isawaitable(given):
        return given

    async def wait() -> Any:
        task = asyncio.current_task()
        if task is not None:
            running.append((asyncio.get_running_loop(), task))
        return await given

    return asyncio.run(wait())


async def _settled(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> Callable[[], Any]:
    """Await an async function; returns a callable that returns or raises as it did."""
    try:
        value = await function(**arguments)
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _raising(RuntimeError(_described(exc)))
    except Exception as exc:  # noqa: BLE001 - raised where it is dealt with
        return _raising(exc)
    return lambda: value


def _raising(exc: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise exc

    return fail


async def _in_thread(work: Callable[[], Outcome]) -> Outcome:
    """Run work in a thread that nothing waits for at the end of the process."""
    done: Future[Outcome] = Future()
    done.set_running_or_notify_cancel()
    # What is printed there belongs to the cell that asks.
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome = context.run(work)
        except BaseException as exc:  # noqa: BLE001 - such as SystemExit
            outcome = _failed(_described(exc))
        done.set_result(outcome)

    threading.Thread(target=run, name="stepmagic-tool", daemon=True).start()
    return await asyncio.wrap_future(done)
