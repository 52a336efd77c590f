import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cdjax.training.batches import NO_WORD
from cdjax.training.lazy_adam import average_rows, read_rows, start_rows, update_rows

RATE, DECAY = 0.01, 0.9


def make(rows=6, width=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(rows, width)).astype(np.float32)


def test_with_every_row_in_every_batch_it_is_adam():
    rng, embedding = make()
    lazy, adam = start_rows(embedding), optax.adam(RATE)
    params, state = jnp.asarray(embedding), adam.init(jnp.asarray(embedding))
    average, total = params, 0.0
    for step in range(1, 9):
        gradient = jnp.asarray(rng.normal(size=embedding.shape), jnp.float32)
        words = jnp.asarray(rng.permutation(6).astype(np.int32))
        lazy = update_rows(lazy, words, gradient[words], RATE, step, total, np.log(DECAY))
        updates, state = adam.update(gradient, state)
        params = optax.apply_updates(params, updates)
        average = DECAY * average + (1 - DECAY) * params
        total += np.log(DECAY)
    np.testing.assert_allclose(lazy.rows, params, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(average_rows(lazy, total), average, rtol=1e-5, atol=1e-6)


def test_rows_no_batch_reads_stay_and_averages_make_up_for_it():
    rng, embedding = make()
    lazy = start_rows(embedding)
    average, total = embedding.copy(), 0.0
    for step in range(1, 12):
        chosen = rng.choice(5, 2, replace=False)  # never the last row
        words = jnp.asarray([*chosen, NO_WORD], jnp.int32)
        gradient = jnp.asarray(rng.normal(size=(3, 3)), jnp.float32)
        before = np.asarray(lazy.rows)
        lazy = update_rows(lazy, words, gradient, RATE, step, total, np.log(DECAY))
        rest = np.setdiff1d(np.arange(6), chosen)
        np.testing.assert_array_equal(lazy.rows[rest], before[rest])
        assert (np.asarray(lazy.rows)[chosen] != before[chosen]).all()
        average = DECAY * average + (1 - DECAY) * np.asarray(lazy.rows)
        total += np.log(DECAY)
    np.testing.assert_array_equal(lazy.rows[5], embedding[5])
    np.testing.assert_allclose(average_rows(lazy, total), average, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("words", [[0, NO_WORD], [NO_WORD, NO_WORD]])
def test_no_word_reads_zeros(words):
    _, embedding = make()
    rows = read_rows(start_rows(embedding), jnp.asarray(words, jnp.int32))
    expected = [embedding[w] if w != NO_WORD else np.zeros(3) for w in words]
    np.testing.assert_array_equal(rows, expected)
