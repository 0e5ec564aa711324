"""An answer as HTML, Markdown and text: in pieces, or as the final static bundle.

Owns the HTML around the model's text: elements that are readable where classes and
styles are stripped, as on GitHub. What differs between two runs with the same answer is
in the ``<footer>`` and in the summary of the reasoning; both can be left out.
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
from stepmagic.display.html.calls import (
    CallWithResult,
    DisplayedPart,
    format_call,
    pair_calls,
    summarize_result,
)
from stepmagic.markdown import escape, plain, render, sanitize_source
from stepmagic.markdown.html_text import QUIET
from stepmagic.markdown.json_block import format_json
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
"""What separates two sentences."""

_LARGEST_IMAGE = 10_000_000
"""Most bytes of an image that is embedded in the notebook file."""

_SHOWN_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Pictures that every front end shows."""


def reply_bundle(answer: Answer, *, footer: bool) -> dict[str, str]:
    """Return the static bundle of an answer: HTML, Markdown and text.

    The Markdown is filtered like the HTML: where the notebook is trusted, a front end
    that prefers it would run what is in it.

    Args:
        answer: What was received.
        footer: Whether to show the model, the cost and the time.
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
    """Return an answer as Markdown that is safe to show anywhere."""
    blocks = [
        *map(_source, merge_parts(answer.parts)),
        *map(sanitize_source, answer.notes),
    ]
    return "\n".join(block for block in blocks if block)


def turn_bundle(turn: Turn, *, footer: bool = True) -> dict[str, str]:
    """Return the static bundle of a complete turn.

    It looks as it did when the turn was streamed, but without times.
    """
    return reply_bundle(Answer.from_turn(turn), footer=footer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an answer as HTML, around Markdown that is not rendered yet."""

    around: tuple[str, str, str] = ("", "", "")
    """HTML before the summary, between it and the body, and after the body."""
    summary: str = ""
    """HTML of one line that is visible while the body is folded."""
    source: str = ""
    """The body as Markdown."""
    html: str = ""
    """The body as HTML, for a part without Markdown."""

    def join(self, body: str) -> str:
        """Return the HTML of the piece; ``body`` is its rendered Markdown."""
        before, between, after = self.around
        return f"{before}{self.summary}{between}{body}{self.html}{after}"


