"""Large windows: each is read in blocks, and elements that no window contains are not read."""
