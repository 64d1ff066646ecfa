"""`banyan verify`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command()
@click.argument("keys", nargs=-1)
def command(keys: tuple[str, ...]) -> None:
    """Prove again what must never be false, or only the proofs named.

    Prints one line per proof, and the breaches; exit code 1 where there is one.
    """
    with running():
        from banyan.kernel import proofs

        known = {one.key for one in proofs.proofs()}
        if unknown := sorted(set(keys) - known):
            raise click.BadParameter(f"{', '.join(unknown)}: choose among {', '.join(sorted(known))}.")
        verdicts = proofs.run(keys)
    for verdict in verdicts:
        mark = click.style("✓", fg="green") if verdict.is_green else click.style("✗", fg="red")
        label = verdict.proof.label
        click.echo(
            f"{mark} {verdict.proof.key}  {label.zh} {label.en}  "
            f"({verdict.found.counted:,} compared, {verdict.seconds:.2f} s)"
        )
        for fault in verdict.found.faults:
            click.echo(f"    {fault.noun} {fault.record}: {fault.text}")
        hidden = verdict.found.broken - len(verdict.found.faults)
        if hidden > 0:
            click.echo(f"    and {hidden} more")
    broken = sum(not verdict.is_green for verdict in verdicts)
    click.echo(f"{len(verdicts)} proofs, {broken} broken.")
    raise SystemExit(1 if broken else 0)
