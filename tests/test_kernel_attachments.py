"""What arrives at a server of the objects of a real kernel, on every protocol."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pypdf
import pytest
from PIL import Image as Pillow

from footage import WIDTH, make_video
from image_samples import (
    SECRET,
    animation,
    assert_bare,
    difference,
    drawing,
    encoded,
    photo,
    with_secrets,
)
from kernels import KernelUnderTest, running_kernel
from openrouter_server import OpenRouterServer
from stepmagic.wire import PROTOCOLS

_TESTS = Path(__file__).parent
_CLOSE = 8.0
"""Mean levels of 255 by which a JPEG may differ from what it was made of."""

_ANCHOR = {"chat": "messages", "responses": "input", "messages": "messages"}

MADE_IN_THE_KERNEL = """
import io, pathlib
import duckdb, matplotlib.pyplot as plt, numpy as np, pandas as pd, polars as pl
import altair, pyarrow
from IPython.display import Image as Shown
from PIL import Image
from image_samples import drawing, encoded, photo

flat = drawing()
clear = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
levels = np.asarray(flat)
chw = np.moveaxis(levels, -1, 0) / 255.0
deep = np.asarray(flat).astype(np.uint16) * 257
mask = np.asarray(flat.convert("L")) > 128
camera = photo(2400, 900)
shown = Shown(data=encoded(flat, "PNG"))
raw = encoded(flat, "PNG")
fig, ax = plt.subplots(figsize=(4, 3), dpi=100)
_ = ax.plot([1, 3, 2])
rows = pd.DataFrame({"n": range(1234), "word": ["a", "b"] * 617})
chart = altair.Chart(rows.head(20)).mark_bar().encode(x="n", y="word")
eager, table = pl.from_pandas(rows), pyarrow.Table.from_pandas(rows)
lazy = eager.lazy()
relation = duckdb.from_arrow(table)
grid, records = np.arange(2468.0).reshape(1234, 2), rows.to_dict("records")
column = rows["n"]

