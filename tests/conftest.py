import os
from pathlib import Path

# Signatures are checked while the tests run; before cdjax is first imported.
import jaxtyping

os.environ["CDJAX_CACHE"] = "off"  # leave the user's folder of compiled programs alone
jaxtyping.install_import_hook("cdjax", "beartype.beartype")

import cdjax  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("CDJAX_SHARED", ROOT.parent / "shared"))


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
