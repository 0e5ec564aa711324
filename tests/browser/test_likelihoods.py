"""Coloured tokens on a bare page: what pointer and keyboard bring to sight."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from stepmagic.conversation.reply import Logprobs
from stepmagic.display.html.logprobs import logprobs_bundle
from stepmagic.transcript import TokenLogprob

TOKENS = Logprobs(
    TokenLogprob(
        token=token,
        logprob=logprob,
        alternatives=(TokenLogprob(token="other", logprob=-2.0),),
    )
    for token, logprob in [("It", -0.01), (" is", -1.0), (" March", -4.0)]
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_alternatives_come_by_pointer_and_by_keyboard(
    chromium: Browser, scheme: Literal["light", "dark"]
) -> None:
    page = chromium.new_page(color_scheme=scheme, java_script_enabled=False)
    html = logprobs_bundle(TOKENS)["text/html"]
    page.set_content(f'<meta name="color-scheme" content="light dark">{html}')
    token = page.locator(".sm-likely > span").nth(1)
    details = token.locator("[hidden]")
    expect(details).to_be_hidden()
    token.hover()
    expect(details).to_be_visible()
    expect(details).to_contain_text("other")
    page.mouse.move(0, 0)
    expect(details).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(token).to_be_focused()
    expect(details).to_be_visible()
    page.keyboard.press("Tab")
    expect(details).to_be_hidden()
    page.close()
