//! A fixture for each rule.

use super::super::super::known::forge::{self, First, Zipped};
use super::super::super::rules::Class;

/// What two runs left at a path; which rule it is; and what its sentence must mention.
pub struct Fixture {
    pub path: &'static str,
    pub first: Option<Vec<u8>>,
    pub second: Option<Vec<u8>>,
    pub rule: &'static str,
    pub class: Class,
    pub mentions: &'static [&'static str],
}

fn fixture(
    path: &'static str,
    first: impl Into<Vec<u8>>,
    second: impl Into<Vec<u8>>,
    rule: (&'static str, Class),
    mentions: &'static [&'static str],
) -> Fixture {
    let (first, second) = (Some(first.into()), Some(second.into()));
    Fixture { path, first, second, rule: rule.0, class: rule.1, mentions }
}

/// A path that only one of the runs has.
fn single(path: &'static str, rule: (&'static str, Class), mentions: &'static [&'static str]) -> Fixture {
    Fixture { path, first: None, second: Some(b"x".to_vec()), rule: rule.0, class: rule.1, mentions }
}

fn by_path() -> Vec<Fixture> {
    use Class::*;
    let text =
        |path, rule| fixture(path, "head\none\n", "head\ntwo\n", rule, &["line 2 is `one`, then `two`"]);
    let bytes = |path, rule, mentions| fixture(path, [0, 1, 2], [0, 1, 3], rule, mentions);
    vec![
        bytes("etc/ssh/ssh_host_ed25519_key", ("ssh-host-key", Random), &["share"]),
        fixture("etc/ssl/private/x.key", "secret", "hidden", ("private-key", Random), &["key"]),
        text("etc/machine-id", ("machine-id", Random)),
        text("var/lib/dbus/machine-id", ("machine-id", Random)),
        bytes("var/lib/systemd/random-seed", ("random-seed", Random), &["seed"]),
        text("var/log/dpkg.log", ("apt-log", Log)),
        text("var/log/apt/term.log", ("apt-log", Log)),
        text("var/log/dnf.rpm.log", ("package-log", Log)),
        bytes("var/log/lastlog", ("login-log", Log), &["logged in"]),
        bytes("var/cache/apt/pkgcache.bin", ("apt-cache", Cache), &["mirrors"]),
        text("var/lib/apt/lists/deb_Packages", ("apt-cache", Cache)),
        text("var/lib/apt/extended_states", ("apt-states", Versions)),
        fixture(
            "var/cache/debconf/passwords.dat",
            "Value: secret",
            "Value: hidden",
            ("debconf-passwords", Random),
            &["by chance; whoever"],
        ),
        text("var/cache/debconf/config.dat", ("debconf-database", Versions)),
        text("var/cache/debconf/templates.dat-old", ("debconf-database", Versions)),
        bytes("var/cache/apk/APKINDEX.gz", ("package-cache", Cache), &["mirrors"]),
        bytes("lib/apk/db/scripts.tar", ("apk-scripts", Timestamp), &["time"]),
        bytes("var/cache/ldconfig/aux-cache", ("ldconfig-cache", Cache), &["inode"]),
        bytes("var/lib/rpm/rpmdb.sqlite", ("rpm-database", Timestamp), &["installed"]),
        bytes("var/lib/dnf/history.sqlite", ("dnf-history", Timestamp), &["transaction"]),
        text("srv/app/.git/logs/HEAD", ("git-directory", Timestamp)),
        text("srv/node_modules/.package-lock.json", ("npm-metadata", Cache)),
        text("root/.npm/_logs/2026-01-02T03_04_05_678Z-debug-0.log", ("npm-metadata", Cache)),
        text("usr/lib/python3/dist-packages/x-1.dist-info/RECORD", ("pip-metadata", Path)),
        text("srv/target/release/.fingerprint/x/dep", ("cargo-state", Cache)),
        text("root/.m2/repository/a/_remote.repositories", ("maven-repository", Cache)),
        text("go/pkg/mod/cache/lock", ("go-cache", Cache)),
        text("srv/build/.ninja_log", ("build-state", Cache)),
        text("usr/local/lib/php/.registry/x.reg", ("pear-registry", Timestamp)),
        text("usr/lib/perl/perllocal.pod", ("install-log", Log)),
        bytes("var/cache/fontconfig/a.cache-7", ("font-cache", Cache), &["fontconfig"]),
        text("usr/share/fonts/truetype/.uuid", ("font-cache", Cache)),
        bytes("usr/share/mime/mime.cache", ("desktop-cache", Cache), &["order"]),
        bytes("var/cache/man/index.db", ("man-cache", Cache), &["manual"]),
        bytes("usr/lib/locale/locale-archive", ("locale-archive", Ordering), &["order"]),
        bytes("opt/java/lib/server/classes.jsa", ("java-archive", Timestamp), &["times"]),
        bytes("etc/ssl/certs/java/cacerts", ("java-keystore", Timestamp), &["certificate"]),
        text("root/.bash_history", ("shell-history", Log)),
        text("root/.wget-hsts", ("shell-history", Log)),
        text("tmp/build/out", ("temporary-file", Cache)),
        single("tmp/tmp.AbCdEfGhIj", ("temporary-file", Cache), &["only the second run"]),
        text("var/tmp/build/out", ("temporary-file-var", Cache)),
        text("run/x.pid", ("runtime-file", Cache)),
        single("dev/shm/x", ("runtime-file", Cache), &["only the second run"]),
        text("root/.cache/pip/http/x", ("user-cache", Cache)),
        text("srv/app.log", ("log-file", Log)),
        bytes("srv/target/release/libx.rmeta", ("cargo-target", Cache), &["cargo"]),
        single("usr/share/doc/curl/copyright", ("documentation", Versions), &["only the second run"]),
        single("srv/work.aB3dE9xZq1/out", ("temporary-name", Random), &["work.aB3dE9xZq1"]),
        single("srv/dump.1796062599", ("dated-name", Timestamp), &["dump.1796062599"]),
        single("srv/backup-2026-01-02.txt", ("dated-name", Timestamp), &["backup-2026-01-02.txt"]),
    ]
}

