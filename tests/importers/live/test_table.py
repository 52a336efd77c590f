"""The README's table of importers is that of the tests' parameters; needs every framework."""

import pytest

from tests.conftest import ROOT

for framework in ("torch", "keras", "tf_keras", "onnxruntime", "equinox", "haiku"):
    pytest.importorskip(framework)


def test_the_table_of_the_readme():
    from tests.importers.table import collect, render

    assert render(*collect()) in (ROOT / "README.md").read_text()
