"""What a turn is asked with: the layers, and what is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openrouter_server.models import (
    SIGNED,
    STEPFUN,
    TEXT_ONLY,
    WITHOUT_REASONING,
    model_list,
)
from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.server.catalogue import LOCAL_MODEL, Catalogue
from stepmagic.server.options import (
    Options,
    Overrides,
    build_request,
    check_option,
    resolve,
)
from stepmagic.settings import DEFAULT_SYSTEM, StepMagic, current
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Part,
    Text,
    ToolResult,
    Video,
    user,
)

Resolver = Callable[..., Options]

UNKNOWN = "who/knows"
SAYS_NOTHING = "llama3:8b"
"""A model of a server that lists ids alone."""


@pytest.fixture
def settings() -> StepMagic:
    return current()


@pytest.fixture
def resolved(settings: StepMagic) -> Resolver:
    """Return a function that resolves a first line over a conversation's overrides."""
    catalogue = Catalogue(settings.base_url)
    payload = model_list()
    payload["data"] += [
        {"id": SAYS_NOTHING},
        {"id": "a/high-only", "reasoning": {"supported_efforts": ["high"]}},
    ]
    catalogue.take(payload)

    def resolve_line(conversation: Overrides | None = None, **line: Any) -> Options:
        return resolve(
            settings, catalogue, conversation or Overrides(), Overrides(**line)
        )

    return resolve_line


# Layers


def test_defaults(resolved: Resolver) -> None:
    options = resolved()
    assert options.model == STEPFUN
    assert (options.api, options.stream) == ("chat", True)
    assert options.base_url == "https://openrouter.ai/api/v1"
    assert options.system == DEFAULT_SYSTEM
    assert options.reasoning == {"effort": "medium"}
    assert (options.parameters, options.headers) == ({}, {})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("model", ("a/environment", "a/settings", "a/conversation", "a/line")),
        ("effort", ("low", "medium", "high", "low")),
        ("system", ("environment", "settings", "conversation", "line")),
    ],
)
def test_upper_layer_wins(
    resolved: Resolver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    values: tuple[str, str, str, str],
) -> None:
    environment, configured, talk, line = values
    monkeypatch.setenv(f"STEPMAGIC_{name.upper()}", environment)
    assert getattr(resolved(), name) == environment
    setattr(current(), name, configured)
    assert getattr(resolved(), name) == configured
    given: dict[str, Any] = {name: talk}
    conversation = Overrides(**given)
    assert getattr(resolved(conversation), name) == talk
    assert getattr(resolved(conversation, **{name: line}), name) == line
    assert getattr(resolved(**{name: line}), name) == line


def test_parameters_are_laid_over_one_another_by_name(
    resolved: Resolver, settings: StepMagic
) -> None:
    settings.parameters = {"seed": 1, "top_p": 0.1, "api": "messages"}
    conversation = Overrides(parameters={"seed": 2, "top_k": 2, "api": "responses"})
    options = resolved(conversation, parameters={"seed": 3, "stream": False})
    assert options.parameters == {"seed": 3, "top_p": 0.1, "top_k": 2}
    assert (options.api, options.stream) == ("responses", False)


def test_empty_system_prompt_is_one(resolved: Resolver) -> None:
    options = resolved(Overrides(system="be brief"), system="")
    assert options.system == ""
    assert build_request(options, ()).system is None


def test_settings_reach_the_transport(resolved: Resolver, settings: StepMagic) -> None:
    settings.retries = 1
    settings.connect_timeout_s = 2
    settings.idle_timeout_s = 3
    settings.total_timeout_s = 4
    settings.base_url = "http://127.0.0.1:1/v1/"
    options = resolved()
    limits = options.limits
    assert (limits.retries, limits.connect_s) == (1, 2)
    assert (limits.idle_s, limits.total_s) == (3, 4)
    assert options.base_url == "http://127.0.0.1:1/v1"


def test_resolving_changes_no_layer(resolved: Resolver, settings: StepMagic) -> None:
    settings.parameters = {"api": "chat", "reasoning": {"max_tokens": 5}}
    line = {"api": "responses", "reasoning": {"effort": "low"}}
    resolved(Overrides(parameters={"stream": False}), parameters=line)
    assert settings.parameters == {"api": "chat", "reasoning": {"max_tokens": 5}}
    assert line == {"api": "responses", "reasoning": {"effort": "low"}}


