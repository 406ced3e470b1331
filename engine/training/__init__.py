"""Training and evaluating classifiers on tokens: any `nn.Module` that takes `input_ids` and gives `.logits`.

`tokens` holds the data as the loops eat it, `evaluate` and `train` are the loops, `statistics` the intervals.
"""
