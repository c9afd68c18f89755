"""Serves on loopback: `python -m notes [PORT]`; port 0 takes a free one and says which."""

import signal
import sys

from werkzeug.serving import make_server

from . import create_app


def main():
    # A process with number 1 has no default action for a signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = make_server("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080, create_app())
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
