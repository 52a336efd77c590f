"""What a long command shows of itself: a bar on a terminal, or JSON lines; signals that end it."""

import contextlib
import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator

from cdjax.corpus.job import Progress

Report = Callable[[Progress], None]


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextlib.contextmanager
def show_progress(as_json: bool) -> Iterator[Report]:
    """Yield a `progress` for `score_corpus`."""
    if as_json:
        yield _write_json
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from cdjax.viz.console import Console

    console = Console(stderr=True)
    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("reviews{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("Reading", total=None, rate="")

        def report(at: Progress) -> None:
            new: dict = {"completed": at.done, "total": at.total}
            if at.stage == "score":
                new["description"] = "Scoring"
                if at.spans:
                    new["rate"] = f", {at.spans / at.seconds:,.0f} phrases a second"
            bar.update(task, **new)

        yield report


@contextlib.contextmanager
def show_bar(total: int, check: Callable[[], None]) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of reviews done: a bar, but only on a terminal.

    Args:
        total: Reviews.
        check: Called each time; as `interruptions` yields it.
    """
    from rich.progress import Progress as Bar

    from cdjax.viz.console import Console

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Scoring", total=total)

        def report(done: int) -> None:
            check()
            progress.update(task, completed=done)

        yield report


def _write_json(at: Progress) -> None:
    rate = at.spans / at.seconds if at.seconds else None
    left = None
    if at.total is not None and at.done_here and at.seconds:
        left = round((at.total - at.done) * at.seconds / at.done_here, 1)
    record = {
        "time": round(time.time(), 3),
        "stage": at.stage,
        "reviews": at.done,
        "of": at.total,
        "spans": at.spans,
        "spans_a_second": None if rate is None else round(rate, 1),
        "seconds_left": left,
        "peak_memory_bytes": peak_memory(),
    }
    print(json.dumps(record), file=sys.stderr, flush=True)


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the number of the signal that asked to stop; 0 when none did.

    SIGTERM and SIGHUP, as a cluster's scheduler, `docker stop` or a closed terminal send them, ask;
    a second one ends at once, as Ctrl-C does.
    """
    asked = 0

    def handle(number, frame):
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = number

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    for number in (getattr(signal, name) for name in names):
        if signal.getsignal(number) is signal.SIG_DFL:  # not where it is ignored, as under nohup
            before[number] = signal.signal(number, handle)
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
