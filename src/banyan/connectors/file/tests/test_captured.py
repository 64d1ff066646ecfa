"""What OpenSSH's SFTP (payloads/talk.json) and an S3 store (payloads/s3-talk.json) said, told again to the connector.

tests/partners/test_talks.py asks them.
"""

from datetime import datetime

from tests.partners import sftp, stories
from tests.partners.talking import Where, is_told_again, kept, plain, talk_of


def test_what_the_server_said_is_understood_again():
    whole = kept("file")
    talk = talk_of(whole)
    with sftp.played(talk) as (port, key):
        found = plain(stories.sftp(Where(port, datetime.fromisoformat(whole["now"]), {"host_key": key})))
    assert found == whole["comes"]
    stories.sftp_holds(found)
    assert talk.is_over()
    assert talk.faults == []


def test_what_the_store_said_is_understood_again():
    is_told_again("file", stories.s3, stories.s3_holds, "s3")
