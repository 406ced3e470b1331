"""Run directories, their readers, and the processes that work on them: driver, host, child. Knows nothing of models."""
