"""The table: a row's figures as cells, and the page that they are written to."""

import os

from place import HERE, OTHERS, ROOT, ROUNDS, WORK

BEGIN, END = "<!-- figures: written by make bench -->\n", "<!-- end of figures -->"


def amount(row, value):
    if row.megabytes:
        return f"{value:.0f} MB"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def ratio(value):
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def goals(row):
    found = []
    if row.reach:
        found.append(f"≤ {amount(row, row.reach)}")
    if row.times:
        found.append(f"≤ {row.times:g} × limit")
    if row.ahead:
        found.append(f"{row.ahead:g} × ahead" if row.ahead != 1 else "no larger")
    return ", ".join(found) or "–"


def misses(row, found):
    """Each goal that is not reached, with what was reached instead."""
    median, said = found.median(), []
    if row.reach and median > row.reach:
        said.append(amount(row, row.reach))
    if row.times and median > row.times * found.limit():
        said.append(f"{row.times:g} × limit ({ratio(median / found.limit())})")
    if row.ahead and found.fastest() and found.fastest() < row.ahead * median:
        said.append(f"{row.ahead:g} × ahead ({ratio(found.fastest() / median)})")
    if found.peak() > row.memory:
        said.append(f"{row.memory} MB")
    return said


def verdict(row, found):
    said = misses(row, found)
    if said:
        return "**misses** " + ", ".join(said)
    if row.ahead and not found.fastest():
        if found.ended() and found.ended() >= row.ahead * found.median():
            return f"reached (> {ratio(found.ended() / found.median())})"
        return "reached, as far as measured" if row.reach or row.times else "not measured"
    return "reached" if row.reach or row.times or row.ahead else "–"


def head(others):
    titles = ["work", "the machine alone", "rbuild", "from to", "times that", "largest process", *(f"{other.title}: time, times rbuild" for other in others),
              "goal", "reached?"]
    return ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]


def line(row, found, others):
    low, high = found.extremes()
    median = found.median()
    cells = [row.name, f"{amount(row, found.limit())} ({row.limit_name})", amount(row, median), f"{amount(row, low)} to {amount(row, high)}",
             ratio(median / found.limit()), f"{found.peak():.0f} MB"]
    for other in others:
        value = found.other(other.name)
        cells.append(f"{amount(row, value)}, {ratio(value / median)}" if isinstance(value, float) else value or "–")
    return "| " + " | ".join([*cells, goals(row), verdict(row, found)]) + " |"


def failed(row, others):
    return "| " + " | ".join([row.name, *["–"] * (5 + len(others)), goals(row), "**fails**"]) + " |"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((text.split(":")[1].strip() for text in file if text.startswith("model name")), "unknown")
    with open("/proc/mounts") as file:
        mounts = [text.split() for text in file]
    kind = max((mount for mount in mounts if (WORK + "/").startswith(mount[1].rstrip("/") + "/")), key=lambda mount: len(mount[1]))[2]
    disk = "a file system of its own" if os.path.ismount(WORK) else "a directory"
    user = "root" if ROOT else "an ordinary user"
    return (f"{os.cpu_count()} processors ({model}), Linux {os.uname().release.split('-')[0]}, {kind} ({disk}), {user}; "
            f"{ROUNDS} rounds, up to {3 * ROUNDS} of the short rows; of another builder as many as begin within {OTHERS} s, one at least; "
            f"load average {os.getloadavg()[0]:.1f} when it ended.")


def publish(lines):
    page = os.path.join(HERE, "..", "docs", "performance.md")
    if not os.path.exists(page):
        return
    with open(page) as file:
        before, rest = file.read().split(BEGIN)
    with open(page, "w") as file:
        file.write(before + BEGIN + "\n" + machine() + "\n\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1])
