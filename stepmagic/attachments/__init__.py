"""Objects of the notebook as parts of a message.

Owns what may be sent and in which form. Evaluates no calls: text that was pasted into a
cell must not reach secrets.
"""

from stepmagic.attachments.names import look_up
from stepmagic.attachments.parts import to_part
from stepmagic.attachments.placeholders import expand

__all__ = ["expand", "look_up", "to_part"]
