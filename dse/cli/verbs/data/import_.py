"""`dse import`: an LLM YAML from a Hugging Face `config.json`."""

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import epilog
from dse.cli.input.output_paths import check_output_file
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_text
from dse.cli.terminal.tables import remark
from dse.errors import spec_error
from dse.front.files import write_files
from dse.spec.huggingface.config import import_llm
from dse.spec.huggingface.naming import slug

EPILOG = epilog(
    "dse import Qwen3-32B/config.json -o my-configs/llms/qwen3-32b.yaml",
    "dse import config.json --name my-llm > my-llm.yaml",
    codes="0 done, 2 wrong input, such as an unsupported model_type.",
)


def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="config.json of a checkpoint, or the folder that contains it."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.yaml",
            help="YAML file to write; its name is the name of the LLM [default: stdout].",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the LLM [default: as --output, FILE or its folder]."),
    ] = None,
) -> None:
    """Write an LLM file from the config.json of a Hugging Face checkpoint.

    Supports decoders with softmax, latent and linear attention, Mamba, short convolutions, an FFN or experts.
    Anything else is refused with its name and the reason: the model_type, the class, the kind of a layer, and
    every key that may change sizes. The longest context of the file is kept. Parameters are counted; compare
    the count with the model card.
    """
    called = _name(output, name)
    check_output_file("--output", output)
    found = import_llm(file, called)
    if output is None:
        # the text ends with a line break already
        print_text(found.text)
    else:
        write_files({output: found.text})
    layers = sum(block.count for block in found.spec.blocks)
    # on stderr, because stdout may get the YAML
    remark(f"{found.spec.name}: {layers} layers, {found.params:,} parameters")
    if output is not None:
        remark(f"Written: {output}")


import_.__name__ = "import"  # the verb, which Python keeps for itself


def _name(output: Path | None, name: str | None) -> str | None:
    """The name of the LLM, which is that of its file."""
    if output is None:
        return name
    with blame("--output"):
        # the LLM has the name of its file, so the file has only letters that a name may have
        if output.suffix != ".yaml" or slug(output.stem) != output.stem:
            raise spec_error("", f"expected a file such as {slug(output.stem)}.yaml, got {str(output)!r}")
    # the catalog finds a file by its name and refuses one whose LLM has another
    if name is not None and slug(name) != output.stem:
        raise spec_error("--name", f"expected {output.stem!r} as the file is called, got {name!r}")
    return name or output.stem
