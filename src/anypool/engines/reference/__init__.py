"""The reference: any reduction of any windows, in the array library's own functions."""
