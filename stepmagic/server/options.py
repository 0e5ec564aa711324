"""What one turn is asked with: settings laid over one another, and the request built.

First line > conversation > ``%config`` > environment > default. ``Overrides`` is one of
the upper two layers, ``Options`` the sum. Whatever a model or protocol has no form for
is refused here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.images import ImageLimits
from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.schema import Schema
from stepmagic.schema.tools import Tool
from stepmagic.server.catalogue import Catalogue, ModelEntry, full_name
from stepmagic.server.http import Limits
from stepmagic.settings import StepMagic, current
from stepmagic.transcript import Image, Message, Part, Protocol, ToolResult, Video
from stepmagic.wire import PROTOCOLS, Request
from stepmagic.wire.json_values import tool_choice
from stepmagic.wire.parameters import PARAMETERS, check_parameter

Detail: TypeAlias = Literal["low", "high", "auto"]
"""How closely a model looks at an image."""

CLIENT_PARAMETERS = ("api", "stream", "detail", "frames")


def check_option(name: str, value: Any) -> Any:
    """Return the value of a ``-p`` option, checked.

    Raises:
        SettingError: No such option, or not such a value.
    """
    if name not in CLIENT_PARAMETERS:
        return check_parameter(name, value)
    message = ""
    if name == "api" and value not in get_args(Protocol):
        message = f"api takes one of {', '.join(PROTOCOLS)}, not {value!r}"
    if name == "stream" and not isinstance(value, bool):
        message = f"stream takes true or false, not {value!r}"
    if name == "detail" and value not in get_args(Detail):
        message = f"detail takes one of {', '.join(get_args(Detail))}, not {value!r}"
    if name == "frames" and (type(value) is not int or value < 1):
        message = f"frames takes a number of frames from 1 up, not {value!r}"
    if message:
        raise SettingError(message)
    return value


_AMOUNTS = frozenset({"effort", "max_tokens", "enabled"})
"""What says how hard to think. OpenRouter refuses ``effort`` beside ``max_tokens``, and
a ``reasoning_effort`` that differs from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a first line or a conversation sets; None leaves the layer below."""

    model: str | None = None
    effort: str | None = None
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the wire's own names; ``CLIENT_PARAMETERS`` too."""
    schema: Schema | None = None
    """The type to answer with, of this turn alone."""


