"""The operators anypool::forward and anypool::backward, and the text that describes their calls."""
