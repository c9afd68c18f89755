//! ADD of URLs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::Digest as _;

use super::server::{Answered, Server};
use crate::e2e::Workshop;

fn serving(body: &'static [u8]) -> Server {
    Server::start(move |_| Answered::new(200, body))
}

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    crate::e2e::entry(&mut tar, "inside", tar::EntryType::Regular, 0o640, b"in the tar", "");
    tar.into_inner().expect("in memory")
}

#[test]
fn a_url_becomes_a_file_of_roots_that_only_root_reads() {
    let server = Server::start(|_| {
        Answered::new(200, "body").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
    });
    let shop = Workshop::bare();
    let url = server.url("/dir/a%20b.txt?x=1");
    let image = shop.image(
        &format!("FROM scratch\nADD {url} /in/\nADD --chown=5:6 --chmod=750 {url} /as\nADD {url} /x/as\n"),
        &[],
    );
    assert_eq!(image.text("in/a b.txt"), "body");
    assert_eq!(image.who("in/a b.txt"), "0600 0:0");
    assert_eq!(image.at("in/a b.txt").mtime, 315_532_801, "the layer epoch, not the server's time");
    assert_eq!(image.who("as"), "0750 5:6");
    assert_eq!(image.who("x/as"), "0600 0:0");
    let kept = shop.image(&format!("FROM scratch\nADD {url} /f\n"), &["--layer-epoch", "preserve"]);
    assert_eq!(kept.at("f").mtime, 784_111_777);
}

#[test]
fn an_unchanged_url_is_not_fetched_again_and_a_changed_one_is() {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server = Server::start(move |asked| {
        let tag = format!("\"v{}\"", now.load(Ordering::SeqCst));
        match asked.header("if-none-match") == Some(&tag) {
            true => Answered::new(304, "").header("etag", &tag),
            false => Answered::new(200, format!("body {tag}")).header("etag", &tag),
        }
    });
    let shop = Workshop::bare();
    let file = format!("FROM scratch\nADD {} /f\n", server.url("/f"));
    assert_eq!(shop.image(&file, &[]).text("f"), "body \"v1\"");
    assert_eq!(server.asked().len(), 1);
    shop.build(&file, &[]).ok().says(&["not modified", "CACHED"]);
    assert_eq!(server.asked()[0].header("if-none-match"), Some("\"v1\""));
    version.store(2, Ordering::SeqCst);
    assert_eq!(shop.image(&file, &[]).text("f"), "body \"v2\"");
}

#[test]
fn the_same_bytes_from_another_address_are_the_same_step() {
    let server = serving(b"same");
    let shop = Workshop::bare();
    let add = |query: &str| format!("FROM scratch\nADD {} /f\n", server.url(&format!("/f?{query}")));
    shop.build(&add("a"), &[]).ok();
    shop.build(&add("b"), &[]).ok().says(&["CACHED"]);
}

#[test]
fn a_checksum_is_held_and_what_it_names_is_never_asked_for_twice() {
    let server = serving(b"body");
    let shop = Workshop::bare();
    let add = |sum: &str| format!("FROM scratch\nADD --checksum=sha256:{sum} {} /f\n", server.url("/f"));
    shop.build(&add(&hex(b"other")), &[]).fails(&["digest mismatch", &hex(b"body"), &hex(b"other")]);
    assert_eq!(shop.image(&add(&hex(b"body")), &[]).text("f"), "body");
    server.asked();
    shop.build(&add(&hex(b"body")), &["--no-cache"]).ok();
    assert!(server.asked().is_empty());
    shop.build("FROM scratch\nARG C=sha512:00\nADD --checksum=$C http://127.0.0.1:1/f /f\n", &[])
        .fails(&["checksum"]);
}

#[test]
fn a_fetched_archive_is_unpacked_only_where_that_is_asked_for() {
    let server = Server::start(|_| Answered::new(200, tar()));
    let shop = Workshop::bare();
    shop.write("local.tar", tar());
    let url = server.url("/remote.tar");
    let image = shop.image(
        &format!("FROM scratch\nADD {url} local.tar /both/\nADD --unpack {url} /un/\nADD --unpack=false {url} local.tar /not/\n"),
        &[],
    );
    assert_eq!(image.below("both"), ["inside", "remote.tar"]);
    assert_eq!(image.who("un/inside"), "0640 0:0");
    assert_eq!(image.below("not"), ["local.tar", "remote.tar"]);
}

