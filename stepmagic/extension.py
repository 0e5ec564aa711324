"""What ``%load_ext stepmagic`` adds to a shell; loading it again changes nothing."""

from __future__ import annotations

from typing import Any

from stepmagic.completion import complete
from stepmagic.display.formatters import register_formatters
from stepmagic.magics import StepMagics
from stepmagic.settings import StepMagic


def load(shell: Any) -> None:
    """Add the magics, their completion, the settings and the formatters."""
    if any(isinstance(known, StepMagics) for known in shell.configurables):
        return
    shell.register_magics(StepMagics)
    for command in ("%step", "%%step"):
        shell.set_hook("complete_command", complete, str_key=command)
    settings = StepMagic.instance()
    settings.update_config(shell.config)
    shell.configurables.append(settings)
    register_formatters(shell)
