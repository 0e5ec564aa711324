"""What a question with its options can carry: kinds of parts, sizes of pictures."""

from __future__ import annotations

from dataclasses import replace

from stepmagic.attachments.handling import Handling
from stepmagic.attachments.images import Limits
from stepmagic.options import Options
from stepmagic.settings import current


def handling_for(options: Options) -> Handling:
    """Return how objects are made into parts of a prompt."""
    settings = current()
    inputs = options.entry.inputs if options.entry else None
    no_video = ""
    if options.api == "messages":
        no_video = "/messages takes no video"
    elif inputs is not None and "video" not in inputs:
        no_video = f"{options.model} takes no video"
    no_files = ""
    if (
        inputs is not None
        and "file" not in inputs
        and "plugins" not in options.parameters
    ):
        no_files = f"{options.model} takes no files"
    return Handling(
        limits=Limits(longest_side=settings.image_longest_side, detail=options.detail),
        preview_tokens=settings.preview_tokens,
        frames=options.frames,
        no_video=no_video,
        no_files=no_files,
    )


def handling_for_results(options: Options) -> Handling:
    """Return how objects are made into parts of what a function returned."""
    handling = handling_for(options)
    if options.api != "responses" or handling.no_video:
        return handling
    return replace(handling, no_video="/responses takes no video from a function")
