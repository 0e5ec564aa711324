"""The last error with its cell, and of the names in it the types alone."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from kernels import running_kernel
from openrouter_server import OpenRouterServer
from stepmagic.attachments.notebook.errors import (
    attach_error,
    attach_last_error,
    failed_cell,
)
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError, CommandError
from stepmagic.transcript import Text


@pytest.fixture
def shell(bare_shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a shell in which no cell has failed, with data that must not be told."""
    monkeypatch.delattr(sys, "last_value", raising=False)
    Host(bare_shell).record_errors()
    bare_shell.user_ns |= {
        "df": pd.DataFrame({"secret": ["hidden value"]}),
        "password": "hidden value",
        "CommandError": CommandError,
    }
    return bare_shell


def failed(shell: Any, *cells: str) -> str:
    """Run cells and return what is told of the last error."""
    for cell in cells:
        shell.run_cell(cell, store_history=True)
    return said(attach_last_error(Host(shell)).parts[0])


def said(part: Any) -> str:
    assert isinstance(part, Text)
    return part.text


def test_no_error_is_refused(shell: Any) -> None:
    shell.run_cell("1")
    with pytest.raises(AttachmentError, match="no cell has failed"):
        attach_last_error(Host(shell))


def test_error_goes_with_its_cell_and_the_types_of_its_names(shell: Any) -> None:
    text = failed(shell, "n = len(df)\nn / (len(password) - 12)")
    assert text.startswith("The cell:\n```python\nn = len(df)\nn / (len(password)")
    kind = f"{pd.DataFrame.__module__}.DataFrame"
    assert text.endswith(
        f"```\nTypes of the names in it:\n- n: int\n- df: {kind}\n- password: str"
    )
    assert "ZeroDivisionError: division by zero" in text
    assert 'File "<cell>", line 2, in <module>' in text
    assert "hidden value" not in text
    assert "IPython" not in text


def test_attachment_is_named_and_of_the_kind_of_the_error(shell: Any) -> None:
    shell.run_cell("1 / 0")
    attached = attach_last_error(Host(shell))
    assert (attached.name, attached.kind) == ("error", "ZeroDivisionError")


@pytest.mark.parametrize("cell", ["x = 1 +", "def f(:\n    pass", "if x:\ny = 1"])
def test_syntax_error_goes_with_the_cell_that_has_it(shell: Any, cell: str) -> None:
    text = failed(shell, cell)
    assert text.startswith(f"The cell:\n```python\n{cell}\n```")
    assert 'File "<cell>", line' in text
    assert "Error: " in text
    assert "IPython" not in text
    assert "run_cell" not in text


