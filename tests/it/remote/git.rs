//! ADD of git repositories.

use std::process::Command;

use super::git_server::{Repositories, git, has_git};
use super::server::{Answered, Server};
use crate::e2e::Workshop;

/// A repository `a` with a branch, tags and most kinds of files; its last commit.
fn usual(repositories: &Repositories) -> String {
    let path = repositories.make("a");
    repositories.commit("a", &[("old", "1"), ("dir/x", "x")]);
    git(&path, &["tag", "-a", "v1", "-m", "one"]);
    git(&path, &["branch", "other"]);
    std::fs::write(path.join("run.sh"), "#!/bin/sh\n").expect("written");
    std::fs::set_permissions(path.join("run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("set");
    std::os::unix::fs::symlink("../../../etc/passwd", path.join("dir/link")).expect("linked");
    std::fs::remove_file(path.join("old")).expect("removed");
    repositories.commit("a", &[("new", "2"), ("dir/same", "x")])
}

#[test]
fn a_repository_becomes_its_commits_files_with_the_modes_of_the_index() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    usual(&repositories);
    let daemon = repositories.daemon();
    let url = daemon.url("a");
    let file =
        format!("FROM scratch\nADD {url} /src\nADD {url}#v1 /one/\nADD {url}?branch=other&subdir=dir /two\n");
    let image = shop.image(&file, &[]);
    assert_eq!(image.below("src"), ["dir", "dir/link", "dir/same", "dir/x", "new", "run.sh"]);
    assert_eq!((image.who("src/new"), image.who("src/run.sh")), ("0644 0:0".into(), "0755 0:0".into()));
    assert_eq!(image.who("src/dir"), "0755 0:0");
    assert_eq!(image.at("src/dir/link").link, "../../../etc/passwd");
    assert!(
        image
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("src/"))
            .all(|(_, node)| node.mtime == 315_532_801)
    );
    assert_eq!(image.below("one"), ["dir", "dir/x", "old"]);
    assert_eq!(image.below("two"), ["x"]);
    shop.again(&[]).ok().says(&["CACHED"]);
}

#[test]
fn a_branch_is_asked_about_each_time_and_a_known_commit_never() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let first = usual(&repositories);
    let daemon = repositories.daemon();
    let (branch, commit) = (daemon.url("a#main"), daemon.url(&format!("a#{first}")));
    shop.build(&format!("FROM scratch\nADD {branch} /\nADD {commit} /c/\n"), &[]).ok();
    repositories.commit("a", &[("new", "3")]);
    assert_eq!(shop.image(&format!("FROM scratch\nADD {branch} /\n"), &[]).text("new"), "3");
    drop(daemon);
    let image = shop.image(&format!("FROM scratch\nADD {commit} /c/\n"), &[]);
    assert_eq!(image.text("c/new"), "2");
    shop.build(&format!("FROM scratch\nADD {branch} /\n"), &[]).fails(&["git git://127.0.0.1"]);
}

#[test]
fn a_checksum_is_the_beginning_of_the_commit_or_of_the_tag() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let last = usual(&repositories);
    let tag = git(&repositories.path("a"), &["rev-parse", "v1"]);
    let daemon = repositories.daemon();
    let add = |flags: &str, url: &str| format!("FROM scratch\nADD {flags} {} /\n", daemon.url(url));
    shop.build(&add(&format!("--checksum={last}"), "a"), &[]).ok();
    shop.build(&add(&format!("--checksum={}", &tag[..12]), "a#v1"), &[]).ok();
    shop.build(&add("", &format!("a?checksum={}", &last[..7])), &[]).ok();
    shop.build(&add(&format!("--checksum={last}"), "a#v1"), &[]).fails(&["expected checksum to match"]);
    shop.build(&add(&format!("--checksum={last}"), "a?checksum=abc"), &[]).fails(&["checksum mismatch"]);
    let fixed = shop.image(&add("", &format!("a?ref=gone&fetch-by-commit&checksum={last}")), &[]);
    assert_eq!(fixed.text("new"), "2");
}

#[test]
fn what_a_repository_does_not_have_is_an_error_that_names_it() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    usual(&repositories);
    let daemon = repositories.daemon();
    let add = |url: &str| format!("FROM scratch\nADD {} /\n", daemon.url(url));
    shop.build(&add("a#none"), &[]).fails(&["has no none"]);
    shop.build(&add("a#:none"), &[]).fails(&["none", "is not in the repository"]);
    shop.build(&add(&format!("a#{}", "0".repeat(40))), &[]).fails(&["git"]);
    shop.build(&add("none"), &[]).fails(&["git git://127.0.0.1"]);
    let said = shop.rbuild_with(&["build", &shop.arg("context")], b"", &[("PATH", "/nowhere")]);
    said.fails(&["git", "install"]);
}

