//! Two images: where they differ, wherever they are.

use serde_json::{Value, json};

use super::{paths, report};
use crate::carry::skopeo;
use crate::e2e::{Workshop, tools};

#[track_caller]
fn diff(shop: &Workshop, first: &str, second: &str) -> (i32, Value) {
    report(&shop.rbuild(&["diff", "--json", first, second]))
}

/// A workshop whose store has `a` and `b`, which differ in one file, one mode and one label.
fn two() -> Workshop {
    let shop = Workshop::bare();
    shop.write("same", "same");
    shop.write("dir/one", "1");
    shop.write("Dockerfile", "FROM scratch\nCOPY same /\nLABEL a=1\nCOPY dir /dir\n");
    let context = shop.context().display().to_string();
    shop.rbuild(&["-t", "a", &context]).ok();
    shop.write("dir/one", "2");
    shop.write("dir/two", "");
    shop.write("Dockerfile", "FROM scratch\nCOPY same /\nLABEL a=2\nCOPY --chmod=0700 dir /dir\n");
    shop.rbuild(&["-t", "b", &context]).ok();
    shop
}

#[test]
fn an_image_does_not_differ_from_itself_in_any_form() {
    if !tools(&["skopeo"]) {
        return;
    }
    let shop = two();
    assert_eq!(diff(&shop, "a", "store:a").0, 0);
    let (archive, layout) = (shop.arg("a.tar"), format!("oci:{}", shop.arg("layout")));
    shop.rbuild(&["save", "--format", "oci", "-o", &archive, "a"]).ok();
    let archive = format!("oci-archive:{archive}");
    skopeo(&["copy", "-q", "--preserve-digests", &archive, &format!("{layout}:x")]);
    let (code, report) = diff(&shop, &archive, &format!("{layout}:x"));
    assert_eq!((code, &report["same"]), (0, &json!(true)), "{report:#}");
    let said = shop.rbuild(&["diff", "-q", "a", &archive]);
    assert!(said.out().starts_with("the same: sha256:"), "{}", said.out());
    // Nothing that was brought got a name.
    let images = shop.rbuild(&["images"]).ok().out();
    assert_eq!(images.lines().count(), 3, "a header, a and b:\n{images}");
}

#[test]
fn each_level_that_differs_is_told() {
    let shop = two();
    let (code, report) = diff(&shop, "a", "b");
    assert_eq!((code, &report["same"], &report["same_layers"]), (1, &json!(false), &json!(1)));
    assert_eq!(report["manifest"], json!([]));
    let config: Vec<&str> =
        report["config"].as_array().unwrap().iter().map(|d| d["pointer"].as_str().unwrap()).collect();
    assert_eq!(config, ["/config/Labels/a", "/history/1/created_by", "/history/2/created_by"]);
    let [layer] = &report["layers"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!((&layer["how"], &layer["first"]["number"]), (&json!("content"), &json!(2)));
    let found: Vec<&str> = paths(&layer["differences"]).iter().map(|(path, _)| *path).collect();
    assert_eq!(found, ["/dir", "/dir/one", "/dir/two"]);
    let fields = |at: usize| layer["differences"][at]["fields"].clone();
    assert_eq!((fields(0), fields(1)), (json!(["mode"]), json!(["content", "mode"])));
    assert_eq!(layer["differences"][2]["in"], "second");
}

#[test]
fn another_compression_of_the_same_content_is_a_form_and_no_more() {
    if !tools(&["skopeo"]) {
        return;
    }
    let shop = two();
    let (gzip, zstd) = (format!("oci:{}:x", shop.arg("gzip")), format!("oci:{}:x", shop.arg("zstd")));
    shop.rbuild(&["save", "--format", "oci", "-o", &shop.arg("a.tar"), "a"]).ok();
    let archive = format!("oci-archive:{}", shop.arg("a.tar"));
    for (format, to) in [("gzip", &gzip), ("zstd", &zstd)] {
        skopeo(&["copy", "-q", "--dest-compress-format", format, &archive, to]);
    }
    let (code, report) = diff(&shop, &gzip, &zstd);
    let how: Vec<&str> =
        report["layers"].as_array().unwrap().iter().map(|layer| layer["how"].as_str().unwrap()).collect();
    assert_eq!((code, how), (1, vec!["form", "form"]));
    assert_eq!((&report["config"], &report["same_image"]), (&json!([]), &json!(true)));
    let said = shop.rbuild(&["diff", "-q", &gzip, &zstd]);
    assert!(said.out().contains("\nthe same image in another form: config sha256:"), "{}", said.out());
}

#[test]
fn a_build_is_held_against_what_was_published_with_its_lines() {
    let shop = two();
    let context = shop.context().display().to_string();
    let (code, same) = report(&shop.rbuild(&["repro", "--json", "--against", "b", &context]));
    assert_eq!((code, &same["same"]), (0, &json!(true)), "{same:#}");
    // As it was published, byte for byte, however it was compressed.
    for form in ["gzip", "zstd", "uncompressed"] {
        let published = shop.arg(form);
        let output = format!("type=oci,tar=false,compression={form},dest={published}");
        shop.rbuild(&["-o", &output, &context]).ok();
        let against = format!("oci:{published}");
        let (code, same) = report(&shop.rbuild(&["repro", "--json", "--against", &against, &context]));
        assert_eq!((code, &same["same"], &same["layers"]), (0, &json!(true), &json!([])), "{form}: {same:#}");
    }
    if tools(&["skopeo"]) {
        // Another compressor made other bytes of the same layers.
        shop.rbuild(&["save", "--format", "oci", "-o", &shop.arg("b.tar"), "b"]).ok();
        let published = format!("oci:{}:b", shop.arg("published"));
        skopeo(&["copy", "-q", &format!("oci-archive:{}", shop.arg("b.tar")), &published]);
        let (code, same) = report(&shop.rbuild(&["repro", "--json", "--against", &published, &context]));
        assert_eq!((code, &same["same"], &same["same_image"]), (0, &json!(false), &json!(true)), "{same:#}");
    }
    let (code, other) = report(&shop.rbuild(&["repro", "--json", "--against", "store:a", &context]));
    assert_eq!(code, 1);
    let step = &other["layers"][0]["step"];
    assert_eq!(
        (&step["line"], &step["name"]),
        (&json!(4), &json!("[2/2] COPY --chmod=0700 dir /dir")),
        "{other:#}"
    );
    let said = shop.rbuild(&["repro", "-q", "--against", "a", &context]);
    assert!(said.out().contains(">>> COPY --chmod=0700 dir /dir"), "{}", said.out());
    assert!(said.out().contains("\ndifferent: sha256:"), "{}", said.out());
}
