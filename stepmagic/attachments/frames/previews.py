"""A table as the text that is sent, and the object that shows it."""

from __future__ import annotations

import ast
import contextlib
import html
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, zip_longest
from typing import Any

import narwhals.stable.v2 as nw

from stepmagic.attachments.frames.cells import Cell, escape, label, write
from stepmagic.attachments.frames.eager import open_eager
from stepmagic.attachments.frames.layout import (
    LEAST_TOKENS,
    Layout,
    Shown,
    Table,
    failure_sentence,
    from_both_ends,
    lay_out,
    make_labels,
    most_columns,
    scope_sentence,
)
from stepmagic.attachments.frames.lazy import open_lazy
from stepmagic.attachments.frames.sampling import Rows, Source, Values, shown
from stepmagic.attachments.frames.sensitive import guess, texts_of
from stepmagic.attachments.frames.summary import Summary, summarise
from stepmagic.attachments.frames.types import Kind, Origin, find_kind, unwrapped
from stepmagic.errors import AttachmentError, did_you_mean
from stepmagic.transcript.usage import estimate_tokens, format_count

_WIDEST = 32
"""Characters; a longer cell would push the next column out of sight in every line."""

_GAP = "  "


def in_columns(text: str) -> str:
    r"""Return text with the cells of neighbouring lines padded to one width.

    >>> print(in_columns("a table\nrow\tn\n10\t3"))
    a table
    row  n
    10   3
    """
    lines: list[str] = []
    for is_table, group in groupby(text.split("\n"), key=lambda line: "\t" in line):
        found = list(group)
        lines += _padded(found) if is_table else found
    return "\n".join(lines)


def _padded(lines: list[str]) -> list[str]:
    rows = [line.split("\t") for line in lines]
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
        for column in zip_longest(*rows, fillvalue="")
    ]
    return [
        _GAP.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=False)
        ).rstrip()
        for row in rows
    ]


MOST_ROWS = 200_000
"""Rows that are read in full; of more, a sample of about as many."""

_MOST_CELLS = 10_000_000
"""Cells that are read at most: fewer rows where more columns than 50 may fit."""

