"""What a weight is worth to a model: the scores that pruning goes by. No torch at import."""
