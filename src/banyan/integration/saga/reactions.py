"""What sagas hear: every event, in batches; and who moves their runs."""

from banyan.integration import engine
from banyan.integration.saga.working import advance_due, take_batch
from banyan.kernel import events

events.takes_batches(take_batch)
engine.also_does(advance_due)
