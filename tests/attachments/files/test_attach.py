"""Real files as parts, and what was made of them read back."""

from __future__ import annotations

import base64
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from footage import make_video
from openrouter_server import STEPFUN
from openrouter_server.strictness import body_faults
from stepmagic.attachments import files, images
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import documents, notebooks, tables, text
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Protocol, Text, Video, user
from stepmagic.wire import PROTOCOLS, Request, codec

Write = Callable[..., Attached]


@pytest.fixture
def attach(tmp_path: Path) -> Write:
    """Return what writes a file and attaches it."""

    def write(name: str, content: str | bytes, **options: Any) -> Attached:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return files.attach_path(tmp_path / name, **options)

    return write


def said(attached: Attached) -> str:
    """Return the text of an attachment that is one text."""
    (part,) = attached.parts
    assert isinstance(part, Text)
    return part.text


def png(colour: str = "red", side: int = 8) -> bytes:
    buffer = io.BytesIO()
    pillow.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


# Paths and globs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")


def test_path_is_itself(folder: Path) -> None:
    touch("a.txt", "odd[1]*.txt")
    assert files.expand("a.txt") == [Path("a.txt")]
    assert files.expand("odd[1]*.txt") == [Path("odd[1]*.txt")]
    assert files.expand(str(folder)) == [folder]


def test_home_is_expanded() -> None:
    path = Path("~/a.txt").expanduser()
    path.write_text("x")
    assert files.expand("~/a.txt") == files.expand("~/*.txt") == [path]
    with pytest.raises(AttachmentError, match="there is no such user"):
        files.expand("~nobody-of-this-name/a.txt")


@pytest.mark.usefixtures("folder")
def test_glob_is_sorted_as_people_do() -> None:
    touch("frame10.png", "frame2.png", "Frame1.png", "b/frame3.png", ".hidden.png")
    Path("folder.png").mkdir()
    assert [str(path) for path in files.expand("*.png")] == [
        "Frame1.png",
        "frame2.png",
        "frame10.png",
    ]
    assert files.expand("**/frame[3-9].png") == [Path("b/frame3.png")]
    assert files.expand("frame?.png") == [Path("frame2.png")]


@pytest.mark.usefixtures("folder")
def test_missing_file_comes_with_close_names() -> None:
    touch("sales_2025.csv", "notes.md")
    with pytest.raises(AttachmentError, match="Did you mean sales_2025.csv") as error:  # noqa: RUF043 - a dot is a dot here
        files.expand("sale_2025.csv")
    assert "there is no file `sale_2025.csv`" in str(error.value)
    with pytest.raises(AttachmentError, match="matches no file. Did you mean notes"):  # noqa: RUF043 - a dot is a dot here
        files.expand("notes*.m")
    with pytest.raises(AttachmentError, match="`*.zip` matches no file.$"):  # noqa: RUF043 - as above
        files.expand("*.zip")
    with pytest.raises(AttachmentError, match="There is no folder `missing`"):
        files.expand("missing/a.txt")


@pytest.mark.parametrize("word", ["a\0b", "x" * 5000])
def test_impossible_path_is_an_attachment_error(word: str) -> None:
    with pytest.raises(AttachmentError, match="no file"):
        files.expand(word)


@pytest.mark.usefixtures("folder")
def test_glob_of_too_many_files_is_refused() -> None:
    touch(*(f"{number}.txt" for number in range(60)))
    assert len(files.expand("*.txt")) == 60
    touch("60.txt")
    with pytest.raises(AttachmentError, match="names more than 60 files"):
        files.expand("*.txt")


# Addresses


