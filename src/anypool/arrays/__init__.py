"""Array libraries: the same few names in each module, loaded only if the caller already imported that library."""
