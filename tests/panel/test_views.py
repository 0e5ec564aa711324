"""Turns and settings as pages draw them, and the transcript that is saved."""

from __future__ import annotations

from panel_pages import Page
from shell_fixtures import ShellUnderTest
from stepmagic.panel.views import transcript_bundle
from stepmagic.session import session


def test_a_setting_that_cannot_be_used_is_reported(
    page: Page, step: ShellUnderTest
) -> None:
    step.run("%config StepMagic.parameters = {'colour': 1}")
    session().conversation.use("other")
    page.wait(lambda: page.state["settings"]["fault"])
    assert "colour" in page.state["settings"]["fault"]


def test_a_transcript_without_turns_says_so() -> None:
    bundle = transcript_bundle("a <b>", (), count=0, place="here")
    assert bundle["text/plain"] == "a <b>: 0 turns"
    assert "a &lt;b&gt;" in bundle["text/html"]
    assert "Nothing was asked yet." in bundle["text/html"]
    assert 'class="sm-transcript sm-for-here"' in bundle["text/html"]
