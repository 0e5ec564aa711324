"""Which number of an array is black and which is white, and the notices about it.

Bytes are read as 0 to 255 and floats as 0 to 1, as matplotlib's ``imshow`` does.
Everything that is read differently is reported: stretched ranges, numbers that are cut
off, labels that would all be nearly black. All pictures of a stack share one scale, so
that their shades can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTE, _WORD = 255, 65_535
_CUT = 0.1
"""How far beyond 0 and 1 floats may be and still count as colours."""

_SEEN = 0.5 / _BYTE
"""Cutting less than this does not change the byte."""

_MOST_LABELS = 32
_GREATEST_LABEL = 63
_GREATEST_WITH_VOID = 31
"""In some label maps, such as Pascal VOC's, 255 marks pixels without a label."""

_NEARLY_BLACK = 15
_DARK_SHARE = _NEARLY_BLACK / _BYTE
_LISTED = 12
_SAMPLED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The numbers of one picture, reduced to what decides how it is shown."""

    kind: str
    """numpy's code: ``b``, ``u``, ``i`` or ``f``."""
    is_byte: bool
    has_colours: bool
    low: float
    high: float
    alpha: float | None = None
    """The largest number of its fourth channel."""
    lost: int = 0
    """How many are NaN or infinite."""
    masked: int = 0
    values: frozenset[int] | None = None
    """All numbers, of integers without colours; None if there are many."""
    is_inverted: bool = False
    """Whether its smallest number is white, as in some TIFF files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How numbers become shades."""

    black: float
    white: float
    opaque: float = 255.0
    """The number of the fourth channel that means opaque."""
    labels: tuple[int, ...] = ()
    """Numbers that get shades by their order, evenly spaced."""
    curve: tuple[int, ...] | None = None
    """The grey of each of 256 even steps, of a colour profile."""
    notices: tuple[str, ...] = ()

    def apply(self, band: NDArray[Any]) -> NDArray[np.uint8]:
        """Return rows of numbers as bytes."""
        import numpy as np  # noqa: PLC0415 - arrays are there, so numpy is loaded

        band = _filled(band)
        if self.labels:
            shades: NDArray[np.uint8] = self.shades()[_clipped(band)]
            return shades
        is_plain = (self.black, self.white, self.curve) == (0, _BYTE, None)
        if band.dtype == np.uint8 and is_plain:
            return band
        shares = _shares(band[:, :, :3], self.black, self.white) * _BYTE
        if self.curve is not None:
            shares = np.interp(shares, np.arange(len(self.curve)), self.curve)
        alpha = _shares(band[:, :, 3:], 0.0, self.opaque) * _BYTE
        return np.rint(np.concatenate((shares, alpha), axis=2)).astype(np.uint8)

    def shades(self) -> NDArray[np.uint8]:
        """Return the shade of each byte, of a scale for labels."""
        import numpy as np  # noqa: PLC0415 - as above

        table = np.zeros(_BYTE + 1, np.uint8)
        table[list(self.labels)] = _steps(len(self.labels))
        return table


def survey(bands: Iterable[NDArray[Any]], *, colours: bool) -> Survey:
    """Return what decides how rows of numbers become shades.

    Args:
        bands: The picture from top to bottom, as rows, columns and channels.
        colours: Whether it has red, green and blue.
    """
    import numpy as np  # noqa: PLC0415 - as above

    ends: list[tuple[float, float]] = []
    opaque: list[float] = []
    values: set[int] | None = None if colours else set()
    kind, is_byte, lost, masked = "u", True, 0, 0
    for each in bands:
        kind, is_byte = each.dtype.kind, each.dtype == np.uint8
        if np.ma.isMaskedArray(each):
            masked += int(np.ma.getmaskarray(each).sum())
        band = _filled(each)
        if kind != "f":
            finite = band[:, :, :3]
            if values is not None:
                values |= _distinct(finite)
                values = values if len(values) <= _MOST_LABELS else None
        else:
            is_finite = np.isfinite(band)
            lost += int(is_finite.size - is_finite.sum())
            finite = band[:, :, :3][is_finite[:, :, :3]]
        if finite.size:
            ends.append((float(finite.min()), float(finite.max())))
        if band.shape[2] == 4:  # noqa: PLR2004 - RGBA
            opaque.append(float(np.nan_to_num(band[:, :, 3]).max()))
    return Survey(
        kind=kind,
        is_byte=is_byte,
        has_colours=colours,
        low=min((low for low, _ in ends), default=0.0),
        high=max((high for _, high in ends), default=0.0),
        alpha=max(opaque, default=None),
        lost=lost,
        masked=masked,
        values=None if values is None or kind == "f" else frozenset(map(int, values)),
    )


