"""What pages hold packed, unpacked as they do it."""

import base64
import json
import zlib

import numpy as np
from cdjax.viz.page.pack import MISSING

from tests.viz.page.browser import read_data


def inflate(data):
    return zlib.decompress(base64.b64decode(data), -zlib.MAX_WBITS)


def unpack_integers(packed):
    planes = np.frombuffer(inflate(packed["data"]), np.uint8).reshape(packed["planes"], -1)
    assert planes.shape[1] == packed["size"]
    folded = sum(plane.astype(np.int64) << (8 * n) for n, plane in enumerate(planes)) - 1
    return np.where(folded < 0, MISSING, (folded >> 1) ^ -(folded & 1))


def unpack_floats(data):
    planes = np.frombuffer(inflate(data), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").ravel()


def unpack_texts(data):
    return json.loads(inflate(data))


def read_report_page(page):
    """Count, mean and mean interaction of each phrase of the page of a corpus."""
    record = read_data(page)
    phrases, words = record["phrases"], unpack_texts(record["reviews"]["words"])
    rows = unpack_integers(phrases["words"]).reshape(-1, phrases["longest"])
    texts = [" ".join(words[w] for w in row if w >= 0) for row in rows]
    numbers = zip(
        unpack_integers(phrases["counts"]),
        unpack_floats(phrases["means"]),
        unpack_floats(phrases["interactions"]),
        strict=True,
    )
    return dict(zip(texts, numbers, strict=True))
