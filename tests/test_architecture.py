"""The house: which room may look into which, and what `import cdjax` brings along."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import cdjax
import pytest

PACKAGE = Path(cdjax.__file__).parent
# Lower in the list may import higher, never the other way round.
ROOMS = [
    "activations",
    "checks",
    "display",
    "files",
    "memory",
    "spans",
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
    "corpus",
    "training",
    "datasets",
    "cli",
]
ELSEWHERE = {  # outside packages that only some rooms may import, at any level
    "faiss": {"phrases"},
    "flax": {"importers", "training"},
    "h5py": {"importers"},
    "onnx": {"importers"},
    "optax": {"training"},
    "jax": set(ROOMS) - {"display", "files", "text", "datasets"},
    "matplotlib": {"viz", "training"},
    "datasets": {"corpus"},
    "pyarrow": {"files", "results", "corpus"},
    "ray": {"corpus"},
    "rich": {"cli", "viz"},
    "sklearn": {"training"},
    "nltk": {"text"},
    "regex": {"text"},
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


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = [p for p in FILES if not room(p).startswith("__")]


def name_of(path):
    """The file as a module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in FILES}


def imported_files(path):
    """The files of cdjax that a file names in an import, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (NAMES[alias.name] for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = NAMES.get(f"{node.module}.{alias.name}")
                outer = NAMES.get(node.module)
                yield from (file for file in [inner or outer] if file is not None)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_up(path):
    here = room(path)
    assert here in ROOMS, f"{here} is not in the list of rooms"
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "cdjax" and rest:
            assert ROOMS.index(rest[0]) <= ROOMS.index(here), f"{path} imports {name}"
        assert here in ELSEWHERE.get(package, {here}), f"{path} imports {name}"


def find_circle(edges):
    """A list of nodes each of which leads to the next and the last to the first, or None."""
    finished = set()

    def visit(node, trail):
        if node in trail:
            return trail[trail.index(node) :]
        if node in finished:
            return None
        for following in sorted(edges.get(node, ())):
            circle = visit(following, [*trail, node])
            if circle:
                return circle
        finished.add(node)
        return None

    return next(filter(None, (visit(node, []) for node in sorted(edges))), None)


def test_no_two_files_import_each_other():
    assert find_circle({1: {2}, 2: {3, 4}, 4: {2}}) == [2, 4]
    edges = {path: set(imported_files(path)) - {path} for path in FILES}
    assert sum(map(len, edges.values())) > len(FILES)
    circle = find_circle(edges)
    assert circle is None, " -> ".join(map(name_of, circle))


def jitted(path):
    """The functions of a file that are compiled: by a decorator or a call of `jit`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if any("jit" in re.findall(r"\w+", ast.unparse(d)) for d in node.decorator_list):
                yield node
        elif isinstance(node, ast.Assign) and "jit" in re.findall(r"\w+", ast.unparse(node.value)):
            yield node


def test_modules_are_short():
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert max(lengths.values()) <= 400, max(lengths, key=lambda path: lengths[path])
    assert sum(lengths[path] for path in PACKAGE.glob("core/*.py")) <= 800


def test_core_compiles_its_scans_alone():
    """A bare scan is compiled anew at every call; all else is left to who calls core."""
    compiled = [node for path in PACKAGE.glob("core/*.py") for node in jitted(path)]
    assert compiled
    for node in compiled:
        assert "lax.scan(" in ast.unparse(node), ast.unparse(node)[:200]


def loaded_by(code):
    """Return the modules that a new process has after some code, beyond those of Python itself."""
    code = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_cdjax_is_light():
    assert {name.split(".")[0] for name in loaded_by("import cdjax")} <= {
        *sys.stdlib_module_names,
        "cdjax",
    }
    loaded = loaded_by(
        "import jax.numpy, numpy; before = set(sys.modules); from cdjax import decompose"
    )
    outside = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names
    assert outside <= {"cdjax", "jaxtyping", "numpy"}
    rooms = {name.split(".")[1] for name in loaded if name.startswith("cdjax.")}
    assert rooms <= {"activations", "checks", "core", "spans"}
    slow = {"argparse", "asyncio", "http", "multiprocessing", "subprocess", "unittest", "urllib"}
    assert slow & loaded == set()


def test_the_command_line_is_there_before_jax():
    """Ctrl-C is heeded from the first moment."""
    outside = {name.split(".")[0] for name in loaded_by("import cdjax.cli")}
    assert outside <= {*sys.stdlib_module_names, "cdjax"}


def test_public_names_are_what_they_say():
    assert len(set(cdjax.__all__)) == len(cdjax.__all__)
    for name in cdjax.__all__:
        public = getattr(cdjax, name)
        if isinstance(public, cdjax.Rule):
            assert public.name == name.lower()
        elif not name.startswith("__"):
            assert public.__name__.split(".")[-1] == name
            module = public.__name__ if inspect.ismodule(public) else public.__module__
            assert module.startswith("cdjax."), f"{name} is defined in {module}"
            assert inspect.getdoc(public), f"{name} has no docstring"
    imported = {}
    exec("from cdjax import *", imported)
    assert {*imported} - {"__builtins__"} == set(cdjax.__all__)
    public = {n: v for n, v in vars(cdjax).items() if not n.startswith("_")}
    ours = {n for n, v in public.items() if getattr(v, "__module__", "").startswith("cdjax.")}
    assert ours <= set(cdjax.__all__), "imported, but not in __all__"
