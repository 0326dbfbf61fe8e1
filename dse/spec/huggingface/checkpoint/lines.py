"""Problems of a `config.json` with the line of their key, under the name that the file has for it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError
from dse.reading import JSON_LIMIT, read_text
from dse.spec.huggingface.checkpoint.params_json import SAME, is_params
from dse.spec.huggingface.families import FAMILIES
from dse.spec.huggingface.wrappers import WRAPPERS

_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}]')
_KEYS: Final = re.compile(r"((?:[\w.-]+: )+)expected ")
"""Keys that a problem begins with."""
_BUILT: Final = re.compile(r"(?:blocks|draft_layers)\.[\w.]*: ")
"""How a problem begins that is found when the LLM is built of its sizes."""
_WORDS: Final = {
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_kv_heads", "multi_query_group_num"),
    "heads": ("num_attention_heads",),
    "top_k": ("num_experts_per_tok",),
    "count": ("num_experts",),
}
"""What an LLM YAML calls sizes, to the keys of a `config.json`; others are aliases of these."""
_EXPERTS: Final = ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts")

Keys = tuple[str, ...]


def located(error: SpecError, file: Path) -> SpecError:
    """The same problems, with lines where the file is one that can be read again and has the key."""
    try:
        text = read_text(file, JSON_LIMIT) if file.is_file() else ""
        data = json.loads(text)
    except (SpecError, ValueError, RecursionError):
        return error
    if not isinstance(data, dict):
        return error
    lines = dict(_lines(text))
    names, at = _names(data)
    return SpecError(_one(problem, str(file), lines, names, at) for problem in error.problems)


def _one(
    problem: Problem, file: str, lines: Mapping[Keys, int], names: Mapping[str, Sequence[str]], at: Keys
) -> Problem:
    """One problem, which begins with keys, or is of the sizes together."""
    inside = problem.where.removeprefix(file)
    if not problem.where.startswith(file) or (inside.startswith(":") and inside[1:2].isdigit()):
        return problem
    what = problem.what
    if built := _BUILT.match(what):
        return _of_sizes(problem, what[built.end() :], file, lines, names, at)
    found = _KEYS.match(what)
    if found is None:
        return problem
    said = found[1].removesuffix(": ")
    around = tuple(part for part in inside.strip(": ").split(": ") if part)
    *before, last = [*around, *(str(key) for key in re.split(r": |\.", said))]
    for name in (last, *names.get(last, ())):
        if (line := _line((*before, name), lines, at)) is not None:
            renamed = f"{found[1][: -len(last) - 2]}{name}: {what[found.end(1) :]}"
            return Problem(f"{file}:{line}{inside}", renamed, problem.key)
    return problem


def _of_sizes(
    problem: Problem,
    what: str,
    file: str,
    lines: Mapping[Keys, int],
    names: Mapping[str, Sequence[str]],
    at: Keys,
) -> Problem:
    """A problem of sizes together, in the keys of the file; as it was where the file lacks one of them."""
    line = None
    for word, keys in _WORDS.items():
        if not re.search(rf"\b{word}\b", what):
            continue
        candidates = (
            *keys,
            *(_EXPERTS if word == "count" else ()),
            *(n for k in keys for n in names.get(k, ())),
        )
        known = next(
            ((n, at_line) for n in candidates if (at_line := _line((n,), lines, at)) is not None), None
        )
        if known is None:
            return problem
        what = re.sub(rf"\b{word}\b", known[0], what)
        line = known[1] if line is None else line
    return problem if line is None else Problem(f"{file}:{line}", what, problem.key)


def _line(path: Keys, lines: Mapping[Keys, int], at: Keys) -> int | None:
    """Line of a key: of the language model, else of the file, else wherever it is alone."""
    for whole in ((*at, *path), path):
        if whole in lines:
            return lines[whole]
    found = [line for key, line in lines.items() if key[-len(path) :] == path]
    return found[0] if len(found) == 1 else None


def _names(data: Mapping[str, object]) -> tuple[Mapping[str, Sequence[str]], Keys]:
    """Other names of keys in this kind of file, and the keys that lead to its language model."""
    if is_params(data):
        found: dict[str, list[str]] = {}
        for old, new in SAME.items():
            found.setdefault(new, []).append(old)
        return found, ()
    kind = str(data.get("model_type"))
    at = WRAPPERS[kind].at if kind in WRAPPERS and WRAPPERS[kind].at[0] in data else ()
    inner: object = data
    for key in at:
        inner = inner.get(key) if isinstance(inner, dict) else None
    said = str(inner.get("model_type")) if isinstance(inner, dict) else ""
    said = WRAPPERS[kind].inside[0] if at and said not in FAMILIES else said
    aliases = FAMILIES[said].aliases if said in FAMILIES else {}
    return {key: [a for a, to in aliases.items() if to == key] for key in aliases.values()}, at


def _lines(text: str) -> Iterator[tuple[Keys, int]]:
    """Keys of a JSON text, with those that lead to them, and the line of each."""
    path: list[str] = []
    line, seen = 1, 0
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            path.append("")
        elif token[0] == "}":
            path.pop()
        elif token[2] is not None and path:
            line, seen = line + text.count("\n", seen, token.start()), token.start()
            path[-1] = json.loads(token[1])
            yield tuple(path), line
