"""`dse import`: from a stranger's config.json to an LLM that every verb takes."""

import json
from pathlib import Path

import yaml

CONFIGS = Path(__file__).parents[1] / "spec" / "hf"


def test_an_imported_llm_is_checked_shown_and_estimated(dse):
    said = dse("import", CONFIGS / "qwen3-32b.json", "-o", "my/llms/my-qwen.yaml")
    assert (said.code, said.out) == (0, "")
    assert "my-qwen: 64 layers, 32,762,106,880 parameters" in said.err
    assert "Written: my/llms/my-qwen.yaml" in said.err
    assert dse("check", "my").out == "1 file, no problems\n"
    shown = dse("catalog", "llms", "my-qwen", "--configs", "my")
    assert shown.code == 0
    assert "counted from the sizes below: 32,762,106,880" in " ".join(shown.out.split())
    told = dse("estimate", "--chip", "h100-sxm", "--llm", "my/llms/my-qwen.yaml", "--workload",
               "article", "--tp", "2", "--batch", "8", "--format", "json")  # fmt: skip
    by_hand = dse("estimate", "--chip", "h100-sxm", "--llm", "qwen3-32b", "--workload", "article",
                  "--tp", "2", "--batch", "8", "--format", "json")  # fmt: skip
    assert told.code == 0, told.err
    assert told.json["metrics"]["tpot_s"] == by_hand.json["metrics"]["tpot_s"]


def test_without_an_output_the_yaml_is_the_output(dse):
    said = dse("import", CONFIGS / "mixtral-8x7b.json", "--name", "mine", "--quiet")
    assert (said.code, said.err) == (0, "")
    data = yaml.safe_load(said.out)
    assert (data["kind"], data["name"], data["nominal_params"]) == ("llm", "mine", "46.7B")
    assert data["blocks"][0]["experts"] == {"count": 8, "top_k": 2, "width": 14336}


def test_what_is_not_understood_is_refused_and_nothing_is_written(dse, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "rwkv5", "num_hidden_layers": 64}))
    dse("import", path, "-o", "mine.yaml").refused(
        f"{path}:1: model_type: expected one of", "got 'rwkv5'. It has RWKV layers"
    )
    assert not Path("mine.yaml").exists()


def test_an_output_must_be_called_as_the_llm(dse):
    config = CONFIGS / "qwen3-32b.json"
    dse("import", config, "-o", "My Qwen.yaml").refused("--output: expected a file such as my-qwen.yaml")
    dse("import", config, "-o", "mine.json").refused("--output: expected a file such as mine.yaml")
    dse("import", config, "-o", "mine.yaml", "--name", "other").refused("--name: expected 'mine'")
    assert dse("import", config, "-o", "mine.yaml", "--name", "Mine").code == 0
    assert yaml.safe_load(Path("mine.yaml").read_text())["title"] == "Mine"


def test_a_file_that_exists_is_replaced_with_force_alone(dse):
    config = CONFIGS / "qwen3-32b.json"
    Path("mine.yaml").write_text("mine")
    dse("import", config, "-o", "mine.yaml").refused(
        "--output: expected a new file, got 'mine.yaml', which exists; --force replaces it"
    )
    assert Path("mine.yaml").read_text() == "mine"
    assert dse("import", config, "-o", "mine.yaml", "--force").code == 0
    assert yaml.safe_load(Path("mine.yaml").read_text())["name"] == "mine"


def test_keys_that_say_nothing_are_named(dse, tmp_path):
    path = tmp_path / "config.json"
    config = json.loads((CONFIGS / "qwen3-32b.json").read_text())
    nothing = {f"some_size_{i}": None for i in range(8)}
    path.write_text(json.dumps({**config, **nothing}))
    said = dse("import", path)
    assert said.code == 0
    (line,) = [line for line in said.err.splitlines() if line.startswith("Ignored (left empty")]
    assert "more keys" in line
    assert "1 keys" not in line


def test_a_problem_has_the_line_and_the_name_of_its_key(dse, tmp_path):
    path = tmp_path / "config.json"
    config = json.loads((CONFIGS / "qwen3-32b.json").read_text())

    def refused(changes, key, *said):
        path.write_text(json.dumps({**config, **changes}, indent=1))
        (at,) = [i for i, line in enumerate(path.read_text().splitlines(), 1) if key in line]
        dse("import", path).refused(*(f"{path}:{at}: {words}" for words in said))

    key = "num_key_value_heads"
    refused({key: "8"}, f'"{key}"', f"{key}: expected a whole number of at least 1, got '8'")
    refused({key: 7}, f'"{key}"', f"expected {key} that divide num_attention_heads (64), got 7")
    refused(
        {"quantization_config": {"quant_method": "fancy"}}, '"quant_method"', "quantization_config: quant_m"
    )


def test_a_problem_of_the_language_model_has_its_line_there(dse, tmp_path):
    path = tmp_path / "config.json"
    config = json.loads((CONFIGS / "qwen3-32b.json").read_text())
    del config["architectures"]
    around = {"model_type": "internvl", "vision_config": {"hidden_size": 5}}
    path.write_text(json.dumps({**around, "text_config": {**config, "hidden_size": "a"}}, indent=1))
    (at,) = [i for i, line in enumerate(path.read_text().splitlines(), 1) if '"hidden_size": "a"' in line]
    dse("import", path).refused(f"{path}:{at}: hidden_size: expected a whole number of at least 1, got 'a'")


def test_a_file_that_is_not_there_is_refused(dse, tmp_path):
    dse("import", "Qwen/Qwen3-32B").refused(
        "FILE: expected a file or a folder, got 'Qwen/Qwen3-32B', which does not exist",
        "nothing is downloaded: save the config.json of the checkpoint, and give its path",
    )
    dse("import", tmp_path).refused("config.json: cannot be read")


def test_help_teaches_with_examples_and_exit_codes(dse):
    said = dse("import", "--help")
    assert said.code == 0
    assert said.out.count("dse import") >= 2
    assert "Exit codes: 0" in said.out
    assert max(map(len, said.out.splitlines())) <= 100


def test_every_model_type_is_listed(dse):
    said = dse("import", "--types")
    assert said.code == 0
    names = said.out.split()
    assert names == sorted(names)
    assert {"llama", "deepseek_v3", "qwen3_5_moe", "internvl_chat"} <= set(names)


def test_a_window_is_why_the_longest_sequence_keeps_less_than_all_of_its_tokens(dse, tmp_path):
    config = {"model_type": "mistral", "hidden_size": 1024, "num_hidden_layers": 2, "vocab_size": 1000}
    config |= {"num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 2048}
    config |= {"max_position_embeddings": 8192, "sliding_window": 1024, "tie_word_embeddings": False}
    for name, window in (("windowed", 1024), ("whole", None)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(config | {"sliding_window": window}), encoding="utf-8")
        said = " ".join(dse("import", path, "-o", tmp_path / f"{name}.yaml").err.split())
        assert ("some layers keep only a window of its tokens" in said) == (window is not None), said
