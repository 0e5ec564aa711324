"""What is read from the IPython shell and the front end, and what is kept of cells."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import CommandError, Interrupted

TEXT = "text/plain"


class KernelPublisher:
    """As much of ipykernel's publisher as takes hooks."""

    def __init__(self) -> None:
        """Have none."""
        self.hooks: list[Any] = []
        self.register_hook = self.hooks.append

    def publish(self, message: dict[str, Any]) -> None:
        """Send a message as ipykernel does: each hook may change or swallow it."""
        for hook in self.hooks:
            assert hook(message) is message


def message(text: str) -> dict[str, Any]:
    """Return a display message of the Jupyter protocol, as ipykernel makes it."""
    return {"msg_type": "display_data", "content": {"data": {TEXT: text}}}


@pytest.fixture
def kernel_shell(bare_shell: InteractiveShell) -> Any:
    """Return a shell whose displays go through hooks, as a kernel's do."""
    shell: Any = bare_shell
    shell.display_pub = KernelPublisher()
    return shell


def test_outputs_of_a_kernel_are_recorded_once(kernel_shell: Any) -> None:
    host = Host(kernel_shell)
    for _ in range(3):
        Host(kernel_shell).record_outputs()
    hooks = kernel_shell.display_pub.hooks
    assert len(hooks) == 1
    kernel_shell.display_pub.publish(message("said"))
    assert host.displayed(host.cell_number) == [{TEXT: "said"}]
    assert host.displayed(host.cell_number - 1) is None


def test_a_terminal_is_not_recorded(bare_shell: InteractiveShell) -> None:
    Host(bare_shell).record_outputs()
    assert Host(bare_shell).displayed(1) is None


def test_second_shell_has_outputs_of_its_own(kernel_shell: Any) -> None:
    Host(kernel_shell).record_outputs()
    kernel_shell.display_pub.publish(message("first"))
    make: Any = InteractiveShell
    other = make(parent=kernel_shell)
    assert Host(other).displayed(1) is None
    other.display_pub = KernelPublisher()
    Host(other).record_outputs()
    other.display_pub.publish(message("second"))
    assert Host(other).displayed(Host(other).cell_number) == [{TEXT: "second"}]
    assert Host(kernel_shell).displayed(Host(kernel_shell).cell_number) == [
        {TEXT: "first"}
    ]


def test_number_of_the_running_cell_is_the_one_in_its_prompt(bare_shell: Any) -> None:
    bare_shell.user_ns["number"] = lambda: Host(bare_shell).cell_number
    for prompt in (1, 2):
        ran = bare_shell.run_cell("number()", store_history=True)
        assert ran.result == prompt


@pytest.fixture
def failing(bare_shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a shell that notes how its cells fail."""
    monkeypatch.delattr(sys, "last_value", raising=False)
    Host(bare_shell).record_errors()
    bare_shell.user_ns |= {"CommandError": CommandError, "Interrupted": Interrupted}
    return bare_shell


def test_no_cell_has_failed_yet(failing: Any) -> None:
    failing.run_cell("1")
    assert Host(failing).last_error is None


@pytest.mark.parametrize("ours", ["CommandError", "Interrupted"])
def test_our_own_errors_hide_no_other(failing: Any, ours: str) -> None:
    failing.run_cell(f"raise {ours}('a slip')")
    assert Host(failing).last_error is None
    failing.run_cell("1 / 0")
    failing.run_cell(f"raise {ours}('a slip')")
    assert isinstance(Host(failing).last_error, ZeroDivisionError)
    failing.run_cell("1 +")
    failing.run_cell(f"raise {ours}('a slip')")
    assert isinstance(Host(failing).last_error, SyntaxError)


def test_error_that_no_cell_raised_is_the_last_too(
    failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python and debuggers set ``sys.last_value`` as well."""
    failing.run_cell("1 / 0")
    elsewhere = KeyError("x")
    monkeypatch.setattr(sys, "last_value", elsewhere)
    assert Host(failing).last_error is elsewhere


def test_a_script_has_no_names_no_cell_and_nobody_to_ask() -> None:
    host = Host()
    assert not host.has_shell
    assert not host.has_kernel
    assert host.namespace == {}
    assert host.names == []
    assert host.cell is None
    assert host.cell_number == 0
    assert not host.can_ask
    assert not host.takes_next_cell
    host.push({"x": 1})
    assert host.namespace == {}


def test_names_are_those_that_the_user_defined(bare_shell: Any) -> None:
    bare_shell.run_cell("b = 1; _private = 2; a = 3")
    assert Host(bare_shell).names == ["b", "a"]


def test_pushed_values_have_names(bare_shell: Any) -> None:
    host = Host(bare_shell)
    host.push({"pushed": 5})
    assert bare_shell.run_cell("pushed").result == 5
    assert host.namespace["pushed"] == 5
    assert host.names == ["pushed"]


def test_the_shell_of_this_process_is_found(bare_shell: Any) -> None:
    assert Host.find().namespace is bare_shell.user_ns


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [("y", True), (" Yes ", True), ("no", False), ("", False), (EOFError, False)],
)
def test_only_a_yes_confirms(
    monkeypatch: pytest.MonkeyPatch, typed: Any, *, allowed: bool
) -> None:
    def answer(question: str) -> str:
        assert question == "Allow it? "
        if isinstance(typed, str):
            return typed
        raise typed

    monkeypatch.setattr("builtins.input", answer)
    assert Host.confirm("Allow it? ") is allowed
