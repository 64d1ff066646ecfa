"""Before the books are opened, what needs them is refused in words."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from banyan.modules.finance.errors import BooksOff
from banyan.modules.finance.models import Payment

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("noun", ["finance.payment", "finance.customer_invoice", "finance.supplier_invoice"])
def test_nothing_is_posted_before_the_books_are_opened(world, samples, noun):
    draft = samples.make(registry.noun(noun))
    with pytest.raises(BooksOff):
        world.do(f"{noun}.post", draft)
    assert registry.noun(noun).model.objects.get(pk=draft).state == "draft"
    assert not Payment.objects.exclude(state="draft").exists()
