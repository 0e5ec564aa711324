"""``Conversation``: turns with a model, to be asked in, looked at, forked and saved.

The public face of ``conversation.dialogue.Dialogue``, which owns the tree of turns.
What magics, panel and displays need of it stays behind this class.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar, overload

from stepmagic.ask import single
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.draft import Draft
from stepmagic.conversation.prompt import (
    Prompt,
    build_prompt,
    checked_prompt,
    named_values,
)
from stepmagic.conversation.reply import Json, Replies, Reply
from stepmagic.conversation.stream import UNATTENDED, Reader, TurnStream
from stepmagic.display.view import TICK_S
from stepmagic.errors import SettingError, TranscriptError
from stepmagic.schema import Records
from stepmagic.server.catalogue import full_name
from stepmagic.server.options import Overrides, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.storage import Saved, from_openai, load_file, save_file
from stepmagic.transcript import Message, Part, Turn
from stepmagic.transcript.events import Notice, StreamEvent
from stepmagic.transcript.usage import format_cost, format_count, total

Value = TypeVar("Value")
Record = TypeVar("Record")

_UNNAMED = "unnamed"
"""What files and transcripts call a conversation without a name."""


class Conversation:
    """Questions and answers that build upon one another.

        plots = Conversation("plots", system="Answer in one sentence.")
        plots.ask("What is a violin plot?", effort="low").text
        plots.ask("And a swarm plot?").text
        plots.cost_usd

    A name means the same conversation everywhere: ``Conversation("plots")`` is the one
    of ``%%step -c plots`` and of ``Panel("plots")``, and a new name begins one. Without
    a name it is a new conversation that only this object leads to.

    As the last line of a cell it shows as a transcript. ``copy.copy`` and
    ``copy.deepcopy`` fork it. All errors are in ``stepmagic.errors``.

    Args:
        name: The name; None for a conversation without one.
        system: System prompt from here on; None leaves it as it is.
        model: Model id from here on; None leaves it as it is.
        effort: Reasoning effort from here on: high, medium or low.

    Raises:
        SettingError: A value cannot be used.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        system: str | None = None,
        model: str | None = None,
        effort: str | None = None,
    ) -> None:
        self._name = name
        self._own = Dialogue(_UNNAMED) if name is None else None
        given = {"system": system, "model": model, "effort": effort}
        self._set({key: value for key, value in given.items() if value is not None})

    @property
    def __stepmagic_dialogue__(self) -> Dialogue:
        """The owner of the tree, for the rest of the package."""
        if self._own is not None:
            return self._own
        # Looked up each time: `%step load` may replace an empty one.
        return session().open(str(self._name))

    @property
    def name(self) -> str | None:
        """The name in this kernel; None for a conversation without one."""
        return self._name

    @property
    def turns(self) -> list[Turn]:
        """The turns of the current branch: each a question and what was answered."""
        return self.__stepmagic_dialogue__.turns

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the current branch, which the next question follows."""
        return self.__stepmagic_dialogue__.history()

    @property
    def system(self) -> str:
        """The system prompt; setting None goes back to ``%config StepMagic.system``."""
        own = self.__stepmagic_dialogue__.overrides.system
        return current().system if own is None else own

    @system.setter
    def system(self, system: str | None) -> None:
        """Set it from the next question on."""
        self._set({"system": system})

    @property
    def model(self) -> str:
        """The model that is asked; setting None goes back to that of ``%config``."""
        own = self.__stepmagic_dialogue__.overrides.model
        return full_name(own or current().model)

    @model.setter
    def model(self, model: str | None) -> None:
        """Set it from the next question on.

        Raises:
            SettingError: The model cannot be asked with what else is set.
        """
        self._set({"model": model})

    @property
    def effort(self) -> str | None:
        """Reasoning effort: high, medium or low; None is the model's own."""
        own = self.__stepmagic_dialogue__.overrides.effort
        return own or current().effort or None

    @effort.setter
    def effort(self, effort: str | None) -> None:
        """Set it from the next question on.

        Raises:
            SettingError: There is no such effort, or the model does not reason.
        """
        self._set({"effort": effort})

    def _set(self, values: dict[str, Any]) -> None:
        """Change what is set for this conversation.

        Raises:
            SettingError: A value cannot be used; nothing has changed then.
        """
        if not values:
            return
        dialogue = self.__stepmagic_dialogue__
        changed = replace(dialogue.overrides, **values)
        resolve(current(), session().catalogue(), changed, Overrides())
        dialogue.overrides = changed

    @property
    def cost_usd(self) -> float:
        """What all its answers cost, those on other branches too, in US dollars.

        An answer whose price the server does not report counts as nothing.
        """
        turns = self.__stepmagic_dialogue__.tree.turns.values()
        return total(turn.usage for turn in list(turns)).cost_usd or 0.0

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: type[list[Record]],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply[Records[Record]]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: type[Value],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply[Value]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: list[str],
        effort: str | list[str] | None = None,
        system: str | None = None,
        schema: type[list[Record]],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies[Records[Record]]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: list[str],
        effort: str | list[str] | None = None,
        system: str | None = None,
        schema: type[Value],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies[Value]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: list[str],
        effort: str | list[str] | None = None,
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: list[str],
        system: str | None = None,
        schema: type[list[Record]],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies[Records[Record]]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: list[str],
        system: str | None = None,
        schema: type[Value],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies[Value]: ...

    @overload
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: list[str],
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Replies: ...
    def ask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | list[str] | None = None,
        effort: str | list[str] | None = None,
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: Any,
    ) -> Reply | Replies:
        """Ask here; streams into the notebook and returns the ``Reply``.

            conversation.ask("Which month is the outlier?", df, effort="low").text

        Takes what ``step`` takes and raises what it raises: this is
        ``step(..., conversation=self)``.
        """
        return single.step(
            prompt,
            *attachments,
            conversation=self.__stepmagic_dialogue__,
            once=once,
            model=model,
            effort=effort,
            system=system,
            schema=schema,
            tools=tools,
            **parameters,
        )

    @overload
    async def aask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: type[list[Record]],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply[Records[Record]]: ...

    @overload
    async def aask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: type[Value],
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply[Value]: ...

    @overload
    async def aask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Reply: ...
    async def aask(
        self,
        prompt: str | Part,
        *attachments: object,
        once: bool = False,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        schema: object = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: Any,
    ) -> Reply:
        """Ask here from async code; this is ``astep(..., conversation=self)``."""
        return await single.astep(
            prompt,
            *attachments,
            conversation=self.__stepmagic_dialogue__,
            once=once,
            model=model,
            effort=effort,
            system=system,
            schema=schema,
            tools=tools,
            **parameters,
        )

    def stream(
        self,
        prompt: str | Part | Message,
        *attachments: object,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> Generator[StreamEvent, None, None]:
        """Ask, and yield the events as they arrive; draws nothing.

            for event in conversation.stream("Why is the sky blue?"):
                if isinstance(event, PartDelta):
                    print(event.text, end="")

        The question is sent when the first event is asked for. Closing the generator
        (``contextlib.closing``) stops the turn; what was received stays in the
        conversation. A ``tool(confirm=True)`` is denied.

        Args:
            prompt: The question, or a message made with ``stepmagic.user``.
            attachments: What to send before it, as for ``step``.
            model: Model id, for this turn.
            effort: Reasoning effort: high, medium or low.
            system: System prompt of the conversation from here on.
            tools: Functions the model may call.
            parameters: Any parameter by the wire's own name, as for ``step``.

        Raises:
            StepError: There is no answer, or an incomplete one, which the conversation
                keeps.
            Interrupted: The user stopped it; what was received is kept too.
        """
        overrides = Overrides(
            model=model, effort=effort, system=system, parameters=parameters
        )
        asked, stream = self._send(prompt, attachments, overrides, tools, UNATTENDED)
        with stream:
            yield from (Notice(text=text, stays=True) for text in asked.notices)
            for event in stream.beats(TICK_S):
                if event is not None:
                    yield event
        stream.result()

    async def astream(
        self,
        prompt: str | Part | Message,
        *attachments: object,
        model: str | None = None,
        effort: str | None = None,
        system: str | None = None,
        tools: Iterable[Callable[..., object]] = (),
        **parameters: object,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Ask from async code, and yield the events as they arrive; draws nothing.

            async for event in conversation.astream("Why is the sky blue?"):
                if isinstance(event, PartDelta):
                    print(event.text, end="")

        To leave the loop early, close what this returns (``contextlib.aclosing``): that
        stops the turn. Async functions of ``tools`` run in the event loop that reads.
        Otherwise as ``stream``.

        Raises:
            StepError: There is no answer, or an incomplete one, which the conversation
                keeps.
        """
        overrides = Overrides(
            model=model, effort=effort, system=system, parameters=parameters
        )
        reader = Reader(loop=asyncio.get_running_loop())
        asked, stream = self._send(prompt, attachments, overrides, tools, reader)
        async with stream:
            for text in asked.notices:
                yield Notice(text=text, stays=True)
            async for event in stream:
                yield event
        stream.result()

    def _send(
        self,
        prompt: str | Part | Message,
        attachments: tuple[object, ...],
        overrides: Overrides,
        tools: Iterable[Callable[..., object]],
        reader: Reader,
    ) -> tuple[Prompt, TurnStream]:
        """Begin a turn; returns its prompt and the stream of its events."""
        if "schema" in overrides.parameters:
            message = (
                "a stream is of text, and has no `schema`. `ask(..., schema=...)` "
                "returns a value."
            )
            raise SettingError(message)
        dialogue, (options,) = single.prepare(
            [overrides], self.__stepmagic_dialogue__, tools=tools
        )
        if isinstance(prompt, Message):
            if attachments:
                message = "a message takes no attachments. Give the question as text."
                raise SettingError(message)
            asked = checked_prompt(prompt, options)
        else:
            host = Host.find()
            values = named_values(attachments, host.namespace)
            draft = Draft(text=prompt, values=values, placeholders=False)
            asked = build_prompt(draft, options, host)
        return asked, dialogue.send(asked.message, options, reader=reader)

    def undo(self, count: int = 1) -> list[Turn]:
        """Go back by some turns, which ``redo`` brings back; returns them.

        Once something else is asked, they stay on a branch of their own.
        """
        return self.__stepmagic_dialogue__.undo(count)

    def redo(self) -> Turn | None:
        """Bring back the turn that was undone last; None where there is none."""
        return self.__stepmagic_dialogue__.redo()

    @property
    def branches(self) -> tuple[str, ...]:
        """The names of the branches, the current one first."""
        tree = self.__stepmagic_dialogue__.tree
        return (tree.branch, *(name for name in tree.heads if name != tree.branch))

    def use(self, branch: str) -> bool:
        """Continue with a branch; a new name begins one after the last turn.

        Returns:
            Whether it is new.
        """
        return self.__stepmagic_dialogue__.use(branch)

    def new(self) -> None:
        """Start afresh, with no history; the turns so far stay on another branch."""
        self.__stepmagic_dialogue__.start_afresh()

    def fork(self, name: str | None = None) -> Conversation:
        """Return a copy that goes its own way, branches and settings included.

        A turn that is being answered is in the copy as if it were interrupted now.

        Args:
            name: A new name for it; by default it has none.

        Raises:
            SettingError: A conversation of that name has turns already.
        """
        return self._holding(self.__stepmagic_dialogue__.saved, name)

    def __copy__(self) -> Conversation:
        return self.fork()

    def __deepcopy__(self, memo: dict[int, object]) -> Conversation:
        return self.fork()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the conversation to a file: ``.json``, ``.md`` or ``.ipynb``.

        Only ``.json`` can be loaded again; it contains what was attached, too.

        Raises:
            TranscriptError: The suffix is another, something else is at that path, or
                the file cannot be written.
        """
        save_file(self.__stepmagic_dialogue__.saved, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | os.PathLike[str], name: str | None = None) -> Self:
        """Return the conversation that ``save`` wrote to a ``.json`` file.

            Conversation.load("plots.json").ask("Where were we?")

        Args:
            path: The file; a journal will do if it contains one conversation.
            name: A new name for it; by default it has none, whatever it was called.

        Raises:
            TranscriptError: The file cannot be read, or is not such a file.
            SettingError: A conversation of that name has turns already.
        """
        place = Path(path).expanduser()
        conversations, faults = load_file(place)
        if len(conversations) != 1:
            message = (
                f"{place} has {len(conversations)} conversations, not one. "
                f"`%step load {place}` loads them all."
            )
            raise TranscriptError(message)
        for fault in faults:
            warnings.warn(f"{place}: {fault}", stacklevel=2)
        return cls._holding(conversations[0], name)

    @classmethod
    def from_openai(cls, messages: Iterable[object], name: str | None = None) -> Self:
        """Return a conversation of the ``messages`` of an OpenAI chat completion.

            Conversation.from_openai([{"role": "user", "content": "Hi"}])

        Args:
            messages: Dicts, or the message objects of the ``openai`` package. System
                messages at the start become the system prompt.
            name: A new name for it; by default it has none.

        Raises:
            TranscriptError: A message cannot be kept as it is; says which, and why.
            SettingError: A conversation of that name has turns already.
        """
        return cls._holding(from_openai(messages, name or _UNNAMED), name)

    def to_openai(self) -> list[dict[str, Json]]:
        """Return the current branch as the ``messages`` of an OpenAI chat completion.

        The system prompt is the first, if one is set for this conversation. Reasoning
        and pictures in answers are left out.
        """
        return self.__stepmagic_dialogue__.to_openai()

    @classmethod
    def _holding(cls, saved: Saved, name: str | None) -> Self:
        """Return a copy of what was saved, by a name that is free or by none."""
        made = cls()
        if name is None:
            made._own = Dialogue.from_saved(saved, _UNNAMED)
            return made
        here = session()
        if name in here.conversations and here.conversations[name].tree.turns:
            message = (
                f"a conversation {name!r} has turns already. Choose another name, or "
                "none."
            )
            raise SettingError(message)
        here.add(replace(saved, about=replace(saved.about, name=name)))
        return cls(name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Conversation):
            return NotImplemented
        return self.__stepmagic_dialogue__ is other.__stepmagic_dialogue__

    def __hash__(self) -> int:
        return hash(self._name) if self._own is None else id(self._own)

    def __repr__(self) -> str:
        turns = format_count(len(self.turns), "turn")
        cost = format_cost(self.cost_usd)
        name = "" if self._name is None else f" {self._name!r}"
        return f"<Conversation{name}: {turns}, {self.model}, {cost}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the transcript of the current branch, for the last line of a cell."""
        # Loaded when first shown.
        from stepmagic.display.html.history import history_bundle  # noqa: PLC0415

        dialogue = self.__stepmagic_dialogue__
        return history_bundle(dialogue.name, dialogue.tree)


def dialogue_of(conversation: Conversation | str | None) -> Dialogue | None:
    """Return the owner of a conversation's tree; None for the current conversation.

    Args:
        conversation: One, or the name of one; a new name begins one.
    """
    if conversation is None:
        return None
    if isinstance(conversation, str):
        return session().open(conversation)
    return conversation.__stepmagic_dialogue__
