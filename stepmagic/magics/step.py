"""``%%step`` and ``%step``: the glue between IPython and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from stepmagic.attachments.notebook.host import Host
from stepmagic.magics.first_line import OPTIONS, Command, parse_command
from stepmagic.magics.subcommands import run_subcommand

if TYPE_CHECKING:
    from stepmagic.conversation.reply import Replies, Reply


def _documented(function: Any) -> Any:
    """Give a cell magic the options of the table, for ``%%step?`` to list."""
    for flags, details in reversed(OPTIONS):
        function = argument(*flags, **details)(function)
    return magic_arguments()(function)


def _bound(command: Command, reply: Reply | Replies) -> Any:
    """Return what a cell binds: the value or the text of a reply, or all of it."""
    if command.overrides.schema is not None:
        return reply.value
    return reply if command.target_type is None else reply.text


@magics_class
class StepMagics(Magics):
    """The magics of this package."""

    def __init__(self, shell: InteractiveShell) -> None:
        """Serve a shell."""
        super().__init__(shell)
        self._host = Host(shell)

    @no_var_expand
    @cell_magic("step")
    @_documented
    def step_cell(self, line: str, cell: str) -> None:
        """Ask a model; its Markdown streams into the output.

        The first line may begin with `NAME <<` (binds the reply), `NAME: str <<` (its
        text) or `NAME: TYPE <<` (a value: list[int], a dataclass, a pydantic model, an
        enum, a JSON Schema). Options and what to send follow, in any order:

            df  fig  img[:100]         tables, figures, pictures, videos, functions
            df.query('x > 1')          an expression; it may call functions
            report.pdf  plots/*.png    files, globs
            https://host/plot.png      an address, which is passed on

        --tools f,g lets the model call functions of yours; `stepmagic.tool` says how.

        In the text, {{ name }} puts a variable where it stands: a name, an item such
        as rows[0], a column such as {{ df.price }}; no calls.

            %%step df fig -e low
            Which month is the outlier in {{ df.columns[0] }}?

        `-e low,high` and `-m a,b` ask at once and show the answers side by side.
        `preview(df)` shows what a table is sent as, --dry-run the whole request.
        """
        # Loaded with the first cell.
        from stepmagic.ask.comparison import ask_each  # noqa: PLC0415
        from stepmagic.ask.single import ask, prepare  # noqa: PLC0415
        from stepmagic.conversation.prompt import build_prompt  # noqa: PLC0415
        from stepmagic.schema.tools import find_tools  # noqa: PLC0415
        from stepmagic.server.options import least_able  # noqa: PLC0415

        command = self._read(line)
        if command.dry_run:
            self._show_request(command, cell)
            return
        talk, each = prepare(
            command.each,
            command.conversation,
            once=command.once,
            new=command.new,
            tools=find_tools(command.tools, self._host.namespace),
        )
        prompt = build_prompt(command.draft(cell), least_able(each), self._host)
        reply = ask_each(prompt, talk, each) if each[1:] else ask(prompt, talk, each[0])
        if command.target is not None:
            self._host.push({command.target: _bound(command, reply)})

    @no_var_expand
    # IPython types line_magic as if it decorated a class.
    @line_magic("step")  # type: ignore[arg-type]
    def step_line(self, line: str) -> None:
        """Look after conversations, models and keys; alone, show where things stand.

        %step                    status
        %step key [forget]       enter the API key, unseen
        %step model [NAME]       list the models, or choose one; `local` is embedded
        %step new                start the conversation afresh
        %step undo [N]           go back by a turn, or by several
        %step redo               bring back what was undone last
        %step continue           go on with an answer that broke off
        %step code [N]           put code block N of the last answer into a new cell
        %step fix                ask what is wrong with the cell that failed last
        %step use [NAME]         list the branches, switch to one, or name a new one
        %step use 2              keep the second of the answers side by side
        %step history            the conversation so far
        %step save FILE          write it to FILE: .json to load, .md .ipynb to read
        %step load [FILE]        bring back this notebook's after a restart, or a file's
        %step panel [NAME]       open the chat panel of this conversation, or of NAME
        %step cassette [FILE] [MODE]    record answers, replay them without a key
        """
        shown = run_subcommand(line)
        if isinstance(shown, str):
            print(shown)  # noqa: T201 - the answer of a line magic
        elif shown is not None:
            display(shown)

    def _read(self, line: str) -> Command:
        command = parse_command(line)
        if command.target_type is None:
            return command
        # Loaded with the first type.
        from stepmagic.magics.first_line import with_type  # noqa: PLC0415

        return with_type(command, self._host.namespace)

    def _show_request(self, command: Command, cell: str) -> None:
        # Loaded when asked for.
        from stepmagic.conversation.dry_run import dry_run  # noqa: PLC0415
        from stepmagic.conversation.prompt import build_prompt  # noqa: PLC0415
        from stepmagic.schema.tools import find_tools  # noqa: PLC0415
        from stepmagic.server.options import least_able, with_tools  # noqa: PLC0415
        from stepmagic.session import session  # noqa: PLC0415

        here = session()
        talk = here.conversations.get(command.conversation or here.current)
        fresh = command.new or command.once or talk is None
        talk = talk or here.conversation
        tools = find_tools(command.tools, self._host.namespace)
        each = [with_tools(here.options(talk, one), tools) for one in command.each]
        prompt = build_prompt(command.draft(cell), least_able(each), self._host)
        asking = self._host.cell
        for options in each:
            display(dry_run(talk, prompt, options, fresh=fresh, cell=asking))
