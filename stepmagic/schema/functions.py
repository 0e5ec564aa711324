"""A Python function as a model may call it: its arguments as JSON Schema."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired, Required

from stepmagic.errors import SchemaError, ValueMisfit
from stepmagic.schema.pydantic_types import (
    describe,
    make_adapter,
    make_reader,
    make_typed_dict,
    modern,
)
from stepmagic.schema.schema import parse_json
from stepmagic.schema.strict import is_strict, tidied

_LONGEST_NAME = 64

_SECTION = re.compile(r"^(\w[\w ]*):\s*$")
"""A line that begins a section of a docstring: ``Args:``, ``Returns:``."""

_ARGUMENTS = frozenset({"Args", "Arguments", "Parameters", "Keyword Args"})

_ARGUMENT = re.compile(r"^\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSchema:
    """A function as described to a model, and how its arguments are read."""

    name: str
    """At most 64 characters: ASCII letters, digits, ``_`` and ``-``."""
    description: str = ""
    """The docstring before its sections."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of the arguments, an object."""
    is_strict: bool = False
    """Whether OpenAI's ``strict`` takes it, which asks for every argument."""
    strict: bool = False
    """Whether the server is asked for ``strict``."""
    _check: Callable[[Any], Any] = field(default=dict, repr=False, compare=False)

    def validate_arguments(self, text: str) -> dict[str, Any]:
        """Return keyword arguments of the types that the function declares.

        Args:
            text: The JSON object a model wrote; empty means no arguments.

        Raises:
            ValueMisfit: They do not fit; the message is fit to be sent to the model.
        """
        try:
            found: dict[str, Any] = self._check(
                parse_json(text) if text.strip() else {}
            )
        except ValueError as exc:
            message = f"the arguments do not fit {self.name}: {exc}"
            raise ValueMisfit(message, text=text, problem=str(exc)) from exc
        return found


def function_schema(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
) -> FunctionSchema:
    """Return the schema of a function, from its signature and Google-style docstring.

    An argument without a type takes anything; ``*args`` and ``**kwargs`` are left out.

    Args:
        function: A function, method, partial or callable object, async or not.
        name: What the model calls it; by default its own name.
        description: Describes it to the model; by default its docstring.

    Raises:
        SchemaError: It has no name, no signature, or a type that has no form in JSON.
    """
    called = name or _name(function)
    summary, said = read_docstring(inspect.getdoc(_named(function)) or "")
    keys = {
        parameter.name: _key(parameter, said.get(parameter.name))
        for parameter in _parameters(function, called)
    }
    arguments = make_typed_dict(called, keys)
    arguments.__pydantic_config__ = {"extra": "forbid"}
    adapter = make_adapter(arguments, called)
    parameters = {"properties": {}, **tidied(describe(adapter, called))}
    return FunctionSchema(
        name=called,
        description=summary if description is None else description,
        parameters=parameters,
        is_strict=is_strict(parameters),
        _check=make_reader(adapter),
    )


def _named(function: Any) -> Any:
    """Return the function behind a partial."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _name(function: Callable[..., Any]) -> str:
    inner = _named(function)
    name = getattr(inner, "__name__", type(inner).__name__)
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{_LONGEST_NAME}}}", name):
        message = (
            f"{name!r} is not a name by which a model can call a function: it takes up "
            f"to {_LONGEST_NAME} letters, digits, _ and -. Define it with `def`."
        )
        raise SchemaError(message)
    return name


def _parameters(
    function: Callable[..., Any], called: str
) -> Iterator[inspect.Parameter]:
    """Yield the parameters that a call by name can fill."""
    try:
        signature = inspect.signature(function, eval_str=True)
    except (TypeError, ValueError, NameError, SyntaxError) as exc:
        message = f"the signature of {called} cannot be read: {exc}"
        raise SchemaError(message) from exc
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            message = (
                f"{called} takes {parameter.name} only by position, and a model calls "
                "by name. Leave out the `/`."
            )
            raise SchemaError(message)
        if parameter.kind not in _VARIADIC:
            yield parameter


def _key(parameter: inspect.Parameter, said: str | None) -> Any:
    """Return the type of an argument, with its description."""
    empty = inspect.Parameter.empty
    kind = Any if parameter.annotation is empty else modern(parameter.annotation)
    if said:
        from pydantic import Field  # noqa: PLC0415 - loaded with the first function

        kind = Annotated[kind, Field(description=said)]
    return Required[kind] if parameter.default is empty else NotRequired[kind]


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the summary of a Google-style docstring, and of each argument."""
    summary: list[str] = []
    arguments: dict[str, str] = {}
    section = name = ""
    entry_indent = 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if found := _SECTION.match(line):
            section, name = found[1], ""
        elif not section:
            summary.append(line)
        elif section in _ARGUMENTS and line.strip():
            entry_indent = entry_indent or indent
            begins = _ARGUMENT.match(line.strip()) if indent <= entry_indent else None
            if begins:
                name, arguments[begins[1]] = begins.groups()
            elif name:
                arguments[name] = f"{arguments[name]} {line.strip()}".strip()
    return "\n".join(summary).strip(), arguments
