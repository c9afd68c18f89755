"""A registry on loopback, and a large image in it: for the rows that pull and push."""

import atexit
import hashlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
import time

from inputs import APPLETS, text
from place import SHRINK, at

LAYERS, FILES = 5, 12000 // SHRINK
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def have():
    return shutil.which("docker-registry") and shutil.which("skopeo")


def architecture():
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


class Registry:
    """Debian's docker-registry, its bytes below `directory`."""

    def __init__(self, directory):
        self.directory, self.process = directory, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        atexit.register(self.stop)

    def start(self):
        config = f"{self.directory}.yml"
        with open(config, "w") as file:
            file.write(f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {self.directory}\n"
                       f"http:\n  addr: 127.0.0.1:{self.port}\n  secret: x\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                time.sleep(0.02)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def emptied(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return self.start()

    def name(self, rest):
        return f"127.0.0.1:{self.port}/{rest}"


def put(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def layer(number):
    """layers/N.tar.gz with FILES files, the first also with a busybox to run; its size, digest and diff ID."""
    source = random.Random(f"layer {number}")
    pool = text(source, 1 << 20)
    plain, packed = at(f"layers/{number}.tar"), at(f"layers/{number}.tar.gz")
    with tarfile.open(plain, "w", format=tarfile.USTAR_FORMAT) as tar:
        def add(name, kind, data=b"", mode=0o644, link=""):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode, info.linkname = kind, len(data), mode, link
            tar.addfile(info, io.BytesIO(data))
        if number == 0:
            add("bin", tarfile.DIRTYPE, mode=0o755)
            with open(shutil.which("busybox"), "rb") as file:
                add("bin/busybox", tarfile.REGTYPE, file.read(), 0o755)
            for applet in APPLETS:
                add(f"bin/{applet}", tarfile.SYMTYPE, link="busybox", mode=0o777)
        for index in range(FILES):
            if index % 100 == 0:
                add(f"usr/l{number}/d{index // 100}", tarfile.DIRTYPE, mode=0o755)
            begin = source.randrange(len(pool) - 6000)
            data = source.randbytes(source.randrange(2000, 7000)) + pool[begin:begin + source.randrange(2000, 6000)]
            add(f"usr/l{number}/d{index // 100}/f{index}", tarfile.REGTYPE, data)
    with open(plain, "rb") as file:
        diff = hashlib.file_digest(file, "sha256").hexdigest()
    with open(packed, "wb") as out:
        subprocess.run(["gzip", "-6", "-n", "-c", plain], stdout=out, check=True)
    os.remove(plain)
    with open(packed, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"mediaType": GZIP, "digest": f"sha256:{digest}", "size": os.path.getsize(packed)}, f"sha256:{diff}"


def layers():
    """The files of the large image: 5 layers, 60,000 files, some 320 MB compressed. What describes them is kept beside them."""
    os.makedirs(at("layers"))
    made = [layer(number) for number in range(LAYERS)]
    with open(at("layers.json"), "w") as file:
        json.dump(made, file)


def filled(registry):
    """Puts the large image into the registry as `bench/base:1`."""
    layout = at("layout")
    os.makedirs(f"{layout}/blobs/sha256")
    with open(at("layers.json")) as file:
        made = json.load(file)
    for number, (descriptor, _) in enumerate(made):
        os.link(at(f"layers/{number}.tar.gz"), f"{layout}/blobs/sha256/{descriptor['digest'].split(':')[1]}")
    config = {"architecture": architecture(), "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in made]}}
    config = put(layout, json.dumps(config).encode())
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config}, "layers": [one for one, _ in made]}
    manifest = put(layout, json.dumps(manifest).encode())
    with open(f"{layout}/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
                   "annotations": {"org.opencontainers.image.ref.name": "1"}}]}, file)
    with open(f"{layout}/oci-layout", "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:1",
                    f"docker://{registry.name('bench/base:1')}"], check=True)
    shutil.rmtree(layout)
