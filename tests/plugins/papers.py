"""What a PDF says of its pages, read without a library; and its words, as poppler reads them."""

from __future__ import annotations

import re
import subprocess
import zlib
from contextlib import suppress

_BOX = re.compile(rb"/MediaBox\s*\[\s*([\d. -]+?)\s*\]")
_PART = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)
_POINTS_PER_MM = 72 / 25.4


def boxes(pdf: bytes) -> list[tuple[int, int]]:
    """Give the width and height of each page in whole millimetres, in the order in which the PDF tells them."""
    parts = [pdf]
    for packed in _PART.findall(pdf):
        with suppress(zlib.error):
            # what is packed may end as a line does, and is then one byte short
            parts.append(zlib.decompressobj().decompress(packed))
    found = [[float(one) for one in box.split()] for part in parts for box in _BOX.findall(part)]
    return [tuple(round(side / _POINTS_PER_MM) for side in (box[2] - box[0], box[3] - box[1])) for box in found]


def lines(pdf: bytes, program: str) -> list[str]:
    """Give the lines of words of a PDF as they stand on its pages, with one space where there is a gap.

    Takes:  program: poppler's pdftotext
    """
    done = subprocess.run([program, "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return [" ".join(line.split()) for line in done.stdout.decode().splitlines() if line.strip()]
