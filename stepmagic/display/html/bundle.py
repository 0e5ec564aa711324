"""An answer as HTML, Markdown and text, in pieces or as the static bundle that stays.

Owns the HTML around the model's text: elements that read well where classes and styles
are stripped, as GitHub does. What differs between two runs of one answer stands in the
``<footer>`` and, with it, in the summary of the reasoning; both can be left out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

from stepmagic.display.answer import Answer, format_time
from stepmagic.display.html.calls import Called, Shown, outcome, paired, spelled
from stepmagic.markdown import escape, plain, render, sanitize_source
from stepmagic.markdown.highlight import QUIET
from stepmagic.markdown.json_block import formed
from stepmagic.transcript import (
    File,
    Image,
    Media,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from stepmagic.transcript.signatures import media_type
from stepmagic.transcript.usage import format_count

_LONGEST_LINE = 80
_SENTENCE = re.compile(r"[.!?] +(?=\S)")
"""What stands between two sentences."""

_LARGEST_IMAGE = 10_000_000
"""Bytes of an image that go into the notebook file."""

_SHOWN_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Pictures that every front end shows."""


def reply_bundle(answer: Answer, *, footer: bool) -> dict[str, str]:
    """Return the static bundle of an answer: HTML, Markdown and text.

    The Markdown is filtered like the HTML: where the notebook is trusted, a front end
    that prefers it would run what is in it.

    Args:
        answer: What came.
        footer: Whether to say who answered, what it cost and how long it took.
    """
    return {
        "text/html": reply_html(answer, footer=footer),
        "text/markdown": reply_markdown(answer),
        "text/plain": plain_text(answer.parts, answer.notes),
    }


def reply_html(answer: Answer, *, footer: bool) -> str:
    """Return an answer as HTML; see ``reply_bundle``."""
    html = _body(answer, times=footer)
    html += "".join(f'<div class="sm-note">{render(n)}</div>\n' for n in answer.notes)
    if footer and answer.footer:
        html += f"<footer {QUIET}><small>{escape(answer.footer)}</small></footer>\n"
    return wrapped(html)


def reply_markdown(answer: Answer) -> str:
    """Return an answer as Markdown that may be shown anywhere."""
    blocks = [*map(_source, merged(answer.parts)), *map(sanitize_source, answer.notes)]
    return "\n".join(block for block in blocks if block)