fn by_text() -> Vec<Fixture> {
    use Class::*;
    let line = |first: &str, second: &str, rule, mentions| {
        fixture("srv/x", format!("a\n{first}\n"), format!("a\n{second}\n"), rule, mentions)
    };
    let status = |version: &str| format!("Package: curl\nArchitecture: amd64\nVersion: {version}\n\n");
    let world = |version: &str| format!("curl\n.rundeps={version}\n");
    let shadow = |password: &str, day: &str| format!("alice:{password}:{day}:0:99999:7:::\n");
    let key = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    vec![
        fixture(
            "var/lib/dpkg/status",
            status("8.1"),
            status("8.2"),
            ("package-versions", Versions),
            &["curl is 8.1, then 8.2"],
        ),
        fixture(
            "etc/apk/world",
            world("20260102.030405"),
            world("20260102.030411"),
            ("apk-virtual", Timestamp),
            &[".rundeps"],
        ),
        fixture(
            "etc/shadow",
            shadow("$6$a$b", "1"),
            shadow("$6$c$d", "2"),
            ("shadow", Random),
            &["user alice"],
        ),
        fixture(
            "etc/shadow",
            shadow("!", "20455"),
            shadow("!", "20456"),
            ("shadow-day", Timestamp),
            &["20455, then 20456"],
        ),
        fixture("srv/tls.key", key("one"), key("two"), ("private-key", Random), &["key"]),
        fixture(
            "srv/list",
            "b.c\na.c\n",
            "a.c\nb.c\n",
            ("text-order", Ordering),
            &["2 lines", "line 1 is `b.c`, then `a.c`"],
        ),
        line(
            "in /tmp/tmp.AbCdEf",
            "in /tmp/tmp.GhIjKl",
            ("text-temporary-path", Random),
            &["/tmp/tmp.AbCdEf"],
        ),
        line(
            "9b2f1c34-0a1b-4c2d-8e3f-0123456789ab",
            "1c342f9b-0a1b-4c2d-8e3f-0123456789ab",
            ("text-uuid", Random),
            &["line 2"],
        ),
        line(
            "Fri Jan  2 03:04:05 UTC 2026",
            "Fri Jan  2 03:04:07 UTC 2026",
            ("text-time", Timestamp),
            &["03:04:07 UTC"],
        ),
        line("done in 3.2s", "done in 3.4s", ("text-duration", Timestamp), &["3.4s"]),
        line("<x at 0x7f12a4b3c2d0>", "<x at 0x7f9ca4b3c2d0>", ("text-address", Random), &["0x7f9ca4b3c2d0"]),
        line("pid=12", "pid=17", ("text-process", Random), &["pid=17"]),
        fixture("srv/n", "8\n", "1\n", ("text-processors", Path), &["`8`, then `1`"]),
        line("make -j8", "make -j64", ("text-processors", Path), &["-j64"]),
        line("hostname=a1", "hostname=b2", ("text-host", Path), &["b2"]),
        line("sha256:0123456789abcdef", "sha256:f123456789abcdef", ("text-checksum", Unknown), &["sha256"]),
        line("token 0123456789abcdef", "token fedcba9876543210", ("text-token", Random), &["token fedc"]),
        line("/build/tmpk3j_9x2a/a", "/build/tmpq8x_1a2b/a", ("text-path", Path), &["tmpq8x_1a2b"]),
        line("curl 8.1.2", "curl 8.1.3", ("text-version", Versions), &["8.1.3"]),
        line("alpha", "beta", ("text-line", Unknown), &["line 2 is `alpha`, then `beta`"]),
    ]
}

