"""Requests of `/chat/completions`, and the way of reasoning back into them."""

from __future__ import annotations

from typing import Any

import pytest

from chat_messages import MODEL, answer, body, decoded, replayed, results, sent
from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    File,
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
    user,
)
from stepmagic.wire import codec
from stepmagic.wire.chat import Decoder, encode
from stepmagic.wire.parameters import PARAMETERS, check_parameter

ADD = FunctionSchema(
    name="add",
    description="Add two numbers",
    parameters={"type": "object", "properties": {"a": {"type": "number"}}},
    strict=True,
)
PNG = Image(media_type="image/png", data=b"png")


def with_parameters(**parameters: Any) -> dict[str, Any]:
    for name, value in parameters.items():
        check_parameter(name, value)
    return body(parameters=parameters)


def test_codec_leads_to_this_protocol() -> None:
    found = codec("chat")
    assert found.path == "/chat/completions"
    assert found.encode is encode
    assert found.decoder is Decoder


def test_only_what_was_set_is_sent() -> None:
    assert body() == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


def test_whole_reply_is_asked_for_by_leaving_stream_out() -> None:
    assert "stream" not in body(stream=False)


def test_system_prompt_comes_first() -> None:
    first, second = body(system="Be brief.")["messages"]
    assert first == {"role": "system", "content": "Be brief."}
    assert second["role"] == "user"


PLAIN: dict[str, Any] = {
    "reasoning_effort": "low",
    "temperature": 0.5,
    "max_tokens": 100,
    "max_completion_tokens": 100,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.1,
    "top_a": 0.2,
    "frequency_penalty": -0.5,
    "presence_penalty": 0.5,
    "repetition_penalty": 1.1,
    "seed": 7,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "parallel_tool_calls": False,
    "models": ["a/b", "c/d"],
    "provider": {"only": ["stepfun"]},
    "plugins": [{"id": "web"}],
    "session_id": "s1",
    "service_tier": "flex",
    "metadata": {"run": "1"},
    "cache_control": {"type": "ephemeral"},
    "user": "u1",
    "stream_options": {"include_usage": True},
    "verbosity": "low",
}
WRITTEN = {
    "reasoning",
    "stop",
    "top_logprobs",
    "response_format",
    "tool_choice",
    "extra_body",
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_parameter_is_sent_under_its_own_name(name: str) -> None:
    given = with_parameters(**{name: PLAIN[name]})
    assert given[name] == PLAIN[name]
    assert given.keys() - body().keys() == {name}


def test_every_parameter_is_plain_written_here_or_refused() -> None:
    refused = {name for name, row in PARAMETERS.items() if row.chat is None}
    assert PARAMETERS.keys() == PLAIN.keys() | WRITTEN | refused
    assert refused == {"include", "truncation"}


@pytest.mark.parametrize("name", ["include", "truncation"])
def test_parameter_of_another_protocol_is_refused_with_the_way_on(name: str) -> None:
    value = [] if name == "include" else "auto"
    with pytest.raises(
        UnsupportedOption, match=rf"{name}: the 'chat' .* `-p api=responses`"
    ):
        with_parameters(**{name: value})


@pytest.mark.parametrize("stop", ["END", ["a", "b"]])
def test_stop_is_sent_as_given(stop: str | list[str]) -> None:
    assert with_parameters(stop=stop)["stop"] == stop


def test_top_logprobs_implies_logprobs() -> None:
    given = with_parameters(top_logprobs=3)
    assert (given["logprobs"], given["top_logprobs"]) == (True, 3)


def test_reasoning_of_the_request_is_sent() -> None:
    assert body(reasoning={"effort": "low"})["reasoning"] == {"effort": "low"}


def test_reasoning_given_as_a_parameter_is_the_one_sent() -> None:
    given = body(
        reasoning={"effort": "low"}, parameters={"reasoning": {"max_tokens": 2000}}
    )
    assert given["reasoning"] == {"max_tokens": 2000}


SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
}


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("text", {"type": "text"}),
        ("json_object", {"type": "json_object"}),
        (SCHEMA, SCHEMA),
    ],
)
def test_response_format_is_an_object_on_the_wire(value: Any, form: Any) -> None:
    assert with_parameters(response_format=value)["response_format"] == form


def test_unknown_word_for_a_response_format_is_refused_with_the_right_ones() -> None:
    with pytest.raises(SettingError, match="text and json_object, not 'yaml'"):
        with_parameters(response_format="yaml")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "function": {"name": "add"}},
        ),
    ],
)
def test_tool_choice_is_a_word_or_a_named_function(value: Any, form: Any) -> None:
    assert with_parameters(tool_choice=value)["tool_choice"] == form


