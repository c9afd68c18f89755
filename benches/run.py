"""Times whole builds, beside what the machine needs for the same work without a builder: run.py RBUILD DIR [ROW...]"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

import remote

RBUILD, WORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ONLY = sys.argv[3:]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
HERE = os.path.dirname(os.path.abspath(__file__))
STORE = os.path.join(WORK, "store")
SOURCE, TARGET = remote.Registry(os.path.join(WORK, "source")), remote.Registry(os.path.join(WORK, "target"))
BUILDAH = shutil.which("buildah") if os.geteuid() == 0 else None


# What is built. Every byte comes from a seed.


def write(path, content):
    path = os.path.join(WORK, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def text(source, size):
    """Text that compresses about as source code does."""
    words = [b"let ", b"value", b" = ", b"function ", b"(", b")", b" {\n", b"}\n", b"return ", b"other", b".name", b";\n"]
    parts, length = [], 0
    while length < size:
        word = source.choice(words) if source.random() < 0.8 else b"%x" % source.getrandbits(20)
        parts.append(word)
        length += len(word)
    return b"".join(parts)[:size]


def files(name, count, size):
    """A tree of `count` files, `size` bytes on average, 100 a directory."""
    source = random.Random(name)
    pool = text(source, 1 << 20)
    for number in range(count):
        own = source.randrange(size // 4, size * 7 // 4)
        at = source.randrange(len(pool) - own)
        head = b"// %d %x\n" % (number, source.getrandbits(64))
        write(f"{name}/package{number // 1000:03}/lib{number // 100 % 10}/module-{number}.js", head + pool[at : at + own])


def base():
    """A root file system around the machine's busybox, as a tar and in the store."""
    busybox = shutil.which("busybox") or sys.exit("busybox-static must be installed")
    root = os.path.join(WORK, "base")
    os.makedirs(f"{root}/bin")
    for name in ("etc", "dev", "proc", "sys", "tmp"):
        os.makedirs(f"{root}/{name}")
    shutil.copy(busybox, f"{root}/bin/busybox")
    for applet in ("sh", "true", "echo", "cat", "mkdir", "cp"):
        os.symlink("busybox", f"{root}/bin/{applet}")
    write("base/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", f"{WORK}/base.tar", "."], check=True)


def dockerfiles():
    app = ["FROM base", "ENV A=1", "WORKDIR /app", "COPY package000/lib0 first/", "RUN echo 1 > /one", "COPY . .",
           "RUN echo 2 > /two", "RUN mkdir out", "RUN cp /one out/", "LABEL a=b", "RUN echo 3 > /three", "USER 1000",
           'CMD ["/bin/true"]']
    write("app.Dockerfile", "\n".join(app) + "\n")
    write("copy.Dockerfile", "FROM scratch\nCOPY . /srv/\n")
    write("run.Dockerfile", "FROM base\n" + "".join(f"RUN echo {n} > /out\n" for n in range(100)))
    lines = []
    for stage in range(300):
        lines.append(f"FROM {'scratch' if stage == 0 else f's{stage - 1}'} AS s{stage}")
        for n in range(9):
            lines.append((f"ENV A{n}={stage}", f"LABEL l{n}={stage}", f"COPY note /n{stage}-{n}")[n % 3])
    write("wide/Dockerfile", "\n".join(lines) + "\n")
    write("wide/note", "text\n")


# Doing it.


class Ran:
    def __init__(self, seconds, peak):
        self.seconds, self.peak = seconds, peak


