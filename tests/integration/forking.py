"""`banyan bus` and `banyan dispatch` begun again and again at once: `bus` or `dispatch` on stdin forks one.

Its process number is the answer.

`forking.py SECONDS` has it claim for so long what comes in and whom it reads, instead of two minutes.
"""

import os
import signal
import sys

import django

django.setup()

from banyan.integration import effects, polling  # noqa: E402
from banyan.integration.engine import Bus  # noqa: E402
from banyan.kernel import dispatcher  # noqa: E402

if len(sys.argv) > 1:
    effects.LEASE_SECONDS = polling.LEASE_SECONDS = float(sys.argv[1])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for name in sys.stdin:
    number = os.fork()
    if not number:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if name == "bus\n":
            Bus(senders=4).run()
        else:
            dispatcher.run()
        os._exit(0)
    print(number, flush=True)
