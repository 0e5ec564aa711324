"""Looking names up: what is read, what is refused, and that nothing runs."""

from __future__ import annotations

import collections
import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import altair as alt
import matplotlib as mpl
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image as Pillow

from alarms import ALARMS
from stepmagic.attachments.names import attachable_names, look_up
from stepmagic.conversation.reply import Reply
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Message, Text, Turn, Usage, user

ANSWER = Turn(
    parent=None,
    prompt=user("q"),
    replies=(Message(role="assistant", parts=(Text(text="```py\n1\n```"),)),),
    usage=Usage(prompt_tokens=3),
)


NAMESPACE: dict[str, Any] = {
    "n": 7,
    "_": "last",
    "_3": "third",
    "rows": [{"a": [1, 2]}, (3, {"x": None})],
    "numbers": collections.Counter("aab"),
    "ordered": collections.OrderedDict(first=1),
    "Out": {3: "third"},
    "_step": Reply(ANSWER),
    **ALARMS,
    "os": os,
    "environ": os.environ,
    "environb": os.environb,
    "hidden": {"module": os, "environment": [os.environ]},
    "answer": 42,
    "answers": [42],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("n", 7),
        (" n ", 7),
        ("(n)", 7),
        ("_", "last"),
        ("_3", "third"),
        ("Out[3]", "third"),
        ("rows[0]", {"a": [1, 2]}),
        ("rows[-1][0]", 3),
        ("rows[0]['a'][1]", 2),
        ('rows[1][1]["x"]', None),
        ("numbers['a']", 2),
        ("ordered['first']", 1),
        ("_step.text", "```py\n1\n```"),
        ("_step.code[0]", "1"),
        ("_step.usage", Usage(prompt_tokens=3)),
    ],
)
def test_names_subscripts_and_replies_are_read(expression: str, value: Any) -> None:
    found = look_up(expression, NAMESPACE)
    assert str(found).strip() == str(value).strip()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "`` is not the name of a variable"),
        ("not a name", "`not a name` is not the name"),
        ("n;", "is not the name"),
        ("a = 1", "is not the name"),
        ("n\0", "is not the name"),
        ("import os", "is not the name"),
        ("print(n)", r"`print\(n\)` is more than a name, and nothing is run"),
        ("n + 1", "is more than a name"),
        ("f'{n}'", "is more than a name"),
        ("[n]", "is more than a name"),
        ("(n := 1)", "is more than a name"),
        ("lambda: n", "is more than a name"),
        ("7", "is more than a name"),
        ("'text'", "is more than a name"),
        ("rows()", "is more than a name"),
        ("os.getenv('X')", "is more than a name"),
        ("rows[0]()", "is more than a name"),
        ("rows[n]", "takes constants in its brackets"),
        ("rows[:1]", "takes constants in its brackets"),
        ("rows[os.environ]", "takes constants in its brackets"),
        ("rows[{[]: 1}]", "takes constants in its brackets"),
        ("rows[9]", "has no item 9: list index out of range"),
        ("rows['a']", "has no item 'a': list indices must be"),
        ("rows[0][[]]", "unhashable"),
        ("n[0]", "asks for an item of int; only those of data are read"),
        ("rows.append", "asks for an attribute of list; only those of data are read"),
        ("n.__class__", "asks for an attribute of int"),
        ("_step.__class__", "asks for '__class__', which a Reply does not have"),
        ("_step._repr_html_", "asks for '_repr_html_', which a Reply does not have"),
        ("_step.turn", "asks for 'turn', which a Reply does not have"),
        ("_step.json", "asks for 'json', which a Reply does not have"),
        ("_step.usage.cost_usd", "asks for an attribute of Usage"),
        ("os", "`os` reads a module, which may hold secrets"),
        ("os.environ", "reads a module"),
        ("os.environ['HOME']", "reads a module"),
        ("environ", "`environ` reads the environment, which may hold secrets"),
        ("environ['HOME']", "reads the environment"),
        ("environb[b'HOME']", "reads the environment"),
        ("hidden['module']", "reads a module"),
        ("hidden['module'].environ", "reads a module"),
        ("hidden['environment'][0]['HOME']", "reads the environment"),
    ],
)
def test_anything_more_is_refused(expression: str, says: str) -> None:
    with pytest.raises(AttachmentError, match=says):
        look_up(expression, NAMESPACE)


