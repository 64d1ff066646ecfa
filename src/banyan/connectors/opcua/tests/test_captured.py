"""What the real partner said (payloads/talk.json), told again; tests/partners/test_talks.py asks the partner itself."""

from tests.partners import stories
from tests.partners.talking import is_told_again


def test_what_the_partner_said_is_understood_again():
    is_told_again("opcua", stories.opcua, stories.opcua_holds)
