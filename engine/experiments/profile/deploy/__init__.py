"""A model on the engines that are installed."""
