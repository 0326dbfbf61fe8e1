"""Every key of every config.json here, changed one at a time: no key is lost and no size changes in silence.

Each key gets another value of its type, is left out, is null, and gets values of wrong types. The import
then says another LLM, or lists the key as ignored with a reason, or names it as left out with what that
means, or refuses it by its name.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.cli.show_data import imported_llm
from dse.errors import SpecError
from dse.spec.huggingface import config as importer
from dse.spec.huggingface.config import Imported, import_llm
from dse.spec.huggingface.families import FAMILIES
from dse.spec.huggingface.keys import CONTEXTS, SECTIONS, TYPES
from dse.spec.huggingface.quantisation import formats as forms
from dse.spec.huggingface.quantisation.modules import Patterns
from dse.spec.huggingface.wrappers import WRAPPERS

HERE = Path(__file__).parent
FILES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((HERE / "hf").glob("*.json"))
    if path.stem != "others"
}
for _path in (HERE / "hf" / "others.json", *sorted((HERE / "hf_recent").glob("*.json"))):
    FILES |= json.loads(_path.read_text(encoding="utf-8"))
"""Name of an LLM to its keys."""

_NO_LAYER = "max_window_layers is the number of layers, so none slides"
_NO_WINDOW = "sliding_window is null, so none slides"
_LAST = "Transformers makes the last layer full, whatever the list says"
_DRAFT = "the last entries are of layers for multi-token prediction"
_SMALL = "the last name is of a module that is too small for a format of its own"
_NEAR = "the width is rounded up to the same multiple"
EXCUSES: dict[str, dict[str, str]] = {
    "qwen3-32b": {"use_sliding_window": _NO_LAYER},
    "qwen2-72b": {"use_sliding_window": _NO_LAYER},
    "qwen2-7b": {"use_sliding_window": _NO_LAYER},
    "qwen2.5-vl-7b": {"use_sliding_window": _NO_LAYER},
    "dots1-142b": {"max_window_layers": _NO_LAYER},
    "sdar-1.7b": {"use_sliding_window": _NO_WINDOW},
    "sdar-8b": {"use_sliding_window": _NO_WINDOW},
    "dream-7b": {"use_sliding_window": _NO_WINDOW},
    "fast-dllm-v2-1.5b": {"use_sliding_window": _NO_WINDOW},
    "diffusiongemma-26b-a4b": {"text_config.layer_types": _LAST},
    "zamba-7b": {"attn_layer_offset": "as many layers use the block"},
    "gemma-4-26b-a4b": {"text_config.layer_types": _LAST},
    "gemma-4-31b": {"text_config.layer_types": _LAST},
    "deepseek-v4-flash": {"compress_ratios": _DRAFT},
    "deepseek-v4-pro": {"compress_ratios": _DRAFT},
    "step-3.5-flash": {"layer_types": _DRAFT},
    "gpt-oss-120b": {"quantization_config.modules_to_not_convert": _SMALL},
    "minimax-m2.5": {"quantization_config.modules_to_not_convert": _SMALL},
    "lfm2-1.2b": {"block_ff_dim": _NEAR, "block_multiple_of": _NEAR},
    "laguna-33b": {"num_attention_heads": "the heads of each layer are listed"},
    "ernie-4.5-300b-a47b": {"moe_layer_end_index": "a layer after the last, or -1, is the last"},
    "hunyuan-a13b": {"num_shared_expert": "one number is a list of equal ones"},
    "mimo-v2-flash-309b": {"n_shared_experts": "0 is as many as null"},
    "kimi-k2.5": {
        "text_config.quantization_config.config_groups.group_0.weights.group_size": "-1 is a whole row",
        "text_config.quantization_config.config_groups.group_0.weights.num_bits": "a remark says the bits",
    },
    "nemotron-super-49b": {
        f"block_configs.{layer}.attention.{key}": "0 is as null: no tokens, or false"
        for layer in (0, 79)
        for key in ("num_sink_tokens", "sparsify", "unshifted_sink", "use_prefill_window_in_sink_attention")
    },
}
"""Name of an LLM to keys that may be silent there, and why."""

CALLED = {
    "num_key_value_heads": "kv_heads",
    "num_kv_heads": "kv_heads",
    "num_experts_per_tok": "top_k",
    "experts_per_token": "top_k",
}
"""What an LLM file calls a key."""

WRONG: tuple[object, ...] = ("4096", "true", [], {}, -1, 0, 1e30)
"""Of another type than most keys have."""

Path_ = tuple[str | int, ...]
GONE = object()


def paths(data: object, before: Path_ = ()) -> Iterator[Path_]:
    """Ways to every key, inside keys and inside the first and the last of a list of keys."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*before, key)
            yield from paths(value, (*before, key))
    elif isinstance(data, list) and data and isinstance(data[0], dict):
        for i in dict.fromkeys((0, len(data) - 1)):
            yield from paths(data[i], (*before, i))


