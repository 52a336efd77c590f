import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def standard_promotion():
    """Optax's Adam raises a Python float to an int32 array, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield
