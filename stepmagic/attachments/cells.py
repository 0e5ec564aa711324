"""Earlier cells of the notebook with their outputs, for ``--cells``."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from stepmagic.attachments import images
from stepmagic.attachments.attached import Attached, UserPart
from stepmagic.attachments.files.text import fence
from stepmagic.attachments.outputs import displayed
from stepmagic.errors import AttachmentError
from stepmagic.markdown import plain
from stepmagic.transcript import Text

_MOST_CELLS = 50
_MOST_LETTERS = 20_000
"""Of one output; what is longer is cut in the middle."""

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_IMAGES = ("image/png", "image/jpeg")


def attach_cells(shell: Any, cells: str, limits: images.Limits) -> list[Attached]:
    """Return earlier cells: their source, what they printed, their pictures.

    Args:
        shell: The ``InteractiveShell`` that ran them.
        cells: Numbers as in ``In [3]``: ``3``, ``3-5``, ``1,4-6``, or ``last``.
        limits: How large an image may be.

    Raises:
        AttachmentError: No such cells, or too many of them.
    """
    sources = shell.history_manager.input_hist_raw
    return [
        _attach(shell, number, sources[number], limits)
        for number in _numbers(cells, shell.execution_count)
        if sources[number].strip()
    ]


def _numbers(cells: str, now: int) -> list[int]:
    """Return the numbers of cells that ran before the one that runs now."""
    if cells == "last":
        cells = str(now - 1)
    found: list[int] = []
    for piece in cells.split(","):
        match = _RANGE.fullmatch(piece.strip())
        if match is None:
            message = f"--cells takes 3, 3-5, 1,4-6 or last, not {cells!r}."
            raise AttachmentError(message)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last < now:
            ran = f"1 to {now - 1}" if now > 1 else "none yet"
            message = f"--cells {cells}: the cells that have run are {ran}."
            raise AttachmentError(message)
        if last - first >= _MOST_CELLS:
            message = f"--cells {cells}: at most {_MOST_CELLS} cells go at once."
            raise AttachmentError(message)
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def _attach(shell: Any, number: int, source: str, limits: images.Limits) -> Attached:
    name = f"cell {number}"
    told = f"In [{number}]:\n{fence(source.rstrip(), 'python')}"
    parts: list[UserPart] = []
    for bundle in _bundles(shell, number):
        picture = next((bundle[kind] for kind in _IMAGES if kind in bundle), None)
        if picture is not None:
            data = base64.b64decode(picture)
            parts += images.from_bytes(data, f"output of {name}", limits).parts
        elif said := _ESCAPES.sub("", bundle.get("text/plain", "")).strip("\n"):
            told += f"\nOut [{number}]:\n{fence(_cut(plain(said)))}"
    return Attached(name=name, kind="cell", parts=(Text(text=told), *parts))


def _bundles(shell: Any, number: int) -> Iterator[dict[str, str]]:
    """Yield what a cell printed, displayed and returned, as text or a picture."""
    history = shell.history_manager
    # Kept by IPython 9; before it, the text of the value alone.
    recorded = getattr(history, "outputs", {}).get(number, ())
    own = displayed(shell, number)
    for output in recorded:
        if output.output_type == "display_data" and own:
            continue
        yield _as_bundle(output.bundle)
    yield from own
    if not recorded and number in history.output_hist_reprs:
        yield {"text/plain": history.output_hist_reprs[number]}
    error = getattr(history, "exceptions", {}).get(number)
    if error:
        yield {"text/plain": f"{error['ename']}: {error['evalue']}"}


def _as_bundle(bundle: dict[str, Any]) -> dict[str, str]:
    if "stream" in bundle:
        return {"text/plain": "".join(bundle["stream"])}
    return {
        kind: base64.b64encode(data).decode() if isinstance(data, bytes) else str(data)
        for kind, data in bundle.items()
    }


def _cut(text: str) -> str:
    """Return a text without the middle of what is too long."""
    left_out = len(text) - _MOST_LETTERS
    if left_out <= 0:
        return text
    half = _MOST_LETTERS // 2
    return f"{text[:half]}\n[... {left_out:,} letters left out ...]\n{text[-half:]}"
