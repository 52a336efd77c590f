"""What is read of the outputs of all steps, computed along with them: no step's `beta` is stored.

Every pool is linear once the forward pass is known, so the phrase's part of it adds up along the
trunk and the tail: of the mean it is the sum of `beta`. Of the maximum it is, unit by unit, `beta`
at the step where `h` is largest: a part that is taken over at every step where `h` is larger than
at all steps before is, at the end, the one of that step.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cdjax.engine.driver import gather_rows

Outputs = Float[Array, "s p"]


class PoolRows(NamedTuple):
    """What a pool depends on, one row for each time step."""

    steps: Float[Array, "n 1"]  # steps of the sequence so far
    taken: Bool[Array, "n p"] | None  # whether the pool takes over the output; None: it adds it


class Pool(NamedTuple):
    """A pool other than the last output. Hashable, so static."""

    kind: str
    """`"mean"`, `"max"`, or `"first"`: the output at the first step of the pass."""
    reverse: bool = False
    """Whether the pass begins at the sequence's end: of equal outputs the last one is taken."""

    def start(self, lanes: int, width: int, dtype: Any) -> tuple[Outputs, Array]:
        """Return what is pooled before the first step, and the number of steps."""
        nothing = -jnp.inf if self.kind == "max" else 0
        return jnp.full((lanes, width), nothing, dtype), jnp.zeros((lanes, 1), dtype)

    def forward(
        self, state: tuple[Array, Array], h: Outputs
    ) -> tuple[tuple[Array, Array], tuple[Outputs, PoolRows]]:
        """Return the new state, and of the step the pool of the outputs so far and the rows."""
        pooled, count = state
        if self.kind == "mean":
            new, count = pooled + h, count + 1
            return (new, count), (new / count, PoolRows(count, None))
        if self.kind == "first":
            taken = jnp.broadcast_to(count == 0, h.shape)
        else:
            taken = h >= pooled if self.reverse else h > pooled
        new, count = jnp.where(taken, h, pooled), count + 1
        return (new, count), (new, PoolRows(count, taken))

    def add(self, rows: PoolRows, row: Int[Array, "s"], pooled: Array, beta: Outputs) -> Outputs:
        """Return what is pooled of the phrase after the given rows."""
        if rows.taken is None:
            return pooled + beta
        return jnp.where(gather_rows(rows.taken, row), beta, pooled)

    def read(self, rows: PoolRows, row: Int[Array, "s"], pooled: Outputs) -> Outputs:
        """Return the phrase's part of the pool of all outputs up to the given rows."""
        return pooled if rows.taken is not None else pooled / gather_rows(rows.steps, row)
