"""`banyan bus` begun again and again at once: a line on stdin forks one, its process number is the answer.

`forking.py SECONDS` has it claim for so long what comes in and whom it reads, instead of two minutes.
"""

import os
import signal
import sys

import django

django.setup()

from banyan.integration import effects, polling  # noqa: E402
from banyan.integration.engine import Bus  # noqa: E402

if len(sys.argv) > 1:
    effects.LEASE_SECONDS = polling.LEASE_SECONDS = float(sys.argv[1])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for _ in sys.stdin:
    number = os.fork()
    if not number:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        Bus(senders=4).run()
        os._exit(0)
    print(number, flush=True)
