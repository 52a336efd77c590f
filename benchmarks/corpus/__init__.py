"""How a corpus is scored: `python -m benchmarks.corpus --help`.

    throughput  `cdjax score` beside the engine alone, in one process, in turns
    memory      its peak, of more and more reviews
    scaling     one and two processes of Ray: on the same reviews, and on as many each
    long        a review of 100,000 words

All on reviews of words drawn at random, as long as sentences of film reviews are, so that anyone
has them; the bundled model.
"""
