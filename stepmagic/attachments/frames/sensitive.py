"""Columns that seem to contain what should not be sent: addresses, numbers, keys.

A guess from names and values, for a warning that names them; nothing is left out.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import narwhals.stable.v2 as nw

from stepmagic.attachments.frames.cells import NULL, Cell
from stepmagic.attachments.frames.sampling import Values

_WORDS = (
    ("e-mail addresses", {"email", "emails", "mail"}),
    ("phone numbers", {"phone", "phones", "mobile", "telephone", "tel", "fax"}),
    ("card numbers", {"iban", "cvv", "cvc", "creditcard", "pan"}),
    ("keys or passwords", {"password", "passwd", "pwd", "secret", "apikey", "token"}),
)
_PAIRS = (
    ("e-mail addresses", ("e", "mail")),
    ("card numbers", ("card", "number")),
    ("card numbers", ("credit", "card")),
    ("keys or passwords", ("api", "key")),
    ("keys or passwords", ("access", "key")),
    ("keys or passwords", ("private", "key")),
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63})+")
_KEY = re.compile(
    # OpenAI and similar, AWS, GitHub, GitLab, Slack, Google, Stripe, a JWT, a PEM file.
    r"\bsk-[\w-]{16,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{36}"
    r"|\bglpat-[\w-]{20}|\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{35}|\b[rs]k_live_\w{16,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_PHONE = re.compile(r"\+\d[\d ()./-]{6,18}\d|\(?0\d[\d ()./-]{5,17}\d")
_PHONE_APART = re.compile(r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}.*")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_OPAQUE = re.compile(r"[\w+/=.~-]{20,200}")
_LEAST_BITS = 3.8
"""Bits per character from which a token seems drawn, not written; hex has 4 at most."""

_LEAST_OF_EACH = 2
"""Digits, capital and small letters: a name in camel case may end with a digit."""

_SHARE = 0.5
"""Of the values, for patterns that ordinary numbers meet by chance."""

_LONGEST = 4_000
_PROBED = 500
"""Values of a column that are searched, about."""

_LEAST_NUMBER = 10**9
"""Whole numbers up to this are counts and ids, not cards or phones."""


def guess(label: str, texts: Sequence[str]) -> str:
    """Return what a column seems to contain, in the plural, or an empty string.

    Args:
        label: The column's name.
        texts: Some of its values as text; empty where it contains none.
    """
    if not texts:
        return ""
    return _by_value([text[:_LONGEST] for text in texts]) or _by_name(label)


def texts_of(values: Values, cells: Iterable[Cell]) -> list[str]:
    """Return what is searched of a column: values from all over it, and what shows.

    Args:
        values: A column.
        cells: What of it is shown.
    """
    step = max(1, len(values) // _PROBED)
    seen = [cell.text for cell in cells if cell.text != NULL]
    if isinstance(values, list):
        found = [value for value in values[::step] if type(value) is str]
    elif values.dtype in (nw.String, nw.Categorical, nw.Enum):
        found = values.gather_every(step).drop_nulls().cast(nw.String).to_list()
    elif values.dtype.is_integer():
        seen = []
        integers = values.gather_every(step).drop_nulls().to_list()
        found = [str(number) for number in integers if number > _LEAST_NUMBER]
    else:
        found = []
        seen = seen if values.dtype.is_nested() else []
    return [*found, *seen]


def _by_name(label: str) -> str:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower()
    words = re.findall(r"[a-z]+", parted)
    pairs = list(itertools.pairwise(words))
    for what, known in _WORDS:
        if known.intersection(words):
            return what
    return next((what for what, pair in _PAIRS if pair in pairs), "")


def _by_value(texts: Sequence[str]) -> str:
    if any(map(_KEY.search, texts)):
        return "keys or passwords"
    if any(map(_EMAIL.search, texts)):
        return "e-mail addresses"
    for what, matches in (
        ("card numbers", _is_card),
        ("phone numbers", _is_phone),
        ("keys or passwords", _is_token),
    ):
        if sum(map(matches, texts)) > _SHARE * len(texts):
            return what
    return ""


def _is_card(text: str) -> bool:
    """Whether a number of 13 to 19 digits ends with its check digit (ISO/IEC 7812)."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(letter) for letter in reversed(text) if letter.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_phone(text: str) -> bool:
    if _DATE.fullmatch(text):
        return False
    return bool(_PHONE.fullmatch(text) or _PHONE_APART.fullmatch(text))


def _is_token(text: str) -> bool:
    """Whether a text is one long word of small and capital letters and digits."""
    counts = [sum(map(kind, text)) for kind in (str.isdigit, str.isupper, str.islower)]
    if min(counts) < _LEAST_OF_EACH or not _OPAQUE.fullmatch(text):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares) > _LEAST_BITS
