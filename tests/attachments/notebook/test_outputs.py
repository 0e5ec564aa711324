"""What cells displayed and how they failed: kept in bounds, by the right number."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from stepmagic.attachments.notebook import outputs
from stepmagic.attachments.notebook.outputs import (
    Outputs,
    displayed,
    last_error,
    record_errors,
    record_outputs,
    running_cell,
)
from stepmagic.errors import CommandError, Interrupted

TEXT = "text/plain"


class Counting:
    """As much of a shell as tells which cell runs."""

    def __init__(self) -> None:
        """Run the first cell."""
        self.prompt_count = 1
        self.displayhook = self


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


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def kept(counting: Counting) -> Outputs:
    """Return what is kept of a shell that runs its first cell."""
    return Outputs(counting)


def message(text: str = "x", known: str | None = None, **more: str) -> dict[str, Any]:
    """Return a display message of the Jupyter protocol, as ipykernel makes it."""
    transient = {"display_id": known} if known else {}
    data = {TEXT: text, **more}
    return {
        "msg_type": "display_data",
        "content": {"data": data, "transient": transient},
    }


def texts(kept: Outputs, number: int) -> list[str]:
    return [bundle[TEXT] for bundle in kept.of(number)]


def test_outputs_are_kept_by_the_cell_that_ran(
    counting: Counting, kept: Outputs
) -> None:
    kept.take(message("one"))
    counting.prompt_count = 2
    kept.take(message("late figure of one"))
    kept.begin()
    kept.take(message("two"))
    assert texts(kept, 1) == ["one", "late figure of one"]
    assert texts(kept, 2) == ["two"]
    assert kept.of(3) == []


def test_message_goes_on_unchanged(kept: Outputs) -> None:
    shown = message("x", "a", **{"image/png": "iVBO", "text/html": "<b>"})
    same = message("x", "a", **{"image/png": "iVBO", "text/html": "<b>"})
    assert kept.take(shown) is shown
    assert shown == same
    others: tuple[dict[str, Any], ...] = ({}, {"content": {}}, {"content": {"data": 1}})
    for odd in others:
        assert kept.take(odd) is odd
    assert kept.of(1) == [{"image/png": "iVBO", TEXT: "x"}]


def test_what_is_drawn_anew_takes_the_place_of_the_output_before(
    counting: Counting, kept: Outputs
) -> None:
    for text, known in (("a1", "a"), ("plain", None), ("a2", "a"), ("b", "2")):
        kept.take(message(text, known))
    assert texts(kept, 1) == ["a2", "plain", "b"]
    counting.prompt_count = 2
    kept.begin()
    kept.take(message("a3", "a"))
    assert texts(kept, 1) == ["a3", "plain", "b"]
    assert texts(kept, 2) == []


def test_cleared_outputs_are_gone(kept: Outputs) -> None:
    for step in range(3):
        kept.take({"msg_type": "clear_output", "content": {"wait": True}})
        kept.take(message(f"step {step}"))
    assert texts(kept, 1) == ["step 2"]


def test_cells_are_kept_in_bounds(counting: Counting, kept: Outputs) -> None:
    for number in range(1, 300):
        counting.prompt_count = number
        kept.begin()
        kept.take(message())
    assert [number for number in range(1, 300) if kept.of(number)] == list(
        range(100, 300)
    )


def test_letters_are_kept_in_bounds(
    counting: Counting, kept: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_MOST_LETTERS", 5000)
    for number in (1, 2, 3):
        counting.prompt_count = number
        kept.begin()
        kept.take(message(str(number) * 1500))
    assert [len(kept.of(number)) for number in (1, 2, 3)] == [0, 1, 1]
    kept.take(message("y" * 100_000))
    assert [len(kept.of(number)) for number in (2, 3)] == [0, 1]
    kept.take(message("z"))
    assert texts(kept, 3) == ["z"]


def test_one_cell_without_end_is_kept_in_bounds(
    kept: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_MOST_LETTERS", 5000)
    for number in range(1000):
        kept.take(message(str(number)))
    assert texts(kept, 1) == [str(number) for number in range(991, 1000)]
    for number in range(1000):
        kept.take(message(str(number), "progress"))
    assert texts(kept, 1)[-2:] == ["999", "999"]


def test_a_shell_that_is_gone_is_let_go() -> None:
    shell = Counting()
    kept, seen = Outputs(shell), weakref.ref(shell)
    del shell
    gc.collect()
    assert seen() is None
    kept.begin()
    kept.take(message())
    assert texts(kept, 1) == ["x"]


@pytest.fixture
def kernel_shell(bare_shell: InteractiveShell) -> Any:
    """Return a shell whose displays go through hooks, as a kernel's do."""
    shell: Any = bare_shell
    shell.display_pub = KernelPublisher()
    return shell


def test_outputs_of_a_kernel_are_recorded_once(kernel_shell: Any) -> None:
    for _ in range(3):
        record_outputs(kernel_shell)
    hooks = kernel_shell.display_pub.hooks
    assert len(hooks) == 1
    kernel_shell.display_pub.publish(message("said"))
    assert displayed(kernel_shell, running_cell(kernel_shell)) == [{TEXT: "said"}]
    assert displayed(kernel_shell, running_cell(kernel_shell) - 1) is None


def test_a_terminal_is_not_recorded(bare_shell: InteractiveShell) -> None:
    record_outputs(bare_shell)
    assert displayed(bare_shell, 1) is None


def test_second_shell_has_outputs_of_its_own(kernel_shell: Any) -> None:
    record_outputs(kernel_shell)
    kernel_shell.display_pub.publish(message("first"))
    make: Any = InteractiveShell
    other = make(parent=kernel_shell)
    assert displayed(other, 1) is None
    other.display_pub = KernelPublisher()
    record_outputs(other)
    other.display_pub.publish(message("second"))
    assert displayed(other, running_cell(other)) == [{TEXT: "second"}]
    assert displayed(kernel_shell, running_cell(kernel_shell)) == [{TEXT: "first"}]


def test_number_of_the_running_cell_is_the_one_in_its_prompt(bare_shell: Any) -> None:
    bare_shell.user_ns["number"] = lambda: running_cell(bare_shell)
    for prompt in (1, 2):
        ran = bare_shell.run_cell("number()", store_history=True)
        assert ran.result == prompt


@pytest.fixture
def failing(bare_shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a shell that notes how its cells fail."""
    monkeypatch.delattr(sys, "last_value", raising=False)
    record_errors(bare_shell)
    bare_shell.user_ns |= {"CommandError": CommandError, "Interrupted": Interrupted}
    return bare_shell


def test_no_cell_has_failed_yet(failing: Any) -> None:
    failing.run_cell("1")
    assert last_error(failing) is None


@pytest.mark.parametrize("ours", ["CommandError", "Interrupted"])
def test_our_own_errors_hide_no_other(failing: Any, ours: str) -> None:
    failing.run_cell(f"raise {ours}('a slip')")
    assert last_error(failing) is None
    failing.run_cell("1 / 0")
    failing.run_cell(f"raise {ours}('a slip')")
    assert isinstance(last_error(failing), ZeroDivisionError)
    failing.run_cell("1 +")
    failing.run_cell(f"raise {ours}('a slip')")
    assert isinstance(last_error(failing), SyntaxError)


def test_error_that_no_cell_raised_is_the_last_too(
    failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python and debuggers set ``sys.last_value`` as well."""
    failing.run_cell("1 / 0")
    elsewhere = KeyError("x")
    monkeypatch.setattr(sys, "last_value", elsewhere)
    assert last_error(failing) is elsewhere
