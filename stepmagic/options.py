"""What one turn is asked with: settings laid over one another, and the request built.

First line > conversation > ``%config`` > environment > default. ``Overrides`` is one of
the upper two layers, ``Options`` the sum. Whatever a model or protocol has no form for
is refused here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from stepmagic.catalogue import Catalogue, ModelEntry
from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.settings import StepMagic
from stepmagic.transcript import Image, Message, Protocol, Video
from stepmagic.transport import Limits
from stepmagic.wire import PROTOCOLS, Request, ToolSpec
from stepmagic.wire.parameters import PARAMETERS, check_parameter

_CLIENT_PARAMETERS = ("api", "stream")
"""Set like parameters with ``-p``, but they choose how to ask, not what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a first line or a conversation sets; None leaves the layer below."""

    model: str | None = None
    effort: str | None = None
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the wire's own names; ``api`` and ``stream`` too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that decides how a turn is asked, but the messages."""

    model: str
    api: Protocol
    base_url: str
    system: str
    effort: str | None = None
    """None where neither the user nor the catalogue names one."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True
    limits: Limits = field(default_factory=Limits)
    headers: Mapping[str, str] = field(default_factory=dict)
    entry: ModelEntry | None = None


def resolve(
    settings: StepMagic,
    catalogue: Catalogue,
    conversation: Overrides,
    first_line: Overrides,
) -> Options:
    """Lay the layers over one another.

    Raises:
        SettingError: A value cannot be used.
        UnsupportedOption: The model has no form for one of them.
    """
    parameters = {
        **settings.parameters,
        **conversation.parameters,
        **first_line.parameters,
    }
    for name, value in parameters.items():
        check_option(name, value)
    model = first_line.model or conversation.model or settings.model
    entry = catalogue.entry(model)
    asked = first_line.effort or conversation.effort
    effort = _effort(entry, model, asked, settings.effort or None)
    api = parameters.pop("api", settings.api)
    stream = parameters.pop("stream", settings.stream)
    _check_parameters(entry, model, parameters)
    system = first_line.system
    if system is None:
        system = conversation.system
    return Options(
        model=model,
        api=api,
        base_url=settings.base_url.rstrip("/"),
        system=settings.system if system is None else system,
        effort=effort,
        parameters=parameters,
        stream=stream,
        limits=Limits(
            connect_s=settings.connect_timeout_s,
            idle_s=settings.idle_timeout_s,
            total_s=settings.total_timeout_s,
            retries=settings.retries,
        ),
        headers=_credit(settings),
        entry=entry,
    )


def check_option(name: str, value: Any) -> Any:
    """Return the value of a ``-p`` option, checked.

    Raises:
        SettingError: No such option, or not such a value.
    """
    if name == "api" and value not in get_args(Protocol):
        message = f"api takes one of {', '.join(PROTOCOLS)}, not {value!r}"
        raise SettingError(message)
    if name == "stream" and not isinstance(value, bool):
        message = f"stream takes true or false, not {value!r}"
        raise SettingError(message)
    return value if name in _CLIENT_PARAMETERS else check_parameter(name, value)


def build_request(
    options: Options,
    messages: tuple[Message, ...],
    tools: tuple[ToolSpec, ...] = (),
) -> Request:
    """Return the request for a history.

    Raises:
        UnsupportedOption: The model does not take a kind of part that is in it.
    """
    _check_inputs(options, messages)
    parameters = dict(options.parameters)
    reasoning = parameters.pop("reasoning", None)
    if options.effort is not None:
        given = reasoning or {}
        # OpenRouter refuses effort and max_tokens side by side.
        limited = "max_tokens" in given or "effort" in given
        reasoning = given if limited else {"effort": options.effort, **given}
    return Request(
        model=options.model,
        messages=messages,
        system=options.system or None,
        reasoning=reasoning,
        parameters=parameters,
        tools=tools,
        stream=options.stream,
    )


def _credit(settings: StepMagic) -> dict[str, str]:
    """Return the attribution headers; none unless the user set them."""
    headers = {"HTTP-Referer": settings.referer, "X-Title": settings.title}
    return {name: value for name, value in headers.items() if value}


def _effort(
    entry: ModelEntry | None, model: str, asked: str | None, configured: str | None
) -> str | None:
    """Return the effort to send; some models stay silent without an explicit one."""
    if entry is None:
        return asked or configured
    if not entry.reasons:
        if asked:
            message = f"{model} does not reason: leave out `-e {asked}`"
            raise UnsupportedOption(message)
        return None
    if asked and entry.efforts and asked not in entry.efforts:
        message = f"{model} reasons with effort {_listed(entry.efforts)}, not {asked!r}"
        raise UnsupportedOption(message)
    return asked or configured or entry.default_effort or "medium"


def _check_parameters(
    entry: ModelEntry | None, model: str, parameters: Mapping[str, Any]
) -> None:
    if entry is None:
        return
    for name in parameters:
        known = entry.parameters
        if known is not None and not PARAMETERS[name].routing and name not in known:
            sampled = sorted(set(known) & set(PARAMETERS))
            message = f"{model} takes no {name}; it takes {_listed(sampled)}"
            raise UnsupportedOption(message)
    reasoning = parameters.get("reasoning") or {}
    off = reasoning.get("enabled") is False or reasoning.get("effort") == "none"
    if entry.must_reason and off:
        message = (
            f"{model} always reasons. `-e low` is the least; "
            '`-p reasoning={"exclude": true}` hides it.'
        )
        raise UnsupportedOption(message)


def _check_inputs(options: Options, messages: tuple[Message, ...]) -> None:
    if options.entry is None:
        return
    for part in (part for message in messages for part in message.parts):
        kind = {Image: "image", Video: "video"}.get(type(part))
        if kind is not None and kind not in options.entry.inputs:
            message = (
                f"{options.model} takes {_listed(options.entry.inputs)}, no {kind}. "
                "Choose a model that does with `-m`."
            )
            raise UnsupportedOption(message)


def _listed(words: Any) -> str:
    return ", ".join(words)
