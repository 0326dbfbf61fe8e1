"""`dse new`: a commented file to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import epilog, one_of
from dse.cli.input.output_paths import check_output_file
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_text
from dse.cli.terminal.tables import remark
from dse.errors import spec_error
from dse.front.files import write_files
from dse.spec.catalog.config_paths import OWN
from dse.spec.huggingface.naming import slug
from dse.spec.new_file.compose import NEW, NewFile, new_file

EPILOG = epilog(
    "dse new study my-study",
    "dse new chip my-chip",
    "dse new workload support-chat --configs configs-of-my-company",
    codes="0 done, 2 wrong input, such as a file that exists.",
)


def new(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", parser=one_of(*NEW, what="kind"), help=f"One of {', '.join(NEW)}."),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: a-z, 0-9, '.', '+' and '-'.")],
    configs: Annotated[
        Path, typer.Option("--configs", metavar="DIR", help="Folder of your own configs [my-configs].")
    ] = OWN,
) -> None:
    """Write a new study, chip, space, LLM, workload or traffic to edit.

    The file is valid as it is, and a comment explains each key. A study goes to studies/NAME/study.yaml,
    other kinds to the folder of their kind in --configs, where verbs find them by name with the same option.
    An existing file is never overwritten. The first line names a JSON Schema, which is written too: editors
    use it to complete keys and to mark mistakes.
    """
    with blame("NAME"):
        if slug(name) != name:
            raise spec_error("", f"expected a name such as {slug(name)!r}, got {name!r}")
    made = new_file(kind, name, configs)
    # refused here: `write_files` would replace it
    if made.path.exists():
        raise spec_error("NAME", f"expected a new name, got {name!r}: {made.path} exists")
    check_output_file("NAME", made.path)
    # both or none: the first line of the file names the schema
    write_files({made.schema_path: made.schema, made.path: made.text})
    # stdout has the path alone, for scripts; the hints go to stderr
    print_text(f"{made.path}\n")
    remark(f"Edit it, check it with: dse check {made.path}")
    remark(f"Use it with: {_use(kind, name, configs, made)}")


def _use(kind: str, name: str, configs: Path, made: NewFile) -> str:
    """A command that uses the new file."""
    chip, llm, workload = "h100", "llama3.3-70b", "chat"
    if kind == "study":
        return f"dse run {name}"
    if kind == "space":
        return f"space: {made.path} in a study"
    if kind == "traffic":
        return f"traffic: {name} in a workload"
    # the new file replaces the example of its kind
    chosen = {"chip": chip, "llm": llm, "workload": workload, kind: name}
    options = " ".join(f"--{key} {value}" for key, value in chosen.items())
    return f"dse estimate {options} --weights fp8 --configs {configs}"
