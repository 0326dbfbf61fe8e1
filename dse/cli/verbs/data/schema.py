"""`dse schema`: JSON Schemas of the files, for editors and other programs."""

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import epilog, one_of
from dse.cli.input.output_paths import check_output_file
from dse.front.files import write_files
from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.generate import schema_text

EPILOG = epilog(
    "dse schema chip",
    "dse schema study -o studies/schemas/study.json",
    codes="0 done, 2 wrong input.",
)


def schema(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", parser=one_of(*SPECS, what="kind"), help=f"{', '.join(SPECS)}.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="File to write [stdout].")
    ] = None,
) -> None:
    """Print the JSON Schema of one kind of file.

    An editor with a YAML language server reads it where the first line of a file is
    `# yaml-language-server: $schema=PATH`. `dse new` writes both.
    """
    check_output_file("--output", output)
    if output is None:
        # the text ends with a line break already
        typer.echo(schema_text(kind), nl=False)
    else:
        write_files({output: schema_text(kind)})
