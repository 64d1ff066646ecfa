"""Links that messages make: what a partner calls the record that its message made, or that ours made over there."""

from __future__ import annotations

from uuid import UUID

from banyan.integration.mapping.commands import make_links
from banyan.kernel.context import Context


def link_by_message(ctx: Context, system: str, entity: str, code: str, record: UUID) -> None:
    """Link an outside code to a record of ours; what is linked so already stays.

    Raises: CodeTaken, RecordTaken
    Writes: a key link, origin `message`
    """
    make_links(ctx, system, entity, {code: record}, origin="message")
