"""What is kept of files, and what is not: too large, empty, a picture of too many pixels."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import repeat

import pytest
from PIL import Image, ImageFile

from banyan.kernel import files
from banyan.kernel.models import StoredFile
from banyan.lib.errors import Invalid, TooLarge

pytestmark = pytest.mark.django_db
MIB = b"a" * 1024 * 1024


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Give a small picture whose head says that it is of another size. Source: PNG, "IHDR Image header"."""
    small = picture(8, 8)
    head = small[12:16] + struct.pack(">II", width, height) + small[24:29]
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


def kept() -> tuple[int, list[str]]:
    """Give how many files the database knows, and what lies in the folder."""
    return StoredFile.objects.count(), sorted(p.name for p in files.root().rglob("*") if p.is_file())


def test_twenty_mebibytes_are_kept_and_a_byte_more_is_not():
    row = files.store("most.txt", repeat(MIB, 20))
    assert (row.size, files.content(row.digest).stat().st_size) == (20 * 1024 * 1024,) * 2
    with pytest.raises(TooLarge) as refusal:
        files.store("more.txt", [*repeat(MIB, 20), b"a"])
    assert (refusal.value.code, refusal.value.status) == ("file_too_large", 413)
    assert refusal.value.text("zh") == "文件超过 20 MB"
    assert kept() == (1, [row.digest])


def test_what_is_too_large_is_not_read_to_its_end():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield MIB

    with pytest.raises(TooLarge):
        files.store("endless.txt", endless())
    assert len(taken) == 21
    assert kept() == (0, [])


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
@pytest.mark.parametrize("name", ["empty.txt", "empty.png"])
def test_an_empty_file_is_refused(name, chunks):
    with pytest.raises(Invalid) as refusal:
        files.store(name, chunks)
    assert (refusal.value.code, refusal.value.text("en")) == ("file_empty", "The file is empty")
    assert kept() == (0, [])


def test_a_picture_is_kept_up_to_forty_million_pixels():
    row = files.store("wide.png", [picture(8_000, 5_000)])
    assert row.has_thumbnail
    assert kept() == (1, sorted([row.digest, f"{row.digest}.thumb"]))
    with Image.open(files.path_of(row.digest).with_suffix(".thumb")) as small:
        assert small.size == (320, 200)


@pytest.mark.parametrize(
    ("width", "height"), [(8_000, 5_001), (40_000_001, 1), (20_000, 10_000), (2_000_000_000, 2_000_000_000)]
)
def test_a_picture_of_more_pixels_is_refused(width, height):
    with pytest.raises(Invalid) as refusal:
        files.store("wide.png", [claiming(width, height)])
    assert refusal.value.code == "picture_too_large"
    assert refusal.value.text("zh") == "图片超过 40 百万像素"
    assert refusal.value.way_out.en
    assert kept() == (0, [])


def test_a_picture_that_is_cut_off_is_refused(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as it stands once a page was printed
    with pytest.raises(Invalid) as refusal:
        files.store("cut.png", [picture(800, 500)[:60]])
    assert refusal.value.code == "picture_broken"
    assert kept() == (0, [])
