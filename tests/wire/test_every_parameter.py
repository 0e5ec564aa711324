"""Each parameter through each door: on the wire of each protocol, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openrouter_server import WITHOUT_REASONING, OpenRouterServer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import UnsupportedOption

PROTOCOLS = ("chat", "responses", "messages")

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}},
          "required": ["a"], "additionalProperties": False}  # fmt: skip
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "a", "strict": True, "schema": SCHEMA},
}
ON_RESPONSES = {"type": "json_schema", **FORMAT["json_schema"]}  # type: ignore[dict-item]  # JSON

NO = "the '{}' protocol has no form for it. Ask through one that has: `-p api="

CASES: dict[str, tuple[str, Any, tuple[Any, Any, Any]]] = {
    "effort": (
        "reasoning", {"effort": "low"},
        (
            {"reasoning": {"effort": "low"}},
            {"reasoning": {"effort": "low"}},
            {"output_config": {"effort": "low"}},
        ),
    ),
    "thinking budget": (
        "reasoning", {"max_tokens": 2000},
        (
            {"reasoning": {"max_tokens": 2000}},
            {"reasoning": {"max_tokens": 2000}},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
    ),
    "hidden reasoning": (
        "reasoning", {"effort": "low", "exclude": True},
        (
            {"reasoning": {"effort": "low", "exclude": True}},
            {"reasoning": {"effort": "low", "exclude": True}},
            {"output_config": {"effort": "low"}},
        ),
    ),
    "temperature": ("temperature", 0.5, ({"temperature": 0.5},) * 3),
    "max_tokens": (
        "max_tokens", 300,
        ({"max_tokens": 300}, {"max_output_tokens": 300}, {"max_tokens": 300}),
    ),
    "top_p": ("top_p", 0.9, ({"top_p": 0.9},) * 3),
    "one stop": (
        "stop", "END", ({"stop": "END"}, {"stop": "END"}, {"stop_sequences": ["END"]}),
    ),
    "several stops": (
        "stop", ["a", "b"],
        ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
    ),
    "frequency_penalty": (
        "frequency_penalty", 1, ({"frequency_penalty": 1}, {"frequency_penalty": 1}, NO)
    ),
    "logprobs": ("logprobs", True, ({"logprobs": True}, NO, NO)),
    "top_logprobs": (
        "top_logprobs", 3,
        ({"top_logprobs": 3, "logprobs": True}, {"top_logprobs": 3}, NO),
    ),
    "json_object": (
        "response_format", "json_object",
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
            NO,
        ),
    ),
    "json_schema": (
        "response_format", FORMAT,
        (
            {"response_format": FORMAT},
            {"text": {"format": ON_RESPONSES}},
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
    ),
    "seed": ("seed", 7, ({"seed": 7}, NO, NO)),
    "provider": (
        "provider", {"order": ["stepfun"], "allow_fallbacks": False},
        ({"provider": {"order": ["stepfun"], "allow_fallbacks": False}},) * 3,
    ),
    "models": (
        "models", [WITHOUT_REASONING], ({"models": [WITHOUT_REASONING]},) * 3,
    ),
}  # fmt: skip
"""A parameter, a value, and what the body of each protocol has of it."""


def door(way: str, name: str, value: Any, protocol: str) -> list[str]:
    """Return the cells that ask with a parameter in one of the ways there are."""
    if way == "-p":
        word = value if isinstance(value, str) else json.dumps(value)
        return [f"%%step -p {name}={word} -p api={protocol}\nHi"]
    if way == "step()":
        call = f"step('Hi', {name}={value!r}, api={protocol!r})"
        return [f"from stepmagic import step\n_ = {call}"]
    return [
        f"%config StepMagic.parameters = {{{name!r}: {value!r}}}",
        f"%config StepMagic.api = {protocol!r}",
        "%%step\nHi",
    ]


@pytest.mark.parametrize("way", ["-p", "step()", "%config"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES)
def test_parameter_reaches_the_wire_or_is_refused(
    case: str,
    protocol: str,
    way: str,
    server: OpenRouterServer,
    step: ShellUnderTest,
) -> None:
    name, value, forms = CASES[case]
    form = forms[PROTOCOLS.index(protocol)]
    *before, asks = door(way, name, value, protocol)
    for cell in before:
        step.run(cell)
    if form is NO:
        with pytest.raises(UnsupportedOption) as refused:
            step.run(asks)
        assert NO.format(protocol) in str(refused.value)
        assert not server.requests
        return
    step.run(asks)
    body = server.requests[0].body
    for field, held in form.items():
        kept = body[field]
        if field in ("output_config", "text"):
            kept = {inner: kept[inner] for inner in held}
        assert kept == held
    assert server.faults == []
