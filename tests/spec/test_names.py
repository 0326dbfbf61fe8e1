"""Usual spellings of chips and LLMs find what they mean, and nothing else."""

import pytest

from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec

CATALOG = Catalog()


@pytest.mark.parametrize(
    ("spelling", "chip"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("H100-SXM5-80GB", "h100-sxm"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("H100 NVL", "h100-nvl"),
        ("NVIDIA H200", "h200-sxm"),
        ("A100", "a100-sxm-80gb"),
        ("A100 40GB", "a100-sxm-40gb"),
        ("NVIDIA A100-SXM4-40GB", "a100-sxm-40gb"),
        ("A100-PCIE-40GB", "a100-pcie-40gb"),
        ("Tesla V100 16GB", "v100-sxm2-16gb"),
        ("AMD Instinct MI300X", "mi300x"),
        ("MI325X", "mi325x"),
        ("GB200-NVL72-186GB", "gb200"),
        ("NVIDIA B200 180GB", "b200-sxm"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("RTX 4070 Ti SUPER", "rtx-4070-ti-super"),
        ("RTX 4060 Ti", "rtx-4060-ti-16gb"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("Intel Gaudi 3", "gaudi3"),
        ("TPUv6e", "tpu-v6e"),
        ("v5e", "tpu-v5e"),
        ("Trn2", "trainium2"),
        ("M4 Max", "apple-m4-max"),
        ("Groq LPU", "groq-lpu-v1"),
    ],
)
def test_a_chip_is_found_by_the_usual_spellings(spelling: str, chip: str) -> None:
    assert CATALOG.get(ChipSpec, spelling).name == chip


@pytest.mark.parametrize("spelling", ["H100-SXM-64GB", "H1000", "RTX", "GPU", "V100 80GB", "A100 PCIe 20 GB"])
def test_a_chip_of_another_size_or_of_no_name_is_not_guessed(spelling: str) -> None:
    with pytest.raises(SpecError, match="unknown chip"):
        CATALOG.get(ChipSpec, spelling)


@pytest.mark.parametrize(
    ("spelling", "llm"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1-8b"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "llama3-70b"),
        ("Llama-3_1-70B", "llama3.1-70b"),
        ("amd/Llama-3.1-405B-Instruct-FP8-KV", "llama3.1-405b"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama3.3-70b"),
        ("Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama3.1-8b"),
        ("llama3.1:8b-instruct-q4_K_M", "llama3.1-8b"),
        ("Llama-2-7B-Chat-GPTQ", "llama2-7b"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"),
        ("Mistral-Small-3.1-24B-Instruct-2503", "mistral-small-24b"),
        ("Mistral-Small-2409", "mistral-small-22b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("Qwen2.5-32B-Instruct-AWQ", "qwen2.5-32b"),
        ("google/gemma-2-27b-it", "gemma2-27b"),
        ("gemma3:27b", "gemma3-27b"),
        ("nvidia/DeepSeek-R1-0528-NVFP4", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "llama3.3-70b"),
        ("DeepSeek-V3.1", "deepseek-v3"),
        ("zai-org/GLM-4.5-Air-FP8", "glm4.5-air"),
        ("CohereForAI/c4ai-command-r-plus", "command-r-plus"),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama4-maverick"),
        ("gpt-oss:20b", "gpt-oss-20b"),
    ],
)
def test_an_llm_is_found_by_the_usual_spellings(spelling: str, llm: str) -> None:
    assert CATALOG.get(LlmSpec, spelling).name == llm


@pytest.mark.parametrize(
    "spelling", ["DeepSeek-V4.1-Flash", "Qwen3.5-4B", "Llama-3.1-9B", "mistral-small-25b", "deepseek"]
)
def test_an_llm_of_another_shape_is_not_guessed(spelling: str) -> None:
    with pytest.raises(SpecError, match="unknown llm"):
        CATALOG.get(LlmSpec, spelling)


def test_every_name_and_alias_of_the_catalog_still_means_its_own_file() -> None:
    for spec in (ChipSpec, LlmSpec):
        for name, found in CATALOG.all(spec).items():
            for spelling in (name, name.upper(), *found.aliases):
                assert CATALOG.get(spec, spelling).name == name, spelling
