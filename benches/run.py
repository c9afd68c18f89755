"""Times whole builds, beside what the machine needs for the same work without a builder: run.py RBUILD DIR [WORD...]"""

import os
import shutil
import signal
import subprocess
import sys

import builders
import inputs
import project
import remote
import rows
import table
import transfers
from measure import Failed, measure
from place import HERE, ONLY, ROOT, SHRINK, at, elsewhere, settle


def make(needs):
    """What the chosen rows need, each in a process of its own."""
    elsewhere(inputs.base)
    elsewhere(inputs.dockerfiles)
    sources = {
        "small": lambda: inputs.files("small", 2000, 8000),
        "large": lambda: inputs.files("large", 50000 // SHRINK, 8000),
        "huge": lambda: [inputs.halves(f"huge/file{number}", f"huge {number}", 512 // SHRINK) for number in range(2)],
        "thirds": lambda: [inputs.halves(f"thirds/file{number}", f"third {number}", 112 // SHRINK) for number in range(3)],
        "layers": remote.layers,
        "sixty": inputs.sixty,
        "project": lambda: (project.project(), project.toolchain()),
    }
    for name, source in sources.items():
        if name in needs:
            elsewhere(source)
    if "source" in needs:
        transfers.SOURCE.emptied()
        elsewhere(lambda: remote.filled(transfers.SOURCE))
    settle()


def main():
    # What is started here is ended at exit, and a signal alone would be none.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    if ROOT and shutil.which("cc"):
        subprocess.run(["cc", "-O2", "-o", at("run-limit"), f"{HERE}/run-limit.c"], check=True)
    every = [*(transfers.rows() if remote.have() else []), *rows.rows()]
    chosen = [row for row in every if not ONLY or any(word in row.name for word in ONLY)]
    make({need for row in chosen for need in row.needs})
    os.makedirs(at("docker-config"), exist_ok=True)
    mine, others = builders.Rbuild(), builders.others()
    lines = table.head(others)
    print("\n".join(lines), flush=True)
    failed = False
    for row in chosen:
        try:
            lines.append(table.line(row, measure(row, mine, others), others))
        except Failed:
            failed = True
            lines.append(table.failed(row, others))
        print(lines[-1], flush=True)
    if not ONLY and SHRINK == 1:
        table.publish(lines)
    sys.exit(1 if failed else 0)


main()
