"""Every write that people make: systems and their secrets, flows and their samples, dead letters."""

from banyan.integration.commands.flows import (
    activate_flows,
    add_presets,
    backfill_flow,
    peek_messages,
    rehearse_flow,
    resume_flows,
    retire_flows,
    revise_flows,
    stop_flows,
    test_flows,
)
from banyan.integration.commands.keeping import bind_environment, reseal_secrets, retire_key, rotate_key
from banyan.integration.commands.messages import (
    dry_run_messages,
    give_up_messages,
    pin_message,
    repair_messages,
    replay_messages,
    replay_where,
)
from banyan.integration.commands.reading import do_read_again, read_again
from banyan.integration.commands.renewing import renew_session
from banyan.integration.commands.systems import activate_systems, check_system, resume_systems, set_secret, stop_systems

__all__ = [
    "activate_flows", "activate_systems", "add_presets", "backfill_flow", "bind_environment", "check_system",
    "do_read_again", "dry_run_messages", "give_up_messages", "peek_messages", "pin_message", "read_again",
    "rehearse_flow", "renew_session", "repair_messages", "replay_messages", "replay_where", "reseal_secrets",
    "resume_flows", "resume_systems", "retire_flows", "retire_key", "revise_flows", "rotate_key", "set_secret",
    "stop_flows", "stop_systems", "test_flows",
]  # fmt: skip
