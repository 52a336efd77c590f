"""All experiments by name, in the order in which they run and are reported.

A new experiment is a module with an `EXPERIMENT`, and a line here.
"""

from collections.abc import Collection

from benchmarks.paper import (
    compositionality,
    deletion,
    dissent,
    negation,
    neighbours,
    phrase_labels,
    rules,
    unigrams,
)
from benchmarks.paper.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        unigrams.EXPERIMENT,
        dissent.EXPERIMENT,
        compositionality.EXPERIMENT,
        negation.EXPERIMENT,
        neighbours.EXPERIMENT,
        deletion.EXPERIMENT,
        phrase_labels.EXPERIMENT,
        rules.EXPERIMENT,
    )
}


def can_run(experiment: Experiment, data: Collection[str]) -> bool:
    """Return whether the data that an experiment needs are among the given.

    >>> can_run(EXPERIMENTS["unigrams"], ["yelp"]), can_run(EXPERIMENTS["negation"], ["yelp"])
    (True, False)
    """
    given = [name in data for name in experiment.data]
    return all(given) if experiment.needs_all_data else any(given)
