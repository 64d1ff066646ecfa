"""Names that partners give, fitted into their columns without two of them becoming one."""

from __future__ import annotations

import hashlib

#: What a message's source and ordering key hold.
LONGEST = 200
_DIGEST = 64


def fitted(name: str) -> str:
    """Give a name as it is kept: a longer one as its beginning, "#" and the SHA-256 of the whole."""
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[: LONGEST - _DIGEST - 1]}#{digest}"
