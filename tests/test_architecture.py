"""The house: which room may look into which, and what `import cdjax` brings along."""

import ast
import subprocess
import sys
from pathlib import Path

import cdjax
import pytest

PACKAGE = Path(cdjax.__file__).parent
# Lower in the list may import higher, never the other way round.
ROOMS = [
    "core",
    "results",
    "text",
    "model",
    "engine",
    "importers",
    "scoring",
    "methods",
    "phrases",
    "viz",
    "training",
    "datasets",
    "cli",
]
ELSEWHERE = {  # outside packages that only some rooms may import, at any level
    "faiss": {"phrases"},
    "flax": {"training"},
    "optax": {"training"},
    "jax": set(ROOMS) - {"text", "datasets"},
    "matplotlib": {"viz", "training"},
    "pyarrow": {"text", "results", "scoring", "cli"},
    "rich": {"cli", "viz"},
    "sklearn": {"training"},
    "nltk": {"text"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = [p for p in sorted(PACKAGE.rglob("*.py")) if not room(p).startswith("__")]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_up(path):
    here = room(path)
    assert here in ROOMS, f"{here} has no place in the list of rooms"
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "cdjax" and rest:
            assert ROOMS.index(rest[0]) <= ROOMS.index(here), f"{path} imports {name}"
        assert here in ELSEWHERE.get(package, {here}), f"{path} imports {name}"


def test_importing_cdjax_is_light():
    heavy = {"faiss", "flax", "optax", "pyarrow", "nltk", "rich", "matplotlib", "torch", "sklearn"}
    code = "import sys, cdjax; print(*(name.split('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not heavy & set(loaded.stdout.split())


def test_public_names_are_there():
    assert all(hasattr(cdjax, name) for name in cdjax.__all__)
