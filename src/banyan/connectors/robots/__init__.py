"""Group robots for people: WeCom, DingTalk, Feishu (README.md)."""
