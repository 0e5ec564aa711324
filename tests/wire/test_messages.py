"""Requests of `/messages`, and the way of thinking back into them."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.errors import UnsupportedOption
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
from stepmagic.wire.messages import MAX_TOKENS, Decoder, encode
from stepmagic.wire.parameters import PARAMETERS
from wire_requests import (
    ADD,
    HI,
    MODEL,
    PNG,
    SCHEMA,
    answer,
    body,
    decoded,
    faults,
    result,
    results,
)

CLAUDE = "anthropic/claude-sonnet-5"
DEEPSEEK = "deepseek/deepseek-v3.2"
PNG_BLOCK = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"},
}


def sent(*messages: Message, model: str = MODEL) -> list[dict[str, Any]]:
    """Return the messages of a request, which the SDKs' types find right."""
    form = body("messages", *messages, model=model)
    assert faults("messages", form) == []
    made: list[dict[str, Any]] = form["messages"]
    return made


def said(*parts: Part | str, model: str = MODEL, status: Status = "complete") -> Any:
    return answer(*parts, protocol="messages", model=model, status=status)


def with_parameters(**parameters: Any) -> dict[str, Any]:
    return body("messages", parameters=parameters)


def test_codec_leads_to_this_protocol() -> None:
    found = codec("messages")
    assert found.path == "/messages"
    assert found.encode is encode
    assert found.decoder is Decoder


def test_only_what_was_set_is_sent_but_for_max_tokens() -> None:
    assert body("messages") == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": MAX_TOKENS,
        "stream": True,
    }


def test_whole_reply_is_asked_for_by_leaving_stream_out() -> None:
    assert "stream" not in body("messages", stream=False)


def test_system_prompt_is_a_field_of_its_own() -> None:
    assert body("messages", system="Be brief.")["system"] == "Be brief."


