"""Where an attachment comes from: a stored file, opened with care, or an address.

Owns what may leave the machine by its name or its look. Knows no format of a document.
"""

from stepmagic.attachments.sources.addresses import check_url, is_url, url_notices
from stepmagic.attachments.sources.secrets import refuse_private_key
from stepmagic.attachments.sources.stored import Source, open_source

__all__ = [
    "Source",
    "check_url",
    "is_url",
    "open_source",
    "refuse_private_key",
    "url_notices",
]
