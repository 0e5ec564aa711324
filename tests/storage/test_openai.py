"""The messages of OpenAI's chat completions, read and written."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from openrouter_server import Call, OpenRouterServer, answer, mid_stream_error
from saved_conversations import rich
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import TranscriptError
from stepmagic.session import session
from stepmagic.storage import (
    Saved,
    from_openai,
    to_openai,
)
from stepmagic.transcript import (
    File,
    Image,
    ToolCall,
    ToolResult,
)

PNG = "data:image/png;base64," + base64.b64encode(b"png").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"pdf").decode()
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find", "arguments": '{"x": 1}'},
}

CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://host/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        ],
    },
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "A cat."},
    {"role": "assistant", "content": "It is a cat."},
    {"role": "user", "content": "And this?"},
]


def written(saved: Saved) -> list[dict[str, Any]]:
    messages = [message for turn in saved.tree.path() for message in turn.messages]
    return to_openai(messages, saved.about.overrides.system)


def test_messages_become_turns() -> None:
    saved = from_openai(CONVERSATION, "cats")
    first, second = saved.tree.path()
    assert (saved.about.name, saved.tree.branch) == ("cats", "cats")
    assert saved.about.overrides.system == "Be brief."
    assert [message.role for message in first.replies] == [
        *("assistant", "tool", "assistant"),
    ]
    assert (first.text, first.status, first.finish_reason) == (
        *("It is a cat.", "complete", "stop"),
    )
    assert second.replies == ()
    _, image, linked, file = first.prompt.parts
    assert isinstance(image, Image)
    assert (image.data, image.media_type, image.detail) == (b"png", "image/png", "low")
    assert isinstance(linked, Image)
    assert linked.url == "https://host/a.png"
    assert isinstance(file, File)
    assert (file.name, file.data) == ("a.pdf", b"pdf")
    (call,), (result,) = first.replies[0].parts, first.replies[1].parts
    assert call == ToolCall(id="call_1", name="find", arguments='{"x": 1}')
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.name) == ("call_1", "find")


def test_what_was_read_is_written_the_same() -> None:
    assert written(from_openai(CONVERSATION)) == CONVERSATION


def test_results_of_one_round_are_one_message() -> None:
    other = {**CALL, "id": "call_2"}
    messages = [
        {"role": "user", "content": "Find!"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "call_1", "content": "One."},
        {"role": "tool", "tool_call_id": "call_2", "content": "Two."},
    ]
    (turn,) = from_openai(messages).tree.path()
    assert [len(message.parts) for message in turn.replies] == [2, 2]
    assert turn.finish_reason == "tool_calls"


def test_objects_of_the_sdk_are_read_as_dicts() -> None:
    form = {"role": "user", "content": "Hi"}
    message = SimpleNamespace(model_dump=lambda **_: form)
    assert written(from_openai([message])) == [form]


def test_a_refusal_is_the_text_of_the_answer() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "refusal": "I cannot."},
    ]
    (turn,) = from_openai(messages).tree.path()
    assert turn.text == "I cannot."


USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("Hi", "a str is not a message"),
        ({"role": "function", "content": "a"}, "its role is 'function', not one of"),
        ({"content": "a"}, "its role is None"),
        ({"role": "user"}, "its content is None, not text or a list"),
        ({"role": "user", "content": {"type": "text"}}, "not text or a list"),
        ({"role": "user", "content": "a", "name": "Ann"}, "'name' is not kept"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "type 'input_audio'"),
        ({"role": "user", "content": ["a"]}, "a part of type 'a' is not kept"),
        ({"role": "user", "content": [{"type": "text"}]}, "text of a part is None"),
        (
            {
                "role": "user",
                "content": [{"type": "text", "text": "a", "cache_control": {"b": 1}}],
            },
            "'cache_control' is not kept",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "a"}}]},
            "type 'file' is not kept",
        ),
        (
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "huge"}}
                ],
            },
            "low, high or auto, not 'huge'",
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:,a"}}],
            },
            "'data:,a' is not a data: URL",
        ),
        (
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"{PNG[:-1]}*"}}
                ],
            },
            "is not a data: URL",
        ),
        ({"role": "system", "content": "Be brief."}, "a system message comes first"),
        (
            {"role": "tool", "tool_call_id": "b", "content": ""},
            "the call 'b', which no",
        ),
        ({"role": "assistant", "content": "a", "audio": {"id": "b"}}, "'audio' is not"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a"}]},
            "does not call a function",
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "a"}}]},
            "the id of a call is None",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(message: Any, problem: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        from_openai([USER, message])
    assert str(caught.value).startswith("message 2 cannot be read: ")
    assert problem in str(caught.value)


def test_an_answer_without_a_question_is_refused() -> None:
    with pytest.raises(TranscriptError, match=r"message 1 .* comes after"):
        from_openai([{"role": "assistant", "content": "Hi"}])


def test_a_system_message_of_pictures_is_refused() -> None:
    image = {"type": "image_url", "image_url": {"url": PNG}}
    with pytest.raises(TranscriptError, match="a system message is text"):
        from_openai([{"role": "system", "content": [image]}])


def test_openai_takes_the_messages(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    call = Call(name="add", arguments='{"a": 1}')
    server.enqueue(
        answer("Two.", reasoning="Hm."),
        answer("Calling.", tool_calls=[call]),
        mid_stream_error(answer("A long answer"), after=3),
    )
    step["x"] = 1
    step.run("%%step -s 'Be brief.'\n1 + {{ x }}?")
    step.run("%%step\nCall it.")
    talk = session().conversation
    messages = talk.to_openai()
    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(messages)
    assert [set(message) for message in messages] == [{"role", "content"}] * 5
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert messages[2] == {"role": "assistant", "content": "Two."}
    assert len(server.requests) == 2


def test_openai_gets_media_and_no_picture_of_an_answer() -> None:
    talk = Dialogue.from_saved(rich())
    asked, called, told, said = talk.to_openai()[:4]
    kinds = [part["type"] for part in asked["content"]]
    assert kinds == ["text", "text", "image_url", "video_url", "file"]
    assert called["tool_calls"][0]["function"]["name"] == "add"
    assert told["role"] == "tool"
    assert said == {"role": "assistant", "content": "So, 3."}
