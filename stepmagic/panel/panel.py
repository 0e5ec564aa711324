"""The panel as the user holds it: shown, it opens the chat of a conversation."""

from __future__ import annotations

from typing import Any

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

    All panels of one conversation show the same, and cells ask in it too.
    """

    def __init__(self, conversation: Dialogue | str | None = None) -> None:
        """Choose the conversation.

        Args:
            conversation: A ``Conversation`` or the name of one; the current by default.
        """
        here = session()
        if isinstance(conversation, str):
            conversation = here.open(conversation)
        self.conversation = conversation or here.conversation

    def __repr__(self) -> str:
        return f"<Panel of {self.conversation.name}>"

    def _ipython_display_(self) -> None:
        host = Host.find()
        if not host.has_kernel:
            print(_NO_SHELL)  # noqa: T201 - what there is to show
            return
        # anywidget, when first shown.
        from stepmagic.panel.server import desk_for  # noqa: PLC0415

        if is_live(current().live, host):
            desk_for(self.conversation, host).show(in_place=host.is_lab)
            return
        _show_transcript(self.conversation)


def _show_transcript(conversation: Dialogue) -> None:
    """Show the turns where nobody can click, as when a notebook is executed whole."""
    from IPython.display import display  # noqa: PLC0415 - with a shell, it is loaded

    from stepmagic.panel.state import Stage  # noqa: PLC0415 - see above

    bundle: dict[str, Any] = {
        "text/html": Stage(conversation).transcript(""),
        "text/plain": repr(conversation),
    }
    display(bundle, raw=True)
