import json
import re

import cdjax
import pytest
from cdjax.cli import main
from cdjax.results.hierarchy import build_hierarchy, to_json

from tests.cli.test_cli import explained, fail, save_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


def test_explain_tree(model, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = explained("It isn't a [bad] film", model, capsys, "--tree")
    assert "Phrases that speak" not in out
    loaded = cdjax.load(model)
    tokens = ["It", "is", "n't", "a", "[", "bad", "]", "film"]
    (table,) = cdjax.score_all_spans(loaded.classifier, [loaded.vocabulary.encode(tokens)])
    tree = json.loads(to_json(build_hierarchy(table.spans, table.scores, [-1, 1]), tokens))
    rows = out.partition("interaction\n")[2].splitlines()
    column = rows[0].index("It is n't")  # where the root's phrase is written
    lines = []

    def expect(place, depth):
        group = tree["groups"][place]
        score = group["scores"][1] - group["scores"][0]
        joined = group["interaction"][1] - group["interaction"][0]
        numbers = [f"{score:+.2f}", f"{joined:+.2f}"][: 2 if group["children"] else 1]
        phrase = " ".join(tokens[group["start"] : group["stop"]])
        lines.append((numbers, depth, phrase))
        for child in group["children"]:
            expect(child, depth + 1)

    expect(tree["roots"][0], 0)
    assert len(lines) == 15
    shown = [
        (row[:column].split()[1:], re.fullmatch(r"([│├└ ]*)(\S.*?) *", row[column:]))
        for row in rows
    ]
    assert [(numbers, len(tree[1]) // 2, tree[2]) for numbers, tree in shown] == lines


def test_explain_tree_of_one_word(model, capsys):
    out = explained("film", model, capsys, "--tree")
    assert re.search(r"interaction\n.*[+-]\d\.\d\d .* film\n", out)


def test_a_tree_needs_all_phrases(model, capsys):
    argv = ["explain", "a film", "--model", model, "--tree", "--max-len", "3"]
    fail(argv, capsys, "--tree needs phrases of all lengths; leave --max-len out")
    assert main(["explain", "--help"]) == 0
    assert "--tree" in capsys.readouterr().out
