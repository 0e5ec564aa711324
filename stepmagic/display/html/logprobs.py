"""An answer as text that is coloured by how likely each token was.

Owns the display of ``Logprobs``: static HTML without scripts, so that it can be saved.
The alternatives of a token are hidden until the pointer or the keyboard focus is on it.
Colours are translucent, so that the text is readable in light and in dark themes. A
notebook that is not trusted loses the style sheet: there, the ``title`` shows the
alternatives, which the style sheet suppresses.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from stepmagic.markdown import escape, plain
from stepmagic.markdown.html_text import QUIET

if TYPE_CHECKING:
    from stepmagic.conversation.reply import Logprobs
    from stepmagic.transcript import TokenLogprob

_STEPS = (
    (0.9, "", "90% and more"),
    (0.5, "rgba(234,179,8,.22)", "50 to 90%"),
    (0.2, "rgba(245,140,11,.38)", "20 to 50%"),
    (0.05, "rgba(239,90,20,.5)", "5 to 20%"),
    (0.0, "rgba(220,38,38,.62)", "less than 5%"),
)
"""The least probability of a step, its colour, and its text in the legend."""

_MOST = 4000
"""Most tokens that are displayed; more would make a notebook slow."""

_CSS = """\
.sm-likely{white-space:pre-wrap;position:relative;padding-bottom:5em}
.sm-likely [title]{pointer-events:none}
.sm-likely span[tabindex]{cursor:help;border-radius:2px}
.sm-likely span[tabindex]:hover,.sm-likely span[tabindex]:focus{outline:1px solid}
.sm-likely span[tabindex]:hover>[hidden],.sm-likely span[tabindex]:focus>[hidden]{\
display:block!important;position:absolute;left:0;margin-top:.3em;padding:.3em .6em;\
z-index:9;max-width:95%;border:1px solid;border-radius:3px;white-space:normal;\
background:var(--jp-layout-color0,Canvas);color:var(--jp-ui-font-color0,CanvasText)}
"""


def logprobs_bundle(tokens: Logprobs) -> dict[str, str]:
    """Return log-probabilities as HTML and as a text table."""
    text = plain(repr(tokens))
    if not tokens:
        return {"text/html": f"<p>{escape(text)}</p>", "text/plain": text}
    spans = "".join(map(_token, tokens[:_MOST]))
    rest = len(tokens) - _MOST
    more = f"<p {QUIET}>and {rest:,} more tokens</p>\n" if rest > 0 else ""
    page = (
        f"<style>{_CSS}</style>\n{_legend()}"
        f'<div class="sm-likely">{spans}</div>\n{more}'
    )
    return {"text/html": page, "text/plain": text}


def _legend() -> str:
    steps = " ".join(
        f'<span style="background-color:{colour or "transparent"};padding:0 .4em">'
        f"{escape(label)}</span>"
        for _, colour, label in _STEPS
    )
    return (
        f"<p><small>How likely each token was: {steps} · point at a token, or move to "
        "it with Tab, to see the alternatives</small></p>\n"
    )


def _token(token: TokenLogprob) -> str:
    # Loaded already, since the value is of this module.
    from stepmagic.conversation.reply import alternatives, percent, probability  # noqa: PLC0415

    share = probability(token)
    colour = next(colour for least, colour, _ in _STEPS if share >= least)
    style = f' style="background-color:{colour}"' if colour else ""
    others = alternatives(token)
    lines = [f"<strong>{_quoted(token.token)} {percent(share)}</strong>"]
    lines += [f"{_quoted(each.token)} {percent(probability(each))}" for each in others]
    title = " · ".join(
        f"{_visible(each.token)} {percent(probability(each))}"
        for each in (token, *others)
    )
    # `hidden` works without styles too; a dot makes an empty token visible.
    return (
        f'<span tabindex="0"{style}>'
        f'<span title="{html.escape(title)}">{escape(token.token) or "·"}</span>'
        f"<span hidden>{' · '.join(lines)}</span></span>"
    )


def _quoted(token: str) -> str:
    return f"<code>{escape(_visible(token))}</code>"


def _visible(token: str) -> str:
    """Return a token with visible spaces and line breaks."""
    return plain(token).replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
