"""UUIDv7: keys that a server, a job or a phone without network can make without asking anyone.

Source: RFC 9562, section 5.7 (layout) and 6.2, method 2 (monotonic random counter).
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_TAIL_BITS = 74  # 12 bits rand_a and 62 bits rand_b, kept as one number
_TAIL_LIMIT = 1 << _TAIL_BITS
_LOW_62 = (1 << 62) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 4096
_STEP_BYTES = 4

_set_int = UUID.int.__set__  # type: ignore[attr-defined, misc]
_set_is_safe = UUID.is_safe.__set__  # type: ignore[attr-defined, misc]
_IS_SAFE = UUID(int=0).is_safe


class _Maker:
    """The last key made, and a store of random bytes so that most keys need no system call."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.millisecond = 0
        self.tail = 0
        self.random = b""
        self.used = 0

    def take(self, size: int) -> int:
        if self.used + size > len(self.random):
            self.random, self.used = os.urandom(_BLOCK), 0
        start, self.used = self.used, self.used + size
        return int.from_bytes(self.random[start : self.used], "big")

    def fresh_tail(self) -> int:
        # the top bit stays zero, so that a burst within one millisecond has room to count up
        return self.take(10) >> (80 - _TAIL_BITS + 1)

    def advance(self) -> tuple[int, int]:
        with self.lock:
            now = time.time_ns() // 1_000_000
            if now > self.millisecond:
                self.millisecond, self.tail = now, self.fresh_tail()
            else:
                # same millisecond, or the clock was set back: count on from the last key
                self.tail += 1 + self.take(_STEP_BYTES)
                if self.tail >= _TAIL_LIMIT:
                    self.millisecond, self.tail = self.millisecond + 1, self.fresh_tail()
            return self.millisecond, self.tail


_maker = _Maker()


def _start_anew() -> None:
    global _maker
    _maker = _Maker()


# a forked worker must not go on with its parent's random bytes, nor with a lock held elsewhere
os.register_at_fork(after_in_child=_start_anew)


def new_id() -> UUID:
    """Give a new UUIDv7, greater than every one this process has made before.

    Not a secret: whoever knows one key can narrow down its neighbours.
    """
    millisecond, tail = _maker.advance()
    made = UUID.__new__(UUID)  # UUID(int=...) checks again what is certain here, at twice the time
    _set_int(made, (millisecond << 80) | ((tail >> 62) << 64) | (tail & _LOW_62) | _VERSION_AND_VARIANT)
    _set_is_safe(made, _IS_SAFE)
    return made


def instant_of(id: UUID) -> datetime:
    """Give the instant (UTC, whole milliseconds) at which a UUIDv7 says it was made.

    Raises: ValueError for any other kind of UUID
    """
    if id.version != 7:
        raise ValueError(f"{id} is not a UUIDv7")
    return _EPOCH + timedelta(milliseconds=id.int >> 80)


def first_id(at: datetime) -> UUID:
    """Give the least UUIDv7 of an instant's millisecond: those made before it are smaller."""
    return UUID(int=((at - _EPOCH) // timedelta(milliseconds=1) << 80) | _VERSION_AND_VARIANT)
