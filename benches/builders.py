"""The builders that are measured, each with the same few verbs: `rbuild`, and buildah and docker where they are installed."""

import atexit
import os
import shlex
import shutil
import subprocess
import time

from measure import timed
from place import LIMIT, RBUILD, ROOT, WORK, at

PIPES = {"gzip": "pigz -6" if shutil.which("pigz") else "gzip -6", "zstd": "zstd -3 -T0 -q", "uncompressed": "cat"}


def quiet(command, **keywords):
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **keywords)


def joined(*commands):
    return ["sh", "-ec", "\n".join(command if isinstance(command, str) else shlex.join(command) for command in commands)]


class Job:
    """One build: `context` and `dockerfile` below the bench's directory, `base` the root file system that BASE is."""

    def __init__(self, context, dockerfile, base=None, archive=None, stages=1):
        self.context, self.dockerfile, self.base, self.archive, self.stages = context, dockerfile, base, archive, stages

    def flags(self, base):
        given = ["--build-arg", f"BASE={base}"] if self.base else []
        return [*given, "-f", at(self.dockerfile), at(self.context)]


class Builder:
    """`fresh` empties the store and puts the root file systems `bases` into it."""

    def out(self):
        return at(f"out-{self.name}.tar")

    def build(self, job):
        if os.path.exists(self.out()):
            os.remove(self.out())
        return self.run(self.command(job))


class Rbuild(Builder):
    name = "rbuild"
    environment = {**os.environ, "RBUILD_ROOT": at("store"), "DOCKER_CONFIG": at("docker-config")}

    def run(self, command):
        return timed(command, env=self.environment)

    def fresh(self, bases=()):
        shutil.rmtree(at("store"), ignore_errors=True)
        for base in bases:
            quiet([RBUILD, "import", at(f"{base}.tar"), f"bench-{base}:1"], env=self.environment)

    def command(self, job):
        # What is written to an archive is not kept under a name besides.
        to = ["-o", f"type=oci,dest={self.out()},compression={job.archive}"] if job.archive else ["-t", "bench:1"]
        return [RBUILD, "build", "-q", *to, *job.flags(f"bench-{job.base}:1")]

    def build_and_push(self, job, reference):
        return self.run([RBUILD, "build", "-q", "-o", f"type=registry,name={reference}", *job.flags(None)])

    def pull(self, reference):
        return self.run([RBUILD, "pull", "-q", reference])

    def push(self, image, reference):
        return self.run([RBUILD, "push", "-q", image, reference])


class Buildah(Builder):
    """With layers, chroot isolation and a store of its own on the same file system."""

    name = "buildah"

    def __init__(self):
        os.makedirs(at("tmp"), exist_ok=True)
        # Cache mounts and layers on their way to a registry are below TMPDIR.
        self.environment = {**os.environ, "TMPDIR": at("tmp"), "BUILDAH_ISOLATION": "chroot"}
        self.driver = next((driver for driver in ("overlay", "vfs") if self.works(driver)), None)
        self.title = f"buildah ({self.driver})"

    def works(self, driver):
        self.driver = driver
        try:
            # A store that another driver has begun refuses the next.
            shutil.rmtree(at("buildah"), ignore_errors=True)
            container = quiet_output(self.buildah("from", "scratch"), self.environment)
            quiet(self.buildah("mount", container), env=self.environment)
            quiet(self.buildah("rm", "-a"), env=self.environment)
            return True
        except subprocess.CalledProcessError:
            return False

    def buildah(self, *words):
        return ["buildah", "--root", at("buildah"), "--runroot", at("buildah-run"), "--storage-driver", self.driver, *words]

    def run(self, command):
        return timed(command, env=self.environment, limit=LIMIT)

    def fresh(self, bases=()):
        subprocess.run(self.buildah("rm", "-a"), env=self.environment, capture_output=True)
        subprocess.run(self.buildah("rmi", "-af"), env=self.environment, capture_output=True)
        for base in bases:
            container = quiet_output(self.buildah("from", "scratch"), self.environment)
            quiet(self.buildah("add", "-q", container, at(f"{base}.tar"), "/"), env=self.environment)
            quiet(self.buildah("commit", "-q", "--rm", container, f"localhost/bench-{base}:1"), env=self.environment)

    def bud(self, job):
        stages = ["--jobs", str(job.stages)] if job.stages > 1 else []
        # The registry on loopback has no TLS.
        return self.buildah("bud", "-q", "--layers", "--tls-verify=false", "-t", "bench:1", *stages, *job.flags(f"localhost/bench-{job.base}:1"))

    def command(self, job):
        if not job.archive:
            return self.bud(job)
        return joined(self.bud(job), self.buildah("push", "-q", "bench:1", f"oci-archive:{self.out()}"))

    def build_and_push(self, job, reference):
        push = self.buildah("push", "-q", "--tls-verify=false", "bench:1", f"docker://{reference}")
        return self.run(joined(self.bud(job), push))

    def pull(self, reference):
        return self.run(self.buildah("pull", "-q", "--tls-verify=false", reference))

    def push(self, image, reference):
        return self.run(self.buildah("push", "-q", "--tls-verify=false", image, f"docker://{reference}"))


