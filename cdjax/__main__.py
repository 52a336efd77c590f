"""`python -m cdjax`, the same as the command `cdjax`."""

from cdjax.cli import start

if __name__ == "__main__":
    start()