@pytest.mark.parametrize(
    ("url", "kind", "media_type"),
    [
        ("https://example.org/a.PNG", Image, "image/png"),
        ("https://example.org/a%20b.jpg?size=2#x", Image, "image/jpeg"),
        ("https://example.org/v/clip.mp4", Video, "video/mp4"),
        ("https://example.org/clip.mov", Video, "video/mov"),
        ("https://example.org/paper.pdf", File, "application/pdf"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_address_is_passed_on(
    protocol: Protocol, url: str, kind: Any, media_type: str
) -> None:
    attached = files.attach_url(url)
    part: Any
    (part,) = attached.parts
    assert type(part) is kind
    assert (part.url, part.media_type) == (url, media_type)
    assert (attached.name, attached.size) == (url, "example.org")
    if (protocol, kind) != ("messages", Video):
        request = Request(model=STEPFUN, messages=(user(part),))
        assert body_faults(protocol, codec(protocol).encode(request)) == []


def test_address_that_tells_nothing_says_how_to_tell() -> None:
    with pytest.raises(AttachmentError, match="does not show whether") as error:
        files.attach_url("https://example.org/watch?v=a.mp4")
    assert "`Image(url='https://example.org/watch?v=a.mp4')`" in str(error.value)
    assert "from stepmagic.transcript import" in str(error.value)


def test_address_with_a_password_is_refused() -> None:
    with pytest.raises(AttachmentError, match="user name or password"):
        files.attach_url("https://me:secret@example.org/a.png")
    assert files.is_url("https://example.org")


def test_address_near_by_has_a_notice() -> None:
    (notice,) = files.attach_url("http://localhost:8888/files/a.png").notices
    assert "localhost is not on the public web" in notice


# Text


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("a.SQL", "sql"),
        ("a.md", "markdown"),
        ("a.json", "json"),
        ("a.r", "r"),
        ("a.txt", ""),
        ("Makefile", ""),
    ],
)
def test_text_is_one_block_in_its_language(
    attach: Write, name: str, language: str
) -> None:
    attached = attach(name, "one\ntwo")
    assert said(attached) == f"```{language}\none\ntwo\n```"
    assert attached.kind == f"{language or 'text'} file"
    assert (attached.name, attached.size) == (name, "2 lines, 7 bytes")
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encoding_is_told_by_its_mark(attach: Write, encoding: str) -> None:
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding[-3:] in ("-le", "-be") else ""
    content = "na\u00efve \u2014 \U0001f600\r\n"
    attached = attach("a.txt", (mark + content).encode(encoding))
    assert said(attached) == f"```\n{content}```"


def test_old_encoding_is_refused_with_the_way_round(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="not in UTF-8") as error:
        attach("a.txt", "Gr\u00fc\u00dfe aus K\u00f6ln\n".encode("latin-1"))
    assert "at byte 2" in str(error.value)
    assert "read_text('latin-1')" in str(error.value)


def test_letter_across_the_end_of_the_head_is_text(attach: Write) -> None:
    content = "a" * 4095 + "\u00e9\u20ac" * 10
    assert content in said(attach("a.txt", content))


def test_long_text_is_refused_with_the_way_round(attach: Write) -> None:
    attach("a.log", "x" * 400_000)
    with pytest.raises(AttachmentError, match="`a.log` is 401 KB; at most 400 KB") as e:  # noqa: RUF043 - a dot is a dot here
        attach("a.log", "x" * 400_600)
    assert "[:100_000]" in str(e.value)


def test_empty_text_is_sent_with_a_notice(attach: Write) -> None:
    attached = attach("__init__.py", "")
    assert said(attached) == "```python\n```"
    assert attached.size == "0 lines, 0 bytes"
    assert attached.differences == ("`__init__.py` is empty.",)


@given(st.text(alphabet="`a\n\r ", max_size=40))
def test_fence_is_longer_than_any_within(content: str) -> None:
    block = text.fence(content, "python")
    marks = block.partition("python")[0]
    assert set(marks) == {"`"}
    assert marks not in content
    assert block.startswith(f"{marks}python\n{content}")
    assert block.endswith(marks)


@pytest.mark.parametrize("name", ["a.txt", "server.pem", "notes.md"])
def test_private_key_is_refused(attach: Write, name: str) -> None:
    with pytest.raises(AttachmentError, match=f"`{name}` contains a private key"):
        attach(name, "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n")


def test_certificate_is_text(attach: Write) -> None:
    assert "BEGIN CERT" in said(attach("ca.pem", "-----BEGIN CERTIFICATE-----\n"))


# Binary files


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\x00\x00\x00", "a ZIP archive, as .xlsx"),
        (b"\x1f\x8b\x08\x00\x00", "data compressed by gzip"),
        (b"\x80\x05\x95\x00\x00", "a pickled Python object"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", r"sound \(WAV\)"),
        (b"\x93NUMPY\x01\x00", "a numpy array"),
        (b"\x01\x02\x03\x00", r"binary data \(it begins with 01 02 03 00\)"),
        (b"\xff\x01\x02\x0f" * 9, r"binary data \(it begins with ff 01 02 0f"),
    ],
)
def test_binary_data_is_refused_with_a_guess(
    attach: Write, content: bytes, what: str
) -> None:
    with pytest.raises(AttachmentError, match=f"`data.bin` is {what}") as error:
        attach("data.bin", content)
    assert "What can: images, videos, PDF" in str(error.value)


