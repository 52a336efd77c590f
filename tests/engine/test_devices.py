import os
import subprocess
import sys

import cdjax
import numpy as np

from tests.conftest import ROOT, random_classifier

SCORE = """
import sys
import jax, numpy as np, cdjax
from cdjax.scoring import batch
from tests.conftest import random_classifier
assert jax.local_device_count() == 8
classifier = random_classifier(np.random.default_rng(0), dtype=np.float32)
rng = np.random.default_rng(1)
reviews = [rng.integers(0, 7, n) for n in rng.integers(0, 50, 60)]
asked = []
run_jobs = batch.run_jobs
batch.run_jobs = lambda c, jobs, *rest: run_jobs(c, (asked.append(j) or j for j in jobs), *rest)
results = cdjax.score_all_spans(classifier, reviews, cdjax.ACD)
assert len(asked) > 4, f"{len(asked)} jobs for 8 devices"
np.save(sys.argv[1], np.concatenate([result.scores for result in results]))
"""


def test_eight_devices_give_what_one_gives(tmp_path):
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "PYTHONPATH": str(ROOT)}
    out = tmp_path / "scores.npy"
    subprocess.run(
        [sys.executable, "-c", SCORE, str(out)], check=True, env=os.environ | flags, cwd=ROOT
    )
    classifier = random_classifier(np.random.default_rng(0), dtype=np.float32)
    rng = np.random.default_rng(1)
    reviews = [rng.integers(0, 7, n) for n in rng.integers(0, 50, 60)]
    results = cdjax.score_all_spans(classifier, reviews, cdjax.ACD)
    expected = np.concatenate([result.scores for result in results])
    assert expected.shape[0] > 20_000
    # Eight devices get other jobs, whose products are rounded otherwise, as machines do, too.
    np.testing.assert_allclose(np.load(out), expected, rtol=0, atol=5e-6)