def spread(
    overrides: Overrides,
    models: Sequence[str | None],
    efforts: Sequence[str | None],
) -> tuple[Overrides, ...]:
    """Return the overrides once for each of some models with each of some efforts."""
    return tuple(
        replace(overrides, model=model, effort=effort)
        for model in models
        for effort in efforts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that decides how a turn is asked, but the messages."""

    model: str
    api: Protocol
    base_url: str
    system: str
    reasoning: Mapping[str, Any] = field(default_factory=dict)
    """OpenRouter's ``reasoning`` object; empty sends nothing about reasoning."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the wire's own names, without ``reasoning``."""
    stream: bool = True
    detail: Detail | None = None
    """How closely the model looks at images; None leaves it to the provider."""
    frames: int | None = None
    """Send so many frames of a video; None sends the whole where it can be."""
    is_watched: bool = False
    """Whether somebody looks on; a replay keeps its pace then."""
    limits: Limits = field(default_factory=Limits)
    headers: Mapping[str, str] = field(default_factory=dict)
    entry: ModelEntry | None = None
    schema: Schema | None = None
    """The type to answer with; ``parameters`` ask for it."""
    tools: tuple[Tool, ...] = ()
    """What the model may call."""
    tool_rounds: int = 10
    """How often it may call functions, at most, before it has to answer."""

    @property
    def effort(self) -> str | None:
        """The effort that is sent; None where none is."""
        effort: str | None = self.reasoning.get("effort")
        return effort


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
    named = _first(first_line.model, conversation.model, settings.model)
    if not named:
        message = "no model is named. `%step model` lists them, `-m` takes one."
        raise SettingError(message)
    model = full_name(named)
    entry = catalogue.entry(model)
    layers = (_configured(settings, entry), conversation, first_line)
    parameters = _parameters(layers)
    ways = _ways(settings, parameters)
    _check_parameters(entry, model, parameters)
    reasoning = _reasoning(layers)
    parameters.pop("reasoning", None)
    if "reasoning_effort" in parameters:
        _refuse_both("reasoning_effort", reasoning)
    elif entry is not None and entry.reasons is not None:
        reasoning = _fitting_reasoning(reasoning, entry, model)
    return Options(
        model=model,
        base_url=settings.base_url.rstrip("/"),
        system=_first(first_line.system, conversation.system, settings.system) or "",
        reasoning=reasoning,
        parameters=parameters,
        limits=_limits(settings),
        headers=_attribution(settings),
        entry=entry,
        schema=first_line.schema,
        tool_rounds=settings.tool_rounds,
        **ways,
    )


def with_tools(options: Options, tools: tuple[Tool, ...]) -> Options:
    """Return the options with functions that the model may call.

    Raises:
        UnsupportedOption: The model calls none.
    """
    entry = options.entry
    known = entry.parameters if entry is not None else None
    if tools and known is not None and "tools" not in known:
        message = f"{options.model} calls no functions. Choose a model that does."
        raise UnsupportedOption(message)
    return replace(options, tools=tools)


def following(options: Options, provider: str | None, *, is_last: bool) -> Options:
    """Return the options of the request that brings what functions gave.

    It goes to the same provider, which alone can read its own reasoning. The model is
    free to answer then, though it was told to call a function first.

    Args:
        options: Those of the request before.
        provider: Who answered it, where the server says so.
        is_last: Whether the model has to answer now.
    """
    given = dict(options.parameters)
    routing = dict(given.get("provider", {}))
    if provider is not None and not routing.keys() & {"order", "only"}:
        # Names are taken as replies show them (OpenRouter OpenAPI, ProviderName).
        given["provider"] = {**routing, "order": [provider]}
    if "tool_choice" in given and tool_choice(given["tool_choice"])[0] != "none":
        given.pop("tool_choice")
    known = options.entry.parameters if options.entry else None
    if is_last and (known is None or "tool_choice" in known):
        given["tool_choice"] = "none"
    return replace(options, parameters=given)


def build_request(options: Options, messages: tuple[Message, ...]) -> Request:
    """Return the request for a history.

    Raises:
        UnsupportedOption: The model does not take a kind of part that is in it.
    """
    _check_inputs(options, messages)
    return Request(
        model=options.model,
        messages=messages,
        system=options.system or None,
        reasoning=options.reasoning or None,
        parameters=options.parameters,
        tools=tuple(tool.schema for tool in options.tools),
        stream=options.stream,
    )


def _ways(settings: StepMagic, parameters: dict[str, Any]) -> dict[str, Any]:
    """Take out of the parameters those that say how to ask."""
    ways: dict[str, Any] = {"api": settings.api, "stream": settings.stream}
    for name in CLIENT_PARAMETERS:
        if name in parameters:
            ways[name] = parameters.pop(name)
    if ways["api"] == "messages" and "detail" in ways:
        message = "/messages has no detail of images. Leave out `-p detail=...`."
        raise UnsupportedOption(message)
    return ways


def _parameters(layers: Iterable[Overrides]) -> dict[str, Any]:
    """Return the parameters of all layers; a type to answer with is one of them."""
    parameters: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.parameters.items():
            parameters[name] = check_option(name, value)
        if layer.schema is None:
            continue
        if "response_format" in layer.parameters:
            message = (
                "a type to answer with and `response_format` both say what the answer "
                "is. Leave one out."
            )
            raise SettingError(message)
        parameters["response_format"] = layer.schema.response_format
    return parameters


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def _configured(settings: StepMagic, entry: ModelEntry | None) -> Overrides:
    """Return the lowest layer; an effort for all models is passed by some."""
    effort = settings.effort or None
    if entry is not None and effort is not None:
        unknown = entry.efforts and effort not in entry.efforts
        effort = None if entry.reasons is False or unknown else effort
    return Overrides(effort=effort, parameters=settings.parameters)


def _limits(settings: StepMagic) -> Limits:
    return Limits(
        connect_s=settings.connect_timeout_s,
        idle_s=settings.idle_timeout_s,
        total_s=settings.total_timeout_s,
        retries=settings.retries,
    )


def _attribution(settings: StepMagic) -> dict[str, str]:
    """Return the attribution headers; none unless the user set them."""
    headers = {}
    for name, setting in (("HTTP-Referer", "referer"), ("X-Title", "title")):
        value = getattr(settings, setting)
        if not (value.isascii() and value.isprintable()):
            message = f"StepMagic.{setting}={value!r}: a header takes ASCII text alone"
            raise SettingError(message)
        if value:
            headers[name] = value
    return headers


def _reasoning(layers: Iterable[Overrides]) -> dict[str, Any]:
    """Return the ``reasoning`` object; how hard to think comes from one layer alone."""
    reasoning: dict[str, Any] = {}
    for layer in layers:
        own = dict(layer.parameters.get("reasoning", {}))
        if layer.effort is not None:
            _refuse_both(f"-e {layer.effort}", own)
            own["effort"] = layer.effort
        if own.keys() & _AMOUNTS:
            for name in _AMOUNTS:
                reasoning.pop(name, None)
        reasoning |= own
    return reasoning


def _refuse_both(first: str, reasoning: Mapping[str, Any]) -> None:
    second = next((name for name in reasoning if name in _AMOUNTS), None)
    if second is not None:
        message = (
            f"`{first}` and {second!r} in `reasoning` both say how hard to think. "
            "Leave one out."
        )
        raise SettingError(message)


def _fitting_reasoning(
    reasoning: Mapping[str, Any], entry: ModelEntry, model: str
) -> dict[str, Any]:
    """Return the object as a known model takes it.

    It is explicit for a model that reasons: some stay silent otherwise.
    """
    effort = reasoning.get("effort")
    off = reasoning.get("enabled") is False or effort == "none"
    if reasoning and not entry.reasons:
        asked = f"-e {effort}" if effort else "reasoning"
        message = f"{model} does not reason: leave out `{asked}`."
        raise UnsupportedOption(message)
    if entry.must_reason and off:
        message = (
            f"{model} always reasons. `-e low` is the least; "
            '`-p reasoning={"exclude": true}` hides it.'
        )
        raise UnsupportedOption(message)
    if effort and not off and entry.efforts and effort not in entry.efforts:
        message = f"{model} takes effort {', '.join(entry.efforts)}, not {effort!r}."
        raise UnsupportedOption(message)
    if not entry.reasons or reasoning.keys() & _AMOUNTS:
        return dict(reasoning)
    efforts = entry.efforts or ("medium",)
    usual = "medium" if "medium" in efforts else efforts[0]
    return {"effort": entry.default_effort or usual, **reasoning}


def _check_parameters(
    entry: ModelEntry | None, model: str, parameters: Mapping[str, Any]
) -> None:
    if entry is None or entry.parameters is None:
        return
    for name in parameters:
        if not PARAMETERS[name].routing and name not in entry.parameters:
            known = ", ".join(sorted(entry.parameters & PARAMETERS.keys()))
            message = f"{model} takes no {name}. It takes: {known}."
            raise UnsupportedOption(message)


def _check_inputs(options: Options, messages: Iterable[Message]) -> None:
    inputs = options.entry.inputs if options.entry else None
    if inputs is None:
        return
    for part in (part for message in messages for part in _all_parts(message.parts)):
        kind = {Image: "image", Video: "video"}.get(type(part))
        if kind is not None and kind not in inputs:
            message = (
                f"{options.model} takes {', '.join(inputs)}, no {kind}. Choose a "
                f"model that does with `-m`, or start without the {kind} with `-n`."
            )
            raise UnsupportedOption(message)


def _all_parts(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from part.parts


def handling_for(options: Options) -> Handling:
    """Return how objects are made into parts of a prompt."""
    settings = current()
    return Handling(
        limits=ImageLimits(
            longest_side=settings.image_longest_side, detail=options.detail
        ),
        preview_tokens=settings.preview_tokens,
        frames=options.frames,
        no_video=_no_video(options),
        no_files=_no_files(options),
    )


def handling_for_results(options: Options) -> Handling:
    """Return how objects are made into parts of what a function returned."""
    handling = handling_for(options)
    if options.api != "responses" or handling.no_video:
        return handling
    return replace(handling, no_video="/responses takes no video from a function")


def least_able(each: Sequence[Options]) -> Options:
    """Return the options that can carry least: one prompt goes to all of them."""
    return max(each, key=lambda one: bool(_no_video(one)) + bool(_no_files(one)))


def _no_video(options: Options) -> str:
    """Return why no video can be sent; empty where one can."""
    inputs = options.entry.inputs if options.entry else None
    if options.api == "messages":
        return "/messages takes no video"
    if inputs is not None and "video" not in inputs:
        return f"{options.model} takes no video"
    return ""


def _no_files(options: Options) -> str:
    """Return why no file can be sent; empty where one can."""
    inputs = options.entry.inputs if options.entry else None
    if inputs is None or "file" in inputs or "plugins" in options.parameters:
        return ""
    return f"{options.model} takes no files"