# Pictures and videos


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "noname"])
def test_picture_is_told_by_its_bytes(attach: Write, name: str) -> None:
    attached = attach(name, png())
    (part,) = attached.parts
    assert isinstance(part, Image)
    assert part.data is not None
    assert pillow.open(io.BytesIO(part.data)).getpixel((4, 4)) == (255, 0, 0)
    assert (attached.kind, attached.all_notices) == ("image", ())
    assert "8 \N{MULTIPLICATION SIGN} 8 pixels" in attached.size


def test_picture_stays_within_limits(attach: Write) -> None:
    attached = attach("a.png", png(side=64), limits=images.ImageLimits(longest_side=32))
    (part,) = attached.parts
    assert isinstance(part, Image)
    assert pillow.open(io.BytesIO(part.data or b"")).size == (32, 32)
    (notice,) = attached.differences
    assert notice.startswith("`a.png`: scaled down")
    assert notice.endswith(".")


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a.pdf", "a.ipynb"])
def test_file_that_is_not_what_its_name_says_is_refused(
    attach: Write, name: str
) -> None:
    with pytest.raises(AttachmentError, match=f"`{name}` is no"):
        attach(name, "just text")


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


# PDF


def pdf(pages: int, *, packed: bool = False) -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=72, height=72)
    if packed:
        writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pdf_is_sent_as_it_is_and_read_back(attach: Write, protocol: Protocol) -> None:
    attached = attach("paper.pdf", pdf(3))
    (part,) = attached.parts
    assert isinstance(part, File)
    assert (part.media_type, part.name) == ("application/pdf", "paper.pdf")
    assert len(pypdf.PdfReader(io.BytesIO(part.data or b"")).pages) == 3
    assert attached.size.startswith("3 pages, ")
    assert attached.kind == "PDF"
    request = Request(model=STEPFUN, messages=(user(part, "Summarise"),))
    body = codec(protocol).encode(request)
    assert body_faults(protocol, body) == []
    sent = base64.b64encode(part.data or b"").decode()
    assert sent in json.dumps(body)


def test_pdf_is_told_by_its_bytes(attach: Write) -> None:
    assert attach("paper", pdf(1)).size.startswith("1 page, ")


@pytest.mark.parametrize(
    ("path", "name", "sent"),
    [
        ("paper.pdf", "docs/paper.PDF", "paper.PDF"),
        ("paper.pdf", "variable", "paper.pdf"),
        ("blob", "variable", "variable.pdf"),
    ],
)
def test_pdf_is_sent_under_a_name_that_says_so(
    tmp_path: Path, path: str, name: str, sent: str
) -> None:
    (tmp_path / path).write_bytes(pdf(1))
    (part,) = files.attach_path(tmp_path / path, name).parts
    assert isinstance(part, File)
    assert part.name == sent


def test_encrypted_pdf_has_a_notice(attach: Write) -> None:
    (notice,) = attach("paper.pdf", pdf(1, packed=True)).notices
    assert "is encrypted" in notice


def test_pages_are_not_counted_where_that_would_guess(attach: Write) -> None:
    changed = pdf(3) + b"\n%changed later\n%%EOF\n"
    assert documents.count_pages(changed) is None
    assert documents.count_pages(b"%PDF-1.7 packed %%EOF") is None
    assert attach("paper.pdf", changed).size == f"{len(changed)} bytes"


@pytest.mark.parametrize(("length", "pages"), [(82, 7), (83, None), ("", None)])
def test_pages_of_a_linearized_pdf_stand_in_front(
    length: int | str, pages: int | None
) -> None:
    head = b"%%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L %a /N 7 /O 9 >>\nendobj\n"
    data = (head % length).ljust(82, b" ")
    assert documents.count_pages(data) == pages


