"""Order statistics of regular windows: compiled selection networks, histograms and sorting."""
