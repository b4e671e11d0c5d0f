"""Large windows: each is read in blocks, and elements outside all windows are not read."""
