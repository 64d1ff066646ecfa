"""What a browser says of itself, in words a person knows: "Chrome · Windows"."""

from __future__ import annotations

#: Browsers by what their names hold, the more special ones first: most name others beside themselves.
_BROWSERS = (
    ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("Lark/", "Feishu"), ("Feishu", "Feishu"), ("Edg", "Edge"),
    ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrom", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"), ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def words_of(agent: str) -> str:
    """Give browser and device of a User-Agent, empty where neither is known.

    Source: MDN, "Browser detection using the user agent", the order of its tables
    """
    named = (next((word for mark, word in table if mark in agent), "") for table in (_BROWSERS, _SYSTEMS))
    return " · ".join(filter(None, named))
