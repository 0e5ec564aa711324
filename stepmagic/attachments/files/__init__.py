"""Files and addresses as parts: pictures, videos, PDF, tables, notebooks and text.

Owns which files are read and how text is framed. Pictures, videos and tables are made
by ``images``, ``video`` and ``frames``.
"""

from stepmagic.attachments.files.attach import attach_path
from stepmagic.attachments.files.paths import expand
from stepmagic.attachments.files.urls import attach_url, is_url

__all__ = ["attach_path", "attach_url", "expand", "is_url"]
