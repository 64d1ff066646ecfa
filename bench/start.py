"""How long a start takes: the first one into an empty folder, telling the demo factory's story, and later ones.

banyan bench start
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PORT = 18020
STARTS = ("first", "second", "third")


def _answers() -> bool:
    connection = HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    """Print the seconds until the site answers, and until everything has ended."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-bench-"))
    folder.chmod(0o755)
    surroundings = os.environ | {
        "BANYAN_DATA": str(folder),
        "BANYAN_PORT": str(PORT),
        "BANYAN_DB_ROLE": "app",
    }
    try:
        for name in STARTS:
            begun = time.monotonic()
            up = subprocess.Popen(
                [sys.executable, "-m", "banyan.config.cli", "up"],
                env=surroundings, stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            while up.poll() is None and not _answers():
                time.sleep(0.02)
            served = time.monotonic()
            up.send_signal(signal.SIGINT)
            up.wait()
            promised = "" if name == "first" else "  [5]"
            print(f"{name} start {served - begun:6.2f} s{promised}, end {time.monotonic() - served:6.2f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
