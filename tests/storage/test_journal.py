"""What outlives the kernel: journals, and `%step load`."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from journals import PIXEL, restart, written
from kernels import KernelUnderTest, running_kernel
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import CommandError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.settings import current, state_folder
from stepmagic.storage.journal import journal
from stepmagic.storage.journal_file import find_journals, read_journal
from stepmagic.transcript import Image, tree_to_dict, user
from stepmagic.wire import PROTOCOLS

WOULD_BE = """
import json
from stepmagic.session import session
from stepmagic.transcript import user
talk = session().conversation
print(json.dumps(talk.encode(user("And doubled?"), session().options(talk))))
"""
"""A cell that prints the next request of a kernel."""

LONG = " ".join(f"word{number}" for number in range(400))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# A kernel that dies


@pytest.fixture
def kernel_settings(server: OpenRouterServer, tmp_path: Path) -> dict[str, str]:
    return {
        "OPENROUTER_API_KEY": server.key,
        "STEPMAGIC_BASE_URL": server.url,
        "STEPMAGIC_STATE": str(tmp_path / "state"),
        "JPY_SESSION_NAME": str(tmp_path / "talk.ipynb"),
    }


def process(kernel: KernelUnderTest) -> int:
    return int(kernel.check("import os; print(os.getpid())").printed)


def kill(kernel: KernelUnderTest) -> None:
    os.kill(process(kernel), signal.SIGKILL)


@pytest.fixture
def next_shell(
    step: ShellUnderTest,
    kernel_settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> ShellUnderTest:
    """A shell on the same notebook, which has loaded nothing yet."""
    for name, value in kernel_settings.items():
        monkeypatch.setenv(name, value)
    return step


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_complete_turn_survives_kill_9(
    server: OpenRouterServer,
    kernel_settings: dict[str, str],
    next_shell: ShellUnderTest,
    protocol: str,
) -> None:
    """The next request is that of a kernel that lives, reasoning included."""
    server.enqueue(answer("Two.", reasoning="One and one."))
    settings = {**kernel_settings, "STEPMAGIC_API": protocol}
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        kernel.check("%step model stepfun/step-3.7-flash:free")
        kernel.check("%%step -s 'Be brief.' -p max_tokens=500\nWhat is 1 + 1?")
        kernel.check("%%step -p max_tokens=500 -c plots\nAnother matter.")
        would_be = kernel.check(WOULD_BE).printed
        kill(kernel)
    next_shell.run(f"%config StepMagic.api = {protocol!r}")
    next_shell.run("%step load")
    said = next_shell.printed
    assert said.startswith("Loaded main (1 turn), plots (1 turn) from the journal")
    next_shell.run("%%step\nAnd doubled?")
    assert server.requests[-1].body == json.loads(would_be)
    assert "One and one." in would_be
    assert "Be brief." in would_be
    assert ":free" in would_be


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_turn_in_mid_stream_survives_kill_9(
    server: OpenRouterServer,
    kernel_settings: dict[str, str],
    next_shell: ShellUnderTest,
    protocol: str,
) -> None:
    settings = {**kernel_settings, "STEPMAGIC_API": protocol}
    server.enqueue(answer(LONG, reasoning="Let me count.", pace_s=0.05))
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        pid = process(kernel)
        request = kernel.send("%%step -p max_tokens=5000\nCount!")
        kernel.read_until(request, "word60")
        os.kill(pid, signal.SIGKILL)
        killed_at = time.time()
    (path,) = find_journals(Path(kernel_settings["STEPMAGIC_STATE"]) / "journals")
    assert killed_at - path.stat().st_mtime < 2
    next_shell.run(f"%config StepMagic.api = {protocol!r}")
    next_shell.run("%step load")
    assert "Its last answer is incomplete: it was cut off." in next_shell.printed
    kept = session().conversation.turns[-1].text
    next_shell.run("%%step -p max_tokens=5000\nGo on.")
    assert LONG.startswith(kept)
    # What came in the last two seconds may be missing.
    assert len(kept.split()) > 60 - 2 / 0.05
    body = json.dumps(server.requests[-1].body)
    assert kept in body
    assert "Let me count." in body


def test_a_turn_is_written_while_it_comes(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning="Let me count.", pace_s=0.02))
    talk = session().conversation
    with talk.send(user("Count!"), session().options(talk)) as stream:
        while not written() or b'"again"' not in written()[0].read_bytes():
            assert next(stream)
        stood = read_journal(written()[0]).conversations[0].tree.path()[0]
    assert stood.status == "interrupted"
    assert stood.replies[0].reasoning == "Let me count."
    assert LONG.startswith(stood.text)
    assert stood.text
    assert talk.turns[0].text.startswith(stood.text)
    assert step.shell
    restart()
    said = run_subcommand("load")
    assert said.endswith("Its last answer is incomplete: it was cut off.")


def test_a_turn_that_says_nothing_new_is_not_written_again(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Late.", delay_s=2.5))
    step.run("%%step\nHi")
    assert sum("again" in line for line in lines(written()[0])) == 1


LEAVES = """
from stepmagic.session import session
from stepmagic.transcript import user
talk = session().conversation
stream = talk.send(user("Count!"), session().options(talk))
for _ in range(40):
    next(stream)
