"""Safe tokens as rich renderables.

Owns how each token of Markdown looks in a terminal. Text is never parsed as rich's own
markup, and links are not terminal hyperlinks: their address is visible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from markdown_it.token import Token
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from stepmagic.display.terminal.boxes import DIM, Align, Code, Grid, Hanging

_HEADINGS = {"h1": "bold underline magenta", "h2": "bold magenta"}
_SPANS = {"em_open": "italic", "strong_open": "bold", "s_open": "strike"}
_LEAVES = {"code_inline": "cyan", "math_inline": "italic cyan"}
_ALIGNS: dict[str, Align] = {
    "text-align:center": "center",
    "text-align:right": "right",
}
_CODE = ("fence", "code_block")
_BULLETS = "•◦▪"
_BOXES = ("[ ] ", "[x] ")
"""Task lists show these instead of bullets."""


def draw(tokens: Sequence[Token], *, stays: bool = False) -> list[RenderableType]:
    """Return what to print for each block.

    Args:
        tokens: Complete blocks, as ``parser.parse`` returns them.
        stays: Whether they are printed permanently. The terminal then wraps the lines
            of code; in a region that is repainted, this would move other lines.
    """
    drawing = iter(tokens)
    return [
        Code(token.content, token.info, stays=stays)
        if token.type in _CODE
        else _block(token, drawing, 0)
        for token in drawing
    ]


def _body(tokens: Iterator[Token], depth: int) -> tuple[list[RenderableType], bool]:
    """Return what to print up to the end of the block around the tokens.

    The flag is true if one of the blocks is a paragraph of a loose list.
    """
    drawn: list[RenderableType] = []
    is_loose = False
    before: Token | None = None
    for token in itertools.takewhile(lambda each: each.nesting >= 0, tokens):
        if before is not None and not (before.hidden or token.hidden):
            drawn.append(Text())
        drawn.append(_block(token, tokens, depth))
        is_loose = is_loose or (token.type == "paragraph_open" and not token.hidden)
        before = token
    return drawn, is_loose


def _block(token: Token, tokens: Iterator[Token], depth: int) -> RenderableType:
    drawn: RenderableType
    match token.type:
        case "paragraph_open":
            drawn = _only(tokens)
        case "heading_open":
            drawn = _only(tokens)
            drawn.stylize_before(_HEADINGS.get(token.tag, "bold"))
        case "blockquote_open":
            drawn = Hanging("▌ ", "▌ ", _body(tokens, depth)[0])
        case "bullet_list_open" | "ordered_list_open":
            drawn = _list(token, tokens, depth)
        case "table_open":
            drawn = _table(tokens)
        case "fence" | "code_block":
            drawn = Code(token.content, token.info)
        case "math_block":
            drawn = Hanging("  ", "  ", [Text(token.content, "italic cyan")])
        case _:
            # A dashed rule, unlike the ones around code.
            drawn = Rule(characters="╌", style=DIM)
    return drawn


def _only(tokens: Iterator[Token]) -> Text:
    """Return the text of a block that contains nothing else."""
    text = line(next(tokens).children or [])
    next(tokens)
    return text


def _list(opening: Token, tokens: Iterator[Token], depth: int) -> RenderableType:
    items: list[list[RenderableType]] = []
    is_loose = False
    for _ in itertools.takewhile(lambda each: each.nesting >= 0, tokens):
        body, loose = _body(tokens, depth + 1)
        items.append(body or [Text()])
        is_loose = is_loose or loose
    begin = int(opening.attrs.get("start", 1))
    widest = len(str(begin + len(items) - 1))
    drawn: list[RenderableType] = []
    for number, body in enumerate(items, begin):
        bullet = _BULLETS[min(depth, len(_BULLETS) - 1)]
        marker = f"{bullet} "
        if opening.type == "ordered_list_open":
            marker = f"{number:>{widest}}. "
        elif isinstance(body[0], Text) and body[0].plain.startswith(_BOXES):
            marker = ""
        if drawn and is_loose:
            drawn.append(Text())
        drawn.append(Hanging(marker, " " * len(marker or "[ ] "), body))
    return Group(*drawn)


def _table(tokens: Iterator[Token]) -> RenderableType:
    rows: list[list[Text]] = []
    aligns: list[Align] = []
    for token in itertools.takewhile(lambda each: each.type != "table_close", tokens):
        match token.type:
            case "tr_open":
                rows.append([])
            case "th_open":
                aligns.append(_ALIGNS.get(str(token.attrs.get("style")), "left"))
            case "inline":
                rows[-1].append(line(token.children or []))
    head, *rest = rows
    for cell in head:
        cell.stylize_before("bold")
    return Grid(aligns, head, rest)


def line(children: Sequence[Token]) -> Text:
    """Return inline tokens as text with styles."""
    text = Text()
    styles: list[str] = []
    href, begin = "", 0
    for token in children:
        match token.type:
            case "em_open" | "strong_open" | "s_open":
                styles.append(_SPANS[token.type])
            case "em_close" | "strong_close" | "s_close":
                styles.pop()
            case "link_open":
                href, begin = str(token.attrs["href"]), len(text)
            case "link_close":
                text.stylize("underline", begin)
                # An address that is its own label is shown only once.
                if text.plain[begin:] not in (href, href.removeprefix("mailto:")):
                    text.append(f" ({href})", DIM)
            case _:
                text.append(
                    _leaf(token),
                    " ".join([*styles, _LEAVES.get(token.type, "")]).strip(),
                )
    return text


def _leaf(token: Token) -> str:
    match token.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "math_inline":
            return f"{token.markup}{token.content}{token.markup}"
        case "task":
            return f"[{token.content}] "
        case _:
            return token.content
