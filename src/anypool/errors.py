"""The one error: what was asked with its values, what is possible, how to get it."""


class PoolingError(ValueError):
    """Anypool cannot do what was asked; the message says what is possible instead."""
