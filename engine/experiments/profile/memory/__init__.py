"""Where a model's bytes are before and after packing."""
