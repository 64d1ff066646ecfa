import os
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from banyan.lib import ids
from banyan.lib.ids import instant_of, new_id


def test_an_id_is_a_uuid_of_version_7_and_variant_of_the_rfc():
    made = new_id()
    assert isinstance(made, UUID)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert UUID(str(made)) == made
    assert hash(UUID(str(made))) == hash(made)


def test_ids_of_one_process_only_grow():
    made = [new_id() for _ in range(20_000)]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_ids_go_on_growing_when_the_clock_is_set_back(monkeypatch):
    before = new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)
    after = [new_id() for _ in range(100)]
    assert before < after[0]
    assert after == sorted(set(after))


def test_an_overflowing_millisecond_borrows_the_next(monkeypatch):
    maker = ids._Maker()
    maker.millisecond, maker.tail = 1 << 47, ids._TAIL_LIMIT - 1
    monkeypatch.setattr(ids, "_maker", maker)
    assert new_id().int >> 80 == (1 << 47) + 1


def test_threads_never_share_an_id():
    made: list[UUID] = []

    def make() -> None:
        made.extend([new_id() for _ in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


def test_a_forked_process_does_not_repeat_its_parents_ids():
    new_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"".join(new_id().bytes[6:] for _ in range(50)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        tails = pipe.read()
    os.waitpid(child, 0)
    theirs = {tails[start : start + 10] for start in range(0, 500, 10)}
    ours = {new_id().bytes[6:] for _ in range(50)}
    assert len(theirs) == 50
    assert not theirs & ours


def test_an_id_tells_when_it_was_made():
    assert abs(instant_of(new_id()) - datetime.now(UTC)) < timedelta(seconds=2)
    assert instant_of(UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")) == datetime(
        2022, 2, 22, 19, 22, 22, tzinfo=UTC
    )  # RFC 9562, appendix A.6


def test_another_kind_of_uuid_tells_no_instant():
    with pytest.raises(ValueError, match="not a UUIDv7"):
        instant_of(uuid4())
