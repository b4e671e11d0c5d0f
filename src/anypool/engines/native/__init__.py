"""The compiled library: its records, its memory layouts, its selection networks."""
