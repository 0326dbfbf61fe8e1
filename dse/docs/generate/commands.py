"""The page of all commands, from the command line itself."""

from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from dse.cli.main import app
from dse.docs.generate.tables import code, table


def commands_page() -> str:
    """Every verb with its arguments, options and examples."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = typer.Context(group, info_name="dse")
    lines = ["# Commands", "", "`dse VERB --help` prints the same.", ""]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperCommand):
            lines += _verb(name, command, typer.Context(command, info_name=name, parent=context))
    return "\n".join(lines)


def _verb(name: str, command: TyperCommand, context: typer.Context) -> Iterator[str]:
    """The section of one verb: usage, help, options."""
    yield from (f"## `dse {name}`", "")
    yield from (_paragraphs(command.help or ""), "")
    yield from ("```text", " ".join(["dse", name, *command.collect_usage_pieces(context)]), "```", "")
    records = [found for p in command.get_params(context) if (found := p.get_help_record(context))]
    yield from table(("option", "what it does"), [(code(names), words) for names, words in records])
    yield ""
    # \b is Click's mark of lines that it must not wrap; a page would show it
    examples, _, codes = (command.epilog or "").replace("\b\n", "").partition("\n\n")
    if examples:
        # without the heading `Examples:`
        shown = [line.strip() for line in examples.splitlines()[1:]]
        yield from ("```text", *shown, "```", "")
    yield from (codes, "")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
