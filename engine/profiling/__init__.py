"""How long a model or a block takes, and where time and memory go: compiled, fused, packed, operator by operator."""
