"""Counts of LLMs in `recent_llms` whose layers keep a state of a kind of its own, from other sources."""

ELEMENTS = {
    "mamba-2.8b": 2_768_345_600,
    "falcon-mamba-7b": 7_272_665_088,
    "jamba-1.5-mini": 51_570_323_328,
    "lfm2-1.2b": 1_170_340_608,
    "lfm2-8b-a1b": 8_339_929_856,
    "lfm3-1.7b": 1_728_801_536,
    "zamba-7b": 7_232_490_496,
    "zamba2-7b": 7_356_749_648,
}
"""Name to elements that the class of Transformers 5.24.0 creates, on a device without memory."""

CARDS = {
    # elements of their checkpoints
    "rwkv-6-world-1.6b": 1_599_873_024,
    "rwkv-7-world-1.5b": 1_527_404_544,
    "rwkv-7-g1-2.9b": 2_947_735_040,
    # by hand from the shapes of its class: nine scans, nine layers with keys and values, seven gates, seven
    # layers with queries alone
    "phi-4-mini-flash": 200064 * 2560
    + 9 * (3 * 2560 * 5120 + 5120 * (4 + 1 + 192 + 160 + 1 + 16 + 1))
    + 9 * (2560 * 5120 + 5120 + 2560 * 2560)
    + 7 * 2 * 2560 * 5120
    + 7 * (2 * 2560 * 2560 + 2560)
    + 32 * 3 * 2560 * 10240,
}
"""Name to elements of others."""

KV = {
    "mamba-2.8b": 0,
    "falcon-mamba-7b": 0,
    "jamba-1.5-mini": 4 * 2 * 8 * 128,
    "lfm2-1.2b": 6 * 2 * 8 * 64,
    "lfm2-8b-a1b": 6 * 2 * 8 * 64,
    "lfm3-1.7b": 11 * 2 * 4 * 128,
    "zamba-7b": 13 * 2 * 16 * 464,
    "zamba2-7b": 13 * 2 * 32 * 224,
    "rwkv-6-world-1.6b": 0,
    "rwkv-7-world-1.5b": 0,
    "rwkv-7-g1-2.9b": 0,
    "phi-4-mini-flash": 9 * 2 * 20 * 64,  # seven more layers read those of the last of them
}
"""Name to elements of KV cache that a token leaves: layers x 2 x KV heads x their width."""

STATES = {
    "lfm2-1.2b": 10 * 2 * 2048 * 2,  # all but the last of three tokens, in two bytes
    "lfm2-8b-a1b": 18 * 2 * 2048 * 2,
    "lfm3-1.7b": 13 * 6 * 2048 * 2,
    "mamba-2.8b": 64 * 5120 * (16 + 3) * 4,  # a state and three tokens of each channel, in four bytes
    "falcon-mamba-7b": 64 * 8192 * (16 + 3) * 4,
    "jamba-1.5-mini": 28 * 8192 * (16 + 3) * 4,
    "phi-4-mini-flash": 9 * 5120 * (16 + 3) * 4,
    "zamba-7b": 76 * 7424 * (16 + 3) * 4,
    # 64 numbers for each channel, and three tokens of values, keys and queries of two groups
    "zamba2-7b": 81 * (7168 * 64 + 3 * (7168 + 2 * 2 * 64)) * 4,
    # a matrix for each head of 64, and two tokens
    "rwkv-6-world-1.6b": 24 * (2048 * 64 + 2 * 2048) * 4,
    "rwkv-7-world-1.5b": 24 * (2048 * 64 + 2 * 2048) * 4,
    "rwkv-7-g1-2.9b": 32 * (2560 * 64 + 2 * 2560) * 4,
}
"""Name to bytes that a sequence keeps whatever its length."""