def test_large_pdf_is_refused(attach: Write, tmp_path: Path) -> None:
    attach("paper.pdf", pdf(1))
    with (tmp_path / "paper.pdf").open("r+b") as file:
        file.truncate(30_000_000)
    with pytest.raises(AttachmentError, match="is 30 MB; at most 24 MB"):
        files.attach_path(tmp_path / "paper.pdf")


# Tables

CSV = "day,sales\n2026-01-01,10\n2026-01-02,20\n"
JSON_LINES = '{"day": "2026-01-01", "sales": 10}\n{"day": "2026-01-02", "sales": 20}\n'


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.read_csv(CSV.encode()).write_parquet(buffer)
    return buffer.getvalue()


TABLES = {
    "a.csv": CSV.encode(),
    "a.tsv": CSV.replace(",", "\t").encode(),
    "semicolons.csv": CSV.replace(",", ";").encode(),
    "excel.csv": CSV.replace(",", "\t").encode("utf-16"),
    "a.jsonl": JSON_LINES.encode(),
    "a.parquet": parquet(),
    "noname": parquet(),
}
LIBRARIES = ("polars", "duckdb", "pyarrow", "pandas")


class Hidden(MetaPathFinder):
    """Finds nothing of some libraries, as where they are not installed."""

    def __init__(self, libraries: tuple[str, ...]) -> None:
        self.libraries = libraries

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.partition(".")[0] in self.libraries:
            raise ModuleNotFoundError(name=fullname)


@pytest.fixture(autouse=True)
def pandas_without_arrow() -> Iterator[None]:
    """Let pandas hold texts by itself: if it has seen pyarrow, it needs it for them."""
    with pd.option_context("mode.string_storage", "python"):
        yield


def hide(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    monkeypatch.setattr(sys, "meta_path", [Hidden(libraries), *sys.meta_path])
    for module in tuple(sys.modules):
        if module.partition(".")[0] in libraries:
            monkeypatch.delitem(sys.modules, module)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_sent_as_its_preview(attach: Write, name: str) -> None:
    attached = attach(name, TABLES[name])
    preview = said(attached)
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    for word in ("day", "sales", "2026-01-02", "20"):
        assert word in preview
    assert "```" not in preview


@pytest.mark.parametrize(
    ("name", "library"),
    [
        *itertools.product(
            ("a.csv", "a.tsv", "semicolons.csv", "a.jsonl", "a.parquet"),
            ("polars", "duckdb", "pyarrow"),
        ),
        # pandas reads Parquet through pyarrow.
        *((name, "pandas") for name in ("a.csv", "a.tsv", "a.jsonl")),
    ],
)
def test_any_installed_library_will_do(
    attach: Write, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    hide(monkeypatch, *(other for other in LIBRARIES if other != library))
    attached = attach(name, TABLES[name])
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales" in said(attached)
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    ("name", "libraries", "is_cut"),
    [
        ("a.csv", ("polars",), False),
        ("a.tsv", ("duckdb", "pyarrow"), False),
        ("a.csv", ("pandas",), True),
        ("a.jsonl", ("polars",), False),
        ("a.jsonl", ("duckdb", "pyarrow"), False),
        ("a.jsonl", ("pandas",), True),
        ("a.parquet", ("polars",), False),
        ("a.parquet", ("duckdb", "pyarrow"), False),
        ("a.parquet", ("pyarrow",), True),
    ],
)
def test_large_table_is_scanned_where_it_lies(
    attach: Write,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    libraries: tuple[str, ...],
    *,
    is_cut: bool,
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 1)
    hide(monkeypatch, *(other for other in LIBRARIES if other not in libraries))
    attached = attach(name, TABLES[name])
    if not is_cut:
        assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales" in said(attached)
    assert ("the first 1 rows of a longer file" in said(attached)) is is_cut


def test_only_the_first_rows_of_a_large_file_are_read(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 100)
    buffer = io.BytesIO()
    pl.DataFrame({"n": range(1000)}).write_parquet(buffer, row_group_size=50)
    hide(monkeypatch, "polars", "duckdb", "pandas")
    attached = attach("a.parquet", buffer.getvalue())
    assert attached.size.startswith("1,000 rows")
    text = said(attached)
    assert "of the first 100 rows of a longer file" in text
    assert "The last rows were not read." in text
    assert "last 5" not in text


def test_name_that_duckdb_would_expand_is_left_to_others(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    hide(monkeypatch, "polars", "pandas")
    attach("a1.csv", "other\n1\n")
    assert "sales" in said(attach("a[1].csv", CSV))


def test_glob_letters_in_a_name_are_letters(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    attach("a1.csv", "other\n1\n")
    assert "sales" in said(attach("a[1].csv", CSV))
    attach("b1.parquet", TABLES["a.parquet"])
    assert "sales" in said(attach("b[1].parquet", TABLES["a.parquet"]))


def test_csv_that_is_no_table_is_sent_as_text(attach: Write) -> None:
    content = 'a,b\n"never closed,1\n2'
    attached = attach("a.csv", content)
    assert said(attached) == f"```csv\n{content}\n```"
    (notice,) = attached.differences
    assert notice.startswith("`a.csv` is sent as text, not as a table: ")
    assert attach("empty.csv", "").differences == ("`empty.csv` is empty.",)


def test_large_csv_that_is_no_table_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="cannot be read as a table: line 100,00"):
        attach("a.csv", CSV + "2026-01-02,20\n" * 100_000 + "1,2,3\n")


def test_csv_in_an_old_encoding_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="not in UTF-8"):
        attach("a.csv", "stra\u00dfe\n1\n".encode("latin-1"))


def test_damaged_parquet_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="`a.parquet` cannot be read as a table"):  # noqa: RUF043 - a dot is a dot here
        attach("a.parquet", b"PAR1" + b"\x00" * 50)