#[test]
fn cve_2026_33748_a_subdirectory_that_is_a_link_is_refused() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let path = repositories.make("a");
    std::os::unix::fs::symlink("/etc", path.join("link")).expect("linked");
    std::os::unix::fs::symlink("..", path.join("up")).expect("linked");
    repositories.commit("a", &[("f", "1")]);
    let daemon = repositories.daemon();
    for sub in ["link", "link/ssl", "up", "f"] {
        let add = format!("FROM scratch\nADD {}#:{sub} /\n", daemon.url("a"));
        let said = shop.build(&add, &[]);
        assert_eq!(said.code, Some(1), "{sub}: {}", said.stderr);
    }
    let add = format!("FROM scratch\nADD {}#main:../../../../etc /\n", daemon.url("a"));
    shop.build(&add, &[]).fails(&["/etc is not in the repository"]);
}

#[test]
fn cve_2025_21613_addresses_and_names_are_never_options() {
    let shop = Workshop::bare();
    for source in [
        "git://127.0.0.1/a?ref=--upload-pack=touch%20/tmp/x",
        "git://127.0.0.1/a#-x",
        "ssh://-oProxyCommand=touch/a",
        "git://127.0.0.1/a#a..b",
    ] {
        shop.build(&format!("FROM scratch\nADD {source} /\n"), &[]).fails(&["ERROR"]);
    }
    // What is no address of a kind that is spoken is a path of the context.
    for source in ["ext::sh", "file:///etc/passwd", "fd::17"] {
        shop.build(&format!("FROM scratch\nADD {source} /\n"), &[]).fails(&["not found"]);
    }
}

#[test]
fn submodules_come_unless_they_are_not_wanted() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    repositories.make("inner");
    repositories.commit("inner", &[("deep", "d")]);
    let path = repositories.make("outer");
    repositories.commit("outer", &[("f", "1")]);
    let inner = repositories.path("inner").display().to_string();
    git(&path, &["submodule", "--quiet", "add", &inner, "lib/inner"]);
    git(&path, &["config", "-f", ".gitmodules", "submodule.lib/inner.url", "../inner"]);
    repositories.commit("outer", &[]);
    let daemon = repositories.daemon();
    let add = |query: &str| format!("FROM scratch\nADD {}{query} /\n", daemon.url("outer"));
    for query in ["", "?submodules=true"] {
        assert_eq!(shop.image(&add(query), &[]).text("lib/inner/deep"), "d", "{query}");
    }
    assert_eq!(shop.image(&add("?subdir=lib"), &[]).text("inner/deep"), "d");
    let image = shop.image(&add("?submodules=false"), &[]);
    assert_eq!(image.below("lib"), ["inner"], "an empty directory");
}

#[test]
fn cve_2022_39253_a_submodule_at_a_path_of_this_machine_is_refused() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    repositories.make("secret");
    repositories.commit("secret", &[("s", "1")]);
    let path = repositories.make("outer");
    repositories.commit("outer", &[("f", "1")]);
    let inner = repositories.path("secret").display().to_string();
    git(&path, &["submodule", "--quiet", "add", &inner, "inner"]);
    repositories.commit("outer", &[]);
    for url in [
        inner.clone(),
        format!("file://{inner}"),
        "ext::sh -c 'touch /tmp/x'".to_string(),
        "-u./x".to_string(),
    ] {
        git(&path, &["config", "-f", ".gitmodules", "submodule.inner.url", &url]);
        repositories.commit("outer", &[]);
        let daemon = repositories.daemon();
        let add = format!("FROM scratch\nADD {}?submodules=true /\n", daemon.url("outer"));
        shop.build(&add, &[]).fails(&["/inner", "not spoken to"]);
    }
}

#[test]
fn cve_2024_32002_nothing_of_a_repository_is_ever_run() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let mark = shop.arg("mark");
    let path = repositories.make("a");
    let attributes = "* filter=evil\n*.x diff=evil text eol=crlf\n";
    repositories
        .commit("a", &[(".gitattributes", attributes), ("f.x", "a\nb\n"), ("hooks/post-checkout", "x")]);
    // Configuration of the user who builds, too, is not read: hooks, filters, helpers, rewritten addresses.
    shop.write_at("hooks/post-checkout", format!("#!/bin/sh\ntouch {mark}\n"));
    shop.write_at("hooks/reference-transaction", format!("#!/bin/sh\ntouch {mark}\n"));
    for name in ["post-checkout", "reference-transaction"] {
        let hook = shop.at(&format!("hooks/{name}"));
        std::fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    }
    shop.write_at(
        ".gitconfig",
        format!(
            "[core]\nhooksPath={}\nfsmonitor=touch {mark}\n[filter \"evil\"]\nsmudge=touch {mark}\n\
             [credential]\nhelper=!touch {mark}\n[url \"ext::touch {mark} \"]\ninsteadOf=git://\n",
            shop.arg("hooks")
        ),
    );
    git(&path, &["config", "uploadpack.packObjectsHook", "true"]);
    let daemon = repositories.daemon();
    let image = shop.image(&format!("FROM scratch\nADD {} /\n", daemon.url("a")), &[]);
    assert_eq!(image.text("f.x"), "a\nb\n", "the bytes that are committed");
    assert!(!shop.at("mark").exists());
}