def test_local_is_the_embedded_model(resolved: Resolver) -> None:
    options = resolved(model="local")
    assert options.model == LOCAL_MODEL
    assert options.entry is not None
    assert options.reasoning == {}


def test_model_outside_the_catalogue_is_sent_as_typed(resolved: Resolver) -> None:
    options = resolved(model=UNKNOWN, parameters={"verbosity": "low"})
    assert options.model == UNKNOWN
    assert options.entry is None
    assert options.parameters == {"verbosity": "low"}


@pytest.mark.parametrize("line", [{"model": ""}, {}])
def test_some_model_must_be_named(
    resolved: Resolver, settings: StepMagic, line: dict[str, str]
) -> None:
    settings.model = ""
    with pytest.raises(SettingError, match="no model is set"):
        resolved(**line)


# Attribution


def test_attribution_is_sent_only_when_set(
    resolved: Resolver, settings: StepMagic
) -> None:
    settings.referer = "https://example.org"
    assert resolved().headers == {"HTTP-Referer": "https://example.org"}
    settings.title = "demo"
    assert resolved().headers == {
        "HTTP-Referer": "https://example.org",
        "X-Title": "demo",
    }


@pytest.mark.parametrize("value", ["Größe", "two\nlines", "null\0"])
@pytest.mark.parametrize("name", ["referer", "title"])
def test_attribution_that_no_header_carries_is_refused(
    resolved: Resolver, settings: StepMagic, name: str, value: str
) -> None:
    setattr(settings, name, value)
    with pytest.raises(SettingError, match=f"StepMagic.{name}=") as caught:
        resolved()
    assert repr(value) in str(caught.value)


# Reasoning


def test_reasoning_is_explicit_for_a_model_that_reasons(resolved: Resolver) -> None:
    """Some models stay silent otherwise."""
    assert resolved(model=TEXT_ONLY).reasoning == {"effort": "medium"}
    assert resolved(model=f"{STEPFUN}:free").reasoning == {"effort": "medium"}


@pytest.mark.parametrize("model", [WITHOUT_REASONING, LOCAL_MODEL])
def test_nothing_is_said_to_a_model_that_does_not_reason(
    resolved: Resolver, settings: StepMagic, model: str
) -> None:
    settings.effort = "high"
    options = resolved(model=model)
    assert (options.reasoning, options.effort) == ({}, None)
    assert build_request(options, ()).reasoning is None


@pytest.mark.parametrize("model", [UNKNOWN, SAYS_NOTHING])
def test_nothing_is_said_unasked_to_a_model_that_may_reason(
    resolved: Resolver, settings: StepMagic, model: str
) -> None:
    assert resolved(model=model).reasoning == {}
    assert resolved(model=model, effort="low").reasoning == {"effort": "low"}
    settings.effort = "high"
    assert resolved(model=model).reasoning == {"effort": "high"}


