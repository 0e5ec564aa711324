"""Asking from async code: the events of a turn as an async iterator."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

from stepmagic.catalogue import Catalogue
from stepmagic.events import StreamEvent
from stepmagic.options import Overrides, resolve, with_tools
from stepmagic.sending import Reader, Sending
from stepmagic.settings import current
from stepmagic.tools import to_tools
from stepmagic.transcript import Message, user


class Streaming(ABC):
    """What can be asked and has settings of its own."""

    overrides: Overrides

    @abstractmethod
    def send(self, prompt: Message, options: Any, *, reader: Reader) -> Sending:
        """Ask; returns at once."""

    async def astream(
        self,
        prompt: str | Message,
        *,
        model: str | None = None,
        effort: str | None = None,
        tools: Iterable[Callable[..., Any]] = (),
        **parameters: Any,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Ask, and yield the events as they come; draws nothing.

            async for event in conversation.astream("Why is the sky blue?"):
                if isinstance(event, PartDelta):
                    print(event.text, end="")

        To leave the loop early, close what this returns (``contextlib.aclosing``): that
        stops the turn. Async functions of ``tools`` run in the loop that reads; a
        ``tool(confirm=True)`` is denied.

        Args:
            prompt: The question.
            model: Model id, for this turn.
            effort: Reasoning effort: high, medium or low.
            tools: Functions the model may call.
            parameters: Any parameter by the wire's own name; also ``api``, ``stream``.

        Raises:
            StepError: No answer, or not a whole one; what came stays here.
        """
        settings = current()
        options = resolve(
            settings,
            Catalogue(settings.base_url),
            self.overrides,
            Overrides(model=model, effort=effort, parameters=parameters),
        )
        message = user(prompt) if isinstance(prompt, str) else prompt
        reader = Reader(home=asyncio.get_running_loop())
        options = with_tools(options, to_tools(tools))
        async with self.send(message, options, reader=reader) as sending:
            async for event in sending:
                yield event
        sending.result()
