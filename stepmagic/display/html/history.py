"""A conversation as a transcript: prompts, answers, costs, and where branches leave.

Drawn from the tree alone, for ``%step history`` and for a conversation as a cell's last
line, in a notebook and as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stepmagic.display.answer import Side, headings
from stepmagic.display.html.attachments import Sent, sent_html
from stepmagic.display.html.bundle import quiet, turn_bundle
from stepmagic.markdown import escape, plain
from stepmagic.markdown.html_text import QUIET
from stepmagic.transcript import Turn, TurnTree
from stepmagic.transcript.usage import format_cost, format_count, total

_SHOWN = 50
"""Letters of a prompt that a branch is known by."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A branch that leaves the one that is drawn, or ends on it."""

    name: str
    turns: list[Turn]
    """Those that are not drawn, oldest first."""

    @property
    def way(self) -> str:
        """What goes there."""
        return f"%step use {self.name}"

    @property
    def words(self) -> str:
        """What the branch is."""
        if not self.turns:
            return f"Branch {self.name} ends here"
        first = " ".join(self.turns[0].prompt.typed.split())[:_SHOWN]
        count = format_count(len(self.turns), "turn")
        how = f", effort {self.turns[0].effort}" if self.turns[0].beside else ""
        return f"Branch {self.name} leaves here, {count} from {first!r} on{how}"

    def __str__(self) -> str:
        return f"{self.words}: {self.way}"

    def to_html(self) -> str:
        """Return the mark as a line of HTML."""
        said = f"{escape(self.words)}: <code>{escape(self.way)}</code>"
        return f'<p class="sm-note" {QUIET}><small>{said}</small></p>\n'


def history_bundle(name: str, tree: TurnTree) -> dict[str, str]:
    """Return the current branch of a conversation as HTML and as text."""
    turns = tree.path()
    marks = _marks(tree, turns)
    last = _sum(name, tree, turns)
    html = [_marks_html(marks.get(None, []))]
    text = list(map(str, marks.get(None, [])))
    for number, turn in enumerate(turns, 1):
        left = marks.get(turn.id, [])
        head = _head(tree, turn, number)
        html.append(_turn_html(turn, head) + _marks_html(left))
        text += [_turn_text(turn, head), *map(str, left)]
    return {
        "text/html": "<hr>".join(filter(None, [*html, quiet(last)])),
        "text/plain": "\n\n".join(map(plain, [*text, last])),
    }


def _marks(tree: TurnTree, drawn: list[Turn]) -> dict[str | None, list[_Mark]]:
    """Return the other branches by the turn after which they leave."""
    known = {turn.id for turn in drawn}
    found: dict[str | None, list[_Mark]] = {}
    for name, head in tree.heads.items():
        if name == tree.branch:
            continue
        path = tree.path(head) if head is not None else []
        off = [turn for turn in path if turn.id not in known]
        after = off[0].parent if off else head
        found.setdefault(after, []).append(_Mark(name, off))
    return found


def _head(tree: TurnTree, turn: Turn, number: int) -> str:
    """Return the heading of a turn; of several side by side, which one it is."""
    sides = tree.sides(turn)
    if not sides:
        return f"{number}. You"
    place = sides.index(turn)
    how = headings(map(Side.of, sides))[place].partition(" ")[2]
    said = f"{number}. You · answer {place + 1} of {len(sides)} side by side"
    return f"{said} {how}".rstrip()


def _sum(name: str, tree: TurnTree, turns: list[Turn]) -> str:
    """Return the line at the end: what it took, and where one is."""
    if not turns:
        said = f"{name}: nothing asked yet"
        return said if len(tree.heads) == 1 else f"{said} on branch {tree.branch}"
    spent = total(turn.usage for turn in turns)
    branch = "" if tree.branch == name else f", branch {tree.branch}"
    cost = format_cost(spent.cost_usd or 0)
    return f"{name}{branch}: {format_count(len(turns), 'turn')}, {cost}"


def _marks_html(marks: list[_Mark]) -> str:
    return "".join(mark.to_html() for mark in marks)


def _turn_html(turn: Turn, head: str) -> str:
    prompt = escape(turn.prompt.typed).replace("\n", "<br>")
    asked = f"<p><strong>{escape(head)}</strong></p><blockquote>{prompt}</blockquote>"
    return asked + sent_html(turn.prompt) + turn_bundle(turn)["text/html"]


def _turn_text(turn: Turn, head: str) -> str:
    return "\n".join(_lines(turn, head))


def _lines(turn: Turn, head: str) -> Iterator[str]:
    yield head
    yield from (f"> {line}" for line in turn.prompt.typed.splitlines())
    sent = Sent(message=turn.prompt)
    if sent:
        yield repr(sent)
    yield ""
    thoughts = " ".join(reply.reasoning for reply in turn.replies).split()
    if thoughts:
        yield f"(thought: {format_count(len(thoughts), 'word')})"
    yield turn_bundle(turn)["text/plain"]
    if turn.usage is not None and turn.usage.cost_usd is not None:
        yield f"({format_cost(turn.usage.cost_usd)})"
