"""Real files as parts, and what was made of them read back."""

from __future__ import annotations

import io

from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from attached_files import Write, png
from footage import make_video
from stepmagic.attachments import images
from stepmagic.transcript import Image, Video


def test_picture_stays_within_limits(attach: Write) -> None:
    attached = attach("a.png", png(side=64), limits=images.ImageLimits(longest_side=32))
    (part,) = attached.parts
    assert isinstance(part, Image)
    assert pillow.open(io.BytesIO(part.data or b"")).size == (32, 32)
    (notice,) = attached.differences
    assert notice.startswith("`a.png`: scaled down")
    assert notice.endswith(".")


def test_video_is_sent_whole_or_as_frames(attach: Write) -> None:
    data = make_video(count=10)
    (whole,) = attach("clip.mp4", data).parts
    assert isinstance(whole, Video)
    assert (whole.data, whole.name) == (data, "clip.mp4")
    parts = attach("clip", data, frames=2).parts
    assert [part.name for part in parts if isinstance(part, Image)] == [
        "clip at 0:00.2",
        "clip at 0:00.7",
    ]
