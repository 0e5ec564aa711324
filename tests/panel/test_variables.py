"""The notebook's variables in the panel: listed, and bound to answers."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types

from image_samples import drawing
from openrouter_server import OpenRouterServer, answer
from panel_pages import Page
from shell_fixtures import ShellUnderTest

TABLES = """\
| month | sold | share | note |
|---|--:|--:|---|
| May | 1,200 | 0.5 | a |
| June | 900 | | b |

```python
x = 1
```

- inside

  | a | a | |
  |---|---|---|
  | - | -3 | 4 |
"""


def test_variables_are_listed_with_thumbnails_of_images(
    page: Page, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"month": ["May", "June"], "sold": [3, 4]})
    step["rows"] = [{"a": 1}, {"a": 2}]
    step["photo"] = drawing(400, 300)
    step.run(
        "import os\nrate = 7\ndef twice(x): return 2 * x\nfrom os.path import join"
    )
    page.wait(lambda: "rate" in json.dumps(page.state.get("variables")))
    variables = page.ask("variables")["variables"]
    listed = {each["name"]: (each["kind"], each["about"]) for each in variables}
    assert next(iter(listed)) == "photo"
    assert listed["photo"] == ("image", "400 × 300")
    assert listed["sales"] == ("table", "pandas DataFrame, 2 × 2")
    assert listed["rows"] == ("table", "list of records, 2 rows")
    assert listed["rate"] == ("other", "int")
    assert listed["twice"] == ("other", "function")
    assert not {"os", "join"} & listed.keys()
    pictures = {each["name"]: each.get("picture", "") for each in variables}
    assert pictures["photo"].startswith("data:image/png;base64,")
    assert pictures["sales"] == ""


def test_replies_texts_code_and_tables_are_bound_to_names(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer(TABLES))
    page.ask("ask", text="Table?")
    (turn,) = page.wait_for_answers(1)
    assert turn["code_languages"] == ["python"]

    def bind(what: str, name: str, number: int = 0, **more: Any) -> str:
        return str(
            page.ask(
                "bind", turn=turn["id"], what=what, name=name, number=number, **more
            )["message"]
        )

    assert bind("table", "sold") == "sold is bound to the table."
    frame = step["sold"]
    assert list(frame.columns) == ["month", "sold", "share", "note"]
    assert frame["sold"].tolist() == [1200, 900]
    assert frame["share"].isna().tolist() == [False, True]
    bind("table", "second", 1)
    assert list(step["second"].columns) == ["a", "a (2)", "column 3"]
    bind("code", "code")
    assert step["code"] == "x = 1\n"
    bind("text", "text")
    bind("reply", "reply")
    assert step["text"] == step["reply"].text
    assert "text is already a str" in bind("reply", "text")
    assert bind("reply", "text", replace=True) == "text is bound to the reply."
    assert "is not a name" in bind("reply", "no name")
    assert bind("table", "x", 2) == "the answer does not have a table 3."
    assert bind("code", "x", 1) == "the answer does not have a code 2."
