"""``%step code`` and ``%step fix``: code in a new cell, which nothing runs."""

from __future__ import annotations

import pytest

from kernels import running_kernel
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.display.html.tables import Diff
from stepmagic.errors import AttachmentError, CommandError
from stepmagic.session import session

TWO_BLOCKS = "Either\n\n```python\nprint(1)\n```\n\nor\n\n```bash\nls\u202e\n```\n"


def offered(step: ShellUnderTest) -> str | None:
    """Return what stands in the next cell."""
    found: str | None = getattr(step.shell, "rl_next_input", None)
    step.shell.rl_next_input = None
    return found


def test_a_code_block_goes_into_a_new_cell(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(TWO_BLOCKS))
    step.run("%%step\nHow?")
    step.run("%step code")
    assert offered(step) == "print(1)"
    assert step.printed == "Code block 1 of 2 is in a new cell. Nothing has run.\n"
    step.run("%step code 2")
    assert offered(step) == "ls"
    assert step.printed.startswith("Code block 2 of 2 (bash) is")


def test_it_is_found_in_a_conversation_that_was_loaded(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(TWO_BLOCKS))
    step.run("%%step\nHow?")
    session().last = None
    step.run("%step code")
    assert offered(step) == "print(1)"


@pytest.mark.parametrize("word", ["0", "3", "one"])
def test_a_number_that_no_block_has_is_refused(
    server: OpenRouterServer, step: ShellUnderTest, word: str
) -> None:
    server.enqueue(answer(TWO_BLOCKS))
    step.run("%%step\nHow?")
    with pytest.raises(CommandError, match="from 1 to 2"):
        step.run(f"%step code {word}")
    assert offered(step) is None


def test_where_there_is_no_code_that_is_said(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    with pytest.raises(CommandError, match="there is no answer yet"):
        step.run("%step code")
    server.enqueue(answer("No code."))
    step.run("%%step\nHow?")
    with pytest.raises(CommandError, match="contains no code block"):
        step.run("%step code")


def fail(step: ShellUnderTest, cell: str) -> None:
    with pytest.raises(ZeroDivisionError):
        step.run(cell)


CELL = "secret = 'rosebud'\nnone = 0\n1 / none\n"
FIXED = (
    "The zero.\n\n```\nx\n```\n\n```python\nsecret = 'rosebud'\nnone = 1\n1 / none\n```"
)


def test_fix_sends_the_error_and_shows_a_diff(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    fail(step, CELL)
    step["secret"] = "another value"
    server.enqueue(answer(FIXED))
    step.run("%step fix")
    sent = str(server.requests[0].body["messages"][-1]["content"])
    assert "ZeroDivisionError" in sent
    assert "- none: int" in sent
    assert "another value" not in sent
    assert "The cell fails." in sent
    html = step.shown[-1]["text/html"]
    assert "-none = 0" in html
    assert "+none = 1" in html
    assert step.shown[-1]["text/plain"].splitlines()[1:] == [
        " secret = 'rosebud'",
        "-none = 0",
        "+none = 1",
        " 1 / none",
    ]
    assert offered(step) == "secret = 'rosebud'\nnone = 1\n1 / none"
    assert "The corrected cell is in a new cell. Nothing has run." in step.printed
    assert step["none"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It cannot be helped.", "contains no Python code"),
        (f"As it is:\n\n```python\n{CELL}```", "does not change the cell"),
    ],
)
def test_fix_offers_nothing_where_nothing_changes(
    server: OpenRouterServer, step: ShellUnderTest, text: str, said: str
) -> None:
    fail(step, CELL)
    server.enqueue(answer(text))
    step.run("%step fix")
    assert said in step.printed
    assert offered(step) is None


def test_fix_sends_no_cell_that_contains_the_key(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    fail(step, f"key = {server.key!r}\n1 / 0")
    with pytest.raises(AttachmentError, match="contains the API key"):
        step.run("%step fix")
    assert server.requests == []


def test_fix_needs_an_error(server: OpenRouterServer, step: ShellUnderTest) -> None:
    step.shell.meta.clear()
    with pytest.raises(AttachmentError, match="no cell has failed"):
        step.run(
            "import sys\nsys.last_value = None\n"
            "get_ipython().run_line_magic('step', 'fix')"
        )
    assert not server.requests


def test_a_diff_tells_lines_apart_without_colours() -> None:
    diff = Diff(before="a\n<b>\n", after="a\nc\n")
    assert repr(diff) == "@@ -1,2 +1,2 @@\n a\n-<b>\n+c"
    assert "-&lt;b&gt;" in diff._repr_html_()
    assert diff
    assert not Diff(before="a\n", after="a")
    assert repr(Diff(before="", after="")) == ""


def test_a_front_end_gets_the_code_as_its_next_cell(server: OpenRouterServer) -> None:
    server.enqueue(answer(TWO_BLOCKS))
    settings = {"OPENROUTER_API_KEY": server.key, "STEPMAGIC_BASE_URL": server.url}
    with running_kernel(**settings) as kernel:
        kernel.check(
            "%load_ext stepmagic\nfrom stepmagic import step\nr = step('How?')"
        )
        request = kernel.send("%step code")
        reply = kernel.client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != request:
            reply = kernel.client.get_shell_msg(timeout=60)
    (payload,) = reply["content"]["payload"]
    assert (payload["source"], payload["text"]) == ("set_next_input", "print(1)")
    assert not payload["replace"]
