"""What a page of a live view sends: the state table of ``live.py``, row by row."""

from __future__ import annotations

from pathlib import Path

from front_ends import run_script

PAGES = """
import live from "./live.js";

// A page without layout, and a clock that moves when a test says so.
const element = () => ({
  style: {}, classList: { add() {} }, append() {}, before() {}, remove() {},
  setAttribute() {}, replaceChildren() {},
});
globalThis.document = { createElement: element };
globalThis.requestAnimationFrame = () => 1;
let timer;
globalThis.setTimeout = (act) => (timer = act);
globalThis.clearTimeout = () => (timer = undefined);

function run({ over, greets, outputs, steps }) {
  const sent = [];
  let receive, unrender;
  const traits = { over, greets };
  const places = { length: outputs.length };
  places.get = (at) => ({ data: { "text/html": outputs[at] } });
  const model = {
    get: (name) => traits[name],
    send: (message) => sent.push(message.kind),
    on: (_, callback) => (receive = callback),
    widget_manager: { context: { model: { cells: [{ outputs: places }] } } },
  };
  const widget = live();
  widget.initialize({ model });
  let seq = -1;
  const actions = {
    view: () => (unrender = widget.render({ el: element() })),
    replaced: () => unrender(),
    patch: () => receive({ seq: (seq += 1), complete: seq === 0 }),
    gap: () => receive({ seq: (seq += 2) }),
    silence() {
      const act = timer;
      timer = undefined;
      act?.();
    },
  };
  for (const step of steps) {
    if (typeof step === "string") actions[step]();
    else receive(step);
  }
  return sent;
}

console.log(JSON.stringify(given.map(run)));
"""

RUNNING, OVER = {"over": False, "sent": 0}, {"over": True, "sent": 1}
ROWS: dict[str, tuple[list[object], list[str]]] = {
    "waiting: a patch": (["view", "patch", "patch"], []),
    "waiting: silence, the view is gone": (
        ["view", "patch", "replaced", "silence"],
        [],
    ),
    "waiting: silence, the view is shown": (["view", "patch", "silence"], ["status"]),
    "waiting: silence, never a view": (["silence"], ["status"]),
    "asking: a patch": (
        ["view", "silence", "patch", "silence", "silence"],
        ["status"],
    ),
    "asking: not over": (
        ["view", "silence", RUNNING, "silence"],
        ["status", "status"],
    ),
    "asking: over": (["view", "silence", OVER], ["status"]),
    "checking: a patch": (
        ["view", "silence", OVER, "patch", "silence"],
        ["status", "status"],
    ),
    "checking: the view is shown": (
        ["view", "silence", OVER, "silence", "silence"],
        ["status", "resend"],
    ),
    "checking: never a view, patches missing": (
        ["silence", OVER, "silence", "silence"],
        ["status", "final"],
    ),
    "checking: never a view, nothing missing": (
        ["patch", "silence", OVER, "silence"],
        ["status"],
    ),
    "checking: the view is gone": (
        ["view", "silence", OVER, "replaced", "silence"],
        ["status"],
    ),
    "comparing: an output has it": (
        ["silence", OVER, "silence", {"final": "<p>Shown.</p>"}],
        ["status", "final"],
    ),
    "comparing: nothing to show": (
        ["silence", OVER, "silence", {"final": ""}],
        ["status", "final"],
    ),
    "comparing: no output has it": (
        ["silence", OVER, "silence", {"final": "<p>Lost.</p>"}],
        ["status", "final", "restore"],
    ),
    "a gap is reported once": (["view", "patch", "gap", "gap"], ["lost"]),
}
"""What happens to a page, and what it sends."""


def test_the_watchdog_of_a_page_follows_its_state_table(tmp_path: Path) -> None:
    page = {"over": False, "greets": False, "outputs": ["<p>Shown.</p>"]}
    pages = [{**page, "steps": steps} for steps, _ in ROWS.values()]
    sent = run_script(tmp_path, PAGES, pages)
    assert dict(zip(ROWS, sent, strict=True)) == {
        row: expected for row, (_, expected) in ROWS.items()
    }


def test_a_page_reports_that_it_has_loaded_the_widget(tmp_path: Path) -> None:
    page = {"outputs": [], "steps": ["silence"]}
    traits = [(False, True), (True, False), (True, True), (False, False)]
    pages = [{**page, "over": over, "greets": greets} for over, greets in traits]
    assert run_script(tmp_path, PAGES, pages) == [
        ["ready", "status"],
        # A page that loads the widget after the answer does not wait for patches.
        ["ready"],
        ["ready"],
        ["status"],
    ]
