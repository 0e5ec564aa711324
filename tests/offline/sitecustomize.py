"""No network: put this folder on ``PYTHONPATH``, and every Python below stays at home.

Python runs it as it starts. A socket may reach this machine, and nothing else; no name
is looked up. A kernel inherits it.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what leaves this machine; called by Python before it happens."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # A path is a socket of this machine, and None goes where it is connected to.
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        message = f"the network is blocked: {host!r} was asked for"
        raise ConnectionRefusedError(message)


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse)
