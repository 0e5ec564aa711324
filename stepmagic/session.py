"""What one kernel holds: its conversations, the current one, and the last reply."""

from __future__ import annotations

import itertools

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Reply
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.settings import current
from stepmagic.storage import Saved


class Session:
    """The conversations of a kernel by name; one of them is current."""

    def __init__(self) -> None:
        """Begin with an empty conversation called ``main``."""
        self.conversations = {"main": Dialogue("main")}
        self.current = "main"
        self.last: Reply | None = None
        self._catalogues: dict[str, Catalogue] = {}

    @property
    def conversation(self) -> Dialogue:
        """The current conversation."""
        return self.conversations[self.current]

    def open(self, name: str) -> Dialogue:
        """Return the conversation of a name; a new name begins one."""
        if name not in self.conversations:
            self.conversations[name] = Dialogue(name)
        return self.conversations[name]

    def use(self, name: str) -> Dialogue:
        """Make the conversation of a name current; a new name begins one."""
        self.current = name
        return self.open(name)

    def take_in(self, saved: Saved) -> Dialogue:
        """Add a conversation that was saved; returns it.

        It replaces no turn: where its name has some already, it gets ``-2`` or more.
        """
        name = saved.about.name
        names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
        free = next(name for name in names if self._is_free(name))
        self.conversations[free] = Dialogue.from_saved(saved, free)
        return self.conversations[free]

    def _is_free(self, name: str) -> bool:
        talk = self.conversations.get(name)
        return talk is None or not talk.tree.turns

    def catalogue(self) -> Catalogue:
        """Return the models of the configured server."""
        base_url = current().base_url
        if base_url not in self._catalogues:
            self._catalogues[base_url] = Catalogue(base_url)
        return self._catalogues[base_url]

    def options(
        self, conversation: Dialogue, first_line: Overrides | None = None
    ) -> Options:
        """Return what a turn of a conversation is asked with.

        Raises:
            SettingError: A value cannot be used.
        """
        return resolve(
            current(),
            self.catalogue(),
            conversation.overrides,
            first_line or Overrides(),
        )


_session: list[Session] = []


def session() -> Session:
    """Return the session of this kernel."""
    if not _session:
        _session.append(Session())
    return _session[0]
