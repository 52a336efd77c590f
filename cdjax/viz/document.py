"""A document of headings, paragraphs, tables and pictures, as one HTML page or as Markdown.

All text is plain text: characters of either markup language are escaped.
"""

import base64
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Heading(NamedTuple):
    """The heading of a section (level 2) or subsection (level 3)."""

    text: str
    level: int = 2


class Paragraph(NamedTuple):
    """A paragraph."""

    text: str


class Items(NamedTuple):
    """An unordered list."""

    items: Sequence[str]


class Table(NamedTuple):
    """A table whose first cells are the row headings; columns of numbers are aligned right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Picture(NamedTuple):
    """A picture stored both as PNG and as SVG."""

    stem: Path  # path without ending
    caption: str


class Code(NamedTuple):
    """Verbatim text."""

    text: str


class Fold(NamedTuple):
    """Blocks that are hidden until the summary is clicked."""

    summary: str
    blocks: Sequence["Block"]


Block = Heading | Paragraph | Items | Table | Picture | Code | Fold

NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?[\d.,]+%?( \[.*\])?$")  # with its interval
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 1rem/1.55 system-ui, sans-serif; }
main, nav { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
nav ul { columns: 18rem; padding-left: 1.1rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 2rem 0 1rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 .75rem; border-bottom: 2px solid #ccc; }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, li { max-width: 46rem; }
a { color: #0b4f8a; }
a:focus-visible, summary:focus-visible, .wide:focus-visible { outline: 3px solid #0b4f8a; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid #333; vertical-align: bottom; }
tbody tr { border-bottom: 1px solid #e3e3e3; }
tbody th { font-weight: 400; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; max-width: 46rem; }
pre { overflow-x: auto; background: #f4f4f4; padding: .75rem; }
summary { cursor: pointer; padding: .3rem 0; color: #0b4f8a; }
@media print { nav { display: none; } h2 { break-before: page; } figure { break-inside: avoid; } }
""".strip()


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """Return a self-contained page: style and pictures are embedded."""
    names = _names(blocks)
    contents = "".join(
        f'<li><a href="#{name}">{html.escape(block.text)}</a></li>\n'
        for name, block in zip(names, _headings(blocks), strict=True)
        if block.level == 2
    )
    remaining = iter(names)
    body = "\n".join(_block_html(block, remaining) for block in blocks)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
{STYLE}
</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
<nav aria-label="Contents">
<ul>
{contents}</ul>
</nav>
{body}
</main>
</body>
</html>
"""


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return Markdown that links to the PNG of each picture, in the folder of the text."""
    return "\n\n".join([f"# {_plain(title)}", *map(_block_markdown, blocks)]) + "\n"


def _block_html(block: Block, names: Iterator[str]) -> str:
    """Return a block; each heading takes the next name as its id."""
    match block:
        case Heading(text, level):
            return f'<h{level} id="{next(names)}">{html.escape(text)}</h{level}>'
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Items(items):
            return "<ul>\n" + "".join(f"<li>{html.escape(i)}</li>\n" for i in items) + "</ul>"
        case Table():
            return _table_html(block)
        case Picture(stem, caption):
            picture = stem.with_name(stem.name + ".svg").read_bytes()
            data = base64.b64encode(picture).decode()
            escaped = html.escape(caption)
            return (
                f'<figure>\n<img alt="{escaped}" src="data:image/svg+xml;base64,{data}">\n'
                f"<figcaption>{escaped}</figcaption>\n</figure>"
            )
        case Code(text):
            return f"<pre><code>{html.escape(text)}</code></pre>"
        case Fold(summary, blocks):
            inside = "\n".join(_block_html(b, names) for b in blocks)
            return f"<details>\n<summary>{html.escape(summary)}</summary>\n{inside}\n</details>"


def _table_html(table: Table) -> str:
    numbers = _number_columns(table)
    classes = [' class="number"' if number else "" for number in numbers]
    head = "".join(
        f'<th scope="col"{class_}>{html.escape(cell)}</th>'
        for class_, cell in zip(classes, table.head, strict=True)
    )
    rows = []
    for first, *others in table.rows:
        cells = "".join(
            f"<td{class_}>{html.escape(cell)}</td>"
            for class_, cell in zip(classes[1:], others, strict=True)
        )
        rows.append(f'<tr><th scope="row"{classes[0]}>{html.escape(first)}</th>{cells}</tr>')
    caption = html.escape(table.caption)
    # Focusable, so that a wide table can be scrolled by keyboard.
    return (
        f'<div class="wide" role="region" aria-label="{caption}" tabindex="0">\n<table>\n'
        f"<caption>{caption}</caption>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>\n</div>"
    )


def _block_markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Items(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Table(caption, head, rows):
            marks = ["--:" if number else "---" for number in _number_columns(block)]
            lines = [[_plain(cell) for cell in head], marks, *([*map(_plain, r)] for r in rows)]
            return f"{_plain(caption)}\n\n" + "\n".join(f"| {' | '.join(r)} |" for r in lines)
        case Picture(stem, caption):
            return f"![{_plain(caption)}]({stem.name}.png)\n\n{_plain(caption)}"
        case Code(text):
            return f"```\n{text}\n```"
        case Fold(summary, blocks):
            inside = "\n\n".join(map(_block_markdown, blocks))
            escaped = html.escape(summary, quote=False)
            return f"<details>\n<summary>{escaped}</summary>\n\n{inside}\n\n</details>"


def _plain(text: str) -> str:
    r"""Return a text escaped for Markdown, on one line.

    >>> print(_plain("a_b | $5 <i>"))
    a\_b \| \$5 \<i\>
    """
    return re.sub(r"([\\`*_{}\[\]<>|$~#])", r"\\\1", " ".join(text.split()))


def _number_columns(table: Table) -> list[bool]:
    """Return which columns hold only numbers and empty cells, and at least one number."""
    columns = zip(*table.rows, strict=True) if table.rows else ([] for _ in table.head)
    filled = ([cell for cell in column if cell] for column in columns)
    return [bool(cells) and all(map(NUMBER.match, cells)) for cells in filled]


def _headings(blocks: Iterable[Block]) -> Iterator[Heading]:
    for block in blocks:
        if isinstance(block, Heading):
            yield block
        elif isinstance(block, Fold):
            yield from _headings(block.blocks)


def _names(blocks: Sequence[Block]) -> list[str]:
    """Return a distinct id for each heading."""
    names: list[str] = []
    for heading in _headings(blocks):
        name = re.sub(r"\W+", "-", heading.text.lower()).strip("-") or "part"
        names.append(name if name not in names else f"{name}-{len(names)}")
    return names
