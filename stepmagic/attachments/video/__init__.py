"""Videos as a video part, or as some of their frames.

Owns which videos can be sent, and how frames are chosen. Recognizing and encoding
pictures belongs to ``images``.
"""

from stepmagic.attachments.video.attach import attach_video, attach_video_file, is_video
from stepmagic.attachments.video.containers import media_type_of
from stepmagic.attachments.video.decoding import DEFAULT_FRAMES, MOST_FRAMES, frames

__all__ = [
    "DEFAULT_FRAMES",
    "MOST_FRAMES",
    "attach_video",
    "attach_video_file",
    "frames",
    "is_video",
    "media_type_of",
]
