"""Any object of the notebook in the form in which it is sent: one place that chooses.

Only the type decides, and no code of the value runs before that. A value of any other
type is sent as its ``repr``, cut to a limit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from stepmagic.attachments import containers, files, frames, images, video
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.files.text import fence
from stepmagic.attachments.files.urls import check_url, is_url, url_notices
from stepmagic.attachments.images.types import (
    choose_picture,
    has_method,
    is_array,
    is_stack,
    kind_of,
    shape_and_type,
)
from stepmagic.attachments.notebook import bundles, source
from stepmagic.attachments.notebook.errors import attach_error
from stepmagic.attachments.parts import PARTS, is_plain, is_reply, to_part
from stepmagic.attachments.secrets import refuse_secretive
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Text, Video
from stepmagic.transcript.usage import format_bytes, format_count

_BYTES = (bytes, bytearray)
_PDF = b"%PDF-"
_LEAST_SIDE = 16


def attach(
    value: Any, name: str, handling: Handling, namespace: Mapping[str, Any]
) -> Attached:
    """Return a value in the form in which it is sent.

    Args:
        value: Anything.
        name: What the user called it.
        handling: What the question may carry.
        namespace: The user's names; with an error, the types of those in its cell are
            sent.

    Raises:
        AttachmentError: It has no form that could be sent.
    """
    attached = _attach(value, name, handling, namespace)
    hosts = [
        check_url(part.url, part.name or name)
        for part in attached.parts
        if not isinstance(part, Text) and part.url and is_url(part.url)
    ]
    advice = dict.fromkeys(notice for host in hosts for notice in url_notices(host))
    new = (notice for notice in advice if notice not in attached.notices)
    return replace(attached, notices=(*attached.notices, *new))


def _attach(
    value: Any, name: str, handling: Handling, namespace: Mapping[str, Any]
) -> Attached:
    refuse_secretive(value, name)
    if issubclass(type(value), BaseException):
        return attach_error(value, name, namespace)
    if not frames.is_library_frame(value) and containers.shares_figures(value):
        return _container(value, name, handling, namespace)
    for is_kind, make in _KINDS:
        if is_kind(value):
            return make(value, name, handling)
    if type(value) in _BYTES:
        if value.startswith(_PDF):
            message = (
                f"`{name}` is a PDF in memory, of {format_bytes(len(value))}. Write it "
                f"to a file, `Path('page.pdf').write_bytes({name})`, and attach that."
            )
            raise AttachmentError(message)
        message = (
            f"`{name}` is {format_bytes(len(value))} of neither a picture nor a video. "
            f"Attach the file that it was read from, or its text: `{name}.decode()`."
        )
        raise AttachmentError(message)
    if containers.is_container(value):
        return _container(value, name, handling, namespace)
    if is_plain(value, name):
        return _plain(value, name, handling)
    return _shown(value, name, handling)


def _container(
    value: Any, name: str, handling: Handling, namespace: Mapping[str, Any]
) -> Attached:
    return containers.attach_container(
        value, name, lambda item, of: attach(item, of, handling, namespace)
    )


def is_preview(value: Any) -> bool:
    """Whether a value is a table's preview, which the user has made."""
    module = sys.modules.get("stepmagic.attachments.frames.previews")
    return module is not None and type(value) is module.Preview


def frame_count(handling: Handling) -> int | None:
    """Return how many frames to send instead of a video; None sends the video."""
    if handling.frames is None and handling.no_video:
        return video.DEFAULT_FRAMES
    return handling.frames


def explained(attached: Attached, handling: Handling) -> Attached:
    """Return an attachment in a form that the model takes, with the reason.

    A video became frames already, where the user did not ask for them; a document
    becomes its text.

    Raises:
        AttachmentError: It is a video or a document at an address, which has neither
            frames nor text here, or a document without text.
    """
    if handling.no_documents and any(isinstance(part, File) for part in attached.parts):
        from stepmagic.attachments.files.documents import as_text  # noqa: PLC0415 - seldom

        return as_text(attached, handling.no_documents, handling.limits.pages)
    if not handling.no_video:
        return attached
    if any(isinstance(part, Video) for part in attached.parts):
        message = (
            f"{handling.no_video}, and `{attached.name}` is at a URL: its frames "
            "cannot be sent instead. Download it, and attach the file."
        )
        raise AttachmentError(message)
    if handling.frames is not None or attached.kind != "frames of a video":
        return attached
    notice = f"{handling.no_video}, so frames of `{attached.name}` are sent."
    return replace(attached, differences=(notice, *attached.differences))


def _is_part(value: Any) -> bool:
    return type(value) in PARTS and type(value) is not Video


def _is_path(value: Any) -> bool:
    return issubclass(type(value), PurePath)


def _part(value: Any, name: str, handling: Handling) -> Attached:
    kind = type(value).__name__.lower()
    return explained(Attached(name=name, kind=kind, parts=(value,)), handling)


def _plain(value: Any, name: str, _: Handling) -> Attached:
    part = to_part(value, name)
    size = format_count(len(part.text), "character") if isinstance(part, Text) else ""
    return Attached(name=name, kind=type(value).__name__, parts=(part,), size=size)


def _path(value: Any, name: str, handling: Handling) -> Attached:
    count = frame_count(handling)
    attached = files.attach_path(value, name, handling.limits, frames=count)
    return explained(attached, handling)


def _table(value: Any, name: str, handling: Handling) -> Attached:
    shown = frames.preview(value, name=name, tokens=handling.preview_tokens)
    attached = _preview(shown, name, handling)
    return containers.with_pictures(
        attached, value, lambda item, of: _images(item, of, handling)
    )


