"""Earlier cells with what they printed, showed and returned, in shells and kernels."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as Pillow

from kernels import KernelUnderTest, running_kernel
from openrouter_server import OpenRouterServer, answer
from stepmagic.attachments import images
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.notebook.cells import attach_cells
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text

LIMITS = images.ImageLimits()
PICTURE = "from PIL import Image; Image.new('RGB', (40, 30), 'red')"


@pytest.fixture
def shell(bare_shell: Any) -> Any:
    """Return a shell that keeps its history."""
    bare_shell.user_ns["run"] = lambda code: run(bare_shell, code)
    return bare_shell


def run(shell: Any, *cells: str) -> None:
    for cell in cells:
        shell.run_cell(cell, store_history=True)


def attached_to(shell: Any, cells: str) -> list[Attached]:
    """Return what a cell attaches that runs after all others."""
    found: list[list[Attached]] = []
    failed: list[AttachmentError] = []

    def attach() -> None:
        try:
            found.append(attach_cells(Host(shell), cells, LIMITS))
        except AttachmentError as error:
            failed.append(error)

    shell.user_ns["attach"] = attach
    run(shell, "attach()")
    if failed:
        raise failed[0]
    return found[0]


def said(attached: Attached) -> str:
    return "\n".join(part.text for part in attached.parts if isinstance(part, Text))


def sizes(attached: Attached) -> list[tuple[int, int]]:
    return [
        Pillow.open(io.BytesIO(part.data or b"")).size
        for part in attached.parts
        if isinstance(part, Image)
    ]


def test_a_cell_goes_with_what_it_printed_showed_and_returned(shell: Any) -> None:
    run(
        shell,
        "print('said', end='')\nimport sys; print('warned', file=sys.stderr)\n"
        "from IPython.display import display; display('shown')\n20 + 22",
    )
    (cell,) = attached_to(shell, "last")
    assert (cell.name, cell.kind) == ("cell 1", "cell")
    text = said(cell)
    assert text.startswith("In [1]:\n```python\nprint('said', end='')\n")
    outputs = [block.split("\n```")[0] for block in text.split("Out [1]:\n```\n")[1:]]
    assert outputs == ["said", "warned", "'shown'", "42"]
    assert cell.all_notices == ()


def test_pictures_of_a_cell_are_images(shell: Any) -> None:
    run(shell, PICTURE, f"{PICTURE.rpartition(';')[2].strip()}.resize((20, 10))")
    first, second = attached_to(shell, "1-2")
    assert (sizes(first), sizes(second)) == ([(40, 30)], [(20, 10)])
    (image,) = (part for part in first.parts if isinstance(part, Image))
    assert image.name == "output of cell 1"


def test_error_of_a_cell_is_told(shell: Any) -> None:
    run(shell, "1 / 0")
    (cell,) = attached_to(shell, "last")
    assert "ZeroDivisionError: division by zero" in said(cell)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        ("last", [4]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("4, 1-2", [4, 1, 2]),
        ("1,1-2,2", [1, 2]),
        ("3-3", [3]),
    ],
)
def test_cells_are_named_by_their_numbers(
    shell: Any, cells: str, numbers: list[int]
) -> None:
    run(shell, *(f"'cell {number}'" for number in (1, 2, 3, 4)))
    attached = attached_to(shell, cells)
    assert [each.name for each in attached] == [f"cell {n}" for n in numbers]
    for number, each in zip(numbers, attached, strict=True):
        assert f"\n'cell {number}'\n" in said(each)


@pytest.mark.parametrize("cells", ["", "x", "-1", "1-", "1..2", "1 2", "٣", "9" * 5000])
def test_what_is_no_range_is_refused(shell: Any, cells: str) -> None:
    run(shell, "1")
    with pytest.raises(
        AttachmentError, match="--cells must be like 3, 3-5, 1,4-6 or last"
    ):
        attached_to(shell, cells)


@pytest.mark.parametrize("cells", ["0", "3", "2-1", "1-3", "1,99"])
def test_cells_that_did_not_run_are_refused(shell: Any, cells: str) -> None:
    """Nor is the cell that runs now one of them."""
    run(shell, "1", "2")
    with pytest.raises(AttachmentError, match=r"the cells that have run are 1 to 2\."):
        attached_to(shell, cells)


def test_first_cell_has_none_before_it(shell: Any) -> None:
    with pytest.raises(AttachmentError, match="have run are none yet"):
        attached_to(shell, "last")


def test_too_many_cells_are_refused(shell: Any) -> None:
    run(shell, *("1" for _ in range(52)))
    assert len(attached_to(shell, "1-50,2-49")) == 50
    for cells in ("1-51", "1-30,31-52"):
        with pytest.raises(
            AttachmentError, match="at most 50 cells can be sent at once"
        ):
            attached_to(shell, cells)


def test_cell_that_was_forgotten_is_refused(shell: Any) -> None:
    run(shell, "secret = 1")
    shell.history_manager.input_hist_raw[1] = ""
    with pytest.raises(
        AttachmentError, match="the source of these cells was not recorded"
    ):
        attached_to(shell, "last")


def test_long_output_is_cut_in_the_middle(shell: Any) -> None:
    run(shell, "print('a' * 30_000 + 'z' * 30_000)")
    text = said(*attached_to(shell, "last"))
    assert "aa\n[... 40,000 characters left out ...]\nzz" in text
    assert len(text) < 20_200


def test_text_is_as_a_screen_shows_it(shell: Any) -> None:
    run(shell, r"print('\r 1%\r 2%\r100%\r\n\x1b[31mred\x1b[0m\r\nend\u202e', end='')")
    text = said(*attached_to(shell, "last"))
    assert text.endswith("Out [1]:\n```\n100%\nred\nend\n```")


def test_marks_of_a_fence_in_an_output_end_nothing(shell: Any) -> None:
    run(shell, "print('```\\nnot a cell')")
    assert "````\n```\nnot a cell\n````" in said(*attached_to(shell, "last"))


def test_blank_output_is_left_out(shell: Any) -> None:
    run(shell, "print('\\n\\r\\x1b[0m')")
    assert "Out [1]" not in said(*attached_to(shell, "last"))


def test_displays_of_a_kernel_are_those_that_were_noted(shell: Any) -> None:
    """What its IPython keeps may be of another cell; before the hook, all is lost."""
    run(shell, "display('early')")
    hooks = shell.display_pub.hooks = []
    shell.display_pub.register_hook = hooks.append
    shell.user_ns["load"] = lambda: Host(shell).record_outputs()
    run(shell, "load()")
    message = {"content": {"data": {"text/plain": "noted"}}}
    shell.user_ns["send"] = lambda: [hook(message) for hook in hooks]
    run(shell, "display('late'); send();")
    early, late = attached_to(shell, "1,3")
    assert "Out [1]" not in said(early)
    assert early.differences == (
        "What cell 1 displayed before %load_ext was not recorded.",
    )
    assert "Out [3]:\n```\nnoted\n```" in said(late)
    assert "Out [3]:\n```\n'late'" not in said(late)
    assert late.all_notices == ()


@pytest.mark.parametrize("data", ["a", "AAAA"])
def test_picture_that_is_none_is_left_out_and_reported(shell: Any, data: str) -> None:
    run(shell, f"print('kept'); display({{'image/png': '{data}'}}, raw=True)")
    (cell,) = attached_to(shell, "last")
    assert "kept" in said(cell)
    (difference,) = cell.differences
    assert difference.startswith("`output of cell 1`: its image/png cannot be sent")


def test_what_was_done_to_a_picture_is_said(shell: Any) -> None:
    frames = [Pillow.new("RGB", (20, 20), (shade, 0, 0)) for shade in (0, 90, 200)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    data = base64.b64encode(moving.getvalue()).decode()
    run(shell, f"display({{'image/png': '{data}'}}, raw=True)")
    (cell,) = attached_to(shell, "last")
    assert cell.differences
    assert cell.differences[0].startswith("`output of cell 1`: ")


def test_older_ipython_tells_the_value_alone(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before version 9 it kept neither what was printed nor how a cell failed."""
    run(shell, "print('said')\n42", "1 / 0", "7;")

    class History:
        def __getattr__(self, name: str) -> Any:
            if name in ("outputs", "exceptions"):
                raise AttributeError(name)
            return getattr(kept, name)

    kept = shell.history_manager
    monkeypatch.setattr(shell, "history_manager", kept)
    shell.user_ns["found"] = found = []
    shell.user_ns["attach"] = lambda: found.extend(
        attach_cells(Host(_With(shell, History())), "1-3", LIMITS)
    )
    run(shell, "attach()")
    first, second, third = found
    assert said(first) == (
        "In [1]:\n```python\nprint('said')\n42\n```\nOut [1]:\n```\n42\n```"
    )
    assert said(second) == "In [2]:\n```python\n1 / 0\n```"
    assert said(third) == "In [3]:\n```python\n7;\n```"


