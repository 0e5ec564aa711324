"""What a model and a protocol can take; the rest is tested with the options."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.errors import UnsupportedOption
from stepmagic.server.capabilities import Capabilities
from stepmagic.server.catalogue import SHIPPED, ModelEntry
from stepmagic.settings import DEFAULT_MODEL
from stepmagic.transcript import File, Image, Message, Protocol, ToolResult, Video

TEXT = ModelEntry(
    id="a/text", inputs=("text",), parameters=frozenset({"seed"}), reasons=False
)
IMAGE = Image(media_type="image/png", data=b"x")
VIDEO = Video(media_type="video/mp4", data=b"x")
PDF = File(media_type="application/pdf", data=b"x", name="a.pdf")
CSV = File(media_type="text/csv", data=b"x", name="a.csv")
SOUND = File(media_type="audio/wav", data=b"x", name="a.wav")


def of(
    entry: ModelEntry | None = None, api: Protocol = "chat", **parameters: Any
) -> Capabilities:
    """Return the capabilities of a model."""
    model = entry.id if entry else "an/unknown"
    return Capabilities(model=model, api=api, entry=entry, parameters=parameters)


def test_everything_is_passed_on_to_a_model_that_is_not_listed() -> None:
    unknown = of()
    unknown.check_messages([Message(role="user", parts=(IMAGE, VIDEO))])
    unknown.check_parameters(["seed", "top_k"])
    unknown.check_tools()
    assert unknown.fit_reasoning({"effort": "x"}) == {"effort": "x"}
    assert unknown.usable_effort("high") == "high"
    assert (unknown.no_video, unknown.no_files) == ("", "")
    assert unknown.context_tokens is None


@pytest.mark.parametrize(
    ("capabilities", "no_video", "no_files"),
    [
        (of(SHIPPED[DEFAULT_MODEL]), "", f"{DEFAULT_MODEL} does not accept files"),
        (of(SHIPPED[DEFAULT_MODEL], plugins=[]), "", ""),
        (of(TEXT), "a/text does not accept video", "a/text does not accept files"),
        (of(api="messages"), "/messages does not accept video", ""),
    ],
)
def test_why_a_medium_cannot_be_sent(
    capabilities: Capabilities, no_video: str, no_files: str
) -> None:
    assert capabilities.no_video == no_video
    assert capabilities.no_files == no_files


@pytest.mark.parametrize(
    ("capabilities", "taken"),
    [
        (of(), [IMAGE, VIDEO, PDF, CSV, SOUND]),
        (of(TEXT), [PDF, CSV, SOUND]),
        (of(api="messages"), [IMAGE, VIDEO, PDF, CSV]),
    ],
)
def test_what_a_function_may_return(
    capabilities: Capabilities, taken: list[Image | Video | File]
) -> None:
    media = (IMAGE, VIDEO, PDF, CSV, SOUND)
    assert [part for part in media if capabilities.takes_part(part)] == taken


@pytest.mark.parametrize(
    ("capabilities", "reason"),
    [
        (of(api="responses"), "/responses does not accept video from a function"),
        (of(TEXT, "responses"), "a/text does not accept video"),
        (of(), ""),
    ],
)
def test_why_a_function_cannot_return_a_video(
    capabilities: Capabilities, reason: str
) -> None:
    assert capabilities.no_video_results == reason


def test_a_part_in_a_result_is_refused_like_any_other() -> None:
    result = ToolResult(call_id="1", name="plot", parts=(IMAGE,))
    with pytest.raises(UnsupportedOption, match="a/text accepts text, but no image"):
        of(TEXT).check_messages([Message(role="user", parts=(result,))])


def test_what_is_unsupported_is_refused_with_what_is_supported() -> None:
    with pytest.raises(
        UnsupportedOption, match=r"does not accept top_k\. It accepts: seed\."
    ):
        of(TEXT).check_parameters(["seed", "top_k"])
    with pytest.raises(UnsupportedOption, match="cannot call functions"):
        of(TEXT).check_tools()
    with pytest.raises(UnsupportedOption, match="has no detail of images"):
        of(api="messages").check_detail()
    with pytest.raises(UnsupportedOption, match="does not reason: leave out `-e low`"):
        of(TEXT).fit_reasoning({"effort": "low"})
    with pytest.raises(UnsupportedOption, match="always reasons"):
        of(SHIPPED[DEFAULT_MODEL]).fit_reasoning({"enabled": False})
    with pytest.raises(
        UnsupportedOption, match="accepts effort high, medium, low, not"
    ):
        of(SHIPPED[DEFAULT_MODEL]).fit_reasoning({"effort": "x"})


def test_reasoning_is_explicit_for_a_model_that_reasons() -> None:
    step = of(SHIPPED[DEFAULT_MODEL])
    assert step.fit_reasoning({}) == {"effort": "medium"}
    assert step.fit_reasoning({"max_tokens": 9}) == {"max_tokens": 9}
    assert step.usable_effort("xhigh") is None
    assert of(TEXT).usable_effort("low") is None
