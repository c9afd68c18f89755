//! The rules that know a file by its bytes, or a name by its form. `known` says which of them holds.

use super::{Class, Rule};

/// A rule that needs no path.
const fn rule(id: &'static str, class: Class, what: &'static str, fix: &'static str) -> Rule {
    Rule { id, class, when: super::When::Bytes, paths: &[], what, fix }
}

pub(super) const RULES: &[Rule] = &[
    // Names.
    rule(
        "temporary-name",
        Class::Random,
        "a name was chosen by chance, as mktemp does",
        "Remove the file in the RUN that makes it, or give it a fixed name in place of mktemp's.",
    ),
    rule(
        "dated-name",
        Class::Timestamp,
        "the name has the time at which the file was made",
        "Name the file without a time, or by $SOURCE_DATE_EPOCH, or remove it in the same RUN.",
    ),
    // Packages and users.
    rule(
        "package-versions",
        Class::Versions,
        "other packages, or other versions of them, were installed",
        "Pin what is fetched: the base image by digest, and packages by version or by a mirror that keeps the past \
         (snapshot.debian.org, snapshot.ubuntu.com; apt 2.7 and later: apt-get install --snapshot ID).",
    ),
    rule(
        "apk-virtual",
        Class::Timestamp,
        "apk makes the version of a virtual package from the time",
        "Give it a version of your own: apk add --virtual .build=0 ..., and delete it by the same name.",
    ),
    rule(
        "shadow",
        Class::Random,
        "a password is stored with a salt chosen by chance",
        "Set no password while building, or set one that is hashed already: echo 'user:HASH' | chpasswd -e.",
    ),
    rule(
        "shadow-day",
        Class::Timestamp,
        "the day on which a password was last changed is stored with it",
        "Make users with a shadow that heeds SOURCE_DATE_EPOCH (4.13 and later), or fix the day: chage -d 0 USER.",
    ),
    // Python.
    rule(
        "pyc",
        Class::Timestamp,
        "the compiled Python file names the time of its source",
        "Leave SOURCE_DATE_EPOCH in the environment, which makes Python check by hash; or use python -m compileall \
         --invalidation-mode checked-hash, or ENV PYTHONDONTWRITEBYTECODE=1 and no compiled files at all.",
    ),
    rule(
        "pyc-version",
        Class::Versions,
        "the Python file was compiled by another version of Python",
        "Pin the version of Python and the digest of the base image.",
    ),
    rule(
        "pyc-content",
        Class::Ordering,
        "the same Python source was compiled to other bytes: the order of its sets, or which of its objects are shared",
        "Compile with PYTHONHASHSEED=0 and one process (compileall -j 1), or leave compiled files out: pip install \
         --no-compile, PYTHONDONTWRITEBYTECODE=1.",
    ),
    // Compressed files.
    rule(
        "gzip-time",
        Class::Timestamp,
        "the header of the gzip file has the time of what was compressed",
        "Compress with gzip -n, which leaves time and name out; for a directory, tar --sort=name \
         --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner -c DIRECTORY | gzip -n.",
    ),
    rule(
        "gzip-name",
        Class::Path,
        "the header of the gzip file has the name of what was compressed",
        "Compress with gzip -n, or from standard input.",
    ),
    rule(
        "compressor",
        Class::Versions,
        "the same content was compressed to other bytes: another version of the compressor, or another number of threads",
        "Pin the compressor's version, and its threads: xz -T1, pigz -p1, zstd --single-thread; or keep the file \
         uncompressed.",
    ),
    // Archives.
    rule(
        "archive-order",
        Class::Ordering,
        "the members of the archive stand in the order in which a directory listed them",
        "Sort what goes in: tar --sort=name; find . -print0 | LC_ALL=C sort -z, piped to cpio or zip -@; Gradle \
         reproducibleFileOrder = true.",
    ),
    rule(
        "archive-time",
        Class::Timestamp,
        "the members of the archive have the times of the files that went in",
        "Fix the times: tar --mtime=@$SOURCE_DATE_EPOCH; for zip and jar, find . -exec touch -hd @$SOURCE_DATE_EPOCH {} + \
         before, and zip -X, with TZ=UTC (west of it the layer \
         epoch is in 1979, which zip refuses); Maven -Dproject.build.outputTimestamp, Gradle preserveFileTimestamps = false.",
    ),
    rule(
        "archive-owner",
        Class::Path,
        "the members of the archive have the owner and mode of the files that went in",
        "Fix them: tar --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw; zip -X.",
    ),
    rule(
        "archive-extended",
        Class::Timestamp,
        "the members of the archive carry more about the files that went in: times of access and change, a process id",
        "Leave it out: tar --format=ustar, or --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime; zip -X.",
    ),
    rule(
        "archive-member",
        Class::Unknown,
        "the archives do not hold the same",
        "Look at what makes this member: whether it asks for the time, for chance, or for the order of a directory.",
    ),
    rule(
        "ar-member",
        Class::Timestamp,
        "the members of the ar archive have the times of the files that went in",
        "Make static libraries with ar rcsD and ranlib -D (ARFLAGS=rcsD); dpkg-deb takes the time from SOURCE_DATE_EPOCH.",
    ),
    // Programs.
    rule(
        "elf-time",
        Class::Timestamp,
        "the time of the build is compiled into the program",
        "Leave SOURCE_DATE_EPOCH in the environment: compilers take __DATE__ and __TIME__ from it; a time that the build \
         passes itself (-D, -X) must come from there too.",
    ),
    rule(
        "elf-path",
        Class::Path,
        "the paths of the build are in the program or in what debuggers read of it",
        "Build in a fixed directory, and map paths: gcc and clang -ffile-prefix-map=$PWD=., rustc \
         --remap-path-prefix=$PWD=., go build -trimpath; or strip what debuggers read (-s).",
    ),
    rule(
        "elf-compiler",
        Class::Versions,
        "the program was made by another version of the compiler",
        "Pin the compiler's version and the digest of the base image.",
    ),
    rule(
        "elf-build-id",
        Class::Path,
        "only the build id differs: it is a checksum of all that was linked, also of paths that were stripped later, or it \
         is chosen by chance",
        "Link with -Wl,--build-id=sha1 (never uuid) or --build-id=none, and map paths with -ffile-prefix-map=$PWD=. (Rust: \
         --remap-path-prefix).",
    ),
    rule(
        "go-build-id",
        Class::Path,
        "the Go program has an id of how it was built, or the state of the repository",
        "Build with go build -trimpath -buildvcs=false -ldflags=-buildid=.",
    ),
    rule(
        "elf-section",
        Class::Unknown,
        "the machine code, its data or another section differs",
        "Try make -j1, sorted lists of object files (not a wildcard), -frandom-seed=NAME where gcc optimises while \
         linking, and a pinned compiler.",
    ),
    // Other formats.
    rule(
        "png-time",
        Class::Timestamp,
        "the picture has the time at which it was written",
        "Write it without: convert -define png:exclude-chunks=date,time, optipng -strip all, or exiftool -all=.",
    ),
    rule(
        "sqlite-counter",
        Class::Ordering,
        "the databases hold the same and were written in another number of transactions",
        "Make the database in one process and one transaction, or write it anew at the end: sqlite3 OLD .dump | sqlite3 NEW.",
    ),
    rule(
        "sqlite",
        Class::Unknown,
        "the databases hold other rows, or the same in other places",
        "Insert rows in a fixed order and without the time or chance in them, and write the file anew at the end: sqlite3 \
         OLD .dump | sqlite3 NEW.",
    ),
    // Text.
    rule(
        "text-order",
        Class::Ordering,
        "the same text stands in another order",
        "Sort what is listed (LC_ALL=C sort, sort_keys=True for JSON), or build that target with make -j1.",
    ),
    rule(
        "text-temporary-path",
        Class::Random,
        "a text names a temporary file or directory",
        "Work in a directory with a fixed name rather than in mktemp's or the tool's own.",
    ),
    rule(
        "text-uuid",
        Class::Random,
        "a text has an id that was chosen by chance",
        "Take a fixed id, or one made from a name (uuidgen --sha1 --namespace @dns --name NAME), or make it when the \
         container starts.",
    ),
    rule(
        "text-time",
        Class::Timestamp,
        "a time stands in the file",
        "Leave it out, or take it from the epoch that every RUN has: date -u -d @$SOURCE_DATE_EPOCH.",
    ),
    rule(
        "text-duration",
        Class::Timestamp,
        "the file says how long something took",
        "Leave it out, or do not keep the file.",
    ),
    rule(
        "text-address",
        Class::Random,
        "an address in memory stands in the file",
        "Print a name, or a number that the program counts itself, in place of the object's address: a RUN cannot switch off \
         that memory is placed by chance (setarch -R is refused).",
    ),
    rule(
        "text-process",
        Class::Random,
        "the number of a process stands in the file",
        "Leave it out, or do not keep the file.",
    ),
    rule(
        "text-processors",
        Class::Path,
        "the number of processors of the machine stands in the file",
        "Give the number yourself (make -j4, --jobs 4) where what is built depends on it, and keep nproc out of files.",
    ),
    rule(
        "text-host",
        Class::Path,
        "the machine or its kernel is named in the file",
        "Keep hostname and uname out of what is built, or give the name yourself (KBUILD_BUILD_HOST and the like).",
    ),
    rule(
        "text-checksum",
        Class::Unknown,
        "the file has a checksum of something else that differs",
        "Mend what the checksum is of, and this follows.",
    ),
    rule(
        "text-token",
        Class::Random,
        "the file has a word that looks as if chosen by chance: a key, a token, or a checksum of something else",
        "Do not generate secrets while building: make them when the container starts, or mount them as a secret; if it is \
         a checksum, mend what it is of.",
    ),
    rule(
        "text-path",
        Class::Path,
        "the file names a path that is another in each run",
        "Work in a directory with a fixed name.",
    ),
    rule(
        "text-version",
        Class::Versions,
        "another version stands in the file",
        "Pin what is fetched, by version and checksum or by a lock file, and the base image by digest.",
    ),
    rule(
        "text-line",
        Class::Unknown,
        "a line of a text differs",
        "Look at what writes this line: whether it asks for the time, for chance, or for something from the network.",
    ),
];
