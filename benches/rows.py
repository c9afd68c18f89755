"""The rows that need no registry, in the order of the table."""

import os
import shutil

import project
from builders import PIPES, Job
from inputs import MANY, New
from measure import Ran, Row, shell, timed, written
from place import ROOT, WORK, at

TAR = "tar -C {} -cf - ."


def built(*arguments, **keywords):
    job = Job(*arguments, **keywords)
    return lambda builder: builder.build(job)


def walk(context):
    """As many at once as there are processors: one walk alone leaves the others idle."""
    script = (f"find {context} -mindepth 1 -maxdepth 1 -print0 | xargs -0 -n 5 -P {os.cpu_count()} "
              "sh -c 'exec find \"$@\" -printf \"%s %T@\\n\"' sh > /dev/null")
    return "parallel find, stat of each", shell(script)


def packing(context, pipe):
    return f"tar, {pipe}", shell(f"{TAR.format(context)} | {pipe} > plain.tar; rm plain.tar")


def digest(context):
    return "tar, sha256sum", shell(f"{TAR.format(context)} | tee plain.tar | sha256sum; rm plain.tar")


def reading(*paths):
    return "read the file", shell(f"cat {' '.join(paths)} > /dev/null")


def steps(root, count, *how):
    """The limit of a RUN step: run-limit.c does `count` of them; another user can only start a program."""
    if not ROOT or not os.path.exists(at("run-limit")):
        script = shell(f"for n in $(seq {count}); do base/bin/busybox true; done")
        return "fork and exec", lambda: Ran(script().value / count)
    def limit():
        shutil.rmtree(at("steps"), ignore_errors=True)
        os.makedirs(at("steps"))
        return Ran(timed([at("run-limit"), at(root), at("steps"), str(count), *how]).value / count)
    return ", ".join(["the system calls, `run-limit.c`", *how]), limit


def run_rows():
    def new(count):
        return lambda builder: New.steps(count)
    return [
        Row("100 trivial RUN steps, a step", built("note", "run.Dockerfile", base="base"), *steps("base", 100), bases=("base",),
            prepare=lambda builder: builder.build(Job("note", "ready.Dockerfile", base="base")), before=new(100), divide=100, times=1.5, ahead=12),
        Row("20 RUN steps on a root of 60,000 files, a step", built("note", "run.Dockerfile", base="sixty"), *steps("sixty", 20, "look"), bases=("sixty",),
            prepare=lambda builder: builder.build(Job("note", "ready.Dockerfile", base="sixty")), before=new(20), divide=20, times=1.5, ahead=12,
            needs=("layers", "sixty")),
        Row("six stages, `RUN sleep 1` each, joined by COPY --from", built("note", "stages.Dockerfile", base="base", stages=6),
            "sleep 1", shell("sleep 1"), bases=("base",), prepare=lambda builder: builder.build(Job("note", "ready.Dockerfile", base="base")),
            before=lambda builder: New.stages(), reach=1.06),
    ]


def many_limit():
    """The same three commands in the same root by chroot, each over an overlay of its own, and what each wrote packed."""
    pipe = PIPES["gzip"]
    lines = ["rm -rf steps; mkdir -p steps/root; cd steps", "lower=../base"]
    for number, command in enumerate(MANY):
        lines += [f"mkdir u{number} w{number}", f"mount -t overlay overlay -o lowerdir=$lower,upperdir=u{number},workdir=w{number},volatile root",
                  f"chroot root /bin/sh -c '{command}'", "umount root", f"tar -C u{number} -cf - . | {pipe} > {number}.tar.gz",
                  f"lower=u{number}:$lower"]
    return f"chroot, tar, {pipe}", shell("\n".join([*lines, "cat *.tar.gz > all"]))


