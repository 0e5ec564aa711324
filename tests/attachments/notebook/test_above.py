"""The notebook so far within a token budget, in a kernel with a notebook's file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from kernels import KernelUnderTest, Ran, running_kernel
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.markers import framed
from stepmagic.attachments.notebook.above import attach_above
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text
from stepmagic.transcript.usage import estimate_part

PICTURE = "from PIL import Image; Image.new('RGB', (40, 30), 'red')"
KEY = "-----BEGIN PRIVATE " + "KEY-----"


def text_of(attached: Attached) -> str:
    return "\n".join(part.text for part in attached.parts if isinstance(part, Text))


def above(shell: Any, tokens: int = 8000) -> Attached:
    """Return what a cell attaches that runs after all others."""
    found: list[Any] = []

    def attach() -> None:
        try:
            handling = replace(Handling(), above_tokens=tokens)
            found.append(attach_above(Host(shell), handling, ()))
        except AttachmentError as error:
            found.append(error)

    shell.user_ns["attach"] = attach
    shell.run_cell("attach()", store_history=True)
    if isinstance(found[0], AttachmentError):
        raise found[0]
    attached: Attached = found[0]
    return attached


def run(shell: Any, *cells: str) -> None:
    for cell in cells:
        shell.run_cell(cell, store_history=True)


def test_without_a_file_all_cells_that_ran_are_sent_in_order(bare_shell: Any) -> None:
    run(bare_shell, "first = 1\nfirst", PICTURE, "print('third')")
    attached = above(bare_shell)
    text = text_of(attached)
    assert re.findall(r"In \[(\d)\]", text) == ["1", "2", "3"]
    assert "Out [3]:\n```\nthird\n```" in text
    assert "attach()" not in text
    assert [type(part) for part in attached.parts] == [Text, Image, Text]
    assert attached.size == "3 of 3 cells"
    (difference,) = attached.differences
    assert "without Markdown cells: the front end names neither" in difference


@pytest.mark.parametrize("tokens", [500, 700, 1500, 4000])
def test_no_more_tokens_are_sent_than_the_budget(bare_shell: Any, tokens: int) -> None:
    run(bare_shell, *(f"{PICTURE}; print('word ' * {n * 9})" for n in range(1, 12)))
    run(bare_shell, *(f"{PICTURE}\nx{n} = {n}\nx{n}" for n in range(12, 20)), PICTURE)
    attached = above(bare_shell, tokens)
    assert 0 < sum(map(estimate_part, framed(attached))) <= tokens
    assert "In [20]:" in text_of(attached)


def test_cells_that_do_not_fit_are_named(bare_shell: Any) -> None:
    run(bare_shell, *(f"value_{n} = {n}" for n in range(1, 201)))
    attached = above(bare_shell, 1000)
    numbers = [int(n) for n in re.findall(r"In \[(\d+)\]", text_of(attached))]
    assert numbers == list(range(numbers[0], 201))
    left_out = f"Left out to keep to 1,000 tokens: cells 1-{numbers[0] - 1}."
    assert attached.differences[-1] == left_out
    assert attached.size == f"{len(numbers)} of 200 cells"
    assert any("above_tokens" in notice for notice in attached.notices)
    assert left_out in str(framed(attached)[0])


def test_long_outputs_are_cut_before_cells_are_left_out(bare_shell: Any) -> None:
    run(bare_shell, "kept = 1", "print('word ' * 2000)", "last = 1")
    attached = above(bare_shell, 1000)
    assert attached.size == "3 of 3 cells"
    assert "`output of cell 2`: 9,000 characters are left out." in attached.differences


def test_output_that_does_not_fit_is_named(bare_shell: Any) -> None:
    run(bare_shell, *("print('word ' * 80)" for _ in range(9)))
    attached = above(bare_shell, 600)
    assert any(
        re.fullmatch(r"The output of cell \d is left out\.", each)
        for each in attached.differences
    )


def test_cell_that_alone_is_too_long_is_refused(bare_shell: Any) -> None:
    run(bare_shell, "x = '" + "word " * 2000 + "'")
    with pytest.raises(AttachmentError, match="cell 1, the nearest, takes about"):
        above(bare_shell, 1000)


def test_nothing_above_is_refused(bare_shell: Any) -> None:
    with pytest.raises(AttachmentError, match="no cell has run in this kernel before"):
        above(bare_shell)


def test_private_key_above_is_refused(bare_shell: Any) -> None:
    run(bare_shell, f"print('{KEY}')")
    with pytest.raises(AttachmentError, match="private key"):
        above(bare_shell)


def test_turns_of_the_conversation_are_not_repeated(
    step: ShellUnderTest, server: OpenRouterServer
) -> None:
    step.run("n = 41")
    step.run("%%step\nIs {{ n }} a prime?")
    step.run("%%step --once\nAn aside?")
    step.run("%%step --above\nAnd n + 1?")
    sent: Any = server.requests[-1].body["messages"]
    content = str(sent[-1]["content"])
    assert "n = 41" in content
    assert "a prime?" not in content
    assert "An aside?" in content
    assert str(sent).count("a prime?") == 1
    step.run("%%step --above --once\nAnd n + 1?")
    assert "a prime?" in str(server.requests[-1].body["messages"][-1])


def test_cells_with_nothing_but_turns_of_the_conversation_send_only_the_question(
    step: ShellUnderTest, server: OpenRouterServer
) -> None:
    step.run("%%step\nFirst?")
    step.run("%%step --above\nSecond?")
    assert server.requests[-1].body["messages"][-1]["content"] == "Second?"
    step.run("%%step --above --dry-run\nThird?")
    said = "every cell above is in the conversation already"
    assert said in step.shown[0]["text/plain"]


def test_the_api_key_is_refused(step: ShellUnderTest, server: OpenRouterServer) -> None:
    step.run(f"print('{server.key}')")
    before = len(server.requests)
    with pytest.raises(AttachmentError, match="API key"):
        step.run("%%step --above\nWhy?")
    assert len(server.requests) == before


# In a kernel, with a notebook's file.


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook") / "study.ipynb"


@pytest.fixture(scope="module")
def kernel(
    running_server: OpenRouterServer, notebook: Path
) -> Iterator[KernelUnderTest]:
    """A kernel of a notebook, in which one cell ran before ``%load_ext``."""
    settings = {
        "OPENROUTER_API_KEY": running_server.key,
        "STEPMAGIC_BASE_URL": running_server.url,
        "JPY_SESSION_NAME": str(notebook),
    }
    with running_kernel(**settings) as kernel:
        kernel.run("early = 1", cell="early")
        kernel.run("%load_ext stepmagic", cell="load")
        yield kernel


def save(path: Path, *cells: tuple[str, str, str]) -> None:
    """Write a notebook of cells: id, type and source each."""
    make: Any = v4
    made = [
        make.new_markdown_cell(source, id=name)
        if kind == "markdown"
        else make.new_code_cell(source, id=name)
        for name, kind, source in cells
    ]
    path.write_text(make.writes(make.new_notebook(cells=made)))


def sent(server: OpenRouterServer) -> str:
    content: Any = server.requests[-1].body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "<image>") for part in content)


def shown(ran: Ran) -> str:
    assert ran.status == "ok", "\n".join(ran.traceback)
    return str(ran.shown)


EARLY = (("early", "code", "early = 1"), ("load", "code", "%load_ext stepmagic"))


def test_order_and_markdown_are_those_of_the_file(
    kernel: KernelUnderTest, server: OpenRouterServer, notebook: Path
) -> None:
    kernel.run("print('below')", cell="b")
    kernel.run("print('second')", cell="c")
    kernel.run("print('first, old')", cell="a")
    kernel.run("print('first')", cell="a")
    server.enqueue(answer("**Yes.**"))
    kernel.run("%%step -n\nAsked here?", cell="q")
    save(
        notebook,
        *EARLY,
        ("t", "markdown", "# Title of the study"),
        ("a", "code", "print('first')"),
        ("m", "markdown", "Then the second."),
        ("c", "code", "print('second')"),
        ("q", "code", "%%step -n\nAsked here?"),
        ("u", "code", "not_run = True"),
        ("now", "code", "%%step --above\nWhy?"),
        ("b", "code", "print('below')"),
    )
    ran = kernel.run("%%step --above\nWhy?", cell="now")
    notice = r"the Markdown cells are those of `study.ipynb`, saved \d{4}-\d\d-\d\d \d"
    assert re.search(notice, shown(ran))
    text = sent(server)
    words = ("early = 1", "# Title", "\nfirst\n", "Then the", "\nsecond\n", "not_run")
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    for word in ("below", "old", "Asked here", "Yes.", "--above"):
        assert word not in text
    assert "In [ ], which did not run in this kernel:" in text
    assert "saved" not in text
    assert text.endswith("Why?")
    again = kernel.run("%%step --above\nWhy again?", cell="now")
    assert again.status == "ok"
    assert "Why?" not in sent(server)
    assert sent(server).count("# Title") == 1


def test_older_file_is_reported_to_the_user_and_the_model(
    kernel: KernelUnderTest, server: OpenRouterServer, notebook: Path
) -> None:
    kernel.run("print('edited since')", cell="edited")
    kernel.run("print('new since')", cell="new")
    save(
        notebook,
        *EARLY,
        ("edited", "code", "print('as saved')"),
        ("now", "code", ""),
    )
    ran = kernel.run("%%step --above --once\nWhy?", cell="now")
    text = sent(server)
    assert "as saved" not in text
    assert text.index("edited since") < text.index("new since")
    for said in (
        r"are those of `study.ipynb`, saved \d{4}-",
        r"Cell \d+ ran with other code than the file has\.",
        r"Cells [-\d, ]+ ran but are not in the file",
    ):
        assert re.search(said, text), said
        assert re.search(said, shown(ran)), said


@pytest.mark.parametrize("content", [None, "not JSON"])
def test_file_without_the_current_cell_or_unreadable_is_reported(
    kernel: KernelUnderTest,
    server: OpenRouterServer,
    notebook: Path,
    content: str | None,
) -> None:
    save(notebook, *EARLY, ("t", "markdown", "# Title of the study"))
    reason = "the current cell is not in `study.ipynb`, saved "
    if content is not None:
        notebook.write_text(content)
        reason = "the notebook's file cannot be used: `study.ipynb`"
    ran = kernel.run("%%step --above --once\nWhy?", cell="unsaved")
    text = sent(server)
    assert "early = 1" in text
    assert "# Title" not in text
    assert reason in text
    assert reason.partition("`")[2] in shown(ran)
