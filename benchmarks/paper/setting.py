"""What experiments are run on: models, methods and rules, texts, and cached scores.

Scores are stored as soon as they are computed, in a file named by a digest of all that they depend
on, the code included. An interrupted experiment continues from there, and experiments share scores.
"""

import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import cdjax
import jax
import numpy as np
from cdjax.core.rules import ACD, PAPER, RELEASED, Rule
from cdjax.methods.contract import Method, sum_spans
from cdjax.methods.registry import make_methods
from cdjax.model import Model, find_vocabulary
from cdjax.spans import enumerate_spans
from cdjax.text.trees import Tree, read_trees
from cdjax.training.linear import LinearModel
from cdjax.training.provenance import digest_file
from cdjax.training.treebank import SENTIMENTS
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from benchmarks.paper.regressions import fit_once
from benchmarks.paper.results import label
from benchmarks.paper.steps import score_steps

PAPER_METHODS = ("cd", "gradient", "ig", "loo", "cell")
"""The methods that the paper compares."""
RULES = (PAPER, ACD, RELEASED)
PACKAGE, STUDY = Path(cdjax.__file__).parent, Path(__file__).parent
SCORING = ("core", "results", "engine", "scoring", "methods")  # the packages that scores depend on

QUICK_TREES = {"train": 500, "dev": 150, "test": 150}
"""How many trees of a split a quick run takes."""

Find = TypeVar("Find", bound=Callable[..., Any])

Scores = list[Float[np.ndarray, "_"]]
"""For each review, the scores of its spans: the positive class's less the negative class's."""


class Subject(NamedTuple):
    """A model that is explained."""

    name: str
    data: str  # "sst" or "yelp"
    model: Model
    digest: str  # of words and weights
    main: bool  # the model whose figures are compared with the paper's


class Scorer(NamedTuple):
    """A method; contextual decomposition by one rule."""

    method: Method
    rule: Rule | None

    @property
    def key(self) -> dict[str, str | None]:
        """The fields of a record that identify the scorer."""
        return {"method": self.method.name, "rule": self.rule and self.rule.name}

    @property
    def label(self) -> str:
        """Its title in tables and figures."""
        return label(self.method.name, self.rule and self.rule.name)


class Task(NamedTuple):
    """A method and a model, as other processes are given them: a `Method` cannot be pickled."""

    model: str
    method: str
    rule: Rule | None


def make_subject(name: str, data: str, model: Model, main: bool = False) -> Subject:
    """Return a model as a subject.

    Raises:
        ValueError: Where its labels are not negative and positive, in this order.
    """
    if model.labels != SENTIMENTS:
        raise ValueError(
            f"the labels of the model {name} are {', '.join(model.labels)}; expected "
            f"{', '.join(SENTIMENTS)}, in this order."
        )
    digest = hashlib.sha256("\n".join(find_vocabulary(model).words).encode())
    for weight in jax.tree.leaves(model.classifier):
        digest.update(np.ascontiguousarray(weight).tobytes())
    return Subject(name, data, model, digest.hexdigest()[:16], main)


