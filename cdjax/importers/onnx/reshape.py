"""Reshape of a tensor whose batch and steps have sizes that may be open."""

from cdjax.importers.onnx.sizes import Number, divide, multiply
from cdjax.importers.onnx.values import Labels, Network, Value

Factor = tuple[str | None, Number]
"""A label and its size, or None and the size of a feature axis."""


def reshape(network: Network, x: Value, target: list[Number]) -> Value:
    """Return a tensor in another shape.

    The factors of its axes are distributed over the new axes from the front, so that an axis of the
    batch or the steps is kept whole, merged with another one, or taken apart again; one that would
    be mixed with features is refused.
    """
    shape = network.shape(x)
    target = _settle_open(shape, target)
    if not x.signal:
        sizes = [size for size in target if isinstance(size, int)]
        return Value.constant(x.array.reshape(sizes))
    factors: list[Factor] = []
    for named, size in zip(x.labels, x.array.shape, strict=True):
        factors += [(label, network.sizes[label.lstrip("~")]) for label in named]
        factors += [(None, size)] * (not named and size != 1)
    labels: list[Labels] = []
    sizes: list[int] = []
    wanted = list(target)
    while wanted:
        group, axes = _next_group(factors, wanted)
        factors, wanted = factors[len(group) :], wanted[len(axes) :]
        for named, size in _share_out(group, axes):
            labels.append(named)
            sizes.append(size)
    if any(size != 1 for _, size in factors):
        raise ValueError(f"reshapes {shape} to {target}, which has fewer elements")
    return Value(x.array.reshape(sizes), tuple(labels), True)


def _settle_open(shape: list[Number], target: list[Number]) -> list[Number]:
    """Return a shape with its -1 found out."""
    if target.count(-1) > 1:
        raise ValueError(f"reshapes to {target}")
    if -1 in target:
        rest = divide(multiply(shape), multiply(size for size in target if size != -1))
        target = target if rest is None else [rest if size == -1 else size for size in target]
    if -1 in target or multiply(target) != multiply(shape):
        raise ValueError(
            f"reshapes {shape} to {target}; expected as many elements whatever the number of "
            f"sequences and steps. Export the model with dynamic axes"
        )
    return target


def _next_group(factors: list[Factor], wanted: list[Number]) -> tuple[list[Factor], list[Number]]:
    """Return the fewest factors and new axes, from the front, that have as many elements."""
    group, axes = [], [wanted[0]]
    have, need = 1, wanted[0]
    # A label of size 1 goes with a new axis of size 1; else such an axis is one of features.
    if need == 1:
        return ([factors[0]] if factors and factors[0][0] and factors[0][1] == 1 else []), axes
    while have != need:
        left = factors[len(group) :]
        if left and (divide(need, have) is not None or len(axes) == len(wanted)):
            group.append(left[0])
            have = have * left[0][1]
        elif len(axes) < len(wanted):
            axes.append(wanted[len(axes)])
            need = need * axes[-1]
        else:
            raise ValueError("reshapes across the batch or the steps")
    return group, axes


def _share_out(group: list[Factor], axes: list[Number]) -> list[tuple[Labels, int]]:
    """Return the labels and feature sizes of the new axes that a group of factors becomes."""
    named = [(label, size) for label, size in group if label]
    if all(size == 1 for _, size in named):
        if len(group) == 1 and named:
            return [((named[0][0] or "",), 1)]
        return [((), int(size)) for size in axes if isinstance(size, int)]
    named = [(label, size) for label, size in named if size != 1]
    if len(group) > len(named) and any(not label for label, _ in group):
        raise ValueError("mixes features with the batch or the steps")
    shared: list[tuple[Labels, int]] = []
    for axis in axes:
        labels: list[str] = []
        have: Number = 1
        while have != axis:
            if not named or divide(axis, have) is None:
                raise ValueError("takes the batch or the steps apart otherwise than they were")
            label, size = named.pop(0)
            labels.append(label or "")
            have = have * size
        shared.append((tuple(labels), 1))
    return shared