#[test]
fn cve_2024_32002_a_tree_with_the_name_of_gits_own_directory_is_refused() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let path = repositories.make("a");
    repositories.commit("a", &[("f", "1")]);
    let blob = git(&path, &["rev-parse", "HEAD:f"]);
    for name in [".GIT", ".wh.x"] {
        let tree = {
            let mut raw = format!("100644 {name}\0").into_bytes();
            raw.extend((0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).expect("hex")));
            std::fs::write(path.join("raw"), raw).expect("written");
            git(&path, &["hash-object", "-t", "tree", "-w", "--literally", "raw"])
        };
        let commit = git(&path, &["commit-tree", "-m", "x", &tree]);
        git(&path, &["update-ref", "refs/heads/bad", &commit]);
        let daemon = repositories.daemon();
        shop.build(&format!("FROM scratch\nADD {}#bad /\n", daemon.url("a")), &[]).fails(&[name]);
    }
}

#[test]
fn a_kept_git_directory_works_and_is_the_same_each_time() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let last = usual(&repositories);
    let daemon = repositories.daemon();
    let file = format!(
        "FROM scratch\nADD --keep-git-dir {} /src\nADD {}?keep-git-dir&tag=v1 /tag\n",
        daemon.url("a"),
        daemon.url("a")
    );
    let out = shop.arg("out");
    shop.build(&file, &["-o", &out]).ok();
    let run = |directory: &str, arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "safe.directory=*", "-C", &format!("{out}/{directory}")]).args(arguments);
        String::from_utf8_lossy(&command.output().expect("git runs").stdout).trim().to_string()
    };
    assert_eq!(run("src", &["rev-parse", "HEAD"]), last);
    assert_eq!(run("src", &["status", "--porcelain"]), "");
    assert_eq!(run("tag", &["describe", "--tags"]), "v1");
    assert_eq!(run("src", &["fsck", "--full"]), "");
    assert!(!shop.at("out/src/.git/hooks").exists());
    let first = shop.image(&file, &[]).digest;
    std::fs::remove_dir_all(shop.store()).expect("removed");
    assert_eq!(shop.image(&file, &[]).digest, first);
}

#[test]
fn a_token_is_shown_to_its_host_and_no_redirect_takes_it_elsewhere() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    usual(&repositories);
    std::fs::rename(repositories.path("a"), repositories.path("a.git")).expect("renamed");
    // x-access-token:geheim
    let server = repositories.http(Some("Basic eC1hY2Nlc3MtdG9rZW46Z2VoZWlt"), None);
    let add = |url: &str| format!("FROM scratch\nADD {url} /\n");
    shop.build(&add(&server.url("/a.git")), &[]).fails(&["git http://127.0.0.1"]);
    let token = [("GIT_AUTH_TOKEN", "geheim")];
    shop.write("Dockerfile", add(&server.url("/a.git")));
    let context = shop.arg("context");
    let secret = ["build", "--secret", "id=GIT_AUTH_TOKEN", &context];
    shop.rbuild_with(&secret, b"", &token).ok().never_says(&["geheim"]);
    let info = format!("http://x-access-token:geheim@127.0.0.1:{}/a.git", server.port());
    let (image, said) = shop.image_and_said(&add(&info), &["--no-cache"]);
    said.never_says(&["geheim"]);
    assert!(!image.config.to_string().contains("geheim"));
    assert!(shop.holding(&shop.store(), b"geheim").is_empty());
    // Elsewhere.
    let thief = Server::start(|_| Answered::new(404, ""));
    let moving = repositories.http(Some("Basic eC1hY2Nlc3MtdG9rZW46Z2VoZWlt"), Some(thief.url("/")));
    shop.write("Dockerfile", add(&moving.url("/moved/a.git")));
    shop.rbuild_with(&secret, b"", &token).fails(&["git http://127.0.0.1"]);
    assert!(thief.asked().iter().all(|asked| asked.header("authorization").is_none()));
}