def turn_bundle(turn: Turn, *, footer: bool = True) -> dict[str, str]:
    """Return the static bundle of a turn that is over, as it was first shown.

    Without the times: nobody waited for it now.
    """
    return reply_bundle(Answer.from_turn(turn), footer=footer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an answer as HTML, with its Markdown still to be rendered."""

    around: tuple[str, str, str] = ("", "", "")
    """What stands before the summary, between it and the rest, and after all."""
    summary: str = ""
    """HTML in a line, to be seen while the rest is folded away."""
    source: str = ""
    """Markdown."""
    html: str = ""
    """What stands in place of Markdown in a part that has none."""

    def join(self, body: str) -> str:
        """Return the HTML of the piece; ``body`` is its Markdown, rendered."""
        before, between, after = self.around
        return f"{before}{self.summary}{between}{body}{self.html}{after}"


def to_piece(
    part: Shown, *, grows: bool = False, thought_s: float | None = None
) -> Piece:
    """Return what to draw of a part.

    Args:
        part: Any part; one that is not for the reader gives an empty piece.
        grows: Whether it is reasoning that goes on, whose last line can be seen.
        thought_s: How long the reasoning took, so far.
    """
    piece = Piece()
    match part:
        case Text():
            piece = Piece(source=formed(part.text))
        case Reasoning() if part.text or grows:
            piece = Piece(
                around=_folding("sm-reasoning", "<blockquote>\n", "</blockquote>\n"),
                summary=escape(thinking(part.text, thought_s, grows=grows)),
                source=part.text,
            )
        case Called():
            piece = _called(part)
        case ToolCall():
            piece = _called(Called(call=part))
        case ToolResult():
            piece = Piece(
                around=_folding("sm-tool"),
                summary=f"<code>{escape(part.name)}</code> · {escape(outcome(part))}",
                html="".join(map(_result, part.parts)),
            )
        case Image():
            piece = Piece(html=_image(part))
        case Video() | File():
            piece = Piece(html=_media(part))
        case Reasoning() | Opaque():
            pass
        case _:
            assert_never(part)
    return piece


def waiting(answer: Answer) -> str:
    """Return the line that stands where there is nothing of an answer yet."""
    line = f"Waiting for {answer.model or 'the model'} ..."
    if answer.time_s is not None and answer.time_s >= 1:
        line += f" {answer.time_s:.0f} s"
    return line


def quiet(line: str) -> str:
    """Return a line that is no part of the answer as HTML; an empty one is none."""
    if not line:
        return ""
    return f'<p class="sm-waiting" {QUIET}><small>{escape(line)}</small></p>\n'


def wrapped(html: str) -> str:
    """Return the HTML of an answer as one element."""
    return f'<div class="sm-reply">\n{html}</div>'


def merged(parts: Iterable[Part], called_s: Iterable[float] = ()) -> list[Shown]:
    """Return what is drawn as one: neighbouring texts, thoughts, a call and its result.

    Args:
        parts: Of all rounds, in order.
        called_s: How long each function took, in the order of the results.
    """
    found: list[Shown] = []
    for part in paired(parts, called_s):
        before = found[-1] if found else None
        match before, part:
            case Text(), Text():
                found[-1] = Text(text=before.text + part.text)
            case Reasoning(), Reasoning():
                texts = filter(None, (before.text, part.text))
                found[-1] = Reasoning(text="\n\n".join(texts))
            case _:
                found.append(part)
    return found


def one_thought_s(parts: Iterable[Shown], thought_s: float | None) -> float | None:
    """Return how long the reasoning took, where it is one; several share no time."""
    thoughts = sum(isinstance(part, Reasoning) for part in parts)
    return thought_s if thoughts == 1 else None


def plain_text(parts: Iterable[Part], notes: Iterable[str]) -> str:
    """Return an answer as text: no reasoning, no calls, no control characters."""
    texts = []
    for part in merged(parts):
        if isinstance(part, Text):
            texts.append(plain(part.text).rstrip())
        elif isinstance(part, Media):
            texts.append(describe(part))
    return "\n\n".join(filter(None, (*texts, *map(plain, notes))))


def describe(media: Media) -> str:
    """Return a picture, a video or a file in words."""
    kind = type(media).__name__.lower()
    if media.data is None:
        return f"[{kind}: {plain(media.url or '')}]"
    size = format_count(len(media.data), "byte")
    return f"[{kind}: {plain(media.media_type)}, {size}]"


def _body(answer: Answer, *, times: bool) -> str:
    parts = merged(answer.parts, answer.called_s if times else ())
    thought_s = one_thought_s(parts, answer.thought_s) if times else None
    pieces = [to_piece(part, thought_s=thought_s) for part in parts]
    return "".join(piece.join(render(piece.source)) for piece in pieces)


def thinking(text: str, thought_s: float | None, *, grows: bool) -> str:
    """Return reasoning in a line: its length or, while it grows, its last line.

    Args:
        text: The reasoning.
        thought_s: How long it took, so far; None where that is not to be said.
        grows: Whether it goes on.
    """
    time = format_time(thought_s, digits=0) if thought_s and round(thought_s) else ""
    if not grows:
        thought = f"Thought for {time}" if time else "Thought"
        return f"{thought} · {format_count(len(text.split()), 'word')}"
    return " · ".join(filter(None, ("Thinking", time, _last_words(text))))


def _last_words(text: str) -> str:
    """Return the last sentences that fit a line, or the end of a longer one.

    Looks at the last letters alone: all of a long text costs too much a frame.
    """
    paragraph = text[-4 * _LONGEST_LINE :].strip().rpartition("\n\n")[2]
    line = " ".join(paragraph.split())
    if len(line) <= _LONGEST_LINE:
        return line
    end = line[-_LONGEST_LINE:]
    sentence = _SENTENCE.search(end)
    if sentence:
        return end[sentence.end() :]
    return f"... {end.partition(' ')[2] or end}"


def _called(called: Called) -> Piece:
    """Return a call as a line that opens to its arguments and its result."""
    call, result = called.call, called.result
    time = "" if called.time_s is None else format_time(called.time_s)
    words = (time, "" if result is None else escape(outcome(result)))
    html = f"<p>Called with</p>\n{_block(_indented(call.arguments))}"
    if result is not None:
        said = "Failed with" if result.is_error else "Returned"
        html += f"<p>{said}</p>\n" + "".join(map(_result, result.parts))
    return Piece(
        around=_folding("sm-tool"),
        summary=" · ".join(
            filter(None, (f"<code>{escape(spelled(call))}</code>", *words))
        ),
        html=html,
    )


def _result(part: Part) -> str:
    """Return what a called function gave: text as it is, the rest as it is drawn."""
    if isinstance(part, Text):
        return _block(part.text)
    piece = to_piece(part)
    return piece.join(render(piece.source))


def _folding(kind: str, opening: str = "", closing: str = "") -> tuple[str, str, str]:
    """Return what stands around a summary and what it folds away."""
    return (
        f'<details class="{kind}" style="margin-bottom:0.7em"><summary {QUIET}>',
        f"</summary>\n{opening}",
        f"{closing}</details>\n",
    )


def _block(text: str) -> str:
    return f"<pre>{escape(text)}</pre>\n"


def _indented(arguments: str) -> str:
    """Return a call's arguments as JSON a person can read; as they are if invalid."""
    try:
        return json.dumps(json.loads(arguments), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def _image(image: Image) -> str:
    """Return a picture that holds its own bytes, if that is what they are.

    The type is read from the bytes: what calls itself a PNG may be an SVG with scripts.
    """
    data = image.data or b""
    found = media_type(data, "image")
    if found not in _SHOWN_TYPES or len(data) > _LARGEST_IMAGE:
        return _media(image)
    source = base64.b64encode(data).decode("ascii")
    return f'<p><img alt="image of the reply" src="data:{found};base64,{source}"></p>\n'


def _media(media: Media) -> str:
    """Return media in words; what lies at an address is linked, never fetched."""
    if media.url is None:
        return f"<p>{escape(describe(media))}</p>\n"
    return render(_link(media))


def _link(media: Media) -> str:
    url = quote(plain(media.url or ""), safe="%/:?#@!$&'()*+,;=~")
    return f"![{type(media).__name__.lower()}](<{url}>)"


def _source(part: Shown) -> str:
    """Return a part as Markdown; thoughts and calls are left to the HTML."""
    match part:
        case Text():
            return sanitize_source(formed(part.text))
        case Image() | Video() | File():
            return sanitize_source(describe(part) if part.url is None else _link(part))
        case Reasoning() | Called() | ToolCall() | ToolResult() | Opaque():
            return ""
        case _:
            assert_never(part)
