"""Pages: one HTML file that shows an explanation, or a scored corpus, and needs nothing else.

They are built of the sources in `src/` (`npm ci && npm run build`, here) into `review.html` and
`report.html`, which are part of the package; what is written is such a file with a title, a summary
for browsers that run no scripts, and the data. A Content-Security-Policy names the one script and
the one style that may be used, by their hashes, and no address at all.
"""

from cdjax.viz.page.report import write_report
from cdjax.viz.page.write import make_page, write_page

__all__ = ["make_page", "write_page", "write_report"]
