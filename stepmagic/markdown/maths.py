r"""TeX in Markdown: ``$..$``, ``$$..$$``, ``\(..\)`` and ``\[..\]``.

Owns where formulas begin and end, and which commands they may contain. The rules of
mdit-py-plugins 0.7 are not used: its bracket rule takes quadratic time, and its ``$$``
cannot follow a line of text, which is how models write. Every search here ends at the
next delimiter, so that a text full of delimiters takes linear time.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_CLOSERS = {"$$": "$$", "$": "$", r"\[": r"\]", r"\(": r"\)"}

# What may precede the closing delimiter; each match ends at the first delimiter.
# Between single dollars, no code may begin: "$6, or set `$HOME`".
_BODIES = {
    "$": re.compile(r"(?:[^$\\`]|\\.)*+", re.DOTALL),
    "$$": re.compile(r"(?:[^$\\]|\\.|\$(?!\$))*+", re.DOTALL),
    r"\(": re.compile(r"(?:[^$\\]|\\[^][()])*+", re.DOTALL),
    r"\[": re.compile(r"(?:[^$\\]|\\[^][()])*+", re.DOTALL),
}

# "between $5 and 10$ each"
_PRICE = re.compile(r"\d[\d.,]*[kKMB]?\s+[a-z]{2,}")

# "$HOME/$USER"
_BETWEEN = "/:;,=-"

_BLOCKED = (
    # Links, attributes, styles, fonts, scripts of MathJax's extensions.
    "href|style|class|cssId|data|unicode|mmlToken|bbox|require|autoload|setOptions|url"
    # Definitions outlive the formula: MathJax keeps one table of macros per page.
    "|[gex]?def|let|(?:re)?newcommand|providecommand|(?:re)?newenvironment"
    "|DeclareMathOperator|DeclarePairedDelimiters?X?P?P?|newtagform|renewtagform"
)
_COMMAND = re.compile(rf"(\\*)\\({_BLOCKED})(?![A-Za-z])")
# A label may be set once per page, but a frame is typeset many times.
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n|\Z)")


def maths_plugin(md: MarkdownIt) -> None:
    """Add tokens ``math_inline`` and ``math_block``; markup ``$`` or ``$$``."""
    md.inline.ruler.before("escape", "math_inline", _inline)
    md.block.ruler.before(
        "fence",
        "math_block",
        _block,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )


def sanitize_tex(tex: str) -> str:
    r"""Return TeX whose commands draw a formula and have no other effect.

    A command that links, styles, loads or defines something is replaced by its name.
    """
    tex = _LABEL.sub("", _COMMENT.sub(r"\1\n", tex))
    tex = _COMMAND.sub(_command_name, tex).strip()
    slashes = len(tex) - len(tex.rstrip("\\"))
    return tex[:-1] if slashes % 2 else tex


def _command_name(command: re.Match[str]) -> str:
    before, name = command.groups()
    if len(before) % 2:
        # `\\href` is a line break followed by text.
        return rf"{before}\ {name}"
    return rf"{before}\text{{{name}}}"


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
    source, begin = state.src, state.pos
    opener = next((each for each in _CLOSERS if source.startswith(each, begin)), None)
    if opener is None:
        return False
    start = begin + len(opener)
    body = _BODIES[opener].match(source, start, state.posMax)
    end = body.end() if body else start
    closer = _CLOSERS[opener]
    tex = sanitize_tex(source[start:end])
    if not (
        tex
        and source.startswith(closer, end)
        and end + len(closer) <= state.posMax
        and (opener != "$" or _is_formula(source, start, end))
    ):
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = tex
        token.markup = "$$" if opener in ("$$", r"\[") else "$"
    state.pos = end + len(closer)
    return True


def _is_formula(source: str, start: int, end: int) -> bool:
    """Whether it is a formula, not prices; ``$`` is before ``start`` and at ``end``."""
    before = source[start - 2 : start - 1] if start > 1 else ""
    after = source[end + 1 : end + 2]
    return not (
        before.isalnum()
        or after.isdigit()
        or source[start].isspace()
        or source[end - 1].isspace()
        or _PRICE.match(source, start, end)
        or (after.isalpha() and source[end - 1] in _BETWEEN)
    )


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
    begin = state.bMarks[first] + state.tShift[first]
    opener = state.src[begin : begin + 2]
    if opener not in ("$$", r"\[") or state.is_code_block(first):
        return False
    body = _BODIES[opener].match(state.src, begin + 2, state.eMarks[last - 1])
    closer = _CLOSERS[opener]
    if body is None or not state.src.startswith(closer, body.end()):
        return False
    line = first
    while state.eMarks[line] < body.end():
        line += 1
        if line >= last or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
    text = state.getLines(first, line + 1, state.blkIndent, False).strip()  # noqa: FBT003 - positional in markdown-it
    body = _BODIES[opener].match(text, 2)
    end = body.end() if body else len(text)
    tex, rest = sanitize_tex(text[2:end]), text[end + 2 :].strip()
    if rest not in ("", ".", ",", ";", ":") or not tex:
        return False
    if not silent:
        token = state.push("math_block", "math", 0)
        token.block = True
        token.content = tex + rest
        token.markup = "$$"
        token.map = [first, line + 1]
        state.line = line + 1
    return True
