import gc
import signal

import pytest
from cdjax.cli import options
from cdjax.cli.options import name_flags

ARGUMENTS = "max_len", "overwrite", "format", "hidden", "no_header", "dev"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("out exists; give overwrite=True.", "out exists; give --overwrite."),
        ("name them by position: header=False.", "name them by position: --no-header."),
        ("Limit the phrases: max_len=10 leaves 9.", "Limit the phrases: --max-len 10 leaves 9."),
        ("read as trees; format='txt' reads text", "read as trees; --format txt reads text"),
        ("max_len is 0; expected 1", "--max-len is 0; expected 1"),
        ("hidden is 0; expected at least 1.", "--hidden is 0; expected at least 1."),
        # English, paths, the names of columns, and arguments that the command lacks stay.
        ("its hidden state, of another format", "its hidden state, of another format"),
        ("max_len.csv, 'max_len', ./max_len/a", "max_len.csv, 'max_len', ./max_len/a"),
        ("my_max_len and max_len_2", "my_max_len and max_len_2"),
        ("resume=True without a checkpoint", "resume=True without a checkpoint"),
    ],
)
def test_arguments_are_named_as_flags(message, expected):
    assert name_flags(message, ARGUMENTS) == expected


@pytest.fixture
def heeds_interruptions():
    """In the background of a shell, SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interruptions")
def test_an_interruption_that_a_callback_loses_is_raised_again_and_prints_nothing(capfd):
    def press(*_):
        gc.callbacks.remove(press)
        signal.raise_signal(signal.SIGINT)

    with options.interruptions() as check:
        gc.callbacks.append(press)
        gc.collect()  # Python drops what is raised in a callback
        with pytest.raises(KeyboardInterrupt):
            check()
    assert capfd.readouterr() == ("", "")
