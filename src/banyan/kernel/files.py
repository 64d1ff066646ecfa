"""Files by the hash of their content: written once, checked for size and real type, with thumbnails of pictures.

The bytes lie in the data folder under files/ab/cd/<sha256>; `StoredFile` says that they are there.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

import puremagic
from django.conf import settings

from banyan.kernel.models import StoredFile
from banyan.lib.errors import Invalid, NotFound, TooLarge, UnsupportedMedia
from banyan.lib.ids import new_id
from banyan.lib.labels import L

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 40_000_000
THUMBNAIL = (320, 320)
#: Endings that are taken, each with the media type it is served as. What a browser would run is not among them.
ALLOWED = {
    ".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".webp": "image/webp", ".gif": "image/gif", ".csv": "text/csv", ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".zip": "application/zip", ".dxf": "image/vnd.dxf", ".dwg": "image/vnd.dwg", ".step": "model/step",
    ".stp": "model/step",
}
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_PLAIN = frozenset({".csv", ".txt", ".dxf", ".dwg", ".step", ".stp"})


def root() -> Path:
    """Give the folder that holds all files' content."""
    return Path(settings.MEDIA_ROOT)


def path_of(digest: str) -> Path:
    """Give where a content lies."""
    return root() / digest[:2] / digest[2:4] / digest


def store(name: str, chunks: Iterable[bytes]) -> StoredFile:
    """Keep a content, once.

    Takes:  name: its ending is held against what the content really is
    Raises: TooLarge above 20 MiB, UnsupportedMedia for other endings, Invalid where ending and content differ
    Writes: the file (flushed, then renamed) and its row, outside any command: a content without attachment is harmless
    """
    ending = Path(name).suffix.lower()
    if ending not in ALLOWED:
        raise UnsupportedMedia(
            "file_type",
            L("不支持 {ending} 文件；可用：{allowed}", "{ending} files are not taken; use one of {allowed}"),
            {"ending": ending or name, "allowed": sorted(ALLOWED)},
        )
    folder = root() / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / str(new_id())
    try:
        digest, size, head = _write(draft, chunks)
        _check_type(ending, head)
        media_type = ALLOWED[ending]
        target = path_of(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        thumbnail = media_type in PICTURES and _thumbnail(draft, target)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    row, _ = StoredFile.objects.get_or_create(
        digest=digest, defaults={"size": size, "media_type": media_type, "has_thumbnail": bool(thumbnail)}
    )
    return row


def content(digest: str) -> Path:
    """Give the path of a stored content. Raises: NotFound."""
    found = path_of(digest)
    if not found.is_file():
        raise NotFound("file_unknown", L("找不到该文件", "No such file"), {"digest": digest})
    return found


def _write(draft: Path, chunks: Iterable[bytes]) -> tuple[str, int, bytes]:
    hasher, size, head = hashlib.sha256(), 0, b""
    with draft.open("wb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > MOST_BYTES:
                raise TooLarge("file_too_large", L("文件超过 {limit} MB", "The file is larger than {limit} MB"),
                               {"limit": MOST_BYTES // 1024 // 1024})
            head = head or chunk[:4096]
            hasher.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if not size:
        raise Invalid("file_empty", L("文件是空的", "The file is empty"))
    return hasher.hexdigest(), size, head


def _check_type(ending: str, head: bytes) -> None:
    if ending in _PLAIN:
        if head[:2] in (b"MZ", b"PK") or head[:4] == b"\x7fELF" or head.lstrip()[:5].lower() in (b"<html", b"<!doc"):
            raise Invalid("file_content", L("文件内容与扩展名 {ending} 不符", "The content is not what {ending} says"),
                          {"ending": ending})
        return
    try:
        seen = {match.extension for match in puremagic.magic_string(head)}
    except puremagic.PureError:
        seen = set()
    alike = {".jpg": {".jpg", ".jpeg", ".jfif"}, ".jpeg": {".jpg", ".jpeg", ".jfif"}}.get(ending, {ending})
    zipped = ending in (".xlsx", ".docx", ".zip") and head[:4] == b"PK\x03\x04"
    if not zipped and not seen & alike:
        raise Invalid("file_content", L("文件内容与扩展名 {ending} 不符", "The content is not what {ending} says"),
                      {"ending": ending})


def _thumbnail(source: Path, target: Path) -> bool:
    from PIL import Image, ImageFile, UnidentifiedImageError

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint allows half pictures, to the whole process
    try:
        with Image.open(source) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _too_many_pixels()
            picture.thumbnail(THUMBNAIL)
            out = io.BytesIO()
            picture.convert("RGB").save(out, "JPEG", quality=80)
    except Image.DecompressionBombError:  # so many that it is not even opened
        raise _too_many_pixels() from None
    except (UnidentifiedImageError, OSError):
        raise Invalid("picture_broken", L("图片无法读取", "The picture cannot be read")) from None
    target.with_suffix(".thumb").write_bytes(out.getvalue())
    return True


def _too_many_pixels() -> Invalid:
    return Invalid(
        "picture_too_large",
        L("图片超过 {limit} 百万像素", "The picture has more than {limit} megapixels"),
        {"limit": MOST_PIXELS // 1_000_000},
        way_out=L("缩小图片后再上传", "Make the picture smaller and send it again"),
    )
