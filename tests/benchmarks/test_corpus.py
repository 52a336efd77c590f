import json

import pytest
from benchmarks.corpus.__main__ import main
from benchmarks.corpus.work import make_texts


def test_reviews_are_the_same_for_everyone():
    texts = make_texts(5)
    assert texts == make_texts(5)
    assert [len(text.split()) for text in make_texts(3, 20)] == [20] * 3


@pytest.mark.slow
def test_quick_run(tmp_path, capsys):
    main(["--reviews", "1500", "--rounds", "1", "--out", str(tmp_path / "a.json")])
    rows = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert len(rows) == 13
    printed = capsys.readouterr().out
    assert all(row in printed for row in rows.values())
