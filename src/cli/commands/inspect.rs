//! `rbuild inspect`

use serde_json::json;

use super::open::{failed, open};
use crate::build::{Found, KeptImages, kept};
use crate::cli::args::InspectArgs;
use crate::cli::display::escape;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::out;
use crate::cli::settings::one_platform;
use crate::cli::size::bytes;
use crate::store::Layer;

/// Shows one image.
pub fn inspect(args: &InspectArgs, environment: &Environment) -> Ending {
    match try_inspect(args, environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_inspect(args: &InspectArgs, environment: &Environment) -> Result<Ending, Ending> {
    let store = open(environment)?;
    let platform = args.platform.as_deref().map(one_platform).transpose().map_err(Ending::Failed)?;
    let kept = kept(&store, &args.image).map_err(failed)?;
    let image = kept.pick(&args.image, platform.as_ref()).map_err(failed)?;
    let layers = image.layers(&store).map_err(failed)?;
    out(&match args.json {
        true => as_json(&kept, image, &layers) + "\n",
        false => escape(&as_text(&kept, image, &layers)),
    })?;
    Ok(Ending::Code(0))
}

type Layers = [Option<std::sync::Arc<Layer>>];

fn as_json(kept: &KeptImages, image: &Found, layers: &Layers) -> String {
    let layers: Vec<_> = image
        .config
        .rootfs
        .diff_ids
        .iter()
        .zip(image.manifest.layers())
        .zip(layers)
        .map(|((diff_id, descriptor), layer)| {
            json!({
                "diffId": diff_id.to_string(),
                "digest": descriptor.digest().to_string(),
                "mediaType": descriptor.media_type().to_string(),
                "size": descriptor.size(),
                "uncompressedSize": layer.as_ref().map(|layer| layer.tar_size),
                "entries": layer.as_ref().map(|layer| layer.list.entries.len()),
            })
        })
        .collect();
    let mut value = json!({
        "names": image.names.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
        "digest": image.digest.to_string(),
        "id": image.id.to_string(),
        "config": image.config,
        "layers": layers,
    });
    if kept.index.is_some() {
        value["platform"] = json!(image.platform);
        value["index"] = json!({
            "digest": kept.top.digest.to_string(),
            "here": kept.images.iter().map(|image| image.platform.to_string()).collect::<Vec<_>>(),
            "missing": kept.missing(),
        });
    }
    serde_json::to_string_pretty(&value).expect("a value is JSON")
}

fn as_text(kept: &KeptImages, image: &Found, layers: &Layers) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("{name:<12} {value}\n"));
        }
    };
    let config = &image.config.config;
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().map_or(String::new(), |words| serde_json::to_string(words).expect("words are JSON"))
    };
    for (name, _) in &image.names {
        say("name", name.to_string());
    }
    if kept.index.is_some() {
        say("index", kept.top.digest.to_string());
        let all = kept.images.iter().map(|image| image.platform.to_string());
        let missing = kept.missing().into_iter().map(|platform| format!("{platform} (not here)"));
        say("platforms", all.chain(missing).collect::<Vec<_>>().join(", "));
    }
    say("digest", image.digest.to_string());
    say("id", image.id.to_string());
    say("platform", image.platform.to_string());
    say("created", image.config.created.clone().unwrap_or_default());
    say("user", config.user.clone());
    say("workdir", config.working_dir.clone());
    say("entrypoint", words(&config.entrypoint));
    say("cmd", words(&config.cmd));
    say("stop signal", config.stop_signal.clone().unwrap_or_default());
    if let Some(check) = &config.healthcheck {
        say("health", serde_json::to_string(check).expect("a check is JSON"));
    }
    for variable in &config.env {
        say("env", variable.clone());
    }
    for (name, value) in &config.labels {
        say("label", format!("{name}={value}"));
    }
    for port in config.exposed_ports.keys() {
        say("port", port.clone());
    }
    for volume in config.volumes.keys() {
        say("volume", volume.clone());
    }
    text.push_str("\nlayers\n");
    for (index, descriptor) in image.manifest.layers().iter().enumerate() {
        let layer = layers.get(index).and_then(Option::as_ref);
        let unpacked = layer.map_or("not in the store".to_string(), |layer| {
            format!("{} unpacked, {} entries", bytes(layer.tar_size), layer.list.entries.len())
        });
        text.push_str(&format!("  {}  {:>8}  ({unpacked})\n", descriptor.digest(), bytes(descriptor.size())));
    }
    text.push_str("\nhistory\n");
    for entry in &image.config.history {
        let mark = if entry.empty_layer { ' ' } else { '+' };
        text.push_str(&format!(
            "  {mark} {}\n",
            entry.created_by.as_deref().unwrap_or("-").replace('\n', " ")
        ));
    }
    text
}