def _distinct(numbers: NDArray[Any]) -> set[int]:
    """Return the numbers that occur, or some of them if there are too many."""
    import numpy as np  # noqa: PLC0415 - as above

    flat = numbers.ravel()
    if flat.dtype == np.uint8:
        return set(np.flatnonzero(np.bincount(flat)).tolist())
    few = set(np.unique(flat[:_SAMPLED]).tolist())
    return few if len(few) > _MOST_LABELS else set(np.unique(flat).tolist())


def scale_for(surveys: Sequence[Survey]) -> Scale:
    """Return the scale of one picture, or the one that a stack of them shares."""
    found = _together(surveys)
    labels = _labels(found)
    if found.is_inverted:
        labels = labels[::-1]
    shared = ", the same for all" if len(surveys) > 1 else ""
    black, white, notice = (0.0, 1.0, "") if labels else _range(found, shared)
    if found.is_inverted:
        black, white = white, black
    opaque, alpha_notice = _opaque(found)
    notices = (
        f"{found.lost:,} values are NaN or infinite and count as 0" * bool(found.lost),
        f"{found.masked:,} values are masked and count as 0" * bool(found.masked),
        "its smallest values are white, as the file specifies" * found.is_inverted,
        _describe(labels) if labels else notice,
        alpha_notice,
    )
    return Scale(
        black=black,
        white=white,
        opaque=opaque,
        labels=labels,
        notices=tuple(filter(None, notices)),
    )


def _together(surveys: Sequence[Survey]) -> Survey:
    if len(surveys) == 1:
        return surveys[0]
    sets = [each.values for each in surveys]
    values = None if None in sets else frozenset().union(*filter(None, sets))
    alphas = [each.alpha for each in surveys if each.alpha is not None]
    return Survey(
        kind="f" if any(each.kind == "f" for each in surveys) else surveys[0].kind,
        is_byte=all(each.is_byte for each in surveys),
        has_colours=any(each.has_colours for each in surveys),
        low=min(each.low for each in surveys),
        high=max(each.high for each in surveys),
        alpha=max(alphas, default=None),
        lost=sum(each.lost for each in surveys),
        masked=sum(each.masked for each in surveys),
        values=values if values is not None and len(values) <= _MOST_LABELS else None,
        is_inverted=surveys[0].is_inverted,
    )


def _labels(found: Survey) -> tuple[int, ...]:
    """Return the numbers of a label map or mask; none if it is a picture."""
    if found.kind == "b" or not found.values or len(found.values) == 1:
        return ()
    if min(found.values) < 0:
        return ()
    *rest, greatest = sorted(found.values)
    has_void = greatest == _BYTE and 0 < rest[-1] <= _GREATEST_WITH_VOID
    return (*rest, greatest) if greatest <= _GREATEST_LABEL or has_void else ()


def _describe(labels: tuple[int, ...]) -> str:
    if len(labels) > _LISTED:
        return (
            f"label map: its {len(labels)} values from {labels[0]} to {labels[-1]} are "
            "shown as shades of grey in their order, evenly spaced"
        )
    shades = ", ".join(map(str, _steps(len(labels))))
    return (
        f"label map: its values {', '.join(map(str, labels))} are shown as the greys "
        f"{shades} of 255"
    )


