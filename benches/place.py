"""Where the bench works and how often: what every other file of it reads."""

import os
import subprocess
import sys

RBUILD, WORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ONLY = sys.argv[3:]
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.geteuid() == 0

# Each row is done this often; a short one up to three times as often, while it has taken less than SHORT seconds.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SHORT = 10
# What another builder may take: a run, after which it is ended; and a row, after which it is not begun again.
LIMIT = int(os.environ.get("BENCH_LIMIT", "120"))
OTHERS = int(os.environ.get("BENCH_OTHERS", "30"))
# Contexts and images are that many times smaller: to see that every row runs, not to learn anything. Then no page is written.
SHRINK = int(os.environ.get("BENCH_SHRINK", "1"))


def at(path):
    return os.path.join(WORK, path)


def write(path, content):
    path = at(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def settle():
    """What was written before is on the disk, and not a matter of the next run."""
    subprocess.run(["sync", "-f", WORK], check=True)


def elsewhere(make):
    """In a child: the memory of a process counts as its children's until they are another program, and must stay small."""
    child = os.fork()
    if child == 0:
        try:
            make()
        except BaseException as failure:  # a child that returned would do the parent's work once more
            print(f"{failure}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("what is to be built could not be made")
