"""How fast cdjax is, and beside what: `python -m benchmarks.speed`.

Every benchmark holds its answers against the float64 recursion before it takes a time, and refuses
to go on where they differ. That first call also compiles. What is compared is then run in turns
within one process, several rounds, and medians are reported: on a shared machine ratios within a
run mean something, seconds little.

    python -m benchmarks.speed --out speed.json             all; about a quarter of an hour
    python -m benchmarks.speed --only corpus,flat --quick   small sizes, to see whether it runs
    python -m benchmarks.speed --markdown speed.json        the README's table, from that run

A benchmark is a module here with `run(setup)`, which returns what the JSON holds, and
`show(result)`, which renders it.
"""
