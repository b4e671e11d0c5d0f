"""Windows that list their elements: compiled kernels, rewrites, masks."""
