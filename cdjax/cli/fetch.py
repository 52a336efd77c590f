"""`cdjax fetch`: a public data set, with a progress bar."""

import argparse
from pathlib import Path

from cdjax.cli import options as common
from cdjax.datasets.download import DownloadError
from cdjax.datasets.fetch import fetch
from cdjax.datasets.sources import SOURCES
from cdjax.display import show

_NAMES = "\n".join(f"  {name:14}{source.about}" for name, source in SOURCES.items())

DESCRIPTION = f"""\
Download a public data set, check its sha256 and put its files into a folder.

{_NAMES}

A lost connection is resumed, also by the same command later. Proxies are those of the environment.

examples:
  cdjax fetch sst --to sst/
  cdjax fetch glove-6B --to vectors/
  cdjax train --data sst/ --vectors vectors/glove.6B.zip/glove.6B.300d.txt --out my-model/
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `cdjax fetch`."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", choices=tuple(SOURCES), metavar="NAME", help="the data set")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder")
    parser.add_argument("--mirror", metavar="URL", help="another address of the same file")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def run(args: argparse.Namespace) -> None:
    """Download the data set and list its files."""
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    from cdjax.viz.console import Console

    columns = *Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn()
    console = Console(stderr=True)
    with common.interruptions(), Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(args.name, total=None)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        with common.as_user_error(DownloadError):
            files = fetch(
                SOURCES[args.name],
                args.to,
                mirror=args.mirror,
                overwrite=args.overwrite,
                progress=progress,
            )
    for path in files:
        print(f"{show(str(path))} ({path.stat().st_size:,} bytes)")
