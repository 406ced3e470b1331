"""A model as a graph: capture it, describe it, change it safely, compare two, draw one.

`record`, `tree`, `analyses`, `diff`, `explain`, `reasons`, `words` and `draw` work on plain descriptions and import no
torch: screens use them as they are. `capture`, `transforms` and `erase` work on the torch.fx program behind one.
"""
