"""What OpenSSH's SFTP said (payloads/talk.json), told again to the connector; tests/partners/test_talks.py asks it."""

from datetime import datetime

from tests.partners import sftp, stories
from tests.partners.talking import Where, kept, plain, talk_of


def test_what_the_server_said_is_understood_again():
    whole = kept("file")
    talk = talk_of(whole)
    with sftp.played(talk) as (port, key):
        found = plain(stories.sftp(Where(port, datetime.fromisoformat(whole["now"]), {"host_key": key})))
    assert found == whole["comes"]
    stories.sftp_holds(found)
    assert talk.is_over()
    assert talk.faults == []
