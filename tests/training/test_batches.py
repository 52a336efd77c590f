import numpy as np
from cdjax.training.batches import (
    NO_WORD,
    Examples,
    count_batches,
    padded_length,
    shuffled_batches,
)


def test_every_example_comes_once_and_whole():
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 50, size=rng.integers(1, 40)) for _ in range(205)]
    examples = Examples(sequences, rng.integers(0, 2, 205).astype(np.int32))
    seen = []
    shapes = set()
    count = 0
    for batch in shuffled_batches(examples, 8, 2, np.random.default_rng(1)):
        count += 1
        shapes.add(batch.positions.shape)
        real = batch.weights == 1
        assert set(batch.weights) <= {0, 1}
        assert real.sum() == len(batch.members)
        words = batch.words[batch.words != NO_WORD]
        assert len(set(words)) == len(words)
        assert batch.words.shape == (batch.positions.size,)
        for places, length, target in zip(
            batch.positions[real], batch.lengths[real], batch.targets[real], strict=True
        ):
            assert len(places) == padded_length(int(length))
            assert sorted(target) == [0, 1]
            seen.append((tuple(words[places[:length]]), int(target.argmax())))
            assert (batch.words[places[length:]] == NO_WORD).all()
    expected = [(tuple(r), int(n)) for r, n in zip(sequences, examples.labels, strict=True)]
    assert sorted(seen) == sorted(expected)
    assert len(shapes) <= 9
    assert count == count_batches(examples, 8)
    assert {rows for rows, _ in shapes} == {8}


def test_order_follows_the_generator():
    examples = Examples([np.array([n]) for n in range(1, 33)], np.zeros(32, np.int32))

    def order(seed):
        batches = shuffled_batches(examples, 4, 2, np.random.default_rng(seed))
        return np.concatenate([batch.members for batch in batches]).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != sorted(order(0))


def test_targets_come_with_their_examples():
    targets = np.random.default_rng(0).dirichlet([1, 1, 1], 7).astype(np.float32)
    sequences = [np.array([n + 1]) for n in range(7)]
    examples = Examples(sequences, np.zeros(7, np.int32), targets)
    for batch in shuffled_batches(examples, 3, 3, np.random.default_rng(0)):
        np.testing.assert_array_equal(batch.targets[: len(batch.members)], targets[batch.members])
