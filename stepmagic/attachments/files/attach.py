"""One stored file as the parts it is sent as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stepmagic.attachments import images, video
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.documents import attach_pdf
from stepmagic.attachments.files.formats import Kind, kind_of
from stepmagic.attachments.files.notebooks import attach_notebook
from stepmagic.attachments.files.office import attach_office
from stepmagic.attachments.files.sheets import attach_database, attach_workbook
from stepmagic.attachments.files.source import Source, open_source
from stepmagic.attachments.files.tables import attach_table
from stepmagic.attachments.files.text import attach_text
from stepmagic.errors import AttachmentError

_MOST_IMAGE_BYTES = 200_000_000
"""Of a picture before it is scaled down: a photograph of 60 megapixels as TIFF."""


def attach_path(
    path: str | Path,
    name: str | None = None,
    limits: images.ImageLimits | None = None,
    *,
    frames: int | None = None,
    part: str = "",
) -> Attached:
    """Return a stored file in the form in which it is sent.

    Pictures become images, videos a video or frames, PDF a file; tables become
    previews, notebooks their cells, documents Markdown, and text one fenced block.

    Args:
        path: Where it is; ``~`` is the home folder.
        name: What the user called it; by default the last part of the path.
        limits: How large an image may be.
        frames: Send this many frames of a video instead of the video.
        part: Send this sheet of a workbook, or this table of a database.

    Raises:
        AttachmentError: There is no such file, or it cannot be read or sent.
    """
    with open_source(path, name or Path(path).name or str(path)) as source:
        return _attach(source, limits, frames, part)


def _attach(
    source: Source, limits: images.ImageLimits | None, frames: int | None, part: str
) -> Attached:
    kind = kind_of(source.head(), source.suffix)
    if source.size == 0 and kind in ("image", "video", "pdf", "notebook"):
        message = f"`{source.name}` is empty: it has 0 bytes."
        raise AttachmentError(message)
    if part and kind not in ("workbook", "database"):
        message = (
            f"`{source.name}`: only sheets of workbooks and tables of SQLite databases "
            "are chosen by `::`."
        )
        raise AttachmentError(message)
    match kind:
        case "image":
            return _attach_image(source, limits or images.ImageLimits())
        case "video":
            return video.attach_video_file(source, limits, frames=frames)
        case "pdf":
            return attach_pdf(source, (limits or images.ImageLimits()).pages)
        case "notebook":
            return attach_notebook(source, limits)
        case "workbook" | "database":
            return _PARTED[kind](source, part)
        case _:
            return _SIMPLE[kind](source)


_PARTED: dict[Kind, Callable[[Source, str], Attached]] = {
    "workbook": attach_workbook,
    "database": attach_database,
}
_SIMPLE: dict[Kind, Callable[[Source], Attached]] = {
    "table": attach_table,
    "office": attach_office,
    "text": attach_text,
}


def _attach_image(source: Source, limits: images.ImageLimits) -> Attached:
    data = source.read(_MOST_IMAGE_BYTES, advice="Scale it down and attach that.")
    converted = images.from_bytes(data, source.name, limits)
    return Attached(
        name=source.name,
        kind="image",
        parts=converted.parts,
        size=converted.size,
        differences=tuple(f"`{source.name}`: {what}." for what in converted.notices),
    )