@pytest.mark.parametrize(
    ("expression", "close"),
    [
        ("anwser", "Did you mean answer, answers?"),
        ("ordered['frist']", "Did you mean first?"),
        ("_step.txet", "Did you mean text?"),
        ("_step.cod", "Did you mean code?"),
    ],
)
def test_close_names_are_given(expression: str, close: str) -> None:
    with pytest.raises(AttachmentError) as caught:
        look_up(expression, NAMESPACE)
    assert str(caught.value).endswith(close)


def test_private_names_are_not_suggested() -> None:
    with pytest.raises(AttachmentError) as caught:
        look_up("secret", {"_secret": 1})
    assert str(caught.value) == "there is no variable 'secret'."


@pytest.mark.parametrize(
    "expression",
    [
        "alarm.a",
        "alarm[0]",
        "alarm()",
        "alarmed_dict['a']",
        "alarmed_dict[0]",
        "alarmed_list[0]",
        "alarmed_text[0]",
        "alarmed_text.upper",
    ],
)
def test_code_of_a_value_is_never_run(expression: str) -> None:
    with pytest.raises(AttachmentError):
        look_up(expression, NAMESPACE)


@pytest.mark.parametrize("name", ALARMS)
def test_value_alone_is_returned_untouched(name: str) -> None:
    assert look_up(name, NAMESPACE) is NAMESPACE[name]


def test_reading_adds_nothing_to_a_defaultdict() -> None:
    counts: dict[str, int] = collections.defaultdict(int, a=1)
    assert look_up("counts['a']", {"counts": counts}) == 1
    with pytest.raises(AttachmentError, match="has no item 'b'"):
        look_up("counts['b']", {"counts": counts})
    assert counts == {"a": 1}


def test_subclass_of_a_module_is_one() -> None:
    lazy = type("LazyModule", (types.ModuleType,), {})("lazy")
    with pytest.raises(AttachmentError, match="reads a module"):
        look_up("lazy", {"lazy": lazy})


def test_reply_of_the_same_name_is_none() -> None:
    false = type(
        "Reply", (), {"text": "x", "__module__": "stepmagic.conversation.reply"}
    )()
    with pytest.raises(AttachmentError, match="asks for an attribute of Reply"):
        look_up("false.text", {"false": false})


@pytest.fixture
def without_replies() -> Iterator[None]:
    """Make it a kernel in which nothing was asked yet."""
    module = sys.modules.pop("stepmagic.conversation.reply")
    yield
    sys.modules["stepmagic.conversation.reply"] = module


@pytest.mark.usefixtures("without_replies")
def test_nothing_is_a_reply_before_the_first() -> None:
    with pytest.raises(AttachmentError, match="asks for an attribute of int"):
        look_up("n.text", {"n": 7})


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" + "[0]" * 50_000,
        lambda: "x" + ".a" * 50_000,
        lambda: "(" * 50_000 + "x" + ")" * 50_000,
        lambda: "x[" + "[" * 5_000 + "]" * 5_000 + "]",
        lambda: "x[" + "-" * 50_000 + "1]",
    ],
    ids=["subscripts", "attributes", "parentheses", "lists", "signs"],
)
def test_deep_expression_is_refused(make: Callable[[], str]) -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(AttachmentError):
        look_up(make(), {"x": held})


@given(st.text(alphabet="abn_ros[]0'\".()-+{}:=\\ \n\0é日"))
def test_any_expression_is_read_or_refused(expression: str) -> None:
    with contextlib.suppress(AttachmentError):
        look_up(expression, NAMESPACE)


# Data of libraries


class Frame(pd.DataFrame):  # type: ignore[misc]  # pandas ships no types
    """A frame of the user's own, whose properties are the user's code."""

    @property
    def secret(self) -> str:
        """Ring."""
        return pytest.fail("code of the value was run")


class Pretender:
    """An object that says that it is of a library."""

    text = "seen"


