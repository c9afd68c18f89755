//! An edit of a large context: what changed is written, and everybody sees the whole.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Workshop, tools};

/// A busybox stage with a context of some six megabytes in it.
const DOCKERFILE: &str = "FROM busybox AS all\nCOPY src /src/\nRUN cat /src/part3/file-3 /src/part4/file-4 > /two; rm /src/part5/file-5\nFROM scratch\nCOPY --from=all /src/part3 /part/\nCOPY --from=all /two /two\nCOPY src /src/\n";

fn shop() -> Option<Workshop> {
    let shop = Workshop::new()?;
    for number in 0..200 {
        let text = format!("{number:07}\n").repeat(4_000);
        shop.write(&format!("src/part{}/file-{number}", number % 10), text);
    }
    Some(shop)
}

/// Every blob of the store that is as large as the copied layer.
fn large(shop: &Workshop) -> Vec<PathBuf> {
    let blobs = fs::read_dir(shop.store().join("blobs/sha256")).expect("blobs").filter_map(Result::ok);
    let blobs = blobs.filter(|blob| blob.metadata().is_ok_and(|blob| blob.len() > 4 << 20));
    blobs.map(|blob| blob.path()).collect()
}

#[test]
fn an_edited_context_is_written_as_what_changed_and_is_whole_to_everybody() {
    let Some(shop) = shop() else { return };
    if !tools(&["skopeo"]) {
        return;
    }
    shop.build(DOCKERFILE, &[]).ok();
    assert_eq!(large(&shop).len(), 1, "both COPYs make the same layer");
    shop.write("src/part3/file-3", "edited\n");
    shop.write("src/part7/new", "new\n");
    let image = shop.image(DOCKERFILE, &["--iidfile", &shop.arg("id")]);
    assert_eq!(image.text("two"), format!("edited\n{}", "0000004\n".repeat(4_000)));
    assert_eq!(image.text("part/file-3"), "edited\n");
    assert_eq!(image.text("src/part7/new"), "new\n");
    assert_eq!(image.text("src/part9/file-199"), "0000199\n".repeat(4_000));
    // The image in a form of its own has a compressed layer; the tar of it is not written.
    shop.again(&[]).ok();
    let plain = |shop: &Workshop| shop.again(&["-q"]).ok().out();
    let edited = plain(&shop);
    // In a store that has never seen the context before the edit it is the same image.
    let fresh = self::shop().expect("it was made before");
    for (path, text) in [("src/part3/file-3", "edited\n"), ("src/part7/new", "new\n")] {
        fresh.write(path, text);
    }
    fresh.write("Dockerfile", DOCKERFILE);
    assert_eq!(edited, plain(&fresh));
    let archive = shop.arg("saved.tar");
    shop.rbuild(&["save", "-o", &archive, "--format", "oci", "it"]).ok();
    let copied = Command::new("skopeo")
        .args([
            "copy",
            "--insecure-policy",
            &format!("oci-archive:{archive}"),
            &format!("dir:{}", shop.arg("dir")),
        ])
        .output()
        .expect("skopeo starts");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

#[test]
fn a_layer_that_an_edit_repeats_is_healed_by_the_build_that_finds_it_damaged() {
    let Some(shop) = shop() else { return };
    let dockerfile = "FROM scratch\nCOPY src /src/\n";
    let before = shop.build(dockerfile, &["-q"]).ok().out();
    shop.write("src/part3/file-3", "edited\n");
    let edited = shop.again(&["-q"]).ok().out();
    assert_eq!(large(&shop).len(), 1);
    let path = large(&shop).remove(0);
    let mut bytes = fs::read(&path).expect("read");
    let inside =
        bytes.windows(16).position(|window| window == b"0000100\n0000100\n").expect("a file's content");
    bytes[inside] ^= 1;
    fs::write(&path, bytes).expect("written");
    // The next edit would repeat it; whoever takes the image out reads it.
    shop.write("src/part3/file-3", "edited again\n");
    shop.again(&[]).ok().says(&["damaged", "made again"]);
    shop.write("src/part3/file-3", "edited\n");
    assert_eq!(shop.again(&["-q"]).ok().out(), edited);
    shop.rbuild(&["save", "-o", &shop.arg("saved.tar"), "it"]).ok();
    shop.write("src/part3/file-3", "0000003\n".repeat(4_000));
    assert_eq!(shop.again(&["-q"]).ok().out(), before);
}
