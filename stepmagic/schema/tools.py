"""Functions that a model may call: their description, and how they are found.

A function stays what it is: ``tool`` notes on it how it is to be called. Runs nothing;
``calling`` does.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from stepmagic.errors import CommandError, SettingError, did_you_mean
from stepmagic.schema import FunctionSchema, function_schema

Function = TypeVar("Function", bound=Callable[..., object])

_NOTES = "__stepmagic_tool__"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notes:
    """How a function is to be called."""

    name: str | None = None
    description: str | None = None
    confirm: bool = False
    threaded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function, and its description for a model."""

    function: Callable[..., Any] = field(repr=False)
    schema: FunctionSchema
    confirm: bool = False
    """Whether the user is asked before each call."""
    threaded: bool = True
    """Whether it runs in its own thread, concurrently with other calls."""

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.schema.name

    @classmethod
    def of(cls, function: Any) -> Tool:
        """Return a function as a tool.

        Raises:
            SettingError: It is not a function, or cannot be described to a model.
        """
        if isinstance(function, cls):
            return function
        if not callable(function):
            message = (
                f"{function!r} is not a function that a model could call. Pass "
                "functions: tools=[search, plot]."
            )
            raise SettingError(message)
        notes = getattr(function, _NOTES, None) or _Notes()
        schema = function_schema(
            function, name=notes.name, description=notes.description
        )
        return cls(
            function=function,
            schema=schema,
            confirm=notes.confirm,
            threaded=notes.threaded,
        )


@overload
def tool(
    function: Function,
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
    threaded: bool = True,
) -> Function: ...


@overload
def tool(
    function: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
    threaded: bool = True,
) -> Callable[[Function], Function]: ...


def tool(
    function: Any = None,
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
    threaded: bool = True,
) -> Any:
    """Note how a model may call a function; any function works without it, too.

        @tool(confirm=True)
        def delete(path: str) -> str:
            "Delete a file."
            os.remove(path)
            return f"{path} is deleted"

        step("Delete what is empty.", tools=[delete])

    Returns the function, which stays as it is. Several calls run at the same time, each
    in its own thread; an async function in an event loop there, or in the loop that
    awaits ``astep``.

    Args:
        function: A function, method, partial or callable object.
        name: What the model calls it; by default its own name.
        description: What the model reads of it; by default its docstring.
        confirm: Ask before each call. Where no one can be asked, it is not called.
        threaded: False runs it in the thread of the cell, one call after the other:
            for what belongs to that thread, such as a connection of sqlite3.

    Raises:
        SettingError: An async function cannot run in the thread of the cell.
    """
    notes = _Notes(
        name=name, description=description, confirm=confirm, threaded=threaded
    )

    def note(function: Any) -> Any:
        if not threaded and inspect.iscoroutinefunction(function):
            message = (
                f"{function.__name__} is async, and the cell waits meanwhile: it runs "
                "in its own thread. Leave out `threaded=False`."
            )
            raise SettingError(message)
        try:
            setattr(function, _NOTES, notes)
        except AttributeError:  # a bound method, or one that is built in
            function = functools.partial(function)
            setattr(function, _NOTES, notes)
        return function

    return note if function is None else note(function)


def to_tools(functions: Iterable[Any]) -> tuple[Tool, ...]:
    """Return functions as tools.

    Raises:
        SettingError: One is not a function, or two have the same name.
    """
    found: dict[str, Tool] = {}
    for function in functions:
        made = Tool.of(function)
        if made.name in found:
            message = (
                f"two functions are called {made.name}: give one another name with "
                "`tool(f, name=...)`."
            )
            raise SettingError(message)
        found[made.name] = made
    return tuple(found.values())


def find_tools(names: str, namespace: Mapping[str, Any]) -> tuple[Tool, ...]:
    """Return the tools that ``--tools a,b.c`` names.

    Raises:
        CommandError: There is no function of that name.
        SettingError: One cannot be described to a model.
    """
    words = [word.strip() for word in names.split(",")]
    return to_tools(_named(word, namespace) for word in words if word)


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    root, *attributes = name.split(".")
    found = namespace.get(root)
    for attribute in attributes:
        found = getattr(found, attribute, None)
    if callable(found):
        return found
    if found is not None:
        message = f"--tools: `{name}` is {type(found).__name__}, not a function."
        raise CommandError(message)
    functions = [word for word, value in namespace.items() if callable(value)]
    hint = did_you_mean(name, functions, form="`{}`".format)
    message = (
        f"--tools: there is no function `{name}` here.{hint} Separate several by "
        "commas: `--tools search,plot`."
    )
    raise CommandError(message)