Pretender.__module__ = "pandas.core.frame"


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """Return what libraries make of data."""
    frame = pd.DataFrame({"a": [3, 4], "when": pd.to_datetime(["2026-01-02"] * 2)})
    frame.attrs["source"] = "a survey"
    array = np.arange(6).reshape(2, 3)
    figure = Figure()
    figure.subplots().set_title("Title")
    return {
        "df": frame,
        "own": Frame({"a": [1]}),
        "arr": array,
        "view": array[:1],
        "things": np.array([{"k": "v"}, os.environ, Pretender()], dtype=object),
        "fig": figure,
        "chart": alt.Chart(frame),
        "plot": go.Figure(go.Bar(y=[1, 2])),
        "pl": pl.DataFrame({"a": [1]}),
        "table": pa.table({"a": [1]}),
        "false": Pretender(),
        "odd": type("Odd", (), {"__module__": 7, "a": 1})(),
        "held": {"os": os},
    }


@pytest.fixture
def img(tmp_path: Path) -> Iterator[Pillow.Image]:
    """Return a picture of a file with a note in it."""
    path = tmp_path / "secret place.png"
    Pillow.new("RGB", (40, 30)).save(path)
    with Pillow.open(path) as found:
        found.info["GPS"] = "52.52 N"
        yield found


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("df.columns[0]", "a"),
        ("df['a'][1]", "4"),
        ("df.a[1]", "4"),
        ("df.shape", "(2, 2)"),
        ("df.shape[0]", "2"),
        ("df.attrs['source']", "a survey"),
        ("df['when'][0].year", "2026"),
        ("df.index.stop", "2"),
        ("df.dtypes['a']", "int64"),
        ("arr[0]", "[0 1 2]"),
        ("arr[1, 2]", "5"),
        ("arr.shape", "(2, 3)"),
        ("arr.T.shape", "(3, 2)"),
        ("arr.dtype", "int64"),
        ("things[0]['k']", "v"),
        ("fig.dpi", "100.0"),
        ("plot.layout.title.text", "None"),
        ("pl.columns", "['a']"),
        ("pl['a'][0]", "1"),
        ("table.num_rows", "1"),
        ("table.column_names[0]", "a"),
        ("false.text", "seen"),
    ],
)
def test_properties_and_items_of_data_are_read(
    data: dict[str, Any], expression: str, text: str
) -> None:
    assert str(look_up(expression, data)) == text


FIGURES = [
    "fig",
    "fig.axes[0]",
    "fig.axes[0].title",
    "fig.axes[0].figure",
    "chart.data",
]


@pytest.mark.parametrize("expression", FIGURES)
def test_parts_of_a_figure_are_read(data: dict[str, Any], expression: str) -> None:
    assert look_up(expression, data) is not None


@pytest.mark.parametrize("attribute", ["size", "width", "height", "mode", "format"])
def test_shape_of_a_picture_is_read(img: Any, attribute: str) -> None:
    assert look_up(f"img.{attribute}", {"img": img}) == getattr(img, attribute)


