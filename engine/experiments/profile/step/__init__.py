"""A step operator by operator."""
