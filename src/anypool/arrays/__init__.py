"""Array libraries: one adapter for each. A library is loaded only if the caller has imported it."""
