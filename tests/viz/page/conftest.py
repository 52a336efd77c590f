"""One browser and one model for all tests of pages in a worker."""

import cdjax
import pytest

from tests.viz.page.browser import Opened, start_browser

TEXT = "It isn't a bad film."


@pytest.fixture(scope="session")
def browser():
    with start_browser() as browser:
        yield browser


@pytest.fixture
def open_page(browser):
    """Open a page; at the end of the test it is held against what no page may do."""
    opened = []

    def open_(path, fragment="", **options):
        opened.append(Opened(browser, path, fragment, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.check()
        one.context.close()


@pytest.fixture(scope="session")
def explanations():
    """Of one sentence with the bundled model: two rules and two other methods."""
    model = cdjax.load()
    return [
        cdjax.explain(TEXT, model),
        cdjax.explain(TEXT, model, rule="acd"),
        cdjax.explain(TEXT, model, "ig_zero"),
        cdjax.explain(TEXT, model, "alone"),
    ]
