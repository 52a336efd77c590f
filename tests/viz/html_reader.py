"""A reader of HTML that refuses what is not well-formed."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link"}


class HTMLReader(HTMLParser):
    """Collects tags with their attributes, ids, links and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.text, self.links = [], [], [], "", []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[a] for a in ("src", "href", "srcset", "data") if a in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes nothing"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def read_html(page):
    reader = HTMLReader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader
