"""The state of one kernel: conversations, the last reply, settings, keys, spending.

``session()`` is where the rooms above find it. The rooms below cannot import this
module; they get the same objects from ``settings.kernel``, and what they compute with
is handed to them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from stepmagic.attachments.notebook.host import DrawnTurns, Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Reply
from stepmagic.display.notebook.support import FrontEnd
from stepmagic.keys import Keys
from stepmagic.server.budget import Ledger
from stepmagic.server.cassette.mode import Cassettes
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.settings import StepMagic, current, kernel
from stepmagic.storage import Saved
from stepmagic.storage.journal import Journals
from stepmagic.transcript import Turn


class Session:
    """The conversations of a kernel by name, one of them current, and its state.

    What is drawn or asked by the rooms above (``panel.server.Panels``,
    ``ask.batch.rate_limit.RateLimits``) and the embedded engines
    (``server.local.process.Engines``) belong to the same kernel, and are made when
    first needed.
    """

    def __init__(self) -> None:
        self.conversations = {"main": Dialogue("main")}
        self.current = "main"
        self.last: Reply | None = None
        self._catalogues: dict[str, Catalogue] = {}

    @property
    def settings(self) -> StepMagic:
        """The settings, as ``%config StepMagic`` has them."""
        return current()

    @property
    def keys(self) -> Keys:
        """The key that was entered, or where one is found."""
        return kernel.get(Keys)

    @property
    def ledger(self) -> Ledger:
        """What was spent."""
        return kernel.get(Ledger)

    @property
    def journals(self) -> Journals:
        """The journals that this process writes."""
        return kernel.get(Journals)

    @property
    def cassettes(self) -> Cassettes:
        """The cassettes that were used."""
        return kernel.get(Cassettes)

    @property
    def front_end(self) -> FrontEnd:
        """What is known of the front end: whether it takes patches."""
        return kernel.get(FrontEnd)

    @property
    def drawn(self) -> DrawnTurns:
        """The turns that the running cell has drawn."""
        return kernel.get(DrawnTurns)

    def reset(self) -> None:
        """Forget everything but the files, as a kernel does that starts again.

        The next ``session()`` is another. Embedded engines keep running.
        """
        kernel.reset()

    @property
    def conversation(self) -> Dialogue:
        """The current conversation."""
        return self.conversations[self.current]

    def open(self, name: str) -> Dialogue:
        """Return the conversation of a name; a new name makes one."""
        if name not in self.conversations:
            self.conversations[name] = Dialogue(name)
        return self.conversations[name]

    def use(self, name: str) -> Dialogue:
        """Make the conversation of a name current; a new name makes one."""
        self.current = name
        return self.open(name)

    def add(self, saved: Saved) -> Dialogue:
        """Add a conversation that was saved, and return it.

        It replaces no turns: where the conversation of its name has some, the name gets
        ``-2`` or more.
        """
        name = saved.about.name
        names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
        free = next(name for name in names if self._is_free(name))
        self.conversations[free] = Dialogue.from_saved(saved, free)
        return self.conversations[free]

    def _is_free(self, name: str) -> bool:
        conversation = self.conversations.get(name)
        return conversation is None or not conversation.tree.turns

    def keep(self, host: Host, reply: Reply, compared: Iterable[Turn] = ()) -> Reply:
        """Make an answer, complete or not, the last reply; returns it.

        Args:
            host: Whose ``_step`` it becomes.
            reply: The answer.
            compared: Turns that were drawn next to it.
        """
        self.last = reply
        if host.has_shell:
            for turn in (reply.turn, *compared):
                self.drawn.add(host, turn.id)
            host.push({"_step": reply})
        return reply

    def catalogue(self) -> Catalogue:
        """Return the models of the configured server."""
        base_url = current().base_url
        if base_url not in self._catalogues:
            self._catalogues[base_url] = Catalogue(base_url)
        return self._catalogues[base_url]

    def options(
        self, conversation: Dialogue, first_line: Overrides | None = None
    ) -> Options:
        """Return the options of the next turn of a conversation.

        Raises:
            SettingError: A value cannot be used.
        """
        return resolve(
            current(),
            self.catalogue(),
            conversation.overrides,
            first_line or Overrides(),
        )


def session() -> Session:
    """Return the session of this kernel."""
    return kernel.get(Session)
