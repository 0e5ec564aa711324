"""Requests of `/responses`, and the way of reasoning back into them."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Status,
    Text,
    ToolCall,
    Video,
    user,
)
from stepmagic.wire import codec
from stepmagic.wire.history import NATIVE
from stepmagic.wire.parameters import PARAMETERS
from stepmagic.wire.responses import Decoder, encode
from wire_requests import (
    ADD,
    HI,
    MODEL,
    PNG,
    PNG_URL,
    SCHEMA,
    answer,
    body,
    decoded,
    faults,
    result,
    results,
)

OPENAI = "openai/gpt-5-nano-2025-08-07"


def sent(*messages: Message, model: str = MODEL) -> list[dict[str, Any]]:
    """Return the input items of a request, which the SDKs' types find right."""
    form = body("responses", *messages, model=model)
    assert faults("responses", form) == []
    items: list[dict[str, Any]] = form["input"]
    return items


def said(*parts: Part | str, model: str = MODEL, status: Status = "complete") -> Any:
    return answer(*parts, protocol="responses", model=model, status=status)


def with_parameters(**parameters: Any) -> dict[str, Any]:
    return body("responses", parameters=parameters)


def test_codec_leads_to_this_protocol() -> None:
    found = codec("responses")
    assert found.path == "/responses"
    assert found.encode is encode
    assert found.decoder is Decoder


def test_only_what_was_set_is_sent_and_nothing_is_stored() -> None:
    assert body("responses") == {
        "model": MODEL,
        "input": [{"role": "user", "content": "Hi"}],
        "store": False,
        "stream": True,
    }


def test_whole_reply_is_asked_for_by_leaving_stream_out() -> None:
    assert "stream" not in body("responses", stream=False)


def test_system_prompt_is_the_instructions() -> None:
    assert body("responses", system="Be brief.")["instructions"] == "Be brief."


PLAIN: dict[str, tuple[str, Any]] = {
    "temperature": ("temperature", 0.5),
    "max_tokens": ("max_output_tokens", 100),
    "top_p": ("top_p", 0.9),
    "top_k": ("top_k", 40),
    "stop": ("stop", ["a", "b"]),
    "frequency_penalty": ("frequency_penalty", -0.5),
    "presence_penalty": ("presence_penalty", 0.5),
    "top_logprobs": ("top_logprobs", 3),
    "parallel_tool_calls": ("parallel_tool_calls", False),
    "models": ("models", ["a/b", "c/d"]),
    "provider": ("provider", {"only": ["stepfun"]}),
    "plugins": ("plugins", [{"id": "web"}]),
    "session_id": ("session_id", "s1"),
    "service_tier": ("service_tier", "flex"),
    "metadata": ("metadata", {"run": "1"}),
    "cache_control": ("cache_control", {"type": "ephemeral"}),
    "user": ("user", "u1"),
    "include": ("include", ["file_search_call.results"]),
    "truncation": ("truncation", "auto"),
}
WRITTEN = {"reasoning", "response_format", "tool_choice", "verbosity", "extra_body"}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_parameter_is_sent_under_the_name_of_this_protocol(name: str) -> None:
    field, value = PLAIN[name]
    form = with_parameters(**{name: value})
    assert form[field] == value
    assert form.keys() - body("responses").keys() == {field}
    assert faults("responses", form) == []


REFUSED = {
    "reasoning_effort": "low",
    "max_completion_tokens": 100,
    "min_p": 0.1,
    "top_a": 0.2,
    "repetition_penalty": 1.1,
    "seed": 7,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "stream_options": {"include_usage": True},
}


def test_every_parameter_is_plain_written_here_or_refused() -> None:
    assert PARAMETERS.keys() == PLAIN.keys() | WRITTEN | REFUSED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_parameter_of_chat_alone_is_refused_with_the_way_on(name: str) -> None:
    with pytest.raises(UnsupportedOption, match=rf"{name}: .* `-p api=chat`"):
        with_parameters(**{name: REFUSED[name]})


