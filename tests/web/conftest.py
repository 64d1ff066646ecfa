"""Who looks at the pages: people with stated grants, signed in by a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from banyan.kernel.models import Role, RoleGrant, User, UserRole
from tests.plugins.standing import stands

PASSWORD = "Wurzel-und-Zweig-7"


def _named(login: str, *grants: str | tuple[str, str], areas=(), **more) -> User:
    user = User(login=login, name=more.pop("name", login), **more)
    user.set_password(PASSWORD)
    user.save()
    if grants:
        role = Role.objects.create(code=f"r-{login}", name_zh=login, name_en=login, areas=list(areas))
        pairs = [g if isinstance(g, tuple) else (g, "all") for g in grants]
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in pairs)
        UserRole.objects.create(user=user, role=role)
    return user


def _signed_in(*grants: str | tuple[str, str], login: str = "lin", **more) -> Client:
    client = Client()
    client.force_login(_named(login, *grants, **more))
    return client


@pytest.fixture
def person_named(db) -> Callable[..., User]:
    """Make a user: `person_named("lin", "sales.*", ("items.item.read", "own"), language="en")`."""
    return _named


@pytest.fixture
def signed_in(db) -> Callable[..., Client]:
    """Give a browser in which somebody with these grants has signed in."""
    return _signed_in


@pytest.fixture
@stands
def everyone(db) -> Client:
    """Give a browser of somebody who may do everything."""
    return _signed_in("*", login="all")


PART = {"HX-Request": "true"}
