"""Files of a checkpoint: the one with its sizes, and the one that says how it is quantised."""

from collections.abc import Mapping
from pathlib import Path

from dse.errors import spec_error
from dse.spec.huggingface.json_file import read_json


def config_in(path: Path) -> Path:
    """The file itself, or `config.json` of a folder, else its `params.json`."""
    if not path.is_dir():
        return path
    file, other = path / "config.json", path / "params.json"
    return other if other.exists() and not file.exists() else file


def beside(file: Path) -> Mapping[str, object] | None:
    """Keys of the `hf_quant_config.json` in the folder of a `config.json`; None where there is none."""
    if not file.name.endswith("config.json"):
        return None
    other = file.with_name(f"{file.name.removesuffix('config.json')}hf_quant_config.json")
    if not other.is_file():
        return None
    data = read_json(other)
    if not isinstance(data, dict):
        raise spec_error(f"{other}:1", f"expected keys, got a {type(data).__name__}")
    return data