@pytest.mark.parametrize(
    "reasoning", [{"effort": "low"}, {"max_tokens": 2000}, {"enabled": True}]
)
def test_reasoning_is_sent_as_it_is_and_asks_for_what_must_go_back(
    reasoning: dict[str, Any],
) -> None:
    form = body("responses", reasoning=reasoning)
    assert form["reasoning"] == reasoning
    assert form["include"] == ["reasoning.encrypted_content"]
    assert faults("responses", form) == []


def test_reasoning_given_as_a_parameter_is_the_one_sent() -> None:
    form = body(
        "responses",
        reasoning={"effort": "low"},
        parameters={"reasoning": {"max_tokens": 2000}},
    )
    assert form["reasoning"] == {"max_tokens": 2000}


@pytest.mark.parametrize("reasoning", [{"effort": "none"}, {"enabled": False}, None])
def test_encrypted_reasoning_is_not_asked_for_where_there_is_none(
    reasoning: Any,
) -> None:
    assert "include" not in body("responses", reasoning=reasoning)


def test_users_own_include_is_kept() -> None:
    def included(*names: str) -> Any:
        parameters = {"include": list(names), "reasoning": {"effort": "low"}}
        return with_parameters(**parameters)["include"]

    encrypted = "reasoning.encrypted_content"
    assert included("message.output_text.logprobs") == [
        "message.output_text.logprobs",
        encrypted,
    ]
    assert included(encrypted) == [encrypted]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("text", {"type": "text"}),
        ("json_object", {"type": "json_object"}),
        ({"type": "json_object"}, {"type": "json_object"}),
        (SCHEMA, {"type": "json_schema", **SCHEMA["json_schema"]}),  # type: ignore[dict-item]
        (
            {"type": "json_schema", "name": "a", "schema": {}},
            {"type": "json_schema", "name": "a", "schema": {}},
        ),
    ],
)
def test_response_format_lies_flat_in_the_text_options(value: Any, form: Any) -> None:
    given = with_parameters(response_format=value)
    assert given["text"] == {"format": form}
    assert faults("responses", given) == []


def test_response_format_that_only_chat_has_is_refused_with_the_way_on() -> None:
    with pytest.raises(UnsupportedOption, match=r"'grammar': .* `-p api=chat`"):
        with_parameters(response_format={"type": "grammar", "grammar": "a+"})


def test_verbosity_is_a_text_option_beside_the_format() -> None:
    form = with_parameters(verbosity="low", response_format="json_object")
    assert form["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert faults("responses", form) == []


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ("add", {"type": "function", "name": "add"}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "name": "add"},
        ),
        ({"type": "auto"}, "auto"),
    ],
)
def test_tool_choice_is_a_word_or_a_flat_function(value: Any, form: Any) -> None:
    given = body("responses", tools=(ADD,), parameters={"tool_choice": value})
    assert given["tool_choice"] == form
    assert faults("responses", given) == []


def test_extra_body_is_merged_last() -> None:
    form = with_parameters(temperature=0.5, extra_body={"temperature": 1, "x": []})
    assert (form["temperature"], form["x"]) == (1, [])
    assert "extra_body" not in form


def test_tools_are_flat_functions_that_say_whether_they_are_strict() -> None:
    form = body("responses", tools=(ADD, FunctionSchema(name="now")))
    assert form["tools"] == [
        {
            "type": "function",
            "name": "add",
            "description": "Add two numbers",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}}},
            "strict": True,
        },
        {
            "type": "function",
            "name": "now",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        },
    ]
    assert faults("responses", form) == []