@pytest.mark.parametrize("attribute", ["filename", "info", "fp", "text"])
def test_what_lies_behind_a_picture_is_refused(img: Any, attribute: str) -> None:
    """Its file, and its EXIF with the place where it was taken."""
    with pytest.raises(AttachmentError, match=f"{attribute}', which is more than"):
        look_up(f"img.{attribute}", {"img": img})
    assert img.size == (40, 30)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("df.nothing", "asks for 'nothing', which it does not have"),
        ("df._mgr", "asks for '_mgr', which it does not have"),
        ("df.__class__", "asks for '__class__', which it does not have"),
        ("df.a.__init__", "asks for '__init__', which it does not have"),
        ("df.head", "names the function 'head', and nothing is run"),
        ("df.head()", "is more than a name"),
        ("df.to_csv", "names the function 'to_csv'"),
        ("df.plot", "names the function 'plot'"),
        ("df.style.env", "asks for 'env', which is not data"),
        ("df.style.env.globals", "asks for 'env', which is not data"),
        ("df['b']", "has no item 'b'"),
        ("df[df.a]", "takes constants in its brackets"),
        ("arr.base", "asks for 'base', which is more than the data itself"),
        ("view.base", "asks for 'base', which is more than the data itself"),
        ("df.values.base", "asks for 'base', which is more than the data itself"),
        ("arr.ctypes", "asks for 'ctypes', which is more than"),
        ("arr.ctypes.data", "asks for 'ctypes', which is more than"),
        ("arr.data", "asks for 'data', which is not data"),
        ("arr.tofile", "names the function 'tofile'"),
        ("arr[9]", "has no item 9"),
        ("things[1]", "reads the environment"),
        ("things[1]['HOME']", "reads the environment"),
        ("fig.canvas", "asks for 'canvas', which is more than the data itself"),
        ("fig.canvas.manager.window", "asks for 'canvas', which is more than"),
        ("fig.savefig", "names the function 'savefig'"),
        ("chart.to_dict", "names the function 'to_dict'"),
        ("plot.show", "names the function 'show'"),
        ("pl.style", "asks for 'style'"),
        ("own.secret", "asks for an attribute of Frame; only those of data"),
        ("own['a']", "asks for an item of Frame; only those of data"),
        ("odd.a", "asks for an attribute of Odd"),
        ("held['os'].path", "reads a module"),
    ],
)
def test_more_than_data_is_refused(
    data: dict[str, Any], expression: str, says: str
) -> None:
    with pytest.raises(AttachmentError) as caught:
        look_up(expression, data)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["np", "pd", "mpl"])
def test_module_of_a_library_is_one(name: str) -> None:
    modules = {"np": np, "pd": pd, "mpl": mpl}
    for expression in (name, f"{name}.__version__"):
        with pytest.raises(AttachmentError, match="reads a module"):
            look_up(expression, modules)


def ring(*_: Any) -> Any:
    pytest.fail("code that was added to a library was run")


@pytest.mark.parametrize("name", ["added", "accessor"])
def test_what_was_added_to_a_library_is_not_run(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Pandas and polars let anybody add properties to their types."""
    held: Any = property(ring)
    if name == "accessor":
        accessor = type("Accessor", (), {"__init__": ring})
        monkeypatch.setattr(pd.DataFrame, "_accessors", set(pd.DataFrame._accessors))
        pd.api.extensions.register_dataframe_accessor("accessor")(accessor)
        held = vars(pd.DataFrame)["accessor"]
        del pd.DataFrame.accessor
    monkeypatch.setattr(pd.DataFrame, name, held, raising=False)
    with pytest.raises(AttachmentError, match="which it does not have"):
        look_up(f"df.{name}", {"df": pd.DataFrame({"a": [1]})})


def test_namespace_of_polars_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.DataFrame, "_accessors", set(pl.DataFrame._accessors))
    pl.api.register_dataframe_namespace("added")(type("Added", (), {"__init__": ring}))
    held: Any = vars(pl.DataFrame)["added"]
    del pl.DataFrame.added  # type: ignore[attr-defined]  # it was registered above
    monkeypatch.setattr(pl.DataFrame, "added", held, raising=False)
    with pytest.raises(AttachmentError, match="which it does not have"):
        look_up("df.added", {"df": pl.DataFrame({"a": [1]})})


def test_property_that_fails_is_refused() -> None:
    with pytest.raises(AttachmentError, match="'str', which it does not have"):
        look_up("s.str", {"s": pd.Series([1])})


def test_copy_of_the_environment_is_refused() -> None:
    copied = {"e": dict(os.environ)}
    for expression in ("e", "e['HOME']"):
        with pytest.raises(AttachmentError, match="reads a copy of the environment"):
            look_up(expression, copied)


def test_attachable_names_are_those_of_the_users_own_values() -> None:
    def imported() -> None:
        """Stand for a function of a library."""

    def own() -> None:
        """Stand for a function of the notebook."""

    imported.__module__, own.__module__ = "os.path", "__main__"
    namespace = {
        "rows": [1],
        "os": os,
        "environment": os.environ,
        "own": own,
        "imported": imported,
    }
    assert attachable_names(list(namespace), namespace) == ["rows", "own"]
