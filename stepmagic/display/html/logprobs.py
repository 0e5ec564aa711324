"""An answer as text coloured by how likely each token was.

Owns the drawing of ``Logprobs``: static HTML without scripts, so that it survives
saving. A token's alternatives stand in it, unseen until the pointer or the keyboard's
focus is on it. Colours are laid thinly over the page's own ground, so that they can be
read in light and in dark themes. A notebook that is not trusted loses the style sheet:
there a ``title`` tells the alternatives, which the style sheet keeps quiet.
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
"""The least probability of a step, its colour, and what the legend says."""

_MOST = 4000
"""Tokens that are drawn; more would make a notebook slow."""

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
    """Return log-probabilities as HTML and as a table of text."""
    text = plain(repr(tokens))
    if not tokens:
        return {"text/html": f"<p>{escape(text)}</p>", "text/plain": text}
    drawn = "".join(map(_token, tokens[:_MOST]))
    rest = len(tokens) - _MOST
    more = f"<p {QUIET}>and {rest:,} more tokens</p>\n" if rest > 0 else ""
    shown = (
        f"<style>{_CSS}</style>\n{_legend()}"
        f'<div class="sm-likely">{drawn}</div>\n{more}'
    )
    return {"text/html": shown, "text/plain": text}


def _legend() -> str:
    steps = " ".join(
        f'<span style="background-color:{colour or "transparent"};padding:0 .4em">'
        f"{escape(said)}</span>"
        for _, colour, said in _STEPS
    )
    return (
        f"<p><small>How likely each token was: {steps} · point at a token, or tab to "
        "it, for what else was likely</small></p>\n"
    )


def _token(token: TokenLogprob) -> str:
    # Seen by the formatter that calls this, so it is loaded.
    from stepmagic.conversation.reply import alternatives, percent, probability  # noqa: PLC0415

    share = probability(token)
    colour = next(colour for least, colour, _ in _STEPS if share >= least)
    style = f' style="background-color:{colour}"' if colour else ""
    others = alternatives(token)
    said = [f"<strong>{_quoted(token.token)} {percent(share)}</strong>"]
    said += [f"{_quoted(each.token)} {percent(probability(each))}" for each in others]
    title = " · ".join(
        f"{_seen(each.token)} {percent(probability(each))}" for each in (token, *others)
    )
    # Hidden without styles too; a letter of its own keeps an empty token in sight.
    return (
        f'<span tabindex="0"{style}>'
        f'<span title="{html.escape(title)}">{escape(token.token) or "·"}</span>'
        f"<span hidden>{' · '.join(said)}</span></span>"
    )


def _quoted(token: str) -> str:
    return f"<code>{escape(_seen(token))}</code>"


def _seen(token: str) -> str:
    """Return a token with its spaces to be seen."""
    return plain(token).replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
