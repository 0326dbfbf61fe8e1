"""An LLM spec from a Hugging Face `config.json`.

One file for each group of model families, and a reader that refuses what it does not understand.
"""
