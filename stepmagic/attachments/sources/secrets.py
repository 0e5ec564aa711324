"""Files that hold keys and passwords, by the names tools give them and by their text.

A name is looked at where a link points to as well as where it lies.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from stepmagic.errors import AttachmentError

_NAMES = (
    ".env",
    ".env.*",
    "*.env",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "*.jks",
    "*.kdbx",
    "*.keystore",
    "*.p12",
    "*.pfx",
    "*.ppk",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "gcloud/application_default_credentials.json",
)
"""Patterns of names in which tools keep secrets, with the folder where that tells."""

_HARMLESS = (".env.example", ".env.sample", ".env.template")

# RFC 7468, section 3, for keys of OpenSSL and OpenSSH; RFC 4880, 6.2, for OpenPGP.
_PRIVATE_KEY = re.compile(r"^[ \t]*-----BEGIN [A-Z0-9 ]*PRIVATE KEY", re.MULTILINE)


def refuse_secret(path: PurePath, name: str) -> None:
    """Refuse a file whose name says that it holds secrets.

    Raises:
        AttachmentError: It is such a file.
    """
    plain = PurePath(path.as_posix().casefold())
    if any(map(plain.match, _NAMES)) and plain.name not in _HARMLESS:
        what = "" if path.name == PurePath(name).name else f" ({path.name})"
        message = (
            f"`{name}`{what} is a file in which keys or passwords are kept, and is not "
            "sent. Copy what the model may see into a text, and attach that."
        )
        raise AttachmentError(message)


def refuse_private_key(text: str, name: str) -> None:
    """Refuse a text that holds a private key.

    Raises:
        AttachmentError: A line of it begins one.
    """
    if _PRIVATE_KEY.search(text):
        message = (
            f"`{name}` holds a private key, and is not sent. Copy what the model may "
            "see into a text, and attach that."
        )
        raise AttachmentError(message)
