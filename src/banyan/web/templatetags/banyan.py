"""Tags of every template: texts in both languages, icons, built files, controls."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from banyan.lib.labels import fill, is_chinese, spoken_language
from banyan.web import assets

register = template.Library()


@register.simple_tag
def t(zh: str, en: str, **facts: Any) -> str:
    """Give a text in the language now spoken: `{% t "保存" "Save" %}`; facts fill its {slots}."""
    language = spoken_language()
    return fill(zh if is_chinese(language) else en, facts, language)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Give an icon of the sprite; an unknown name gives a plain sheet of paper."""
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
