"""What some configs leave out and their models' own code needs."""

from typing import Any


def complete(config: Any) -> None:
    """Gives a config the tokens that it lacks, in place: the end for padding, padding for the start of a decoder."""
    if getattr(config, "pad_token_id", None) is None:  # without one some classifiers take no batch of texts
        ends = getattr(config, "eos_token_id", None)
        config.pad_token_id = next(iter(ends), 0) if isinstance(ends, list) else ends or 0
    if getattr(config, "is_encoder_decoder", False) and getattr(config, "decoder_start_token_id", None) is None:
        config.decoder_start_token_id = config.pad_token_id
