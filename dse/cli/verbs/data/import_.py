"""`dse import`: an LLM YAML from a Hugging Face `config.json`."""

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import epilog, format_option
from dse.cli.input.output_paths import check_output_file
from dse.cli.show_data.imported_llm import imported_dict, say_imported
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_json, print_text
from dse.cli.terminal.tables import remark
from dse.errors import spec_error
from dse.front.files import write_files
from dse.spec.huggingface.config import import_llm, types
from dse.spec.huggingface.naming import slug

EPILOG = epilog(
    "dse import Qwen3-32B/config.json -o my-configs/llms/qwen3-32b.yaml",
    "dse import config.json --name my-llm > my-llm.yaml",
    "dse import Kimi-K2.5 --format json --quiet",
    codes="0 done, 2 wrong input, such as an unsupported model_type or a file of --output that exists.",
)


def _types(wanted: bool) -> None:
    if wanted:
        print_text("".join(f"{name}\n" for name in types()))
        raise typer.Exit


def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="config.json or params.json of a checkpoint, or its folder."),
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
    form: Annotated[
        str,
        format_option("yaml", "json", text="Output: yaml (the LLM file), or json with all that was counted."),
    ] = "yaml",
    _listed: Annotated[
        bool,
        typer.Option(
            "--types",
            help="List every model_type that is understood, and exit.",
            is_eager=True,
            callback=_types,
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file of --output if it exists.")
    ] = False,
) -> None:
    """Write an LLM file from the config.json of a Hugging Face checkpoint.

    Supports decoders with softmax, latent and linear attention, Mamba, short convolutions, an FFN or experts,
    and decoders that attend to an encoder of text, sound or pictures. Anything else is refused with its name
    and the reason: the model_type, the class, the kind of a layer, and every key that may change sizes. Keeps
    the longest context and the formats of the weights: dtype, quantization_config, or hf_quant_config.json in
    the same folder. Downloads nothing. Prints parameters, active ones, KV cache a token, and keys that were
    read or ignored; compare the counts with the model card.
    """
    called = _name(output, name)
    check_output_file("--output", output)
    # `write_files` would replace it, and it may have been edited
    if output is not None and output.exists() and not force:
        raise spec_error(
            "--output", f"expected a new file, got {str(output)!r}, which exists; --force replaces it"
        )
    if not file.exists():
        hint = "nothing is downloaded: save the config.json of the checkpoint, and give its path"
        raise spec_error(
            "FILE", f"expected a file or a folder, got {str(file)!r}, which does not exist; {hint}"
        )
    found = import_llm(file, called)
    if output is not None:
        write_files({output: found.text})
    if form == "json":
        print_json(imported_dict(found))
    elif output is None:
        # the text ends with a line break already
        print_text(found.text)
    # on stderr, because stdout may get the YAML
    say_imported(found)
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
            such = output.with_name(f"{slug(output.stem)}.yaml")
            hint = "names of LLMs have small letters, digits and . + -"
            raise spec_error("", f"expected a file such as {such}, got {str(output)!r}; {hint}")
    # the catalog finds a file by its name and refuses one whose LLM has another
    if name is not None and slug(name) != output.stem:
        raise spec_error("--name", f"expected {output.stem!r} as the file is called, got {name!r}")
    return name or output.stem
