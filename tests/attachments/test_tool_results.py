"""What a function returned, as parts: text, JSON, tables, pictures, bounded."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import matplotlib.figure
import numpy as np
import PIL.Image
import polars as pl
import pytest

from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.images import ImageLimits
from stepmagic.attachments.tool_results import MOST_CHARACTERS, attach_returned
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text


@dataclasses.dataclass
class Point:
    """A record."""

    x: int


def parts_of(value: Any) -> tuple[Any, ...]:
    return attach_returned(value, "f", Handling()).parts


def text_of(value: Any) -> str:
    (part,) = parts_of(value)
    assert isinstance(part, Text)
    return part.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (6, "6"),
        (None, "null"),
        (True, "true"),
        ({"städte": ["Köln"]}, '{"städte": ["Köln"]}'),
        ((1, 2), "[1, 2]"),
        (float("nan"), "nan"),
        (np.float64(1.5), "1.5"),
        (Point(x=1), "Point(x=1)"),
    ],
)
def test_values_are_written_out(value: Any, text: str) -> None:
    assert text_of(value).endswith(text)


def test_a_table_becomes_its_preview() -> None:
    frame = pl.DataFrame({"month": ["Jan", "Feb"], "sales": [3, 4]})
    assert "2 rows" in text_of(frame)
    assert "sales" in text_of(frame)


def test_many_records_become_a_preview_rather_than_cut_json() -> None:
    records = [{"n": n, "name": f"name {n}"} for n in range(5_000)]
    text = text_of(records)
    assert "5,000 rows" in text
    assert len(text) <= MOST_CHARACTERS


def test_pictures_and_figures_become_images() -> None:
    figure = matplotlib.figure.Figure()
    figure.add_subplot().plot([1, 2])
    for value in (PIL.Image.new("RGB", (9, 9)), figure):
        (part,) = parts_of(value)
        assert isinstance(part, Image)


def test_of_a_tuple_each_is_a_part() -> None:
    words, picture = parts_of(("a plot", PIL.Image.new("RGB", (9, 9))))
    assert words == Text(text="a plot")
    assert isinstance(picture, Image)


def test_text_is_bounded() -> None:
    text = text_of("x" * 3 * MOST_CHARACTERS)
    assert len(text) < MOST_CHARACTERS + 100
    assert "characters left out" in text
    many = parts_of((*["y" * MOST_CHARACTERS] * 3, PIL.Image.new("RGB", (9, 9))))
    assert sum(len(part.text) for part in many[:3]) < MOST_CHARACTERS + 2_000


@pytest.mark.parametrize(
    "make",
    [lambda: os, lambda: os.environ, lambda: dict(os.environ), lambda: [os]],
    ids=["module", "environment", "copy", "list"],
)
def test_what_may_hold_secrets_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(AttachmentError, match="may hold secrets"):
        parts_of(make())


def test_the_model_is_shown_how_a_picture_differs_and_the_user_what_was_cut() -> None:
    handling = Handling(limits=ImageLimits(longest_side=8))
    picture = PIL.Image.new("RGB", (90, 90))
    described, image = attach_returned(picture, "f", handling).parts
    assert isinstance(described, Text)
    assert "scaled down" in described.text
    assert isinstance(image, Image)
    cut = attach_returned("a" * (MOST_CHARACTERS + 9), "f", handling)
    assert cut.differences == ("9 characters of what `f` returned were left out.",)
