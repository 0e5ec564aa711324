"""Requests in their canonical form: what is one question, and how two differ."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.attachments.images import ImageLimits, to_images
from stepmagic.attachments.images.convert import from_bytes
from stepmagic.server.cassette.question import (
    Question,
    differences,
    digest,
    nearest,
    question,
)
from stepmagic.transcript import (
    File,
    Image,
    Protocol,
    Text,
    ToolCall,
    ToolResult,
    Video,
    part_from_dict,
    part_to_dict,
    user,
)
from stepmagic.transcript.parts import Message, Part
from stepmagic.wire import PROTOCOLS, Request, codec

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def asked(*messages: Message, protocol: Protocol = "chat", **more: Any) -> Question:
    """Return what a request asks."""
    given = {"model": "a/b", **more}
    request = Request(messages=messages, **given)
    return question(protocol, codec(protocol).encode(request))


def shuffled(value: Any) -> Any:
    """Return JSON with the fields of every object the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(held) for name, held in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_the_hash_is_that_of_the_value_not_of_its_writing(value: Any) -> None:
    again = json.loads(json.dumps(value))
    assert digest(value) == digest(shuffled(value)) == digest(again)


@given(JSON, JSON)
def test_other_values_have_other_hashes(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    if digest(one) == digest(other):
        # 1.0 is 1, wherever it stands.
        assert same or one == other
    else:
        assert not same


def test_the_hash_stays_from_release_to_release() -> None:
    """A recorded file must go on being found."""
    body = {
        "model": "stepfun/step-3.7-flash",
        "messages": [{"role": "user", "content": "Grüß"}],
        "temperature": 1.0,
    }
    assert question("chat", body).key == "1b01f907d25e4bff02c7473758bffa78"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_how_it_is_delivered_is_no_part_of_it(protocol: Protocol) -> None:
    one, other = (
        asked(user("Hi"), protocol=protocol, stream=stream) for stream in (True, False)
    )
    assert one == other
    assert len(one.messages) == 1
    routed = asked(user("Hi"), protocol=protocol, parameters={"session_id": "a"})
    assert routed == one


def test_protocol_model_messages_and_options_are() -> None:
    first = asked(user("Hi"))
    others = [
        asked(user("Hi"), protocol="messages"),
        asked(user("Hi"), protocol="responses"),
        asked(user("Hi"), model="a/c"),
        asked(user("Ho")),
        asked(user("Hi"), user("Hi")),
        asked(user("Hi"), system="Be brief."),
        asked(user("Hi"), parameters={"temperature": 0}),
        asked(user("Hi"), reasoning={"effort": "low"}),
    ]
    keys = {each.key for each in (first, *others)}
    assert len(keys) == 1 + len(others)


def test_a_body_with_one_text_is_a_question_too() -> None:
    body = {"model": "a/b", "input": "Hi"}
    assert len(question("responses", body).messages) == 1
    assert question("responses", {"model": "a/b"}).messages == ()


# Media


def picture(shade: int = 0) -> PIL.Image.Image:
    """Return a picture with a gradient."""
    made = PIL.Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    made.putpixel((0, 0), (shade, 0, 0))
    return made


def file_of(image: PIL.Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_image_is_known_by_its_pixels(protocol: Protocol) -> None:
    """Another encoder makes other bytes, and even another form, of the same pixels."""
    (part,) = to_images(picture(), "img").parts
    data = file_of(picture(), "JPEG", quality=30)
    other = Image(media_type="image/jpeg", data=data, source=part.source)
    assert part.data != other.data
    before = asked(user("What is it?", part), protocol=protocol)
    assert before == asked(user("What is it?", other), protocol=protocol)
    changed = to_images(picture(200), "img").parts[0]
    assert before != asked(user("What is it?", changed), protocol=protocol)
    assert part.base64 not in json.dumps(before.forms)


def test_files_of_the_same_pixels_are_the_same_picture() -> None:
    files = [file_of(picture(), "PNG", compress_level=level) for level in (0, 9)] + [
        file_of(picture(), "BMP")
    ]
    sources = {from_bytes(data, "img").parts[0].source for data in files}
    assert len(sources) == 1
    assert sources == {to_images(picture(), "other name").parts[0].source}


def test_how_a_picture_was_encoded_is_part_of_it() -> None:
    small = to_images(picture(), "img", ImageLimits(longest_side=20)).parts[0]
    assert small.source != to_images(picture(), "img").parts[0].source


def test_a_picture_is_the_same_after_it_was_saved() -> None:
    (part,) = to_images(picture(), "img").parts
    assert part_from_dict(json.loads(json.dumps(part_to_dict(part)))) == part


OTHERS: list[Part] = [
    Video(media_type="video/mp4", data=b"film"),
    File(media_type="application/pdf", data=b"%PDF", name="a.pdf"),
    Image(media_type="image/png", data=b"png"),
]


@pytest.mark.parametrize("part", OTHERS, ids=lambda part: type(part).__name__)
def test_other_media_are_known_by_their_bytes(part: Any) -> None:
    name = type(part)
    again = name(media_type=part.media_type, data=bytes(part.data), name=part.name)
    other = name(media_type=part.media_type, data=b"other", name=part.name)
    assert asked(user("See", part)) == asked(user("See", again))
    assert asked(user("See", part)) != asked(user("See", other))
    assert part.base64 not in json.dumps(asked(user("See", part)).forms)


def test_a_copy_of_what_is_sent_is_plain_text() -> None:
    part = Image(media_type="image/png", data=b"png")
    for text in (part.location, part.base64):
        copied = copy.deepcopy(text)
        assert (copied, type(copied)) == (text, str)


def test_an_address_stays_as_it_is() -> None:
    part = Image(url="https://example.org/a.png")
    assert part.identity == ""
    assert "https://example.org/a.png" in json.dumps(asked(user(part)).forms)


def test_media_in_the_result_of_a_function_are_known_too() -> None:
    call = Message(
        role="assistant", parts=(ToolCall(id="1", name="draw"), Text(text="Here"))
    )

    def result(data: bytes) -> Message:
        image = Image(media_type="image/png", data=data, source="the same")
        part = ToolResult(call_id="1", name="draw", parts=(image,))
        return Message(role="tool", parts=(part,))

    one, other = (asked(user("Draw"), call, result(d)) for d in (b"a", b"b"))
    assert one == other


# What differs


def said(one: Question, other: Question) -> str:
    return "\n".join(differences(one, other))


def test_an_option_that_differs_is_named() -> None:
    here = asked(user("Hi"), parameters={"temperature": 0.5})
    there = asked(user("Hi"), model="a/c", parameters={"seed": 7})
    assert said(here, there).splitlines() == [
        'model: "a/b", recorded with "a/c"',
        "temperature: 0.5, recorded with none",
        "seed: none, recorded with 7",
    ]


def test_a_long_option_is_shortened() -> None:
    here = asked(user("Hi"), parameters={"stop": ["x" * 100]})
    line = said(here, asked(user("Hi")))
    assert line.startswith('stop: ["xxxx')
    assert line.endswith("..., recorded with none")


def test_a_message_that_differs_is_shown_from_where_it_does() -> None:
    here = asked(user("A" * 100 + " apple " + "B" * 100))
    there = asked(user("A" * 100 + " pear " + "B" * 100))
    assert said(here, there) == (
        "message 1 (user) content: '...AAAAAAAAAAA apple "
        + "B" * 30
        + "...', recorded with '...AAAAAAAAAAA pear "
        + "B" * 31
        + "...'"
    )


def test_a_part_that_differs_is_found() -> None:
    one, other = (
        asked(user("See", Image(url=f"https://e.org/{name}"), "and")) for name in "ab"
    )
    assert said(one, other) == (
        "message 1 (user) content[1] image_url url: 'https://e.org/a', recorded with "
        "'https://e.org/b'"
    )
    shorter = asked(user("See", Image(url="https://e.org/a")))
    assert said(one, shorter) == (
        'message 1 (user) content[2]: {"type": "text", "text": "and"}, recorded with '
        "nothing"
    )


def test_messages_before_or_after_are_counted() -> None:
    here = asked(user("Hi"))
    there = Question(options=here.options, messages=())
    assert said(here, there) == "1 message, recorded with none"


def test_a_message_whose_text_is_not_known_is_told_by_its_number() -> None:
    here = asked(user("Hi"))
    there = Question(options=here.options, messages=("lost",))
    assert said(here, there).startswith("message 1 (user): ")
    assert said(there, here).startswith("message 1: nothing, recorded with ")


def test_the_nearest_shares_most_of_the_conversation() -> None:
    first = asked(user("One"))
    answered = Message(role="assistant", parts=(Text(text="Yes."),))
    second = asked(user("One"), answered, user("Two"))
    wanted = asked(user("One"), answered, user("Three"))
    assert nearest(wanted, [second, first]) == second
    assert nearest(asked(user("One.")), [second, first]) == first
    assert nearest(wanted, []) is None


def test_of_equals_the_nearest_is_the_one_in_similar_words() -> None:
    known = [asked(user(text)) for text in ("Draw a cat", "What is 2+2?", "Tell me")]
    assert nearest(asked(user("What is 2+3?")), known) == known[1]
    assert nearest(known[0], [*known, known[0]]) is known[0]
