"""What a question with its options can carry: kinds of parts, sizes of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stepmagic.attachments.handling import Handling
from stepmagic.attachments.images import Limits
from stepmagic.options import Options
from stepmagic.settings import current


def handling_for(options: Options) -> Handling:
    """Return how objects are made into parts of a prompt."""
    settings = current()
    return Handling(
        limits=Limits(longest_side=settings.image_longest_side, detail=options.detail),
        preview_tokens=settings.preview_tokens,
        frames=options.frames,
        no_video=_no_video(options),
        no_files=_no_files(options),
    )


def handling_for_results(options: Options) -> Handling:
    """Return how objects are made into parts of what a function returned."""
    handling = handling_for(options)
    if options.api != "responses" or handling.no_video:
        return handling
    return replace(handling, no_video="/responses takes no video from a function")


def least_able(each: Sequence[Options]) -> Options:
    """Return the options that can carry least: one prompt goes to all of them."""
    return max(each, key=lambda one: bool(_no_video(one)) + bool(_no_files(one)))


def _no_video(options: Options) -> str:
    """Return why no video can be sent; empty where one can."""
    inputs = options.entry.inputs if options.entry else None
    if options.api == "messages":
        return "/messages takes no video"
    if inputs is not None and "video" not in inputs:
        return f"{options.model} takes no video"
    return ""


def _no_files(options: Options) -> str:
    """Return why no file can be sent; empty where one can."""
    inputs = options.entry.inputs if options.entry else None
    if inputs is None or "file" in inputs or "plugins" in options.parameters:
        return ""
    return f"{options.model} takes no files"
