"""Reads, once, all that the product declares: the kernel's own and that of every installed module."""

from __future__ import annotations

import importlib
import importlib.util

from django.apps import apps

from banyan.kernel import registry
from banyan.kernel.nouns import compile_noun, declared

#: The kernel's own declarations. Records come before what stands beside them: so are commands listed.
_KERNEL = ("records", "beside", "beside_proofs", "chain", "clients", "declarations", "dispatcher", "jobs",
           "outbox_proofs", "sessions", "tokens")
_DECLARATIONS = ("nouns", "events", "commands", "reactions", "reports", "proofs", "jobs", "prints", "starts",
                 "figures", "impossible")


def discover() -> None:
    """Read the declarations of every installed module and compile its nouns.

    A module is an installed app of ours; each file of `_DECLARATIONS` that exists is imported.
    """
    for name in _KERNEL:
        importlib.import_module(f"banyan.kernel.{name}")
    for config in apps.get_app_configs():
        if config.name.startswith("banyan."):
            for name in _DECLARATIONS:
                target = f"{config.name}.{name}"
                if importlib.util.find_spec(target):
                    importlib.import_module(target)
    keys = {d.model: d.words["key"] for d in declared()}
    registry.publish(compile_noun(d, keys) for d in declared())