PLAIN: dict[str, tuple[str, Any]] = {
    "temperature": ("temperature", 0.5),
    "max_tokens": ("max_tokens", 100),
    "top_p": ("top_p", 0.9),
    "top_k": ("top_k", 40),
    "models": ("models", ["a/b", "c/d"]),
    "provider": ("provider", {"only": ["stepfun"]}),
    "plugins": ("plugins", [{"id": "web"}]),
    "session_id": ("session_id", "s1"),
    "service_tier": ("service_tier", "auto"),
    "metadata": ("metadata", {"user_id": "u1"}),
    "cache_control": ("cache_control", {"type": "ephemeral"}),
    "user": ("user", "u1"),
}
WRITTEN = {
    "reasoning",
    "stop",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
    "extra_body",
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_parameter_is_sent_under_the_name_of_this_protocol(name: str) -> None:
    field, value = PLAIN[name]
    form = with_parameters(**{name: value})
    assert form[field] == value
    assert form.keys() - body("messages").keys() <= {field}
    assert faults("messages", form) == []


REFUSED = {
    "reasoning_effort": ("low", "chat"),
    "max_completion_tokens": (100, "chat"),
    "min_p": (0.1, "chat"),
    "top_a": (0.2, "chat"),
    "frequency_penalty": (0.5, "chat"),
    "presence_penalty": (0.5, "chat"),
    "repetition_penalty": (1.1, "chat"),
    "seed": (7, "chat"),
    "logit_bias": ({"50256": -100}, "chat"),
    "logprobs": (True, "chat"),
    "top_logprobs": (3, "chat"),
    "stream_options": ({"include_usage": True}, "chat"),
    "verbosity": ("low", "chat"),
    "include": ([], "responses"),
    "truncation": ("auto", "responses"),
}


def test_every_parameter_is_plain_written_here_or_refused() -> None:
    assert PARAMETERS.keys() == PLAIN.keys() | WRITTEN | REFUSED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_parameter_of_other_protocols_is_refused_with_the_way_on(name: str) -> None:
    value, way = REFUSED[name]
    with pytest.raises(UnsupportedOption, match=rf"{name}: .* `-p api={way}`"):
        with_parameters(**{name: value})


@pytest.mark.parametrize(("stop", "form"), [("END", ["END"]), (["a", "b"], ["a", "b"])])
def test_stop_is_a_list_of_sequences(stop: Any, form: list[str]) -> None:
    given = with_parameters(stop=stop)
    assert given["stop_sequences"] == form
    assert faults("messages", given) == []


@pytest.mark.parametrize(
    ("reasoning", "thinking", "config"),
    [
        ({"effort": "low"}, {"type": "adaptive"}, {"effort": "low"}),
        ({"effort": "max"}, {"type": "adaptive"}, {"effort": "max"}),
        ({"enabled": True}, {"type": "adaptive"}, None),
        ({}, {"type": "adaptive"}, None),
        ({"max_tokens": 2000}, {"type": "enabled", "budget_tokens": 2000}, None),
        ({"effort": "none"}, {"type": "disabled"}, None),
        ({"enabled": False}, {"type": "disabled"}, None),
        ({"enabled": False, "effort": "high"}, {"type": "disabled"}, None),
        (
            {"effort": "high", "exclude": True},
            {"type": "adaptive", "display": "omitted"},
            {"effort": "high"},
        ),
        (
            {"max_tokens": 2000, "exclude": True},
            {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
            None,
        ),
        ({"effort": "low", "exclude": False}, {"type": "adaptive"}, {"effort": "low"}),
    ],
)
def test_reasoning_becomes_thinking_and_effort(
    reasoning: Any, thinking: Any, config: Any
) -> None:
    form = body("messages", reasoning=reasoning)
    assert form["thinking"] == thinking
    assert form.get("output_config") == config
    assert faults("messages", form) == []


def test_reasoning_given_as_a_parameter_is_the_one_sent() -> None:
    form = body(
        "messages",
        reasoning={"effort": "low"},
        parameters={"reasoning": {"max_tokens": 2000}},
    )
    assert form["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert "output_config" not in form


@pytest.mark.parametrize(
    ("reasoning", "what"),
    [
        ({"effort": "minimal"}, "reasoning effort 'minimal'"),
        ({"effort": "low", "summary": "concise"}, r"reasoning\.summary"),
    ],
)
def test_reasoning_without_a_form_is_refused_with_the_way_on(
    reasoning: Any, what: str
) -> None:
    with pytest.raises(UnsupportedOption, match=rf"{what}: .* `-p api=chat`"):
        body("messages", reasoning=reasoning)


@pytest.mark.parametrize(
    ("reasoning", "parameters", "most"),
    [
        ({}, {}, MAX_TOKENS),
        ({"max_tokens": 2000}, {}, MAX_TOKENS),
        ({"max_tokens": 50_000}, {}, 54_000),
        ({"max_tokens": 2000}, {"max_tokens": 8000}, 8000),
    ],
)
def test_max_tokens_is_set_by_the_user_or_leaves_room_for_the_answer(
    reasoning: Any, parameters: Any, most: int
) -> None:
    form = body("messages", reasoning=reasoning, parameters=parameters)
    assert form["max_tokens"] == most
    assert faults("messages", form) == []


def test_response_format_is_an_output_config_beside_the_effort() -> None:
    form = body(
        "messages",
        reasoning={"effort": "low"},
        parameters={"response_format": SCHEMA},
    )
    assert form["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    }
    assert faults("messages", form) == []


def test_plain_text_is_the_response_format_that_needs_no_word() -> None:
    assert "output_config" not in with_parameters(response_format="text")


def test_json_without_a_schema_is_refused_with_the_way_on() -> None:
    with pytest.raises(UnsupportedOption, match=r"'json_object': .* `-p api=chat`"):
        with_parameters(response_format="json_object")


@pytest.mark.parametrize(
    ("parameters", "form"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "any"}}, {"type": "any"}),
        ({"tool_choice": "add"}, {"type": "tool", "name": "add"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "add"}}},
            {"type": "tool", "name": "add"},
        ),
        (
            {"parallel_tool_calls": False},
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
        (
            {"parallel_tool_calls": True},
            {"type": "auto", "disable_parallel_tool_use": False},
        ),
        (
            {"parallel_tool_calls": False, "tool_choice": "add"},
            {"type": "tool", "name": "add", "disable_parallel_tool_use": True},
        ),
        (
            {"parallel_tool_calls": False, "tool_choice": "none"},
            {"type": "none"},
        ),
    ],
)
def test_tool_choice_says_whether_in_parallel(parameters: Any, form: Any) -> None:
    given = body("messages", tools=(ADD,), parameters=parameters)
    assert given.get("tool_choice") == form
    assert faults("messages", given) == []


def test_parallel_tool_calls_say_nothing_where_there_are_no_tools() -> None:
    assert "tool_choice" not in with_parameters(parallel_tool_calls=False)


def test_extra_body_is_merged_last() -> None:
    form = with_parameters(max_tokens=10, extra_body={"max_tokens": 20, "x": []})
    assert (form["max_tokens"], form["x"]) == (20, [])
    assert "extra_body" not in form


