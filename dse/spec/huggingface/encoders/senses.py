"""Encoders of sound and of pictures: Whisper, and Llama 3.2 with its layers of cross attention."""

from dse.spec.huggingface.dense import GATED, gated_ffn
from dse.spec.huggingface.encoders.parts import UNCOUNTED, decoder, heads_of, layers_of
from dse.spec.huggingface.reader import HfConfig, Layer, Network, attention, blocks, family, words

REACH = 3
"""Rows that a convolution of Whisper reaches over; the second one takes every other row."""


def _matrix(inputs: int, outputs: int) -> dict[str, int]:
    return {"inputs": inputs, "outputs": outputs}


def _whisper(c: HfConfig) -> Network:
    """Two convolutions, then layers over half of the rows."""
    c.must("is_encoder_decoder", True)
    hidden, tokens = c.size("hidden_size"), c.size("max_source_positions")
    # queries, values and outputs have a bias and keys have none: as many as of queries, keys and values
    hears = heads_of(c, "encoder_attention_heads", hidden, bias=True)
    writes = heads_of(c, "decoder_attention_heads", hidden, bias=True)
    layer = {"attention": hears, "ffn": {"width": c.size("encoder_ffn_dim"), "gated": False}}
    halved: Layer = {"matrices": [_matrix(REACH * hidden, hidden)]}
    bins = REACH * c.size("num_mel_bins")
    return Network(
        layers=decoder(
            layers_of(c, "decoder_layers"),
            writes,
            writes,
            {"width": c.size("decoder_ffn_dim"), "gated": False},
        ),
        tied=c.flag("tie_word_embeddings", True),
        learned_positions=c.size("max_position_embeddings"),
        encoder={
            "tokens": tokens,
            "hidden": hidden,
            "blocks": blocks([halved, *[layer] * layers_of(c, "encoder_layers")]),
            "lookup": [{"entries": tokens, "width": hidden}],
            "before": {"tokens": 2 * tokens, "matrices": [_matrix(bins, hidden)]},
        },
        notes=(f"the encoder hears {tokens:,} rows a request, as long as the sound is", UNCOUNTED),
    )


_TOWER = words(
    """
    hidden_size num_hidden_layers num_global_layers attention_heads intermediate_size vision_output_dim
    image_size patch_size max_num_tiles num_channels supported_aspect_ratios intermediate_layers_indices
    model_type dtype torch_dtype max_aspect_ratio_id vision_input_dim return_intermediate
    """
)


def _mllama(c: HfConfig) -> Network:
    """Some layers attend to the rows of a picture, all tiles of which see each other."""
    crossed, count = c.items("cross_attention_layers", int), c.size("num_hidden_layers")
    if not crossed or len(set(crossed)) != len(crossed) or min(crossed) < 0 or max(crossed) >= count:
        raise c.refuse("cross_attention_layers", f"different layers among {count}")
    heads, ffn = attention(c, bias=False), gated_ffn(c)
    layers = tuple(
        {("cross_attention" if i in crossed else "attention"): heads, "ffn": ffn} for i in range(count)
    )
    # a tower has no LM head that could share its table
    tower = c.part("vision_config", *_TOWER, "tie_word_embeddings")
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"), encoder=_tower(tower, c), notes=_NOTES)


def _tower(v: HfConfig, c: HfConfig) -> Layer:
    """The tower that sees, with the matrix that its rows pass to the layers of the language model."""
    hidden, tiles = v.size("hidden_size"), v.size("max_num_tiles")
    patch = v.size("patch_size")
    patches = (v.size("image_size") // patch) ** 2
    rows = tiles * (patches + 1)  # each tile has one row more, of a class
    shapes = v.get("supported_aspect_ratios")
    if not isinstance(shapes, list) or not shapes:
        raise v.refuse("supported_aspect_ratios", "a list of shapes")
    of_shapes = (len(shapes) + 1) * tiles
    heads = heads_of(v, "attention_heads", hidden, bias=False)
    layer = {"attention": heads, "ffn": {"width": v.size("intermediate_size"), "gated": False}}
    count = layers_of(v, "num_hidden_layers") + layers_of(v, "num_global_layers")
    return {
        "tokens": rows,
        "hidden": hidden,
        "blocks": blocks([layer] * count),
        # places in a tile, those of each tile of each shape, and two of whole tiles
        "lookup": [
            {"entries": patches + 1 + of_shapes * (patches + 1), "width": hidden},
            {"entries": 2 * of_shapes, "width": hidden},
        ],
        "before": {
            "tokens": tiles * patches,
            "matrices": [_matrix(v.size("num_channels") * patch * patch, hidden)],
        },
        "after": {
            "tokens": rows,
            "matrices": [_matrix(v.size("vision_output_dim"), c.size("hidden_size"))],
        },
    }


_NOTES = ("one picture of all its tiles a request: `encoder.tokens` says another number of rows", UNCOUNTED)

SENSES = {
    "whisper": family(
        _whisper,
        words(
            """
            hidden_size vocab_size max_source_positions max_position_embeddings encoder_layers encoder_ffn_dim
            encoder_attention_heads decoder_layers decoder_ffn_dim decoder_attention_heads num_mel_bins
            tie_word_embeddings is_encoder_decoder
            """
        ),
        "WhisperForConditionalGeneration",
        aliases={"d_model": "hidden_size", "max_target_positions": "max_position_embeddings"},
        passes="""
            num_hidden_layers classifier_proj_size median_filter_width scale_embedding encoder_layerdrop
            decoder_layerdrop use_weighted_layer_sum mask_feature_length mask_feature_min_masks
            mask_time_length mask_time_min_masks apply_spec_augment
        """,
    ),
    "mllama": family(
        _mllama,
        GATED - {"head_dim"} | {"cross_attention_layers", "vision_config"},
        "MllamaForConditionalGeneration",
    ),
}
"""`model_type` to its family."""
