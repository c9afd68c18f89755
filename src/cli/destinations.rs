//! Where the result of a build goes: outputs and pushes apart, and the names of both.

use super::args::Asked;
use crate::export::{Encode, Output, PushTo};
use crate::oci::Reference;

/// Sorts what `--output` and `--push` ask for; names that outputs bring become names of the image. COMPAT: `--push` turns
/// `type=image` into a push, and is one of its own where there is none, as in buildx.
pub fn destinations(
    asked: Vec<Asked>,
    push: bool,
    tags: &mut Vec<Reference>,
) -> Result<(Vec<Output>, Vec<PushTo>), String> {
    let (mut outputs, mut pushes) = (Vec::new(), Vec::new());
    for one in asked {
        match one {
            Asked::Output(output) => outputs.push(output),
            Asked::Named(to) if push => pushes.push(to),
            Asked::Push(to) => pushes.push(to),
            Asked::Named(to) if to.by_digest => return Err("push-by-digest=true needs push=true".to_string()),
            Asked::Named(to) => add(tags, &to.names),
        }
    }
    if push && pushes.is_empty() {
        pushes.push(PushTo { names: Vec::new(), encode: Encode::default(), by_digest: false });
    }
    for to in &mut pushes {
        if to.names.is_empty() {
            to.names.clone_from(tags);
        }
        if to.names.is_empty() {
            return Err("a push needs a name: --tag, or name= in --output".to_string());
        }
        if let Some(name) = to.names.iter().find(|name| name.digest.is_some()) {
            return Err(format!("{}: what is pushed gets the digest that it has", name.familiar()));
        }
    }
    // What is pushed by digest alone has no name.
    for to in pushes.iter().filter(|to| !to.by_digest) {
        add(tags, &to.names);
    }
    Ok((outputs, pushes))
}

fn add(tags: &mut Vec<Reference>, names: &[Reference]) {
    for name in names {
        if !tags.contains(name) {
            tags.push(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::parse_output;

    fn sorted(
        outputs: &[&str],
        push: bool,
        tag: &[&str],
    ) -> Result<(usize, Vec<PushTo>, Vec<String>), String> {
        let asked = outputs.iter().map(|text| parse_output(text)).collect::<Result<_, _>>()?;
        let mut tags = tag.iter().map(|tag| tag.parse().expect("valid")).collect();
        let (outputs, pushes) = destinations(asked, push, &mut tags)?;
        Ok((outputs.len(), pushes, tags.iter().map(|tag| tag.familiar()).collect()))
    }

    #[test]
    fn a_push_takes_its_names_from_the_tags_or_brings_its_own() {
        let (_, pushes, _) = sorted(&[], true, &["h.example/a:1", "h.example/b:1"]).expect("valid");
        assert_eq!(pushes[0].names.len(), 2);
        let (_, pushes, tags) =
            sorted(&[r#"type=registry,"name=h.example/a:1,h.example/b:2""#], false, &["c:1"]).expect("valid");
        assert_eq!((pushes.len(), pushes[0].names.len()), (1, 2));
        assert_eq!(tags.len(), 3);
        let (_, pushes, tags) = sorted(&["type=image,name=h.example/a:1"], false, &[]).expect("valid");
        assert_eq!((pushes.len(), tags), (0, vec!["h.example/a:1".to_string()]));
        let image = "type=image,name=h.example/a,push-by-digest=true,name-canonical=true,push=true";
        let (_, pushes, tags) = sorted(&[image], true, &[]).expect("valid");
        assert!(pushes.len() == 1 && pushes[0].by_digest && tags.is_empty());
    }

    #[test]
    fn pushes_that_cannot_be_meant_are_refused() {
        assert!(sorted(&[], true, &[]).expect_err("no name").contains("needs a name"));
        for text in [
            "type=registry,push=false",
            "type=oci,name=a",
            "type=image,registry.insecure=true,push=true,name=a",
            "type=registry,dest=x,name=a",
            "type=image,name=a,push-by-digest=true",
        ] {
            assert!(sorted(&[text], false, &["a"]).is_err(), "{text}");
        }
    }
}