def test_configured_effort_is_passed_over_by_a_model_without_it(
    resolved: Resolver, settings: StepMagic
) -> None:
    settings.effort = "low"
    assert resolved(model=STEPFUN).effort == "low"
    assert resolved(model="a/high-only").effort == "high"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"exclude": True}, {"effort": "medium", "exclude": True}),
        ({"summary": "auto"}, {"effort": "medium", "summary": "auto"}),
        ({"effort": "low"}, {"effort": "low"}),
        ({"max_tokens": 2000}, {"max_tokens": 2000}),
        ({"enabled": True}, {"enabled": True}),
        ({}, {"effort": "medium"}),
    ],
)
def test_effort_is_left_out_beside_another_amount(
    resolved: Resolver, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    """OpenRouter refuses an effort beside ``max_tokens``."""
    assert resolved(parameters={"reasoning": given}).reasoning == sent


def test_effort_joins_the_rest_of_the_object(resolved: Resolver) -> None:
    options = resolved(effort="high", parameters={"reasoning": {"exclude": True}})
    assert options.reasoning == {"effort": "high", "exclude": True}
    assert options.parameters == {}
    assert options.effort == "high"


def test_amount_of_an_upper_layer_replaces_the_one_below(
    resolved: Resolver, settings: StepMagic
) -> None:
    settings.parameters = {"reasoning": {"max_tokens": 2000, "exclude": True}}
    assert resolved().reasoning == {"max_tokens": 2000, "exclude": True}
    assert resolved(effort="low").reasoning == {"effort": "low", "exclude": True}
    settings.effort, settings.parameters = "high", {}
    options = resolved(parameters={"reasoning": {"max_tokens": 2000}})
    assert options.reasoning == {"max_tokens": 2000}
    assert options.effort is None
    conversation = Overrides(effort="low")
    assert resolved(conversation).effort == "low"


def test_object_without_an_amount_keeps_the_one_below(resolved: Resolver) -> None:
    conversation = Overrides(parameters={"reasoning": {"max_tokens": 2000}})
    options = resolved(conversation, parameters={"reasoning": {"exclude": True}})
    assert options.reasoning == {"max_tokens": 2000, "exclude": True}


@pytest.mark.parametrize("name", ["effort", "max_tokens", "enabled"])
def test_one_line_says_how_hard_to_think_once(resolved: Resolver, name: str) -> None:
    with pytest.raises(SettingError, match="Leave one out") as caught:
        resolved(effort="low", parameters={"reasoning": {name: True}})
    assert str(caught.value).startswith(f"`-e low` and {name!r} in `reasoning` both")


def test_effort_in_the_form_of_openai_stands_alone(resolved: Resolver) -> None:
    options = resolved(parameters={"reasoning_effort": "low"})
    assert options.parameters == {"reasoning_effort": "low"}
    assert options.reasoning == {}
    with pytest.raises(SettingError, match="`reasoning_effort` and 'effort' in"):
        resolved(effort="low", parameters={"reasoning_effort": "low"})


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ({"effort": "high"}, "-e high"),
        ({"parameters": {"reasoning": {"effort": "low"}}}, "-e low"),
        ({"parameters": {"reasoning": {"exclude": True}}}, "reasoning"),
    ],
)
def test_reasoning_is_refused_for_a_model_without(
    resolved: Resolver, line: dict[str, Any], asked: str
) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        resolved(model="local", **line)
    assert str(caught.value) == f"{LOCAL_MODEL} does not reason: leave out `{asked}`."


def test_effort_that_the_model_does_not_take_is_refused(resolved: Resolver) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        resolved(effort="extreme")
    assert (
        str(caught.value)
        == f"{STEPFUN} accepts effort high, medium, low, not 'extreme'."
    )
    assert resolved(model=SIGNED, effort="extreme").effort == "extreme"


@pytest.mark.parametrize("off", [{"enabled": False}, {"effort": "none"}])
def test_reasoning_cannot_be_switched_off_where_it_is_mandatory(
    resolved: Resolver, off: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        resolved(parameters={"reasoning": off})
    assert str(caught.value) == (
        f"{STEPFUN} always reasons. `-e low` is the least; "
        '`-p reasoning={"exclude": true}` hides it.'
    )
    assert resolved(model=SIGNED, parameters={"reasoning": off}).reasoning == off


# Parameters


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("api", "soap", "api takes one of chat, responses, messages, not 'soap'"),
        ("api", ["chat"], "api takes one of chat, responses, messages, not ['chat']"),
        ("stream", 1, "stream takes true or false, not 1"),
        ("temperature", 3, "temperature takes a value from 0 to 2, not 3"),
        ("temprature", 0, "Did you mean 'temperature'?"),
    ],
)
def test_unusable_value_is_refused(
    resolved: Resolver, settings: StepMagic, name: str, value: Any, says: str
) -> None:
    with pytest.raises(SettingError) as caught:
        check_option(name, value)
    assert says in str(caught.value)
    settings.parameters = {name: value}
    with pytest.raises(SettingError) as caught:
        resolved()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("api", "responses"), ("stream", False), ("seed", 1)]
)
def test_usable_value_is_returned(name: str, value: Any) -> None:
    assert check_option(name, value) is value


def test_parameter_that_the_model_does_not_take_is_refused(resolved: Resolver) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        resolved(parameters={"verbosity": "low"})
    message = str(caught.value)
    assert message.startswith(
        f"{STEPFUN} does not accept verbosity. It accepts: frequency_pen"
    )
    assert "temperature" in message
    assert "structured_outputs" not in message


