"""Draws the README's picture: `python .github/negation.py`, from the project's root."""

import tempfile
from pathlib import Path

import cdjax
from cdjax.viz.heat_map import MethodScores, draw_heat_map
from cdjax.viz.scale import thresholds

explanation = cdjax.explain("It isn't a bad film.")
bad = explanation.tokens.index("bad")
spans = [(n, n + 1) for n in range(len(explanation))]
spans += [(start, bad + 1) for start in range(bad)]  # the words before it join, one by one
segments = [(start, stop, explanation[start:stop]) for start, stop in spans]
scale, _ = thresholds(explanation.units)
block = MethodScores("contextual decomposition", explanation.units, scale, segments)
with tempfile.TemporaryDirectory() as folder:
    draw_heat_map(Path(folder) / "negation", explanation.tokens, [block], explanation.labels)
    Path(".github/negation.png").write_bytes((Path(folder) / "negation.png").read_bytes())
