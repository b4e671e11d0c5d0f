"""The reference: any reduction of any windows, in functions of the array library."""
