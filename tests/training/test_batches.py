import numpy as np
from cdjax.training.batches import Examples, count_batches, padded_length, shuffled_batches


def test_every_example_comes_once_and_whole():
    rng = np.random.default_rng(0)
    reviews = [rng.integers(1, 50, size=rng.integers(1, 40)) for _ in range(205)]
    examples = Examples(reviews, rng.integers(0, 2, 205).astype(np.int32))
    seen = []
    shapes = set()
    count = 0
    for batch in shuffled_batches(examples, 8, np.random.default_rng(1)):
        count += 1
        shapes.add(batch.ids.shape)
        real = batch.weights == 1
        assert set(batch.weights) <= {0, 1}
        for ids, length, label in zip(
            batch.ids[real], batch.lengths[real], batch.labels[real], strict=True
        ):
            assert batch.ids.shape[1] == padded_length(int(length))
            seen.append((tuple(ids[:length]), int(label)))
    expected = [(tuple(r), int(n)) for r, n in zip(reviews, examples.labels, strict=True)]
    assert sorted(seen) == sorted(expected)
    assert len(shapes) <= 9
    assert count == count_batches(examples, 8)
    assert {rows for rows, _ in shapes} == {8}


def test_order_follows_the_generator():
    examples = Examples([np.array([n]) for n in range(1, 33)], np.zeros(32, np.int32))

    def order(seed):
        batches = shuffled_batches(examples, 4, np.random.default_rng(seed))
        return np.concatenate([batch.ids[:, 0] for batch in batches]).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != sorted(order(0))
