"""The lengths that arrays are padded to: few, so that few programs are compiled."""


def padded_length(length: int, least: int = 8) -> int:
    """Return the length a sequence is padded to: 2, 4, 8, 12, 16, 24, 32, 48, 64, 96 ...

    Powers of two, and from 8 on the middle between two of them: at most half is padding below 8
    steps, at most a third above.

    Args:
        length: Steps of the sequence.
        least: The shortest length wanted, one of the series.

    >>> [padded_length(length) for length in (0, 1, 8, 9, 13, 17, 25, 1000)]
    [8, 8, 8, 12, 16, 24, 32, 1024]
    >>> [padded_length(length, least=2) for length in (1, 3, 5)]
    [2, 4, 8]
    """
    power = max(least, 1 << (length - 1).bit_length())
    middle = power * 3 // 4
    return middle if power > 8 and max(least, length) <= middle else power
