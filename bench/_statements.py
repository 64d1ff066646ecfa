"""How many statements a command of the product sends: `python bench/_statements.py import adventureworks`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def main(arguments: Sequence[str]) -> None:
    """Run a command as `banyan` does; the last line says how many statements it sent. Raises: SystemExit as it does"""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.settings")
    import django

    django.setup()
    import _bare

    from banyan.config.cli import main as banyan

    def run() -> None:
        try:
            banyan(list(arguments), standalone_mode=False)
        except SystemExit as end:
            if end.code:
                raise

    print(f"{_bare.count_statements(run)} statements")


if __name__ == "__main__":
    main(sys.argv[1:])
