"""Styles that the model's text and what stands around it share."""

from __future__ import annotations

from typing import Final

QUIET: Final = 'style="color:var(--jp-ui-font-color2)"'
"""JupyterLab's secondary colour, whatever the theme; elsewhere the text's own."""
