"""Models and data: where they come from, how they are read, checked, split, tokenised once and cached.

`sources`, `tables`, `texts` and `check` import without torch; `classifier` loads a model, `tokens` a tokenised data
set, `builtin` makes a pair of both that needs no network.
"""
