"""What the product says in English where it says something in Chinese, read from its own pairs of texts."""

from __future__ import annotations

import csv
import re
from functools import cache

from banyan.config.environ import CHECKOUT

#: A pair as in `L("订单", "Order")`, `{% t "订单" "Order" %}`, `t("订单", "Order")`.
PAIR = re.compile(r'"([^"\n]*[\u3400-\u9fff][^"\n]*)",?\s+"([^"\n\u3400-\u9fff]+)"')
SOURCES = (("src/banyan", "*.py"), ("src/banyan", "*.html"), ("frontend/src", "*.ts"))


@cache
def pairs() -> dict[str, frozenset[str]]:
    """Give the English texts of every Chinese one."""
    found: dict[str, set[str]] = {}
    for folder, kind in SOURCES:
        for file in (CHECKOUT / folder).rglob(kind):
            if "tests" not in file.parts and "dist" not in file.parts:
                for chinese, english in PAIR.findall(file.read_text()):
                    found.setdefault(chinese, set()).add(english)
    charts = (CHECKOUT / "src/banyan/modules/finance/charts").glob("*.csv")
    for names in (*charts, CHECKOUT / "src/banyan/demo/factory/routing_operations.csv"):
        for row in csv.DictReader(names.open()):
            found.setdefault(row["name_zh"], set()).add(row["name_en"])
    return {chinese: frozenset(texts) for chinese, texts in found.items()}


def said(text: str, language: str) -> list[str]:
    """Give what may stand on the screen for a Chinese text; what has no pair is data, the same in every language."""
    return [text, *sorted(pairs().get(text, ()))] if language == "en" else [text]
