"""A config.json becomes the LLM it describes, or is refused by the name of what is not understood.

The fixtures are published files: those of NVIDIA's aiconfigurator-core 0.12.0 (PyPI) word for word, the
others from public copies, some without keys that say nothing about sizes.
"""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from newest_llms import KINDS as NEWEST_KINDS
from recent_llms import KINDS
from remote_llms import REMOTE_KINDS

from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.huggingface.checkpoint.harmless import HARMLESS
from dse.spec.huggingface.config import import_llm
from dse.spec.huggingface.families import FAMILIES, WRAPPED
from dse.spec.schema.llm import LlmSpec
from objectives.equations.llm.parameters import params

FOLDER = Path(__file__).parent / "hf"
CONFIGS = {p.stem: json.loads(p.read_text()) for p in sorted(FOLDER.glob("*.json")) if p.stem != "others"}
CONFIGS |= json.loads((FOLDER / "others.json").read_text())

BUNDLED = {
    "llama3.1-70b",
    "mixtral-8x7b",
    "qwen3-32b",
    "qwen3-235b-a22b",
    "deepseek-v3",
    "kimi-k2.5",
    "gpt-oss-120b",
    "llama4-maverick",
    "llama4-scout",
    "falcon-40b",
    "falcon-7b",
    "gpt-j-6b",
    "bloom-176b",
    "minimax-m2.5",
    "minimax-text-01",
    "qwen3-next-80b-a3b",
    "qwen2-72b",
    "qwen2-7b",
    "mistral-7b",
    "granite3.3-8b",
    "gemma2-9b",
}
"""Fixtures of LLMs that the catalog describes by hand."""

PUBLISHED = {
    "deepseek-v2-lite": 15.7e9,  # DeepSeek-V2 (arXiv 2405.04434), appendix
    "qwen1.5-moe-a2.7b": 14.3e9,  # model card
    "gpt2": 124_439_808,  # elements of the checkpoint
    "phi3-mini": 3.82e9,  # model card
    "internlm2.5-7b": 7.74e9,  # model card
    "pythia-1b": 1_011_781_632,  # model card
    "gemma3-12b": 11.77e9,  # 12.19B of the card less 0.42B of its vision tower
}


INSIDE = {"qwen2_vl", "qwen2_vl_text", "qwen2_5_vl_text", "qwen2_5_omni_text", "qwen3_omni_moe_text"}
"""Read exactly as `qwen2_5_vl` and `qwen3_moe`, which have fixtures."""
OTHER_NAMES = {"mimo_v2", "deepseek_ref"}
"""Read exactly as `mimo_v2_flash` and `deepseek_v4`."""


def write(tmp_path, config, name="mine"):
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(config))
    return path


def imported(tmp_path, config, name="mine"):
    return import_llm(write(tmp_path, config, name), name, date(2026, 1, 2))


def refused(tmp_path, config):
    with pytest.raises(SpecError) as caught:
        imported(tmp_path, config)
    return str(caught.value)


def changed(name, **keys):
    return {**CONFIGS[name], **keys}


def inner(config):
    return config.get("text_config", config)


def sizes(llm):
    """The network without what people call it, and without layers that draft, which few of our files have."""
    return replace(llm, name="", nominal_params=1.0, draft=None)


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_a_config_becomes_the_llm_that_the_catalog_describes_by_hand(tmp_path, name):
    by_hand = Catalog().get(LlmSpec, name)
    found = imported(tmp_path, CONFIGS[name], name)
    assert sizes(found.spec.resolve()) == sizes(by_hand.resolve())
    assert found.params == pytest.approx(by_hand.params.value, rel=0.01)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_count_is_within_a_per_cent_of_what_was_published(tmp_path, name):
    assert imported(tmp_path, CONFIGS[name], name).params == pytest.approx(PUBLISHED[name], rel=0.01)


