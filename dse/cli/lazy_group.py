"""The group of verbs: its help is a table, and a verb's module is imported when the verb is called."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Protocol, cast

import typer
from typer.core import TyperCommand, TyperGroup

from dse.cli.terminal.global_options import with_global_options
from dse.cli.terminal.guard import guard
from dse.cli.terminal.option_groups import with_groups
from dse.cli.terminal.usage import name_of, problem_of, refuse, takes_one
from dse.errors import Problem, unknown
from dse.search.run.interrupt import held_back
from dse.text import short


@dataclass(frozen=True)
class Verb:
    """Where a verb is written, and the sentence of the group's help, which its own help begins with."""

    module: str
    summary: str


VERBS = {
    "run": Verb("dse.cli.verbs.studies.run", "Search for the best chips of a study, or continue the search."),
    "worker": Verb(
        "dse.cli.verbs.studies.worker", "Add one process to a study that several processes search."
    ),
    "serve-storage": Verb(
        "dse.cli.verbs.studies.serve_storage", "Give many workers access to a database through one server."
    ),
    "sweep": Verb(
        "dse.cli.verbs.studies.sweep", "Evaluate every chip and deployment of a grid; the front is exact."
    ),
    "front": Verb(
        "dse.cli.verbs.studies.front", "Show the front of a study and the best design at each target."
    ),
    "plot": Verb("dse.cli.verbs.studies.plot", "Draw one picture of the results of a study."),
    "report": Verb("dse.cli.verbs.studies.report", "Write one HTML page with the results of a study."),
    "view": Verb("dse.cli.verbs.studies.view", "Show studies in a browser while they run and afterwards."),
    "estimate": Verb(
        "dse.cli.verbs.chips.estimate", "Estimate speed and cost of one chip that serves one LLM."
    ),
    "simulate": Verb(
        "dse.cli.verbs.chips.simulate", "Serve requests one by one with the scheduler of a design."
    ),
    "fleet": Verb(
        "dse.cli.verbs.chips.fleet", "Size a fleet for a load: how many chips, which layout, what a month."
    ),
    "chip": Verb(
        "dse.cli.verbs.chips.chip", "Derive die, cost, price and power of a chip from its specification."
    ),
    "compare": Verb("dse.cli.verbs.chips.compare", "Compare chips at equal latency targets."),
    "explain": Verb(
        "dse.cli.verbs.chips.explain", "Explain one design of a front: time, cost, neighbours and sources."
    ),
    "propose": Verb(
        "dse.cli.verbs.chips.propose", "Propose the chip to build for a target, as a file and a datasheet."
    ),
    "breakeven": Verb(
        "dse.cli.verbs.chips.breakeven", "Find the values of assumptions at which another kind of chip wins."
    ),
    "catalog": Verb(
        "dse.cli.verbs.data.catalog", "List chips, LLMs and everything else that is defined, with sources."
    ),
    "new": Verb(
        "dse.cli.verbs.data.new", "Write a new study, chip, space, LLM, workload or traffic to edit."
    ),
    "schema": Verb("dse.cli.verbs.data.schema", "Print the JSON Schema of one kind of file."),
    "check": Verb("dse.cli.verbs.data.check", "Check YAML files and report all problems with file and line."),
    "validate": Verb(
        "dse.cli.verbs.data.validate", "Compare published measurements, or your own, with the model."
    ),
    "calibrate": Verb(
        "dse.cli.verbs.data.calibrate", "Fit a stack profile to measured rows, with error bars."
    ),
    "import": Verb(
        "dse.cli.verbs.data.import_", "Write an LLM file from the config.json of a Hugging Face checkpoint."
    ),
    "bench": Verb(
        "dse.cli.verbs.data.bench", "Measure how many design points per second this machine evaluates."
    ),
}
"""Verbs by name, in the order of the help."""


