"""Every class of attack in a live, trusted notebook, and in what is saved of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from playwright.sync_api import expect

from browser.notebook_page import NotebookPage
from markdown_samples import ATTACKS
from openrouter_server import OpenRouterServer, answer
from openrouter_server.script import Asked, Reply

A_CELL = 10
"""Replies; JupyterLab folds the outputs of a cell beyond 50."""

_STAND_INS = {0xD800: "\ue000", 0xDFFF: "\ue001"}
"""UTF-8 has no lone surrogates, but JSON can name them."""


def attack(number: int) -> Reply:
    """Return an answer that attacks, in its reasoning as well.

    It calls ``alert`` with its number, and is cut after each token, every second one,
    or as far as every fifth.
    """
    text = ATTACKS[number].replace("alert(", f"alert({number}+").translate(_STAND_INS)
    inner = answer(text, reasoning=text, pace_s=0.005, tokens_per_frame=1 + number % 5)

    def frames(asked: Asked) -> Iterator[bytes]:
        for frame in inner.frames(asked):
            json = frame.decode()
            for code, stand_in in _STAND_INS.items():
                json = json.replace(stand_in, rf"\u{code:x}")
            yield json.encode()

    return replace(inner, frames=frames)


def test_what_acts_is_noticed(notebook: NotebookPage) -> None:
    """The watch must be able to find faults, or the test below proves nothing."""
    notebook.run(
        "from IPython.display import HTML\n"
        "HTML('''<img src=/api/kernels/x onerror=alert(7)><script>alert(8)</script>"
        "<img src=https://evil.example/p.png>"
        "<iframe srcdoc='<script>alert(9)</script>'></iframe>''')"
    )
    notebook.page.wait_for_timeout(500)
    faults = "\n".join(notebook.watch.take_faults())
    for sign in (
        *("script: alert(7)", "script: alert(8)", "script: alert(9)"),
        *("image of the server: /api/kernels/x", "element: <iframe>"),
        "image from another host: https://evil.example/p.png",
    ):
        assert sign in faults


def test_no_attack_does_anything_while_streaming_or_later(
    server: OpenRouterServer, new_window: NotebookPage
) -> None:
    window = new_window
    # The panel shows the same turns at the same time.
    panel = window.run("%step panel").element
    server.enqueue(*map(attack, ATTACKS))
    code = f"from stepmagic import step\nfor _ in range({A_CELL}):\n    step('Go on.')"
    for _ in range(0, len(ATTACKS), A_CELL):
        cell = window.run(code)
        expect(cell.outputs).to_have_count(A_CELL)
    server.enqueue(answer("Still here."))
    assert window.run("%%step\nAnd now?").answer() == "Still here."
    look_at_all(window)
    panel.scroll_into_view_if_needed()
    shown = panel.locator(".sm-panel .sm-answer .sm-reply:not(.sm-live)")
    expect(shown).to_have_count(len(ATTACKS) + 1)
    assert window.watch.take_faults() == []
    saved = window.save()
    window.reload()
    look_at_all(window)
    assert window.watch.take_faults() == []
    window.reopen_without_kernel()
    look_at_all(window)
    assert window.watch.take_faults() == []
    window.open_as_received(saved)
    look_at_all(window)


def look_at_all(window: NotebookPage) -> None:
    """See every reply, its reasoning unfolded: what is hidden may not be loaded."""
    for cell in window.cells:
        cell.element.scroll_into_view_if_needed()
        cell.unfold()
    replies = window.page.locator(".jp-RenderedHTML > .sm-reply")
    own = replies.and_(window.page.locator(":not(.sm-panel *)"))
    expect(own).to_have_count(len(ATTACKS) + 1)
    window.page.wait_for_timeout(500)
