"""A cell that asks from code."""

from __future__ import annotations

ASK = "from stepmagic import step, Conversation\n"