class _Formatter(Protocol):
    """What is used of click's formatter of help."""

    def section(self, name: str) -> AbstractContextManager[None]: ...

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class LazyGroup(TyperGroup):
    """A group that knows its verbs by name and imports the one that is called."""

    def parse_args(self, ctx: object, args: list[str]) -> list[str]:
        """Parse what comes before the verb, or print the problem and exit."""
        context = cast(typer.Context, ctx)
        try:
            # a copy: the parser consumes its list, which is read again below
            return super().parse_args(context, list(args))
        except typer.TyperException as error:
            # `dse` alone prints its help, which click raises as an error
            if not args:
                raise
            refuse(context.command_path, args, [problem_of(error, self.get_params(context))])

    def list_commands(self, _ctx: object) -> list[str]:
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, _ctx: object, cmd_name: str) -> TyperCommand | None:
        """The verb `cmd_name`; where there is none, the nearest names are printed and the program ends."""
        if cmd_name not in VERBS:
            if cmd_name.startswith("-"):
                # click words its own error for an unknown option
                return None
            refuse("dse", sys.argv, [Problem("VERB", unknown("verb", cmd_name, VERBS))])
        # a package may be missing; an interrupt waits, for some make it an error of their own
        with guard(), held_back():
            return _command(cmd_name)

    def format_commands(self, _ctx: object, formatter: _Formatter) -> None:
        """Write the table of verbs into the help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


class _Command(TyperCommand):
    """A verb that refuses a wrong command line with all its problems."""

    def parse_args(self, ctx: object, args: list[str]) -> list[str]:
        """Parse, or print every problem and exit."""
        # object above, because the type that click has for a context is private to typer
        context = cast(typer.Context, ctx)
        try:
            # a copy: the parser consumes its list, and `_problems` reads it again
            rest = super().parse_args(context, list(args))
            twice = self._repeated(context, args)
        except typer.TyperException as error:
            refuse(context.command_path, args, self._problems(context, args, error))
        if twice:
            refuse(context.command_path, args, twice)
        return rest

    def _repeated(self, context: typer.Context, args: list[str]) -> list[Problem]:
        """Options of one value that are there twice, of which the parser would keep the last in silence."""
        order = self.make_parser(context).parse_args(args=list(args))[2]
        counts = Counter(id(parameter) for parameter in order)
        return [
            Problem(name_of(parameter), f"expected once, got {counts[id(parameter)]} times")
            for parameter in self.get_params(context)
            if counts[id(parameter)] > 1 and takes_one(parameter)
        ]

    def _problems(
        self, context: typer.Context, args: list[str], first: typer.TyperException
    ) -> list[Problem]:
        """Those of all parameters: click itself stops at the first."""
        parameters = self.get_params(context)
        try:
            values, rest, _ = self.make_parser(context).parse_args(args=list(args))
        except typer.TyperException:
            # the line cannot be split into options, so nothing is known of the others
            return [problem_of(first, parameters)]
        found = []
        for parameter in parameters:
            try:
                _, rest = parameter.handle_parse_result(context, values, rest)
            except typer.TyperException as error:
                found.append(problem_of(error, parameters))
        if rest:
            found.append(
                Problem(
                    context.command_path,
                    f"expected no further argument, got {' '.join(map(short, rest[:10]))}",
                )
            )
        return found or [problem_of(first, parameters)]


def _command(name: str) -> TyperCommand:
    """The command of a verb: the function called as its module, inside the guard."""
    module = import_module(VERBS[name].module)
    verb = getattr(module, module.__name__.rpartition(".")[2])
    # the guard words all errors, so typer's tracebacks and markup are off
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    # a missing argument is named, see `_Command`, instead of the whole help
    app.command(name, cls=_Command, epilog=module.EPILOG, no_args_is_help=False)(
        # global options are outside, because the guard prints by them
        with_global_options(with_groups(_guarded(verb)))
    )
    # for a single command typer returns it, without a group around it
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"expected one command, got {command!r}")
    return command


def _guarded(verb: Callable[..., None]) -> Callable[..., None]:
    @wraps(verb)
    def call(**options: object) -> None:
        with guard():
            verb(**options)

    return call
