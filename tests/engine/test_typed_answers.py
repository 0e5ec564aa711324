"""A real model whose JSON is held to a schema: values of twenty types through chat.

Every type is bounded, so that an answer ends: a small model fills a list for ever.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field

from stepmagic import step
from stepmagic.schema import Schema
from stepmagic.server.local import Engine


class Colour(enum.Enum):
    """A choice of texts."""

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    """A choice of numbers."""

    SMALL = 1
    LARGE = 2


Word = Annotated[str, Field(max_length=4)]


@dataclasses.dataclass
class Item:
    """A thing that is sold."""

    name: Word
    colour: Colour


class Point(TypedDict):
    """A place."""

    x: Annotated[int, Field(ge=0, le=9)]
    y: Annotated[int, Field(ge=0, le=9)]


class Fruit(BaseModel):
    """A model with an optional field."""

    name: Word
    is_sweet: bool
    size: Size | None = None


class Basket(BaseModel):
    """A model with others in it."""

    owner: Word
    fruits: list[Fruit] = Field(max_length=1)


KINDS: dict[str, Any] = {
    "bool": bool,
    "int": Annotated[int, Field(ge=0, le=9)],
    "float": float,
    "str": Word,
    "none": None,
    "date": dt.date,
    "enum of texts": Colour,
    "enum of numbers": Size,
    "literal": Literal["yes", "no"],
    "optional": Colour | None,
    "union": Literal["none"] | bool,
    "list of texts": Annotated[list[Word], Field(min_length=1, max_length=2)],
    "list of numbers": Annotated[list[Size], Field(max_length=2)],
    "dataclass": Item,
    "list of dataclasses": Annotated[list[Item], Field(max_length=1)],
    "typed dict": Point,
    "list of typed dicts": Annotated[list[Point], Field(max_length=1)],
    "model": Fruit,
    "model of models": Basket,
    "JSON Schema": {
        "type": "object",
        "properties": {"mood": {"enum": ["good", "bad"]}},
        "required": ["mood"],
    },
}


@pytest.mark.parametrize("name", KINDS)
def test_answer_is_a_value_of_the_type(name: str, local_engine: Engine) -> None:
    schema = Schema.of(KINDS[name], name)
    reply = step(
        "What was sold?",
        model="local/smollm2",
        schema=schema,
        system="Answer in JSON.",
        once=True,
        temperature=0,
        max_tokens=80,
        seed=1,
    )
    assert local_engine.model
    assert reply.finish_reason == "stop"
    # Read strictly: nothing was fenced, or put right on the way.
    assert schema.check(reply.json()) == reply.value
    assert reply.turn.parent is None


def test_logprobs_of_a_real_answer_add_up_to_its_text(local_engine: Engine) -> None:
    reply = step(
        "Say yes or no.",
        model="local/smollm2",
        once=True,
        top_logprobs=3,
        max_tokens=8,
    )
    assert local_engine.model
    assert "".join(each.token for each in reply.logprobs) == reply.text
    assert all(each.logprob <= 0 for each in reply.logprobs)
    assert all(len(each.alternatives) == 3 for each in reply.logprobs)
