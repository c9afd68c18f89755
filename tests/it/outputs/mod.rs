//! What `--output` and its kin can ask for, and what comes of it.

mod annotations;
mod engine;
mod forms;
mod real_engine;

use std::path::Path;

use serde_json::Value;

use crate::e2e::Workshop;

/// A workshop with a file and a Dockerfile without RUN.
pub fn shop() -> Workshop {
    let shop = Workshop::bare();
    shop.write("a", vec![b'a'; 300_000]);
    shop.write("Dockerfile", "FROM scratch\nCOPY a /\nCMD [\"/a\"]\n");
    shop
}

/// Builds with these flags.
pub fn build(shop: &Workshop, flags: &[&str]) -> crate::e2e::Said {
    let context = shop.context().display().to_string();
    shop.rbuild(&[&["build"], flags, &[&context]].concat())
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        .unwrap()
}

/// A document of a layout.
pub fn blob(layout: &Path, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap();
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(rbuild::oci::Digest::of(&bytes).to_string(), digest);
    assert_eq!(descriptor["size"], bytes.len());
    serde_json::from_slice(&bytes).unwrap()
}
