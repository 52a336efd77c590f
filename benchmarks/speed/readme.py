"""The README's table of speed, from one run's JSON."""

from collections.abc import Iterator
from typing import Any

from benchmarks.speed.report import figure, table


def render(record: dict[str, Any]) -> str:
    """Return the section: where it was measured, then a row a claim; only what was measured."""
    done, versions = record["benchmarks"], record["versions"]
    rows = [row for name, claims in CLAIMS.items() if name in done for row in claims(done[name])]
    head = (
        f"Measured with jax {versions['jax']} on {record['cores']} cores "
        f"({record['device']['kind']}), in one run of `python -m benchmarks.speed"
        + (" --full`" if record["full"] else "`")
        + (", **with quick sizes that mean nothing**" if record["quick"] else "")
        + f". Lengths: {record['lengths']}. Ratios within the run matter, seconds depend on the "
        "machine."
    )
    text = f"{head}\n\n{table(('', 'paper', 'acd'), rows)}"
    return f"{text}\n\n{_footnote(done['corpus'])}" if "corpus" in done else text


def _footnote(result) -> str:
    """Say how the times of the peers were come by."""
    how = "; ".join(
        f"{name}: {figure(result['seconds'][name])} ± {figure(estimate['standard_error'])} s, "
        f"from {estimate['drawn']} {estimate['part']}s"
        for name, estimate in result["estimates"].items()
    )
    missing = "".join(f" Not measured: {why}." for why in result["missing"])
    return (
        "\\* Timed live in the same run on a random sample and extrapolated without bias, with "
        f"standard errors ({how}). acd.cd_text and the batches of PyTorch know the rule of "
        f"acd only.{missing}"
    )


def _corpus(result) -> Iterator[tuple[str, ...]]:
    sizes, seconds, faster = result["sizes"], result["seconds"], result["times_as_fast_as"]
    rules = ("paper", "acd")

    def row(what, values):
        return (what, *values)

    yield row(
        f"All {sizes['spans']:,} spans of {sizes['reviews']:,} reviews (H = {sizes['hidden']})",
        (f"{figure(seconds[f'cdjax {rule}'])} s" for rule in rules),
    )
    for name, what in (
        ("acd.cd_text", "times as fast as `acd.cd_text`*"),
        ("PyTorch batch", "times as fast as PyTorch, a review a batch*"),
        ("vmap", "times as fast as the plain `jit(vmap(decompose))`*"),
    ):
        keys = [f"{name} {rule}" if name == "vmap" else name for rule in rules]
        if all(key in seconds for key in keys):
            pairs = zip(rules, keys, strict=True)
            yield row(what, (figure(faster[f"cdjax {rule}"][key]) for rule, key in pairs))
    yield row(
        "times the time of the matrix product alone",
        (figure(result["products"][f"cdjax {rule}"]) for rule in rules),
    )


def _flat(result) -> Iterator[tuple[str, ...]]:
    costs, spread = result["microseconds"], result["max_over_min_from_20"]
    lengths = [int(length) for length in costs["acd"]]
    spreads = (f"{figure(spread[rule])}" for rule in ("paper", "acd"))
    yield (
        f"cost of a span-step in products, 20 to {max(lengths):,} words: most over least",
        *spreads,
    )


def _hidden(result) -> Iterator[tuple[str, ...]]:
    products = {(row["hidden"], row["program"]): row["products"] for row in result["rows"]}
    for hidden in sorted({hidden for hidden, _ in products}):
        values = (figure(products[hidden, rule]) for rule in ("paper", "acd"))
        yield (f"times the time of the product alone, H = {hidden}", *values)


def _max_len(result) -> Iterator[tuple[str, ...]]:
    rates = result["spans_per_second"]
    for limit in ("all", "5"):
        what = "spans a second, all lengths" if limit == "all" else f"the same, up to {limit} words"
        yield (what, *(figure(rates[f"{rule} {limit}"]) for rule in ("paper", "acd")))


def _memory(result) -> Iterator[tuple[str, ...]]:
    for name, case in result["cases"].items():
        yield f"peak memory: {name}", f"{figure(case['peak_bytes'] / 1e6)} MB", ""


def _cold_start(result) -> Iterator[tuple[str, ...]]:
    for name, seconds in result["seconds"].items():
        ratio = figure(result["ratios"][name])
        yield f"new process: {name}", f"{figure(seconds)} s ({ratio} x)", ""


def _devices(result) -> Iterator[tuple[str, ...]]:
    largest = max(result["largest_difference_to_one_device"].values())
    counts = ", ".join(result["seconds"])
    took = ", ".join(f"{figure(seconds)} s" for seconds in result["seconds"].values())
    yield f"all spans on {counts} virtual devices", took, ""
    yield f"largest difference between {counts} devices", f"{largest:.1g}", ""


def _methods(result) -> Iterator[tuple[str, ...]]:
    for row in result["rows"].values():
        spans = "" if row["spans"] == "all" else f", {row['spans']}"
        took = f"{figure(row['seconds'])} s ({figure(row['factor'])} x its passes)"
        yield f"all reviews, {row['title']}{spans}", took, ""


CLAIMS = {
    "corpus": _corpus,
    "flat": _flat,
    "hidden": _hidden,
    "max_len": _max_len,
    "memory": _memory,
    "cold_start": _cold_start,
    "devices": _devices,
    "methods": _methods,
}
