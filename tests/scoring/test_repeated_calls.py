"""A call like one before traces and compiles nothing: tracing takes longer than scoring a text."""

import cdjax
import numpy as np
import pytest
from jax import monitoring

from tests.conftest import random_classifier


def texts(seed):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 7, n) for n in (5, 3)]


CALLS = {
    "score_spans": lambda model, seed: cdjax.score_spans(model, texts(seed)[0], [[0, 2], [1, 4]]),
    "score_all_spans": lambda model, seed: cdjax.score_all_spans(model, texts(seed)),
    "predict": lambda model, seed: cdjax.predict(model, texts(seed)),
}


@pytest.fixture
def traced():
    """The names of what JAX traces or compiles, as it does."""
    names = []

    def listen(event, duration, **details):
        names.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    yield names
    monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_traces_nothing(traced, name):
    call, hidden = CALLS[name], 21 + list(CALLS).index(name)  # a size that no other test has
    first, other = (random_classifier(np.random.default_rng(n), hidden=hidden) for n in (0, 1))
    call(first, 0)
    assert traced
    traced.clear()
    call(first, 1)
    call(other, 2)  # other weights of the same shapes
    assert traced == []
