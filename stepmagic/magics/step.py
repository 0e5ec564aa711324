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

from stepmagic import ask, conversation
from stepmagic.attachments.notebook.host import Host
from stepmagic.magics.first_line import OPTIONS, Command, parse_command, with_type
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.schema.tools import Tool, find_tools
from stepmagic.server.options import least_able, with_tools
from stepmagic.session import session

if TYPE_CHECKING:
    from stepmagic.conversation.reply import Replies, Reply


def _documented(function: Any) -> Any:
    """Give a cell magic the options of the table, for ``%%step?`` to list."""
    for flags, details in reversed(OPTIONS):
        function = argument(*flags, **details)(function)
    return magic_arguments()(function)


def _bound(command: Command, reply: Reply | Replies) -> Any:
    """Return what a cell binds to its name: the reply, its text or its value."""
    if command.overrides.schema is not None:
        return reply.value
    return reply if command.target_type is None else reply.text


@magics_class
class StepMagics(Magics):
    """The magics of this package."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._host = Host(shell)

    @no_var_expand
    @cell_magic("step")
    @_documented
    def step_cell(self, line: str, cell: str) -> None:
        """Ask a model; its Markdown streams into the output.

        The first line may begin with `NAME <<` (binds the reply), `NAME: str <<` (its
        text) or `NAME: TYPE <<` (a value: list[int], a dataclass, a pydantic model, an
        enum, a JSON Schema). Options and attachments follow, in any order:

            df  fig  img[:100]         tables, figures, pictures, videos, functions
            df.query('x > 1')          an expression; it may call functions
            report.pdf  plots/*.png    files, globs
            https://host/plot.png      an address, which the server fetches

        --above sends the notebook so far: the cells above this one with their outputs,
        the nearest first, up to `%config StepMagic.above_tokens`. --cells 3-5 sends
        some of them.

        --tools f,g lets the model call functions of yours; see `stepmagic.tool?`.

        In the text, {{ name }} is replaced by a variable: a name, an item such as
        rows[0], a column such as {{ df.price }}; no calls.

            %%step df fig -e low
            Which month is the outlier in {{ df.columns[0] }}?

        `-e low,high` and `-m a,b` ask at once and show the answers side by side.
        `preview(df)` shows what is sent of a table, --dry-run the complete request.
        """
        command = self._read(line)
        if command.dry_run:
            self._show_request(command, cell)
            return
        dialogue, each = ask.prepare(
            command.each,
            command.conversation,
            once=command.once,
            new=command.new,
            tools=self._tools(command),
        )
        turns = tuple(dialogue.turns_before(self._host.cell))
        prompt = conversation.build_prompt(
            command.draft(cell, turns), least_able(each), self._host
        )
        reply = (
            ask.ask_each(prompt, dialogue, each)
            if len(each) > 1
            else ask.ask(prompt, dialogue, each[0])
        )
        if command.target is not None:
            self._host.push({command.target: _bound(command, reply)})

    @no_var_expand
    # IPython types line_magic as if it decorated a class.
    @line_magic("step")  # type: ignore[arg-type]
    def step_line(self, line: str) -> None:
        """Manage conversations, models and keys; without a word, show the status.

        %step                    status
        %step key [forget]       enter the API key, hidden
        %step model [NAME]       list the models, or choose one; `local` is embedded
        %step new                start the conversation afresh
        %step undo [N]           go back by a turn, or by several
        %step redo               restore what was undone last
        %step continue           continue an answer that broke off
        %step code [N]           put code block N of the last answer into a new cell
        %step fix                ask what is wrong with the cell that failed last
        %step use [NAME]         list the branches, switch to one, or name a new one
        %step use 2              keep the second of the answers side by side
        %step history            the conversation so far
        %step save FILE          write it to FILE: .json to load, .md .ipynb to read
        %step load [FILE]        restore this notebook's after a restart, or a file's
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
        return with_type(command, self._host.namespace)

    def _tools(self, command: Command) -> tuple[Tool, ...]:
        """Return the functions that the first line names."""
        if not command.tools:
            return ()
        return find_tools(command.tools, self._host.namespace)

    def _show_request(self, command: Command, cell: str) -> None:
        here = session()
        named = here.conversations.get(command.conversation or here.current)
        fresh = command.new or command.once or named is None
        dialogue = named or here.conversation
        tools = self._tools(command)
        each = [with_tools(here.options(dialogue, one), tools) for one in command.each]
        running = self._host.cell
        turns = () if fresh else tuple(dialogue.turns_before(running))
        prompt = conversation.build_prompt(
            command.draft(cell, turns), least_able(each), self._host
        )
        for options in each:
            display(
                conversation.make_dry_run(
                    dialogue, prompt, options, fresh=fresh, cell=running
                )
            )
