"""Markdown parsed into tokens that are safe to write.

Owns the syntax, and how long, deep and dense a text may be. The writers (``hypertext``,
``rewriting``) see no token that has not been through ``parse``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from stepmagic.markdown.characters import plain
from stepmagic.markdown.maths import maths_plugin
from stepmagic.markdown.safety import mark_task, safe

DEEPEST: Final = 32
"""Block levels. markdown-it drops what lies deeper; such a text is shown as it is."""

LONGEST: Final = 500_000
"""Letters; at up to 30 us each, a longer text is shown as it is."""

_MOST_BRACKETS = 10_000
"""Each ``[`` may begin a link, at up to 30 us; text beyond these stays unparsed."""

_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def parse(source: str) -> list[Token]:
    """Return the tokens of a text, safe to write; it may hold anything.

    Block tokens in markdown-it's order, ``inline`` tokens with their children. Of
    these, ``link_open`` has an allowed ``href`` and nothing else, ``image`` and raw
    HTML do not occur, ``task`` is the box of a task list, and the text holds no
    control characters. A fence's ``info`` is its language.
    """
    source = plain(source)
    if len(source) > LONGEST:
        return [_as_it_is(source)]
    try:
        return parse_blocks(source, {"known": {}, "used": {}})
    except RecursionError:
        return [_as_it_is(source)]


def parse_blocks(source: str, env: dict[str, Any]) -> list[Token]:
    """Return the tokens of whole blocks of a text; see ``parse``.

    Args:
        source: What ``plain`` returned.
        env: ``known`` and ``used``, parsed lines by their text; ``references``, the
            link definitions so far; ``brackets``, the number of ``[`` so far. The
            last three are brought up to date.

    Raises:
        RecursionError: A block lies deeper than ``DEEPEST`` levels.
    """
    tokens = _parser().parse(source, env)
    if any(token.level >= DEEPEST - 1 for token in tokens):
        raise RecursionError
    return tokens


class _Parser(MarkdownIt):
    """CommonMark with tables, strikethrough and formulas; no raw HTML."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "maxNesting": DEEPEST})
        self.enable(["table", "strikethrough"])
        self.use(maths_plugin)
        self.inline.ruler.before("autolink", "line_break", _line_break)
        self.core.ruler.at("inline", _parse_lines)
        # The policy joins texts, and lists of known tokens must not change.
        self.core.ruler.disable("text_join")

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - overrides
        """Take every address: the policy shows the refused ones as text."""
        return True


@cache
def _parser() -> _Parser:
    return _Parser()


def _parse_lines(state: StateCore) -> None:
    """Parse the lines in the blocks, within what brackets may cost, and filter them."""
    brackets = state.env.get("brackets", 0)
    for place, token in enumerate(state.tokens):
        if token.type == "inline":
            brackets += token.content.count("[")
            if brackets > _MOST_BRACKETS:
                token.children = safe([Token("text", "", 0, content=token.content)])
                continue
            token.children = _children(token.content, state)
            if place > 1 and state.tokens[place - 2].type == "list_item_open":
                mark_task(token.content, token.children)
        elif token.type == "fence":
            word = _LANGUAGE.match(plain(token.info).strip())
            token.info = word.group() if word else ""
    state.env["brackets"] = brackets


def _children(content: str, state: StateCore) -> list[Token]:
    children: list[Token] | None = state.env["known"].get(content)
    if children is None:
        parsed: list[Token] = []
        state.md.inline.parse(content, state.md, state.env, parsed)
        children = safe(parsed)
    # Brackets mean what the link definitions make of them, and these can change.
    if "[" not in content:
        state.env["used"][content] = children
    return children


def _line_break(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
    """Take ``<br>``, the only way to break a line in a table cell."""
    found = _BREAK.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _as_it_is(source: str) -> Token:
    return Token("fence", "code", 0, content=source)
