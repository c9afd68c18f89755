//! Annotations, of all outputs and of one, on each of the four documents.

use serde_json::json;

use super::{blob, build, json, shop};

#[test]
fn annotations_stand_where_their_level_says() {
    let shop = shop();
    let layout = shop.arg("layout");
    let output = format!(
        "type=oci,tar=false,dest={layout},annotation.own=o,annotation-manifest[linux/arm64].arm=only,annotation.all=o2"
    );
    build(
        &shop,
        &[
            "--platform=linux/amd64,linux/arm64",
            "-t",
            "app:1",
            "--annotation",
            "all=1",
            "--annotation",
            "index,manifest-descriptor[linux/amd64]:both=a=b",
            "--annotation",
            "index-descriptor:top=yes",
            "-o",
            &output,
        ],
    )
    .ok();
    let layout = shop.at("layout");
    let entry = &json(&layout.join("index.json"))["manifests"][0];
    assert_eq!(entry["annotations"]["top"], "yes");
    let index = blob(&layout, entry);
    assert_eq!(index["annotations"], json!({"both": "a=b"}));
    let (amd, arm) = (&index["manifests"][0], &index["manifests"][1]);
    assert_eq!(amd["annotations"], json!({"both": "a=b"}));
    assert_eq!(arm.get("annotations"), None);
    assert_eq!(blob(&layout, amd)["annotations"], json!({"all": "o2", "own": "o"}));
    assert_eq!(blob(&layout, arm)["annotations"], json!({"all": "o2", "own": "o", "arm": "only"}));
    // The image in the store has those of all outputs, and not those of one.
    shop.rbuild(&["copy", "--all", "app:1", &format!("oci:{}", shop.arg("kept"))]).ok();
    let kept = shop.at("kept");
    let index = blob(&kept, &json(&kept.join("index.json"))["manifests"][0]);
    assert_eq!(index["annotations"], json!({"both": "a=b"}));
    assert_eq!(blob(&kept, &index["manifests"][1])["annotations"], json!({"all": "1"}));
}

#[test]
fn a_single_image_has_annotations_of_its_manifest_and_none_of_an_index() {
    let shop = shop();
    let (layout, metadata) = (shop.arg("layout"), shop.arg("metadata.json"));
    let output = format!("type=oci,tar=false,dest={layout}");
    let flags = ["--annotation", "manifest-descriptor:d=1", "--annotation", "m=2", "-o", &output];
    build(&shop, &[&flags[..], &["--metadata-file", &metadata]].concat()).ok();
    let layout = shop.at("layout");
    let entry = &json(&layout.join("index.json"))["manifests"][0];
    assert_eq!(entry["annotations"]["d"], "1");
    assert_eq!(blob(&layout, entry)["annotations"], json!({"m": "2"}));
    assert_eq!(json(&shop.at("metadata.json"))["containerimage.descriptor"]["annotations"]["d"], "1");
    for (flag, part) in [
        ("index:k=v", "no index above a single image"),
        ("manifest[linux/s390x]:k=v", "no image for linux/s390x"),
        ("layer:k=v", "no level"),
        ("novalue", "KEY=VALUE"),
    ] {
        build(&shop, &["--annotation", flag]).fails(&[part]).never_says(&["exporting"]);
    }
}
