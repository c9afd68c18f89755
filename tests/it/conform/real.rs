//! Dockerfiles as people write them.

use super::case::{Case, check};

#[test]
fn stages_that_gather_what_others_made() {
    check(&[
        Case {
            what: "npm: manifests first, then the rest",
            context: &[
                "package.json={}",
                "package-lock.json={}",
                "src/index.js=1",
                "src/lib/a.js=2",
                "node_modules/x/i.js=3",
                ".dockerignore=node_modules\n.git*\nDockerfile*\n.dockerignore\n",
                ".gitignore=x",
            ],
            dockerfile: "# syntax=docker/dockerfile:1\nFROM scratch AS deps\nWORKDIR /app\nCOPY package*.json ./\n\nFROM deps AS build\nCOPY . .\n\nFROM scratch AS runner\nWORKDIR /srv\nENV NODE_ENV production\nCOPY --from=build --chown=1000:1000 /app/src ./src\nCOPY --from=deps /app/package.json ./\nUSER 1000\nEXPOSE 3000\nENV PORT 3000\nCMD [\"node\", \"src/index.js\"]\n",
            want: &[
                "srv/",
                "srv/package.json={}",
                "srv/src/ 1000:1000",
                "srv/src/index.js=1 1000:1000",
                "srv/src/lib/ 1000:1000",
                "srv/src/lib/a.js=2 1000:1000",
            ],
        },
        Case {
            what: "Go: a binary, certificates, a user",
            context: &[
                "go.mod=m",
                "cmd/app/main.go=1",
                "internal/x.go=2",
                "certs/ca.crt=3",
                "passwd=app:x:65532:65532::/:/none\n",
            ],
            dockerfile: "ARG GO_VERSION=1.22\nARG BUILDER=scratch\nFROM ${BUILDER} AS builder\nWORKDIR /src\nCOPY go.mod go.sum* ./\nCOPY . .\nCOPY --chmod=0755 cmd/app/main.go /out/app\n\nFROM scratch\nCOPY --from=builder /src/certs/ca.crt /etc/ssl/certs/\nCOPY --from=builder /src/passwd /etc/passwd\nCOPY --from=builder --chown=app:65532 /out/app /\nUSER app\nWORKDIR /data\nENTRYPOINT [\"/app\"]\n",
            want: &[
                "app=1 755 65532:65532",
                "data/ 65532:65532",
                "etc/",
                "etc/passwd=app:x:65532:65532::/:/none\n",
                "etc/ssl/",
                "etc/ssl/certs/",
                "etc/ssl/certs/ca.crt=3",
            ],
        },
        Case {
            what: "Python: sources with odd spacing, tabs and comments",
            context: &[
                "requirements.txt=r",
                "requirements-dev.txt=s",
                "app/__init__.py=",
                "app/main.py=1",
                "entrypoint.sh=2 755",
                "README.md=x",
            ],
            dockerfile: "from\tscratch as\tbase\n\n  # an indented comment\n  COPY   requirements*.txt   /tmp/reqs/\n\tADD\tapp\t/app/app\n  COPY  --chmod=755 \\\n\t# why\n\tentrypoint.sh \\\n\t/usr/local/bin/\n\nEntrypoint [\"entrypoint.sh\"]\n",
            want: &[
                "app/",
                "app/app/",
                "app/app/__init__.py=",
                "app/app/main.py=1",
                "tmp/",
                "tmp/reqs/",
                "tmp/reqs/requirements-dev.txt=s",
                "tmp/reqs/requirements.txt=r",
                "usr/",
                "usr/local/",
                "usr/local/bin/",
                "usr/local/bin/entrypoint.sh=2 755",
            ],
        },
        Case {
            what: "a tree of configuration over an image",
            context: &[
                "rootfs/etc/app.conf=1 600",
                "rootfs/etc/",
                "rootfs/tmp/ 1777",
                "rootfs/usr/bin/tool=2 4755",
                "rootfs/var/run->/run",
                "rootfs/run/",
            ],
            dockerfile: "FROM scratch\nCOPY rootfs/ /\nCOPY rootfs/etc/app.conf /var/run/app/\n",
            want: &[
                "etc/",
                "etc/app.conf=1 600",
                "run/",
                "run/app/",
                "run/app/app.conf=1 600",
                "tmp/ 1777",
                "usr/",
                "usr/bin/",
                "usr/bin/tool=2 4755",
                "var/",
                "var/run->/run",
            ],
        },
    ]);
}
