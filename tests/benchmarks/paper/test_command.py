from pathlib import Path

from benchmarks.paper.__main__ import main


def test_report_needs_results(tmp_path, capsys):
    assert main(["report", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path} holds none of unigrams.json" in said
    assert not list(Path(tmp_path).iterdir())
