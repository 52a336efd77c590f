"""Explanations as a page: one HTML file that shows them, and needs nothing else.

The page is built of the sources in `src/` (`npm ci && npm run build`, here) into `review.html`,
which is part of the package; what is written is that file with a title, a summary for browsers that
run no scripts, and the data. A Content-Security-Policy names the one script and the one style that
may be used, by their hashes, and no address at all.
"""

from cdjax.viz.page.data import Series
from cdjax.viz.page.write import make_page, write_page

__all__ = ["Series", "make_page", "write_page"]
