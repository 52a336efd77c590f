"""What several experiments need, made before the first of them by other processes."""

from benchmarks.paper import unigrams
from benchmarks.paper.setting import Setting, Task
from benchmarks.paper.workers import keep_processes, work

SPLITS = ("dev", "test")


def score_trees(setting: Setting) -> None:
    """Store the scores of all phrases of two splits of the treebank, by every model and method."""
    tasks = [
        Task(subject.name, scorer.method.name, scorer.rule)
        for subject in setting.of("sst")
        for scorer in setting.scorers(subject)
    ]
    list(work(_score, setting, tasks))


def _score(setting: Setting, task: Task) -> None:
    # Both by one process: two would compile the same programs.
    for split in SPLITS:
        setting.nodes(*setting.find(task), split)


def fit_regressions(setting: Setting) -> None:
    """Store the regressions of all data sets there are, fitted by a process of its own."""
    with keep_processes(setting):
        list(work(_fit, setting, [[name for name in ("sst", "yelp") if setting.digests(name)]]))


def _fit(setting: Setting, names: list[str]) -> None:
    for name in names:
        unigrams.prepare(setting, name)
