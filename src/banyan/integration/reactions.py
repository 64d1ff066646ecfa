"""What the bus hears: every event, in batches."""

from banyan.integration.fanout import take_batch
from banyan.kernel import events

events.takes_batches(take_batch)
