"""One row: its rounds, in which rbuild, the limit and the other builders take turns."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time

from place import OTHERS, ROUNDS, SHORT, WORK, settle


class Ran:
    """`value` is what the row compares, seconds on the wall unless it says otherwise; `peak` the largest process in MB."""

    def __init__(self, value, peak=0.0):
        self.value, self.peak = value, peak


class Failed(Exception):
    """Somebody did not do it; the text is for the table, and what was said is on standard error."""


def timed(command, limit=None, **keywords):
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               start_new_session=limit is not None, **keywords)
    ended = []

    def end():
        ended.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end) if limit else None
    if timer:
        timer.start()
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if timer:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"{' '.join(command)}:\n{said.decode(errors='replace')[-2000:]}"
        if not ended:
            print(message, file=sys.stderr, flush=True)
        raise Failed(f"> {limit} s" if ended else "fails")
    return Ran(seconds, usage.ru_maxrss / 1024)


def shell(script):
    return lambda: timed(["sh", "-ec", script], cwd=WORK)


def sectors():
    device = os.stat(WORK).st_dev
    with open(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat") as file:
        return int(file.read().split()[6])


def written(work):
    """What the file system's device was given to write meanwhile and until nothing more is to be written, in MB."""
    settle()
    before = sectors()
    ran = work()
    settle()
    return Ran((sectors() - before) * 512 / 1e6, ran.peak)


class Row:
    """`work` and `before` get a builder; `before` is done before each run and not timed, `prepare` once.

    Goals: `reach` is a value, `times` a multiple of the limit, `ahead` how often the fastest other builder's must contain
    rbuild's, `memory` the largest process in MB. A row that is `cold` begins each run with an empty store that knows `bases`.
    What no clock measures is done `once`, and its limit after it.
    """

    def __init__(self, name, work, limit_name, limit, *, cold=False, bases=(), prepare=None, before=None, needs=(), divide=1,
                 reach=None, times=None, ahead=None, memory=60, without=(), often=True, megabytes=False, once=False):
        self.name, self.work, self.limit_name, self.limit, self.cold, self.bases = name, work, limit_name, limit, cold, bases
        self.prepare, self.before, self.needs, self.divide, self.often, self.megabytes = prepare, before, needs, divide, often, megabytes
        self.reach, self.times, self.ahead, self.memory, self.without, self.once = reach, times, ahead, memory, without, once


class Measured:
    """What a row's rounds gave: `mine`, `limits` and, by the builder's name, `others`, each a list or the word for the table."""

    def __init__(self, row):
        self.row, self.mine, self.limits, self.others = row, [], [], {}

    def median(self):
        return statistics.median(ran.value for ran in self.mine) / self.row.divide

    def extremes(self):
        values = [ran.value / self.row.divide for ran in self.mine]
        return min(values), max(values)

    def limit(self):
        return statistics.median(self.limits)

    def peak(self):
        return max(ran.peak for ran in self.mine)

    def other(self, name):
        """The median of another builder; None if it was not measured; a text if it did not do it."""
        values = self.others.get(name)
        return statistics.median(values) / self.row.divide if isinstance(values, list) and values else values or None

    def fastest(self):
        found = [value for name in self.others for value in [self.other(name)] if isinstance(value, float)]
        return min(found, default=None)

    def ended(self):
        """The time that the builders had which were ended before they were done; None if none was."""
        found = [float(said.split()[1]) for said in self.others.values() if isinstance(said, str) and said.startswith("> ")]
        return min(found) / self.row.divide if found else None


def begin(row, builder):
    if row.cold:
        return
    builder.fresh(row.bases)
    if row.prepare:
        row.prepare(builder)
        return
    # Twice, and with time between: a file changed in the moment of the first look is read once more.
    row.work(builder)
    time.sleep(0.1)
    row.work(builder)


def turn(row, builder):
    if row.cold:
        builder.fresh(row.bases)
    if row.before:
        row.before(builder)
    settle()
    return row.work(builder)


def measure(row, mine, others):
    """Rounds until there are ROUNDS, and of a short row more; of another builder as many as fit into its time."""
    found = Measured(row)
    others = [other for other in others if other.name not in row.without]
    begin(row, mine)
    spent, theirs = 0.0, {}
    rounds = 1 if row.once else 3 * ROUNDS if row.often else ROUNDS
    for number in range(rounds):
        if number >= ROUNDS and spent > SHORT:
            break
        start = time.monotonic()
        settle()
        order = [lambda: found.limits.append(row.limit().value), lambda: found.mine.append(turn(row, mine))]
        for one in reversed(order) if row.once else order:
            one()
        spent += time.monotonic() - start
        for other in others:
            if theirs.get(other.name, 0) > OTHERS or isinstance(found.others.get(other.name), str):
                continue
            start = time.monotonic()
            try:
                if number == 0:
                    begin(row, other)
                found.others.setdefault(other.name, []).append(turn(row, other).value)
            except Failed as failure:
                found.others[other.name] = str(failure)
            except subprocess.CalledProcessError as failure:
                print(f"{other.name}: {failure}: {(failure.stderr or b'')[-2000:]}", file=sys.stderr, flush=True)
                found.others[other.name] = "fails"
            theirs[other.name] = theirs.get(other.name, 0) + time.monotonic() - start
    return found
