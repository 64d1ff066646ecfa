"""Messages of an own application to single persons: WeCom, DingTalk and Feishu."""
