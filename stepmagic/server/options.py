"""The options of one turn: layers of settings merged, and the request built from them.

First line > conversation > ``%config`` > environment > default. ``Overrides`` is one of
the upper two layers, ``Options`` the result. What a model or protocol cannot take is
refused here, before anything is sent; ``capabilities`` knows what that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.images import ImageLimits
from stepmagic.attachments.images.limits import DEFAULT_LIMITS, parse_pages
from stepmagic.errors import SettingError
from stepmagic.schema import Schema
from stepmagic.schema.tools import Tool
from stepmagic.server.capabilities import AMOUNTS, Capabilities
from stepmagic.server.catalogue import Catalogue, ModelEntry, full_name
from stepmagic.server.http import Limits
from stepmagic.settings import StepMagic, current
from stepmagic.transcript import Message, Protocol
from stepmagic.wire import PROTOCOLS, Request
from stepmagic.wire.json_values import tool_choice
from stepmagic.wire.parameters import check_parameter

Detail: TypeAlias = Literal["low", "high", "auto"]
"""The resolution at which a model reads an image."""

CLIENT_PARAMETERS = ("api", "stream", "detail", "frames", "pages")


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
    return parse_pages(value) if name == "pages" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a first line or a conversation sets; None leaves the layer below."""

    model: str | None = None
    effort: str | None = None
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the names of the protocol, and ``CLIENT_PARAMETERS``."""
    schema: Schema | None = None
    """The type to answer with, for this turn only."""


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
    """Everything that decides how a turn is asked, except its messages."""

    model: str
    api: Protocol
    base_url: str
    system: str
    reasoning: Mapping[str, Any] = field(default_factory=dict)
    """OpenRouter's ``reasoning`` object; empty sends nothing about reasoning."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By the names of the protocol, without ``reasoning``."""
    stream: bool = True
    detail: Detail | None = None
    """The resolution of images; None leaves it to the provider."""
    frames: int | None = None
    """Number of frames to send of a video; None sends the video if possible."""
    pages: tuple[int, ...] = ()
    """Which pages or frames of a file are sent; empty chooses evenly spread ones."""
    is_watched: bool = False
    """Whether the answer is displayed; a replay keeps its original pace then."""
    limits: Limits = field(default_factory=Limits)
    headers: Mapping[str, str] = field(default_factory=dict)
    entry: ModelEntry | None = None
    schema: Schema | None = None
    """The type to answer with; ``parameters`` ask for it."""
    tools: tuple[Tool, ...] = ()
    """The functions that the model may call."""
    tool_rounds: int = 10
    """How often the model may call functions before it has to answer."""

    @property
    def effort(self) -> str | None:
        """The effort that is sent; None if none is."""
        effort: str | None = self.reasoning.get("effort")
        return effort

    @property
    def capabilities(self) -> Capabilities:
        """What the model can take."""
        return Capabilities(
            model=self.model,
            api=self.api,
            entry=self.entry,
            parameters=self.parameters,
        )


def resolve(
    settings: StepMagic,
    catalogue: Catalogue,
    conversation: Overrides,
    first_line: Overrides,
) -> Options:
    """Merge the layers of settings.

    Raises:
        SettingError: A value cannot be used.
        UnsupportedOption: The model does not take one of them.
    """
    named = _first(first_line.model, conversation.model, settings.model)
    if not named:
        message = "no model is set. `%step model` lists them, `-m` takes one."
        raise SettingError(message)
    model = full_name(named)
    entry = catalogue.entry(model)
    api: Any = settings.api
    known = Capabilities(model=model, api=api, entry=entry)
    layers = (_configured(settings, known), conversation, first_line)
    parameters = _parameters(layers)
    client = _client_parameters(settings, parameters)
    if "detail" in client:
        replace(known, api=client["api"]).check_detail()
    known.check_parameters(parameters)
    reasoning = _reasoning(layers)
    parameters.pop("reasoning", None)
    if "reasoning_effort" in parameters:
        _refuse_both("reasoning_effort", reasoning)
    else:
        reasoning = known.fit_reasoning(reasoning)
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
        **client,
    )


def with_tools(options: Options, tools: tuple[Tool, ...]) -> Options:
    """Return the options with functions that the model may call.

    Raises:
        UnsupportedOption: The model calls none.
    """
    if tools:
        options.capabilities.check_tools()
    return replace(options, tools=tools)