def test_parts_of_a_prompt_keep_their_order() -> None:
    prompt = user(
        "Compare",
        Image(url="https://example.org/a.png", detail="high"),
        "with",
        PNG,
        Video(url="https://example.org/a.mp4"),
        "",
    )
    assert sent(prompt) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Compare"},
                {
                    "type": "input_image",
                    "image_url": "https://example.org/a.png",
                    "detail": "high",
                },
                {"type": "input_text", "text": "with"},
                {"type": "input_image", "image_url": PNG_URL, "detail": "auto"},
                {"type": "input_video", "video_url": "https://example.org/a.mp4"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("file", "form"),
    [
        (
            File(media_type="application/pdf", data=b"pdf", name="a.pdf"),
            {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cGRm"},
        ),
        (
            File(media_type="application/pdf", data=b"pdf"),
            {"filename": "file.pdf", "file_data": "data:application/pdf;base64,cGRm"},
        ),
        (
            File(media_type="application/x-unheard-of", data=b"?"),
            {
                "filename": "file",
                "file_data": "data:application/x-unheard-of;base64,Pw==",
            },
        ),
        (
            File(url="https://example.org/a.pdf", name="a.pdf"),
            {"filename": "a.pdf", "file_url": "https://example.org/a.pdf"},
        ),
        (
            File(url="https://example.org/a.pdf"),
            {"file_url": "https://example.org/a.pdf"},
        ),
    ],
)
def test_file_is_sent_by_its_data_or_its_url(file: File, form: Any) -> None:
    ((block,),) = [item["content"] for item in sent(user(file))]
    assert block == {"type": "input_file", **form}


def test_part_that_no_prompt_can_hold_is_refused() -> None:
    call = ToolCall(id="c1", name="add")
    with pytest.raises(UnsupportedOption, match="toolcall in a prompt"):
        sent(user("Hi", call), results(result("c1")))


def test_answer_from_elsewhere_goes_back_as_a_message_with_id_and_status() -> None:
    first = answer("Hello", protocol="chat")
    second = answer("Fine", protocol="messages")
    assert sent(HI, first, user("How?"), second, user("Good"))[1::2] == [
        {
            "type": "message",
            "role": "assistant",
            "id": f"msg_{number}",
            "status": "completed",
            "content": [{"type": "output_text", "annotations": [], "text": text}],
        }
        for number, text in ((1, "Hello"), (3, "Fine"))
    ]


def test_text_of_one_item_goes_back_as_one_item() -> None:
    parts = decoded("responses", "several_content_parts.sse")
    (_, item, _) = sent(HI, said(*parts, model=OPENAI), user("And?"), model=OPENAI)
    assert item["id"] == "msg_0b"
    assert [content["text"] for content in item["content"]] == ["One.", "Two."]


def test_phase_and_order_of_messages_and_reasoning_are_kept() -> None:
    parts = decoded("responses", "several_reasoning_items.sse")
    items = sent(HI, said(*parts), user("And?"))[1:-1]
    assert [(item["id"], item.get("phase")) for item in items] == [
        ("rs_tmp_s1", None),
        ("msg_tmp_a1", "commentary"),
        ("rs_tmp_s2", None),
        ("msg_tmp_a2", "final_answer"),
    ]


@pytest.mark.parametrize(
    ("case", "content"),
    [
        ("refusal.sse", {"type": "refusal", "refusal": "I cannot help with that."}),
        (
            "annotations.sse",
            {
                "type": "output_text",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url": "https://example.org/",
                        "title": "Example",
                        "start_index": 0,
                        "end_index": 5,
                    }
                ],
                "text": "Paris.",
            },
        ),
        ("text.sse", {"type": "output_text", "annotations": [], "text": "Hello"}),
    ],
)
def test_content_goes_back_as_it_came(case: str, content: Any) -> None:
    *parts, last = decoded("responses", case)
    if case == "text.sse":
        assert isinstance(last, Text)
        last = Text(text="Hello", provider_metadata=last.provider_metadata)
    items = sent(HI, said(*parts, last), user("And?"))
    assert items[1]["content"] == [content]


