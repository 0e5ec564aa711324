"""An answer as a MIME bundle: the frames of a stream, and the static bundle that stays.

Owns the HTML around the model's text: elements that read well where classes and styles
are stripped, as GitHub does. What differs between two runs of one answer stands in the
``<footer>`` and, with it, in the summary of the reasoning; both can be left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import assert_never
from urllib.parse import quote

from stepmagic.display.answer import Answer, format_time
from stepmagic.markdown import escape, plain, render, sanitize_source
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
from stepmagic.usage import format_count

_QUIET = 'style="color:var(--jp-ui-font-color2)"'
"""JupyterLab's secondary colour, whatever the theme; elsewhere the text's own."""

_LONGEST_LINE = 80
_LARGEST_IMAGE = 10_000_000
"""Bytes of an image that go into the notebook file."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def reply_bundle(answer: Answer, *, footer: bool) -> dict[str, str]:
    """Return the static bundle of an answer: HTML, Markdown and text.

    The Markdown is filtered like the HTML: where the notebook is trusted, a front end
    that prefers it would run what is in it.

    Args:
        answer: What came.
        footer: Whether to say who answered, what it cost and how long it took.
    """
    html = _body(answer, render, times=footer)
    html += "".join(f'<div class="sm-note">{render(n)}</div>\n' for n in answer.notes)
    if footer and answer.footer:
        html += f"<footer {_QUIET}><small>{escape(answer.footer)}</small></footer>\n"
    blocks = [*map(_source, _merged(answer.parts)), *map(sanitize_source, answer.notes)]
    return {
        "text/html": _wrapped(html),
        "text/markdown": "\n".join(block for block in blocks if block),
        "text/plain": _plain(answer.parts, answer.notes),
    }


def turn_bundle(turn: Turn, *, footer: bool = True) -> dict[str, str]:
    """Return the static bundle of a turn that is over, as it was first shown.

    Without the times: nobody waited for it now.
    """
    return reply_bundle(Answer.from_turn(turn), footer=footer)


def frame_bundle(
    answer: Answer,
    *,
    line: str = "",
    thinking: bool = False,
    draw: Callable[[str], str] = render,
) -> dict[str, str]:
    """Return a frame of an answer that is still growing.

    Args:
        answer: What came by now.
        line: What happens instead of an answer.
        thinking: Whether the last part is reasoning that goes on.
        draw: Renders Markdown; a view passes one that remembers.
    """
    html = _body(answer, draw, thinking=thinking)
    if not (line or html):
        line = f"Waiting for {answer.model or 'the model'} ..."
        if answer.time_s is not None and answer.time_s >= 1:
            line += f" {answer.time_s:.0f} s"
    if line:
        html += f"<p {_QUIET}><small>{escape(line)}</small></p>\n"
    return {
        "text/html": _wrapped(html),
        "text/plain": _plain(answer.parts, [line] if line else []),
    }


def describe(media: Media) -> str:
    """Return a picture, a video or a file in words."""
    kind = type(media).__name__.lower()
    if media.data is None:
        return f"[{kind}: {plain(media.url or '')}]"
    size = format_count(len(media.data), "byte")
    return f"[{kind}: {plain(media.media_type)}, {size}]"


def _wrapped(html: str) -> str:
    return f'<div class="sm-reply">\n{html}</div>'


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Return the parts with neighbouring texts, and neighbouring thoughts, made one."""
    merged: list[Part] = []
    for part in parts:
        before = merged[-1] if merged else None
        match before, part:
            case Text(), Text():
                merged[-1] = Text(text=before.text + part.text)
            case Reasoning(), Reasoning():
                texts = filter(None, (before.text, part.text))
                merged[-1] = Reasoning(text="\n\n".join(texts))
            case _:
                merged.append(part)
    return merged


def _body(
    answer: Answer,
    draw: Callable[[str], str],
    *,
    thinking: bool = False,
    times: bool = False,
) -> str:
    parts = _merged(answer.parts)
    thoughts = sum(isinstance(part, Reasoning) for part in parts)
    thought_s = answer.thought_s if times and thoughts == 1 else None
    html = []
    for part in parts:
        if isinstance(part, Reasoning):
            grows = thinking and part is parts[-1]
            html.append(_reasoning(part.text, draw, thought_s, grows=grows))
        else:
            html.append(_part(part, draw))
    return "".join(html)


def _reasoning(
    text: str, draw: Callable[[str], str], thought_s: float | None, *, grows: bool
) -> str:
    """Return reasoning folded away; while it grows, its last line can be seen."""
    said = ["Thinking" if grows else "Thought"]
    if thought_s is not None and round(thought_s):
        said = [f"Thought for {format_time(thought_s, digits=0)}"]
    if text:
        said.append(format_count(len(text.split()), "word"))
    elif not grows:
        return ""
    if grows and text.strip():
        line = text.strip().rpartition("\n")[2]
        cut = line if len(line) <= _LONGEST_LINE else f"... {line[-_LONGEST_LINE:]}"
        said.append(cut)
    thoughts = f"<blockquote>\n{draw(text)}</blockquote>\n"
    return _folded(escape(" · ".join(said)), thoughts, "sm-reasoning")


def _part(part: Part, draw: Callable[[str], str]) -> str:
    html = ""
    match part:
        case Text():
            html = draw(part.text)
        case Image():
            html = _image(part)
        case Video() | File():
            html = _media(part)
        case ToolCall():
            name = f"Called <code>{escape(part.name)}</code>"
            html = _folded(name, _block(_indented(part.arguments)), "sm-tool")
        case ToolResult():
            outcome = "failed" if part.is_error else "returned"
            name = f"<code>{escape(part.name)}</code> {outcome}"
            shown = (
                _block(each.text) if isinstance(each, Text) else _part(each, draw)
                for each in part.parts
            )
            html = _folded(name, "".join(shown), "sm-tool")
        case Reasoning() | Opaque():
            pass
        case _:
            assert_never(part)
    return html


def _folded(summary: str, html: str, kind: str) -> str:
    return (
        f'<details class="{kind}"><summary {_QUIET}>{summary}</summary>\n{html}'
        "</details>\n"
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
    found = next((kind for start, kind in _SIGNATURES if data.startswith(start)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = "image/webp"
    if found is None or len(data) > _LARGEST_IMAGE:
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


def _source(part: Part) -> str:
    """Return a part as Markdown; thoughts and calls are left to the HTML."""
    match part:
        case Text():
            return sanitize_source(part.text)
        case Image() | Video() | File():
            return sanitize_source(describe(part) if part.url is None else _link(part))
        case Reasoning() | ToolCall() | ToolResult() | Opaque():
            return ""
        case _:
            assert_never(part)


def _plain(parts: Iterable[Part], notes: Iterable[str]) -> str:
    texts = []
    for part in _merged(parts):
        if isinstance(part, Text):
            texts.append(plain(part.text).rstrip())
        elif isinstance(part, Media):
            texts.append(describe(part))
    return "\n\n".join(filter(None, (*texts, *map(plain, notes))))
