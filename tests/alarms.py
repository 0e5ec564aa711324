"""Values that nothing may look into: every way to read one fails the test."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest


class Alarm:
    """An object whose code must not run."""

    __slots__ = ()

    def _ring(self, *_: object) -> NoReturn:
        pytest.fail("code of the value was run")

    __call__ = __getattr__ = __getitem__ = __iter__ = __len__ = __contains__ = _ring
    __str__ = __repr__ = __format__ = __bool__ = __missing__ = _ring
    __class__ = property(_ring)  # isinstance reads it


class AlarmedDict(Alarm, dict[Any, Any]):
    """A dict of that kind."""


class AlarmedList(Alarm, list[Any]):
    """A list of that kind."""


class AlarmedText(Alarm, str):
    """A text of that kind."""

    __slots__ = ()


ALARMS: dict[str, Any] = {
    "alarm": Alarm(),
    "alarmed_dict": AlarmedDict(a=1),
    "alarmed_list": AlarmedList([1]),
    "alarmed_text": AlarmedText("a"),
}