def test_without_a_library_csv_is_read_and_parquet_refused(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, *LIBRARIES)
    attached = attach("a.csv", CSV)
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales\tint\t0\t2\t10 / 10 / 20" in said(attached)
    with pytest.raises(AttachmentError, match="pip install polars"):
        attach("a.parquet", TABLES["a.parquet"])


# Notebooks


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells})


def code(source: Any, *outputs: dict[str, Any], number: int | None = 1) -> Any:
    return {
        "cell_type": "code",
        "source": source,
        "outputs": outputs,
        "execution_count": number,
        "metadata": {"secret": "not for the model"},
    }


def shown(**data: Any) -> dict[str, Any]:
    bundle = {name.replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def picture(colour: str = "red") -> str:
    return base64.b64encode(png(colour)).decode()


def test_notebook_is_its_cells(attach: Write) -> None:
    attached = attach(
        "a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Sales\n", "by month"]},
            code("1 + 1", shown(text_plain="2", text_html="<b>2</b>")),
            code(["print(7)"], {"output_type": "stream", "text": ["7\n"]}, number=None),
            code(""),
            {"cell_type": "markdown", "source": []},
            {"cell_type": "raw", "source": "as it is"},
        ),
    )
    assert said(attached) == (
        "# Sales\nby month\n\n"
        "In [1]:\n```python\n1 + 1\n```\n\n```\n2\n```\n\n"
        "In:\n```python\nprint(7)\n```\n\n```\n7\n```\n\n"
        "as it is\n"
    )
    assert attached.kind == "notebook"
    assert attached.size.startswith("6 cells, ")
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"language_info": {"name": "julia"}}, "julia"),
        ({"kernelspec": {"language": "R"}}, "R"),
        ({"kernelspec": 7, "language_info": {"name": "`\n"}}, "python"),
    ],
)
def test_code_is_in_the_language_of_the_kernel(
    attach: Write, metadata: Any, language: str
) -> None:
    made = attach("a.ipynb", notebook(code("x"), **metadata))
    assert f"```{language}\nx\n```" in said(made)


def test_pictures_of_a_notebook_stand_in_their_places(attach: Write) -> None:
    attached = attach(
        "a.ipynb",
        notebook(
            code("plot()", shown(image_png=picture(), text_plain="<Figure>"), number=3),
            code("plot2()", shown(image_png=picture("blue"), text_plain="<F>")),
        ),
    )
    before, red, between, blue = attached.parts
    assert isinstance(red, Image)
    assert isinstance(blue, Image)
    assert red.name == "a.ipynb, Out [3], a picture"
    assert isinstance(before, Text)
    assert before.text == ("In [3]:\n```python\nplot()\n```\n\nOut [3], a picture:\n")
    assert isinstance(between, Text)
    assert "<F" not in before.text + between.text
    shades = [
        pillow.open(io.BytesIO(part.data or b"")).getpixel((1, 1))
        for part in (red, blue)
    ]
    assert shades == [(255, 0, 0), (0, 0, 255)]


