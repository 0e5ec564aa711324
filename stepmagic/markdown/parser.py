"""Markdown parsed into tokens that are safe to write.

Owns the syntax, and the limits on the length, nesting and brackets of a text. The
writers (``to_html``, ``to_markdown``) get no token that did not pass through here.
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
from stepmagic.markdown.safety import filter_inline, mark_task

DEEPEST: Final = 32
"""Levels of blocks. markdown-it drops deeper ones, so such a text is shown as code."""

LONGEST: Final = 500_000
"""Characters. At up to 30 us each, a longer text is not parsed but shown as code."""

_MOST_BRACKETS = 10_000
"""Each ``[`` may begin a link and takes up to 30 us; later text is not parsed."""

_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def parse(source: str) -> list[Token]:
    """Return the tokens of any text, safe to write.

    They are block tokens in markdown-it's order and ``inline`` tokens with children. Of
    the children, ``link_open`` has an allowed ``href`` and no other attribute,
    ``image`` and raw HTML do not occur, ``task`` is the box of a task list, and text
    contains no control characters. The ``info`` of a fence is its language.
    """
    source = plain(source)
    if len(source) > LONGEST:
        return [_as_code(source)]
    try:
        return parse_blocks(source, {"known": {}, "used": {}})
    except RecursionError:
        return [_as_code(source)]


def parse_blocks(source: str, env: dict[str, Any]) -> list[Token]:
    """Return the tokens of complete blocks of a text; see ``parse``.

    Args:
        source: Text that ``plain`` returned.
        env: markdown-it's environment. ``known`` and ``used`` are caches of parsed
            lines, to read from and to write to; ``references`` are the link definitions
            so far; ``brackets`` is the number of ``[`` so far. The last three are
            updated.

    Raises:
        RecursionError: A block is nested deeper than ``DEEPEST`` levels.
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
        # The filter joins texts itself, and cached tokens must not change.
        self.core.ruler.disable("text_join")

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - overrides
        """Accept every URL: the filter shows the refused ones as text."""
        return True


@cache
def _parser() -> _Parser:
    return _Parser()


def _parse_lines(state: StateCore) -> None:
    """Parse and filter the lines of the blocks, up to the limit on brackets."""
    brackets = state.env.get("brackets", 0)
    for place, token in enumerate(state.tokens):
        if token.type == "inline":
            brackets += token.content.count("[")
            if brackets > _MOST_BRACKETS:
                token.children = filter_inline(
                    [Token("text", "", 0, content=token.content)]
                )
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
        children = filter_inline(parsed)
    # What brackets mean depends on link definitions, which can change.
    if "[" not in content:
        state.env["used"][content] = children
    return children


def _line_break(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
    """Parse ``<br>``, the only way to break a line in a table cell."""
    found = _BREAK.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _as_code(source: str) -> Token:
    return Token("fence", "code", 0, content=source)
