"""A C project of some ten seconds, made from a seed, and a root file system with the machine's compiler to build it in."""

import os
import random
import re
import shutil
import subprocess

from inputs import New, ON_BASE, packed, shell
from place import SHRINK, WORK, at, write

SOURCES, FUNCTIONS = 48 // SHRINK + 1, 12
MAKEFILE = """O = .
objects = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard *.c)))

app: $(objects)
\tgcc -o app $(objects)

$(O)/%.o: %.c
\tgcc -O2 -c -o $@ $<
"""


def have():
    return shutil.which("gcc") and shutil.which("make")


def function(source, name):
    """A function in which the optimiser finds something to do."""
    lines = [f"static unsigned {name}(unsigned x, unsigned *a) {{", "    for (unsigned i = 0; i < 16; i++) {", "        switch (x % 11) {"]
    for case in range(11):
        one, two, three = (source.randrange(1, 1 << 30) for _ in range(3))
        lines.append(f"        case {case}: a[i] = x * {one}u + (a[(i + {case}) % 16] ^ {two}u); x ^= a[i] >> {source.randrange(3, 20)};"
                     f" if (x & {1 << case}) x += {three}u; break;")
    lines += ["        }", "    }", "    return x;", "}"]
    return lines


def project():
    for number in range(SOURCES):
        source = random.Random(f"part {number}")
        lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
        for n in range(FUNCTIONS):
            lines += function(source, f"f{n}")
        lines.append(f"unsigned part{number}(unsigned x) {{\n    unsigned a[16];\n    memset(a, 1, sizeof a);")
        lines += [f"    x += f{n}(x, a);" for n in range(FUNCTIONS)]
        write(f"project/part{number}.c", "\n".join([*lines, "    return x;", "}"]) + "\n")
    parts = "".join(f"unsigned part{n}(unsigned);\n" for n in range(SOURCES))
    calls = "".join(f"    x += part{n}(x);\n" for n in range(SOURCES))
    write("project/main.c", f"#include <stdio.h>\nint mark(void);\n{parts}int main(void) {{\n    unsigned x = 1;\n{calls}"
                            '    printf("mark %d\\n", mark());\n    return x == 0;\n}\n')
    write("project/Makefile", MAKEFILE)
    # Not counted: this is another process than the one that counts edits.
    edited(0)
    new = ON_BASE + "ENV PATH=/usr/bin:/bin\nWORKDIR /src\nCOPY . .\n"
    # What was compiled is what was copied: a build that took an object of before would end here.
    right = "./app | grep -qx \"$(cat expected)\""
    write("make.Dockerfile", f"{new}RUN make && {right}\n")
    write("cached.Dockerfile", f"{new}RUN --mount=type=cache,target=/objects make O=/objects && {right}\n")


def edited(turn=None):
    """One source file changed, and what the program is to say then."""
    turn = New.next() if turn is None else turn
    write("project/mark.c", f"int mark(void) {{ return {turn}; }}\n")
    write("project/expected", f"mark {turn}\n")


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def parts_of_compiler():
    """Every file that gcc, make and what they start open to compile and link a program: the programs themselves say which."""
    probe = write("probe/probe.c", "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void) { return 0; }\n")
    programs = {shutil.which("gcc"), shutil.which("make")}
    for name in ("cc1", "collect2", "as", "ld"):
        found = said("gcc", f"-print-prog-name={name}")
        programs.add(found if "/" in found else shutil.which(found))
    extra = {path for name in ("liblto_plugin.so", "lto-wrapper") for path in [said("gcc", f"-print-file-name={name}")] if os.path.exists(path)}
    found = programs | extra
    for program in programs | extra:
        ldd = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        found |= set(re.findall(r"(/\S+) \(0x", ldd))
    found |= set(re.findall(r"/\S+\.h", said("gcc", "-O2", "-M", probe)))
    linked = said("gcc", "-Wl,--trace", probe, "-o", at("probe/probe"))
    found |= {line for line in re.findall(r"(/[^\s()]+)", linked) if os.path.isfile(line)}
    # The linker's scripts name more than they had to open.
    for script in [path for path in found if path.endswith("libc.so")]:
        found |= {path for path in re.findall(r"(/[^\s()]+)", open(script, errors="replace").read()) if os.path.isfile(path)}
    return {os.path.normpath(path) for path in found if not path.startswith(WORK)}


def toolchain():
    """The root file system `toolchain`, and as a tar. Directories that are links on this machine are links there."""
    root = at("toolchain")
    for name in ("bin", "lib", "lib64", "sbin"):
        os.makedirs(f"{root}/usr/{name}")
        if os.path.islink(f"/{name}"):
            os.symlink(f"usr/{name}", f"{root}/{name}")
    shell(root)
    for path in sorted(parts_of_compiler()):
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        shutil.copy(path, root + path)
    packed("toolchain")


def bare(variables=""):
    """The same make in the same root file system by chroot: the command, where the sources are /src."""
    return ["chroot", at("toolchain"), "/usr/bin/make", "-s", "-C", "/src", *variables.split()]


def in_root(keep):
    """The sources as they are now below the root file system, with nothing compiled, or as an edit leaves it."""
    if not keep:
        shutil.rmtree(at("toolchain/src"), ignore_errors=True)
    os.makedirs(at("toolchain/src"), exist_ok=True)
    subprocess.run(["cp", "-a", at("project") + "/.", at("toolchain/src")], check=True)
