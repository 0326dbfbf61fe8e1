"""Networks with an encoder: of texts (T5, BART), of sound (Whisper) and of pictures (Llama 3.2)."""
