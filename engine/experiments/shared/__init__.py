"""What several experiments use: settings, the workbench, training, choosing, charts."""
