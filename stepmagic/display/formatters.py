"""How a Reply, a Conversation and a dry run show as a cell's last line.

The types live in layers that know no display; they are registered by name, so that
nothing is imported until one of them is shown.
"""

from __future__ import annotations