def test_picture_that_cannot_be_read_is_told(attach: Write) -> None:
    broken = base64.b64encode(b"\x89PNG broken").decode()
    attached = attach(
        "a.ipynb",
        notebook(
            code("", shown(image_png=broken), shown(image_jpeg="no base64"), number=1)
        ),
    )
    assert said(attached) == "(image/png, left out)\n\n(image/jpeg, left out)\n"
    png, jpeg = attached.differences
    assert png.startswith("`a.ipynb, Out [1]`: its image/png cannot be sent")
    assert "its image/jpeg cannot be sent" in jpeg


def test_number_of_pictures_is_bounded(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "MOST_PICTURES", 1)
    attached = attach("a.ipynb", notebook(code("", *[shown(image_png=picture())] * 3)))
    assert sum(isinstance(part, Image) for part in attached.parts) == 1
    assert attached.differences == (
        "`a.ipynb` contains 2 pictures more than the 1 sent.",
    )


def test_widgets_and_html_are_sent_by_their_plain_text(attach: Write) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Slider()"}
    made = attach(
        "a.ipynb",
        notebook(
            code("w", {"output_type": "execute_result", "data": widget}),
            code("h", shown(text_html="<script>alert(1)</script>")),
            code("n", shown()),
        ),
    )
    assert "```\nSlider()\n```" in said(made)
    assert "(text/html, left out)" in said(made)
    assert "alert" not in said(made)


def test_long_output_is_cut_in_its_middle(attach: Write) -> None:
    long = "".join(f"{number:05d}\n" for number in range(2000))
    output = {"output_type": "stream", "text": long}
    attached = attach("a.ipynb", notebook(code("x", output)))
    assert "... 7,999 letters left out ..." in said(attached)
    assert "00000\n" in said(attached)
    assert "01999\n" in said(attached)
    assert attached.differences == (
        "Of 1 long output in `a.ipynb` the beginning and end are sent.",
    )


def test_traceback_is_sent_without_its_colours(attach: Write) -> None:
    lines = ["\x1b[0;31mValueError\x1b[0m: no", "\x1b[1mline 2\x1b[0m"]
    output = {"output_type": "error", "traceback": lines}
    made = said(attach("a.ipynb", notebook(code("x", output))))
    assert "```\nValueError: no\nline 2\n```" in made


def test_private_key_in_a_cell_is_refused(attach: Write) -> None:
    source = 'key = """\n-----BEGIN ' + 'PRIVATE KEY-----\n"""'
    with pytest.raises(AttachmentError, match="contains a private key"):
        attach("a.ipynb", notebook(code(source)))


def test_long_notebook_is_refused(attach: Write) -> None:
    with pytest.raises(
        AttachmentError, match="characters in its cells; at most 400,000"
    ):
        attach("a.ipynb", notebook(code("x" * 500_000)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not a notebook: it is not JSON"),
        ("[" * 100_000, "is not a notebook: it is not JSON"),
        ("[]", "is not a notebook of format 4"),
        ('{"worksheets": []}', "is not a notebook of format 4"),
    ],
)
def test_what_is_no_notebook_is_refused(attach: Write, content: str, says: str) -> None:
    with pytest.raises(AttachmentError, match=says):
        attach("a.ipynb", content)


@pytest.mark.parametrize("cells", [[], ["text", 7]])
def test_notebook_without_cells_is_told(attach: Write, cells: Any) -> None:
    attached = attach("a.ipynb", notebook(*cells))
    assert said(attached) == "(no cells)"
    assert attached.differences == ("`a.ipynb` has no cells.",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    (
                        "source",
                        "outputs",
                        "text",
                        "data",
                        "image/png",
                        "text/plain",
                        "traceback",
                    )
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_in_a_cell_is_survived(value: Any) -> None:
    page = notebooks._Page("a.ipynb", images.ImageLimits())
    for kind in ("display_data", "stream", "error"):
        output = {**value, "output_type": kind} if isinstance(value, dict) else value
        cell = {"cell_type": "code", "source": value, "outputs": [output, value]}
        notebooks._write_cell(page, cell, "python")
        notebooks._write_cell(page, {**cell, "outputs": value}, "python")
