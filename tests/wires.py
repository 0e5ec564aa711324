"""Comms whose messages are kept, for widgets of a process without a kernel."""

from __future__ import annotations

from typing import Any, ClassVar

from comm.base_comm import BaseComm


class Wire(BaseComm):
    """A comm that keeps what it would send, with that of all others, in order."""

    sent: ClassVar[list[dict[str, Any]]] = []

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,  # noqa: ARG002 - the signature of a comm
        buffers: Any = None,  # noqa: ARG002
        **keys: Any,  # noqa: ARG002
    ) -> None:
        """Keep a message."""
        self.sent.append({"kind": msg_type, "comm": self.comm_id, "data": data})


def said(wire: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages for a page."""
    data = [each["data"] for each in wire if each["kind"] == "comm_msg"]
    return [each["content"] for each in data if each["method"] == "custom"]