def test_content_of_an_unknown_type_goes_back_as_it_came() -> None:
    parts = decoded("responses", "reply_unknown_item.json")
    form = body("responses", HI, said(*parts), user("And?"))
    search, message = form["input"][1:-1]
    assert search["future_field"] == [1]
    assert message["content"] == [
        {"type": "output_image", "image_url": "https://example.org/a.png"},
        {"type": "output_text", "annotations": [], "text": "There."},
    ]


def test_text_that_was_cut_goes_back_as_incomplete() -> None:
    parts = decoded("responses", "cut_in_text.sse")
    cut = said(*parts, status="interrupted")
    item = sent(HI, cut, user("Go on"))[1]
    assert (item["id"], item["status"]) == ("msg_tmp_a1", "incomplete")


def test_empty_text_makes_no_item() -> None:
    call = ToolCall(id="c1", name="add")
    empty = Text(text="", provider_metadata={"item": {"id": "msg_1"}})
    items = sent(HI, said("", empty, call), results(result("c1")))
    assert [item.get("type") for item in items[1:]] == [
        "function_call",
        "function_call_output",
    ]


REPLAYED = [
    ("stepfun_reasoning_text.sse", MODEL),
    ("stepfun_reasoning_summary.sse", MODEL),
    ("encrypted_reasoning.sse", OPENAI),
    ("encrypted_reasoning_without_summary.sse", OPENAI),
    ("reasoning_text_and_summary_shown_once.sse", MODEL),
    ("completed_only.sse", MODEL),
    ("no_item_done.sse", MODEL),
    ("signed_reasoning.sse", "anthropic/claude-sonnet-5"),
    ("reply_encrypted_reasoning.json", OPENAI),
    ("reply_reasoning_text.json", MODEL),
]


@pytest.mark.parametrize(("case", "model"), REPLAYED)
def test_reasoning_of_turn_one_is_found_unmodified_in_turn_two(
    case: str, model: str
) -> None:
    parts = decoded("responses", case)
    came = [part for part in parts if isinstance(part, Reasoning)]
    kept = [part for part in parts if not isinstance(part, ToolCall | Opaque)]
    items = sent(HI, said(*kept, model=model), user("And?"), model=model)
    assert came
    assert items[1 : 1 + len(came)] == [part.provider_metadata[NATIVE] for part in came]
    assert items[1 + len(came)]["type"] == "message"


def test_reasoning_goes_back_before_its_function_call_and_its_result() -> None:
    parts = decoded("responses", "reasoning_then_tool_call.sse")
    items = sent(HI, said(*parts), results(result("call_1", Text(text="4"))))
    assert items[1:] == [
        {
            "id": "rs_tmp_s1",
            "type": "reasoning",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "Two and two."}],
            "format": "unknown",
            "status": "completed",
        },
        {
            "type": "function_call",
            "id": "fc_tmp_t1",
            "status": "completed",
            "call_id": "call_1",
            "name": "add",
            "arguments": '{"a":2,"b":2}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "4"},
    ]


@pytest.mark.parametrize(("case", "model"), REPLAYED)
def test_reasoning_is_left_out_for_another_model(case: str, model: str) -> None:
    parts = decoded("responses", case)
    message = said(*parts, model=model)
    items = sent(HI, message, user("And?"), model="acme/other")
    assert {item.get("type", "message") for item in items} == {"message"}


def test_reasoning_of_another_protocol_has_no_form_and_is_left_out() -> None:
    thought = Reasoning(text="Hm.", provider_metadata={NATIVE: {"text": "Hm."}})
    message = answer(thought, "4", protocol="chat")
    assert len(sent(HI, message, user("And?"))) == 3


@pytest.mark.parametrize(
    "case",
    [
        "cut_in_open_reasoning.sse",
        "cut_in_signed_reasoning.sse",
        "cut_in_summary.sse",
        "cut_in_reasoning_with_format.sse",
    ],
)
def test_reasoning_that_was_cut_is_left_out(case: str) -> None:
    cut = said(*decoded("responses", case), status="error")
    assert sent(HI, cut, user("Go on")) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Hi"},
                {"type": "input_text", "text": "Go on"},
            ],
        }
    ]