@dataclass(frozen=True)
class Setting:
    """What all experiments are run on."""

    out: Path
    subjects: tuple[Subject, ...]
    sst: Path | None = None  # folder of trees
    yelp: Path | None = None  # folder of reviews
    methods: tuple[str, ...] = PAPER_METHODS
    rules: tuple[Rule, ...] = RULES
    command: str = ""
    quick: bool = False  # whether all is of few texts, rules and penalties
    scores: Path | None = None  # of stored scores; `scores` in `out` when None
    log: Callable[[str], None] = print

    def of(self, data: str) -> list[Subject]:
        """Return the models of a data set, the main one first."""
        return sorted((s for s in self.subjects if s.data == data), key=lambda s: not s.main)

    def subject(self, name: str) -> Subject:
        """Return the model of a name."""
        return next(subject for subject in self.subjects if subject.name == name)

    @property
    def yelp_folder(self) -> Path:
        """The folder of Yelp reviews."""
        if self.yelp is None:
            raise ValueError("this experiment needs Yelp reviews; expected their folder (yelp).")
        return self.yelp

    def trees(self, split: str) -> list[Tree]:
        """Return the trees of a split."""
        if self.sst is None:
            raise ValueError("this experiment needs the treebank; expected its folder (sst).")
        trees = _read_trees(self.sst / f"{split}.txt")
        return trees[: QUICK_TREES[split]] if self.quick else trees

    @property
    def scores_folder(self) -> Path:
        """The folder of stored scores."""
        return self.scores or self.out / "scores"

    def scorers(self, subject: Subject, only: Iterable[str] | None = None) -> list[Scorer]:
        """Return the methods for a model: CD by each rule, then the others."""
        kept = [m for m in self.methods if only is None or m in set(only)]
        scorers = [self.scorer(subject, rule) for rule in self.rules if "cd" in kept]
        others = make_methods(vocabulary=subject.model.vocabulary)
        return scorers + [Scorer(others[name], None) for name in kept if name != "cd"]

    def scorer(self, subject: Subject, rule: Rule) -> Scorer:
        """Return contextual decomposition by a rule, for a model."""
        return Scorer(make_methods(rule, subject.model.vocabulary)["cd"], rule)

    def find(self, task: Task) -> tuple[Subject, Scorer]:
        """Return the model and the method of a task."""
        subject = self.subject(task.model)
        if task.rule is not None:
            return subject, self.scorer(subject, task.rule)
        return subject, Scorer(make_methods(vocabulary=subject.model.vocabulary)[task.method], None)

    def regression(self, data: str, name: str, fit: Callable[[], LinearModel]) -> LinearModel:
        """Return a regression fitted to a data set, from its file where it was fitted before."""
        code = digest_code(PACKAGE / "text", PACKAGE / "training", STUDY)
        parts = name, self.digests(data), code, self.quick
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
        path = self.out / "regressions" / f"{data}-{digest}.npz"
        if not path.is_file():
            self.log(f"  fitting the logistic regression on {name} ({data})")
        return fit_once(path, fit)

    def penalties(self, strengths: Sequence[float]) -> Sequence[float]:
        """Return which of these penalties a regression tries: the middle one in a quick run."""
        return [strengths[len(strengths) // 2]] if self.quick else strengths

    def digests(self, data: str) -> dict[str, str]:
        """Return the sha256 of each file of a data set."""
        folder = self.sst if data == "sst" else self.yelp
        return {} if folder is None else _digest_files(folder)

    def score(
        self,
        subject: Subject,
        scorer: Scorer,
        reviews: Sequence[Sequence[str]],
        spans: Sequence[ArrayLike],
        what: str,
    ) -> Scores:
        """Return the scores of spans of reviews, from their file where they were computed before.

        Args:
            subject: The model.
            scorer: The method.
            reviews: Tokens of each.
            spans: Half-open spans of each.
            what: Description of the texts, for the log.
        """
        ids = [_encode(subject, tuple(tokens)) for tokens in reviews]
        pairs = [np.array(of_review, np.int32).reshape(-1, 2) for of_review in spans]
        if scorer.method.additive:
            steps = self._steps(subject, scorer, ids, what)
            sums = map(sum_spans, steps, pairs)
            return [(rows[:, 1] - rows[:, 0]).astype(np.float64) for rows in sums]
        counts = [len(of_review) for of_review in pairs]
        path = self.scores_folder / f"{_name(subject, scorer, ids, pairs)}.npy"
        if not path.is_file():
            started = time.perf_counter()
            results = scorer.method.score(subject.model.classifier, ids, pairs)
            rows = np.concatenate([result.scores for result in results])
            took = time.perf_counter() - started
            self.log(
                f"  {scorer.label}, {subject.name}: {sum(counts):,} phrases of {what}, {took:.1f} s"
            )
            _store(path, rows[:, 1] - rows[:, 0])
        scores = np.load(path).astype(np.float64)
        return np.split(scores, np.cumsum(counts)[:-1])

    def _steps(
        self, subject: Subject, scorer: Scorer, ids: Sequence[np.ndarray], what: str
    ) -> list[Float[np.ndarray, "_ 2"]]:
        """Return the scores of the steps of texts by a method that sums them."""

        def score(texts: list[np.ndarray]) -> list[Float[np.ndarray, "_ 2"]]:
            started = time.perf_counter()
            words = [enumerate_spans(len(text), 1) for text in texts]
            results = scorer.method.score(subject.model.classifier, texts, words)
            took = time.perf_counter() - started
            self.log(
                f"  {scorer.label}, {subject.name}: {sum(map(len, texts)):,} words of {what}, "
                f"{took:.1f} s"
            )
            return [result.scores for result in results]

        return score_steps(self.scores_folder, _name(subject, scorer), ids, score)

    def nodes(
        self, subject: Subject, scorer: Scorer, split: str, trees: Iterable[int] | None = None
    ) -> dict[int, Float[np.ndarray, "_"]]:
        """Return the scores of all nodes of trees, by the index of the tree.

        Args:
            subject: The model.
            scorer: The method.
            split: Of the treebank.
            trees: Indices of the trees; all when None. On the small splits all are scored in any
                case, since other experiments need them.
        """
        of_split = self.trees(split)
        whole = trees is None or split != "train"
        indices = range(len(of_split)) if whole else sorted(set(trees or ()))
        scores = self.score(
            subject,
            scorer,
            [of_split[n].tokens for n in indices],
            [[(node.start, node.stop) for node in of_split[n].nodes] for n in indices],
            f"{split} trees",
        )
        return dict(zip(indices, scores, strict=True))


@functools.cache
def digest_code(*folders: Path) -> str:
    """Return the sha256 of the Python source in folders.

    Raises:
        FileNotFoundError: Where a folder has no source.
    """
    digest = hashlib.sha256()
    for folder in folders:
        paths = sorted(folder.rglob("*.py"))
        if not paths:
            raise FileNotFoundError(f"{folder} holds no Python source; expected a package.")
        for path in paths:
            digest.update(f"{folder.name}/{path.relative_to(folder)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def once_a_split(find: Find) -> Find:
    """Make a function keep what it finds in the trees of a split, of which every rule asks again.

    Args:
        find: Of a setting, a split and further hashable arguments. What it returns is shared: it is
            not to be changed.
    """
    found: dict[tuple, Any] = {}

    @functools.wraps(find)
    def find_once(setting: Setting, split: str, *more: Any) -> Any:
        key = setting.sst, setting.quick, split, *more
        if key not in found:
            found[key] = find(setting, split, *more)
        return found[key]

    return cast(Find, find_once)


@functools.cache
def _read_trees(path: Path) -> list[Tree]:
    return list(read_trees(path))


@functools.cache
def _digest_files(folder: Path) -> dict[str, str]:
    return {path.name: digest_file(path) for path in sorted(folder.iterdir()) if path.is_file()}


_encoded: dict[tuple, Int[np.ndarray, "_"]] = {}


def _encode(subject: Subject, tokens: tuple[str, ...]) -> Int[np.ndarray, "_"]:
    """Return the numbers of tokens, which every rule asks for."""
    key = subject.digest, tokens
    if key not in _encoded:
        _encoded[key] = find_vocabulary(subject.model).encode(tokens)
    return _encoded[key]


def _name(subject: Subject, scorer: Scorer, ids: Sequence = (), spans: Sequence = ()) -> str:
    code = digest_code(*(PACKAGE / room for room in SCORING))
    digest = hashlib.sha256(repr((subject.digest, scorer.method.name, scorer.rule, code)).encode())
    for review, pairs in zip(ids, spans, strict=True):
        digest.update(repr((len(review), len(pairs))).encode())
        digest.update(review.tobytes() + pairs.tobytes())
    return f"{scorer.method.name}-{digest.hexdigest()[:24]}"


def _store(path: Path, scores: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.npy")  # another process may score the same
    np.save(part, scores.astype(np.float32))
    part.replace(path)
