r"""``{{ name }}`` in a cell: expanded once, and nothing else is touched."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.attachments.attachment import UserPart
from stepmagic.attachments.parts import to_part
from stepmagic.attachments.placeholders import expand
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text

IMAGE = Image(url="https://example.org/a.png")


def as_part(value: Any, name: str) -> list[UserPart]:
    return [to_part(value, name)]


def expanded(body: str, **namespace: Any) -> str:
    """Return the text of a body without media."""
    return "".join(
        part.text for part in expand(body, namespace, as_part) if isinstance(part, Text)
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("no placeholder", "no placeholder"),
        ("Is {{ n }} odd?", "Is 7 odd?"),
        ("{{n}}{{ n}}{{n }}{{\tn\t}}", "7777"),
        ("{{ rows[0]['a'] }}", "x y"),
        ("{{{ n }}}", "{7}"),
        ("a\n{{ n }}\nb", "a\n7\nb"),
        (r"\{{ n }}", "{{ n }}"),
        (r"\{{ n }} is {{ n }}", "{{ n }} is 7"),
        (r"\{{{ n }}", "{{{ n }}"),
    ],
)
def test_value_stands_in_the_place_of_its_name(body: str, text: str) -> None:
    assert expanded(body, n=7, rows=[{"a": "x y"}]) == text


@pytest.mark.parametrize(
    "body",
    [
        "{n} and {n:.2f} and {",
        'f"{n!r}" and "{}".format(n)',
        r"$\frac{1}{2}$, $$\sum_{i=0}^{n} x_{i}$$, $a^{{b}^{c}}$",
        '{"n": {"n": {"n": 1}}}',
        "{{}} and {{ }} and { { n } }",
        "{{ n\n}}",
        "{{\n  n: 1}}",
        "{{ n }",
        "{{ {n} }}",
        "}} n {{",
        "$n ${n} %(n)s %n <% n %> {% n %} {# n #}",
    ],
)
def test_everything_else_is_left_alone(body: str) -> None:
    assert expanded(body, n=7) == body


@given(st.text(alphabet="ab{}\\ \n$") | st.text())
def test_text_without_a_name_in_double_braces_stays(body: str) -> None:
    if "{{" not in body:
        assert expanded(body, a=1, b=2) == body


@given(
    st.sampled_from(
        [
            "{{ key }}",
            "{{key}}",
            "{{ value }}",
            "{os.environ[OPENROUTER_API_KEY]}",
            "{{ os.environ['OPENROUTER_API_KEY'] }}",
            "{key}",
            "$key",
            "\\{{ key }}",
            "{{",
            "}}",
            "{",
            "\\",
        ]
    )
    | st.text(),
    st.sampled_from(["", "{", "{{", "\\", "}}", "key"]),
    st.sampled_from(["", "}", "}}", "{{", " key }}"]),
)
def test_what_came_out_of_a_variable_is_never_expanded(
    value: str, before: str, after: str
) -> None:
    """Nor is it together with what stands beside it in the cell."""
    body = f"{before}|{{{{ value }}}}|{after}"
    assert expanded(body, value=value, key="SECRET", os=os) == (
        f"{before}|{value}|{after}"
    )


def test_two_values_make_no_placeholder_together() -> None:
    body = "{{ first }}{{ middle }}{{ last }}"
    assert (
        expanded(body, first="{{", middle=" key ", last="}}", key="SECRET")
        == "{{ key }}"
    )


def test_image_stands_in_its_place() -> None:
    parts = expand("compare {{ a }} with {{ b }}", {"a": IMAGE, "b": IMAGE}, as_part)
    assert parts == (Text(text="compare "), IMAGE, Text(text=" with "), IMAGE)


def test_neighbouring_texts_are_one_part() -> None:
    assert expand("{{ n }} and {{ n }}", {"n": 7}, as_part) == (Text(text="7 and 7"),)


def test_nothing_but_an_empty_value_leaves_no_part() -> None:
    assert expand("{{ n }}", {"n": ""}, as_part) == ()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{{ anwser }}", "there is no variable 'anwser'. Did you mean answer?"),
        ("{{ f(x) }}", "`f(x)` is more than a name, and nothing is run."),
        ("{{ os.environ['KEY'] }}", "`os.environ['KEY']` reads a module"),
        ("{{ environ['KEY'] }}", "`environ['KEY']` reads the environment"),
        ("{{ not a name }}", "`not a name` is not the name of a variable."),
    ],
)
def test_refused_placeholder_names_the_way_to_send_it(body: str, says: str) -> None:
    namespace = {"answer": 42, "os": os, "environ": os.environ}
    with pytest.raises(AttachmentError) as caught:
        expand(f"first {body} last", namespace, as_part)
    message = str(caught.value)
    assert message.startswith(says)
    assert message.endswith("To send {{ }} literally, write \\{{ or use --raw.")


def test_item_of_a_table_is_written_and_an_attribute_of_another_object_is_not() -> None:
    df = pd.DataFrame({"a": [1]})
    assert expanded("{{ df.columns[0] }} {{ df['a'][0] }}", df=df) == "a 1"
    with pytest.raises(AttachmentError, match=r"more than a name.*use --raw"):
        expanded("{{ df.query('a > 1') }}", df=df)
    with pytest.raises(AttachmentError, match=r"asks for an attribute of object"):
        expanded("{{ x.secret }}", x=object())


def test_value_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(AttachmentError, match="`held` is of type object, which"):
        expand("{{ held }}", {"held": object()}, as_part)
