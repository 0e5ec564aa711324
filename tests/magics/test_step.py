"""The magics through a real shell: what is sent, bound, shown and refused."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from openrouter_server import OpenRouterServer, answer, error
from shell_fixtures import ShellUnderTest
from stepmagic.errors import (
    AttachmentError,
    CommandError,
    KeyRefused,
    SettingError,
    UnsupportedOption,
)
from stepmagic.session import session


def prompt(server: OpenRouterServer, number: int = -1) -> str:
    """Return the last user text of a request to ``/chat/completions``."""
    content = server.requests[number].body["messages"][-1]["content"]
    assert isinstance(content, str)
    return content


def test_a_cell_is_sent_and_its_reply_kept(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("**Forty-two.**"))
    assert step.run("%%step\nWhat is it?\n") is None
    assert prompt(server) == "What is it?"
    assert step["_step"].text == "**Forty-two.**"
    assert "Forty-two." in step.printed


def test_the_answer_is_bound_whole_or_as_text(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("One."), answer("Two."))
    step.run("%%step r <<\nFirst?")
    step.run("%%step text: str << -e low\nSecond?")
    assert step["r"].status == "complete"
    assert step["text"] == "Two."
    assert type(step["text"]) is str


def test_a_failed_cell_binds_nothing(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(error(401, "User not found."))
    with pytest.raises(KeyRefused):
        step.run("%%step r <<\nFirst?")
    assert "r" not in step.shell.user_ns


def test_options_reach_the_server(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run(
        "%%step -e high -s 'Be brief.' -p temperature=0.5 -p stop=END -p seed=7\nHi"
    )
    body = server.requests[0].body
    assert body["reasoning"] == {"effort": "high"}
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["temperature"], body["stop"], body["seed"]) == (0.5, "END", 7)
    step.run("%%step\nAgain")
    assert server.requests[1].body["messages"][0]["content"] == "Be brief."


def test_variables_are_placed_once_and_data_stays_data(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["secret"] = "not this"
    step["row"] = "{{ secret }} {secret} {os.environ[HOME]} $HOME"
    step.run("%%step\nRow: {{ row }}, f'{row}' and \\{{ row }}")
    expected = (
        "Row: {{ secret }} {secret} {os.environ[HOME]} $HOME, f'{row}' and {{ row }}"
    )
    assert prompt(server) == expected


def test_shell_expansion_leaves_the_cell_alone(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["x"] = "expanded"
    text = 'In LaTeX $x$, in JSON {"a": {"b": 1}}, in a shell $HOME and {x}.'
    step.run(f"%%step\n{text}")
    assert prompt(server) == text


def test_raw_sends_braces_as_they_stand(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step --raw\nJinja: {{ user.name }}")
    assert prompt(server) == "Jinja: {{ user.name }}"


def test_names_on_the_first_line_come_before_the_text(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["numbers"] = [1, 2, 3]
    step.run("%%step numbers -e low\nSum?")
    content = server.requests[0].body["messages"][-1]["content"]
    attached, asked = (part["text"] for part in content)
    assert attached.startswith("`numbers`, list, 9 characters. Between the marks is")
    assert "]\n[1, 2, 3]\n[end " in attached
    assert asked == "Sum?"


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("%%step --efort low\nHi", CommandError, "--effort"),
        ("%%step -p temprature=1\nHi", SettingError, "temperature"),
        ("%%step -p temperature=9\nHi", SettingError, "from 0 to 2"),
        ("%%step -e max\nHi", CommandError, "high"),
        ("%%step -p api=grpc\nHi", SettingError, "responses"),
        ("%%step -p top_a=0.5\nHi", UnsupportedOption, "top_p"),
        ("%%step nothing_here\nHi", AttachmentError, "nothing_here"),
        ("%%step\nHi {{ nothing_here }}", AttachmentError, "--raw"),
        ("%%step\nHi {{ open('x') }}", AttachmentError, "in another cell"),
        ("%%step 'open\nHi", CommandError, "closing"),
        ("%step modle", CommandError, "%step model"),
        ("%step what is this", CommandError, "%%step"),
        ("%step key sk-or-v1-typed-in", CommandError, "clear this cell"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(
    server: OpenRouterServer,
    step: ShellUnderTest,
    line: str,
    kind: type[Exception],
    hint: str,
) -> None:
    with pytest.raises(kind) as refused:
        step.run(line)
    assert hint in str(refused.value)
    assert not server.requests
    assert f"{kind.__name__}: " in step.printed
    assert "Traceback" not in step.printed


def test_an_empty_cell_is_a_usage_error(step: ShellUnderTest) -> None:
    with pytest.raises(UsageError):
        step.run("%%step")


def test_once_neither_reads_nor_changes_the_conversation(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nFirst?")
    step.run("%%step --once -s 'Aside.'\nAside?")
    step.run("%%step\nSecond?")
    assert len(server.requests[1].body["messages"]) == 2
    assert "Aside" not in str(server.requests[2].body)
    assert len(session().conversation.turns) == 2


def test_new_starts_afresh_and_another_conversation_is_apart(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nFirst?")
    step.run("%%step -n\nFresh?")
    assert "First?" not in str(server.requests[1].body)
    step.run("%%step -c other\nElsewhere?")
    assert "Fresh?" not in str(server.requests[2].body)
    step.run("%%step\nBack?")
    assert "Fresh?" in str(server.requests[3].body)


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step -p temperature=0\nFirst?")
    step.run("%%step --dry-run -e low -p api=responses\nSecond?")
    shown = step.shown[0]["text/plain"]
    assert "/responses" in shown
    assert shown.startswith("Not sent: about ")
    assert '"First?"' in shown
    assert '"Second?"' in shown
    assert server.key not in str(step.shown)
    step.run("%%step --dry-run -n -c never-made\nThird?")
    assert "First?" not in step.shown[0]["text/plain"]
    assert list(session().conversations) == ["main"]
    assert len(server.requests) == 1


def test_what_a_dry_run_shows_is_what_goes_out(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step --dry-run -e low -p seed=1\nHi")
    shown = step.shown[0]["text/html"]
    step.run("%%step -e low -p seed=1\nHi")
    body = server.requests[0].body
    assert all(f"&quot;{field}&quot;" in shown for field in body)


def test_the_manual_lists_every_option(step: ShellUnderTest) -> None:
    manual = step.shell.find_cell_magic("step").__doc__
    for word in ("--effort", "--dry-run", "NAME <<", "frequency_penalty", "{{ name }}"):
        assert word in manual
    assert "%step key" in step.shell.find_line_magic("step").__doc__


def test_config_sets_what_the_first_line_overrides(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%config StepMagic.effort = 'high'")
    step.run("%config StepMagic.parameters = {'temperature': 1}")
    step.run("%config StepMagic.title = 'My class'")
    step.run("%%step\nHi")
    step.run("%%step -e low -p temperature=0\nHi")
    first, second = server.requests
    assert first.body["reasoning"] == {"effort": "high"}
    assert first.body["temperature"] == 1
    assert first.headers["x-title"] == "My class"
    assert "http-referer" not in first.headers
    assert second.body["reasoning"] == {"effort": "low"}
    assert second.body["temperature"] == 0


def test_history_and_status_show(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%step history")
    assert "nothing asked yet" in step.shown[0]["text/plain"]
    server.enqueue(answer("<b>Bold</b> claim."))
    step.run("%%step\nSay <i>it</i>.")
    step.run("%step history")
    html = step.shown[0]["text/html"]
    assert "&lt;i&gt;it&lt;/i&gt;" in html
    assert "&lt;b&gt;Bold&lt;/b&gt; claim." in html
    step.run("%step")
    status = step.shown[0]["text/plain"]
    for word in ("stepfun/step-3.7-flash", "medium", "1 turn", "256,000", "$"):
        assert word in status
    assert server.key not in str(step.shown)


def test_loading_twice_changes_nothing(step: ShellUnderTest) -> None:
    hooks = len(step.shell.configurables)
    step.run("%reload_ext stepmagic")
    assert len(step.shell.configurables) == hooks
    step.run("%%step\nHi")
    assert step["_step"].status == "complete"