def test_routing_is_no_matter_of_the_model(resolved: Resolver) -> None:
    routing = {"provider": {"order": ["a"]}, "user": "u", "extra_body": {"a": 1}}
    assert resolved(parameters=routing).parameters == routing


@pytest.mark.parametrize("model", [SAYS_NOTHING, UNKNOWN, LOCAL_MODEL])
def test_any_parameter_goes_where_the_server_lists_none(
    resolved: Resolver, model: str
) -> None:
    options = resolved(model=model, parameters={"verbosity": "low"})
    assert options.parameters == {"verbosity": "low"}


# The request


def test_request_is_built_of_the_options(resolved: Resolver) -> None:
    options = resolved(effort="low", parameters={"seed": 1, "stream": False})
    messages = (user("Hi"),)
    request = build_request(options, messages)
    assert (request.model, request.messages) == (STEPFUN, messages)
    assert request.reasoning == {"effort": "low"}
    assert (request.parameters, request.stream) == ({"seed": 1}, False)
    assert request.system == DEFAULT_SYSTEM


IMAGE = Image(url="https://example.org/a.png")
VIDEO = Video(url="https://example.org/a.mp4")
PDF = File(url="https://example.org/a.pdf")


@pytest.mark.parametrize(
    ("model", "part", "kind"),
    [
        (TEXT_ONLY, IMAGE, "image"),
        (SIGNED, VIDEO, "video"),
        (LOCAL_MODEL, IMAGE, "image"),
        (TEXT_ONLY, ToolResult(call_id="1", name="f", parts=(IMAGE,)), "image"),
    ],
)
def test_part_that_the_model_does_not_take_is_refused(
    resolved: Resolver, model: str, part: Part, kind: str
) -> None:
    messages = (Message(role="user", parts=(Text(text="look"), part)), user("again"))
    with pytest.raises(UnsupportedOption) as caught:
        build_request(resolved(model=model), messages)
    assert f"{model} accepts text" in str(caught.value)
    assert f"no {kind}. Choose a model that does with `-m`" in str(caught.value)
    assert f"without the {kind} with `-n`" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (STEPFUN, (IMAGE, VIDEO)),
        (UNKNOWN, (IMAGE, VIDEO)),
        (SAYS_NOTHING, (IMAGE, VIDEO)),
        # OpenRouter reads documents for models that cannot.
        (TEXT_ONLY, (PDF,)),
    ],
)
def test_part_that_the_model_may_take_is_sent(
    resolved: Resolver, model: str, parts: tuple[Part, ...]
) -> None:
    message = user("look", *parts)
    assert build_request(resolved(model=model), (message,)).messages == (message,)


# Pictures and videos


def test_how_pictures_are_looked_at_is_no_parameter_of_a_request(
    resolved: Resolver,
) -> None:
    options = resolved(parameters={"detail": "low", "frames": 8, "seed": 1})
    assert (options.detail, options.frames) == ("low", 8)
    assert options.parameters == {"seed": 1}
    assert (resolved().detail, resolved().frames) == (None, None)


def test_detail_is_refused_where_the_protocol_has_none(
    resolved: Resolver, settings: StepMagic
) -> None:
    for api in ("chat", "responses"):
        assert resolved(parameters={"api": api, "detail": "low"}).detail == "low"
    with pytest.raises(UnsupportedOption, match="/messages has no detail of images"):
        resolved(parameters={"api": "messages", "detail": "low"})
    settings.api = "messages"
    with pytest.raises(UnsupportedOption, match="/messages has no detail of images"):
        resolved(parameters={"detail": "low"})


def test_detail_and_frames_are_laid_over_one_another(
    resolved: Resolver, settings: StepMagic
) -> None:
    settings.parameters = {"detail": "high", "frames": 4}
    assert (resolved().detail, resolved().frames) == ("high", 4)
    options = resolved(parameters={"detail": "low"})
    assert (options.detail, options.frames) == ("low", 4)
    settings.parameters = {"frames": 0}
    with pytest.raises(SettingError, match="frames takes a number"):
        resolved()
