import gc
import os
import shutil
import tempfile
from pathlib import Path

# Signatures are checked while the tests run; before cdjax is first imported.
import jaxtyping

from tests import typechecker

os.environ["CDJAX_CACHE"] = "off"  # leave the user's folder of compiled programs alone
jaxtyping.install_import_hook("cdjax", f"{typechecker.__name__}.check")

# What one process of this run compiles, its other processes read: workers, and commands that tests
# start. The folder lives as long as the run.
COMPILED = None
if "PYTEST_XDIST_WORKER" not in os.environ:
    COMPILED = tempfile.mkdtemp(prefix="cdjax-compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"

# Most of the time of a test goes into compiling, and most of that into optimizing programs that run
# once. In these files the fast path is tested as it is compiled for users.
OPTIMIZED = (
    "tests/engine/test_lstm_float32.py",
    "tests/engine/test_networks_float32.py",
    "tests/corpus/test_engines.py",
)
QUICK = "JAX_DISABLE_MOST_OPTIMIZATIONS"
os.environ[QUICK] = "1"

import cdjax  # noqa: E402
import hypothesis  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from cdjax.core.rules import RULES  # noqa: E402

# A busy machine makes no test wrong.
hypothesis.settings.register_profile("cdjax", deadline=None)
hypothesis.settings.load_profile("cdjax")

# Compiling leaves many objects that live on; looking for cycles among them took a twentieth of the
# suite's time.
gc.set_threshold(20_000, 20, 20)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

QUICK_RULES = "paper", "released", "even"
"""These differ in all that the named rules differ in, but for gates that are not split."""
RULE_CASES = [
    pytest.param(rule, id=name, marks=() if name in QUICK_RULES else pytest.mark.thorough)
    for name, rule in RULES.items()
]
"""The rules as parameters, most of them of thorough tests."""

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("CDJAX_SHARED", ROOT.parent / "shared"))


def compile_without_fusion_emitters():
    """Let XLA compile fused loops by its older code, twice as fast, where optimization is off.

    There is no public setting of it for a part of a process. Where this JAX has neither the option
    nor the function, the tests only take longer.
    """
    option = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda x: x + 1, compiler_options=option)(1.0)
        from jax._src import compiler

        get_options = compiler.get_compile_options
    except (jax.errors.JaxRuntimeError, ImportError, AttributeError):
        return

    def get_quick_options(*args, **kwargs):
        options = get_options(*args, **kwargs)
        if jax.config.values[QUICK.lower()]:
            options.env_option_overrides = [*options.env_option_overrides, *option.items()]
        return options

    compiler.get_compile_options = get_quick_options


compile_without_fusion_emitters()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Compile with or without optimization; nothing compiled the other way is used again."""
    quick = item.path not in [ROOT / path for path in OPTIMIZED]
    if quick != jax.config.values[QUICK.lower()]:
        jax.config.update(QUICK.lower(), quick)
        os.environ[QUICK] = str(int(quick))
        jax.clear_caches()


# Every compiled program maps memory, and Linux ends a process that maps more than 65,530 regions:
# some tests of Flax alone leave 900.
MAPPINGS = Path("/proc/self/maps")
MOST_MAPPINGS = 30_000
tests_until_look = 10


def pytest_runtest_teardown():
    """Drop the compiled programs of this process before they are too many for it."""
    global tests_until_look
    tests_until_look -= 1
    if tests_until_look or not MAPPINGS.exists():
        return
    tests_until_look = 10
    if MAPPINGS.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()


def pytest_unconfigure():
    if COMPILED is not None:
        shutil.rmtree(COMPILED, ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Where the data sets lie beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no data sets at {SHARED}; set CDJAX_SHARED to the folder that has them")
    return SHARED


@pytest.fixture
def x64():
    """Run the test in float64."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def as_users():
    """Leave signatures unchecked, as outside of the tests, so that our own messages show."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def read_npz(path) -> dict[str, np.ndarray]:
    """Return the arrays of a file."""
    with np.load(path) as file:
        return dict(file)


def random_layer(rng, inputs, hidden, scale=1.0, dtype=np.float64):
    shapes = (4, hidden, inputs), (4, hidden, hidden), (4, hidden)
    return cdjax.LSTMParams(*((scale * rng.normal(size=s)).astype(dtype) for s in shapes))


def random_classifier(rng, words=7, inputs=3, hidden=5, classes=2, scale=1.0, dtype=np.float64):
    return cdjax.Classifier(
        embedding=rng.normal(size=(words, inputs)).astype(dtype),
        layers=(random_layer(rng, inputs, hidden, scale, dtype),),
        readout=rng.normal(size=(classes, hidden)).astype(dtype),
        bias=rng.normal(size=classes).astype(dtype),
    )
