"""Scores that several experiments need, made before the first of them by a process a core."""

from benchmarks.paper.setting import Setting, Task
from benchmarks.paper.workers import work

SPLITS = ("dev", "test")


def score_trees(setting: Setting) -> None:
    """Store the scores of all phrases of two splits of the treebank, by every model and method."""
    items = [
        (Task(subject.name, scorer.method.name, scorer.rule), split)
        for subject in setting.of("sst")
        for scorer in setting.scorers(subject)
        for split in SPLITS
    ]
    list(work(_score, setting, items))


def _score(setting: Setting, item: tuple[Task, str]) -> None:
    task, split = item
    setting.nodes(*setting.find(task), split)