def _records(value: Any, name: str, handling: Handling) -> Attached:
    """Return the table that an array, or a list of records, is read as."""
    attached = _table(value, name, handling)
    notices = (*attached.notices, *_table_advice(value, name))
    return replace(attached, notices=notices)


def _table_advice(value: Any, name: str) -> tuple[str, ...]:
    """Return how to send a plane of floats as a picture."""
    if not is_array(value):
        return ()
    shape, dtype = shape_and_type(value)
    if len(shape) != 2 or min(shape) < _LEAST_SIDE or "float" not in dtype:  # noqa: PLR2004
        return ()
    advice = (
        f"`{name}` is sent as a table of numbers. `{name}[:, :, None]` sends it as a "
        "picture."
    )
    return (advice,)


def _is_styler(value: Any) -> bool:
    """Whether a value is a frame of pandas with a format, as ``df.style`` is."""
    module = sys.modules.get("pandas.io.formats.style")
    return module is not None and issubclass(type(value), module.Styler)


def _styler(value: Any, name: str, handling: Handling) -> Attached:
    """Return the data of a Styler without the columns that it hides."""
    hidden = set(value.hidden_columns)
    shown = [n for n in range(value.data.shape[1]) if n not in hidden]
    attached = _table(value.data.iloc[:, shown], name, handling)
    left_out = f" and {format_count(len(hidden), 'hidden column')}" if hidden else ""
    difference = f"The data of `{name}` is sent without its styles{left_out}."
    return replace(
        attached,
        kind="pandas Styler",
        differences=(difference, *attached.differences),
    )


def _preview(shown: frames.Preview, name: str, _: Handling) -> Attached:
    return Attached(
        name=name,
        kind=shown.kind,
        parts=(Text(text=shown.text),),
        size=shown.size,
        differences=shown.differences,
        notices=shown.notices,
    )


def _images(value: Any, name: str, handling: Handling) -> Attached:
    if handling.frames is not None and video.is_video(value):
        return _video(value, name, handling)
    converted = images.to_images(value, name, handling.limits)
    several = len(converted.parts) > 1
    return Attached(
        name=name,
        kind="images" if several else "image",
        parts=converted.parts,
        size=converted.size,
        differences=tuple(f"`{name}`: {what}." for what in converted.notices),
        notices=(*converted.advice, *_plane_advice(value, name)),
    )


def _plane_advice(value: Any, name: str) -> tuple[str, ...]:
    """Return how to send a plane of numbers as a table, where it may be one."""
    if not is_array(value) or len(shape_and_type(value)[0]) != 2:  # noqa: PLR2004
        return ()
    if shape_and_type(value)[1] in ("bool", "uint8"):
        return ()
    advice = (
        f"`{name}` is sent as a picture. `pandas.DataFrame({name})` sends its numbers "
        "as a table."
    )
    return (advice,)


def _stack(value: Any, name: str, _: Handling) -> Attached:
    """Refuse an array of several pictures that is not a sequence of frames.

    Raises:
        AttachmentError: Always.
    """
    shape, dtype = shape_and_type(value)
    message = (
        f"`{name}` is an array of {dtype} with the shape {shape}, which is not one "
        f"picture. Send one of its pictures, `{choose_picture(value, name)}`, or "
        "several as a list."
    )
    raise AttachmentError(message)


def _video(value: Any, name: str, handling: Handling) -> Attached:
    count = frame_count(handling)
    attached = video.attach_video(value, name, handling.limits, frames=count)
    return explained(attached, handling)


def _shown(value: Any, name: str, handling: Handling) -> Attached:
    """Return what a notebook shows of a value, else its repr, else its HTML as text.

    Raises:
        AttachmentError: None of them says anything.
    """
    if not bundles.shows_itself(value):
        return source.attach_repr(value, name)
    bundle = bundles.bundle_of(value, name)
    page = {kind: bundle[kind] for kind in ("text/html",) if kind in bundle}
    best = {kind: it for kind, it in bundle.items() if kind not in page}
    content = bundles.read_bundle(best, name, handling.limits)
    if not (content.parts or content.text.strip()):
        try:
            attached = source.attach_repr(value, name)
        except AttachmentError:
            content = bundles.read_bundle(page, name, handling.limits)
            if not content.text.strip():
                raise
        else:
            return attached
    kind = "image" if content.parts else type(value).__name__
    text = Text(text=fence(content.text, content.language))
    return Attached(
        name=name,
        kind=kind,
        parts=content.parts or (text,),
        size=content.size,
        differences=tuple(f"`{name}`: {what}." for what in content.differences),
    )


def _code(value: Any, name: str, _: Handling) -> Attached:
    return source.attach_code(value, name)


_KINDS: tuple[
    tuple[Callable[[Any], bool], Callable[[Any, str, Handling], Attached]], ...
] = (
    # Most attachments are tables. Before pictures: an Ibis table would draw itself as a
    # graph.
    (frames.is_library_frame, _table),
    (_is_part, _part),
    (is_reply, _plain),
    (is_preview, _preview),
    (_is_path, _path),
    (_is_styler, _styler),
    (lambda value: has_method(value, "_repr_llm_"), _shown),
    (lambda value: kind_of(value) == "repr", _shown),
    (images.is_image, _images),
    (video.is_video, _video),
    (is_stack, _stack),
    (frames.is_frame, _records),
    (source.is_code, _code),
)
"""The kinds in the order in which a value is tried, and what makes an attachment."""
