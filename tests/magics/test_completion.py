"""What the tab key offers, through IPython's own completer."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from stepmagic.magics.first_line import OPTIONS
from stepmagic.magics.subcommands import SUBCOMMANDS
from stepmagic.server.options import CLIENT_PARAMETERS
from stepmagic.session import session
from stepmagic.wire.parameters import PARAMETERS

# `shell.complete` gives the offers in our order, and what IPython adds apart.
pytestmark = pytest.mark.filterwarnings("ignore:`Completer.complete`")

FLAGS = [flag for flags, _ in OPTIONS for flag in flags if flag.startswith("-")]


@pytest.fixture
def shell(bare_shell: Any) -> Any:
    """Return a shell with the extension and some variables."""
    bare_shell.run_line_magic("load_ext", "stepmagic")
    bare_shell.run_cell("import math\ndef double(x): ...\ndf = 1\ndframe = 2\n_d = 3")
    return bare_shell


def offered(shell: Any, line: str) -> list[str]:
    """Return what the tab key offers for the word at the end of a line."""
    _, matches = shell.complete(line.rpartition(" ")[2], line, len(line))
    return list(matches)


def completed(shell: Any, line: str, body: str = "\nWhat is {{ df }}?") -> list[str]:
    """Return the line as each offer of a kernel would leave it."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(line + body, len(line)))
    return [line[: one.start] + one.text for one in found if one.end == len(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%step ", list(SUBCOMMANDS)),
        ("%step mo", ["model"]),
        ("%step key ", ["forget"]),
        ("%step model loc", ["local", "local/smollm2"]),
        ("%step model ste", ["stepfun/step-3.7-flash"]),
        ("%%step -e ", ["high", "medium", "low"]),
        ("%%step df -e l", ["low"]),
        ("%%step --effort h", ["high"]),
        ("%%step -e low,h", ["low,high"]),
        ("%%step -m local,ste", ["local,stepfun/step-3.7-flash"]),
        ("%%step -m ste", ["stepfun/step-3.7-flash"]),
        ("%%step --model loc", ["local", "local/smollm2"]),
        ("%%step -p ap", ["api="]),
        ("%%step -p temp", ["temperature="]),
        ("%%step --tools ", ["double"]),
        ("%%step --tools look,dou", ["look,double"]),
        ("%%step --dr", ["--dry-run"]),
        ("%%step --cells l", ["last"]),
        ("%%step -p detail=l", ["detail=low"]),
        ("%%step -p detail=", ["detail=low", "detail=high", "detail=auto"]),
        ("%%step -p fra", ["frames="]),
        ("%%step --err", ["--error"]),
        ("%%step --cel", ["--cells"]),
        ("%%step --ab", ["--above"]),
        ("%%step --error d", ["double", "df", "dframe"]),
        ("%%step --", [flag for flag in FLAGS if flag.startswith("--")]),
        ("%%step -", FLAGS),
        ("%%step ", ["double", "df", "dframe"]),
        ("%%step d", ["double", "df", "dframe"]),
        ("%%step df d", ["double", "df", "dframe"]),
        ("%%step -e low d", ["double", "df", "dframe"]),
        ("%%step r << d", ["double", "df", "dframe"]),
        ("%%step -s 'be brief' d", ["double", "df", "dframe"]),
    ],
)
def test_offers_what_may_stand_there(shell: Any, line: str, words: list[str]) -> None:
    assert offered(shell, line) == words


def test_every_parameter_is_offered(shell: Any) -> None:
    wanted = {f"{name}=" for name in (*CLIENT_PARAMETERS, *PARAMETERS)}
    assert set(offered(shell, "%%step -p ")) == wanted


@pytest.mark.parametrize("line", ["%step use ", "%%step -c ", "%%step --conversation "])
def test_conversations_are_offered(shell: Any, line: str) -> None:
    session().open("plots")
    assert offered(shell, line) == ["main", "plots"]


@pytest.mark.parametrize("line", ["%step new ", "%step nope ", "%step model local "])
def test_nothing_of_ours_is_offered_where_nothing_may_stand(
    shell: Any, line: str
) -> None:
    assert not {"key", "local", "main", "forget"} & set(offered(shell, line))


@pytest.mark.parametrize("line", ["%step", "%%step"])
def test_name_of_the_magic_is_completed_by_ipython(shell: Any, line: str) -> None:
    assert "%%step" in offered(shell, line)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("%%step -e lo", "%%step -e low"),
        ("%%step -p api=me", "%%step -p api=messages"),
        ("%%step -p stream=f", "%%step -p stream=false"),
        ("%%step -m stepfun/st", "%%step -m stepfun/step-3.7-flash"),
        ("%%step -m llama3:8", "%%step -m llama3:8b"),
        ("%%step -e low dfr", "%%step -e low dframe"),
        ("%%step -p frames=1", "%%step -p frames=16"),
        ("%%step --cells la", "%%step --cells last"),
        ("%step mod", "%step model"),
        ("%step model llama3:8", "%step model llama3:8b"),
    ],
)
def test_offer_replaces_the_right_letters(shell: Any, line: str, whole: str) -> None:
    """IPython ends words at ``=``, ``:`` and ``/`` too."""
    session().catalogue().take({"data": [{"id": "llama3:8b"}, {"id": "llama3:70b"}]})
    assert whole in completed(shell, line)


def test_values_of_other_parameters_are_not_offered(shell: Any) -> None:
    assert not [line for line in completed(shell, "%%step -p seed=") if "chat" in line]