def test_tools_have_an_input_schema() -> None:
    form = body("messages", tools=(ADD, FunctionSchema(name="now")))
    assert form["tools"] == [
        {
            "name": "add",
            "description": "Add two numbers",
            "input_schema": {"type": "object", "properties": {"a": {"type": "number"}}},
            "strict": True,
        },
        {"name": "now", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert faults("messages", form) == []


def test_parts_of_a_prompt_keep_their_order() -> None:
    prompt = user(
        "Compare",
        Image(url="https://example.org/a.png", detail="high"),
        "with",
        PNG,
        Image(url="data:image/png;base64,cG5n"),
        " ",
    )
    assert sent(prompt) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Compare"},
                {
                    "type": "image",
                    "source": {"type": "url", "url": "https://example.org/a.png"},
                },
                {"type": "text", "text": "with"},
                PNG_BLOCK,
                PNG_BLOCK,
            ],
        }
    ]


@pytest.mark.parametrize(
    ("file", "form"),
    [
        (
            File(media_type="application/pdf", data=b"pdf", name="a.pdf"),
            {
                "source": {
                    "type": "base64",
                    "media_type": "application/pdf",
                    "data": "cGRm",
                },
                "title": "a.pdf",
            },
        ),
        (
            File(url="https://example.org/a.pdf"),
            {"source": {"type": "url", "url": "https://example.org/a.pdf"}},
        ),
        (
            File(media_type="text/csv", data=b"a,b\n", name="a.csv"),
            {
                "source": {"type": "text", "media_type": "text/plain", "data": "a,b\n"},
                "title": "a.csv",
            },
        ),
    ],
)
def test_pdf_and_text_are_documents(file: File, form: Any) -> None:
    ((block,),) = [message["content"] for message in sent(user(file))]
    assert block == {"type": "document", **form}


@pytest.mark.parametrize(
    "file",
    [
        File(media_type="application/zip", data=b"PK", name="a"),
        File(media_type="text/csv", data=b"\xff", name="a"),
        File(media_type="text/csv", url="https://example.org/a.csv", name="a"),
    ],
)
def test_other_files_are_refused_with_the_way_on(file: File) -> None:
    with pytest.raises(UnsupportedOption, match=r"file 'a' .* `-p api=chat`"):
        sent(user(file))


def test_video_is_refused_with_the_way_on() -> None:
    with pytest.raises(UnsupportedOption, match=r"video: .* `-p api=chat`"):
        sent(user("What?", Video(url="https://example.org/a.mp4")))


def test_image_in_an_answer_is_refused_with_the_way_on() -> None:
    with pytest.raises(UnsupportedOption, match=r"image in an answer.* `-p api=chat`"):
        sent(HI, answer(PNG, protocol="chat"), user("Bluer"))


REPLAYED = [
    ("thinking.sse", CLAUDE),
    ("thinking_unsigned.sse", DEEPSEEK),
    ("stepfun_thinking.sse", MODEL),
    ("thinking_omitted.sse", CLAUDE),
    ("thinking_redacted.sse", CLAUDE),
    ("thinking_signature_in_own_block.sse", CLAUDE),
    ("blocks_not_stopped.sse", CLAUDE),
    ("reply_thinking.json", CLAUDE),
    ("reply_thinking_unsigned.json", MODEL),
    ("reply_thinking_redacted.json", CLAUDE),
]


@pytest.mark.parametrize(("case", "model"), REPLAYED)
def test_thinking_of_turn_one_is_found_unmodified_in_turn_two(
    case: str, model: str
) -> None:
    parts = decoded("messages", case)
    came = [part for part in parts if isinstance(part, Reasoning)]
    (_, reply, _) = sent(HI, said(*parts, model=model), user("And?"), model=model)
    assert came
    assert reply["content"][: len(came)] == [
        part.provider_metadata[NATIVE] for part in came
    ]
    assert [block["type"] for block in reply["content"][len(came) :]] == ["text"]


@pytest.mark.parametrize(("case", "model"), REPLAYED)
def test_thinking_is_left_out_for_another_model(case: str, model: str) -> None:
    message = said(*decoded("messages", case), model=model)
    (_, reply, _) = sent(HI, message, user("And?"), model="acme/other")
    assert reply["content"] in ("4", "OK")


def test_thinking_of_another_protocol_has_no_form_and_is_left_out() -> None:
    thought = Reasoning(text="Hm.", provider_metadata={NATIVE: {"text": "Hm."}})
    message = answer(thought, "4", protocol="chat")
    assert sent(HI, message, user("And?"))[1] == {"role": "assistant", "content": "4"}


@pytest.mark.parametrize(
    ("case", "model"),
    [
        ("cut_in_thinking.sse", CLAUDE),
        ("cut_after_signature.sse", CLAUDE),
        ("cut_in_redacted_thinking.sse", CLAUDE),
        ("cut_in_thinking_unsigned.sse", DEEPSEEK),
        ("cut_in_tool_use.sse", CLAUDE),
    ],
)
def test_thinking_and_calls_that_were_cut_are_left_out(case: str, model: str) -> None:
    cut = said(*decoded("messages", case), model=model, status="interrupted")
    assert sent(HI, cut, user("Go on"), model=model) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "text", "text": "Go on"},
            ],
        }
    ]