#[test]
fn urls_paths_and_here_documents_go_into_one_layer_in_their_order() {
    let server = Server::start(|asked| Answered::new(200, asked.path.clone()));
    let shop = Workshop::bare();
    shop.write("f", "local");
    let (one, two) = (server.url("/f"), server.url("/g[1]*"));
    let image = shop.image(&format!("FROM scratch\nADD {one} f {two} {one} <<h /d/\nhere\nh\n"), &[]);
    assert_eq!(image.layers.len(), 1);
    assert_eq!(image.text("d/f"), "/f", "the last one wins");
    assert_eq!(image.text("d/g[1]*"), "/g[1]*", "a name of somebody else's is no pattern");
    assert_eq!(image.text("d/h"), "here\n");
    assert_eq!(server.asked().len(), 2, "the same is fetched once");
}

#[test]
fn a_server_has_no_say_in_names() {
    let server = Server::start(|_| {
        Answered::new(200, "x").header("content-disposition", "attachment; filename=\"../../etc/passwd\"")
    });
    let shop = Workshop::bare();
    let image = shop
        .image(&format!("FROM scratch\nADD {} {} /d/\n", server.url("/"), server.url("/%2e%2e%2fx")), &[]);
    assert_eq!(image.below("d"), ["__unnamed__", "x"]);
}

#[test]
fn a_redirect_never_leads_to_metadata_or_to_files() {
    for to in ["http://169.254.169.254/latest", "file:///etc/passwd", "http://metadata.google.internal/"] {
        let server = Server::start(move |_| Answered::new(302, "").header("location", to));
        let shop = Workshop::bare();
        shop.build(&format!("FROM scratch\nADD {} /f\n", server.url("/f")), &[]).fails(&["redirects"]);
    }
}

#[test]
fn a_refusal_is_an_error_with_its_status_and_leaves_nothing() {
    let server = Server::start(|_| Answered::new(404, "no such thing"));
    let shop = Workshop::bare();
    shop.build(&format!("FROM scratch\nADD {} /f\n", server.url("/f")), &[]).fails(&[
        "404",
        "no such thing",
        ">>> ADD http",
        "Dockerfile:2",
    ]);
}

#[test]
fn a_body_is_kept_as_it_comes_whatever_its_encoding() {
    let server = Server::start(|_| Answered::new(200, "\x1f\u{8b}x").header("content-encoding", "gzip"));
    let shop = Workshop::bare();
    let image = shop.image(&format!("FROM scratch\nADD {} /f\n", server.url("/f.gz")), &[]);
    assert_eq!(image.at("f").digest, hex("\x1f\u{8b}x".as_bytes()));
}

#[test]
fn a_secret_is_shown_to_its_host_and_to_nobody_it_redirects_to() {
    let other = serving(b"body");
    let to = other.url("/f");
    let server = Server::start(move |_| Answered::new(302, "").header("location", &to));
    let shop = Workshop::bare();
    let secret = shop.write_at("secret", "token-of-mine");
    let spec = format!("id=HTTP_AUTH_TOKEN_127.0.0.1,src={}", secret.display());
    shop.build(&format!("FROM scratch\nADD {} /f\n", server.url("/f")), &["--secret", &spec]).ok();
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer token-of-mine"));
    assert_eq!(other.asked()[0].header("authorization"), None);
    assert!(shop.holding(&shop.store(), b"token-of-mine").is_empty());
}

#[test]
fn cve_2023_26054_a_password_in_a_url_stays_out_of_history_display_and_store() {
    let server = serving(b"body");
    let shop = Workshop::bare();
    let url = format!("http://me:geheim@127.0.0.1:{}/f", server.port());
    let (image, said) = shop.image_and_said(&format!("FROM scratch\nADD {url} /f\n"), &[]);
    said.never_says(&["geheim"]);
    assert!(image.history()[0].contains("ADD http://127.0.0.1"), "{:?}", image.history());
    assert!(!image.config.to_string().contains("geheim"));
    assert!(shop.holding(&shop.store(), b"geheim").is_empty());
    assert!(server.asked()[0].header("authorization").is_some_and(|value| value.starts_with("Basic ")));
}
