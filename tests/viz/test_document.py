"""A document as HTML and as Markdown: well-formed, self-contained, escaped, with equal content."""

import re

import pytest
from cdjax.viz.document import (
    Code,
    Fold,
    Heading,
    Items,
    Paragraph,
    Picture,
    Table,
    to_html,
    to_markdown,
)

from tests.viz.html_reader import read_html

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>curve</text></svg>'


@pytest.fixture
def blocks(tmp_path):
    (tmp_path / "a-curve.svg").write_text(SVG)
    table = Table("Scores", ["phrase", "score"], [["not | <bad>", "0.5 [0.4, 0.6]"], ["ok", ""]])
    return [
        Heading("One & two"),
        Paragraph("words of a | b & <c>"),
        Items(["A *note* with_marks."]),
        Heading("One & two"),
        table,
        Picture(tmp_path / "a-curve", 'The "curve" & <more>.'),
        Code("run --out <here>"),
        Fold("More", [Heading("Within", 3), table]),
    ]


def test_html_is_well_formed_and_self_contained(blocks):
    page = to_html("A & B", blocks)
    reader = read_html(page)
    assert len(set(reader.ids)) == len(reader.ids) == 3
    anchors = [link for link in reader.links if link.startswith("#")]
    assert len(anchors) == 2  # the contents: headings of level 2
    assert {link[1:] for link in anchors} <= set(reader.ids)
    (picture,) = (link for link in reader.links if not link.startswith("#"))
    assert picture.startswith("data:image/svg+xml;base64,")
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object"}
    assert "url(" not in page
    assert "@import" not in page


def test_text_is_escaped(blocks):
    reader, markdown = read_html(to_html("A & B", blocks)), to_markdown("A & B", blocks)
    assert "words of a | b & <c>" in reader.text
    assert r"words of a \| b & \<c\>" in markdown
    assert r"A \*note\* with\_marks." in markdown
    assert "run --out <here>" in markdown  # verbatim
    (picture,) = (attributes for tag, attributes in reader.tags if tag == "img")
    assert picture["alt"] == 'The "curve" & <more>.'


def test_tables_align_numbers(blocks):
    tags = read_html(to_html("A", blocks)).tags
    cells = [attributes.get("class") for tag, attributes in tags if tag == "td"]
    assert cells == ["number"] * 4  # two tables of two rows
    lines = [line for line in to_markdown("A", blocks).split("\n") if line.startswith("| ")]
    assert lines[1] == "| --- | --: |"
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {4}
