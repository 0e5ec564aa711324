"""What `%step WORD` does, through a real shell."""

from __future__ import annotations

import getpass
import json
import os
import signal
import socket
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from cards import rows
from openrouter_server import OpenRouterServer, answer
from openrouter_server.models import SIGNED, TEXT_ONLY
from shell_fixtures import ShellUnderTest
from stepmagic import keys
from stepmagic.errors import (
    CommandError,
    KeyMissing,
    SettingError,
    StepError,
    UnsupportedOption,
)
from stepmagic.magics.subcommands import SUBCOMMANDS, run_subcommand
from stepmagic.server.options import Overrides
from stepmagic.session import session
from stepmagic.settings import DEFAULT_SYSTEM, current
from stepmagic.transcript.usage import estimate_messages

SECRET = "sk-or-v1-0123456789abcdef"  # a made-up key
PROMPT = estimate_messages([], DEFAULT_SYSTEM)
NOWHERE = "http://127.0.0.1:9/v1"
"""The port of the discard service: nothing listens."""


# Words


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("modle", "no subcommand 'modle'. Did you mean `%step model`? There are: key"),
        ("hist", "Did you mean `%step history`?"),
        ("what is this", "To ask a question, use %%step and write the question on"),
        ("new now", "%step new takes nothing after it."),
        ("use a b", "%step use takes 1 word after it."),
        ("use 'a", "a closing ' is missing"),
    ],
)
def test_what_is_no_subcommand_is_refused_with_advice(line: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        run_subcommand(line)
    assert says in str(caught.value)


def test_every_subcommand_is_in_the_manual(step: ShellUnderTest) -> None:
    shell: Any = step.shell
    manual = shell.find_line_magic("step").__doc__
    for name in SUBCOMMANDS:
        assert f"%step {name}" in manual


# Models


def test_models_of_the_server_are_listed_once_a_day(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%step model")
    listed = rows("model")
    assert listed["stepfun/step-3.7-flash (current)"] == (
        "text, image, video",
        "256,000",
        "0.20",
        "1.15",
    )
    assert listed[SIGNED] == ("text, image, file", "200,000", "1.00", "5.00")
    assert [request.path for request in server.requests] == ["/api/v1/models"]


def test_models_that_ship_are_listed_without_a_server() -> None:
    current().base_url = NOWHERE
    shown = run_subcommand("model")
    assert [row[0] for row in shown.rows] == [
        "local/smollm2",
        "stepfun/step-3.7-flash (current)",
    ]
    assert shown.note.startswith(
        "The server's list could not be fetched; this one may be old: "
    )
    assert "could not be reached" in shown.note


def test_model_without_details_is_listed_by_its_name() -> None:
    session().catalogue().take({"data": [{"id": "llama3:8b"}]})
    assert rows("model")["llama3:8b"] == ("", "", "", "")


def test_chosen_model_is_asked_from_here_on(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run(f"%step model {TEXT_ONLY}")
    assert f"main asks {TEXT_ONLY} from here on." in step.printed
    step.run("%%step\nHi")
    assert server.requests[-1].body["model"] == TEXT_ONLY
    assert f"{TEXT_ONLY} (current)" in rows("model")
    session().use("other")
    assert rows("")["model"] == ("stepfun/step-3.7-flash",)


def test_local_chooses_the_embedded_model() -> None:
    said = run_subcommand("model local")
    assert said == "main asks local/smollm2 from here on."
    assert "local/smollm2 (current)" in rows("model")


def test_model_file_of_the_user_needs_no_catalogue() -> None:
    said = run_subcommand("model local/tiny.gguf")
    assert said == "main asks local/tiny.gguf from here on."


def test_unknown_model_is_chosen_and_close_names_are_given() -> None:
    assert run_subcommand("model stepfun/step-3.7-flsh") == (
        "main asks stepfun/step-3.7-flsh from here on. It is not in the catalogue and "
        "is sent as typed. Similar: stepfun/step-3.7-flash."
    )
    assert run_subcommand("model qqqqq").endswith("is sent as typed.")


def test_model_that_does_not_suit_the_conversation_is_not_chosen() -> None:
    talk = session().conversation
    talk.overrides = before = Overrides(effort="high")
    with pytest.raises(UnsupportedOption, match="local/smollm2 does not reason"):
        run_subcommand("model local")
    assert talk.overrides is before


# Conversations


def test_conversations_are_listed_with_their_last_prompt(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes."), answer("No."))
    step.run("%%step\nFirst\n\n  question?")
    step.run(f"%%step\n{'A long question. ' * 9}")
    session().use("plots")
    run_subcommand("model who/knows")
    assert rows("use") == {
        "main": ("2", "stepfun/step-3.7-flash", ("A long question. " * 9)[:60]),
        "plots (current)": ("0", "who/knows", ""),
    }
    assert run_subcommand("use main") == "Now on main: 2 turns."


def test_list_shows_a_prompt_on_one_line(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes."))
    step.run("%%step\nFirst\n\n  question?")
    assert rows("use")["main (current)"][-1] == "First question?"


def test_branch_name_may_hold_spaces() -> None:
    assert run_subcommand("use 'my plots'") == (
        "Branch my plots begins here, after 0 turns of main."
    )


def test_new_conversation_sets_the_turns_aside(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    assert run_subcommand("new") == "main is empty already."
    server.enqueue(answer("Yes."))
    step.run("%%step\nIs it?")
    assert run_subcommand("new") == (
        "main starts afresh; 1 turn set aside. `%step use` lists the branches."
    )
    step.run("%%step\nHi")
    roles = [message["role"] for message in server.requests[-1].body["messages"]]
    assert roles == ["system", "user"]


def test_history_is_the_conversation(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    assert run_subcommand("history") is session().conversation
    server.enqueue(answer("Forty-two."))
    step.run("%%step\nWhat is it?")
    step.run("%step history")
    [shown] = step.shown
    assert "What is it?" in shown["text/plain"]
    assert "Forty-two." in shown["text/plain"]


# Keys


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[str]]:
    """Let something be typed at the hidden prompt, as a kernel replaces ``getpass``."""
    prompts: list[str] = []

    def type_in(value: Any) -> list[str]:
        def ask(prompt: str = "") -> str:
            prompts.append(prompt)
            if isinstance(value, Exception):
                raise value
            return str(value)

        monkeypatch.setattr(getpass, "getpass", ask)
        return prompts

    return type_in


def test_entered_key_is_used_and_checked(
    server: OpenRouterServer,
    step: ShellUnderTest,
    typed: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(keys.VARIABLE)
    prompts = typed(f" {server.key}\n")
    step.run("%step key")
    assert prompts == ["API key (not shown): "]
    assert step.printed == (
        "The key is kept in this kernel. The server accepts it: $7.50 left.\n"
    )
    step.run("%%step\nHi")
    assert server.requests[-1].headers["authorization"] == f"Bearer {server.key}"
    assert rows("")["key"] == ("%step key, kept in this kernel",)


def test_refused_key_is_said(
    server: OpenRouterServer, step: ShellUnderTest, typed: Callable[[Any], list[str]]
) -> None:
    typed(SECRET)
    step.run("%step key")
    assert (
        "The key is kept in this kernel. The server does not accept it: "
        in step.printed
    )
    assert "401" in step.printed
    assert SECRET not in step.printed
    assert server.requests[-1].path == "/api/v1/key"


def test_no_key_entered_changes_nothing(typed: Callable[[Any], list[str]]) -> None:
    typed("  ")
    assert run_subcommand("key") == "No key entered; nothing has changed."
    assert keys.find_key() is None


def test_text_that_is_no_key_changes_nothing(typed: Callable[[Any], list[str]]) -> None:
    typed("sk-or-\nv1-0123456789")
    with pytest.raises(
        SettingError, match="the key contains characters that HTTP cannot send"
    ) as caught:
        run_subcommand("key")
    assert "0123456789" not in str(caught.value)
    assert keys.find_key() is None


def test_forgotten_key_gives_way_to_the_next(
    typed: Callable[[Any], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    current().base_url = NOWHERE
    typed(SECRET)
    run_subcommand("key")
    assert run_subcommand("key forget") == (
        "The key entered in this kernel is forgotten; there is no other."
    )
    monkeypatch.setenv(keys.VARIABLE, SECRET)
    assert run_subcommand("key forget") == (
        "The key entered in this kernel is forgotten; the next is environment variable "
        "OPENROUTER_API_KEY."
    )


@pytest.mark.parametrize("words", [SECRET, f"forget {SECRET}", f"{SECRET} {SECRET}"])
def test_key_written_into_a_cell_is_refused_and_not_repeated(words: str) -> None:
    with pytest.raises(CommandError) as caught:
        run_subcommand(f"key {words}")
    assert SECRET not in str(caught.value)
    assert keys.find_key() is None


def test_key_is_in_no_frame_of_an_interrupted_check(
    typed: Callable[[Any], list[str]],
) -> None:
    """A traceback may show the local variables of every frame."""
    typed(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        current().base_url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt) as caught:
            run_subcommand("key")
    frames = [frame for frame, _ in traceback.walk_tb(caught.tb)]
    assert "_checked" in [frame.f_code.co_name for frame in frames]
    assert not [frame for frame in frames if SECRET in repr(frame.f_locals)]


@pytest.mark.parametrize("error", [EOFError(), NotImplementedError("no stdin")])
def test_front_end_that_cannot_ask_is_told_the_way_round(
    typed: Callable[[Any], list[str]], error: Exception
) -> None:
    typed(error)
    with pytest.raises(KeyMissing, match="Set the environment variable OPENROUTER_"):
        run_subcommand("key")


def test_front_end_that_would_show_the_key_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a terminal, ``getpass`` warns and echoes what is typed."""
    module: Any = getpass
    monkeypatch.setattr(getpass, "getpass", module.fallback_getpass)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(KeyMissing, match="cannot hide a key that is typed"):
            run_subcommand("key")


class Stub(BaseHTTPRequestHandler):
    """A server that answers every request with one status and body."""

    answer: ClassVar[tuple[int, Any]]
    asked: ClassVar[list[dict[str, str]]]

    def do_GET(self) -> None:
        """Answer."""
        self.asked.append(dict(self.headers.items()))
        status, body = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stub() -> Iterator[type[Stub]]:
    """Make the configured server one that answers as a test sets it."""
    Stub.asked = []
    with HTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        current().base_url = f"http://127.0.0.1:{server.server_port}/v1"
        yield Stub
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answered", "says"),
    [
        (
            (200, {"data": {"limit_remaining": 0.5}}),
            "The server accepts it: $0.50 left.",
        ),
        (
            (200, {"data": {"limit_remaining": -2}}),
            "The server accepts it: -$2.00 left.",
        ),
        (
            (200, {"data": {"limit_remaining": None}}),
            "The server accepts it: no spending limit.",
        ),
        ((200, {"data": {"limit_remaining": "lots"}}), "The server accepts it."),
        ((200, {"data": {}}), "The server accepts it."),
        ((200, []), "The server accepts it."),
        ((404, {"error": {"message": "no such path"}}), "This server does not say"),
        (
            (401, {"error": {"message": "bad key"}}),
            "The server does not accept it: the server (401",
        ),
        (
            (500, {"error": {"message": "oops"}}),
            "It could not be checked: the server (5",
        ),
    ],
)
def test_what_the_server_says_of_the_key(
    stub: type[Stub],
    typed: Callable[[Any], list[str]],
    answered: tuple[int, Any],
    says: str,
) -> None:
    stub.answer = answered
    typed(SECRET)
    said = run_subcommand("key")
    assert said.startswith(f"The key is kept in this kernel. {says}")
    assert stub.asked[0]["authorization"] == f"Bearer {SECRET}"


def test_key_is_not_sent_over_plain_http(typed: Callable[[Any], list[str]]) -> None:
    current().base_url = "http://192.0.2.1/v1"
    typed(SECRET)
    assert run_subcommand("key") == (
        "The key is kept in this kernel. It is never sent: StepMagic.base_url is "
        "plain http to another machine."
    )


def test_what_is_no_list_of_models_is_said(stub: type[Stub]) -> None:
    stub.answer = (200, {"models": []})
    assert "is not of the form" in run_subcommand("model").note


def test_unusable_setting_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPMAGIC_API", "soap")
    with pytest.raises(StepError, match="environment variable STEPMAGIC_API='soap'"):
        run_subcommand("")