class _With:
    """A shell with another history."""

    def __init__(self, shell: Any, history: Any) -> None:
        self._shell = shell
        self.history_manager = history

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shell, name)


# A real kernel


@pytest.fixture(scope="module")
def kernel(running_server: OpenRouterServer) -> Iterator[KernelUnderTest]:
    """A kernel in which cells ran before and after the extension was loaded."""
    settings = {
        "OPENROUTER_API_KEY": running_server.key,
        "STEPMAGIC_BASE_URL": running_server.url,
    }
    with running_kernel(**settings) as kernel:
        kernel.check(
            "from IPython.display import display, clear_output; display('early')"
        )
        kernel.check("%load_ext stepmagic\n%matplotlib inline")
        yield kernel


def ask(kernel: KernelUnderTest, server: OpenRouterServer, *cells: str) -> list[Any]:
    """Run cells, ask about them all, and return the parts of the question."""
    for cell in cells:
        kernel.run(cell)
    now = kernel.check("len(In)").shown[0]["text/plain"]
    last = int(now) - 2
    kernel.check(f"%%step --once --cells {last - len(cells) + 1}-{last}\nWhy?")
    content: Any = server.requests[-1].body["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"text": content}]


def told(parts: list[Any]) -> str:
    return "\n".join(part.get("text", "<image>") for part in parts)


def test_kernel_sends_what_its_cells_showed(
    kernel: KernelUnderTest, server: OpenRouterServer
) -> None:
    text = told(
        ask(
            kernel,
            server,
            "import sys; print('said'); print('warned', file=sys.stderr); 6 * 7",
            "display('shown', 'twice'); handle = display('old', display_id='h')",
            "handle.update('drawn anew')",
            "for n in range(9): clear_output(wait=True); display(f'step {n}')",
            "1 / 0",
        )
    )
    for word in ("said", "warned", "42", "'shown'", "'twice'", "'drawn anew'"):
        assert text.count(f"```\n{word}\n") == 1, word
    assert "```\n'old'" not in text
    assert "'step 8'" in text
    assert "'step 7'" not in text
    assert "ZeroDivisionError: division by zero" in text
    assert text.index("'twice'") < text.index("'drawn anew'") < text.index("'step 8'")


def test_kernel_sends_figures_with_the_cell_that_drew_them(
    kernel: KernelUnderTest, server: OpenRouterServer
) -> None:
    parts = ask(
        kernel,
        server,
        "import matplotlib.pyplot as plt; plt.plot([1, 3, 2]);",
        "'no figure'",
        PICTURE,
    )
    kinds = [part["type"] for part in parts]
    assert kinds.count("image_url") == 2
    labels = [part["text"] for part in parts if "[image" in part.get("text", "")]
    assert len(labels) == 2
    assert told(parts).index("plt.plot") < told(parts).index("<image>")
    assert told(parts).index("<image>") < told(parts).index("'no figure'")


def test_kernel_sends_an_earlier_answer_once(
    kernel: KernelUnderTest, server: OpenRouterServer
) -> None:
    server.enqueue(answer("**Forty-two.**"))
    text = told(ask(kernel, server, "%%step --once\nWhat is it?"))
    assert "What is it?" in text
    assert text.count("Forty-two.") == 1


def test_kernel_says_what_it_did_not_see(
    kernel: KernelUnderTest, server: OpenRouterServer
) -> None:
    ran = kernel.check("%%step --once --cells 1\nWhy?")
    said = str([bundle["text/plain"] for bundle in ran.shown])
    assert "What cell 1 displayed before %load_ext was not recorded." in said
    assert "'early'\n" not in str(server.requests[-1].body).replace("\\n", "\n")
