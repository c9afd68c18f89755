//! Where the result of a build goes: outputs and pushes apart, and the names of both.

use super::args::{Asked, Stored};
use crate::export::{Annotation, Dress, Encode, Engine, Order, Output, PushTo};
use crate::layer::Compression;
use crate::oci::Reference;

/// What is written, what is pushed, and what the image is called besides its tags.
#[derive(Debug, Default)]
pub struct Destinations {
    /// What is written.
    pub outputs: Vec<Order>,
    /// What is pushed.
    pub pushes: Vec<PushTo>,
    /// A name for the image at its digest.
    pub dangling: Option<Reference>,
}

/// Sorts what `--output`, `--push` and `--load` ask for; names that outputs bring become names of the image, and each gets
/// the annotations of all before its own. COMPAT: `--push` turns `type=image` into a push, and is one of its own where
/// there is none, as in buildx.
pub fn destinations(
    asked: Vec<Asked>,
    push: bool,
    load: bool,
    annotations: &[Annotation],
    tags: &mut Vec<Reference>,
    engine: &dyn Fn(Option<&str>) -> Result<Engine, String>,
) -> Result<Destinations, String> {
    let mut all = Destinations::default();
    let mut pushed: Vec<Stored> = Vec::new();
    let mut has_engine = false;
    let mut into_engine = |context: Option<&str>, encode, dress| -> Result<Order, String> {
        has_engine = true;
        Ok(Order { output: Output::Engine(engine(context)?, encode), dress })
    };
    for one in asked {
        match one {
            Asked::Output(order) => all.outputs.push(order),
            Asked::Engine(context, encode, dress) => {
                all.outputs.push(into_engine(context.as_deref(), encode, dress)?);
            }
            Asked::Named(stored) if push => pushed.push(stored),
            Asked::Push(stored) => pushed.push(stored),
            Asked::Named(stored) if stored.to.by_digest => {
                return Err("push-by-digest=true needs push=true".to_string());
            }
            Asked::Named(stored) => {
                if stored.named_here {
                    add(tags, &stored.to.names);
                }
                all.dangling = stored.dangling(tags).or(all.dangling);
            }
            Asked::Nothing => {}
        }
    }
    if load && !has_engine {
        let encode = Encode { compression: Compression::Uncompressed, force: false };
        let output = Output::Engine(engine(None)?, encode);
        all.outputs.push(output.into());
    }
    if push && pushed.is_empty() {
        let to = PushTo {
            names: Vec::new(),
            encode: Encode::default(),
            by_digest: false,
            dress: Dress::default(),
        };
        pushed.push(Stored { to, named_here: true, dangling: None, dangling_only: false });
    }
    for stored in &mut pushed {
        let to = &mut stored.to;
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
    for stored in pushed.iter().filter(|stored| stored.named_here && !stored.to.by_digest) {
        add(tags, &stored.to.names);
    }
    all.dangling = pushed.iter().find_map(|stored| stored.dangling(tags)).or(all.dangling);
    all.pushes = pushed.into_iter().map(|stored| stored.to).collect();
    let dresses = all.outputs.iter_mut().map(|order| &mut order.dress);
    for dress in dresses.chain(all.pushes.iter_mut().map(|to| &mut to.dress)) {
        dress.annotations.splice(0..0, annotations.iter().cloned());
    }
    Ok(all)
}

impl Stored {
    fn dangling(&self, tags: &[Reference]) -> Option<Reference> {
        self.dangling.clone().filter(|_| !self.dangling_only || tags.is_empty())
    }
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
        let engine = |_: Option<&str>| Ok(Engine::Tcp("here".to_string()));
        let all = destinations(asked, push, false, &[], &mut tags, &engine)?;
        Ok((all.outputs.len(), all.pushes, tags.iter().map(|tag| tag.familiar()).collect()))
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
    fn an_engine_is_asked_for_once_and_annotations_of_all_come_before_an_outputs_own() {
        let asked =
            ["type=docker", "type=oci,dest=x,annotation.k=own"].map(|text| parse_output(text).expect(text));
        let all = crate::cli::args::annotation("k=all").expect("valid");
        let engine = |_: Option<&str>| Ok(Engine::Tcp("here".to_string()));
        let done = destinations(asked.to_vec(), false, true, &all, &mut Vec::new(), &engine).expect("valid");
        assert_eq!(done.outputs.len(), 2, "--load and type=docker are one");
        let values: Vec<&str> = done.outputs[1].dress.annotations.iter().map(|a| a.value.as_str()).collect();
        assert_eq!(values, ["all", "own"]);
        let dangling = vec![parse_output("type=image,dangling-name-prefix=h.example/x").expect("valid")];
        let done = destinations(dangling, false, false, &[], &mut Vec::new(), &engine).expect("valid");
        assert_eq!(done.dangling.map(|name| name.to_string()).as_deref(), Some("h.example/x"));
    }

    #[test]
    fn pushes_that_cannot_be_meant_are_refused() {
        assert!(sorted(&[], true, &[]).expect_err("no name").contains("needs a name"));
        for text in [
            "type=registry,push=false",
            "type=oci,push=true",
            "type=image,registry.insecure=true,push=true,name=a",
            "type=registry,dest=x,name=a",
            "type=image,name=a,push-by-digest=true",
        ] {
            assert!(sorted(&[text], false, &["a"]).is_err(), "{text}");
        }
    }
}
