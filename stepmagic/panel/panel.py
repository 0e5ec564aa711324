"""What the user creates: an object whose display is the chat of a conversation."""

from __future__ import annotations

from typing import Any

from stepmagic.ask.conversation import Conversation
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.view import is_live
from stepmagic.session import session
from stepmagic.settings import current

_NO_NOTEBOOK = (
    "The panel needs a notebook, such as JupyterLab's; here, ask with %%step or step()."
)


class Panel:
    """A chat panel for a conversation; it opens as the last line of a cell.

        from stepmagic import Panel
        Panel()

    All panels of one conversation show the same turns, those of its cells included.
    Where no one can click, as in an executed notebook, it shows the transcript.

    Args:
        conversation: A ``Conversation`` or the name of one; by default the current one.
            A new name begins one.
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
            print(_NO_NOTEBOOK)  # noqa: T201 - it is the output
            return
        if not is_live(current().live, host):
            _show_transcript(self.conversation)
            return
        # Imports anywidget: only when a panel is displayed.
        from stepmagic.panel.server import server_for  # noqa: PLC0415

        server_for(self._dialogue, host).show(in_place=host.is_lab)


def _show_transcript(conversation: Conversation) -> None:
    """Display the turns where no one can click, as in an executed notebook."""
    # IPython is loaded in every kernel; the views load the Markdown parser.
    from IPython.display import display  # noqa: PLC0415

    from stepmagic.panel.views import transcript_bundle, turn_view  # noqa: PLC0415

    dialogue = conversation.__stepmagic_dialogue__
    turns = [each for each in dialogue.turns if each.status != "running"]
    bundle: dict[str, Any] = transcript_bundle(
        dialogue.name, map(turn_view, turns), count=len(turns)
    )
    display(bundle, raw=True)
