"""The panel as the user holds it: shown, it opens the chat of a conversation."""

from __future__ import annotations

from typing import Any

from stepmagic.ask.conversation import Conversation
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.view import is_live
from stepmagic.session import session
from stepmagic.settings import current

_NO_SHELL = "The panel is shown by a notebook; there is none here."


class Panel:
    """A chat panel for a conversation; as the last line of a cell it opens.

        from stepmagic import Panel
        Panel()

    All panels of one conversation show the same, and cells ask in it too. Without a
    notebook it says so; where nobody can click, as in an executed notebook, it shows
    the transcript.

    Args:
        conversation: A ``Conversation`` or the name of one; the current by default. A
            new name begins one.
    """

    def __init__(self, conversation: Conversation | str | None = None) -> None:
        if conversation is None:
            conversation = session().conversation.name
        if isinstance(conversation, str):
            conversation = Conversation(conversation)
        self.conversation = conversation

    def __repr__(self) -> str:
        return f"<Panel of {self._dialogue.name}>"

    @property
    def _dialogue(self) -> Dialogue:
        return self.conversation.__stepmagic_dialogue__

    def _ipython_display_(self) -> None:
        host = Host.find()
        if not host.has_kernel:
            print(_NO_SHELL)  # noqa: T201 - what there is to show
            return
        # anywidget, when first shown.
        from stepmagic.panel.server import desk_for  # noqa: PLC0415

        if is_live(current().live, host):
            desk_for(self._dialogue, host).show(in_place=host.is_lab)
            return
        _show_transcript(self.conversation)


def _show_transcript(conversation: Conversation) -> None:
    """Show the turns where nobody can click, as when a notebook is executed whole."""
    from IPython.display import display  # noqa: PLC0415 - with a shell, it is loaded

    from stepmagic.panel.state import Stage  # noqa: PLC0415 - see above

    bundle: dict[str, Any] = {
        "text/html": Stage(conversation.__stepmagic_dialogue__).transcript(""),
        "text/plain": repr(conversation),
    }
    display(bundle, raw=True)
