"""Each kind of object in the form in which it is sent, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import os
import types
from pathlib import Path, PurePath
from typing import Any

import altair as alt
import IPython.display
import matplotlib as mpl
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.figure import Figure
from PIL import Image as Pillow

from alarms import ALARMS
from footage import make_video, picture
from frame_strategies import pandas_frames
from stepmagic import preview
from stepmagic.attachments.attach import attach, explained, frame_count, is_preview
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.conversation.reply import Reply
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Message, Text, Turn, Video, user

TIMES = "\N{MULTIPLICATION SIGN}"
PIXELS = Pillow.new("RGB", (40, 30), "red")
CLIP = np.stack([picture(number) for number in range(6)])
NO_VIDEO = Handling(no_video="/messages does not accept video")
REPLY = Reply(
    Turn(
        parent=None,
        prompt=user("q"),
        replies=(Message(role="assistant", parts=(Text(text="yes"),)),),
    )
)


@dataclasses.dataclass
class Row:
    """A record."""

    a: int


def double(x: int) -> int:
    """Return twice as much."""
    return 2 * x


def png() -> bytes:
    buffer = io.BytesIO()
    PIXELS.save(buffer, "PNG")
    return buffer.getvalue()


def shown() -> Any:
    make: Any = IPython.display.Image
    return make(png())


def figure() -> Any:
    made = Figure()
    made.subplots().plot([1, 3, 2])
    return made


def sent(value: Any, handling: Handling | None = None) -> Attached:
    return attach(value, "x", handling or Handling(), {})


def kinds(attached: Attached) -> list[str]:
    return [type(part).__name__ for part in attached.parts]


def said(attached: Attached) -> str:
    return "\n".join(part.text for part in attached.parts if isinstance(part, Text))


@pytest.mark.parametrize(
    ("make", "kind", "parts", "size"),
    [
        (lambda: "two words", "str", ["Text"], "9 characters"),
        (lambda: 7, "int", ["Text"], "1 character"),
        (lambda: None, "NoneType", ["Text"], "4 characters"),
        (lambda: {"a": [1]}, "dict", ["Text"], "10 characters"),
        (lambda: [1, 2, 3], "list", ["Text"], "9 characters"),
        (list, "list", ["Text"], "2 characters"),
        (lambda: REPLY, "Reply", ["Text"], "3 characters"),
        (lambda: Text(text="a"), "text", ["Text"], ""),
        (lambda: Image(url="https://a.org/a"), "image", ["Image"], ""),
        (lambda: File(url="https://a.org/a"), "file", ["File"], ""),
        (lambda: Video(url="https://a.org/a"), "video", ["Video"], ""),
        (lambda: Row(1), "Row", ["Text"], ""),
        (lambda: types.SimpleNamespace(a=1), "SimpleNamespace", ["Text"], ""),
        (lambda: range(3), "range", ["Text"], ""),
        (lambda: {1: object}, "dict", ["Text"], ""),
        (lambda: double, "function", ["Text"], "3 lines"),
        (lambda: Row, "class", ["Text"], "5 lines"),
        (lambda: lambda: 1, "function", ["Text"], "1 line"),
        (lambda: ValueError("no"), "ValueError", ["Text"], ""),
        (KeyboardInterrupt, "KeyboardInterrupt", ["Text"], ""),
        (lambda: PIXELS, "image", ["Image"], f"40 {TIMES} 30 pixels"),
        (lambda: [PIXELS, PIXELS], "images", ["Image"] * 2, ""),
        (lambda: CLIP[0], "image", ["Image"], ""),
        (figure, "image", ["Image"], ""),
        (lambda: figure().axes[0], "image", ["Image"], ""),
        (
            lambda: alt.Chart(pd.DataFrame({"a": [1]})).mark_bar(),
            "image",
            ["Image"],
            "",
        ),
        (shown, "image", ["Image"], ""),
        (png, "image", ["Image"], ""),
        (lambda: CLIP, "frames", ["Image"] * 6, "6 frames"),
        (make_video, "MP4 video", ["Video"], ""),
        (
            lambda: [{"a": 1}] * 3,
            "list of records",
            ["Text"],
            f"3 rows {TIMES} 1 column",
        ),
        (lambda: [Row(1)], "list of records", ["Text"], f"1 row {TIMES} 1 column"),
        (
            lambda: np.zeros((3, 2)),
            "numpy array",
            ["Text"],
            f"3 rows {TIMES} 2 columns",
        ),
        (lambda: np.float64(0.5), "float64", ["Text"], "3 characters"),
        (lambda: pd.DataFrame({"a": [1]}), "pandas DataFrame", ["Text"], ""),
        (lambda: pd.Series([1, 2]), "pandas Series", ["Text"], "2 values"),
        (lambda: pl.DataFrame({"a": [1]}), "polars DataFrame", ["Text"], ""),
        (lambda: pl.LazyFrame({"a": [1]}), "polars LazyFrame", ["Text"], ""),
        (lambda: pa.table({"a": [1]}), "pyarrow Table", ["Text"], ""),
        (lambda: preview([{"a": 1}]), "list of records", ["Text"], ""),
    ],
)
def test_each_kind_has_its_form(
    make: Any, kind: str, parts: list[str], size: str
) -> None:
    attached = sent(make())
    assert (attached.name, attached.kind, kinds(attached)) == ("x", kind, parts)
    assert attached.size.startswith(size)
    assert attached.tokens >= 0


def test_plotly_figure_is_an_image_or_says_what_it_lacks() -> None:
    try:
        assert kinds(sent(go.Figure(go.Bar(y=[1, 2])))) == ["Image"]
    except AttachmentError as error:
        assert "kaleido" in str(error)  # noqa: PT017 - both ways out are right


def test_path_is_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    for each in (path, PurePath(path)):
        assert sent(each).kind == "python file"
    assert "x = 1" in said(sent(path))


def test_table_is_named_and_kept_in_the_budget() -> None:
    frame = pd.DataFrame({f"column {n}": range(900) for n in range(60)})
    frame["email"] = "a@b.org"
    attached = attach(frame, "people", Handling(preview_tokens=500), {})
    assert attached.tokens <= 500
    assert "preview(people, redact=['email'])" in str(attached.notices)


def test_preview_is_sent_as_it_was_made() -> None:
    made = preview(pd.DataFrame({"email": ["a@b.org"]}), redact=["email"])
    assert is_preview(made)
    attached = sent(made)
    assert said(attached) == made.text
    assert (attached.size, attached.notices) == (made.size, made.notices)


def test_images_are_made_as_the_user_set() -> None:
    handling = Handling()
    small = dataclasses.replace(handling.limits, longest_side=16, detail="low")
    attached = sent(PIXELS, Handling(limits=small))
    (image,) = attached.parts
    assert isinstance(image, Image)
    assert image.detail == "low"
    assert Pillow.open(io.BytesIO(image.data or b"")).size == (16, 12)
    assert all(notice.startswith("`x`: ") for notice in attached.differences)
    assert attached.differences


@pytest.mark.parametrize("count", [1, 2, 5])
def test_so_many_frames_are_sent_as_asked(count: int) -> None:
    for value in (CLIP, [PIXELS] * 6, make_video()):
        attached = sent(value, Handling(frames=count))
        assert kinds(attached) == ["Image"] * count


def test_one_picture_is_no_video_to_take_frames_of() -> None:
    assert kinds(sent(PIXELS, Handling(frames=4))) == ["Image"]
    assert kinds(sent([PIXELS], Handling(frames=4))) == ["Image"]


def test_video_goes_as_frames_where_none_is_taken(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(make_video())
    part = Video(media_type="video/mp4", data=make_video())
    for value in (clip, make_video(), part):
        attached = sent(value, NO_VIDEO)
        assert set(kinds(attached)) == {"Image"}
        first = attached.differences[0]
        assert first == "/messages does not accept video, so frames of `x` are sent."
        asked = sent(value, dataclasses.replace(NO_VIDEO, frames=2))
        assert kinds(asked) == ["Image"] * 2
        assert "so frames" not in str(asked.all_notices)


def test_pictures_in_a_row_need_no_notice() -> None:
    assert "so frames" not in str(sent(CLIP[:1], NO_VIDEO).all_notices)
    assert kinds(sent(PIXELS, NO_VIDEO)) == ["Image"]


@pytest.mark.parametrize("frames", [None, 3])
def test_video_elsewhere_is_refused_where_none_is_taken(frames: int | None) -> None:
    handling = dataclasses.replace(NO_VIDEO, frames=frames)
    with pytest.raises(AttachmentError):
        sent(Video(url="https://a.org/a.mp4"), handling)
    attached = Attached(name="v", kind="video", parts=(Video(url="https://a.org/a"),))
    with pytest.raises(AttachmentError, match=r"`v` is at a URL: .* Download it"):
        explained(attached, handling)
    assert explained(attached, Handling()) is attached


def test_whole_videos_are_sent_unless_frames_are_asked_for() -> None:
    assert frame_count(Handling()) is None
    assert frame_count(Handling(frames=3)) == 3
    assert (frame_count(NO_VIDEO) or 0) > 1


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (os, "`x` is a module, which may hold secrets"),
        (os.environ, "`x` is the environment"),
        ([1, os.environ], "`x` contains the environment"),
        (types.SimpleNamespace(e=os.environ), "`x` contains the environment"),
        (len, "source of `x` cannot be found"),
        (object(), "whose repr shows only its type and address"),
        ((n for n in "a"), "whose repr shows only its type and address"),
        (
            b"%PDF-1.4 not a file",
            "`x` is a PDF in memory, of 19 bytes. Write it to a file",
        ),
        (bytearray(2000), "`x` is 2.0 KB of neither"),
        (list(range(200_000)), "`x` is longer than 100,000 characters"),
    ],
)
def test_what_cannot_be_sent_is_refused(value: Any, says: str) -> None:
    with pytest.raises(AttachmentError) as caught:
        sent(value)
    assert says in str(caught.value)


def test_copy_of_the_environment_is_refused() -> None:
    with pytest.raises(AttachmentError, match="`x` is a copy of the environment"):
        sent(dict(os.environ))


@pytest.mark.parametrize("name", ["alarmed_dict", "alarmed_list", "alarm"])
def test_nothing_of_a_value_runs_before_its_kind_is_known(name: str) -> None:
    """What is of no kind is asked for its ``repr``, and for nothing else."""
    with pytest.raises(pytest.fail.Exception):
        sent(ALARMS[name])


class Pretender:
    """An object that says that it is something else."""

    @property
    def __class__(self) -> Any:
        """Say so."""
        return ValueError

    @__class__.setter
    def __class__(self, value: Any) -> None: ...

    def __repr__(self) -> str:
        """Say what it is."""
        return "a pretender"


def test_type_of_a_value_tells_its_kind() -> None:
    assert isinstance(Pretender(), ValueError)
    assert said(sent(Pretender())) == "a pretender"


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(pandas_frames())
def test_any_frame_is_sent_or_refused(frame: Any) -> None:
    try:
        assert sent(frame).parts
    except AttachmentError as error:
        assert str(error)  # noqa: PT017 - both ways out are right


def test_matplotlib_is_left_as_it_was() -> None:
    before = mpl.get_backend()
    sent(figure())
    assert mpl.get_backend() == before


def test_a_styler_is_its_data_without_hidden_columns() -> None:
    frame = pd.DataFrame({"a": [1.25], "secret": ["x9"]})
    styled = frame.style.format(precision=0).hide(["secret"], axis="columns")
    attached = sent(styled)
    assert (attached.kind, attached.size) == ("pandas Styler", "1 row × 1 column")
    assert attached.differences == (
        "The data of `x` is sent without its styles and 1 hidden column.",
    )
    assert "x9" not in str(attached.parts)


@pytest.mark.filterwarnings("ignore:The 'future.infer_string'")
def test_an_ibis_table_is_a_table_and_no_picture() -> None:
    ibis = pytest.importorskip("ibis")
    attached = sent(ibis.memtable({"a": [1, 2], "s": ["x", None]}))
    assert (attached.kind, attached.size) == ("Ibis table", "2 rows × 2 columns")


@pytest.mark.parametrize(
    "value",
    [
        IPython.display.Image(url="https://user:hunter2@host.org/p.png"),  # type: ignore[no-untyped-call]  # IPython's
        Image(url="https://user:hunter2@host.org/p.png"),
        File(url="https://user:hunter2@host.org/p.pdf"),
        Video(url="https://user:hunter2@host.org/p.mp4"),
        [Image(url="https://user:hunter2@host.org/p.png"), PIXELS],
    ],
)
def test_no_address_with_a_password_is_sent(value: Any) -> None:
    with pytest.raises(AttachmentError, match="user name or password") as caught:
        attach(value, "v", Handling(), {})
    assert "hunter2" not in str(caught.value)


def test_address_near_by_is_reported_whatever_carries_it() -> None:
    url = "http://192.168.1.4/p.png"
    shown = IPython.display.Image(url=url)  # type: ignore[no-untyped-call]  # IPython's
    for value in (shown, Image(url=url)):
        (notice,) = attach(value, "v", Handling(), {}).notices
        assert "192.168.1.4 is not on the public web" in notice


@pytest.mark.parametrize(
    ("shape", "dtype", "advice"),
    [
        ((20, 64, 64), "uint8", "v[0]"),
        ((20, 64, 64), "float32", "v[:1]"),
        ((64, 64, 8), "float64", "v[:, :, :1]"),
        ((99, 99, 2), "uint8", "v[:, :, :1]"),
    ],
)
def test_stack_is_refused_with_an_expression_that_works(
    shape: tuple[int, ...], dtype: str, advice: str
) -> None:
    stack = np.zeros(shape, dtype)
    with pytest.raises(AttachmentError) as caught:
        attach(stack, "v", Handling(), {})
    assert f"`{advice}`" in str(caught.value)
    one = eval(advice, {"v": stack})  # noqa: S307 - our own
    assert attach(one, "v", Handling(), {}).kind == "image"


def test_plane_of_floats_says_how_it_is_sent_as_a_picture() -> None:
    attached = attach(np.random.default_rng(0).random((40, 50)), "v", Handling(), {})
    assert "`v[:, :, None]` sends it as a picture" in attached.notices[-1]
