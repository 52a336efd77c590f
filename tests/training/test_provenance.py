import pytest
from cdjax.training import provenance


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["cdjax", "train", "--out", "a b"], "cdjax train --out 'a b'"),
        (["--data", "/home/me/sst", "--out=../models/sst"], "--data sst --out=sst"),
        (["--data", "{here}/data/sst", "x/../y"], "--data data/sst y"),
        (["--mirror", "https://host/a/file.zip"], "--mirror https://host/a/file.zip"),
    ],
)
def test_a_command_is_recorded_without_the_machines_paths(command, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [word.format(here=tmp_path) for word in command]
    assert provenance.describe_run(command)["command"] == expected
