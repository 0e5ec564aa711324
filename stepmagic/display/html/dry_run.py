"""A dry run: the messages that would be sent, their cost, and the raw request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepmagic.display.answer import Answer
from stepmagic.display.html.attachments import part_html
from stepmagic.display.html.bundle import reply_bundle
from stepmagic.markdown import escape, plain
from stepmagic.markdown.html_text import QUIET
from stepmagic.transcript import Message, Part, Text
from stepmagic.transcript.usage import format_cost

if TYPE_CHECKING:
    from stepmagic.conversation.dry_run import DryRun

_PRE = 'style="white-space:pre-wrap"'


def request_bundle(request: DryRun) -> dict[str, str]:
    """Return a dry run as HTML and as text."""
    estimate = _estimate(request)
    messages = "".join(map(_message_html, request.messages))
    system = _titled("system", f"<pre {_PRE}>{escape(request.system)}</pre>\n")
    notices = "".join(f"<p {QUIET}>{escape(each)}</p>\n" for each in request.notices)
    return {
        "text/html": (
            f"<p><strong>Not sent</strong> · {escape(estimate)}</p>\n{notices}"
            f"{system if request.system else ''}{messages}"
            f"<details><summary {QUIET}>POST {escape(request.url)}</summary>\n"
            f"<pre>{escape(request.text)}</pre></details>\n"
        ),
        "text/plain": "\n".join(
            [
                f"Not sent: {estimate}",
                *map(plain, request.notices),
                plain(f"POST {request.url}"),
                plain(request.text),
            ]
        ),
    }


def _estimate(request: DryRun) -> str:
    context = ""
    if request.context_tokens is not None:
        context = f" of {request.context_tokens:,}"
    cost = ""
    if request.cost_usd is not None:
        cost = f", {format_cost(request.cost_usd)} at the list price"
    margin = f" (\N{PLUS-MINUS SIGN} {request.margin:.0%})"
    return f"about {request.tokens:,}{margin}{context} tokens in{cost}"


def _titled(title: str, html: str) -> str:
    return f"<p><strong>{title}</strong></p>\n<blockquote>{html}</blockquote>\n"


def _message_html(message: Message) -> str:
    if message.role != "user":
        parts = Answer(parts=message.parts)
        return _titled(message.role, reply_bundle(parts, footer=False)["text/html"])
    return _titled("user", "".join(map(_user_part, message.parts)))


def _user_part(part: Part) -> str:
    if isinstance(part, Text) and part.name is None:
        return f"<pre {_PRE}>{escape(part.text)}</pre>\n"
    return part_html(part)
