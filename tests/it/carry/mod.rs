//! Whole images between store, archives, layouts and registries, with other people's tools on the other end.

mod archives;
mod damage;
mod listed;
mod places;

use std::process::Command;

use serde_json::Value;

use crate::e2e::{Said, Workshop, finish};

/// A workshop whose store has `app:1` (also called `second:2`): two layers, no RUN.
pub fn shop() -> Workshop {
    let shop = Workshop::bare();
    shop.write("a", vec![b'a'; 300_000]);
    shop.write("b", "the second layer");
    shop.write("Dockerfile", "FROM scratch\nCOPY a /\nCOPY b /dir/\nENV A=1\nCMD [\"/a\"]\n");
    let context = shop.context().display().to_string();
    shop.rbuild(&["-t", "app:1", "-t", "second:2", &context]).ok();
    shop
}

/// What `inspect` says of an image of the store.
#[track_caller]
pub fn inspect(shop: &Workshop, name: &str) -> Value {
    serde_json::from_slice(&shop.rbuild(&["inspect", "--json", name]).ok().stdout).expect("JSON")
}

#[track_caller]
pub fn skopeo(args: &[&str]) -> Said {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(args);
    finish(command, b"").ok()
}

/// The digest that skopeo sees.
#[track_caller]
pub fn digest_of(args: &[&str]) -> String {
    let said = skopeo(&[&["inspect", "--format", "{{.Digest}}"], args].concat());
    said.out().trim().to_string()
}
