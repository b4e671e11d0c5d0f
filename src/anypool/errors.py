"""The only error class. Its messages name the argument and its value, and say what is possible."""


class PoolingError(ValueError):
    """Anypool cannot compute this call. The message says what is possible instead."""