def project_rows():
    if not (ROOT and project.have()):
        return []
    def bare(variables, again):
        def limit():
            if again:
                project.edited()
            project.in_root(keep=again)
            return timed(project.bare(variables))
        return limit
    def ready(builder):
        builder.build(Job("note", "ready.Dockerfile", base="toolchain"))
    def edited(builder):
        project.edited()
    def compiled(builder):
        ready(builder)
        builder.build(Job("project", "make.Dockerfile", base="toolchain"))
    def cached(builder):
        ready(builder)
        builder.build(Job("project", "cached.Dockerfile", base="toolchain"))
        if builder.name == "rbuild":
            project.in_root(keep=False)
            timed(project.bare())
    common = {"bases": ("toolchain",), "needs": ("project",), "often": False}
    return [
        Row("a C project compiled in RUN, base unpacked, cold", built("project", "make.Dockerfile", base="toolchain"), "bare make, chroot",
            bare("", False), cold=True, before=ready, times=1.03, **common),
        Row("the same, one source file changed", built("project", "make.Dockerfile", base="toolchain"), "bare make, chroot",
            bare("", False), prepare=compiled, before=edited, times=1.03, **common),
        Row("the same, one source file changed, objects in a cache mount", built("project", "cached.Dockerfile", base="toolchain"),
            "bare make of what changed", bare("", True), prepare=cached, before=edited, bases=("toolchain",), needs=("project",)),
    ]


def size_of(path):
    return os.path.getsize(path) / 1e6


def output_rows():
    gzip = Job("large", "copy.Dockerfile", archive="gzip")
    def size(builder):
        ran = builder.build(gzip)
        return Ran(size_of(builder.out()), ran.peak)
    def packed():
        shell(f"{TAR.format('large')} | {PIPES['gzip']} > plain.tar")()
        bytes = size_of(at("plain.tar"))
        os.remove(at("plain.tar"))
        return Ran(bytes)
    large = {"cold": True, "needs": ("large",), "often": False}
    found = [
        Row("cold COPY of the 50,000 files, kept", built("large", "copy.Dockerfile"), *digest("large"), **large),
        # Debian's buildah compresses whatever goes into an archive, and not by zstd.
        Row("the same, to an OCI tar, uncompressed", built("large", "copy.Dockerfile", archive="uncompressed"), *digest("large"), ahead=6,
            without=("buildah",), **large),
        Row("the same, to an OCI tar, zstd", built("large", "copy.Dockerfile", archive="zstd"), *packing("large", PIPES["zstd"]), ahead=6,
            without=("buildah",), **large),
        Row("the same, to an OCI tar, gzip", built("large", "copy.Dockerfile", archive="gzip"), *packing("large", PIPES["gzip"]), times=1, ahead=4,
            **large),
        Row("the size of that output", size, f"tar, {PIPES['gzip']}", packed, ahead=1, megabytes=True, once=True, **large),
    ]
    if os.path.ismount(WORK):
        # Once before: the limit is the size of what comes out.
        found.append(Row("bytes written for that build, store and output", lambda builder: written(lambda: builder.build(gzip)),
                         "the output's size", lambda: Ran(size_of(at("out-rbuild.tar"))), times=2.2, megabytes=True, once=True, **large))
    found.append(Row("1 GB in two files, half of it random, to an OCI tar, gzip", built("huge", "copy.Dockerfile", archive="gzip"),
                     *packing("huge", PIPES["gzip"]), cold=True, needs=("huge",), often=False, times=1, ahead=5))
    if ROOT:
        found.append(Row("create, remove and create 20,000 files in three RUNs, to an OCI tar, gzip", built("note", "many.Dockerfile", base="base", archive="gzip"),
                         *many_limit(), cold=True, bases=("base",), before=lambda builder: New.many(), times=1.2))
    return found


def rows():
    app = built("small", "app.Dockerfile", base="base")
    large = built("large", "copy.Dockerfile")
    wide = built("note", "wide.Dockerfile")
    return [
        Row("no-op rebuild, 12 steps, context of 2,000 files", app, *walk("small"), bases=("base",), needs=("small",), reach=0.030, ahead=6),
        Row("no-op rebuild, COPY of a context of 50,000 files (400 MB)", large, *walk("large"), needs=("large",), times=2, ahead=12),
        Row("one of the 50,000 files changed, kept", large, *digest("large"), before=lambda builder: New.touched(), needs=("large",), ahead=8,
            often=False),
        *output_rows(),
        *run_rows(),
        *project_rows(),
        Row("300 stages, 3,000 instructions, no RUN, cold", wide, *reading("wide.Dockerfile", "note/note"), cold=True, ahead=40),
        Row("the same 300 stages, cached", wide, *reading("wide.Dockerfile", "note/note"), reach=0.060),
    ]