def test_thinking_without_text_or_signature_is_left_out() -> None:
    parts = decoded("messages", "thinking_without_content.sse")
    assert isinstance(parts[0], Reasoning)
    assert sent(HI, said(*parts), user("And?"))[1]["content"] == "4"


def test_thinking_that_nothing_follows_is_left_out() -> None:
    thought, call = decoded("messages", "tool_use_with_end_turn.sse")
    message = said("Let me see.", thought, call, model=DEEPSEEK)
    assert sent(HI, message, user("Never mind"), model=DEEPSEEK)[1] == {
        "role": "assistant",
        "content": "Let me see.",
    }


def test_thinking_goes_back_before_its_call_and_the_result_before_the_prompt() -> None:
    parts = decoded("messages", "tool_use_with_end_turn.sse")
    given = results(result("chatcmpl-tool-4f2a", Text(text="sun")))
    form = sent(HI, said(*parts, model=DEEPSEEK), given, user("So?"), model=DEEPSEEK)
    assert form[1:] == [
        {
            "role": "assistant",
            "content": [
                {
                    "type": "thinking",
                    "thinking": "I need the weather.",
                    "signature": "",
                },
                {
                    "type": "tool_use",
                    "id": "chatcmpl-tool-4f2a",
                    "name": "weather",
                    "input": {"city": "Wien"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "chatcmpl-tool-4f2a",
                    "content": "sun",
                },
                {"type": "text", "text": "So?"},
            ],
        },
    ]


def test_thinking_between_other_blocks_stays_where_it_was() -> None:
    parts = decoded("messages", "thinking_between_tools.sse")
    given = results(result("toolu_01X9"))
    form = body("messages", HI, said(*parts, model=CLAUDE), given, model=CLAUDE)
    assert [block["type"] for block in form["messages"][1]["content"]] == [
        "thinking",
        "text",
        "thinking",
        "tool_use",
    ]


def test_results_of_parallel_calls_share_one_user_message() -> None:
    parts = decoded("messages", "tool_use_parallel.sse")
    both = (
        results(result("toolu_01A", Text(text="sun"), PNG)),
        results(result("toolu_01B", is_error=True)),
    )
    (*_, last) = sent(HI, said(*parts, model=CLAUDE), *both, model=CLAUDE)
    assert last["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_01A",
            "content": [{"type": "text", "text": "sun"}, PNG_BLOCK],
        },
        {
            "type": "tool_result",
            "tool_use_id": "toolu_01B",
            "content": "",
            "is_error": True,
        },
    ]


def test_fields_beside_a_call_and_a_text_go_back() -> None:
    call = decoded("messages", "tool_use_input_in_start.sse")
    form = body("messages", HI, said(*call), results(result("call_1")))
    assert form["messages"][1]["content"] == [
        {
            "type": "tool_use",
            "id": "call_1",
            "name": "weather",
            "input": {"city": "Köln"},
            "caller": {"type": "direct"},
        }
    ]
    (text,) = decoded("messages", "citations.sse")
    (_, reply, _) = sent(HI, said(text, model=CLAUDE), user("And?"), model=CLAUDE)
    (block,) = reply["content"]
    assert block["text"] == "Paris."
    assert [cited["start_char_index"] for cited in block["citations"]] == [0, 9]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "", "[" * 100_000])
def test_arguments_that_are_no_object_are_left_out(arguments: str) -> None:
    call = answer(ToolCall(id="c1", name="add", arguments=arguments), protocol="chat")
    (_, reply, _) = sent(HI, call, results(result("c1", is_error=True)))
    assert reply["content"][0]["input"] == {}


def test_unknown_blocks_are_echoed_in_place_at_home_alone() -> None:
    parts = decoded("messages", "server_tool.sse")
    (_, reply, _) = sent(HI, said(*parts, model=CLAUDE), user("And?"), model=CLAUDE)
    assert [block["type"] for block in reply["content"]] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    assert reply["content"][0]["input"] == {"query": "Paris"}
    elsewhere = answer(*parts, protocol="chat")
    assert sent(HI, elsewhere, user("And?"))[1]["content"] == "Paris."


def test_unknown_block_that_was_cut_is_left_out() -> None:
    (_, reply, _) = sent(HI, said(Opaque(kind="dream"), "Hello"), user("And?"))
    assert reply["content"] == "Hello"


def test_answer_of_nothing_but_blanks_is_left_out_and_turns_still_alternate() -> None:
    assert sent(HI, said("\n"), user("And?")) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "text", "text": "And?"},
            ],
        }
    ]
