"""What is shown of an object's type and ``repr``."""

from __future__ import annotations

import collections

import pytest

from stepmagic.attachments.reprs import library_of, without_addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<Image size=4x4 at 0x7F2FB3C1>", "<Image size=4x4>"),
        (
            "<Buffer address=0x7fc2e4a20040>",
            "<Buffer address=0x\N{HORIZONTAL ELLIPSIS}>",
        ),
        ("colour 0xFF8800", "colour 0xFF8800"),
        ("at noon", "at noon"),
    ],
)
def test_addresses_in_memory_are_left_out(text: str, shown: str) -> None:
    assert without_addresses(text) == shown


def test_library_is_the_top_package_of_a_type() -> None:
    assert library_of(collections.abc.Mapping) == "collections"
    assert library_of(int) == "builtins"


@pytest.mark.parametrize("module", [None, 7, b"numpy"])
def test_module_that_is_not_a_text_names_no_library(module: object) -> None:
    kind = type("Odd", (), {"__module__": module})
    assert library_of(kind) == ""
