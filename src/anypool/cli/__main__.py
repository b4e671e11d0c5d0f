"""`python -m anypool.cli`: the same as `python -m anypool`."""

from . import main

main()
