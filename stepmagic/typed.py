"""The type that ``NAME: TYPE <<`` names, looked up where the cell runs."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stepmagic.command import Command
from stepmagic.errors import CommandError
from stepmagic.schema import Schema

TEXT = "str"
"""Asks for no JSON: it is the answer's text that is bound."""


def with_type(command: Command, namespace: Mapping[str, Any]) -> Command:
    """Return a command that asks for the type it names, if it names one.

    Names are the notebook's, then those of ``typing``, then Python's own.

    Raises:
        CommandError: The expression cannot be evaluated.
        SchemaError: What it gives has no form in JSON.
    """
    written = command.target_type
    if written is None or written == TEXT:
        return command
    kind = _evaluated(written, namespace)
    name = None if isinstance(kind, Mapping | Schema) else written
    schema = Schema.of(kind, name)
    each = tuple(replace(overrides, schema=schema) for overrides in command.each)
    return replace(command, each=each)


def _evaluated(written: str, namespace: Mapping[str, Any]) -> Any:
    names = {name: getattr(typing, name) for name in typing.__all__}
    try:
        # The user's own words, as any other line of the cell.
        return eval(written, {**names, **namespace})  # noqa: S307
    except NameError as exc:
        close = difflib.get_close_matches(exc.name or "", namespace, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        message = (
            f"{written!r} before <<: {exc}.{hint} A type is defined in a cell before."
        )
        raise CommandError(message) from exc
    except Exception as exc:  # whatever an expression may raise
        message = f"{written!r} before << cannot be evaluated: {exc}"
        raise CommandError(message) from exc
