"""Looking names up: what is read, what is refused, and that nothing runs."""

from __future__ import annotations

import collections
import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms import ALARMS
from stepmagic.attachments.names import look_up
from stepmagic.errors import AttachmentError
from stepmagic.reply import Reply
from stepmagic.transcript import Message, Text, Turn, Usage, user

ANSWER = Turn(
    parent=None,
    prompt=user("q"),
    replies=(Message(role="assistant", parts=(Text(text="```py\n1\n```"),)),),
    usage=Usage(prompt_tokens=3),
)


NAMESPACE: dict[str, Any] = {
    "n": 7,
    "_": "last",
    "_3": "third",
    "rows": [{"a": [1, 2]}, (3, {"x": None})],
    "numbers": collections.Counter("aab"),
    "ordered": collections.OrderedDict(first=1),
    "Out": {3: "third"},
    "_step": Reply(ANSWER),
    **ALARMS,
    "os": os,
    "environ": os.environ,
    "environb": os.environb,
    "hidden": {"module": os, "environment": [os.environ]},
    "answer": 42,
    "answers": [42],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("n", 7),
        (" n ", 7),
        ("(n)", 7),
        ("_", "last"),
        ("_3", "third"),
        ("Out[3]", "third"),
        ("rows[0]", {"a": [1, 2]}),
        ("rows[-1][0]", 3),
        ("rows[0]['a'][1]", 2),
        ('rows[1][1]["x"]', None),
        ("numbers['a']", 2),
        ("ordered['first']", 1),
        ("_step.text", "```py\n1\n```"),
        ("_step.code[0]", "1"),
        ("_step.usage", Usage(prompt_tokens=3)),
    ],
)
def test_names_subscripts_and_replies_are_read(expression: str, value: Any) -> None:
    found = look_up(expression, NAMESPACE)
    assert str(found).strip() == str(value).strip()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "`` is not the name of a variable"),
        ("not a name", "`not a name` is not the name"),
        ("n;", "is not the name"),
        ("a = 1", "is not the name"),
        ("n\0", "is not the name"),
        ("import os", "is not the name"),
        ("print(n)", r"`print\(n\)` is more than a name, and nothing is run"),
        ("n + 1", "is more than a name"),
        ("f'{n}'", "is more than a name"),
        ("[n]", "is more than a name"),
        ("(n := 1)", "is more than a name"),
        ("lambda: n", "is more than a name"),
        ("7", "is more than a name"),
        ("'text'", "is more than a name"),
        ("rows()", "is more than a name"),
        ("os.getenv('X')", "is more than a name"),
        ("rows[0]()", "is more than a name"),
        ("rows[n]", "takes constants in its brackets"),
        ("rows[:1]", "takes constants in its brackets"),
        ("rows[os.environ]", "takes constants in its brackets"),
        ("rows[{[]: 1}]", "takes constants in its brackets"),
        ("rows[9]", "has no item 9: list index out of range"),
        ("rows['a']", "has no item 'a': list indices must be"),
        ("rows[0][[]]", "unhashable"),
        ("n[0]", "asks for an item of int; only those of data are read"),
        ("rows.append", "asks for an attribute of list; only those of data are read"),
        ("n.__class__", "asks for an attribute of int"),
        ("_step.__class__", "asks for '__class__', which a Reply does not have"),
        ("_step._repr_html_", "asks for '_repr_html_', which a Reply does not have"),
        ("_step.turn", "asks for 'turn', which a Reply does not have"),
        ("_step.json", "asks for 'json', which a Reply does not have"),
        ("_step.usage.cost_usd", "asks for an attribute of Usage"),
        ("os", "`os` reads a module, which may hold secrets"),
        ("os.environ", "reads a module"),
        ("os.environ['HOME']", "reads a module"),
        ("environ", "`environ` reads the environment, which may hold secrets"),
        ("environ['HOME']", "reads the environment"),
        ("environb[b'HOME']", "reads the environment"),
        ("hidden['module']", "reads a module"),
        ("hidden['module'].environ", "reads a module"),
        ("hidden['environment'][0]['HOME']", "reads the environment"),
    ],
)
def test_anything_more_is_refused(expression: str, says: str) -> None:
    with pytest.raises(AttachmentError, match=says):
        look_up(expression, NAMESPACE)