def test_extra_body_is_merged_last() -> None:
    given = with_parameters(
        temperature=0.5, extra_body={"temperature": 1, "guided_regex": "a+"}
    )
    assert (given["temperature"], given["guided_regex"]) == (1, "a+")
    assert "extra_body" not in given


def test_tool_is_sent_as_a_function() -> None:
    assert body(tools=(ADD,))["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "add",
                "description": "Add two numbers",
                "parameters": {
                    "type": "object",
                    "properties": {"a": {"type": "number"}},
                },
                "strict": True,
            },
        }
    ]


def test_tool_without_arguments_has_an_empty_object_schema() -> None:
    (tool,) = body(tools=(FunctionSchema(name="now"),))["tools"]
    assert tool["function"] == {
        "name": "now",
        "parameters": {"type": "object", "properties": {}},
    }


def test_parts_of_a_prompt_keep_their_order() -> None:
    prompt = user(
        "Compare",
        Image(url="https://example.org/a.png", detail="high"),
        "with",
        PNG,
        Video(media_type="video/mp4", data=b"mp4"),
        File(media_type="application/pdf", data=b"pdf", name="a.pdf"),
        File(media_type="application/pdf", data=b"pdf"),
        File(url="https://example.org/b"),
        "",
    )
    (form,) = sent(prompt)
    assert form["content"] == [
        {"type": "text", "text": "Compare"},
        {
            "type": "image_url",
            "image_url": {"url": "https://example.org/a.png", "detail": "high"},
        },
        {"type": "text", "text": "with"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,bXA0"}},
        {
            "type": "file",
            "file": {
                "filename": "a.pdf",
                "file_data": "data:application/pdf;base64,cGRm",
            },
        },
        {
            "type": "file",
            "file": {
                "filename": "file.pdf",
                "file_data": "data:application/pdf;base64,cGRm",
            },
        },
        {
            "type": "file",
            "file": {"filename": "file", "file_data": "https://example.org/b"},
        },
    ]


def test_part_that_no_prompt_can_hold_is_refused() -> None:
    call = ToolCall(id="1", name="add")
    result = results(ToolResult(call_id="1", name="add"))
    with pytest.raises(UnsupportedOption, match="toolcall in a prompt"):
        sent(user("Hi", call), result)


def test_part_that_no_answer_can_hold_is_refused() -> None:
    video = Video(url="https://example.org/a.mp4")
    with pytest.raises(UnsupportedOption, match="video in an answer"):
        sent(user("Hi"), answer(video), user("And?"))


def test_tool_calls_and_results_go_back_in_order() -> None:
    calls = (
        ToolCall(id="c1", name="add", arguments='{"a": 2}'),
        ToolCall(id="c2", name="plot"),
    )
    given = results(
        ToolResult(call_id="c1", name="add", parts=(Text(text="4"),)),
        ToolResult(call_id="c2", name="plot", parts=(Text(text="Done"), PNG)),
    )
    assert sent(user("Hi"), answer(*calls), given)[1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a": 2}'},
                },
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "plot", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "content": [
                {"type": "text", "text": "Done"},
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,cG5n"},
                },
            ],
        },
    ]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((Text(text="no such file"),), "Error: no such file"),
        ((), "Error: "),
        (
            (Image(url="https://example.org/a.png"),),
            [
                {"type": "text", "text": "Error:"},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://example.org/a.png"},
                },
            ],
        ),
    ],
)
def test_failed_tool_says_so_in_its_text(
    parts: tuple[Text | Image, ...], content: Any
) -> None:
    call = answer(ToolCall(id="c1", name="open"))
    failed = ToolResult(call_id="c1", name="open", parts=parts, is_error=True)
    assert sent(user("Hi"), call, results(failed))[-1]["content"] == content


def test_tool_result_with_nothing_in_it_is_an_empty_text() -> None:
    call = answer(ToolCall(id="c1", name="open"))
    (*_, form) = sent(user("Hi"), call, results(ToolResult(call_id="c1", name="open")))
    assert form["content"] == ""


