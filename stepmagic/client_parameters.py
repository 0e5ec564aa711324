"""Parameters that choose how to ask, not what: set with ``-p``, sent by no name."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from stepmagic.errors import SettingError
from stepmagic.transcript import Protocol
from stepmagic.wire import PROTOCOLS
from stepmagic.wire.parameters import check_parameter

Detail: TypeAlias = Literal["low", "high", "auto"]
"""How closely a model looks at an image."""

CLIENT_PARAMETERS = ("api", "stream", "detail", "frames")


def check_option(name: str, value: Any) -> Any:
    """Return the value of a ``-p`` option, checked.

    Raises:
        SettingError: No such option, or not such a value.
    """
    if name not in CLIENT_PARAMETERS:
        return check_parameter(name, value)
    message = ""
    if name == "api" and value not in get_args(Protocol):
        message = f"api takes one of {', '.join(PROTOCOLS)}, not {value!r}"
    if name == "stream" and not isinstance(value, bool):
        message = f"stream takes true or false, not {value!r}"
    if name == "detail" and value not in get_args(Detail):
        message = f"detail takes one of {', '.join(get_args(Detail))}, not {value!r}"
    if name == "frames" and (type(value) is not int or value < 1):
        message = f"frames takes a number of frames from 1 up, not {value!r}"
    if message:
        raise SettingError(message)
    return value
