"""Tags of what is printed."""

from __future__ import annotations

from django import template

from banyan.web.printing import pdf

register = template.Library()


@register.filter
def qr(text: str) -> str:
    """Give a code to scan as a picture that stands in the page."""
    return pdf.qr(text)
