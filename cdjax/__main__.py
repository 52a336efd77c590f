"""`python -m cdjax`, the same as the command `cdjax`."""

import sys

from cdjax.cli import main

if __name__ == "__main__":
    sys.exit(main())