def test_every_fixture_is_held_to_something_and_every_family_has_one():
    assert set(CONFIGS) == BUNDLED | set(PUBLISHED)
    seen = {inner(c).get("model_type") for c in CONFIGS.values()}
    # the first names of Falcon are tested below
    assert set(FAMILIES) - seen - KINDS - REMOTE_KINDS - NEWEST_KINDS <= {
        "RefinedWeb",
        "RefinedWebModel",
        # in test_hf_left_out.py
        *(f"llava{ending}" for ending in ("", "_llama", "_mistral", "_qwen", "_qwen2")),
        "youtu_llm",
        *INSIDE,
        *OTHER_NAMES,
    }


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_the_yaml_says_what_was_found_and_where_it_comes_from(tmp_path, name):
    found = imported(tmp_path, CONFIGS[name], name)
    again = LlmSpec.model_validate(yaml.safe_load(found.text))
    assert again == found.spec
    assert again.params.value == pytest.approx(params(again.resolve()), rel=1e-3)
    assert (again.params.basis, again.params.source, again.params.date) == (
        "derived",
        "hf-config",
        "2026-01-02",
    )
    assert f"{found.params:,}" in again.params.note
    assert again.params.source in Catalog().sources()


def _moved(value):
    """Another value of the same kind, that a family must notice or refuse."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value * 2 or 1
    return [*value[1:], *value[:1]] or [0] if isinstance(value, list) else 7


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_every_key_that_a_family_reads_moves_the_result_or_is_refused(tmp_path, name):
    before = imported(tmp_path, CONFIGS[name], name).spec
    family = FAMILIES[inner(CONFIGS[name])["model_type"]]
    silent = []
    for key in inner(CONFIGS[name]):
        if family.aliases.get(key, key) not in family.reads:
            continue
        config = deepcopy(CONFIGS[name])
        inner(config)[key] = _moved(inner(config)[key])
        try:
            if imported(tmp_path, config, name).spec == before:
                silent.append(key)
        except SpecError:
            continue
    # what another key switches off says nothing
    off = {
        "qwen": {"sliding_window", "max_window_layers", "use_sliding_window", "intermediate_size"},
        "falcon-40b": {"multi_query", "parallel_attn"},
        "llama4-scout": {"intermediate_size_mlp"},
        "minimax-text-01": {"attn_type_list"},  # turned around, as many layers of each kind
    }
    allowed = next((keys for start, keys in off.items() if name.startswith(start)), set())
    assert set(silent) <= allowed, silent


NULL = {
    "llama3.1-70b": {"num_key_value_heads"},
    "granite3.3-8b": {"num_key_value_heads"},
    "internlm2.5-7b": {"num_key_value_heads"},
    "falcon-40b": {"num_kv_heads"},
    "phi3-mini": {"sliding_window"},
    "qwen3-235b-a22b": {"head_dim"},
}
"""Keys that are null to Transformers when left out: as many KV heads as heads, no window, hidden / heads."""


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_no_key_may_be_left_out_and_silently_get_another_size(tmp_path, name):
    before = sizes(imported(tmp_path, CONFIGS[name], name).spec.resolve())
    for key in inner(CONFIGS[name]):
        if not isinstance(inner(CONFIGS[name])[key], int) or isinstance(inner(CONFIGS[name])[key], bool):
            continue
        config = deepcopy(CONFIGS[name])
        del inner(config)[key]
        try:
            found = imported(tmp_path, config, name)
        except SpecError:
            continue
        if sizes(found.spec.resolve()) != before and key not in NULL.get(name, ()):
            assert "Transformers fills it in" in (found.spec.architecture.note or ""), key


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("rwkv5", "RWKV"),
        ("switch_transformers", "encoder is of a kind that is not read"),
        ("mllama_text_model", "says nothing of the encoder"),
        ("llada_moe", "published file of it was at hand"),
        ("bert", "not a decoder"),
        ("qwen33", "Names like it: qwen3, "),
        ("qwen33", "Another name in its place would get other sizes. All: `dse import --types`"),
        (None, "got no such key"),
        (["llama"], "got ['llama']"),
    ],
)
def test_an_unknown_model_type_is_refused_by_name(tmp_path, kind, words):
    told = refused(tmp_path, changed("qwen3-32b", model_type=kind))
    assert told.startswith(f"{tmp_path / 'mine.json'}:1: model_type: expected one of ")
    assert words in told
    assert kind is None or repr(kind) in told


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        (
            "llama3.1-70b",
            {"architectures": ["LlamaForSequenceClassification"]},
            "architectures: expected Llam",
        ),
        ("llama3.1-70b", {"architectures": []}, "architectures: expected"),
        (
            "llama3.1-70b",
            {"sliding_window": 4096},
            "sliding_window: expected no unknown key",
        ),
        ("llama3.1-70b", {"num_local_experts": 8}, "num_local_experts"),
        ("llama3.1-70b", {"num_hidden_layer": 8}, "may change a size, got 8"),
        (
            "llama3.1-70b",
            {"num_hidden_layers": "80"},
            "num_hidden_layers: expected a whole number of at least 1",
        ),
        ("llama3.1-70b", {"num_hidden_layers": 80.0}, "got 80.0"),
        ("llama3.1-70b", {"num_hidden_layers": True}, "got True"),
        ("llama3.1-70b", {"hidden_size": 0}, "hidden_size: expected a whole number of at least 1, got 0"),
        ("llama3.1-70b", {"attention_bias": 1}, "attention_bias: expected true or false, got 1"),
        (
            "llama3.1-70b",
            {"num_attention_heads": 60},
            "num_attention_heads: expected a divisor of hidden_size",
        ),
        ("llama3.1-70b", {"num_key_value_heads": 5}, "key_value_heads that divide num_attention_heads (64)"),
        ("llama3.1-70b", {"rope_scaling": {"rope_type": "spiral"}}, "rope_scaling: expected one of default"),
        ("llama3.1-70b", {"rope_parameters": {"full_attention": {"rope_type": "x"}}}, "got 'x'"),
        ("llama3.1-70b", {"is_encoder_decoder": True}, "is_encoder_decoder"),
        ("mixtral-8x7b", {"num_experts_per_tok": 9}, "per_tok of at most num_local_experts (8), got 9"),
        (
            "gpt-oss-120b",
            {"layer_types": ["linear_attention"] * 36},
            "layer_types: expected only full_attention",
        ),
        ("gpt-oss-120b", {"layer_types": ["full_attention"] * 35}, "expected 36 kinds of layer, got 35"),
        (
            "gpt-oss-120b",
            {"experts_per_token": 8},
            "experts_per_token: expected the same as num_experts_per_tok",
        ),
        ("deepseek-v3", {"index_head_dim": 128}, "index_head_dim"),
        (
            "deepseek-v3",
            {"num_key_value_heads": 8},
            "num_key_value_heads: expected num_attention_heads (128)",
        ),
        ("deepseek-v3", {"attention_bias": True}, "attention_bias: expected false"),
        ("minimax-m2.5", {"attn_type_list": [1, 0]}, "attn_type_list: expected only 1"),
        ("kimi-k2.5", {"text_config": None}, "text_config: expected the keys of a language model"),
        ("kimi-k2.5", {"text_config": {"model_type": "llama"}}, "text_config: model_type: expected kimi_k2"),
        ("kimi-k2.5", {"num_layers": 3}, "num_layers"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path, name, keys, words):
    assert words in refused(tmp_path, changed(name, **keys))


def test_all_unknown_keys_come_at_once(tmp_path):
    told = refused(tmp_path, changed("qwen3-32b", mamba_state=16, gate_rank=4, conv_kernel=3))
    assert [line.split(": ")[1] for line in told.splitlines()] == ["mamba_state", "gate_rank", "conv_kernel"]


def test_keys_that_are_off_or_say_nothing_are_passed_over(tmp_path):
    keys = {
        "ssm_layers": None,
        "num_kv_shared_layers": 0,
        "expert_drop": False,
        "note": "by hand",
        "_x_dim": 3,
    }
    assert (
        imported(tmp_path, changed("qwen3-32b", **keys)).spec == imported(tmp_path, CONFIGS["qwen3-32b"]).spec
    )


def test_no_key_is_both_read_and_passed_over():
    read = {(kind, key) for kind, family in FAMILIES.items() for key in family.reads & HARMLESS}
    # LLaMA and others carry the first and never slide; the others change a size in few families, or none
    few = (
        "max_window_layers activation_function no_rope_layers no_rope_layer_interval "
        "num_nextn_predict_layers "
        # which language model is inside MiniCPM-V, the encoder of Llama 3.2, and whether LongCat has an index
        "version vision_config attention_method"
    )
    assert {key for _, key in read} <= set(few.split())
    assert set().union(*(set(kinds) for kinds in WRAPPED.values())) <= set(FAMILIES)


def test_the_first_names_of_falcon_mean_the_same(tmp_path):
    old = {"n_layer": 60, "n_head": 128, "n_head_kv": 8}
    keys = {k: v for k, v in CONFIGS["falcon-40b"].items() if not k.startswith(("num_", "new_"))}
    config = {**keys, **old, "model_type": "RefinedWeb", "architectures": ["RWForCausalLM"]}
    found = imported(tmp_path, config, "falcon-40b").spec.resolve()
    assert sizes(found) == sizes(Catalog().get(LlmSpec, "falcon-40b").resolve())


def test_windows_follow_the_config(tmp_path):
    def windows(name, **keys):
        blocks = imported(tmp_path, changed(name, **keys)).spec.blocks
        return {(b.count, b.attention.window) for b in blocks}

    assert windows("mistral-7b", sliding_window=4096) == {(32, 4096)}
    assert windows("gemma2-9b") == {(21, 4096), (21, None)}
    assert windows("gemma3-12b") == {(40, 1024), (8, None)}  # the sixth of six sees all
    assert windows("qwen2-7b", use_sliding_window=True, max_window_layers=20, sliding_window=512) == {
        (20, None),
        (8, 512),
    }
    assert windows("phi3-mini") == {(32, 2047)}


def test_dense_layers_between_experts_are_kept(tmp_path):
    def split(**keys):
        blocks = imported(tmp_path, changed("qwen3-235b-a22b", **keys)).spec.blocks
        return {(b.count, b.ffn is not None) for b in blocks}

    assert split() == {(94, False)}
    assert split(decoder_sparse_step=2) == {(47, False), (47, True)}
    assert split(mlp_only_layers=[0, 1, 93]) == {(91, False), (3, True)}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Qwen3-32B/config.json", "qwen3-32b"),
        ("models--Qwen--Qwen3-32B/snapshots/9216db5781bf/config.json", "qwen3-32b"),
        ("Qwen--Qwen3-32B_config.json", "qwen3-32b"),
        ("Qwen3 32B (mine).json", "qwen3-32b-mine"),
    ],
)
def test_an_llm_is_called_as_its_file_or_folder_is(tmp_path, path, name):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(CONFIGS["qwen3-32b"]))
    assert import_llm(file).spec.name == name
    if file.name == "config.json":
        assert import_llm(file.parent).spec.name == name


@pytest.mark.parametrize(
    ("name", "config", "nominal"),
    [
        ("qwen3-235b-a22b", "qwen3-235b-a22b", 235e9),
        ("gpt-oss-120b", "gpt-oss-120b", 120e9),
        ("mixtral-8x7b", "mixtral-8x7b", 46.7e9),  # eight times seven is not what it has
        ("llama-4-17b-128e", "llama4-maverick", 401e9),
        ("mine", "gpt2", 124e6),
    ],
)
def test_the_nominal_size_is_that_of_the_name_where_the_count_agrees(tmp_path, name, config, nominal):
    assert imported(tmp_path, CONFIGS[config], name).spec.nominal_params == pytest.approx(nominal)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "mine.json:1: expected JSON"),
        ("[1]", "expected the keys of a config.json, got a list"),
        ('{"vocab_size": 1, "vocab_size": 2}', "'vocab_size' is written twice"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, text, words):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=words.replace("[", r"\[")):
        import_llm(path)
