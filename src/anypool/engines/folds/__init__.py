"""Folds of regular windows: recipes of the compiled kernels, linear forms, gradients."""
