"""`banyan up` on an empty data folder, as `make run` starts it: the story once, logins that work, every later start."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator

import pytest
import requests

from banyan.demo.plot import ROLES
from banyan.demo.story import CHAPTERS
from banyan.ops import processes
from tests.ops.site import Site, bare_site, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
STORY_SECONDS = 900
#: A line of the welcome: a role in Chinese and English, its login, its password.
LOGIN = re.compile(rf"^\S+ .*?  +({'|'.join(ROLES)})  +(\S+) *$", re.MULTILINE)


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a site that was never started."""
    made = bare_site()
    made.words = ()
    try:
        yield made
    finally:
        made.remove()


def start(site: Site, seconds: float = 150) -> tuple[str, float]:
    """Start a site; give what it printed up to its welcome, and the seconds until it served."""
    earlier = len(site.said()) if site.process else 0
    began = time.monotonic()
    site.start(seconds)
    served = time.monotonic() - began
    until(lambda: "工位 Station" in site.said()[earlier:], 30, "it prints how to sign in")
    return site.said()[earlier:], served


def sign_in(site: Site, login: str, password: str) -> requests.Session:
    """Sign in as a browser does. Raises: AssertionError when it is refused"""
    browser, root = requests.Session(), f"http://127.0.0.1:{site.port}"
    assert browser.get(f"{root}/login", timeout=60).status_code == 200
    headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": root}
    words = {"username": login, "password": password}
    answer = browser.post(f"{root}/login", words, headers=headers, timeout=60, allow_redirects=False)
    assert answer.status_code == 302, answer.text[:2000]
    return browser


def orders_shown(site: Site, browser: requests.Session) -> int:
    """Give the status of the page of sales orders, which only somebody who has signed in sees."""
    page = f"http://127.0.0.1:{site.port}/sales/orders"
    return browser.get(page, timeout=60, allow_redirects=False).status_code


def kill_all(site: Site) -> None:
    """Kill the supervisor, then all that it runs and the database, as a power cut does."""
    family = [*site.family(), site.cluster().postmaster()]
    site.process.kill()
    for one in family:
        assert processes.end(*one, (signal.SIGKILL, 20))
    site.process.wait()


def test_the_story_is_told_once_and_every_later_start_serves_it(site):
    told, first = start(site, STORY_SECONDS)
    last = CHAPTERS["demo"]
    assert [f" {n}/{last}. " in told for n in range(1, last + 1)] == [True] * last
    logins = dict(LOGIN.findall(told))
    assert set(logins) == set(ROLES)
    sellers = sign_in(site, "sales", logins["sales"])
    assert orders_shown(site, requests.Session()) == 302
    assert orders_shown(site, sellers) == 200
    assert site.run("story").returncode == 1  # the database holds a company

    family = [*site.family(), site.cluster().postmaster()]
    site.interrupt()
    assert site.process.returncode == 0
    assert [processes.command_line(pid) for pid, begun in family if processes.is_same(pid, begun)] == []

    again, second = start(site)
    assert f"/{last}. " not in again
    assert dict(LOGIN.findall(again)) == logins
    assert orders_shown(site, sellers) == 200

    kill_all(site)
    recovered, third = start(site)
    assert f"/{last}. " not in recovered
    assert orders_shown(site, sellers) == 200
    proved = site.run("verify")
    assert proved.returncode == 0, proved.stdout
    assert re.search(r"^[1-9]\d* proofs, 0 broken\.$", proved.stdout, re.MULTILINE)
    print(f"served after {first:.1f} s with the story, {second:.1f} s the second time, {third:.1f} s after a kill")
