"""Values of a type: asked for on each protocol, read, repaired, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openrouter_server import Call, OpenRouterServer, answer, cut
from shell_fixtures import ShellUnderTest
from stepmagic.errors import (
    CommandError,
    SchemaError,
    SettingError,
    StepError,
    StreamCut,
    UnsupportedOption,
    ValueMisfit,
)
from stepmagic.session import session

TYPES = """
import dataclasses, enum
from pydantic import BaseModel
from stepmagic import step
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
@dataclasses.dataclass
class Item:
    name: str
    price: float
class Invoice(BaseModel):
    number: int
    items: list[Item]
"""
ITEMS = '{"value": [{"name": "pen", "price": 2}, {"name": "ink", "price": 3.5}]}'

every_protocol = pytest.mark.parametrize("protocol", ["chat", "responses", "messages"])


def asked_format(body: dict[str, Any]) -> dict[str, Any]:
    """Return the format that a request asks for, in whichever protocol."""
    form: dict[str, Any]
    if "response_format" in body:
        form = body["response_format"]
        return {"type": form["type"], **form.get("json_schema", {})}
    found: dict[str, Any] = body["text" if "text" in body else "output_config"]
    form = found["format"]
    return form


@every_protocol
def test_value_is_asked_for_and_bound(
    protocol: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(ITEMS))
    step.run(TYPES)
    step.run(f"%%step items: list[Item] << -p api={protocol}\nWhat was sold?")
    form = asked_format(server.requests[0].body)
    assert form["type"] == "json_schema"
    assert form["schema"]["properties"]["value"]["items"] == {"$ref": "#/$defs/Item"}
    if protocol != "messages":
        assert (form["name"], form["strict"]) == ("list_Item", True)
    item = step["Item"]
    assert step["items"] == [item("pen", 2.0), item("ink", 3.5)]
    assert step["_step"].value is step["items"]
    assert server.faults == []


@every_protocol
def test_python_asks_for_values_too(
    protocol: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer('{"number": 7, "items": []}'))
    step.run(TYPES)
    step.run(f"r = step('Which?', schema=Invoice, api={protocol!r}, stream=False)")
    assert step["r"].value == step["Invoice"](number=7, items=[])
    assert step["r"].json() == {"number": 7, "items": []}
    assert server.faults == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", '{"value": 3}', 3),
        ("bool", '{"value": false}', False),
        ("Literal['a', 'b']", '{"value": "b"}', "b"),
        ("Optional[int]", '{"value": null}', None),
        ("dict[str, int]", '{"a": 1}', {"a": 1}),
        ('{"type": "array", "items": {"type": "integer"}}', '{"value": [1]}', [1]),
        ("{'enum': ['x << y']}", '{"value": "x << y"}', "x << y"),
    ],
)
def test_any_type_may_be_named(
    kind: str, text: str, value: Any, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(text))
    step.run(f"%%step got: {kind} <<\nWhich?")
    assert step["got"] == value
    assert server.faults == []


def test_text_stays_text(server: OpenRouterServer, step: ShellUnderTest) -> None:
    server.enqueue(answer('{"value": 3}'))
    step.run("%%step text: str <<\nWhich?")
    assert step["text"] == '{"value": 3}'
    assert "response_format" not in server.requests[0].body
    with pytest.raises(StepError, match="no type was asked for"):
        _ = step["_step"].value


def test_json_is_shown_as_a_block_of_code(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(ITEMS), answer('{"a": 1}'))
    step.run(TYPES)
    step.run("%%step items: list[Item] << --once\nWhat was sold?")
    assert ITEMS in step.printed
    step.run("r = step('Which?', response_format='json_object')")
    step.run("r")
    html, markdown = (step.shown[0][f"text/{kind}"] for kind in ("html", "markdown"))
    assert "<pre" in html
    assert markdown.startswith('```json\n{\n  "a": 1\n}\n```')


@every_protocol
def test_test_server_answers_by_schema(
    protocol: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    """Nothing is scripted: what comes is made of the schema that was sent."""
    step.run(TYPES)
    step.run(f"%%step bill: Invoice << -p api={protocol}\nWhich?")
    item = step["Item"]
    assert step["bill"] == step["Invoice"](number=1, items=[item("word", 1.5)])
    step.run(f"%%step got: Optional[Colour] << -p api={protocol}\nWhich?")
    assert step["got"] is step["Colour"].RED
    assert server.faults == []


@every_protocol
def test_value_is_what_was_said_after_the_calls(
    protocol: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    calls = answer("Let me count.", tool_calls=[Call(name="count")])
    server.enqueue(calls, answer('{"value": 3}'))
    step.run("def count() -> int:\n    'Count.'\n    return 3")
    step.run(f"%%step n: int << --tools count -p api={protocol}\nHow many?")
    assert step["n"] == 3
    assert step["_step"].text.startswith("Let me count.")
    assert server.faults == []


def test_each_of_several_answers_has_a_value(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step n: int << -e low,high\nHow many?")
    assert step["n"] == (1, 1)
    assert server.faults == []


# Asking again.


@every_protocol
def test_answer_that_does_not_fit_is_asked_for_once_more(
    protocol: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    wrong = answer('{"value": [{"name": "pen", "price": "much"}]}', reasoning="Hm.")
    server.enqueue(wrong, answer(ITEMS))
    step.run(TYPES)
    step.run(f"%%step items: list[Item] << -p api={protocol}\nWhat was sold?")
    assert [item.name for item in step["items"]] == ["pen", "ink"]
    first, second = (request.body for request in server.requests)
    assert asked_format(first) == asked_format(second)
    assert "[0].price: Input should be a valid number" in json.dumps(second)
    assert "does not fit the JSON Schema" in json.dumps(second)
    turns = session().conversation.turns
    assert [turn.status for turn in turns] == ["complete", "complete"]
    # What follows finds a history that the strict server takes.
    step.run(f"%%step -p api={protocol}\nThank you.")
    assert server.faults == []


def test_what_does_not_fit_twice_is_an_error_that_keeps_the_text(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer('{"value": "x"}'), answer("I cannot."))
    with pytest.raises(ValueMisfit) as raised:
        step.run("%%step n: int <<\nHow many?")
    assert str(raised.value) == (
        "the answer is not of the type int, asked 2 times: it is not JSON: Expecting "
        "value in 'I cannot.'. The text is kept: `_step.text`."
    )
    assert raised.value.text == step["_step"].text == "I cannot."
    assert "n" not in step.shell.user_ns
    with pytest.raises(ValueMisfit):
        _ = step["_step"].value
    assert len(server.requests) == 2
    step.run("%%step\nNever mind.")
    assert server.faults == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer('{"value": 1', finish_reason="length"), "`-p max_tokens=...`"),
        (
            answer("", finish_reason="content_filter"),
            "the answer is not of the type int: it is no",
        ),
    ],
)
def test_what_asking_again_cannot_help_is_not_asked_again(
    reply: Any, said: str, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(reply)
    with pytest.raises(ValueMisfit) as raised:
        step.run("%%step n: int <<\nHow many?")
    assert said in str(raised.value)
    assert len(server.requests) == 1


def test_stream_that_is_cut_is_no_matter_of_types(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(cut(answer('{"value": 3, "more": "words"}', reasoning=""), after=3))
    with pytest.raises(StreamCut):
        step.run("%%step n: int <<\nHow many?")
    assert step["_step"].schema is not None
    assert len(server.requests) == 1


def test_asking_aside_repairs_aside(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("three"), answer('{"value": 3}'))
    step.run("%%step n: int << --once\nHow many?")
    assert step["n"] == 3
    assert "three" in json.dumps(server.requests[1].body)
    assert session().conversation.turns == []


# Frames.


def test_list_of_records_becomes_a_frame(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(ITEMS), answer('{"value": []}'))
    step.run(TYPES)
    step.run("%%step items: list[Item] <<\nWhat was sold?")
    frame = step["items"].to_frame()
    assert frame.to_dict("list") == {"name": ["pen", "ink"], "price": [2.0, 3.5]}
    step.run("%%step items: list[Item] <<\nAnd today?")
    assert list(step["items"].to_frame().columns) == ["name", "price"]


# Refusals, before anything is sent.


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("rows: list[Invoce] <<", CommandError, "Did you mean 'Invoice'?"),
        ("rows: list[Nowhere] <<", CommandError, "Define the type in an earlier cell"),
        ("rows: 1/0 <<", CommandError, "cannot be evaluated: division by zero"),
        ("rows: list[ <<", CommandError, "closing"),
        ("rows: a b <<", CommandError, "`rows: list[int] <<` a value"),
        ("rows: step <<", SchemaError, "is not a type to answer with"),
        ("rows: {'type': 'x'} <<", SchemaError, "is not a JSON Schema"),
        ("n: int << -p response_format=json_object", SettingError, "Leave one out"),
        (
            "n: int << -m z-ai/none -p top_a=1 -p api=responses",
            UnsupportedOption,
            "top",
        ),
    ],
)
def test_type_that_cannot_be_asked_for_is_refused(
    line: str,
    kind: type[Exception],
    said: str,
    server: OpenRouterServer,
    step: ShellUnderTest,
) -> None:
    step.run(TYPES)
    with pytest.raises(kind) as refused:
        step.run(f"%%step {line}\nWhich?")
    assert said in str(refused.value)
    assert not server.requests


def test_dry_run_shows_the_schema(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step n: int << --dry-run\nHow many?")
    assert '"response_format"' in step.shown[0]["text/plain"]
    assert '"integer"' in step.shown[0]["text/plain"]
    assert not server.requests


def test_messages_has_no_json_without_a_schema(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    for protocol in ("chat", "responses"):
        server.enqueue(answer('{"a": 1}'))
        step.run(f"%%step -p response_format=json_object -p api={protocol}\nJSON?")
        assert asked_format(server.requests[-1].body)["type"] == "json_object"
        assert step["_step"].json() == {"a": 1}
    with pytest.raises(UnsupportedOption, match=r"response_format .*`-p api=chat`"):
        step.run("%%step -p response_format=json_object -p api=messages\nJSON?")
    assert server.faults == []
