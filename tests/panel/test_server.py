"""The panel in the kernel: what pages ask for, what they are told, who is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import comm
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

from image_samples import drawing, encoded
from openrouter_server import OpenRouterServer, answer, error, stall
from shell_fixtures import ShellUnderTest
from stepmagic import Conversation
from stepmagic.attachments.notebook.host import Host
from stepmagic.panel import Panel
from stepmagic.panel.server import Desk, close_all, desk_for
from stepmagic.session import session
from stepmagic.transcript import Message, Text, Turn, user
from wires import Wire, said

LIMIT_S = 60


def publisher() -> Any:
    """Return what keeps what is displayed, in place of an output."""
    # IPython's is untyped.
    made: Any = CapturingDisplayPublisher
    return made()


class Page:
    """What a page knows: asks, and keeps what it is told."""

    def __init__(self, desk: Desk) -> None:
        """Open a page."""
        self.desk = desk
        self.told: dict[str, dict[str, Any]] = {}
        self.turns: dict[str, dict[str, Any]] = {}
        self.patches: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.state: dict[str, Any] = {}
        self._read = 0
        self._asked = 0

    def send(self, kind: str, buffers: tuple[bytes, ...] = (), **fields: Any) -> str:
        """Ask for something; returns the id of the message."""
        self._asked += 1
        id_ = f"m{self._asked}"
        content = {"kind": kind, "id": id_, **fields}
        data = {"method": "custom", "content": content}
        self.desk.model.comm.handle_msg(
            {"content": {"data": data}, "buffers": [memoryview(b) for b in buffers]}
        )
        return id_

    def ask(self, kind: str, buffers: tuple[bytes, ...] = (), **fields: Any) -> Any:
        """Ask for something, and return what is told."""
        id_ = self.send(kind, buffers, **fields)
        self.wait(lambda: id_ in self.told)
        return self.told[id_]

    def wait(self, holds: Callable[[], Any]) -> None:
        """Read messages until something holds."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            self._take()
            if holds():
                return
            assert time.monotonic() < deadline, self.state
            time.sleep(0.01)

    def wait_for_answers(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many turns stand there and are closed; return them in order."""
        self.wait(
            lambda: (
                len(self.shown) == count
                and all(turn["status"] != "running" for turn in self.shown)
            )
        )
        return self.shown

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The turns up to the head, as far as the page has them."""
        order = self.state.get("order", [])
        return [self.turns[id_] for id_, _ in order if id_ in self.turns]

    def _take(self) -> None:
        messages = said(Wire.sent)
        while self._read < len(messages):
            message = json.loads(json.dumps(messages[self._read]))
            self._read += 1
            if message["whole"]:
                self.turns, self.state = {}, {}
            for part in message["parts"]:
                self._take_part(part)

    def _take_part(self, part: dict[str, Any]) -> None:
        match part["kind"]:
            case "turns":
                self.turns |= {turn["id"]: turn for turn in part["turns"]}
            case "patch":
                self.patches.append(part)
            case "say":
                self.said.append(part["say"])
            case "done" | "failed":
                self.told[part["id"]] = part
            case "fault":
                self.state["fault"] = part["said"]
            case kind:
                self.state[kind] = part[kind]


@pytest.fixture
def page(step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of the current conversation."""
    Wire.sent.clear()
    # Without a kernel, ipywidgets talks to no one.
    monkeypatch.setattr(comm, "create_comm", Wire)
    step.shell.display_pub = publisher()
    desk = desk_for(session().conversation, Host(step.shell))
    desk.show(in_place=True)
    page = Page(desk)
    page.ask("ready")
    yield page
    close_all()


def texts(server: OpenRouterServer, place: int = -1) -> str:
    """Return the texts of the last user message of a request."""
    content = server.requests[place].body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


# Asking


def test_a_question_is_answered_in_the_panel_and_kept(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("**Yes.** It is so.\n\n- one", pace_s=0.02))
    assert page.ask("ask", text="Is it?")["kind"] == "done"
    (turn,) = page.wait_for_answers(1)
    assert turn["asked"] == "Is it?"
    assert "<strong>Yes.</strong>" in turn["html"]
    assert page.patches
    assert " ".join(page.said) == "Yes. It is so. one"
    assert page.state["waiting"] == []
    assert "of 256,000 tokens" in page.state["settings"]["gauge"]
    # The turn is closed before its thread has bound the name.
    page.wait(lambda: "_step" in step.shell.user_ns)
    assert step["_step"].text.startswith("**Yes.**")
    assert session().last is step["_step"]


def test_what_cannot_be_shown_is_said_and_the_panel_lives_on(
    page: Page, server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        raise ValueError(7)

    with monkeypatch.context() as patch:
        patch.setattr(page.desk.stage, "messages", broken)
        page.desk.changed()
        page.wait(lambda: "fault" in page.state)
    assert page.state["fault"] == "A part could not be shown: ValueError: 7"
    server.enqueue(answer("It lives."))
    page.ask("ask", text="Still there?")
    (turn,) = page.wait_for_answers(1)
    assert "It lives." in turn["html"]


def test_cells_and_the_panel_are_one_conversation(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("First."), answer("Second."))
    step.shell.display_pub = publisher()
    step.run("%%step\nOne?")
    page.wait_for_answers(1)
    page.ask("ask", text="Two?")
    page.wait_for_answers(2)
    assert [turn.text for turn in session().conversation.turns] == ["First.", "Second."]
    said = [m["content"] for m in server.requests[-1].body["messages"][1:]]
    assert said == ["One?", "First.", "Two?"]


def test_a_second_question_waits_and_says_so(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(stall(answer("Long.", reasoning=""), after=2), answer("Short."))
    page.ask("ask", text="One?")
    page.wait(lambda: page.state.get("stoppable"))
    (first,) = page.state["stoppable"]
    second = page.send("ask", text="Two?")
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["line"])
    (waiting,) = page.state["waiting"]
    assert (waiting["id"], waiting["text"]) == (second, "Two?")
    assert waiting["line"] == "waiting for the turn before this one"
    for kind in ("again", "edit", "switch", "new"):
        told = page.ask(kind, turn=first, text="Other?")
        assert told["said"] == ("an answer is coming. Wait for its end, or stop it.")
    page.ask("stop", what=first)
    page.wait(lambda: page.shown and page.shown[-1]["asked"] == "Two?")
    page.wait(lambda: page.shown[-1]["status"] == "complete")
    page.wait(lambda: page.state["stoppable"] == [])
    assert page.state["waiting"] == []


def test_what_was_stopped_keeps_its_text(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(stall(answer("One two three four.", reasoning=""), after=4))
    page.ask("ask", text="Count.")
    page.wait(lambda: any("One" in json.dumps(each) for each in page.patches))
    page.ask("stop", what=page.state["stoppable"][0])
    (turn,) = page.wait_for_answers(1)
    assert turn["status"] == "interrupted"
    assert "Stopped by you" in turn["html"]


def test_a_question_that_is_stopped_before_any_text_can_be_put_back(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(answer("Never.", delay_s=30))
    id_ = page.send("ask", text="Hm?")
    page.wait(lambda: page.state.get("stoppable"))
    page.ask("stop", what=page.state["stoppable"][0])
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["fault"])
    (failed,) = page.state["waiting"]
    assert failed["text"] == "Hm?"
    assert failed["fault"] == "Stopped before any text came."
    assert page.shown == []
    page.ask("dismiss", what=id_)
    page.wait(lambda: page.state["waiting"] == [])


def test_an_error_of_the_server_is_told_beside_the_question(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(error(402, "no credit"), answer("Now."))
    page.ask("ask", text="Hm?")
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["fault"])
    assert "no credit" in page.state["waiting"][0]["fault"]
    page.ask("ask", text="And now?")
    page.wait_for_answers(1)


def test_what_cannot_be_asked_is_told_to_the_page_alone(
    page: Page, step: ShellUnderTest, server: OpenRouterServer
) -> None:
    told = page.ask("ask", text="  ")
    assert told["kind"] == "failed"
    assert told["said"].startswith("nothing is asked.")
    assert "no variable" in page.ask("ask", text="?", words=["nothing"])["said"]
    step["key"] = server.key
    assert "key" in page.ask("ask", text="?", words=["key"])["said"]
    assert "older than" in page.ask("dance")["said"]
    assert "no such turn" in page.ask("again", turn="none")["said"]
    assert "stop button" in page.ask("stop", what="none")["said"]
    # A fault of ours, such as a page that sends fewer bytes than names.
    assert page.ask("ask", text="?", uploads=["a.txt"])["said"].startswith("ValueError")
    assert server.requests == []


# What is attached


def test_names_pictures_and_files_are_sent_as_a_cell_sends_them(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"month": ["May", "June"], "sold": [3, 4]})
    step["rate"] = 7
    server.enqueue(answer("Seen."))
    picture = encoded(drawing(40, 30), "PNG")
    told = page.ask(
        "ask",
        (picture, b"a,b\n1,2\n", b"text"),
        text="Compare @sales, {{ rate }} and me@sales.example.",
        words=["rate"],
        uploads=["../pasted image.png", "table.csv", ""],
    )
    assert told["kind"] == "done", told
    (turn,) = page.wait_for_answers(1)
    said = texts(server)
    assert "Compare `sales`, 7 and me@sales.example." in said
    for words in ("June", "table.csv", "upload"):
        assert words in said
    kinds = [p["type"] for p in server.requests[-1].body["messages"][-1]["content"]]
    assert kinds.count("image_url") == 1
    for words in ("sales", "pasted image.png", "table.csv", "2 rows"):
        assert words in turn["sent"]


def test_the_last_error_can_be_attached(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    with pytest.raises(ZeroDivisionError):
        step.run("1/0")
    server.enqueue(answer("Seen."))
    page.ask("ask", text="Why?", error=True)
    page.wait_for_answers(1)
    assert "ZeroDivisionError" in texts(server)


def test_a_preview_shows_the_request_and_sends_nothing(
    page: Page, server: OpenRouterServer
) -> None:
    told = page.ask("preview", text="Is it?", words=[], uploads=[])
    assert "Not sent" in told["html"]
    assert "Is it?" in told["html"]
    assert server.requests == []


def test_what_is_in_the_notebook_is_listed_and_drawn(
    page: Page, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"month": ["May", "June"], "sold": [3, 4]})
    step["rows"] = [{"a": 1}, {"a": 2}]
    step["photo"] = drawing(400, 300)
    step.run(
        "import os\nrate = 7\ndef twice(x): return 2 * x\nfrom os.path import join"
    )
    page.wait(lambda: "rate" in json.dumps(page.state.get("things")))
    told = page.ask("things")["things"]
    listed = {each["name"]: (each["kind"], each["about"]) for each in told}
    assert next(iter(listed)) == "photo"
    assert listed["photo"] == ("image", "400 × 300")
    assert listed["sales"] == ("table", "pandas DataFrame, 2 × 2")
    assert listed["rows"] == ("table", "list of records, 2 rows")
    assert listed["rate"] == ("other", "int")
    assert listed["twice"] == ("other", "function")
    assert not {"os", "join"} & listed.keys()
    pictures = {each["name"]: each.get("picture", "") for each in told}
    assert pictures["photo"].startswith("data:image/png;base64,")
    assert pictures["sales"] == ""


# Moving about in the tree


def test_a_question_is_edited_and_asked_anew_and_both_answers_stay(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"sold": [3, 4]})
    server.enqueue(answer("One."), answer("Two."), answer("Three."))
    page.ask("ask", text="First?", words=["sales"])
    (turn,) = page.wait_for_answers(1)
    page.ask("edit", turn=turn["id"], text="Second?")
    page.wait(lambda: page.shown and page.shown[0]["id"] != turn["id"])
    (edited,) = page.wait_for_answers(1)
    assert edited["asked"] == "Second?"
    assert "sales" in edited["sent"]
    assert "First?" not in texts(server)
    page.ask("again", turn=edited["id"])
    page.wait(lambda: page.shown and page.shown[0]["html"].count("Three."))
    ((_, siblings),) = page.state["order"]
    assert siblings[:2] == [turn["id"], edited["id"]]
    assert page.ask("edit", turn=turn["id"], text=" ")["kind"] == "done"
    page.wait(lambda: len(server.requests) == 4)


def test_a_page_goes_to_the_branch_of_a_sibling_and_back(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(*map(answer, ("One.", "More.", "Two.")))
    page.ask("ask", text="First?")
    (first,) = page.wait_for_answers(1)
    page.ask("ask", text="And?")
    page.wait_for_answers(2)
    page.ask("again", turn=first["id"])
    page.wait(lambda: len(page.shown) == 1 and "Two." in page.shown[0]["html"])
    second = page.shown[0]["id"]
    assert page.ask("switch", turn=first["id"])["kind"] == "done"
    page.wait(lambda: [t["asked"] for t in page.shown] == ["First?", "And?"])
    assert session().conversation.tree.branch != "main"
    page.ask("switch", turn=second)
    page.wait(lambda: [t["id"] for t in page.shown] == [second])


def test_a_turn_that_was_undone_can_be_gone_back_to(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(*map(answer, ("One.", "Two.")))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    page.ask("ask", text="And?")
    first = page.wait_for_answers(2)[0]
    session().conversation.undo(2)
    page.wait(lambda: page.shown == [])
    page.ask("switch", turn=first["id"])
    page.wait(lambda: len(page.shown) == 2)


def test_a_conversation_starts_afresh(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(answer("One."))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    assert "stay on a branch" in page.ask("new")["said"]
    page.wait(lambda: page.shown == [])


# Settings


def test_model_effort_and_system_prompt_are_those_of_the_conversation(
    page: Page, server: OpenRouterServer
) -> None:
    assert page.state["settings"]["effort"] == "medium"
    page.ask("set", name="effort", value="low")
    page.ask("set", name="system", value="Be brief.")
    page.wait(lambda: page.state["settings"]["system"] == "Be brief.")
    assert page.state["settings"]["effort"] == "low"
    server.enqueue(answer("Yes."))
    page.ask("ask", text="Is it?")
    page.wait_for_answers(1)
    body = server.requests[-1].body
    assert body["reasoning"]["effort"] == "low"
    assert body["messages"][0]["content"] == "Be brief."
    page.ask("set", name="model", value="local")
    page.wait(lambda: page.state["settings"]["model"] == "local/smollm2")
    assert page.state["settings"]["efforts"] == []
    page.ask("set", name="model", value="some/other")
    page.wait(lambda: page.state["settings"]["model"] == "some/other")
    assert page.state["settings"]["models"][0] == "some/other"
    assert page.ask("set", name="colour", value="red")["kind"] == "failed"


def test_a_setting_that_cannot_be_used_is_told(
    page: Page, step: ShellUnderTest
) -> None:
    step.run("%config StepMagic.parameters = {'colour': 1}")
    session().conversation.use("other")
    page.wait(lambda: page.state["settings"]["fault"])
    assert "colour" in page.state["settings"]["fault"]


# Answers into work

TABLES = """\
| month | sold | share | note |
|---|--:|--:|---|
| May | 1,200 | 0.5 | a |
| June | 900 | | b |

```python
x = 1
```

- inside

  | a | a | |
  |---|---|---|
  | - | -3 | 4 |
"""


def test_replies_texts_code_and_tables_are_bound_to_names(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(TABLES))
    page.ask("ask", text="Table?")
    (turn,) = page.wait_for_answers(1)
    assert turn["codes"] == ["python"]

    def bind(what: str, name: str, number: int = 0, **more: Any) -> str:
        return str(
            page.ask(
                "bind", turn=turn["id"], what=what, name=name, number=number, **more
            )["said"]
        )

    assert bind("table", "sold") == "sold is bound to the table."
    frame = step["sold"]
    assert list(frame.columns) == ["month", "sold", "share", "note"]
    assert frame["sold"].tolist() == [1200, 900]
    assert frame["share"].isna().tolist() == [False, True]
    bind("table", "second", 1)
    assert list(step["second"].columns) == ["a", "a (2)", "column 3"]
    bind("code", "code")
    assert step["code"] == "x = 1\n"
    bind("text", "text")
    bind("reply", "reply")
    assert step["text"] == step["reply"].text
    assert "is taken, by a str" in bind("reply", "text")
    assert bind("reply", "text", replace=True) == "text is bound to the reply."
    assert "is no name" in bind("reply", "no name")
    assert bind("table", "x", 2) == "the answer has no table 3."
    assert bind("code", "x", 1) == "the answer has no code 2."


# Pages that come and go


def test_a_page_that_comes_later_is_told_everything(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(answer("One."), stall(answer("Two three.", reasoning=""), after=3))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    page.ask("ask", text="And?")
    page.wait(lambda: any("Two" in json.dumps(each) for each in page.patches))
    later = Page(page.desk)
    Wire.sent.clear()
    page._read = 0
    later.ask("ready")
    later.wait(lambda: len(later.shown) == 2)
    later.wait(lambda: any(each["patch"].get("whole") for each in later.patches))
    assert "One." in later.shown[0]["html"]
    later.ask("stop", what=later.state["stoppable"][0])


def test_a_panel_that_opens_in_mid_answer_shows_it_when_it_is_whole(
    step: ShellUnderTest, server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    Wire.sent.clear()
    monkeypatch.setattr(comm, "create_comm", Wire)
    step.shell.display_pub = publisher()
    talk = session().conversation
    server.enqueue(answer("One two three four five.", reasoning="", pace_s=0.2))
    stream = talk.send(user("Count."), session().options(talk))
    next(stream)
    desk = desk_for(talk, Host(step.shell))
    desk.show(in_place=True)
    page = Page(desk)
    page.ask("ready")
    page.wait(lambda: page.shown)
    assert "An answer is being written" in page.shown[0]["html"]
    (turn,) = page.wait_for_answers(1)
    assert "five." in turn["html"]
    assert page.patches == []


def test_many_turns_come_in_several_messages_the_last_first(page: Page) -> None:
    tree = session().conversation.tree
    for number in range(120):
        reply = Message(role="assistant", parts=(Text(text=f"Reply {number}."),))
        tree.add(
            Turn(
                id=str(number),
                parent=tree.head,
                prompt=user(f"Question {number}?"),
                replies=(reply,),
                status="complete",
            )
        )
    page.ask("ready")
    page.wait(lambda: len(page.shown) == 120)
    held = [
        [turn["id"] for turn in part["turns"]]
        for message in said(Wire.sent)
        for part in message["parts"]
        if part["kind"] == "turns"
    ]
    assert [len(ids) for ids in held] == [20] * 6
    assert held[0][-1] == "119"


def test_an_answer_is_copied_as_markdown(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(answer("**Yes** <script>."))
    page.ask("ask", text="Is it?")
    (turn,) = page.wait_for_answers(1)
    assert page.ask("copy", turn=turn["id"])["text"] == "**Yes** &lt;script>.\n"


def test_what_is_saved_follows_the_conversation(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    published: Any = step.shell.display_pub
    outputs = published.outputs
    first = outputs[0]
    assert set(first["data"]) == {"text/html", "text/plain"}
    assert "Nothing was asked yet." in first["data"]["text/html"]
    server.enqueue(answer("**Yes.**"))
    page.ask("ask", text="Is it?")
    page.wait(lambda: "Is it?" in outputs[-1]["data"]["text/html"])
    last = outputs[-1]
    assert last["update"]
    assert last["transient"] == first["transient"]
    assert "Is it?" in last["data"]["text/html"]
    assert "<strong>Yes.</strong>" in last["data"]["text/html"]


def test_elsewhere_the_panel_has_an_output_of_its_own(
    page: Page, step: ShellUnderTest
) -> None:
    page.desk.show(in_place=False)
    published: Any = step.shell.display_pub
    bundle = published.outputs[-1]["data"]
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == page.desk.model.model_id
    assert "sm-for-" not in bundle["text/html"]


# The handle


def test_a_panel_is_of_the_current_conversation_or_of_one_by_name() -> None:
    assert Panel().conversation == Conversation("main")
    assert repr(Panel("other")) == "<Panel of other>"
    assert Panel(plots := Conversation()).conversation is plots
    assert Panel("other").conversation == Conversation("other")


def test_without_a_kernel_there_is_no_panel(step: ShellUnderTest) -> None:
    step.run("%step panel")
    assert "shown by a notebook" in step.printed
