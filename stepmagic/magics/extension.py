"""What ``%load_ext stepmagic`` adds to a shell; loading it again adds nothing."""

from __future__ import annotations

from typing import Any

from traitlets import TraitError

from stepmagic import magics
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.formatters import register_formatters
from stepmagic.errors import SettingError
from stepmagic.magics.step import StepMagics
from stepmagic.settings import current


def load(shell: Any) -> None:
    """Add the magics, their completion, the settings and the formatters.

    Raises:
        SettingError: A value in IPython's configuration cannot be used; nothing is
            added then.
    """
    if any(isinstance(known, StepMagics) for known in shell.configurables):
        return
    settings = current()
    try:
        settings.update_config(shell.config)
    except TraitError as exc:
        message = f"IPython's configuration cannot be used: {exc}"
        raise SettingError(message) from exc
    shell.register_magics(StepMagics)
    for command in ("%step", "%%step"):
        shell.set_hook("complete_command", _complete, str_key=command)
    shell.configurables.append(settings)
    host = Host(shell)
    register_formatters(shell.display_formatter, host)
    host.record_outputs()
    host.record_errors()


def _complete(shell: Any, event: Any) -> list[str]:
    """Return what completes a line; loads the subcommands with the first one."""
    return magics.complete(shell, event)