def at(data: Any, path: Path_) -> Any:
    for step in path:
        data = data[step]
    return data


def changed(data: dict[str, Any], *changes: tuple[Path_, object]) -> dict[str, Any]:
    found = deepcopy(data)
    for path, value in changes:
        *way, last = path
        if value is GONE:
            at(found, tuple(way)).pop(last, None)
        else:
            at(found, tuple(way))[last] = value
    return found


def others(value: object) -> list[object]:
    """Other values of the same type."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [2 * value or 1, value + 1]
    if isinstance(value, float):
        return [2 * value or 1.0]
    if isinstance(value, str):
        return [f"{value}x", value[::-1]]
    if isinstance(value, list) and value and not isinstance(value[0], dict):
        different = next((v for v in value if v != value[-1]), None)
        moved = others(value[-1])[0] if different is None else different
        return [[*value[:-1], moved], value[:-1]]
    return []


@cache
def imported(text: str, folder: Path) -> Imported | str:
    """The LLM, or why it is refused; any other error ends the test."""
    file = folder / "config.json"
    file.write_text(text, encoding="utf-8")
    try:
        return import_llm(file, "mine")
    except SpecError as error:
        return str(error)


def llm(found: Imported) -> object:
    """What the file says of sizes, formats and context."""
    return found.spec.model_dump(exclude={"architecture", "notes", "params"}), found.counts


def remarks(found: Imported) -> str:
    return f"{found.spec.architecture.note} {found.spec.notes}"


def words(path: Path_) -> tuple[str, list[str]]:
    """A way as the import writes it, and the same for what it is inside."""
    keys = [step for step in path if isinstance(step, str)]
    keys = keys[1:] if keys[0] in LEVELS else keys
    keys = keys[1:] if keys and keys[0] in LEVELS else keys
    return ".".join(keys), [".".join(keys[:n]) for n in range(1, len(keys) + 1)]


LEVELS = {"text_config", "llm_config", "language_config", "thinker_config"}


class Case:
    """One file, its import, and what becomes of it when a key is changed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.config, self.folder = FILES[name], folder
        found = self.read(self.config)
        assert isinstance(found, Imported), found
        self.before, self.aliases = found, FAMILIES[kind(self.config)].aliases

    def read(self, config: dict[str, Any]) -> Imported | str:
        return self.read_in(config, self.folder)

    @staticmethod
    def read_in(config: dict[str, Any], folder: Path) -> Imported | str:
        """The LLM of some keys, or why they are refused."""
        return imported(json.dumps(config), folder)

    def outcome(self, path: Path_, value: object) -> str:
        """`refused`, `listed`, `filled`, `noted`, `changed` or `silent`."""
        found = self.read(changed(self.config, (path, value)))
        if isinstance(found, str):
            # sizes that do not go together are refused by either
            there = value is not GONE and not isinstance(value, bool) and f"{value}" in found
            # a key that another one calls for
            there = there or "got no such key" in found or "got None" in found
            return "refused" if there or self.names(path, found) else f"refused without its name: {found}"
        name, ways = words(path)
        listed = {key for keys in found.ignored.values() for key in keys}
        if listed & set(ways):
            return "listed"
        if llm(found) == llm(self.before):
            return "silent" if remarks(found) == remarks(self.before) else "noted"
        canonical = self.aliases.get(name, name)
        if {name, canonical} & set(found.filled):
            return "filled"
        return "noted" if str(path[-1]) in remarks(found) else "changed"

    def names(self, path: Path_, told: str) -> bool:
        keys = {step for step in path if isinstance(step, str)} - LEVELS
        canonical = {self.aliases.get(key, key) for key in keys}
        called = {CALLED.get(key, key) for key in canonical}
        return any(str(word) in told for word in (*keys, *canonical, *called, *path[:1]))


def kind(config: dict[str, Any]) -> str:
    for level in LEVELS:
        if isinstance(config.get(level), dict):
            inner = kind(config[level])
            return inner or INNER.get(config["model_type"], "")
    return str(config.get("model_type", ""))


INNER = {name: wrapper.inside[0] for name, wrapper in WRAPPERS.items()}