"""


def test_a_script_that_ends_in_mid_stream_closes_its_turn(
    server: OpenRouterServer,
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    settings = {"OPENROUTER_API_KEY": server.key, "STEPMAGIC_BASE_URL": server.url}
    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", LEAVES],
        env={**os.environ, **settings},
        check=True,
    )
    last = lines(written()[0])[-1]["again"]
    assert last["status"] == "interrupted"
    assert LONG.startswith(last["replies"][0]["parts"][0]["text"])


def test_what_comes_after_the_end_of_the_journal_is_written(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nA")
    here = journal()
    assert here is not None
    here.close()
    step.run("%%step\nB")
    (saved,) = read_journal(written()[0]).conversations
    assert [turn.prompt.text for turn in saved.tree.path()] == ["A", "B"]
    assert len(server.requests) == 2


# Where it lies


def test_each_turn_is_on_disk_when_its_cell_is_done(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes.", reasoning="Hm."))
    step.run("%%step\nIs it?")
    (path,) = written()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    header, *rest = lines(path)
    assert header["journal"] == 1
    assert header["pid"] == os.getpid()
    assert header["folder"] == str(Path.cwd())
    assert "notebook" not in header
    assert [set(line) - {"talk"} for line in rest] == [{"turn"}, {"about"}, {"again"}]
    assert rest[0]["turn"]["replies"][0]["status"] == "running"
    assert rest[2]["again"]["replies"][0]["parts"][1]["text"] == "Yes."
    assert dict(run_subcommand("").rows)["journal"] == str(path)


def test_what_was_loaded_is_what_was_there(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    for question in "ABC":
        step.run(f"%%step\n{question}")
    for command in ("undo", "use fork", "use main", "new", "model local", "use main-3"):
        run_subcommand(command)
    step.run("%%step -m stepfun/step-3.7-flash\nD")
    run_subcommand("undo")
    before = session().conversation.saved
    restart()
    assert run_subcommand("load").startswith("Loaded main (4 turns) from the journal")
    after = session().conversation.saved
    assert after.about == before.about
    assert after.about.overrides.model == "local/smollm2"
    assert tree_to_dict(after.tree) == tree_to_dict(before.tree)
    assert run_subcommand("redo").startswith("Restored 'D'")
    assert len(server.requests) == 4


def test_media_are_written_once(server: OpenRouterServer, step: ShellUnderTest) -> None:
    image = Image(media_type="image/png", data=PIXEL, name="photo")
    talk = session().conversation
    for _ in range(2):
        options = session().options(talk)
        with talk.send(user("What is this?", image), options) as stream:
            list(stream)
    (path,) = written()
    assert sum("media" in line for line in lines(path)) == 1
    restart()
    run_subcommand("load")
    assert [turn.prompt.parts[1] for turn in session().conversation.turns] == [
        image
    ] * 2
    step.run("%%step\nAgain?")
    assert server.requests[-1].body["messages"][1]["content"][1]["type"] == "image_url"


def test_what_is_asked_aside_is_in_no_journal(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step --once\nAside?")
    assert len(server.requests) == 1
    assert written() == []


def test_no_key_is_in_a_journal(server: OpenRouterServer, step: ShellUnderTest) -> None:
    talk = session().conversation
    talk.overrides = session().conversation.overrides
    server.enqueue(answer(f"The key {server.key} is yours."))
    step.run("%%step\nHi")
    with pytest.raises(Exception, match="contains the API key"):
        step.run(f"%%step -s 'My key is {server.key}.'\nHi")
    run_subcommand("use fork")
    session().journals.close()
    (path,) = written()
    text = path.read_text()
    assert "My key is [key]." in text
    assert server.key not in text


def test_a_setting_turns_it_off_names_a_folder_and_catches_up(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    current().journal = ""
    assert dict(run_subcommand("").rows)["journal"].startswith("off: ")
    step.run("%%step\nA")
    assert journal() is None
    with pytest.raises(CommandError, match="no journal of an earlier kernel"):
        run_subcommand("load")
    current().journal = str(tmp_path / "mine")
    step.run("%%step\nB")
    (path,) = find_journals(tmp_path / "mine")
    current().journal = "auto"
    step.run("%%step\nC")
    assert written() != []
    for folder, turns in ((tmp_path / "mine", "AB"), (state_folder(), "ABC")):
        found = folder / "journals" if folder == state_folder() else folder
        (saved,) = read_journal(find_journals(found)[0]).conversations
        assert "".join(turn.prompt.text for turn in saved.tree.path()) == turns
    assert path.exists()
    assert len(server.requests) == 3


def test_two_kernels_keep_theirs_apart(
    server: OpenRouterServer, kernel_settings: dict[str, str]
) -> None:
    with (
        running_kernel(**kernel_settings) as one,
        running_kernel(**kernel_settings) as two,
    ):
        for kernel, question in ((one, "A"), (two, "B"), (one, "C")):
            kernel.run("%load_ext stepmagic")
            kernel.check(f"%%step\n{question}")
    found = find_journals(Path(kernel_settings["STEPMAGIC_STATE"]) / "journals")
    asked = [
        [turn.prompt.text for turn in saved.tree.path()]
        for path in found
        for saved in read_journal(path).conversations
    ]
    assert asked == [["A", "C"], ["B"]]
    assert len(server.requests) == 3


FORKED = """
import os, warnings
warnings.simplefilter("ignore")
from stepmagic import step
def child():
    step("In the child?")
    os._exit(0)