def to_piece(
    part: DisplayedPart, *, is_streaming: bool = False, thought_s: float | None = None
) -> Piece:
    """Return what to draw of a part.

    Args:
        part: Any part; one that is not shown returns an empty piece.
        is_streaming: Whether it is reasoning that continues; its last line is shown.
        thought_s: How long the reasoning took so far.
    """
    piece = Piece()
    match part:
        case Text():
            piece = Piece(source=format_json(part.text))
        case Reasoning() if part.text or is_streaming:
            piece = Piece(
                around=_folding("sm-reasoning", "<blockquote>\n", "</blockquote>\n"),
                summary=escape(
                    summarize_reasoning(part.text, thought_s, is_streaming=is_streaming)
                ),
                source=part.text,
            )
        case CallWithResult():
            piece = _called(part)
        case ToolCall():
            piece = _called(CallWithResult(call=part))
        case ToolResult():
            result = escape(summarize_result(part))
            piece = Piece(
                around=_folding("sm-tool"),
                summary=f"<code>{escape(part.name)}</code> · {result}",
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
    """Return the line to show before anything of an answer is received."""
    line = f"Waiting for {answer.model or 'the model'} ..."
    if answer.time_s is not None and answer.time_s >= 1:
        line += f" {answer.time_s:.0f} s"
    return line


def aside_html(line: str) -> str:
    """Return a line that is not part of the answer as HTML; empty if it is empty."""
    if not line:
        return ""
    return f'<p class="sm-waiting" {QUIET}><small>{escape(line)}</small></p>\n'


def wrapped(html: str) -> str:
    """Return the HTML of an answer as one element."""
    return f'<div class="sm-reply">\n{html}</div>'


def merge_parts(
    parts: Iterable[Part], call_times_s: Iterable[float] = ()
) -> list[DisplayedPart]:
    """Return the parts with adjacent texts, adjacent reasoning, and calls joined.

    Args:
        parts: The parts of all rounds, in order.
        call_times_s: How long each function took, in the order of the results.
    """
    found: list[DisplayedPart] = []
    for part in pair_calls(parts, call_times_s):
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


def single_thought_s(
    parts: Iterable[DisplayedPart], thought_s: float | None
) -> float | None:
    """Return how long the reasoning took, unless there are several pieces of it."""
    thoughts = sum(isinstance(part, Reasoning) for part in parts)
    return thought_s if thoughts == 1 else None


def plain_text(parts: Iterable[Part], notes: Iterable[str]) -> str:
    """Return an answer as text, without reasoning, calls and control characters."""
    texts = []
    for part in merge_parts(parts):
        if isinstance(part, Text):
            texts.append(plain(part.text).rstrip())
        elif isinstance(part, Media):
            texts.append(describe(part))
    return "\n\n".join(filter(None, (*texts, *map(plain, notes))))


def describe(media: Media) -> str:
    """Return a line of text for an image, a video or a file."""
    kind = type(media).__name__.lower()
    if media.data is None:
        return f"[{kind}: {plain(media.url or '')}]"
    size = format_count(len(media.data), "byte")
    return f"[{kind}: {plain(media.media_type)}, {size}]"


def _body(answer: Answer, *, times: bool) -> str:
    parts = merge_parts(answer.parts, answer.call_times_s if times else ())
    thought_s = single_thought_s(parts, answer.thought_s) if times else None
    pieces = [to_piece(part, thought_s=thought_s) for part in parts]
    return "".join(piece.join(render(piece.source)) for piece in pieces)


def summarize_reasoning(
    text: str, thought_s: float | None, *, is_streaming: bool
) -> str:
    """Return a line for reasoning: its length or, while it continues, its last line.

    Args:
        text: The reasoning.
        thought_s: How long it took so far; None if that is not to be shown.
        is_streaming: Whether more of it will arrive.
    """
    time = format_time(thought_s, digits=0) if thought_s and round(thought_s) else ""
    if not is_streaming:
        thought = f"Thought for {time}" if time else "Thought"
        return f"{thought} · {format_count(len(text.split()), 'word')}"
    return " · ".join(filter(None, ("Thinking", time, _last_sentences(text))))


def _last_sentences(text: str) -> str:
    """Return the last sentences that fit in a line, or the end of a longer one.

    Only the last characters are examined: a long text would take too much time in
    each frame.
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


def _called(called: CallWithResult) -> Piece:
    """Return a call as a line that opens to show its arguments and its result."""
    call, result = called.call, called.result
    time = "" if called.time_s is None else format_time(called.time_s)
    words = (time, "" if result is None else escape(summarize_result(result)))
    html = f"<p>Called with</p>\n{_block(_indented(call.arguments))}"
    if result is not None:
        title = "Failed with" if result.is_error else "Returned"
        html += f"<p>{title}</p>\n" + "".join(map(_result, result.parts))
    return Piece(
        around=_folding("sm-tool"),
        summary=" · ".join(
            filter(None, (f"<code>{escape(format_call(call))}</code>", *words))
        ),
        html=html,
    )


def _result(part: Part) -> str:
    """Return a part of a function's result; its text is not Markdown."""
    if isinstance(part, Text):
        return _block(part.text)
    piece = to_piece(part)
    return piece.join(render(piece.source))


def _folding(kind: str, opening: str = "", closing: str = "") -> tuple[str, str, str]:
    """Return the HTML around a summary and the body that it folds."""
    return (
        f'<details class="{kind}" style="margin-bottom:0.7em"><summary {QUIET}>',
        f"</summary>\n{opening}",
        f"{closing}</details>\n",
    )


def _block(text: str) -> str:
    return f"<pre>{escape(text)}</pre>\n"


def _indented(arguments: str) -> str:
    """Return the arguments of a call as indented JSON; unchanged if invalid."""
    try:
        return json.dumps(json.loads(arguments), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def _image(image: Image) -> str:
    """Return an image with its bytes embedded, if they are those of an image.

    Its type is read from the bytes: what claims to be a PNG may be an SVG with scripts.
    """
    data = image.data or b""
    found = media_type(data, "image")
    if found not in _SHOWN_TYPES or len(data) > _LARGEST_IMAGE:
        return _media(image)
    source = base64.b64encode(data).decode("ascii")
    return f'<p><img alt="image of the reply" src="data:{found};base64,{source}"></p>\n'


def _media(media: Media) -> str:
    """Return a line for media; what has a URL is linked and never fetched."""
    if media.url is None:
        return f"<p>{escape(describe(media))}</p>\n"
    return render(_link(media))


def _link(media: Media) -> str:
    url = quote(plain(media.url or ""), safe="%/:?#@!$&'()*+,;=~")
    return f"![{type(media).__name__.lower()}](<{url}>)"


def _source(part: DisplayedPart) -> str:
    """Return a part as Markdown; reasoning and calls are only in the HTML."""
    match part:
        case Text():
            return sanitize_source(format_json(part.text))
        case Image() | Video() | File():
            return sanitize_source(describe(part) if part.url is None else _link(part))
        case Reasoning() | CallWithResult() | ToolCall() | ToolResult() | Opaque():
            return ""
        case _:
            assert_never(part)
