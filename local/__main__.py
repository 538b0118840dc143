"""`python -m local`: the whole platform on this machine, until Ctrl-C.

In: the checkout; TICKWIRE_PORT, TICKWIRE_AWS_PORT and TICKWIRE_STATE from the environment. Out: what
`local.serve` says. Whatever ends it, nothing that it started is left running. Exit status: 128 + the signal
for Ctrl-C and its kin (130), 1 with one sentence for anything that can't be.

With --cloud-only it deploys nothing: the local AWS and the site's address, for the CLI's `pulumi up -s
local`.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it still imports isn't worth a traceback

import argparse
import os
import sys
from pathlib import Path

from local import preflight
from local.interrupt import Interrupts, Stop

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="The whole platform on this machine."
    )
    parser.add_argument("--cloud-only", action="store_true", help="deploy nothing: for pulumi up -s local")
    given = parser.parse_args(arguments)
    interrupts = Interrupts()
    try:
        port, aws_port = preflight.ports(dict(os.environ))
        state = Path(preflight.state(str(ROOT), dict(os.environ)))
        from local import serve  # takes its time, which is why signals and simple refusals come first

        serving = serve.cloud if given.cloud_only else serve.platform
        serving(interrupts, state=state, port=port, aws_port=aws_port)
    except Stop as stop:
        print("tickwire: stopped", flush=True)
        return stop.status
    except preflight.Refusal as refusal:
        sys.stderr.write(f"tickwire: {str(refusal).rstrip('.')}.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
