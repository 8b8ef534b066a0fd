"""`python -m placeplan` is the console script."""

from placeplan.cli import main

main()
