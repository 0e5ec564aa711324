"""Safe tokens written as Markdown.

Owns how text is escaped so that it remains text in every Markdown program, also in one
that renders raw HTML and knows neither formulas nor tables. The output contains ``<``
only in code and in line breaks, no images and no link definitions; code remains code
whichever of the syntaxes around it a program knows.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from markdown_it.token import Token

# No definition is ever written, so brackets are text unless they are part of a link.
# `\\[` is never written, since it begins a formula in some programs.
_MARKUP = re.compile(r"[\\`*~$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:{])")
_TASK = re.compile(r"\[(?=[ xX]\]\s)")
_REFERENCE = re.compile(r"&(?=[#A-Za-z0-9]|\Z)")
# Characters that begin a block, underline a heading or divide the head of a table.
_BLOCK_MARKER = re.compile(r"[+](?=\s|\Z)|-(?=[\s|:-]|\Z)|=(?==*\s*\Z)|[#>|:]")
_ORDINAL = re.compile(r"(\d{1,9})([.)])(?=\s|\Z)")

# What a program without formulas would find in one: HTML, code, images, links, link
# definitions. The replacements look the same in TeX.
_IN_MATHS = (
    (re.compile("< *"), r"\\lt "),
    (re.compile("> *"), r"\\gt "),
    (re.compile("`"), "\u2018"),
    (re.compile("(?<=~)~(?=~)"), r"\\nobreakspace "),
    (re.compile(r"(?<=&)(?=[#A-Za-z])|(?<=[!\]])(?=[\[(:])"), " "),
)

_DELIMITERS = {
    "strong_open": "**",
    "strong_close": "**",
    "s_open": "~~",
    "s_close": "~~",
    "softbreak": "\n",
    "hardbreak": "\\\n",
}
_DIVIDERS = {"left": ":---", "center": ":---:", "right": "---:"}


def write(tokens: list[Token]) -> str:
    """Return safe tokens as Markdown."""
    lines, _ = _blocks(iter(tokens))
    return "\n".join([*lines, ""]) if lines else ""


def _blocks(tokens: Iterator[Token]) -> tuple[list[str], bool]:
    """Return the lines of all blocks up to the end of the one around them.

    The flag is true if one of them is a paragraph of a loose list.
    """
    lines: list[str] = []
    loose = other = False
    before: Token | None = None
    for token in itertools.takewhile(_continues, tokens):
        if before is not None and not (before.hidden or token.hidden):
            lines.append("")
        # Two lists in a row need different markers, or they would be one list.
        other = before is not None and before.type == token.type and not other
        lines += _block(token, tokens, other=other)
        loose = loose or (token.type == "paragraph_open" and not token.hidden)
        before = token
    return lines, loose


def _block(token: Token, tokens: Iterator[Token], *, other: bool) -> list[str]:
    match token.type:
        case "paragraph_open":
            lines = _Line().write(_only(tokens)).split("\n")
        case "heading_open":
            # A `#` at the end would be dropped as decoration.
            text = re.sub(r"#\Z", r"\#", _Line(is_single=True).write(_only(tokens)))
            lines = [f"{'#' * int(token.tag[1])} {text}"]
        case "blockquote_open":
            lines = [f"> {line}".rstrip() for line in _blocks(tokens)[0] or [""]]
        case "bullet_list_open" | "ordered_list_open":
            lines = _list(token, tokens, other=other)
        case "table_open":
            lines = _table(tokens)
        case "fence" | "code_block":
            ticks = "`" * max(3, _longest_run(token.content) + 1)
            code = token.content.removesuffix("\n").split("\n")
            lines = [ticks + token.info, *code, ticks]
        case "math_block":
            lines = ["$$", *_maths(token.content).split("\n"), "$$"]
        case _:
            lines = ["___"]
    return lines


def _continues(token: Token) -> bool:
    """Whether a token does not close the block around it."""
    return token.nesting >= 0


def _only(tokens: Iterator[Token]) -> list[Token]:
    """Return the inline tokens of a block that contains nothing else."""
    inline = next(tokens)
    next(tokens)
    return inline.children or []


def _list(opening: Token, tokens: Iterator[Token], *, other: bool) -> list[str]:
    items = []
    loose = False
    number = int(opening.attrs.get("start", 1))
    for _ in itertools.takewhile(_continues, tokens):
        content, is_loose = _blocks(tokens)
        loose = loose or is_loose
        if opening.type == "ordered_list_open":
            marker = f"{number}{')' if other else '.'} "
        else:
            marker = "* " if other else "- "
        indent = " " * len(marker)
        first, *rest = content or [""]
        lines = [(marker + first).rstrip()]
        items.append(lines + [indent + line if line else "" for line in rest])
        number += 1
    return [line for item in items for line in (["", *item] if loose else item)][loose:]


def _table(tokens: Iterator[Token]) -> list[str]:
    lines: list[str] = []
    cells: list[str] = []
    dividers: list[str] = []
    for token in itertools.takewhile(lambda each: each.type != "table_close", tokens):
        match token.type:
            case "th_open":
                style = str(token.attrs.get("style", ""))
                dividers.append(_DIVIDERS.get(style.removeprefix("text-align:"), "---"))
            case "inline":
                cells.append(
                    _Line(is_single=True, is_cell=True).write(token.children or [])
                )
            case "tr_close":
                lines.append(f"| {' | '.join(cells)} |")
                cells.clear()
            case "thead_close":
                lines.append(f"| {' | '.join(dividers)} |")
    return lines


class _Line:
    """Writes the inline tokens of one block."""

    def __init__(self, *, is_single: bool = False, is_cell: bool = False) -> None:
        self._is_single = is_single
        """Whether line breaks are not allowed: in a heading or a table cell."""
        self._is_cell = is_cell
        self._pieces: list[str] = []
        self._emphases = 0
        self._href = ""
        self._has_pairs = True
        """Whether brackets need no escaping: in a label, unpaired ones would end it."""

    def write(self, children: list[Token]) -> str:
        for place, token in enumerate(children):
            match token.type:
                case "link_open":
                    self._open_link(token, children, place)
                case "link_close":
                    self._pieces.append(f"]({self._href})")
                    self._has_pairs = True
                case "em_open":
                    self._pieces.append("*_"[self._emphases % 2])
                    self._emphases += 1
                case "em_close":
                    self._emphases -= 1
                    self._pieces.append("*_"[self._emphases % 2])
                case _:
                    self._pieces.append(self._leaf(token))
        # A line break at the end would be a backslash.
        return "".join(self._pieces).removesuffix("\\\n")

    def _open_link(self, link: Token, children: list[Token], place: int) -> None:
        label = []
        while children[place].type != "link_close":
            if children[place].type == "text":
                label.append(children[place].content)
            place += 1
        self._has_pairs = _has_paired_brackets("".join(label))
        self._href = re.sub(r"&(?=\w+;)", "&amp;", str(link.attrs["href"]))
        # `!` before a link would make an image of it.
        if self._pieces and self._pieces[-1].endswith("!"):
            self._pieces[-1] = self._pieces[-1][:-1] + r"\!"
        self._pieces.append("[")

    def _leaf(self, token: Token) -> str:
        written = _DELIMITERS.get(token.type, "")
        match token.type:
            case "text":
                written = self._text(token.content)
            case "code_inline":
                code = _code(token.content)
                written = code.replace("|", r"\|") if self._is_cell else code
            case "math_inline":
                tex = _maths(token.content).replace("\n", " ")
                tex = tex.replace("|", r"\vert ").strip() if self._is_cell else tex
                written = f"{token.markup}{tex}{token.markup}"
            case "task":
                written = f"[{token.content}] "
            case "softbreak" if self._is_single:
                written = " "
            case "hardbreak" if self._is_single:
                written = "<br>"
        return written

    def _text(self, content: str) -> str:
        """Return text with everything escaped that could be markup at this place."""
        before = self._pieces[-1][-1:] if self._pieces else "\n"
        starts = before == "\n" and not self._is_single
        if starts:
            content = content.lstrip(" \t")
        # The text contains no control characters, so two can represent references.
        text = (
            content if self._has_pairs else content.translate({91: "\x01", 93: "\x02"})
        )
        text = _REFERENCE.sub("&amp;", _MARKUP.sub(r"\\\g<0>", text))
        text = _TASK.sub("&#91;", text.replace("<", "&lt;"))
        text = text.translate({1: "&#91;", 2: "&#93;"})
        if self._is_cell:
            return text.replace("|", r"\|")
        if starts and _BLOCK_MARKER.match(content):
            return "\\" + text
        if starts and (ordinal := _ORDINAL.match(text)):
            return rf"{ordinal[1]}\{text[ordinal.end(1) :]}"
        return text


def _has_paired_brackets(label: str) -> bool:
    """Whether all brackets of a label are paired, and none begins an address."""
    depth = 0
    for bracket in re.findall(r"[\[\]]", label):
        depth += 1 if bracket == "[" else -1
        if depth < 0:
            return False
    return depth == 0 and not re.search(r"\][(\[:{]", label)


def _maths(tex: str) -> str:
    for pattern, instead in _IN_MATHS:
        tex = pattern.sub(instead, tex)
    return tex.strip()


def _code(content: str) -> str:
    ticks = "`" * (_longest_run(content) + 1)
    padded = content[:1] == "`" or content[-1:] == "`"
    padded = padded or (content[:1] == content[-1:] == " " and bool(content.strip()))
    return f"{ticks} {content} {ticks}" if padded else ticks + content + ticks


def _longest_run(code: str) -> int:
    """Return the length of the longest run of backticks."""
    return max(map(len, re.findall("`+", code)), default=0)
