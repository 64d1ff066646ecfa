"""Tags of every template: texts in both languages, icons, built files, controls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import uuid4

from django import template
from django.conf import settings
from django.template.base import FilterExpression, Node, Parser, Token
from django.template.context import Context
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from banyan.lib.labels import fill, is_chinese, plain, spoken_language
from banyan.web import assets

register = template.Library()


@register.simple_tag
def t(zh: str, en: str, **facts: Any) -> str:
    """Give a text in the language now spoken: `{% t "保存" "Save" %}`; facts fill its {slots}."""
    language = spoken_language()
    return fill(zh if is_chinese(language) else en, facts, language)


_with_facts = register.tags["t"]


class _Text(Node):
    """A text that stands in the template: nothing is left to do but to choose the language."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh, self.en = escape(fill(str(zh), {}, "zh")), escape(fill(str(en), {}, "en"))

    def render(self, context: Context) -> SafeString:
        return self.zh if is_chinese(spoken_language()) else self.en


@register.tag("t")
def _text(parser: Parser, token: Token) -> Node:
    words = token.split_contents()[1:]
    if len(words) == 2:
        pair = [parser.compile_filter(word) for word in words]
        if all(_is_constant(one) for one in pair):
            return _Text(*(one.var for one in pair))
    return _with_facts(parser, token)


def _is_constant(expression: FilterExpression) -> bool:
    return isinstance(expression.var, str) and not expression.filters


class _Icon(Node):
    def __init__(self, name: FilterExpression, css: FilterExpression | None) -> None:
        self.name, self.css = name, css

    def render(self, context: Context) -> SafeString:
        css = self.css.resolve(context) if self.css else ""
        return icon(str(self.name.resolve(context)), str(css))


@register.tag("icon")
def _icon(parser: Parser, token: Token) -> Node:
    """Give an icon of the sprite: `{% icon "pencil" "icon-small" %}`."""
    _, name, *css = token.split_contents()
    return _Icon(parser.compile_filter(name), parser.compile_filter(css[0]) if css else None)


def icon(name: str, css: str = "") -> SafeString:
    """Give an icon of the sprite; an unknown name gives a plain sheet of paper."""
    if settings.DEBUG:
        _made.cache_clear()  # the front end may have been built again
    return _made(name, css)


@lru_cache(maxsize=4096)
def _made(name: str, css: str) -> SafeString:
    known = name if name in assets.icon_names() else "file"
    href = f"{assets.address('src/icons.svg')}#{known}"
    return mark_safe(f'<svg class="icon {escape(css)}" aria-hidden="true"><use href="{href}"/></svg>')


@register.simple_tag
def built(source: str) -> str:
    """Give the address of a file of the front-end build."""
    return assets.address(source)


@register.simple_tag
def built_styles(source: str) -> SafeString:
    """Give the links to the style sheets of a source."""
    return mark_safe("".join(f'<link rel="stylesheet" href="{one}">' for one in assets.styles(source)))


@register.simple_tag
def once() -> str:
    """Give a new key for a form, so that sending it twice does the work once."""
    return str(uuid4())


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Give a mapping's value."""
    return mapping.get(key, "") if mapping else ""


@register.filter
def count(value: Any) -> str:
    """Give a quantity as people write it: without zeros at its end."""
    return "" if value is None else plain(value)
