"""IndexedWindows: compiled kernels, rewrites, masks."""
