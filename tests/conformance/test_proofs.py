"""Every line of `banyan verify` has a test in which a fault planted for it is named."""

from __future__ import annotations

from banyan.config.environ import CHECKOUT
from banyan.kernel import proofs


def test_every_proof_is_tried_with_a_planted_fault():
    folders = (CHECKOUT / "tests", CHECKOUT / "src" / "banyan")
    texts = "".join(f.read_text() for folder in folders for f in sorted(folder.glob("**/test_*.py")))
    untried = [p.key for p in proofs.proofs() if f'"{p.key}"' not in texts and p.function.__name__ not in texts]
    assert untried == []
