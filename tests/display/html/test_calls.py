"""A called function in a line: how it is written, and what is asked before a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import Answer
from stepmagic.display.html.bundle import reply_bundle
from stepmagic.display.html.calls import (
    CallWithResult,
    format_call,
    pair_calls,
    question,
    summarize_result,
)
from stepmagic.transcript import Image, Text, ToolCall, ToolResult


def call(arguments: str, id_: str = "1") -> ToolCall:
    return ToolCall(id=id_, name="area", arguments=arguments)


def result(*parts: Any, id_: str = "1", is_error: bool = False) -> ToolResult:
    return ToolResult(call_id=id_, name="area", parts=parts, is_error=is_error)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ('{"width": 2, "unit": "m²"}', 'area(width=2, unit="m²")'),
        ("", "area()"),
        ("[1]", "area([1])"),
        ("{no\njson", "area({no json)"),
        ('{"a": "\\u001b[31m"}', 'area(a="\\u001b[31m")'),
    ],
)
def test_a_call_is_written_as_in_python(arguments: str, line: str) -> None:
    assert format_call(call(arguments)) == line


def test_a_long_line_is_cut() -> None:
    line = format_call(call(json.dumps({"text": "x" * 500})))
    assert len(line) < 100
    assert line.endswith("...)")
    assert "x" * 500 in question(call(json.dumps({"text": "x" * 500})))
    assert summarize_result(result(Text(text="y" * 100))) == "y" * 60 + "..."


def test_what_came_of_a_call_is_said_in_a_few_words() -> None:
    picture = Image(media_type="image/png", data=b"png")
    assert summarize_result(result(Text(text="a\nb"), picture)) == "a b [image]"
    assert summarize_result(result()) == "nothing"
    assert summarize_result(result(Text(text="No."), is_error=True)) == "failed: No."


def test_results_stand_with_their_calls_though_ids_come_again() -> None:
    one, two = call("{}", "1"), call("{}", "2")
    given = [result(Text(text=word), id_=id_) for word, id_ in ("b2", "a1", "c1")]
    stray = result(id_="9")
    shown = pair_calls([one, two, given[0], given[1], one, given[2], stray], [2.0, 1.0])
    assert shown == [
        CallWithResult(call=one, result=given[1], time_s=1.0),
        CallWithResult(call=two, result=given[0], time_s=2.0),
        CallWithResult(call=one, result=given[2]),
        stray,
    ]


def test_a_call_folds_with_its_arguments_and_reads_without_styles() -> None:
    answer = Answer(
        parts=(call('{"a": "<b>"}'), result(Text(text="6"))), call_times_s=(0.25,)
    )
    html = reply_bundle(answer, footer=True)["text/html"]
    assert "<code>area(a=&quot;&lt;b&gt;&quot;)</code> · 0.2 s · 6</summary>" in html
    assert "<p>Called with</p>" in html
    assert "<p>Returned</p>\n<pre>6</pre>" in html
    assert "0.2 s" not in reply_bundle(answer, footer=False)["text/html"]


def test_nobody_is_asked_in_a_script() -> None:
    assert not Host().can_ask
