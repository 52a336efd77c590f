"""The README's table of what importers read and refuse, made of the parameters of their tests.

python -m tests.importers.table            # prints it; needs every framework
"""

import importlib
from collections.abc import Iterable
from pathlib import Path

from tests.importers.contract import Refused, Supported

HERE = Path(__file__).parent


def collect() -> tuple[list[Supported], list[Refused]]:
    """Return what the tests try, of every module that says so."""
    supported: list[Supported] = []
    refused: list[Refused] = []
    for path in sorted([*HERE.glob("test_*.py"), *HERE.glob("live/[!_m]*.py")]):
        name = ".".join(path.relative_to(HERE).with_suffix("").parts)
        module = importlib.import_module(f"tests.importers.{name}")
        supported += getattr(module, "SUPPORTED", [])
        refused += getattr(module, "REFUSED", [])
    return supported, refused


def render(supported: Iterable[Supported], refused: Iterable[Refused]) -> str:
    """Return the table: a row a framework, each thing that is read or refused once."""
    sources: dict[str, dict[str, None]] = {}
    read: dict[str, dict[str, None]] = {}
    raises: dict[str, dict[str, None]] = {}
    for case in supported:
        sources.setdefault(case.framework, {})[case.source] = None
        read.setdefault(case.framework, {})[case.what] = None
    for case in refused:
        raises.setdefault(case.framework, {})[case.what] = None
    lines = ["| from | given as | read | refused by name |", "|---|---|---|---|"]
    for framework in sorted(read, key=str.casefold):
        cells = (sources[framework], read[framework], raises.get(framework, {}))
        lines.append(f"| {framework} | {' | '.join('; '.join(cell) for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(*collect()))
