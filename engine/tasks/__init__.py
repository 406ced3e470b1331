"""What models are for, and how they are scored: one file for each kind of task."""