fn by_format() -> Vec<Fixture> {
    use Class::*;
    let (early, late) = (1_767_323_045, 1_767_323_046);
    let tar = |files: &[(&str, u64, &str)]| forge::tar(files);
    let mut owned = tar(&[("a", 1, "x")]);
    forge::tar_owner(&mut owned, 1000, "alice");
    let extended = |process| forge::tar_extended(process, "11 path=ab\n", "ab", "x");
    let program = |section: &str, content: &[u8]| {
        forge::elf(true, First::Low, &[(".init", b"\x01"), (section, content)])
    };
    let elf = |section, first: &[u8], second: &[u8], rule, mentions| {
        fixture("usr/bin/x", program(section, first), program(section, second), rule, mentions)
    };
    let picture = |second| forge::png(&[(b"tIME", &[0x07, 0xea, 1, 2, 3, 4, second])]);
    let (fast, best) = (tar(&[("a", 1, "x")]), tar(&[("a", 1, "x")]));
    let best = [&forge::gzip_at(1, &fast)[..10], &forge::gzip_at(9, &best)[10..]].concat();
    let stored =
        |content: &'static [u8], time| forge::zip(&[Zipped::new("META-INF/MANIFEST.MF", time, content)]);
    vec![
        fixture(
            "x.pyc",
            forge::pyc(0, early as u32, b"c"),
            forge::pyc(0, late as u32, b"c"),
            ("pyc", Timestamp),
            &["03:04:05Z, then"],
        ),
        fixture(
            "x.pyc",
            forge::pyc(3, 1, b"ab"),
            forge::pyc(3, 1, b"ba"),
            ("pyc-content", Ordering),
            &["header"],
        ),
        fixture(
            "x.pyc",
            forge::pyc(0, 1, b"c"),
            [b"\xcb", &forge::pyc(0, 1, b"c")[1..]].concat(),
            ("pyc-version", Versions),
            &["3495, then 3531"],
        ),
        fixture(
            "srv/x.gz",
            forge::gzip(early as u32, "", b"x"),
            forge::gzip(late as u32, "", b"x"),
            ("gzip-time", Timestamp),
            &["2026-01-02T03:04:05Z, then 2026-01-02T03:04:06Z"],
        ),
        fixture(
            "srv/x.gz",
            forge::gzip(0, "a", b"x"),
            forge::gzip(0, "b", b"x"),
            ("gzip-name", Path),
            &["a, then b"],
        ),
        fixture("srv/x.gz", forge::gzip_at(1, &fast), best, ("compressor", Versions), &["compressor"]),
        fixture(
            "srv/x.tgz",
            forge::gzip(0, "", &tar(&[("a", 1, "x"), ("b", early, "y")])),
            forge::gzip(0, "", &tar(&[("a", 1, "x"), ("b", late, "y")])),
            ("archive-time", Timestamp),
            &["inside, 1 of 2 members, among them b: 2026-01-02T03:04:05Z"],
        ),
        fixture(
            "srv/x.tar",
            tar(&[("a", 1, "x"), ("b", 1, "y")]),
            tar(&[("b", 1, "y"), ("a", 1, "x")]),
            ("archive-order", Ordering),
            &["number 1 is a, then b"],
        ),
        fixture("srv/x.tar", tar(&[("a", 1, "x")]), owned, ("archive-owner", Path), &["1000 (alice)"]),
        fixture("srv/x.tar", extended(11), extended(12), ("archive-extended", Timestamp), &["in ab"]),
        fixture(
            "srv/x.tar",
            tar(&[("a", 1, "x")]),
            tar(&[("b", 1, "x")]),
            ("archive-member", Unknown),
            &["a is only in the first"],
        ),
        fixture(
            "srv/x.jar",
            stored(b"", 0),
            stored(b"", 1),
            ("archive-time", Timestamp),
            &["META-INF/MANIFEST.MF: 1980-"],
        ),
        fixture(
            "srv/x.whl",
            stored(b"Built: 2026-01-02", 0),
            stored(b"Built: 2026-01-03", 0),
            ("text-time", Timestamp),
            &["in META-INF/MANIFEST.MF, line 1"],
        ),
        fixture(
            "usr/lib/libx.a",
            forge::ar(&[("a.o/", early, b"x")]),
            forge::ar(&[("a.o/", late, b"x")]),
            ("ar-member", Timestamp),
            &["a.o: 2026-01-02T03:04:05Z"],
        ),
        elf(
            ".rodata",
            b"built Jan  2 2026",
            b"built Jan  3 2026",
            ("elf-time", Timestamp),
            &[".rodata", "Jan  3 2026"],
        ),
        elf(
            ".rodata",
            b"\x001767323045\0",
            b"\x001767323049\0",
            ("elf-time", Timestamp),
            &[".rodata", "`1767323045`, then"],
        ),
        elf(".debug_line", b"\x01", b"\x02", ("elf-path", Path), &[".debug_line"]),
        elf(".comment", b"GCC: 12", b"GCC: 13", ("elf-compiler", Versions), &["`GCC: 12`, then `GCC: 13`"]),
        elf(".note.gnu.build-id", &[1; 20], &[2; 20], ("elf-build-id", Path), &["01010101, then 02020202"]),
        elf(".go.buildinfo", b"\x01", b"\x02", ("go-build-id", Path), &[".go.buildinfo"]),
        elf(".text", b"\x01", b"\x02", ("elf-section", Unknown), &["byte 0 of .text"]),
        fixture("srv/x.png", picture(5), picture(6), ("png-time", Timestamp), &["2026-01-02T03:04:05Z"]),
        fixture(
            "srv/x.db",
            forge::sqlite(1, b"r"),
            forge::sqlite(2, b"r"),
            ("sqlite-counter", Ordering),
            &["1, then 2"],
        ),
        fixture("srv/x.db", forge::sqlite(1, b"r"), forge::sqlite(1, b"s"), ("sqlite", Unknown), &["page 2"]),
        fixture(
            "srv/x.bin",
            b"\0\xff\x01at 2026-01-02 03:04:05\0".as_slice(),
            b"\0\xff\x01at 2026-01-02 03:04:06\0".as_slice(),
            ("text-time", Timestamp),
            &["at byte 24", "03:04:06"],
        ),
    ]
}

/// All of them.
pub fn fixtures() -> Vec<Fixture> {
    by_path().into_iter().chain(by_text()).chain(by_format()).collect()
}
