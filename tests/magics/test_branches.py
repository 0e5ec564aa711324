"""Cells that run again, undo and redo, and the branches that are left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import KernelUnderTest, running_kernel
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import CommandError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.transcript import Cell, Turn, TurnTree, user


def asked(server: OpenRouterServer) -> list[str]:
    """Return the questions in the last request, oldest first."""
    messages = server.requests[-1].body["messages"]
    return [m["content"] for m in messages if m["role"] == "user"]


@pytest.fixture(scope="module")
def kernel(running_server: OpenRouterServer) -> Any:
    """A kernel whose cells have ids."""
    settings = {
        "OPENROUTER_API_KEY": running_server.key,
        "STEPMAGIC_BASE_URL": running_server.url,
    }
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        yield kernel


@pytest.fixture(autouse=True)
def afresh(request: pytest.FixtureRequest) -> None:
    if "kernel" in request.fixturenames:
        kernel: KernelUnderTest = request.getfixturevalue("kernel")
        kernel.check(
            "from stepmagic.session import session, Session\n"
            "session().__init__()  # a kernel that was never asked"
        )


def run_cells(kernel: KernelUnderTest, cells: str) -> Any:
    """Run cells by their letters, each asking its own name; returns the last."""
    return [kernel.run(f"%%step\n{cell}", cell=cell) for cell in cells][-1]


def test_a_cell_that_runs_again_follows_what_it_followed(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "ABC")
    assert asked(server) == ["A", "B", "C"]
    ran = run_cells(kernel, "A")
    assert asked(server) == ["A"]
    assert "3 turns set aside. `%step use` lists" in ran.shown[-1]["text/plain"]
    run_cells(kernel, "D")
    assert asked(server) == ["A", "D"]
    kernel.check("%step use main-2")
    run_cells(kernel, "E")
    assert asked(server) == ["A", "B", "C", "E"]


def test_a_cell_whose_turns_were_set_aside_is_appended(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "ABCA")
    ran = run_cells(kernel, "B")
    assert asked(server) == ["A", "B"]
    assert "set aside" not in ran.shown[-1]["text/plain"]
    run_cells(kernel, "B")
    assert asked(server) == ["A", "B"]


def test_a_loop_in_one_cell_goes_together(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "A")
    loop = "from stepmagic import step\nfor n in range(3): step(f'L{n}')"
    kernel.run(loop, cell="loop")
    assert asked(server) == ["A", "L0", "L1", "L2"]
    kernel.run(loop, cell="loop")
    assert asked(server) == ["A", "L0", "L1", "L2"]


def test_a_cell_without_an_id_is_appended(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    for _ in range(3):
        kernel.run("%%step\nA")
    assert asked(server) == ["A", "A", "A"]


def test_a_dry_run_of_a_cell_shows_what_would_be_sent(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "AB")
    ran = kernel.run("%%step --dry-run\nA again", cell="A")
    shown = ran.shown[-1]["text/plain"]
    assert "A again" in shown
    assert '"B"' not in shown
    assert len(server.requests) == 2


def test_undo_and_redo_move_the_head(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    for question in "ABC":
        step.run(f"%%step\n{question}")
    said = run_subcommand("undo 2")
    assert said == "2 turns undone, from 'B' on. `%step redo` restores them."
    assert run_subcommand("redo") == "Restored 'B': 2 turns."
    step.run("%%step\nD")
    assert asked(server) == ["A", "B", "D"]
    assert run_subcommand("redo").startswith("There is nothing to redo")
    run_subcommand("use main-2")
    step.run("%%step\nE")
    assert asked(server) == ["A", "B", "C", "E"]


def test_undo_takes_a_number_and_stops_at_the_beginning(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nA")
    with pytest.raises(CommandError, match="a number of turns, not 'all'"):
        run_subcommand("undo all")
    assert run_subcommand("undo 9").startswith("1 turn undone")
    assert run_subcommand("undo") == "There is no turn to undo."
    assert session().conversation.turns == []
    assert len(server.requests) == 1


def test_what_was_undone_stays_when_another_branch_is_used(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    for question in "AB":
        step.run(f"%%step\n{question}")
    run_subcommand("use fork")
    run_subcommand("undo")
    assert run_subcommand("use main") == "Now on main: 2 turns."
    heads = session().conversation.tree.heads
    assert set(heads) == {"main", "fork"}
    assert len(server.requests) == 2


def test_branches_of_other_conversations_can_be_used(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes."), answer("No."))
    step.run("%%step\nA")
    step.run("%%step -c plots\nB")
    assert run_subcommand("use plots") == "Now on plots: 1 turn."
    assert session().current == "plots"
    listed = run_subcommand("use").rows
    assert [row[0] for row in listed] == ["main", "plots (current)"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), max_size=12))
def test_no_turn_is_ever_off_all_branches(runs: list[tuple[int, int]]) -> None:
    tree = TurnTree()
    for execution, (cell, turns) in enumerate(runs):
        for _ in range(turns):
            asking = Cell(id=str(cell), execution=str(execution))
            left, parent = tree.head, tree.before(asking)
            tree.move(parent)
            tree.keep(left)
            tree.add(Turn(parent=parent, prompt=user("q"), cell=asking))
    held = {turn.id for head in tree.heads.values() if head for turn in tree.path(head)}
    assert held == tree.turns.keys()


def test_answers_side_by_side_are_set_aside_together(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "A")
    server.enqueue(answer("One."), answer("Other."))
    ran = kernel.run("%%step -e low,high\nB", cell="B")
    assert ran.shown[-1]["text/html"].count('class="sm-side"') == 2
    assert "continues with 1. `%step use 2` keeps" in ran.shown[-1]["text/plain"]
    kernel.check("%step use 2")
    run_cells(kernel, "C")
    assert asked(server) == ["A", "B", "C"]
    ran = run_cells(kernel, "B")
    assert asked(server) == ["A", "B"]
    assert "3 turns set aside" in ran.shown[-1]["text/plain"]


def test_a_branch_that_was_set_aside_comes_back_as_it_was(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    run_cells(kernel, "ABC")
    whole = server.requests[-1].body["messages"]
    run_cells(kernel, "A")
    kernel.check("%step use main-2")
    # On its own branch again, C runs again where it stood.
    run_cells(kernel, "C")
    assert server.requests[-1].body["messages"] == whole