pid = os.fork() or child()
assert os.waitpid(pid, 0)[1] == 0
step("In the parent?")
"""


def test_a_forked_child_has_a_journal_of_its_own(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nBefore?")
    (own,) = written()
    step.run(FORKED)
    child = next(path for path in written() if path != own)
    for path, last in ((own, "In the parent?"), (child, "In the child?")):
        found = read_journal(path)
        (saved,) = found.conversations
        assert not found.faults
        asked = [turn.prompt.text for turn in saved.tree.path()]
        assert asked == ["Before?", last]
    assert len(server.requests) == 3


# Faults


FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
"""
"""Files end at 600 bytes, as on a disk that is full then."""


def test_a_full_disk_costs_one_warning_and_no_answer(
    server: OpenRouterServer, kernel_settings: dict[str, str]
) -> None:
    server.enqueue(answer("First."), answer("Second."))
    with running_kernel(**kernel_settings) as kernel:
        kernel.check("%load_ext stepmagic")
        kernel.check(FULL_DISK)
        shown = [kernel.check(f"%%step\n{q}").shown[-1]["text/plain"] for q in "AB"]
        status = kernel.check("%step").shown[-1]["text/plain"]
    assert shown[0].startswith("First.")
    assert "The journal is off: File too large" in shown[0]
    assert shown[1].startswith("Second.")
    assert "journal" not in shown[1]
    assert "off, after a fault" in status
    (path,) = find_journals(Path(kernel_settings["STEPMAGIC_STATE"]) / "journals")
    assert path.stat().st_size <= 600


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("/dev/null/state", "Not a directory (/dev/null/state"),
        ("/proc/nowhere", "No such file or directory"),
        ("relative", "there is no home folder"),
    ],
)
def test_a_folder_that_cannot_be_written_costs_one_warning(
    server: OpenRouterServer,
    step: ShellUnderTest,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    reason: str,
) -> None:
    monkeypatch.setenv("STEPMAGIC_STATE", folder)
    server.enqueue(answer("First."), answer("Second."))
    step.run("%%step\nA")
    assert step["_step"].text == "First."
    assert f"The journal is off: {reason}" in step.printed
    step.run("%%step\nB")
    assert step["_step"].text == "Second."
    assert "journal" not in step.printed
    assert dict(run_subcommand("").rows)["journal"] == "off, after a fault"


def test_what_was_loaded_is_in_the_new_journal(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nA")
    restart()
    run_subcommand("load")
    restart()
    assert len(written()) == 2
    for path in written():
        (saved,) = read_journal(path).conversations
        assert [turn.prompt.text for turn in saved.tree.path()] == ["A"]
    assert len(server.requests) == 1