def _steps(count: int) -> list[int]:
    return [round(_BYTE * step / (count - 1)) for step in range(count)]


def _range(found: Survey, shared: str) -> tuple[float, float, str]:
    """Return the numbers that are black and white, and a notice if needed."""
    low, high = found.low, found.high
    if found.kind == "b":
        return 0.0, 1.0, ""
    usual = _float_range(found) if found.kind == "f" else _whole_range(found, shared)
    if usual is not None:
        return usual
    if low == high:
        return low, high, f"every value is {low:,.6g}, shown as black"
    return (
        low,
        high,
        f"contrast stretched{shared}: {_ends(found, low, high)}",
    )


def _ends(found: Survey, low: float, high: float) -> str:
    black, white = (high, low) if found.is_inverted else (low, high)
    return f"{black:,.6g} is black, {white:,.6g} white"


def _float_range(found: Survey) -> tuple[float, float, str] | None:
    low, high = found.low, found.high
    if low >= -_CUT and high <= 1 + _CUT:
        notice = ""
        if low < -_SEEN or high > 1 + _SEEN:
            notice = (
                "values below 0 and above 1 are cut off: they reach from "
                f"{low:,.6g} to {high:,.6g}"
            )
        elif 0 < high < _DARK_SHARE:
            return None
        return 0.0, 1.0, notice
    if low >= 0 and _BYTE // 2 < high <= _BYTE:
        return 0.0, float(_BYTE), _ends(found, 0, _BYTE)
    return None


def _whole_range(found: Survey, shared: str) -> tuple[float, float, str] | None:
    low, high = found.low, found.high
    if low < 0:
        return None
    if high <= _BYTE:
        if 0 < high <= _NEARLY_BLACK:
            if low < high:
                return None
            return 0.0, float(_BYTE), f"nearly black: every value is {high:g} of 255"
        is_usual = found.is_byte or found.has_colours
        return 0.0, float(_BYTE), "" if is_usual else _ends(found, 0, _BYTE)
    # Where half the range is not in use, it may be a camera's 10, 12 or 14 bits.
    if _WORD // 2 < high <= _WORD:
        return 0.0, float(_WORD), _ends(found, 0, _WORD) + shared
    return None


def _opaque(found: Survey) -> tuple[float, str]:
    """Return the number of the fourth channel that means opaque."""
    most = found.alpha
    if most is None or found.kind == "b":
        return 1.0, ""
    if found.kind == "f" and most <= 1 + _CUT:
        return 1.0, ""
    if most <= _BYTE:
        return float(_BYTE), ""
    if found.kind != "f" and _WORD // 2 < most <= _WORD:
        return float(_WORD), ""
    return most, f"its fourth channel is opaque at {most:,.6g}"


def _clipped(band: NDArray[Any]) -> NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415 - as above

    clipped: NDArray[np.uint8] = np.clip(band, 0, _BYTE).astype(np.uint8)
    return clipped


def _filled(band: NDArray[Any]) -> NDArray[Any]:
    """Return rows without a mask, in numbers that numpy calculates with."""
    import numpy as np  # noqa: PLC0415 - as above

    if np.ma.isMaskedArray(band):
        band = band.filled(0)
    if band.dtype.itemsize > 8:  # noqa: PLR2004 - more than a float64, in bytes
        with np.errstate(over="ignore"):
            band = band.astype(np.float64)
    return band


def _shares(source: NDArray[Any], black: float, white: float) -> NDArray[np.float64]:
    """Return numbers as shares from 0 at ``black`` to 1 at ``white``."""
    import numpy as np  # noqa: PLC0415 - as above

    # Halved, so that the span of the largest floats stays finite.
    span = white / 2 - black / 2
    numbers = np.where(np.isfinite(source), source, 0).astype(np.float64)
    return ((numbers / 2 - black / 2) / (span or 1.0)).clip(0, 1)
