"""What can end the scoring of a corpus."""


class CorpusError(ValueError):
    """A corpus that cannot be scored as it is asked for."""


class RejectedError(ValueError):
    """A record that has no scores, where none may be left out."""


class VerificationError(RuntimeError):
    """Scores that differ from the float64 recursion by more than the bound."""


class StoppedError(Exception):
    """A run that was asked to stop; the parts that it has finished are kept."""

    def __init__(self, done: int, parts: int):
        finished = f"{done:,} of {parts:,} parts are finished; go on with resume=True."
        super().__init__(f"stopped; {finished if done else 'no part was finished.'}")
        self.done, self.parts = done, parts
