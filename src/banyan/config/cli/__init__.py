"""The `banyan` command: one file per subcommand, each imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click


class Subcommands(click.Group):
    """Finds a subcommand in the file of its name; `import` lives in `import_.py`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in alphabetic order."""
        return sorted(
            found.name.rstrip("_") for found in iter_modules(__path__) if not found.name.startswith("_")
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command `command` of the file, None where there is no such file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        file = cmd_name + "_" if cmd_name == "import" else cmd_name
        return import_module(f"{__name__}.{file}").command


@click.command(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="banyan")
def main() -> None:
    """Banyan (榕): manufacturing ERP, from the order to the shop floor to the books."""
