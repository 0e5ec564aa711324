"""What a model can take over a protocol: kinds of parts, parameters, reasoning, tools.

The one place that asks. A server that does not list its models says nothing about
them: everything is passed on then, and the server decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepmagic.errors import UnsupportedOption
from stepmagic.server.catalogue import ModelEntry
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Part,
    Protocol,
    ToolResult,
    Video,
)
from stepmagic.wire.parameters import PARAMETERS

AMOUNTS = frozenset({"effort", "max_tokens", "enabled"})
"""Fields of ``reasoning`` that set how hard to think. OpenRouter refuses ``effort``
together with ``max_tokens``, and a ``reasoning_effort`` that differs from it."""

_MESSAGES_FILES = ("application/pdf", "text/")
"""Media types of the files that ``/messages`` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one model takes when asked over one protocol."""

    model: str
    api: Protocol
    entry: ModelEntry | None = None
    """What the server lists about the model."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Those of the request: a plugin may add what the model lacks."""

    @property
    def context_tokens(self) -> int | None:
        """The size of the context window; None if unknown."""
        return self.entry.context_tokens if self.entry else None

    @property
    def no_video(self) -> str:
        """Why no video can be sent; empty if one can."""
        if self.api == "messages":
            return "/messages does not accept video"
        if self._takes_input("video"):
            return ""
        return f"{self.model} does not accept video"

    @property
    def no_files(self) -> str:
        """Why no file can be sent; empty if one can."""
        if self._takes_input("file") or "plugins" in self.parameters:
            return ""
        return f"{self.model} does not accept files"

    @property
    def no_video_results(self) -> str:
        """Why no function can return a video; empty if one can."""
        if self.api == "responses" and not self.no_video:
            return "/responses does not accept video from a function"
        return self.no_video

    def takes_parameter(self, name: str) -> bool:
        """Whether a parameter may be sent."""
        known = self.entry.parameters if self.entry else None
        return known is None or name in known

    def takes_part(self, part: Image | Video | File) -> bool:
        """Whether a medium may be part of what a function returns."""
        if isinstance(part, File):
            return self.api != "messages" or part.media_type.startswith(_MESSAGES_FILES)
        return self._takes_input(type(part).__name__.lower())

    def check_messages(self, messages: Iterable[Message]) -> None:
        """Refuse messages with a part that the model does not take.

        Raises:
            UnsupportedOption: There is one; the message says what to do.
        """
        for part in _all_parts(messages):
            kind = {Image: "image", Video: "video"}.get(type(part))
            if kind is not None and not self._takes_input(kind):
                inputs = ", ".join((self.entry.inputs if self.entry else None) or ())
                message = (
                    f"{self.model} accepts {inputs}, but no {kind}. Choose a model "
                    f"that does with `-m`, or start without the {kind} with `-n`."
                )
                raise UnsupportedOption(message)

    def check_parameters(self, parameters: Iterable[str]) -> None:
        """Refuse a parameter that the model does not take; routing is the server's.

        Raises:
            UnsupportedOption: There is one; the message lists what the model takes.
        """
        for name in parameters:
            if PARAMETERS[name].routing or self.takes_parameter(name):
                continue
            known = (self.entry.parameters if self.entry else None) or frozenset()
            listed = ", ".join(sorted(known & PARAMETERS.keys()))
            message = f"{self.model} does not accept {name}. It accepts: {listed}."
            raise UnsupportedOption(message)

    def check_tools(self) -> None:
        """Refuse tools for a model that cannot call functions.

        Raises:
            UnsupportedOption: It calls none.
        """
        if not self.takes_parameter("tools"):
            message = f"{self.model} cannot call functions. Choose a model that can."
            raise UnsupportedOption(message)

    def check_detail(self) -> None:
        """Refuse a detail of images where the protocol has no field for it.

        Raises:
            UnsupportedOption: It has none.
        """
        if self.api == "messages":
            message = "/messages has no detail of images. Leave out `-p detail=...`."
            raise UnsupportedOption(message)

    def usable_effort(self, effort: str | None) -> str | None:
        """Return an effort that is set for all models, if this one takes it."""
        if self.entry is None or effort is None:
            return effort
        unknown = self.entry.efforts and effort not in self.entry.efforts
        return None if self.entry.reasons is False or unknown else effort

    def fit_reasoning(self, reasoning: Mapping[str, Any]) -> dict[str, Any]:
        """Return OpenRouter's ``reasoning`` object as the model takes it.

        It is explicit for a model that reasons: some return no reasoning otherwise.

        Raises:
            UnsupportedOption: The model does not reason, always reasons, or knows no
                such effort.
        """
        entry = self.entry
        if entry is None or entry.reasons is None:
            return dict(reasoning)
        self._check_reasoning(entry, reasoning)
        if not entry.reasons or reasoning.keys() & AMOUNTS:
            return dict(reasoning)
        efforts = entry.efforts or ("medium",)
        usual = "medium" if "medium" in efforts else efforts[0]
        return {"effort": entry.default_effort or usual, **reasoning}

    def _check_reasoning(self, entry: ModelEntry, reasoning: Mapping[str, Any]) -> None:
        effort = reasoning.get("effort")
        is_off = reasoning.get("enabled") is False or effort == "none"
        message = ""
        if reasoning and not entry.reasons:
            asked = f"-e {effort}" if effort else "reasoning"
            message = f"{self.model} does not reason: leave out `{asked}`."
        elif entry.must_reason and is_off:
            message = (
                f"{self.model} always reasons. `-e low` is the least; "
                '`-p reasoning={"exclude": true}` hides it.'
            )
        elif effort and not is_off and entry.efforts and effort not in entry.efforts:
            listed = ", ".join(entry.efforts)
            message = f"{self.model} accepts effort {listed}, not {effort!r}."
        if message:
            raise UnsupportedOption(message)

    def _takes_input(self, kind: str) -> bool:
        inputs = self.entry.inputs if self.entry else None
        return inputs is None or kind in inputs


def _all_parts(messages: Iterable[Message]) -> Iterator[Part]:
    for message in messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.parts
