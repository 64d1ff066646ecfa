"""The sizes and languages that a proof goes through in a browser: some in `make test`, all in `make test-all`."""

from __future__ import annotations

import pytest

from tests.browser.floor import SIZES
from tests.plugins.levels import later

#: A screen's size and language.
every_size_and_language = pytest.mark.parametrize(("size", "language"), [
    ("phone", "zh"), later("phone", "en"), later("tablet", "zh"), later("tablet", "en"), later("desktop", "zh"),
    later("desktop", "en"),
])  # fmt: skip
#: What a page is opened with, and its language.
desk_and_phone = pytest.mark.parametrize(("size", "language"), [
    later({}, "zh", id="desk"), pytest.param({"phone": True}, "en", id="phone"),
])  # fmt: skip
#: What a page is opened with, for those who touch.
phone_and_tablet = pytest.mark.parametrize("size", [
    pytest.param({"phone": True}, id="phone"), later({"tablet": True}, id="tablet"),
])  # fmt: skip
#: What hangs at a machine or is carried about, by name.
every_handheld = pytest.mark.parametrize(
    "size", [name if name == "phone" else later(name) for name in SIZES]
)
#: How a page looks: its device, what it is opened with, language, theme.
every_look = pytest.mark.parametrize(("device", "size", "language", "theme"), [
    ("desk", {}, "zh", "light"), later("phone", {"phone": True}, "en", "dark"),
    later("tablet", {"tablet": True}, "en", "light"), later("phone", {"phone": True}, "zh", "light"),
    later("desk", {}, "en", "dark"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