def timed(command, **keywords):
    """Seconds on the wall, and the largest process in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **keywords)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}:\n{said.decode(errors='replace')}")
    return Ran(seconds, usage.ru_maxrss / 1024)


def shell(script):
    return lambda: timed(["sh", "-ec", script], cwd=WORK)


def build(context, dockerfile, *flags):
    command = [RBUILD, "build", "-q", "-t", "bench:1", "--build-context", "base=docker-image://bench-base:1",
               "-f", f"{WORK}/{dockerfile}", *flags, f"{WORK}/{context}"]
    return lambda: timed(command, env={**os.environ, "RBUILD_ROOT": STORE})


def buildah(context, dockerfile, *flags):
    command = ["buildah", "--root", f"{WORK}/buildah", "--runroot", f"{WORK}/buildah-run", "build", "--layers",
               "--isolation", "chroot", "--build-context", "base=container-image://localhost/bench-base:1", "-t", "bench:1",
               "-f", f"{WORK}/{dockerfile}", *flags, f"{WORK}/{context}"]
    return lambda: timed(command)


def fresh():
    """Empty stores that know the base; what was written before is on the disk."""
    shutil.rmtree(STORE, ignore_errors=True)
    subprocess.run([RBUILD, "import", f"{WORK}/base.tar", "bench-base:1"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env={**os.environ, "RBUILD_ROOT": STORE})
    if BUILDAH:
        stores = ["--root", f"{WORK}/buildah", "--runroot", f"{WORK}/buildah-run"]
        subprocess.run(["buildah", *stores, "rmi", "-af"], check=False, capture_output=True)
        write("buildah.Dockerfile", "FROM scratch\nADD base.tar /\n")
        os.makedirs(f"{WORK}/base-context", exist_ok=True)
        shutil.copy(f"{WORK}/base.tar", f"{WORK}/base-context/")
        subprocess.run(["buildah", *stores, "build", "-t", "localhost/bench-base:1", "-f", f"{WORK}/buildah.Dockerfile",
                        f"{WORK}/base-context"], check=True, capture_output=True)
    os.sync()


def touch():
    touch.count += 1
    write("large/package007/lib7/module-7777.js", f"changed {touch.count}\n" * 400)
    time.sleep(0.05)


touch.count = 0


def nothing():
    pass


def gzip():
    return "pigz -6" if shutil.which("pigz") else "gzip -6"


def oci(name):
    flags = ["-o", f"type=oci,dest={WORK}/out.tar,compression={name}"]
    return flags


class Row:
    """`before` is done before each run and not timed. `reach` is in seconds, `times` a multiple of the limit."""

    def __init__(self, name, before, run, limit_name, limit, other=None, divide=1, reach=None, prepare=None, times=None):
        self.name, self.before, self.run, self.divide, self.reach, self.times = name, before, run, divide, reach, times
        self.limit_name, self.limit, self.other, self.prepare = limit_name, limit, other, prepare


def remote_rows():
    """Pulling and pushing; the registry is started, and filled, when one of them is done."""
    if not remote.have():
        return []
    name = lambda rest: SOURCE.name(rest)
    def on_base(*lines, out=None):
        def run():
            write("remote/Dockerfile", "\n".join([f"FROM {name('bench/base:1')}", *lines]) + "\n")
            write("remote/note", "text\n")
            flags = ["-o", f"type=registry,name={name(out)}"] if out else ["-t", "bench:1"]
            return timed([RBUILD, "build", "-q", *flags, f"{WORK}/remote"], env={**os.environ, "RBUILD_ROOT": STORE})
        return run
    def to_push():
        write("thirds.Dockerfile", "FROM scratch\nCOPY file0 /\nCOPY file1 /\nCOPY file2 /\n")
        build("thirds", "thirds.Dockerfile")()
    def push():
        return timed([RBUILD, "push", "-q", "bench:1", TARGET.name("bench/pushed:1")], env={**os.environ, "RBUILD_ROOT": STORE})
    unpack = "rm -rf unpacked; mkdir unpacked; for n in 0 1 2 3 4; do gzip -dc layers/$n.tar.gz | tar -xf - -C unpacked; done"
    each = "for n in 0 1 2; do {} < thirds/file$n > pushed.$n & done; wait; rm pushed.*"
    return [
        Row("cold store: pull and unpack 5 layers, 60,000 files, 320 MB, RUN true", fresh, on_base("RUN true"),
            "gzip -dc, tar x", shell(unpack), times=1),
        Row("FROM that base in a cold store, COPY one file, push beside it", fresh, on_base("COPY note /", out="bench/beside:1"),
            "gzip -dc, sha256sum", shell("for n in 0 1 2 3 4; do gzip -dc layers/$n.tar.gz; done | sha256sum")),
        Row("FROM that base in a cold store, COPY --link, push beside it", fresh, on_base("COPY --link note /", out="bench/linked:1"),
            "read the file", shell("cat remote/note > /dev/null"), reach=0.4),
        Row("first push of 3 x 112 MB, gzip", lambda: (fresh(), to_push(), TARGET.emptied()), push, "gzip -6, three at once", shell(each.format("gzip -6")),
            prepare=lambda: None),
    ]


def rows():
    # As many at once as there are processors: one walk alone leaves the others idle.
    stat = ("find {} -mindepth 1 -maxdepth 1 -print0 | xargs -0 -n 5 -P " + str(os.cpu_count()) +
            " sh -c 'exec find \"$@\" -printf \"%s %T@\\n\"' sh > /dev/null")
    tar = "tar -C large -cf - ."
    sandbox = "for n in 1 2 3 4 5 6 7 8 9 10; do unshare -mpiuCf {}/base/bin/busybox true; done".format(WORK)
    ordinary = "for n in 1 2 3 4 5 6 7 8 9 10; do base/bin/busybox true; done"
    run_limit = (sandbox, "`unshare -mpiuCf true`") if os.geteuid() == 0 else (ordinary, "fork and exec")
    app, large, wide = ("small", "app.Dockerfile"), ("large", "copy.Dockerfile"), ("wide", "wide/Dockerfile")
    return [*remote_rows(),
        Row("no-op rebuild, 12 steps, context of 2,000 files", nothing, build(*app), "parallel find, stat of each", shell(stat.format("small")),
            buildah(*app), reach=0.030, prepare=build(*app)),
        Row("no-op rebuild, COPY of a context of 50,000 files (400 MB)", nothing, build(*large), "parallel find, stat of each",
            shell(stat.format("large")), buildah(*large), prepare=build(*large), times=2),
        Row("one of the 50,000 files changed", touch, build(*large), "tar, sha256sum", shell(f"{tar} | tee plain.tar | sha256sum; rm plain.tar"),
            buildah(*large), prepare=build(*large)),
        Row("cold COPY of the 50,000 files, kept", fresh, build(*large), "tar, sha256sum",
            shell(f"{tar} | tee plain.tar | sha256sum; rm plain.tar"), buildah(*large)),
        Row("the same, to an OCI tar, uncompressed", fresh, build(*large, *oci("uncompressed")), "tar, sha256sum",
            shell(f"{tar} | tee plain.tar | sha256sum; rm plain.tar")),
        Row("the same, to an OCI tar, zstd", fresh, build(*large, *oci("zstd")), "tar, zstd -3 -T0" if shutil.which("zstd") else "tar, sha256sum",
            shell(f"{tar} | {'zstd -3 -T0 -q' if shutil.which('zstd') else 'sha256sum'} > plain.tar; rm plain.tar")),
        Row("the same, to an OCI tar, gzip", fresh, build(*large, *oci("gzip")), f"tar, {gzip()}",
            shell(f"{tar} | {gzip()} > plain.tar; rm plain.tar"), times=1),
        Row("1 GB in two files, half of it random, to an OCI tar, gzip", fresh, build("huge", "copy.Dockerfile", *oci("gzip")),
            f"tar, {gzip()}", shell(f"tar -C huge -cf - . | {gzip()} > plain.tar; rm plain.tar"), times=1),
        Row("100 trivial RUN steps, a step", fresh, build("wide", "run.Dockerfile"), run_limit[1], shell(run_limit[0]),
            buildah("wide", "run.Dockerfile"), divide=100, times=1.5),
        Row("300 stages, 3,000 instructions, no RUN, cold", fresh, build(*wide), "read the file", shell("cat wide/Dockerfile wide/note > /dev/null"), buildah(*wide)),
        Row("the same, cached", nothing, build(*wide), "read the file", shell("cat wide/Dockerfile wide/note > /dev/null"), buildah(*wide), prepare=build(*wide), reach=0.060),
    ]


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def measure(row):
    fresh()
    if row.prepare:
        row.prepare()
        time.sleep(0.1)
        row.prepare()
        if row.other and BUILDAH:
            row.other()
    mine, limits, others = [], [], []
    # What takes milliseconds is done more often.
    often = row.divide > 1 or (row.prepare and row.before is nothing)
    for _ in range(ROUNDS * (3 if often else 1)):
        # In turn, so that what else the machine does falls on each of them.
        limits.append(row.limit().seconds / (10 if row.divide > 1 else 1))
        row.before()
        mine.append(row.run())
        if row.other and BUILDAH:
            row.before()
            others.append(row.other().seconds / row.divide)
    times = [ran.seconds / row.divide for ran in mine]
    median, limit = statistics.median(times), statistics.median(limits)
    peak = max(ran.peak for ran in mine)
    missed = []
    if row.reach and median > row.reach:
        missed.append(f"misses {seconds(row.reach)}")
    if row.times and median > row.times * limit:
        missed.append(f"misses {row.times} times")
    if peak > 60:
        missed.append("misses 60 MB")
    cells = [row.name, seconds(median), f"{seconds(min(times))} to {seconds(max(times))}", f"{seconds(limit)} ({row.limit_name})",
             f"{median / limit:.1f}", f"{peak:.0f} MB",
             f"{seconds(statistics.median(others))}, {statistics.median(others) / median:.0f} times" if others else "–",
             ", ".join(missed) or ("reached" if row.reach or row.times else "–")]
    line = "| " + " | ".join(cells) + " |"
    print(line, flush=True)
    return line


def machine():
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    mounts = [line.split() for line in open("/proc/mounts")]
    kind = max((m for m in mounts if (WORK + "/").startswith(m[1].rstrip("/") + "/")), key=lambda m: len(m[1]))[2]
    disk = "a file system of its own" if os.path.ismount(WORK) else "a directory"
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    load = os.getloadavg()
    return (f"{os.cpu_count()} processors ({model}), Linux {os.uname().release.split('-')[0]}, {kind} ({disk}), {user}, "
            f"{ROUNDS} rounds, {3 * ROUNDS} of the short ones, load average {load[0]:.1f} when it ended.")


def huge():
    source = random.Random("huge")
    block = text(source, 1 << 20)
    for number in range(2):
        with open(write(f"huge/file{number}", ""), "wb") as file:
            for _ in range(256):
                file.write(source.randbytes(1 << 20))
                file.write(block)


def elsewhere(make):
    """In a child: the memory of a process counts as its children's until they are another program, and must stay small."""
    child = os.fork()
    if child == 0:
        make()
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("the contexts could not be made")


