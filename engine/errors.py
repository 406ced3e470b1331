"""The one exception that means: the user can mend this."""


class InputError(ValueError):
    """Input that cannot be used. The message is one sentence: what is wrong and how to mend it."""
