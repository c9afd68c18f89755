"""What is built: contexts, Dockerfiles and root file systems. Every byte comes from a seed, or is the machine's busybox."""

import os
import random
import shutil
import subprocess
import sys

from place import at, write

APPLETS = ("sh", "true", "echo", "cat", "mkdir", "cp", "rm", "sleep", "seq", "grep")
ON_BASE = "ARG BASE\nFROM $BASE\n"


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
        begin = source.randrange(len(pool) - own)
        head = b"// %d %x\n" % (number, source.getrandbits(64))
        path = f"{name}/package{number // 1000:03}/lib{number // 100 % 10}/module-{number}.js"
        write(path, head + pool[begin : begin + own])


def halves(path, seed, size):
    """A file of `size` MB, half of it random."""
    source = random.Random(seed)
    block = text(source, 1 << 20)
    with open(write(path, ""), "wb") as file:
        for _ in range(size // 2):
            file.write(source.randbytes(1 << 20))
            file.write(block)


def shell(root):
    """The machine's busybox in a root file system, and what a RUN needs besides."""
    busybox = shutil.which("busybox") or sys.exit("busybox-static must be installed")
    for name in ("bin", "etc", "dev", "proc", "sys", "tmp"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    if not os.path.exists(f"{root}/bin/busybox"):
        shutil.copy(busybox, f"{root}/bin/busybox")
    for applet in APPLETS:
        if not os.path.lexists(f"{root}/bin/{applet}"):
            os.symlink("busybox", f"{root}/bin/{applet}")
    with open(f"{root}/etc/passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\n")


def packed(name):
    """The root file system in the directory `name` as NAME.tar, the form in which every builder gets it."""
    subprocess.run(["tar", "-C", at(name), "--sort=name", "--owner=0", "--group=0", "-cf", at(f"{name}.tar"), "."], check=True)


def base():
    shell(at("base"))
    # Writes 20,000 files of some 1.5 kB, by the shell alone.
    lines = ["#!/bin/sh", "set -e", f"text='{text(random.Random('many'), 1500).decode()}'", "mkdir /many",
             "for part in $(seq 200); do mkdir /many/$part",
             "for file in $(seq 100); do echo \"$1 $part $file $text\" > /many/$part/$file; done; done"]
    write("base/bin/many", "\n".join(lines) + "\n")
    os.chmod(at("base/bin/many"), 0o755)
    packed("base")


def sixty():
    """The 60,000 files of the image in the registry as one root file system."""
    os.makedirs(at("sixty"))
    for name in sorted(os.listdir(at("layers"))):
        subprocess.run(["tar", "-xzf", at(f"layers/{name}"), "-C", at("sixty")], check=True)
    shell(at("sixty"))
    packed("sixty")


def dockerfiles():
    app = ["ENV A=1", "WORKDIR /app", "COPY package000/lib0 first/", "RUN echo 1 > /one", "COPY . .", "RUN echo 2 > /two",
           "RUN mkdir out", "RUN cp /one out/", "LABEL a=b", "RUN echo 3 > /three", "USER 1000", 'CMD ["/bin/true"]']
    write("app.Dockerfile", ON_BASE + "\n".join(app) + "\n")
    write("copy.Dockerfile", "FROM scratch\nCOPY . /srv/\n")
    write("thirds.Dockerfile", "FROM scratch\nCOPY file0 /\nCOPY file1 /\nCOPY file2 /\n")
    write("ready.Dockerfile", ON_BASE + "RUN true\n")
    lines = []
    for stage in range(300):
        lines.append(f"FROM {'scratch' if stage == 0 else f's{stage - 1}'} AS s{stage}")
        for n in range(9):
            lines.append((f"ENV A{n}={stage}", f"LABEL l{n}={stage}", f"COPY note /n{stage}-{n}")[n % 3])
    write("wide.Dockerfile", "\n".join(lines) + "\n")
    write("note/note", "text\n")


class New:
    """Dockerfiles whose steps nobody has done yet: each time they are written, the first of them is another."""

    turn = 0

    @classmethod
    def next(cls):
        cls.turn += 1
        return cls.turn

    @classmethod
    def steps(cls, count):
        turn = cls.next()
        return write("run.Dockerfile", ON_BASE + "".join(f"RUN echo {turn}-{n} > /out\n" for n in range(count)))

    @classmethod
    def stages(cls):
        turn = cls.next()
        each = "".join(f"FROM $BASE AS s{n}\nRUN sleep 1 && echo {turn} > /n{n}\n" for n in range(6))
        last = "FROM scratch\n" + "".join(f"COPY --from=s{n} /n{n} /\n" for n in range(6))
        return write("stages.Dockerfile", "ARG BASE\n" + each + last)

    @classmethod
    def many(cls):
        return write("many.Dockerfile", ON_BASE + "".join(f"RUN {command}\n" for command in MANY))

    @classmethod
    def touched(cls):
        return write("large/package000/lib7/module-777.js", f"changed {cls.next()}\n" * 400)


MANY = ("many first", "rm -r /many", "many second")
