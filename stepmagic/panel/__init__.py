"""The chat panel: a conversation in a widget, for people who would rather click.

    panel     what the user holds and shows
    desk      serves the pages of one conversation: messages in, messages out
    actions   what a page may ask for
    asking    a question from the panel: its message, its turn, its end
    stage     what pages have to know, and what of it is new
    forms     turns and settings as pages draw them
    speech    finished sentences, for screen readers
    things    what in the namespace can be attached
    results   answers put into work: code, tables, names
    pump      the thread that sends
    model     the widget; `*.js` and `panel.css` are its page

It asks as a cell does, through the same conversation, and draws nothing but what the
kernel has filtered. Handlers run where Jupyter delivers messages; only the pump sends,
20 times a second at most.
"""

from __future__ import annotations

from stepmagic.panel.panel import Panel

__all__ = ["Panel"]
