"""Scores that several experiments need, made before the first of them by a process a core.

An experiment by itself makes its scores one after the other, as it comes to them.
"""

from benchmarks.paper.setting import Setting, Task
from benchmarks.paper.workers import work

SPLITS = ("dev", "test", "train")


def score_trees(setting: Setting) -> None:
    """Store the scores of all phrases of the treebank, by every model and method.

    Of the training trees by the main model alone; by the others, experiments need few of them.
    """
    items = [
        (Task(subject.name, scorer.method.name, scorer.rule), split)
        for subject in setting.of("sst")
        for scorer in setting.scorers(subject)
        for split in (SPLITS if subject.main else SPLITS[:2])
    ]
    list(work(_score, setting, items))


def _score(setting: Setting, item: tuple[Task, str]) -> None:
    task, split = item
    setting.nodes(*setting.find(task), split)