_LEAST_ROWS = 1_000
_NAME = 60
_LONGEST_ERROR = 180
_NO_TAIL = "The last rows were not read."
_QUOTED = re.compile(r"""(['"])(?:\\.|(?!\1).)*\1""", re.DOTALL)
_CATEGORIES = re.compile(r"(enum)\((?:categories=)?[\[(]?[…, ]*[\])]?\)", re.IGNORECASE)
_QUIET = "color:var(--jp-ui-font-color2)"
_FONT = "font-family:var(--jp-code-font-family,monospace)"
_REDACTED = Cell.of("[redacted]")
_UNREADABLE = Cell.of("?")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Preview:
    """What a model is sent of a table.

    ``text`` and ``repr`` are exactly that; a notebook shows it in columns.
    """

    text: str
    kind: str
    """``pandas DataFrame``, ``polars LazyFrame``, ``list of records``, ..."""
    size: str
    """``8,760 rows × 12 columns``."""
    differences: tuple[str, ...] = ()
    """What is left out or sampled, a sentence each; ``text`` says it too."""
    notices: tuple[str, ...] = ()
    """What may be private, a sentence each, for the user only."""

    @property
    def tokens(self) -> int:
        """Estimate of the tokens that the text takes."""
        return estimate_tokens(self.text)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the text in the form that other extensions for models look for."""
        return {"text/llm+plain": self.text}

    def _repr_html_(self) -> str:
        drawn = in_columns(self.text)
        lines = [f"About {format_count(self.tokens, 'token')}.", *self.notices]
        return (
            f'<pre style="white-space:pre;overflow-x:auto;{_FONT};'
            f'color:var(--jp-content-font-color1)">{_escaped(drawn)}</pre>'
            f'<p style="{_QUIET}"><small>{_escaped(" ".join(lines))}</small></p>'
        )


def preview(
    data: object,
    *,
    name: str = "",
    tokens: int = 2000,
    redact: Iterable[Hashable] = (),
    seed: int = 0,
) -> Preview:
    r"""Return what a model would be sent of a table.

        >>> preview([{"n": 3}, {"n": 4}], name="visits").text.splitlines()[2:]
        ['n\tint\t0\t2\t3 / 3 / 4', 'Rows, numbered from 0: all', ...]

    Its exact size; each column's type, missing and distinct values, and range or most
    frequent values; then the first rows, the last ones and some between. Statistics of
    more than 200,000 rows, or 10 million cells, come from a sample, which the text
    says. Queries (polars ``LazyFrame``, duckdb relations, ...) are never
    collected in full.

    Args:
        data: A frame or series of pandas, polars, pyarrow, duckdb or another library
            that narwhals reads, a numpy array, or a list of records.
        name: What the user calls it.
        tokens: Budget, by the estimate of ``stepmagic.transcript.usage``; at least 100.
            Detail is dropped to meet it: sampled rows, tail rows, top values, the ends
            of long cells, head rows, then columns from the middle.
        redact: Names of columns whose values are replaced by ``[redacted]``; how many
            of them are null or distinct is still counted.
        seed: The same seed samples the same rows.

    Raises:
        AttachmentError: The value is not a table or could not be read, the budget is
            below 100, or there is no column of a name in ``redact``.
    """
    if tokens < LEAST_TOKENS:
        message = (
            f"tokens={tokens} is too few for a preview; use {LEAST_TOKENS} or more."
        )
        raise AttachmentError(message)
    kind = find_kind(data)
    if kind is None:
        message = (
            f"{f'`{name}`' if name else 'This'} is of type {type(data).__name__}, "
            "which is not a table. preview() reads DataFrames and Series, numpy arrays "
            "of one or two dimensions and non-empty lists of dicts or other records."
        )
        raise AttachmentError(message)
    hidden = (redact,) if isinstance(redact, str) else tuple(redact)
    with _reading(name, kind):
        reading = _Reading(data, kind, tokens=tokens, seed=seed)
        reading.hide(hidden, name)
        return reading.preview(name, tokens)


def preview_of(data: Any, origin: Origin, *, name: str, tokens: int) -> Preview:
    """Return the preview of a table that was read of a file.

    Raises:
        AttachmentError: It could not be read.
    """
    kind = find_kind(data)
    assert kind is not None  # noqa: S101 - readers return tables
    with _reading(name, kind):
        reading = _Reading(data, kind, tokens=tokens, seed=0, origin=origin)
        return reading.preview(name, tokens)


@contextlib.contextmanager
def _reading(name: str, kind: Kind) -> Iterator[None]:
    """Say which table it was that a library could not read.

    Raises:
        AttachmentError: It could not be read.
    """
    try:
        yield
    except AttachmentError:
        raise
    except Exception as exc:
        message = (
            f"{f'`{name}`' if name else f'The {kind.name}'} could not be read: "
            f"{type(exc).__name__}: {_first_line(exc)}"
        )
        raise AttachmentError(message) from exc


class _Reading:
    """A table while its preview is made: what was read, and what was seen in it."""

    def __init__(
        self,
        data: Any,
        kind: Kind,
        *,
        tokens: int,
        seed: int,
        origin: Origin | None = None,
    ) -> None:
        self._kind = kind if origin is None else replace(kind, name=origin.kind)
        self._origin = origin
        self._seed = seed
        self._source = _open(unwrapped(data), kind, seed)
        self._columns = list(self._source.columns)
        self._hidden: frozenset[int] = frozenset()
        chosen = from_both_ends(len(self._columns))[: most_columns(tokens)]
        limit = min(MOST_ROWS, max(_LEAST_ROWS, _MOST_CELLS // max(1, len(chosen))))
        self._rows = self._source.read(chosen, limit, seed)
        if self._is_part():
            self._rows = _of_first(self._rows, self._source.rows)
        self._parts = shown(self._rows.positions, seed, tail=self._rows.has_tail)
        self._looks: dict[int, str] = {}
        self.show = cache(self._show)

    def hide(self, names: Sequence[Any], frame: str) -> None:
        """Replace the values of columns by a placeholder, wherever they would appear.

        Raises:
            AttachmentError: There is no column of such a name.
        """
        labels = [column.label for column in self._columns]
        found: set[int] = set()
        for name in names:
            wanted = {label(name), str(name)}
            numbers = {n for n, text in enumerate(labels) if text in wanted}
            if not numbers:
                hint = did_you_mean(str(name), labels, most=3, form=repr)
                of = f"`{frame}`" if frame else f"the {self._kind.name}"
                message = f"redact: {of} has no column {name!r}.{hint}"
                raise AttachmentError(message)
            found |= numbers
        self._hidden = frozenset(found)
        for number in found:
            column = self._columns[number]
            dtype = _without_values(column.dtype)
            self._columns[number] = replace(column, dtype=dtype)

    def preview(self, name: str, tokens: int) -> Preview:
        """Return the preview."""
        positions = self._rows.positions
        head, sample, tail = ([positions[n] for n in part] for part in self._parts)
        called = f" {Cell.of(name).cut(_NAME)}" if name else ""
        table = Table(
            kind=self._kind.name,
            name=called,
            size=self._size(),
            columns=self._columns,
            rows=self._source.rows + self._is_part(),
            read=len(positions),
            scope=self._rows.scope,
            head=head,
            sample=sample,
            tail=tail,
            seed=self._seed,
            remarks=self._remarks(),
            show=self.show,
            label=make_labels(self._columns),
        )
        layout = lay_out(table, tokens=tokens)
        return Preview(
            text=layout.text,
            kind=self._kind.name,
            size=table.size,
            differences=tuple(self._differences(layout)),
            notices=tuple(self._notices(layout, name)),
        )

    def _remarks(self) -> tuple[str, ...]:
        # Bounds say where the values lie that a redacted column hides.
        remarks = () if self._hidden else self._source.remarks
        remarks = (*remarks, *self._of_file())
        return remarks if self._rows.has_tail else (*remarks, _NO_TAIL)

    def _of_file(self) -> tuple[str, ...]:
        """Return how the table differs from its file."""
        remarks = self._origin.remarks if self._origin else ()
        return tuple(map(escape, remarks))

    def _is_part(self) -> bool:
        """Whether there are more rows in the file than were read."""
        origin = self._origin
        if origin is None or not origin.is_part:
            return False
        return origin.total is None or origin.total > self._source.rows

    def _size(self) -> str:
        read = self._source.rows
        if self._source.is_series:
            return format_count(read, "value")
        count = sum(not column.is_index for column in self._columns)
        columns = format_count(count, "column")
        if not self._is_part():
            return f"{format_count(read, 'row')} × {columns}"
        total = self._origin.total if self._origin else None
        if total is None:
            return f"more than {format_count(read, 'row')} × {columns}"
        return f"{format_count(total, 'row')} × {columns}"

    def _show(self, number: int) -> Shown:
        column = self._columns[number]
        places = [n for part in self._parts for n in part]
        try:
            values = self._rows.column(number)
        except Exception as exc:  # noqa: BLE001 - a library may raise anything
            cells = (_UNREADABLE,) * len(places)
            failure = f"{type(exc).__name__}: {_first_line(exc)}"
            if number in self._hidden:  # an error may quote a value
                failure = type(exc).__name__
            return Shown(column=column, summary=Summary(), cells=cells, failure=failure)
        measured = number not in self._rows.unmeasured
        summary = summarise(values) if measured else Summary()
        if number in self._hidden:
            counts = Summary(nulls=summary.nulls, distinct=summary.distinct)
            cells = (_REDACTED,) * len(places)
            return Shown(column=column, summary=counts, cells=cells, is_redacted=True)
        cells, failure = _cells(values, places)
        seen = [*cells, *(cell for cell, _ in summary.top)]
        self._looks[number] = guess(column.label, texts_of(values, seen))
        return Shown(column=column, summary=summary, cells=cells, failure=failure)

    def _differences(self, layout: Layout) -> Iterator[str]:
        """Yield what the text says of itself, word for word."""
        if layout.left_out:
            yield layout.left_out
        if self._rows.scope and layout.numbers:
            yield scope_sentence(self._rows.scope)
        if not self._rows.has_tail and layout.numbers:
            yield _NO_TAIL
        if layout.numbers:
            yield from self._of_file()
        for number in layout.numbers:
            if failure := failure_sentence(self.show(number)):
                yield failure

    def _notices(self, layout: Layout, name: str) -> Iterator[str]:
        if self._rows.notice:
            yield self._rows.notice
        looks = [
            (self._columns[number].label, look)
            for number in layout.numbers
            if (look := self._looks.get(number))
        ]
        if looks:
            words = [f"{escape(column)!r} looks like {look}" for column, look in looks]
            frame = name if _is_expression(name) else "df"
            if self._origin:
                frame = self._origin.expression
            names = ", ".join(repr(column) for column, _ in looks)
            yield (
                f"{'; '.join(words)}. To send it without the values: "
                f"preview({frame}, redact=[{names}])."
            )


def _is_expression(name: str) -> bool:
    """Whether the name of a table can be written in a call, as ``both[0]`` can."""
    try:
        ast.parse(name, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _of_first(rows: Rows, count: int) -> Rows:
    """Return rows that were read as what they are: of the first of a file."""
    first = f"the first {count:,} rows of a longer file"
    scope = rows.scope.removesuffix(")")
    scope = f"{scope}, of {first})" if scope else first
    return replace(rows, scope=scope, has_tail=False)


def _without_values(dtype: str) -> str:
    """Return a type without the values that an enumeration in it lists.

    >>> _without_values("List(Enum(categories=['a', 'b']))")
    'List(Enum)'
    """
    text = _CATEGORIES.sub(r"\1", _QUOTED.sub("…", dtype))
    return text.partition("(")[0] if "'" in text or '"' in text else text


def _open(data: Any, kind: Kind, seed: int) -> Source:
    if kind.family in ("polars lazy", "duckdb", "dask", "lazy"):
        return open_lazy(data, kind)
    return open_eager(data, kind, limit=MOST_ROWS, seed=seed)


def _cells(values: Values, places: Sequence[int]) -> tuple[tuple[Cell, ...], str]:
    """Return the cells at some places, and why one of them cannot be read."""
    if isinstance(values, list):
        mixed = len(set(map(type, values)) - {type(None)}) > 1
        return tuple(write(values[place], mixed=mixed) for place in places), ""
    try:
        return _cells_of(values, places), ""
    except Exception:  # noqa: BLE001 - one value of them has no form in Python
        found: list[Cell] = []
        failure = ""
    for place in places:
        try:
            found += _cells_of(values, [place])
        except Exception as exc:  # noqa: BLE001 - see above
            failure = failure or f"{type(exc).__name__}: {_first_line(exc)}"
            found.append(_UNREADABLE)
    return tuple(found), failure


def _cells_of(values: nw.Series[Any], places: Sequence[int]) -> tuple[Cell, ...]:
    taken = values[list(places)]
    # pandas has NaN where a text is missing; the library knows what is null.
    nulls = taken.is_null().to_list()
    pairs = zip(taken.to_list(), nulls, strict=True)
    return tuple(write(None if null else value) for value, null in pairs)


def _first_line(exc: Exception) -> str:
    try:
        lines = str(exc).strip().splitlines()
    except Exception:  # noqa: BLE001 - an error of the value's own code
        return "?"
    return Cell.of(lines[0] if lines else "?").cut(_LONGEST_ERROR)


def _escaped(text: str) -> str:
    """Return text as HTML; a dollar sign in a separate element is not a formula."""
    return html.escape(text).replace("$", "<span>$</span>")
