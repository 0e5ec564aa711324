"""Earlier cells of the notebook with their outputs, for ``--cells``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepmagic.attachments import images
from stepmagic.attachments.attachment import Attached, UserPart
from stepmagic.attachments.files.text import cut, fence
from stepmagic.attachments.notebook.bundles import Content, on_screen, read_bundle
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

_MOST_CELLS = 50
MOST_CHARACTERS = 20_000
"""Characters of one output; a longer one is cut in the middle."""

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def attach_cells(host: Host, cells: str, limits: images.ImageLimits) -> list[Attached]:
    """Return earlier cells: their source, what they printed, their pictures.

    Args:
        host: The shell in which they ran.
        cells: Numbers as in ``In [3]``: ``3``, ``3-5``, ``1,4-6``, or ``last``.
        limits: How large an image may be.

    Raises:
        AttachmentError: The cells do not exist, or there are too many of them.
    """
    numbers = _numbers(cells, host.cell_number)
    sources = host.history.input_hist_raw
    attached = [
        attach_cell(host, number, sources[number], limits)
        for number in numbers
        if sources[number].strip()
    ]
    if not attached:
        message = f"--cells {cells}: the source of these cells was not recorded."
        raise AttachmentError(message)
    return attached


def _numbers(cells: str, now: int) -> list[int]:
    """Return the numbers of cells that ran before the one that runs now."""
    if cells == "last":
        cells = str(now - 1)
    found: list[int] = []
    for piece in cells.split(","):
        match = _RANGE.fullmatch(piece.strip())
        if match is None:
            message = f"--cells must be like 3, 3-5, 1,4-6 or last, not {cells!r}."
            raise AttachmentError(message)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last < now:
            ran = f"1 to {now - 1}" if now > 1 else "none yet"
            message = f"--cells {cells}: the cells that have run are {ran}."
            raise AttachmentError(message)
        found += range(first, last + 1)
    several = list(dict.fromkeys(found))
    if len(several) > _MOST_CELLS:
        message = f"--cells {cells}: at most {_MOST_CELLS} cells can be sent at once."
        raise AttachmentError(message)
    return several


def attach_cell(
    host: Host,
    number: int,
    source: str,
    limits: images.ImageLimits,
    most: int = MOST_CHARACTERS,
) -> Attached:
    """Return a cell that ran: its source, what it printed, its pictures.

    Args:
        host: Where it ran.
        number: As in ``In [3]``.
        source: As it was typed.
        limits: How large an image may be.
        most: Characters of one output; what is longer is cut in the middle.
    """
    name = f"cell {number}"
    of = f"output of {name}"
    text = f"In [{number}]:\n{fence(source.rstrip(), 'python')}"
    pictures: list[UserPart] = []
    differences: list[str] = []
    own = host.displayed(number)
    for bundle in _bundles(host, number, own):
        content = _content(bundle, of, limits)
        pictures += content.parts
        differences += [f"`{of}`: {what}." for what in content.differences]
        if content.text.strip():
            shown = content.text.strip("\n")
            if len(shown) > most:
                missing = len(shown) - most
                differences.append(f"`{of}`: {missing:,} characters are left out.")
                shown = cut(shown, most)
            text += f"\nOut [{number}]:\n{fence(shown, content.language)}"
    if own is None and host.records_displays:
        differences.append(f"What {name} displayed before %load_ext was not recorded.")
    return Attached(
        name=name,
        kind="cell",
        parts=(Text(text=text), *pictures),
        differences=tuple(dict.fromkeys(differences)),
    )


def _content(
    bundle: Mapping[str, Any], name: str, limits: images.ImageLimits
) -> Content:
    """Return the content of an output; printed text as a terminal shows it."""
    if "stream" in bundle:
        return Content(text=on_screen(bundle["stream"]))
    return read_bundle(bundle, name, limits)


def _bundles(
    host: Host, number: int, own: list[dict[str, str]] | None
) -> Iterator[Mapping[str, Any]]:
    """Yield what a cell printed, displayed and returned, by MIME type.

    Args:
        host: The shell in which it ran.
        number: Its number.
        own: Its recorded displays; None if they were not recorded.
    """
    history = host.history
    # Recorded by IPython 9; earlier versions record only the text of the value.
    recorded = getattr(history, "outputs", {}).get(number, ())
    left = host.cleared(number)
    for output in recorded:
        if "stream" in output.bundle:
            text = "".join(output.bundle["stream"])
            yield {"stream": text[left:]}
            left = max(0, left - len(text))
            continue
        # In a kernel, IPython records some displays under the number of another cell.
        if output.output_type != "display_data" or not host.records_displays:
            yield output.bundle
    yield from own or ()
    if not recorded and number in history.output_hist_reprs:
        yield {"text/plain": history.output_hist_reprs[number]}
    error = getattr(history, "exceptions", {}).get(number)
    if error:
        yield {"stream": f"{error['ename']}: {error['evalue']}"}
