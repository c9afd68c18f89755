# Everything that a person or a CI machine runs. Two commands do all the set-up: `make demo` and `make test`.

SHELL := /bin/sh
CARGO ?= cargo
TARGET := $(shell rustc -vV | sed -n 's/^host: //p')
# A static binary: an explicit target keeps the flag away from procedural macros.
STATIC := RUSTFLAGS="-C target-feature=+crt-static"
RELEASE := target/$(TARGET)/release/rbuild
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get
DEMO_PACKAGES := busybox-static gcc libc6-dev
TEST_PACKAGES := busybox-static docker-registry skopeo umoci buildah podman crun runc uidmap mmdebstrap strace gcc libc6-dev openssl git openssh-client qemu-user-static
# With buildah or docker.io installed, `make bench` measures them too.
BENCH_TOOLS := busybox python3 pigz zstd docker-registry skopeo cc make
BENCH_PACKAGES := busybox-static python3 e2fsprogs pigz zstd docker-registry skopeo gcc libc6-dev make
# For ignored tests alone.
FULL_PACKAGES := docker.io xfsprogs e2fsprogs

.PHONY: release demo test test-full bench lint fmt install-demo install-test install-bench nextest

release:
	$(STATIC) $(CARGO) build --release --locked --target $(TARGET)

install-demo:
	@command -v busybox >/dev/null && command -v cc >/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends $(DEMO_PACKAGES); }

install-test:
	$(APT) update
	$(APT) install -y --no-install-recommends $(TEST_PACKAGES)

nextest:
	@$(CARGO) nextest --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-nextest

demo: install-demo release
	sh examples/demo.sh $(RELEASE)

test: install-test nextest
	RBUILD_REQUIRE=1 $(CARGO) nextest run --locked

test-full: install-test nextest
	$(APT) install -y --no-install-recommends $(FULL_PACKAGES)
	RBUILD_REQUIRE=1 RBUILD_FULL=1 $(CARGO) nextest run --locked --run-ignored all

install-bench:
	@for tool in $(BENCH_TOOLS); do command -v $$tool >/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends $(BENCH_PACKAGES); break; }; done

bench: install-bench release
	sh benches/run.sh $(RELEASE)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

fmt:
	$(CARGO) fmt