def following(options: Options, provider: str | None, *, is_last: bool) -> Options:
    """Return the options of the request that sends the results of functions.

    It is routed to the same provider, since only that one can read its own reasoning.
    The model is free to answer, even if ``tool_choice`` made it call a function first.

    Args:
        options: Those of the previous request.
        provider: The provider that answered it, if the server names it.
        is_last: Whether the model has to answer now.
    """
    given = dict(options.parameters)
    routing = dict(given.get("provider", {}))
    if provider is not None and not routing.keys() & {"order", "only"}:
        # Names are taken as replies show them (OpenRouter OpenAPI, ProviderName).
        given["provider"] = {**routing, "order": [provider]}
    if "tool_choice" in given and tool_choice(given["tool_choice"])[0] != "none":
        given.pop("tool_choice")
    if is_last and options.capabilities.takes_parameter("tool_choice"):
        given["tool_choice"] = "none"
    return replace(options, parameters=given)


def build_request(options: Options, messages: tuple[Message, ...]) -> Request:
    """Return the request for a history.

    Raises:
        UnsupportedOption: The model does not take a kind of part that is in it.
    """
    options.capabilities.check_messages(messages)
    return Request(
        model=options.model,
        messages=messages,
        system=options.system or None,
        reasoning=options.reasoning or None,
        parameters=options.parameters,
        tools=tuple(tool.schema for tool in options.tools),
        stream=options.stream,
    )


def _client_parameters(
    settings: StepMagic, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Take the parameters that are not the wire's out of the others."""
    found: dict[str, Any] = {"api": settings.api, "stream": settings.stream}
    for name in CLIENT_PARAMETERS:
        if name in parameters:
            found[name] = parameters.pop(name)
    return found


def _parameters(layers: Iterable[Overrides]) -> dict[str, Any]:
    """Return the parameters of all layers; a type to answer with becomes one."""
    parameters: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.parameters.items():
            parameters[name] = check_option(name, value)
        if layer.schema is None:
            continue
        if "response_format" in layer.parameters:
            message = (
                "a type to answer with and `response_format` both set the form of the "
                "answer. Leave one out."
            )
            raise SettingError(message)
        parameters["response_format"] = layer.schema.response_format
    return parameters


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def _configured(settings: StepMagic, known: Capabilities) -> Overrides:
    """Return the lowest layer: an effort that is set for all models may not fit one."""
    effort = known.usable_effort(settings.effort or None)
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
            message = f"StepMagic.{setting}={value!r}: a header takes only ASCII text"
            raise SettingError(message)
        if value:
            headers[name] = value
    return headers


def _reasoning(layers: Iterable[Overrides]) -> dict[str, Any]:
    """Return the ``reasoning`` object; one layer sets how hard to think."""
    reasoning: dict[str, Any] = {}
    for layer in layers:
        own = dict(layer.parameters.get("reasoning", {}))
        if layer.effort is not None:
            _refuse_both(f"-e {layer.effort}", own)
            own["effort"] = layer.effort
        if own.keys() & AMOUNTS:
            for name in AMOUNTS:
                reasoning.pop(name, None)
        reasoning |= own
    return reasoning


def _refuse_both(first: str, reasoning: Mapping[str, Any]) -> None:
    second = next((name for name in reasoning if name in AMOUNTS), None)
    if second is not None:
        message = (
            f"`{first}` and {second!r} in `reasoning` both set how hard to think. "
            "Leave one out."
        )
        raise SettingError(message)


def handling_for(options: Options) -> Handling:
    """Return how objects are made into parts of a prompt."""
    settings, capabilities = current(), options.capabilities
    return Handling(
        limits=ImageLimits(
            longest_side=settings.image_longest_side,
            detail=options.detail,
            frames=options.frames or DEFAULT_LIMITS.frames,
            pages=options.pages,
        ),
        preview_tokens=settings.preview_tokens,
        above_tokens=_above_tokens(settings.above_tokens, capabilities.context_tokens),
        frames=options.frames,
        no_video=capabilities.no_video,
        no_files=capabilities.no_files,
    )


def _above_tokens(most: int, context: int | None) -> int:
    """Return the budget of ``--above``: the setting, or a quarter of a small context.

    Args:
        most: The setting.
        context: Tokens of the model's context; None where it is not known.
    """
    return most if context is None else min(most, context // 4)


def handling_for_results(options: Options) -> Handling:
    """Return how objects are made into parts of what a function returned."""
    no_video = options.capabilities.no_video_results
    return replace(handling_for(options), no_video=no_video)


def least_able(each: Sequence[Options]) -> Options:
    """Return the options whose model takes least: all are sent the same prompt."""
    return max(
        each,
        key=lambda one: (
            bool(one.capabilities.no_video) + bool(one.capabilities.no_files)
        ),
    )