def quiet_output(command, environment):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


class Docker(Builder):
    """A dockerd with BuildKit inside, which the bench starts and ends, on a socket and in a directory of its own."""

    name = "docker"

    def __init__(self, client, version):
        self.client, self.title, self.process = client, f"docker {version} (BuildKit)", None
        os.makedirs(at("docker-config"), exist_ok=True)
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{at('docker.sock')}", "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": at("docker-config")}
        atexit.register(self.stop)

    def start(self):
        """Without bridge and packet filter: it changes nothing of the machine's network."""
        with open(at("docker.json"), "w") as file:
            file.write("{}\n")
        command = ["dockerd", "--config-file", at("docker.json"), "-H", f"unix://{at('docker.sock')}", "--data-root", at("docker"),
                   "--exec-root", at("docker-run"), "--pidfile", at("docker.pid"), "--iptables=false", "--ip6tables=false",
                   "--ip-forward=false", "--ip-masq=false", "--bridge=none", "--storage-driver=overlay2"]
        with open(at("docker.log"), "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(150):
            if subprocess.run([self.client, "version"], env=self.environment, capture_output=True).returncode == 0:
                return True
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        self.stop()
        return False

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def run(self, command):
        return timed(command, env=self.environment, limit=LIMIT)

    def fresh(self, bases=()):
        for words in (["image", "prune", "-af"], ["builder", "prune", "-af"]):
            quiet([self.client, *words], env=self.environment)
        for base in bases:
            quiet([self.client, "import", at(f"{base}.tar"), f"bench-{base}:1"], env=self.environment)

    def build_command(self, job, tag="bench:1"):
        return [self.client, "build", "-q", "--network", "none", "-t", tag, *job.flags(f"bench-{job.base}:1")]

    def command(self, job):
        if not job.archive:
            return self.build_command(job)
        # The daemon's own BuildKit writes no archive; whoever wants one saves and compresses.
        save = f"{shlex.join([self.client, 'save', 'bench:1'])} | {PIPES[job.archive]} > {shlex.quote(self.out())}"
        return joined(self.build_command(job), save)

    def build_and_push(self, job, reference):
        return self.run(joined(self.build_command(job, reference), [self.client, "push", "-q", reference]))

    def pull(self, reference):
        return self.run([self.client, "pull", "-q", reference])

    def push(self, image, reference):
        quiet([self.client, "tag", image, reference], env=self.environment)
        return self.run([self.client, "push", "-q", reference])


def docker():
    """A daemon and the client of the same version: a newer one asks for a BuildKit of its own."""
    if not shutil.which("dockerd"):
        return None
    version = quiet_output(["dockerd", "--version"], os.environ).split(",")[0].split()[-1]
    for directory in os.environ["PATH"].split(":"):
        client = os.path.join(directory, "docker")
        if os.access(client, os.X_OK) and f" {version}," in quiet_output([client, "--version"], os.environ):
            found = Docker(client, version.split("+")[0])
            return found if found.start() else None
    return None


def others():
    """Only as root: what they need as another user differs from machine to machine."""
    if not ROOT:
        return []
    found = [Buildah()] if shutil.which("buildah") else []
    return [builder for builder in [*found, docker()] if builder and getattr(builder, "driver", True)]