def main():
    shutil.rmtree(STORE, ignore_errors=True)
    chosen = [row for row in rows() if not ONLY or any(word in row.name for word in ONLY)]
    elsewhere(lambda: files("small", 2000, 8000))
    base()
    dockerfiles()
    if any("50,000" in row.name or "the same, to" in row.name for row in chosen):
        elsewhere(lambda: files("large", 50000, 8000))
    if any("that base" in row.name or "60,000" in row.name for row in chosen):
        SOURCE.emptied()
        elsewhere(lambda: remote.image(WORK, SOURCE, text))
    if any("first push" in row.name for row in chosen):
        elsewhere(lambda: remote.thirds(WORK, text))
    if any("1 GB" in row.name for row in chosen):
        elsewhere(huge)
    os.sync()
    head = ["| work | rbuild | from to | the machine alone | times that | largest process | buildah | reach |", "|---|---|---|---|---|---|---|---|"]
    print("\n".join(head), flush=True)
    table = "\n".join(head + [measure(row) for row in chosen])
    figures = f"{machine()}\n\n{table}\n"
    page = os.path.join(HERE, "..", "docs", "performance.md")
    if ONLY or not os.path.exists(page):
        return
    begin, end = "<!-- figures: written by make bench -->\n", "<!-- end of figures -->"
    old = open(page).read()
    before, rest = old.split(begin)
    with open(page, "w") as file:
        file.write(before + begin + "\n" + figures + "\n" + end + rest.split(end)[1])


main()