@pytest.mark.parametrize(
    ("expression", "close"),
    [
        ("anwser", "Did you mean answer, answers?"),
        ("ordered['frist']", "Did you mean first?"),
        ("_step.txet", "Did you mean text?"),
        ("_step.cod", "Did you mean code?"),
    ],
)
def test_close_names_are_given(expression: str, close: str) -> None:
    with pytest.raises(AttachmentError) as caught:
        look_up(expression, NAMESPACE)
    assert str(caught.value).endswith(close)


def test_private_names_are_not_suggested() -> None:
    with pytest.raises(AttachmentError) as caught:
        look_up("secret", {"_secret": 1})
    assert str(caught.value) == "there is no variable 'secret'."


@pytest.mark.parametrize(
    "expression",
    [
        "alarm.a",
        "alarm[0]",
        "alarm()",
        "alarmed_dict['a']",
        "alarmed_dict[0]",
        "alarmed_list[0]",
        "alarmed_text[0]",
        "alarmed_text.upper",
    ],
)
def test_code_of_a_value_is_never_run(expression: str) -> None:
    with pytest.raises(AttachmentError):
        look_up(expression, NAMESPACE)


@pytest.mark.parametrize("name", ALARMS)
def test_value_alone_is_returned_untouched(name: str) -> None:
    assert look_up(name, NAMESPACE) is NAMESPACE[name]


def test_reading_adds_nothing_to_a_defaultdict() -> None:
    counts: dict[str, int] = collections.defaultdict(int, a=1)
    assert look_up("counts['a']", {"counts": counts}) == 1
    with pytest.raises(AttachmentError, match="has no item 'b'"):
        look_up("counts['b']", {"counts": counts})
    assert counts == {"a": 1}


def test_subclass_of_a_module_is_one() -> None:
    lazy = type("LazyModule", (types.ModuleType,), {})("lazy")
    with pytest.raises(AttachmentError, match="reads a module"):
        look_up("lazy", {"lazy": lazy})


def test_reply_of_the_same_name_is_none() -> None:
    false = type("Reply", (), {"text": "x", "__module__": "stepmagic.reply"})()
    with pytest.raises(AttachmentError, match="asks for an attribute of Reply"):
        look_up("false.text", {"false": false})


@pytest.fixture
def without_replies() -> Iterator[None]:
    """Make it a kernel in which nothing was asked yet."""
    module = sys.modules.pop("stepmagic.reply")
    yield
    sys.modules["stepmagic.reply"] = module


@pytest.mark.usefixtures("without_replies")
def test_nothing_is_a_reply_before_the_first() -> None:
    with pytest.raises(AttachmentError, match="asks for an attribute of int"):
        look_up("n.text", {"n": 7})


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" + "[0]" * 50_000,
        lambda: "x" + ".a" * 50_000,
        lambda: "(" * 50_000 + "x" + ")" * 50_000,
        lambda: "x[" + "[" * 5_000 + "]" * 5_000 + "]",
        lambda: "x[" + "-" * 50_000 + "1]",
    ],
    ids=["subscripts", "attributes", "parentheses", "lists", "signs"],
)
def test_deep_expression_is_refused(make: Callable[[], str]) -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(AttachmentError):
        look_up(make(), {"x": held})


@given(st.text(alphabet="abn_ros[]0'\".()-+{}:=\\ \n\0é日"))
def test_any_expression_is_read_or_refused(expression: str) -> None:
    with contextlib.suppress(AttachmentError):
        look_up(expression, NAMESPACE)