def test_generated_image_goes_back_as_an_image_of_the_answer() -> None:
    parts = decoded("reply_image.json")
    assert sent(user("Draw"), answer(*parts), user("Bluer"))[1] == {
        "role": "assistant",
        "content": "Here:",
        "images": [{"image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
    }


def test_parsed_file_goes_back_so_that_it_is_not_parsed_again() -> None:
    parts = decoded("reply_file_annotations.json")
    (note,) = sent(user("Read"), answer(*parts), user("And?"))[1]["annotations"]
    assert note["file"]["hash"] == "b5bb9d80"


def test_citations_do_not_go_back() -> None:
    parts = decoded("annotations_before_and_with_text.sse")
    assert "annotations" not in sent(user("Find"), answer(*parts), user("And?"))[1]


def test_refusal_goes_back_as_what_was_said() -> None:
    parts = decoded("refusal.sse")
    assert sent(user("?"), answer(*parts), user("Why?"))[1]["content"] == (
        "I cannot help."
    )


DETAILS: dict[str, list[dict[str, Any]]] = {
    "stepfun_reasoning_then_text.sse": [
        {
            "type": "reasoning.text",
            "text": "Two plus two.",
            "format": "unknown",
            "index": 0,
        }
    ],
    "reasoning_anthropic_signature_last.sse": [
        {
            "type": "reasoning.text",
            "text": "The user wants 4.",
            "format": "anthropic-claude-v1",
            "index": 0,
            "signature": "EqQBCkYIBxgCIkD",
        }
    ],
    "reasoning_xai_summary_and_encrypted_share_index.sse": [
        {
            "type": "reasoning.summary",
            "summary": "Add them",
            "format": "xai-responses-v1",
            "index": 0,
        },
        {
            "type": "reasoning.encrypted",
            "data": "c2VjcmV0",
            "format": "xai-responses-v1",
            "id": "rs_1",
            "index": 0,
        },
    ],
    "reasoning_openai_several_summaries.sse": [
        {
            "type": "reasoning.summary",
            "summary": "**First** look.",
            "format": "openai-responses-v1",
            "index": 0,
        },
        {
            "type": "reasoning.encrypted",
            "data": "gAAA1",
            "format": "openai-responses-v1",
            "id": "rs_1",
            "index": 1,
        },
        {
            "type": "reasoning.summary",
            "summary": "**Then** add.",
            "format": "openai-responses-v1",
            "index": 2,
        },
        {
            "type": "reasoning.encrypted",
            "data": "gAAA3",
            "format": "openai-responses-v1",
            "id": "rs_2",
            "index": 3,
        },
    ],
    "reasoning_gemini_encrypted_after_tool_call.sse": [
        {
            "type": "reasoning.encrypted",
            "data": "CsQB",
            "format": "google-gemini-v1",
            "id": "tool_1",
            "index": 0,
        }
    ],
    "reasoning_string_then_encrypted_detail.sse": [
        {
            "type": "reasoning.encrypted",
            "data": "CsQB",
            "format": "google-gemini-v1",
            "index": 0,
        }
    ],
}


@pytest.mark.parametrize("case", DETAILS)
def test_reasoning_goes_home_merged_and_otherwise_unmodified(case: str) -> None:
    form = replayed(case)
    assert form["reasoning_details"] == DETAILS[case]
    assert "reasoning" not in form


@pytest.mark.parametrize(
    ("case", "field", "text"),
    [
        ("reasoning_string_with_empty_details.sse", "reasoning", "Hmm."),
        ("reasoning_content_of_other_servers.sse", "reasoning_content", "Hmm."),
        ("think_block_at_the_head.sse", "reasoning", "Two and two.\n"),
    ],
)
def test_plain_reasoning_goes_home_in_the_field_it_came_in(
    case: str, field: str, text: str
) -> None:
    form = replayed(case)
    assert form[field] == text
    assert "reasoning_details" not in form


SIGNED = [
    "reasoning_anthropic_signature_last.sse",
    "reasoning_xai_summary_and_encrypted_share_index.sse",
    "reasoning_openai_several_summaries.sse",
    "reasoning_gemini_encrypted_after_tool_call.sse",
]
ELSEWHERE = [{"model": "other/model"}, {"protocol": "responses"}]


@pytest.mark.parametrize("origin", ELSEWHERE, ids=str)
def test_readable_reasoning_from_elsewhere_travels_as_text(
    origin: dict[str, Any],
) -> None:
    form = replayed("stepfun_reasoning_then_text.sse", **origin)
    assert form["reasoning"] == "Two plus two."
    assert "reasoning_details" not in form


@pytest.mark.parametrize("origin", ELSEWHERE, ids=str)
@pytest.mark.parametrize("case", SIGNED)
def test_signed_or_encrypted_reasoning_from_elsewhere_stays_behind(
    case: str, origin: dict[str, Any]
) -> None:
    form = replayed(case, **origin)
    assert not form.keys() & {"reasoning", "reasoning_details"}
    assert form["content"] or form["tool_calls"]


def test_several_plain_thoughts_from_elsewhere_become_one_text() -> None:
    form = replayed("reasoning_without_index_never_merges.sse", model="other/model")
    assert form["reasoning"] == "One.\n\nTwo."


def test_reasoning_without_a_word_sends_no_field() -> None:
    form = sent(user("Hi"), answer(Reasoning(), Text(text="4")), user("And?"))[1]
    assert form == {"role": "assistant", "content": "4"}
