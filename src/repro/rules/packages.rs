//! The rules that know by its path what package managers of distributions keep.

use super::{Class, Rule, When};

/// ORDER: narrow ones first, see `rules::all`.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "apt-cache",
        class: Class::Cache,
        when: When::Certain,
        paths: &[
            "var/cache/apt/**",
            "var/lib/apt/lists/**",
            "var/lib/apt/mirrors/**",
            "var/lib/apt/periodic/**",
        ],
        what: "apt keeps what it knew of its mirrors at that moment",
        fix: "End the RUN with rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin, or keep them out of the image with \
              --mount=type=cache,target=/var/cache/apt and the same for /var/lib/apt/lists.",
    },
    Rule {
        id: "apt-states",
        class: Class::Versions,
        when: When::Likely,
        paths: &["var/lib/apt/extended_states"],
        what: "apt lists there which packages it installed only because others need them, and other packages came along",
        fix: "Pin what is fetched, as for the packages themselves (snapshot.debian.org, snapshot.ubuntu.com), and install \
              with --no-install-recommends.",
    },
    Rule {
        id: "debconf-passwords",
        class: Class::Random,
        when: When::Secret,
        paths: &["var/cache/debconf/passwords.dat*"],
        what: "debconf keeps there the passwords that packages asked for or chose by chance; whoever has the image has them",
        fix: "Empty it at the end of the same RUN (truncate -s 0 /var/cache/debconf/passwords.dat), and set passwords when \
              the container starts.",
    },
    Rule {
        id: "debconf-database",
        class: Class::Versions,
        when: When::Likely,
        paths: &["var/cache/debconf/config.dat*", "var/cache/debconf/templates.dat*"],
        what: "debconf keeps there the questions of packages and the answers, sorted and without times: other packages, other \
               versions of them or other answers",
        fix: "Pin the versions of packages, and answer what they ask beforehand, with debconf-set-selections and \
              DEBIAN_FRONTEND=noninteractive; the copies that end in -old may be removed in the same RUN.",
    },
    Rule {
        id: "package-cache",
        class: Class::Cache,
        when: When::Certain,
        paths: &[
            "var/cache/apk/**",
            "var/cache/dnf/**",
            "var/cache/libdnf5/**",
            "var/cache/yum/**",
            "var/cache/tdnf/**",
            "var/cache/pacman/**",
            "var/lib/pacman/sync/**",
            "var/cache/zypp/**",
            "etc/apk/cache/**",
        ],
        what: "the package manager keeps what it fetched from its mirrors",
        fix: "Use apk add --no-cache, dnf clean all, yum clean all, zypper clean --all or pacman -Scc in the same RUN, or \
              a cache mount on that directory.",
    },
    Rule {
        id: "apk-scripts",
        class: Class::Timestamp,
        when: When::Certain,
        paths: &["lib/apk/db/scripts.tar*", "usr/lib/apk/db/scripts.tar*"],
        what: "apk packs its install scripts into an archive with the time of the installation",
        fix: "Give virtual packages a version of your own (apk add --virtual .build=0 ...), install with one version of \
              apk, or remove the file if nothing is installed later.",
    },
    Rule {
        id: "ldconfig-cache",
        class: Class::Cache,
        when: When::Certain,
        paths: &["var/cache/ldconfig/**"],
        what: "ldconfig remembers inode numbers and change times of the libraries that it saw",
        fix: "End the RUN with rm -f /var/cache/ldconfig/aux-cache; ldconfig works without it.",
    },
    Rule {
        id: "rpm-database",
        class: Class::Timestamp,
        when: When::Certain,
        paths: &["var/lib/rpm/**", "usr/lib/sysimage/rpm/**"],
        what: "the database of rpm says when each package was installed, and its pages depend on how it grew",
        fix: "Let rpm write it anew at the end of the RUN (rpm --rebuilddb), with SOURCE_DATE_EPOCH for the install \
              times where this rpm heeds it; remove its __db.* files.",
    },
    Rule {
        id: "dnf-history",
        class: Class::Timestamp,
        when: When::Certain,
        paths: &["var/lib/dnf/**", "var/lib/yum/**", "usr/lib/sysimage/libdnf5/**", "var/lib/PackageKit/**"],
        what: "the history of the package manager has a row with the time of each transaction",
        fix: "Remove it at the end of the RUN: rm -rf /var/lib/dnf/history* /var/lib/yum/history \
              /usr/lib/sysimage/libdnf5/*.",
    },
];
