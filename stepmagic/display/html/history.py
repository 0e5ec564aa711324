"""The transcript of a conversation: prompts, answers, costs, and its other branches.

Made from the tree, for ``%step history`` and for a conversation that a cell displays,
in a notebook and as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stepmagic.display.answer import Side, headings
from stepmagic.display.html.attachments import SentAttachments, sent_html
from stepmagic.display.html.bundle import aside_html, turn_bundle
from stepmagic.markdown import escape, plain
from stepmagic.markdown.characters import one_line
from stepmagic.markdown.html_text import QUIET
from stepmagic.transcript import Turn, TurnTree
from stepmagic.transcript.usage import format_cost, format_count, total

_SHOWN = 50
"""Characters of the prompt that identifies a branch."""


@dataclass(frozen=True, slots=True)
class _BranchMark:
    """Another branch, which leaves the displayed one or ends on it."""

    name: str
    turns: list[Turn]
    """Its turns that are not displayed, oldest first."""

    @property
    def command(self) -> str:
        """The command that switches to the branch."""
        return f"%step use {self.name}"

    @property
    def description(self) -> str:
        """What the branch is."""
        if not self.turns:
            return f"Branch {self.name} ends here"
        first = one_line(self.turns[0].prompt.typed, _SHOWN)
        count = format_count(len(self.turns), "turn")
        how = f", effort {self.turns[0].effort}" if self.turns[0].beside else ""
        return f"Branch {self.name} starts here, {count} beginning with {first!r}{how}"

    def __str__(self) -> str:
        return f"{self.description}: {self.command}"

    def to_html(self) -> str:
        """Return the mark as a line of HTML."""
        line = f"{escape(self.description)}: <code>{escape(self.command)}</code>"
        return f'<p class="sm-note" {QUIET}><small>{line}</small></p>\n'


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
        "text/html": "<hr>".join(filter(None, [*html, aside_html(last)])),
        "text/plain": "\n\n".join(map(plain, [*text, last])),
    }


def _marks(
    tree: TurnTree, displayed: list[Turn]
) -> dict[str | None, list[_BranchMark]]:
    """Return the other branches, by the turn after which they leave."""
    known = {turn.id for turn in displayed}
    found: dict[str | None, list[_BranchMark]] = {}
    for name, head in tree.heads.items():
        if name == tree.branch:
            continue
        path = tree.path(head) if head is not None else []
        off = [turn for turn in path if turn.id not in known]
        after = off[0].parent if off else head
        found.setdefault(after, []).append(_BranchMark(name, off))
    return found


def _head(tree: TurnTree, turn: Turn, number: int) -> str:
    """Return the heading of a turn; in a comparison, with the number of the answer."""
    sides = tree.sides(turn)
    if not sides:
        return f"{number}. You"
    place = sides.index(turn)
    how = headings(map(Side.of, sides))[place].partition(" ")[2]
    heading = f"{number}. You · answer {place + 1} of {len(sides)} side by side"
    return f"{heading} {how}".rstrip()


def _sum(name: str, tree: TurnTree, turns: list[Turn]) -> str:
    """Return the line at the end: the cost, and the current branch."""
    if not turns:
        line = f"{name}: nothing asked yet"
        return line if len(tree.heads) == 1 else f"{line} on branch {tree.branch}"
    spent = total(turn.usage for turn in turns)
    branch = "" if tree.branch == name else f", branch {tree.branch}"
    cost = format_cost(spent.cost_usd or 0)
    return f"{name}{branch}: {format_count(len(turns), 'turn')}, {cost}"


def _marks_html(marks: list[_BranchMark]) -> str:
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
    sent = SentAttachments(message=turn.prompt)
    if sent:
        yield repr(sent)
    yield ""
    thoughts = " ".join(reply.reasoning for reply in turn.replies).split()
    if thoughts:
        yield f"(thought: {format_count(len(thoughts), 'word')})"
    yield turn_bundle(turn)["text/plain"]
    if turn.usage is not None and turn.usage.cost_usd is not None:
        yield f"({format_cost(turn.usage.cost_usd)})"
