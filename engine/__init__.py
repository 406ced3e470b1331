"""Everything about models and experiments; no terminal code."""
