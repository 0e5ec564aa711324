"""Link definitions that arrive after the blocks that need them."""

from __future__ import annotations

import pytest

from growing_markdown import Screen, one_shot
from stepmagic.markdown.links import Links
from stepmagic.markdown.parser import LONGEST


def test_a_late_definition_reaches_what_is_frozen() -> None:
    screen = Screen()
    assert "<a" not in screen.feed("see [it][r]\n\nmore\n\n")
    assert screen.restarts == 0
    html = screen.feed("[r]: https://a.b\n")
    assert screen.restarts == 1
    assert html == one_shot(screen.stream.source)
    screen.feed("\n[other]: https://a.b\n\n[r]: https://too.late\n\n")
    assert screen.restarts == 1


def test_late_definitions_of_a_long_answer_do_not_restart_it_each_time() -> None:
    screen = Screen()
    labels = [f"[r{place}]" for place in range(2000)]
    screen.feed("".join(f"see {label}, of course\n\n" for label in labels))
    for label in labels[:50]:
        screen.feed(f"{label}: https://a.b\n\n")
    assert screen.restarts == 1
    assert screen.stream.finish().count("<a ") == 50


def test_definitions_are_late_only_for_labels_of_finished_blocks() -> None:
    links = Links()
    first = links.parse("[a] and [B]\n\n")
    assert links.add(first.tokens, first.references, 2) == []
    assert links.brackets == 2
    source = "[b]: https://b.c\n[d]: https://d.e\n\n[a]: https://a.b\n"
    second = links.parse(source)
    assert links.add(second.tokens, second.references, 3) == [("B", "https://b.c")]
    third = links.parse("[d]\n[d]: https://no.more\n\n[d]: https://no.more\n")
    assert third.has_duplicates
    assert links.add(third.tokens, third.references, 4) == []
    assert set(links.references) == {"B", "D"}
    link = (third.tokens[1].children or [])[0]
    assert link.attrs == {"href": "https://d.e"}


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(RecursionError):
        Links().parse("a" * (LONGEST + 1))
