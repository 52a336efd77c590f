"""Addresses, digests and contents of the public data sets."""

from collections.abc import Mapping
from typing import NamedTuple


class Source(NamedTuple):
    """One data set."""

    url: str
    sha256: str  # of the file at the URL
    files: Mapping[str, str]  # members of the archive to extract, and the names they get; empty:
    # the archive is kept as it is
    largest: int  # most bytes of any file, the archive included
    about: str  # one line for the help


SOURCES: Mapping[str, Source] = {
    "sst": Source(
        "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        "5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
        {f"trees/{split}.txt": f"{split}.txt" for split in ("train", "dev", "test")},
        20_000_000,
        "Stanford Sentiment Treebank, trees (Socher et al. 2013), 0.8 MB",
    ),
    "yelp-polarity": Source(
        "https://s3.amazonaws.com/fast-ai-nlp/yelp_review_polarity_csv.tgz",
        "528f22e286cad085948acbc3bea7e58188416546b0e364d0ae4ca0ce666abe35",
        {f"yelp_review_polarity_csv/{split}.csv": f"{split}.csv" for split in ("train", "test")},
        1_000_000_000,
        "Yelp Review Polarity (Zhang, Zhao & LeCun 2015), 166 MB; academic use only",
    ),
    "glove-6B": Source(
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        {},
        1_000_000_000,
        "GloVe, 400,000 words, 50 to 300 wide (Pennington et al. 2014), 862 MB; kept zipped",
    ),
    "glove-840B": Source(
        "https://nlp.stanford.edu/data/glove.840B.300d.zip",
        "c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f",
        {},
        3_000_000_000,
        "GloVe, 2.2 million words, 300 wide, 2.2 GB; kept zipped",
    ),
}
"""The data sets by name."""
