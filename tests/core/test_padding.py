import pytest
from cdjax.core.padding import padded_length


@pytest.mark.parametrize("least", [2, 8, 24])
def test_padding_is_bounded_and_few_lengths_arise(least):
    lengths = range(1, 2000)
    padded = [padded_length(length, least) for length in lengths]
    for length, longer in zip(lengths, padded, strict=True):
        assert max(length, least) <= longer
        assert longer == least or longer * 2 < 3 * length or longer <= 8
    assert padded == sorted(padded)
    assert len(set(padded)) <= 20
    assert padded_length(0, least) == least