def failures(case: Case, path: Path_) -> Iterator[str]:
    """What is wrong when one key is changed."""
    value = at(case.config, path)
    listed = bool(others(value))
    for other in others(value):
        got = case.outcome(path, other)
        listed = listed and got == "listed"
        if got not in ("refused", "listed", "changed", "filled", "noted"):
            yield f"{other!r:.60}: {got}"
    said = {step for step in path if isinstance(step, str)} & {*CONTEXTS, *SECTIONS, *TYPES}
    for what, other in (("left out", GONE), ("null", None)):
        got = case.outcome(path, other)
        # no length, and no other format, is what a file says that leaves them out
        if got == "changed" and not said:
            yield f"{what}: {got}"
    # what is ignored at every value of its type is ignored at any other
    for other in WRONG[::3] if listed else WRONG:
        alike = type(other) is type(value)
        got = case.outcome(path, other)
        fine = {
            "refused",
            "listed",
            "noted",
            *(("changed", "filled", "silent") if alike and other != -1 else ()),
        }
        # what is empty says no more than null
        same = (other == value and alike) or (value is None and other in ([], {}))
        if got.partition(" ")[0] not in fine and not same:
            yield f"{other!r}: {got}"


def patch(put: Any = setattr) -> None:
    """Leaves the YAML text out, and looks the formats of equal layers up once: both change no answer."""
    put(importer, "_yaml", lambda data: "")
    shares, of_layer = forms._shares, Patterns.of_layer
    put(forms, "_shares", remembered(shares, lambda found, *rest: (repr(found), repr(rest))))
    put(
        Patterns,
        "of_layer",
        remembered(of_layer, lambda said, number, names: (repr(said.said), number, names)),
    )


def remembered(function: Callable[..., Any], key: Callable[..., object]) -> Callable[..., Any]:
    answers: dict[object, Any] = {}

    def look_up(*given: Any) -> Any:
        at_ = key(*given)
        if at_ not in answers:
            answers[at_] = function(*given)
        return deepcopy(answers[at_])

    return look_up


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch.setattr)


@pytest.mark.parametrize("name", FILES)
def test_no_key_is_lost_and_no_size_changes_in_silence(name: str, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    found = {}
    for path in paths(case.config):
        if told := list(failures(case, path)):
            found[".".join(map(str, path))] = told
    excused = EXCUSES.get(name, {})
    assert {key: told for key, told in found.items() if key not in excused} == {}
    assert set(excused) <= set(found), "an excuse that is not needed"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**31)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["full_attention", "sliding_attention", "bfloat16", "auto", "llama", "4096", ""])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
def test_a_file_with_random_values_is_imported_or_refused(
    data: st.DataObject, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = FILES[name]
    chosen = st.sampled_from([path for path in paths(config) if isinstance(path[-1], str)])
    changes = data.draw(st.lists(st.tuples(chosen, JSON), min_size=1, max_size=3, unique_by=lambda c: c[0]))
    for path, value in changes:
        try:
            config = changed(config, (path, value))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took away what this one is inside
    folder = tmp_path_factory.mktemp("fuzz")
    found = Case.read_in(config, folder)
    if isinstance(found, Imported):
        assert found.params > 0
        listed = {key.partition(".")[0] for keys in found.ignored.values() for key in keys}
        inner = config
        for level in LEVELS & set(config):
            inner = {**inner, **inner[level]} if isinstance(inner[level], dict) else inner
        # each key of the file is read or ignored, and none is neither
        assert set(inner) - LEVELS <= {*found.read, *listed, *ALWAYS}


ALWAYS = {"tie_word_embeddings", "model_type", "architectures"}
"""Keys of a larger model that are read in every one."""


def test_a_number_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "llama", "hidden_size": float("nan")}, indent=1))
    with pytest.raises(SpecError, match=r"config.json:3: expected a number, got NaN"):
        import_llm(path)


def test_the_message_says_what_was_read_left_out_and_ignored_and_why(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(FILES["mistral-small-3.1-24b"]))
    lines = list(imported_llm._lines(import_llm(path)))
    assert "parameters" in lines[0] and "elements" in lines[1]
    said = "\n".join(lines)
    assert "Read: head_dim, hidden_size" in said
    assert "Left out or null, and what it means: sliding_window (none)" in said
    assert "Ignored (what sees or hears, around the language model): " in said
    assert "vision_config" in said


def test_every_key_of_a_file_is_read_or_ignored() -> None:
    found = import_llm(HERE / "hf" / "deepseek-v3.json")
    listed = [key for keys in found.ignored.values() for key in keys]
    data = FILES["deepseek-v3"]
    assert {*found.read, *(key.partition(".")[0] for key in listed)} == set(data)
    assert "quantization_config.activation_scheme" in listed
