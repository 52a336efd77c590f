"""Files that a command is to write, looked at before the work and not after."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cdjax.cli.options import UserError


def check_outputs(
    outputs: Mapping[str, Path | None], inputs: Iterable[Path | str], *, replace: bool
) -> None:
    """Raise UserError unless each file can be written, and is none of the others or of the inputs.

    Args:
        outputs: By the flag that names it; None where it is not wanted.
        inputs: Files that are read.
        replace: Whether files that are there may be replaced.
    """
    taken = {Path(path).resolve(): "the input" for path in inputs}
    for flag, path in outputs.items():
        if path is None:
            continue
        if (other := taken.setdefault(path.resolve(), flag)) != flag:
            raise UserError(f"{flag} {path} is also {other}; give another file.")
        if path.is_dir():
            raise UserError(f"{flag} {path} is a folder; expected a file.")
        if not path.parent.is_dir():
            raise UserError(f"{flag} {path}: there is no folder {path.parent}; make it first.")
        if path.exists() and not replace:
            raise UserError(f"{flag} {path} exists; give another file or --overwrite.")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UserError(f"{flag} {path} can't be written there; give another file.")