def test_syntax_error_elsewhere_tells_no_other_file(
    shell: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file belongs to nobody's question; the line in the traceback does."""
    (tmp_path / "broken_module.py").write_text("password = 'in a file'\nx = (\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = failed(shell, "# asks for it\nimport broken_module")
    assert "# asks for it" in text
    assert "SyntaxError" in text
    assert "in a file" not in text
    text = failed(shell, "# evaluates\neval('1 +')")
    assert "# evaluates" in text
    assert 'File "<string>"' in text


def test_syntax_error_without_a_cell_has_its_line_alone() -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("1 +", "made up.py", "eval")
    attached = attach_error(caught.value, "e", {})
    assert "The cell" not in said(attached.parts[0])
    assert "made up.py" in said(attached.parts[0])


def test_chained_errors_are_told_from_the_first(shell: Any) -> None:
    text = failed(
        shell,
        "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('no a') from e",
    )
    assert text.index("KeyError: 'a'") < text.index("direct cause")
    assert text.index("direct cause") < text.index("ValueError: no a")
    assert "IPython" not in text


def test_steps_within_libraries_are_told(shell: Any) -> None:
    text = failed(shell, "import json\njson.loads('{')")
    assert "json.loads('{')" in text
    assert "in raw_decode" in text
    assert "JSONDecodeError: " in text


def test_deep_steps_are_told_by_the_last(shell: Any) -> None:
    text = failed(shell, "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(16)")
    assert text.count("File ") <= 12
    assert "ZeroDivisionError" in text


def test_long_message_is_cut_in_the_middle(shell: Any) -> None:
    text = failed(shell, "raise ValueError('begin' + 'x' * 30_000 + 'end')")
    assert "characters left out ..." in text
    assert "ValueError: begin" in text
    assert "xend" in text
    assert len(text) < 13_000


def test_magic_of_a_cell_is_told_as_python(shell: Any) -> None:
    text = failed(shell, "%%time\ndf / len(missing_name)")
    assert "NameError: name 'missing_name'" in text
    assert "run_cell_magic" in text


def test_interrupt_is_an_error_too(shell: Any) -> None:
    assert "KeyboardInterrupt" in failed(shell, "raise KeyboardInterrupt")


def test_group_of_errors_is_told_whole(shell: Any) -> None:
    text = failed(shell, "raise ExceptionGroup('two', [KeyError('a'), OSError('b')])")
    for word in ("two (2 sub-exceptions)", "KeyError: 'a'", "OSError: b"):
        assert word in text


def test_slip_on_a_later_line_hides_no_error(shell: Any) -> None:
    text = failed(shell, "1 / 0", "raise CommandError('a slip')")
    assert "ZeroDivisionError" in text


def test_escapes_and_fences_in_a_message_act_on_nothing(shell: Any) -> None:
    text = failed(shell, "raise ValueError('\\x1b[31mred\\n```\\nout \\u202e')")
    assert "ValueError: red\n```\nout" in text
    assert text.endswith("\n````")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_message_that_fails_is_told_so() -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    attached = attach_error(Bad(), "e", {})
    assert "Bad: <exception str() failed>" in said(attached.parts[0])


def test_error_that_was_kept_goes_by_its_name(shell: Any) -> None:
    shell.run_cell(
        "def fails():\n    return 1 / 0\n"
        "try:\n    fails()\nexcept ZeroDivisionError as e:\n    kept = e",
        store_history=True,
    )
    attached = attach_error(shell.user_ns["kept"], "kept", shell.user_ns)
    assert attached.name == "kept"
    assert "return 1 / 0" in said(attached.parts[0])
    assert "- fails: function" in said(attached.parts[0])


def test_error_that_was_never_raised_has_no_steps() -> None:
    attached = attach_error(ValueError("no"), "e", {})
    assert said(attached.parts[0]) == "```\nValueError: no\n```"


def test_error_of_another_thread_has_its_steps(shell: Any) -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            shell.user_ns["fails"]()
        except ZeroDivisionError as error:
            caught.append(error)

    shell.run_cell("def fails():\n    return 1 / 0", store_history=True)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    text = said(attach_error(caught[0], "e", shell.user_ns).parts[0])
    assert "return 1 / 0" in text
    assert "in work" in text
    assert text.startswith("The cell:\n```python\ndef fails():")


def test_only_names_of_the_notebook_are_told(shell: Any) -> None:
    text = failed(shell, "x = 1\nlen(x)\n[y for y in x]")
    assert text.endswith("Types of the names in it:\n- x: int")


def test_cell_without_names_tells_none(shell: Any) -> None:
    assert "Types of the names" not in failed(shell, "1 / 0")


def test_type_of_any_module_is_told(shell: Any) -> None:
    shell.user_ns["odd"] = type("Odd", (), {"__module__": 7})()
    assert "- odd: 7.Odd" in failed(shell, "odd / 2")


def test_error_of_a_kernel_is_sent_and_no_value(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    with running_kernel() as kernel:
        kernel.check("%load_ext stepmagic")
        assert kernel.run("%%step --error\nWhy?").status == "error"
        kernel.check("secret = 'hidden' + ' value'")
        assert kernel.run("secret / 2").status == "error"
        assert kernel.run("%%step --eror\nWhy?").status == "error"
        kernel.check("%%step --error\nWhy?")
    sent = str(server.requests[-1].body)
    assert "TypeError: unsupported operand" in sent
    assert "- secret: str" in sent
    assert "hidden value" not in sent
    assert "<cell>" in sent
    assert "ipykernel_" not in sent


def test_the_cell_is_sent_as_it_was_typed(shell: Any) -> None:
    cell = "%alias_magic t timeit\n!true\nn = {'a': 1}['b']"
    text = failed(shell, cell)
    assert text.startswith(f"The cell:\n```python\n{cell}\n```")
    assert "get_ipython" not in text
    assert failed_cell(Host(shell)) == cell
    again = failed(shell, "\n%run no_such_file.py")
    assert "----> " not in again
    assert "get_ipython()" not in again.split("IPython")[0]


def test_the_error_of_a_thread_is_found_until_another_cell_fails(shell: Any) -> None:
    work = (
        "import threading\ndef work(): raise RuntimeError('in a thread')\n"
        "t = threading.Thread(target=work); t.start(); t.join()"
    )
    text = failed(shell, "1 / 0", work)
    assert "RuntimeError: in a thread" in text
    assert "def work()" in text
    assert "threading.py" not in text
    assert "ZeroDivisionError" in failed(shell, "2 / 0")


@pytest.fixture(autouse=True)
def quiet_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads fail without a report of pytest's; and end what was begun."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
