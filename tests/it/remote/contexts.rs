//! Build contexts that are fetched.

use super::git_server::{Repositories, has_git};
use super::server::{Answered, Server};
use crate::e2e::{Image, Workshop, entry};

/// Builds with these arguments alone and reads the result.
#[track_caller]
fn image(shop: &Workshop, args: &[&str]) -> Image {
    let out = shop.at("image-out");
    let _ = std::fs::remove_dir_all(&out);
    let output = format!("type=oci,tar=false,dest={}", out.display());
    let mut all = vec!["build", "-o", &output];
    all.extend_from_slice(args);
    shop.rbuild(&all).ok();
    Image::read(&out)
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        entry(&mut tar, name, tar::EntryType::Regular, 0o664, content.as_bytes(), "");
    }
    tar.into_inner().expect("in memory")
}

#[test]
fn a_git_context_has_its_dockerfile_and_its_commits_time() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    repositories.make("a");
    repositories.commit(
        "a",
        &[
            ("Dockerfile", "FROM scratch\nCOPY . /all/\n"),
            (".dockerignore", "f\n"),
            ("f", "1"),
            ("sub/Dockerfile", "FROM scratch\nCOPY g /g\n"),
            ("sub/g", "2"),
            ("Other", "FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL at=$SOURCE_DATE_EPOCH\n"),
        ],
    );
    let daemon = repositories.daemon();
    let whole = image(&shop, &[&daemon.url("a#main")]);
    assert_eq!(whole.text("all/f"), "1", "an ignore file is for local contexts");
    assert!(!whole.has("all/.git"));
    assert_eq!(whole.config["created"], "2023-11-14T22:13:20Z", "the commit's time");
    assert_eq!(whole.at("all/f").mtime, 315_532_801, "the layer epoch");
    assert_eq!(image(&shop, &[&daemon.url("a#:sub")]).text("g"), "2");
    let query = image(&shop, &["-f", "./Dockerfile", &daemon.url("a?subdir=sub")]);
    assert_eq!(query.text("g"), "2");
    let other = image(&shop, &["-f", "Other", "--source-date-epoch", "git", &daemon.url("a")]);
    assert_eq!(other.settings()["Labels"]["at"], "1700000000");
    let given = image(&shop, &["--source-date-epoch", "7", &daemon.url("a")]);
    assert_eq!(given.config["created"], "1970-01-01T00:00:07Z");
    let timed = image(&shop, &[&daemon.url("a?mtime=commit")]);
    assert_eq!(timed.at("all/f").mtime, 1_700_000_000);
    let kept = image(&shop, &["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", &daemon.url("a")]);
    assert!(kept.has("all/.git/HEAD"));
    shop.rbuild(&["build", "-f", "None", &daemon.url("a")]).fails(&["None"]);
}

#[test]
fn cve_2026_44517_a_dockerfile_that_is_a_link_stays_in_its_context() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let path = repositories.make("a");
    let outside = shop.write_at("outside", "FROM scratch\nLABEL stolen=yes\n");
    std::os::unix::fs::symlink(&outside, path.join("Dockerfile")).expect("linked");
    std::os::unix::fs::symlink("real", path.join("inside")).expect("linked");
    repositories.commit("a", &[("real", "FROM scratch\nLABEL a=b\n")]);
    let daemon = repositories.daemon();
    shop.rbuild(&["build", &daemon.url("a")]).fails(&["cannot find a Dockerfile"]);
    assert_eq!(image(&shop, &["-f", "inside", &daemon.url("a")]).settings()["Labels"]["a"], "b");
}

#[test]
fn a_local_repository_gives_its_commits_time_when_asked() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    let path = repositories.make("a");
    repositories.commit("a", &[("Dockerfile", "FROM scratch\nLABEL a=b\n")]);
    let path = path.to_str().expect("text");
    assert_eq!(image(&shop, &["--source-date-epoch", "git", path]).config["created"], "2023-11-14T22:13:20Z");
    shop.build("FROM scratch\nLABEL a=b\n", &["--source-date-epoch", "git"]).fails(&["git"]);
}

#[test]
fn an_archive_behind_a_url_is_a_context() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/c.tar" => Answered::new(
            200,
            tar(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "1"), (".dockerignore", "f")]),
        ),
        "/Dockerfile" => Answered::new(200, "FROM scratch\nCOPY f /other\n"),
        _ => Answered::new(404, ""),
    });
    let shop = Workshop::bare();
    let first = image(&shop, &[&server.url("/c.tar")]);
    assert_eq!((first.text("f"), first.who("f")), ("1", "0644 0:0".to_string()));
    assert_eq!(image(&shop, &["-f", &server.url("/Dockerfile"), &server.url("/c.tar")]).text("other"), "1");
    shop.write("f", "local");
    assert_eq!(
        image(&shop, &["-f", &server.url("/Dockerfile"), &shop.arg("context")]).text("other"),
        "local"
    );
    shop.rbuild(&["build", &server.url("/none")]).fails(&["404"]);
}

#[test]
fn a_dockerfile_behind_a_url_is_built() {
    let server = Server::start(|_| Answered::new(200, "FROM scratch\nLABEL a=b\nCOPY context /me\n"));
    let shop = Workshop::bare();
    let built = image(&shop, &[&server.url("/Dockerfile")]);
    assert_eq!(built.settings()["Labels"]["a"], "b");
    assert!(built.text("me").starts_with("FROM scratch"), "the context is the file itself");
}

#[test]
fn named_contexts_may_be_elsewhere() {
    if !has_git() {
        return;
    }
    let (repositories, shop) = (Repositories::new(), Workshop::bare());
    repositories.make("a");
    repositories.commit("a", &[("d/f", "1")]);
    let daemon = repositories.daemon();
    let server = Server::start(|_| Answered::new(200, "file"));
    let (git, url) = (format!("repo={}#main:d", daemon.url("a")), format!("page={}", server.url("/x")));
    let args = ["--build-context", git.as_str(), "--build-context", url.as_str()];
    let image = shop.image(
        "FROM repo AS whole\nFROM scratch\nCOPY --from=repo f /f\nCOPY --from=page context /page\nCOPY --from=whole / /whole/\n",
        &args,
    );
    assert_eq!((image.text("f"), image.text("page"), image.text("whole/f")), ("1", "file", "1"));
}

#[test]
fn a_mount_shows_a_git_context() {
    if !has_git() {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    let repositories = Repositories::new();
    repositories.make("a");
    repositories.commit(
        "a",
        &[("d/f", "1"), ("Dockerfile", "FROM busybox\nRUN --mount=target=/m,rw cp /m/d/f /f\n")],
    );
    let daemon = repositories.daemon();
    assert_eq!(image(&shop, &[&daemon.url("a")]).text("f"), "1");
}
