"""Types of every kind that has a schema."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from pydantic import BaseModel, ConfigDict, Field


class Colour(enum.Enum):
    """A choice of texts."""

    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Item:
    """A thing that is sold."""

    name: str
    price: Annotated[float, Field(ge=0, description="in euros")]
    colour: Colour = Colour.RED
    tags: list[str] = dataclasses.field(default_factory=list)
    note: str | None = None


class Invoice(BaseModel):
    """A model with another type in it."""

    number: int
    day: dt.date
    items: list[Item] = Field(max_length=3)


class Node(BaseModel):
    """A model that refers to itself."""

    label: str
    children: list[Node] = []


class Open(BaseModel):
    """A model that takes further keys."""

    model_config = ConfigDict(extra="allow")
    a: int


class Point(TypedDict):
    """A place."""

    x: int
    y: int


class Loose(TypedDict, total=False):
    """Keys that may be missing."""

    x: Required[list[Point]]
    y: NotRequired[Point | None]
    z: int


RAW = {
    "title": "people",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"title": {"type": "string", "default": "Dr"}},
        "required": ["title"],
    },
}


class Size(enum.IntEnum):
    """A choice of numbers."""

    SMALL = 1
    LARGE = 2


ALL_KINDS: list[tuple[Any, str, Any]] = [
    (int, '{"value": 3}', 3),
    (float, '{"value": 2.5}', 2.5),
    (bool, '{"value": true}', True),
    (str, '{"value": "word"}', "word"),
    (None, '{"value": null}', None),
    (dt.date, '{"value": "2026-01-31"}', dt.date(2026, 1, 31)),
    (decimal.Decimal, '{"value": 1.5}', decimal.Decimal("1.5")),
    (Colour, '{"value": "blue"}', Colour.BLUE),
    (Size, '{"value": 2}', Size.LARGE),
    (Literal["a", "b"], '{"value": "b"}', "b"),
    (list[int], '{"value": [1, 2]}', [1, 2]),
    (tuple[int, str], '{"value": [1, "a"]}', (1, "a")),
    (set[int], '{"value": [1, 1]}', {1}),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (int | str, '{"value": "a"}', "a"),
    (Colour | None, '{"value": null}', None),
    (Annotated[list[int], Field(max_length=2)], '{"value": [1]}', [1]),
    (Item, '{"name": "pen", "price": 1}', Item("pen", 1.0)),
    (list[Item], '{"value": [{"name": "a", "price": 0}]}', [Item("a", 0.0)]),
    (Point, '{"x": 1, "y": 2}', {"x": 1, "y": 2}),
    (list[Point], '{"value": [{"x": 1, "y": 2}]}', [{"x": 1, "y": 2}]),
    (Loose, '{"x": []}', {"x": []}),
    (Annotated[Loose, "noted"], '{"x": [], "z": 1}', {"x": [], "z": 1}),
    (Point | int, '{"value": 1}', 1),
    (Node, '{"label": "a", "children": []}', Node(label="a")),
    (Open, '{"a": 1, "b": 2}', Open.model_validate({"a": 1, "b": 2})),
    (Any, '{"value": [1, null]}', [1, None]),
    (RAW, '{"value": [{"title": "Ms"}]}', [{"title": "Ms"}]),
    ({"type": "object"}, '{"a": 1}', {"a": 1}),
]
