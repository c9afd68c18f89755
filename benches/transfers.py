"""The rows that pull and push: an image of 5 layers and 60,000 files, and three layers that must be compressed first."""

import inputs
from builders import Job
from measure import Row, shell
from place import at, write
from remote import Registry

SOURCE, TARGET = Registry(at("source")), Registry(at("target"))


def on_base(name, *lines):
    """A Dockerfile on the large image in the registry."""
    write(f"{name}.Dockerfile", "\n".join([f"FROM {SOURCE.name('bench/base:1')}", *lines]) + "\n")
    return Job("note", f"{name}.Dockerfile")


def beside(name, line):
    def work(builder):
        # A repository of its own each time: what an earlier push left in one would not be sent again.
        return builder.build_and_push(on_base(name, line), SOURCE.name(f"bench/{name}-{builder.name}-{inputs.New.next()}:1"))
    return work


def pushed(image):
    return lambda builder: builder.push(image, TARGET.name("bench/pushed:1"))


def rows():
    each = "for n in 0 1 2; do gzip -6 < thirds/file$n > pushed.$n & done; wait; rm pushed.*"
    every = "for n in 0 1 2 3 4; do {}; done"
    # What rbuild reports as done survives a power cut; so must this.
    unpack = "rm -rf unpacked; mkdir unpacked; " + every.format("gzip -dc layers/$n.tar.gz | tar -xf - -C unpacked") + "; sync -f unpacked"
    def compressed(builder):
        builder.build(Job("thirds", "thirds.Dockerfile"))
        TARGET.emptied()
    def pulled(builder):
        builder.pull(SOURCE.name("bench/base:1"))
        TARGET.emptied()
    source = ("layers", "source")
    return [
        Row("cold store: pull and unpack 5 layers, 60,000 files, 320 MB, RUN true", lambda builder: builder.build(on_base("pull", "RUN true")),
            "gzip -dc, tar x, sync", shell(unpack), cold=True, needs=source, times=1, ahead=2.3, often=False),
        Row("FROM that base in a cold store, COPY one file, push beside it", beside("beside", "COPY note /"),
            "gzip -dc, sha256sum", shell(every.format("gzip -dc layers/$n.tar.gz") + " | sha256sum"), cold=True, needs=source, ahead=5),
        # The frontend inside Debian's buildah and dockerd does not know the flag.
        Row("FROM that base in a cold store, COPY --link, push beside it", beside("linked", "COPY --link note /"), "read the file",
            shell("cat note/note > /dev/null"), cold=True, needs=source, reach=0.4, without=("buildah", "docker")),
        Row("first push of 3 x 112 MB, gzip", pushed("bench:1"), "gzip -6, three at once", shell(each), cold=True, before=compressed,
            needs=("thirds",), ahead=2),
        Row("push of the 320 MB in 5 compressed layers", lambda builder: builder.push(SOURCE.name("bench/base:1"), TARGET.name("bench/copied:1")),
            "cp, sha256sum", shell(every.format("cp layers/$n.tar.gz copied; sha256sum copied") + "; rm copied"), cold=True, before=pulled,
            needs=source),
    ]