def test_reasoning_item_of_nothing_but_its_id_is_left_out() -> None:
    parts = decoded("responses", "reasoning_without_content.sse")
    assert isinstance(parts[0], Reasoning)
    items = sent(HI, said(*parts, model=OPENAI), user("And?"), model=OPENAI)
    assert [item.get("type") for item in items] == [None, "message", None]


def test_reasoning_that_nothing_follows_is_left_out() -> None:
    thought, call = decoded("responses", "reasoning_then_tool_call.sse")
    items = sent(HI, said("Let me see.", thought, call), user("Never mind"))
    assert [item.get("type") for item in items] == [None, "message", None]


def test_unknown_item_is_echoed_in_place_at_home_alone() -> None:
    parts = decoded("responses", "unknown_item.sse")
    items = body("responses", HI, said(*parts), user("And?"))["input"]
    assert items[1] == parts[0].provider_metadata[NATIVE]  # type: ignore[union-attr]
    assert len(sent(HI, answer(*parts, protocol="chat"), user("And?"))) == 3


def test_unknown_item_that_was_cut_is_left_out() -> None:
    items = sent(HI, said(Opaque(kind="web_search_call"), "Hello"), user("And?"))
    assert len(items) == 3


def test_call_and_result_from_elsewhere_need_no_item() -> None:
    call = ToolCall(id="c1", name="add", arguments="")
    message = answer(call, protocol="chat")
    assert sent(HI, message, results(result("c1", Text(text="4"))))[1:] == [
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "4"},
    ]


def test_parallel_calls_go_back_in_order_before_their_results() -> None:
    parts = decoded("responses", "parallel_tool_calls_interleaved.sse")
    given = results(result("call_1", Text(text="sun")), result("call_2"))
    items = sent(HI, said(*parts), given)
    assert [item.get("call_id") for item in items[1:]] == [
        "call_1",
        "call_2",
        "call_1",
        "call_2",
    ]
    assert items[-1]["output"] == ""


@pytest.mark.parametrize(
    ("parts", "output"),
    [
        (
            (Text(text="Done"), PNG),
            [
                {"type": "input_text", "text": "Error: Done"},
                {"type": "input_image", "image_url": PNG_URL, "detail": "auto"},
            ],
        ),
        ((), "Error: "),
        (
            (PNG,),
            [
                {"type": "input_text", "text": "Error:"},
                {"type": "input_image", "image_url": PNG_URL, "detail": "auto"},
            ],
        ),
    ],
)
def test_failed_tool_says_so_in_its_text(parts: Any, output: Any) -> None:
    call = said(ToolCall(id="c1", name="add"))
    given = results(result("c1", *parts, is_error=True))
    assert sent(HI, call, given)[-1]["output"] == output


def test_video_in_a_tools_result_is_refused_with_the_way_on() -> None:
    call = said(ToolCall(id="c1", name="add"))
    video = result("c1", Video(url="https://example.org/a.mp4"))
    with pytest.raises(UnsupportedOption, match=r"video in a tool.* `-p api=chat`"):
        sent(HI, call, results(video))


def test_image_in_an_answer_is_refused_with_the_way_on() -> None:
    with pytest.raises(UnsupportedOption, match=r"image in an answer.* `-p api=chat`"):
        sent(HI, answer(PNG, protocol="chat"), user("Bluer"))


def test_other_parts_in_a_tool_message_are_left_out() -> None:
    message = Message(role="tool", parts=(Text(text="odd"),))
    assert sent(HI, said("Hello"), message) == sent(HI, said("Hello"))


def test_wrong_word_for_a_response_format_is_a_setting_error() -> None:
    with pytest.raises(SettingError, match="text and json_object, not 'yaml'"):
        with_parameters(response_format="yaml")