def double(number: int) -> int:
    return 2 * number
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that tell more than they should."""
    folder = tmp_path_factory.mktemp("files")
    turned = with_secrets(photo(320, 240), "JPEG", orientation=6)
    (folder / "turned.jpg").write_bytes(turned)
    (folder / "moving.gif").write_bytes(animation("GIF", 9))
    (folder / "clip.mp4").write_bytes(make_video())
    (folder / "clip.webm").write_bytes(make_video("webm"))
    writer = pypdf.PdfWriter()
    for _ in range(3):
        writer.add_blank_page(width=72, height=72)
    writer.write(folder / "paper.pdf")
    (folder / "note.py").write_text("x = '```'\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def kernel(running_server: OpenRouterServer, files: Path) -> Iterator[KernelUnderTest]:
    """A kernel in which something of every kind was made."""
    settings = {
        "OPENROUTER_API_KEY": running_server.key,
        "STEPMAGIC_BASE_URL": running_server.url,
        "PYTHONPATH": os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")]),
    }
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic\n%matplotlib inline")
        kernel.check(MADE_IN_THE_KERNEL)
        kernel.check(f"%cd -q {files}")
        yield kernel


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Arrived:
    """The question as a server received it."""

    def __init__(self, server: OpenRouterServer, protocol: str) -> None:
        asked = server.requests[-1].body[_ANCHOR[protocol]][-1]
        self.texts: list[str] = []
        self.media: list[tuple[str, bytes]] = []
        """Media type and bytes."""
        self.addresses: list[str] = []
        self._read(asked["content"])

    def _read(self, held: Any) -> None:
        match held:
            case {"type": "base64", "media_type": str(kind), "data": str(data)}:
                self.media.append((kind, base64.b64decode(data, validate=True)))
            case dict():
                for value in held.values():
                    self._read(value)
            case list():
                for value in held:
                    self._read(value)
            case str() if found := re.match(r"data:([\w/-]+);base64,", held):
                there = base64.b64decode(held[found.end() :], validate=True)
                self.media.append((found.group(1), there))
            case str() if held.startswith("https://"):
                self.addresses.append(held)
            case str():
                self.texts.append(held)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def pictures(self) -> list[Pillow.Image]:
        """Decode the pictures, once it is sure that pixels are all that is in them."""
        made: list[Pillow.Image] = []
        for kind, data in self.media:
            assert_bare(data)
            image: Any = Pillow.open(io.BytesIO(data))
            image.load()
            assert kind == f"image/{str(image.format).lower()}"
            made.append(image)
        return made


def ask(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str, words: str
) -> Arrived:
    """Ask about what the first line names."""
    kernel.check(f"%%step --once -p api={protocol} {words}\nWhat is it?")
    return Arrived(server, protocol)


@pytest.mark.parametrize(
    "name", ["flat", "levels", "chw", "shown", "raw", "deep", "mask"]
)
def test_flat_pictures_arrive_to_the_pixel(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str, name: str
) -> None:
    (picture,) = ask(kernel, server, protocol, name).pictures()
    expected = drawing()
    if name == "mask":
        expected = expected.convert("L").point(lambda level: 255 * (level > 128))
    assert (picture.format, picture.size) == ("PNG", (320, 240))
    assert difference(picture, expected) == 0


def test_photographs_arrive_upright_smaller_and_without_metadata(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    arrived = ask(kernel, server, protocol, "turned.jpg camera")
    upright, smaller = arrived.pictures()
    assert SECRET not in str(server.requests[-1].body)
    assert difference(upright, photo(320, 240).rotate(-90, expand=True)) < _CLOSE
    assert (smaller.format, smaller.size) == ("JPEG", (2048, 768))
    scaled = photo(2400, 900).resize(smaller.size, Pillow.Resampling.LANCZOS)
    assert difference(smaller, scaled) < _CLOSE
    assert "[image 1: turned.jpg]" in arrived.text
    assert "[image 2: camera]" in arrived.text


def test_what_is_drawn_arrives_as_it_looks(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    figure, chart, clear = ask(kernel, server, protocol, "fig chart clear").pictures()
    assert figure.width > 300
    assert len(figure.convert("RGB").getcolors(1 << 24) or []) > 2
    assert chart.width > 100
    # What is transparent shows its ground, whatever colour hides behind it.
    assert clear.convert("RGB").getcolors() == [(40 * 30, (255, 255, 255))]


def test_frames_of_an_animation_arrive_in_order(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    pictures = ask(kernel, server, protocol, "moving.gif").pictures()
    levels: list[Any] = [image.convert("L").getpixel((0, 0)) for image in pictures]
    assert len(levels) == 4
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 255)


def test_an_address_is_passed_on(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    arrived = ask(kernel, server, protocol, "https://example.com/plot.png")
    assert arrived.addresses == ["https://example.com/plot.png"]
    assert arrived.media == []


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_a_video_arrives_whole_or_as_frames(
    kernel: KernelUnderTest,
    server: OpenRouterServer,
    files: Path,
    protocol: str,
    name: str,
) -> None:
    arrived = ask(kernel, server, protocol, name)
    if protocol == "messages":
        assert [image.width for image in arrived.pictures()] == [WIDTH] * 8
        return
    ((kind, data),) = arrived.media
    assert (kind, data) == (f"video/{name[5:]}", (files / name).read_bytes())
    container: Any
    with av.open(io.BytesIO(data)) as container:
        assert len(list(container.decode(video=0))) == 30


def test_a_document_arrives_as_it_is(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    ((kind, data),) = ask(kernel, server, protocol, "paper.pdf").media
    assert kind == "application/pdf"
    assert len(pypdf.PdfReader(io.BytesIO(data)).pages) == 3


@pytest.mark.parametrize(
    "name",
    ["rows", "column", "eager", "lazy", "table", "relation", "grid", "records"],
)
def test_tables_arrive_with_their_exact_size(
    kernel: KernelUnderTest, server: OpenRouterServer, name: str
) -> None:
    """They are text, which every protocol carries alike."""
    arrived = ask(kernel, server, "chat", name)
    assert "1,234" in arrived.text
    assert arrived.text.count(f"[data {name}") <= 2
    (mark,) = set(re.findall(r"\[(?:data|end) ([0-9a-f]{16})", arrived.text))
    assert arrived.text.count(mark) == 2


def test_code_arrives_by_its_source(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    arrived = ask(kernel, server, protocol, "double note.py")
    assert "def double(number: int) -> int:\n    return 2 * number" in arrived.text
    assert "x = '```'" in arrived.text


def test_pictures_are_stored_once_and_sent_with_every_turn(
    kernel: KernelUnderTest, server: OpenRouterServer, protocol: str
) -> None:
    kernel.check(f"%%step -n -p api={protocol} flat\nWhat is it?")
    kernel.check(f"%%step -p api={protocol}\nAnd {{{{ flat }}}} now?")
    sent = [
        encoded(Pillow.open(io.BytesIO(data)), "PNG")
        for data in re.findall(r"base64,([\w+/=]+)", str(server.requests[-1].body))
        for data in [base64.b64decode(data)]
    ] or [
        data
        for message in server.requests[-1].body["messages"]
        for part in message["content"]
        if part["type"] == "image"
        for data in [part["source"]["data"]]
    ]
    assert len(sent) == 2
    assert len(set(sent)) == 1
    held = kernel.check(
        "from stepmagic.session import session\n"
        "from stepmagic.transcript import Image as Sent\n"
        "len({id(part.data) for turn in session().conversation.turns"
        " for part in turn.prompt.parts if isinstance(part, Sent)})"
    )
    assert held.shown[-1]["text/plain"] == "1"
