"""The README's examples: every first line parses, every word exists, the code runs."""

from __future__ import annotations

import re

import pytest

from openrouter_server import OpenRouterServer
from paths import ROOT
from shell_fixtures import ShellUnderTest
from stepmagic.magics.first_line import parse_command
from stepmagic.magics.subcommands import SUBCOMMANDS

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_LINES = re.findall(r"%%step ([^`\n?]+)", README)
WORDS = re.findall(r"`%step (\w+)", README)
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("line", FIRST_LINES)
def test_a_first_line_can_be_read(line: str) -> None:
    parse_command(line)


@pytest.mark.parametrize("word", WORDS)
def test_a_subcommand_exists(word: str) -> None:
    assert word in SUBCOMMANDS


def test_every_subcommand_is_told_of() -> None:
    assert set(WORDS) == set(SUBCOMMANDS)


@pytest.mark.parametrize("code", CODE)
def test_python_runs(server: OpenRouterServer, step: ShellUnderTest, code: str) -> None:
    step.run(code)
    assert server.requests


def test_the_first_two_commands_are_demo_and_test() -> None:
    first_block = README.split("```")[1].strip().splitlines()
    assert [line.split()[:2] for line in first_block] == [
        ["make", "demo"],
        ["make", "test"],
    ]
