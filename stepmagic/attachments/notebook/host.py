"""The IPython shell that runs the user's cells, and the front end behind it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stepmagic.attachments.notebook.outputs import Outputs
from stepmagic.errors import Interrupted, StepError
from stepmagic.transcript import Cell

_OURS = (StepError, Interrupted)
_YES = ("y", "yes")


class Host:
    """The IPython shell, as far as this package uses it.

    A plain script has a host as well, one without a shell: it has no names, no cells
    and no front end, and what is pushed to it is dropped.

    IPython's own objects are untyped and differ from version to version; everything
    that is read from them is read here.

    Args:
        shell: The running ``InteractiveShell``; None in a plain script.
    """

    __slots__ = ("_shell",)

    def __init__(self, shell: Any = None) -> None:
        self._shell = shell

    @classmethod
    def find(cls) -> Host:
        """Return the host of this process."""
        ipython = sys.modules.get("IPython")
        return cls(ipython.get_ipython() if ipython is not None else None)

    @property
    def has_shell(self) -> bool:
        """Whether there is an IPython shell."""
        return self._shell is not None

    @property
    def has_kernel(self) -> bool:
        """Whether output goes to a front end over the Jupyter protocol."""
        return getattr(self._shell, "kernel", None) is not None

    # The request: what the front end sent to have the current cell run.

    @property
    def request(self) -> Mapping[str, Any]:
        """The message that runs the current cell; empty without a kernel."""
        if not self.has_kernel:
            return {}
        request = self._shell.get_parent()
        return request if isinstance(request, Mapping) else {}

    @property
    def cell(self) -> Cell | None:
        """The cell that is running; None if the front end does not name it.

        JupyterLab, Notebook 7 and VS Code send ``cellId`` in the metadata of the
        execute request; nbclient, nbval and terminals do not.
        """
        request = self.request
        cell_id = request.get("metadata", {}).get("cellId")
        if not cell_id:
            return None
        return Cell(id=str(cell_id), execution=str(request["header"]["msg_id"]))

    @property
    def cell_number(self) -> int:
        """The number of the running cell, as in ``In [3]``; 0 without a shell.

        In newer IPython ``execution_count`` is one more while a cell runs; the prompt's
        count never is.
        """
        if self._shell is None:
            return 0
        number: int = self._shell.displayhook.prompt_count
        return number

    @property
    def execution(self) -> object:
        """A value that differs between any two executions of cells."""
        message = self.request.get("header", {}).get("msg_id")
        return message or getattr(self._shell, "execution_count", None)

    @property
    def is_lab(self) -> bool:
        """Whether JupyterLab or Notebook 7 runs the current cell.

        Only they list the deleted cells, in the metadata of the request.
        """
        return "deletedCells" in self.request.get("metadata", {})

    @property
    def allows_input(self) -> bool | None:
        """Whether the front end answers ``input()``; None if it is not known."""
        allowed = self.request.get("content", {}).get("allow_stdin")
        return None if allowed is None else bool(allowed)

    @property
    def can_ask(self) -> bool:
        """Whether the user can answer a question: in a front end or a terminal."""
        if self._shell is None:
            return False
        if self.has_kernel:
            return bool(self.allows_input)
        return sys.stdin.isatty()

    @staticmethod
    def confirm(question: str) -> bool:
        """Ask the user; any answer except yes means no."""
        try:
            return input(question).strip().lower() in _YES
        except (EOFError, NotImplementedError):
            return False

    @contextmanager
    def showing_for(self, request: Mapping[str, Any]) -> Iterator[None]:
        """Display into the output of a request's cell, even after its end."""
        self._shell.display_pub.set_parent(request)
        try:
            yield
        finally:
            self._shell.display_pub.set_parent(self.request)

    def publish(
        self, bundle: Mapping[str, Any], *, display_id: str, update: bool = False
    ) -> None:
        """Display a MIME bundle, or replace the one that has the display id."""
        self._shell.display_pub.publish(
            data=dict(bundle),
            metadata={},
            transient={"display_id": display_id},
            update=update,
        )

    # The user's names.

    @property
    def namespace(self) -> dict[str, Any]:
        """The user's variables by name; empty without a shell."""
        return {} if self._shell is None else self._shell.user_ns

    @property
    def names(self) -> list[str]:
        """The names that the user defined, except for private ones, in order."""
        if self._shell is None:
            return []
        hidden = self._shell.user_ns_hidden
        return [
            name
            for name in list(self._shell.user_ns)
            if not name.startswith("_") and name not in hidden
        ]

    def push(self, values: Mapping[str, Any]) -> None:
        """Bind names in the user's namespace."""
        if self._shell is not None:
            self._shell.push(dict(values))

    # Cells: the next one, and those that ran.

    @property
    def takes_next_cell(self) -> bool:
        """Whether code can be offered to the user as the next cell.

        A front end that takes no input, such as nbclient, drops it.
        """
        if self._shell is None:
            return False
        return not self.has_kernel or bool(self.allows_input)

    def offer_cell(self, source: str) -> None:
        """Put code into a new cell; nothing runs it."""
        self._shell.set_next_input(source)

    def on(self, event: str, callback: Callable[..., None]) -> None:
        """Register a callback for an IPython event, such as ``post_run_cell``."""
        self._shell.events.register(event, callback)

    def off(self, event: str, callback: Callable[..., None]) -> None:
        """Unregister a callback that ``on`` registered."""
        self._shell.events.unregister(event, callback)

    @property
    def history(self) -> Any:
        """IPython's ``HistoryManager``: sources, values and, in IPython 9, outputs."""
        return self._shell.history_manager

    @property
    def records_displays(self) -> bool:
        """Whether displays go to a front end, through hooks that can record them."""
        return hasattr(self._shell.display_pub, "register_hook")

    def record_outputs(self) -> None:
        """Start to record what cells display, once for each shell.

        In a terminal, IPython records it.
        """
        if not self.records_displays or self._outputs is not None:
            return
        outputs = Outputs(
            self.cell_number, lambda number: sum(map(len, self.printed(number)))
        )
        # IPython's place for the state of extensions.
        self._shell.meta.stepmagic_outputs = outputs
        outputs.begin(self.cell_number, self.cell)
        self.on("pre_run_cell", lambda *_: outputs.begin(self.cell_number, self.cell))
        self._shell.display_pub.register_hook(outputs.take)

    def displayed(self, number: int) -> list[dict[str, str]] | None:
        """Return the bundles that a cell displayed; None if they were not recorded."""
        outputs = self._outputs
        if outputs is None or number < outputs.first:
            return None
        return outputs.of(number)

    def printed(self, number: int) -> Iterator[str]:
        """Yield what a cell printed, in pieces; only IPython 9 records it."""
        for output in getattr(self.history, "outputs", {}).get(number, ()):
            if "stream" in output.bundle:
                yield from output.bundle["stream"]

    @property
    def cells_ran(self) -> Mapping[int, Cell]:
        """The cells that the front end named since ``%load_ext``, by their numbers."""
        outputs = self._outputs
        return {} if outputs is None else outputs.ran

    def cleared(self, number: int) -> int:
        """Return how many characters that a cell printed were cleared again."""
        outputs = self._outputs
        return 0 if outputs is None else outputs.cleared(number)

    @property
    def _outputs(self) -> Outputs | None:
        outputs: Outputs | None = self._meta.get("stepmagic_outputs")
        return outputs

    def record_errors(self) -> None:
        """Start to record the errors of cells and of the threads that they start."""
        meta = self._shell.meta

        def note(result: Any) -> None:
            error = result.error_before_exec or result.error_in_exec
            if error is not None and not isinstance(error, _OURS):
                meta.stepmagic_error = error
                meta.stepmagic_thread_error = None

        def note_thread(args: Any) -> None:
            if args.exc_value is not None and not isinstance(args.exc_value, _OURS):
                meta.stepmagic_thread_error = args.exc_value
            show(args)

        show = threading.excepthook
        threading.excepthook = note_thread
        self.on("post_run_cell", note)

    @property
    def last_error(self) -> BaseException | None:
        """The last error of a cell or its thread, except for those of this package."""
        error: BaseException | None = self._meta.get("stepmagic_thread_error")
        if error is not None:
            return error
        error = getattr(sys, "last_value", None)
        if error is None or isinstance(error, _OURS):
            error = self._meta.get("stepmagic_error")
        return error

    @property
    def _meta(self) -> Any:
        return getattr(self._shell, "meta", {})


class DrawnTurns:
    """The turns that the running cell has drawn while they were received."""

    def __init__(self) -> None:
        self._execution: object = None
        self._ids: set[str] = set()

    def add(self, host: Host, turn_id: str) -> None:
        """Note that this execution of the cell has drawn a turn."""
        if host.execution != self._execution:
            self._execution, self._ids = host.execution, set()
        self._ids.add(turn_id)

    def has_all(self, host: Host, turn_ids: Iterable[str]) -> bool:
        """Whether this execution of the cell has drawn each of these turns."""
        return host.execution == self._execution and self._ids.issuperset(turn_ids)
