"""What experiments are run on: models, methods and rules, texts, and the scores so far.

Scores are kept in a file as soon as they are there, under a name made of all that they depend on,
the code included: an experiment that was cut off goes on from there, and experiments share what
they have in common.
"""

import functools
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from cdjax.core.rules import ACD, PAPER, RELEASED, Rule
from cdjax.methods.contract import Method
from cdjax.methods.registry import make_methods
from cdjax.model import Model
from cdjax.text.trees import Tree, read_trees
from cdjax.training.linear import LinearModel
from cdjax.training.provenance import digest_code, digest_file
from cdjax.training.treebank import LABELS
from jaxtyping import Float
from numpy.typing import ArrayLike

from benchmarks.paper.regressions import fit_once
from benchmarks.paper.results import label

PUBLISHED = ("cd", "gradient", "ig", "loo", "cell")
"""The methods that the paper compares."""
RULES = (PAPER, ACD, RELEASED)

Scores = list[Float[np.ndarray, "_"]]
"""Of each review, the scores of its spans: of the positive class, less those of the negative."""


class Subject(NamedTuple):
    """A model that is explained."""

    name: str
    data: str  # "sst" or "yelp"
    model: Model
    digest: str  # of its words and weights
    main: bool  # whether figures are of this one


class Scorer(NamedTuple):
    """A method; contextual decomposition by one rule."""

    method: Method
    rule: Rule | None

    @property
    def key(self) -> dict[str, str | None]:
        """The fields of a record that tell scorers apart."""
        return {"method": self.method.name, "rule": self.rule and self.rule.name}

    @property
    def label(self) -> str:
        """What it is called in tables and figures."""
        return label(self.method.name, self.rule and self.rule.name)


def make_subject(name: str, data: str, model: Model, main: bool = False) -> Subject:
    """Return a model as a subject.

    Raises:
        ValueError: Where its classes are not negative and positive, in this order.
    """
    if model.labels != LABELS:
        raise ValueError(
            f"the classes of the model {name} are {', '.join(model.labels)}; expected "
            f"{', '.join(LABELS)}, in this order."
        )
    digest = hashlib.sha256("\n".join(model.vocabulary.words).encode())
    for weight in jax.tree.leaves(model.classifier):
        digest.update(np.ascontiguousarray(weight).tobytes())
    return Subject(name, data, model, digest.hexdigest()[:16], main)


@dataclass(frozen=True)
class Setting:
    """What all experiments have in common."""

    out: Path
    subjects: tuple[Subject, ...]
    sst: Path | None = None  # folder of trees
    yelp: Path | None = None  # folder of reviews
    methods: tuple[str, ...] = PUBLISHED
    rules: tuple[Rule, ...] = RULES
    command: str = ""
    say: Callable[[str], None] = print

    def of(self, data: str) -> list[Subject]:
        """Return the models of these data, the main one first."""
        return sorted((s for s in self.subjects if s.data == data), key=lambda s: not s.main)

    @property
    def yelp_folder(self) -> Path:
        """The folder of Yelp reviews."""
        if self.yelp is None:
            raise ValueError("Yelp reviews are needed; give their folder by --yelp.")
        return self.yelp

    def trees(self, split: str) -> list[Tree]:
        """Return the trees of a split."""
        if self.sst is None:
            raise ValueError("the treebank is needed; give its folder by --sst.")
        return _read_trees(self.sst / f"{split}.txt")

    def scorers(self, subject: Subject, only: Iterable[str] | None = None) -> list[Scorer]:
        """Return the methods for a model, contextual decomposition first, once for each rule."""
        kept = [m for m in self.methods if only is None or m in set(only)]
        by_rule = {rule: make_methods(rule, subject.model.vocabulary) for rule in self.rules}
        scorers = [Scorer(by_rule[rule]["cd"], rule) for rule in self.rules if "cd" in kept]
        others = next(iter(by_rule.values()))
        return scorers + [Scorer(others[name], None) for name in kept if name != "cd"]

    def regression(self, data: str, name: str, fit: Callable[[], LinearModel]) -> LinearModel:
        """Return a regression fitted to data, fitting it where that was not done before."""
        parts = name, self.digests(data), digest_code("text", "training", "experiments")
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
        path = self.out / "regressions" / f"{data}-{digest}.npz"
        if not path.is_file():
            self.say(f"  fitting the logistic regression on {name} ({data})")
        return fit_once(path, fit)

    def digests(self, data: str) -> dict[str, str]:
        """Return the sha256 of each file of the data."""
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
        """Score spans of reviews, or read the scores of before.

        Args:
            subject: The model.
            scorer: The method.
            reviews: Tokens of each.
            spans: Half-open spans of each.
            what: What these are, to be said.
        """
        ids = [subject.model.vocabulary.encode(tokens) for tokens in reviews]
        pairs = [np.array(some, np.int32).reshape(-1, 2) for some in spans]
        counts = [len(some) for some in pairs]
        path = self.out / "scores" / f"{_name(subject, scorer, ids, pairs)}.npy"
        if not path.is_file():
            started = time.perf_counter()
            found = scorer.method.score(subject.model.classifier, ids, pairs)
            rows = np.concatenate([result.scores for result in found])
            took = time.perf_counter() - started
            self.say(
                f"  {scorer.label}, {subject.name}: {sum(counts):,} phrases of {what}, {took:.1f} s"
            )
            _keep(path, rows[:, 1] - rows[:, 0])
        scores = np.load(path).astype(np.float64)
        return np.split(scores, np.cumsum(counts)[:-1])

    def nodes(
        self, subject: Subject, scorer: Scorer, split: str, some: Iterable[int] | None = None
    ) -> dict[int, Float[np.ndarray, "_"]]:
        """Return the scores of all nodes of trees, by the number of the tree.

        Args:
            subject: The model.
            scorer: The method.
            split: Of the treebank.
            some: Numbers of the trees wanted; all when None. All are scored for the main model, and
                for the others on the small splits, since other experiments want them as well.
        """
        trees = self.trees(split)
        everything = some is None or subject.main or split != "train"
        numbers = range(len(trees)) if everything else sorted(set(some or ()))
        scores = self.score(
            subject,
            scorer,
            [trees[n].tokens for n in numbers],
            [[(node.start, node.stop) for node in trees[n].nodes] for n in numbers],
            f"{split} trees",
        )
        return dict(zip(numbers, scores, strict=True))


@functools.cache
def _read_trees(path: Path) -> list[Tree]:
    return list(read_trees(path))


@functools.cache
def _digest_files(folder: Path) -> dict[str, str]:
    return {path.name: digest_file(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _name(subject: Subject, scorer: Scorer, ids: list, spans: list) -> str:
    code = digest_code("core", "scoring", "baselines")
    digest = hashlib.sha256(repr((subject.digest, scorer.key, code)).encode())
    for review, pairs in zip(ids, spans, strict=True):
        digest.update(repr((len(review), len(pairs))).encode())
        digest.update(review.tobytes() + pairs.tobytes())
    return f"{scorer.method.name}-{digest.hexdigest()[:24]}"


def _keep(path: Path, scores: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part.npy")
    np.save(half, scores.astype(np.float32))
    half.replace(path)
