"""The notebook runs, and shows what its prose says."""

import html
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("walkthrough.ipynb")


def read_output(cell):
    """All text that a cell shows, and the kinds of what it shows."""
    texts, kinds = [], set()
    for output in cell.outputs:
        data = output.get("data", {})
        kinds |= {output.output_type, *data}
        page = html.unescape(re.sub("<[^>]*>", "", data.get("text/html", "")))
        texts += [output.get("text", ""), data.get("text/plain", ""), page]
    return " ".join(" ".join(texts).split()), kinds


@pytest.mark.thorough
def test_the_notebook_shows_what_it_says():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs"
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=600, resources=resources).execute()
    shown, claims, pictures, pages = "", [], 0, 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown, kinds = read_output(cell)
            pictures += "image/png" in kinds
            pages += "text/html" in kinds
        elif shown:
            for claim in re.findall("`([^`]*\\d[^`]*)`", cell.source):
                assert claim in shown, f"{claim!r} is not in: {shown}"
                claims.append(claim)
    assert (pictures, pages) == (3, 4)
    assert len(claims) >= 10
