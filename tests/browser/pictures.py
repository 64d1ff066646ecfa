"""Puts some of what the browser tests saw (build/screens) into docs/images, small: `python -m tests.browser.pictures`.

BANYAN_TEST_ALL=1 pytest tests/browser/test_mapping.py tests/browser/test_designer.py tests/browser/test_dead_letters.py
tests/browser/test_health.py makes them before.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
SCREENS, IMAGES = ROOT / "build" / "screens", ROOT / "docs" / "images"
#: Each picture of the documents, and which of the tests' it is.
PICTURES = {
    "mapping-bench": "mapping/bench-desk-zh-light", "mapping-bench-en": "mapping/bench-desk-en-dark",
    "first-flow": "designer/drawn-desk-zh-light", "first-flow-en": "designer/drawn-desk-en-dark",
    "dead-letter": "dead_letters/replayed-zh", "dead-letter-en": "dead_letters/replayed-en",
    "health-board": "health-zh-desktop", "health-board-en": "health-en-desktop",
}  # fmt: skip
WIDEST, HIGHEST, COLOURS = 1200, 1200, 96
#: A phone shows no more at once: what it keeps at its lower edge would stand in the middle.
PHONE = (390, 844)


def smaller(picture: Image.Image) -> Image.Image:
    """Give a picture at most so wide and so high, what is below cut off, in few colours."""
    seen = picture.convert("RGB")
    if seen.width > WIDEST:
        seen = seen.resize((WIDEST, round(seen.height * WIDEST / seen.width)), Image.Resampling.LANCZOS)
    highest = PHONE[1] if seen.width <= PHONE[0] else HIGHEST
    seen = seen.crop((0, 0, seen.width, min(seen.height, highest)))
    return seen.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    for name, source in PICTURES.items():
        with Image.open(SCREENS / f"{source}.png") as picture:
            smaller(picture).save(IMAGES / f"{name}.png", optimize=True)
        print(f"{name}.png: {(IMAGES / f'{name}.png').stat().st_size // 1024} KB")
