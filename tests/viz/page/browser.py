"""A real browser for the tests of pages: Chromium, without a network."""

import contextlib
import json
import os
import shutil

import pytest

NAMES = "chromium", "chromium-browser", "google-chrome", "chrome"
READY = "html[data-ready]"


def find_chromium():
    return os.environ.get("CDJAX_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def start_browser():
    """A browser; the test is skipped, saying so, where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs the package playwright (the extra test)"
    )
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium, or CDJAX_CHROMIUM=its path")
    with api.sync_playwright() as playwright:
        # As root in a container Chromium has no sandbox of its own to start.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that was opened: what it did that it must not, and its elements."""

    def __init__(self, browser, path, fragment="", **options):
        options = {"viewport": {"width": 1200, "height": 900}, "offline": True} | options
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors, self.requests = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("dialog", self._refuse)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = path.as_uri()
        self.page.goto(self.address + (f"#{fragment}" if fragment else ""))
        self.page.wait_for_selector(READY, timeout=20_000)

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _refuse(self, dialog):
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self):
        """Nothing went wrong, and nothing but the file itself and its own data was asked for."""
        assert self.errors == []
        outside = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        assert {url.split("#")[0] for url in outside} == {self.address}

    def wait_until(self, holds):
        """Wait until something holds; the browser's own way would need `eval`, which is refused."""
        for _ in range(100):
            if holds():
                return
            self.page.wait_for_timeout(30)
        raise AssertionError("it did not come to hold within 3 seconds")

    def wait_for_address(self, fragment):
        """Wait until the address tells what is shown, which it does a moment later."""
        self.wait_until(lambda: self.page.url.split("#")[1:] == [fragment])

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def texts(self, selector):
        return self.page.locator(selector).all_inner_texts()

    def word(self, step):
        return self.page.locator(f".prose .word[data-t='{step}']")

    def drag(self, first, last):
        """Drag from one word to another."""
        boxes = [self.word(step).bounding_box() for step in (first, last)]
        for n, box in enumerate(boxes):
            self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            if n == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def scores(self):
        """The table of the chosen phrase: numbers by what they are."""
        rows = self.page.locator(".phrase .scores tbody tr")
        read = rows.evaluate_all(
            "rows => rows.map(row => [row.querySelector('th').firstChild.textContent + "
            "(row.className === 'label' ? row.querySelector('th').innerText.slice(3) : ''), "
            "[...row.querySelectorAll('td')].map(cell => cell.innerText)])"
        )
        return {name: [to_number(cell) for cell in cells] for name, cells in read}


def to_number(text):
    return float(text.replace("\N{MINUS SIGN}", "-").replace("n/a", "nan"))


def read_data(page):
    """The record that a page holds."""
    start = page.index('id="data">') + len('id="data">')
    return json.loads(page[start : page.index("</script>", start)])
