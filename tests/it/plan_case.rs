//! A golden case of the plan: `Dockerfile`, `request.json` where something else than a plain build is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rbuild::dockerfile::parse;
use rbuild::graph::{HostEntry, ImageName, Network, Ulimit};
use rbuild::oci::{Config, DiffId, Digest, Epoch, History, ImageConfig, Platform};
use rbuild::plan::{Base, BaseKey, BaseRequest, LayerEpoch, NamedContext, NoCache, Outcome, Request, plan};
use serde_json::Value;

use crate::plan_dump::{dump, lines};

/// What a case comes to, as text.
pub fn run(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("Dockerfile")).expect("a case has a Dockerfile");
    let json = fs::read_to_string(folder.join("request.json")).unwrap_or_else(|_| "{}".to_string());
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let parsed = match parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return format!("error: {error}\n"),
    };
    let request = request(parsed, &json);
    let mut bases = BTreeMap::new();
    let mut out = String::new();
    for _ in 0..20 {
        match plan(&request, &bases) {
            Err(error) => {
                out += &format!("error: {error}\n");
                out += &error.location.map(|at| format!("at: {}\n", lines(at))).unwrap_or_default();
                out += &error.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                return out;
            }
            Ok(Outcome::Ready(plan)) => return out + &dump(&plan),
            Ok(Outcome::Needs(questions)) => {
                assert!(!questions.is_empty(), "a question that asks nothing");
                for question in &questions {
                    let near = question.near.as_ref().map(|n| format!(" (did you mean {n}?)"));
                    out += &format!(
                        "asks: {} for {}, {}{}\n",
                        question.key.name,
                        question.key.platform,
                        lines(question.location),
                        near.unwrap_or_default()
                    );
                }
                let before = bases.len();
                answer(&json["images"], &questions, &mut bases);
                if bases.len() == before {
                    return out;
                }
            }
        }
    }
    panic!("{}: it asks without end", folder.display());
}

fn request(dockerfile: rbuild::dockerfile::Dockerfile, json: &Value) -> Request {
    let known: BTreeSet<&str> = "images target build_args labels platform build_platform multi_platform contexts \
        has_context image_epoch fallback_epoch layer_epoch no_cache proxies network allow_insecure allow_host_network hosts shm_size ulimits"
        .split_whitespace()
        .collect();
    for name in json.as_object().expect("request.json is an object").keys() {
        assert!(known.contains(name.as_str()), "request.json: {name} is not known");
    }
    let platform = |name: &str| json[name].as_str().map(|text| text.parse::<Platform>().expect("a platform"));
    let amd64 = Platform::new("linux", "amd64", None);
    let mut request = Request::new(dockerfile, platform("platform").unwrap_or_else(|| amd64.clone()));
    request.platform_requested = json["platform"].is_string();
    request.build_platform = platform("build_platform").unwrap_or(amd64);
    request.multi_platform = json["multi_platform"] == true;
    request.target = json["target"].as_str().map(str::to_string);
    request.build_args = strings(&json["build_args"]).into_iter().collect();
    request.labels = strings(&json["labels"]);
    request.proxies = strings(&json["proxies"]);
    request.hosts =
        strings(&json["hosts"]).into_iter().map(|(name, address)| HostEntry { name, address }).collect();
    for (name, value) in strings(&json["contexts"]) {
        let context = match value.as_str() {
            "files" => NamedContext::Files,
            reference => NamedContext::Image(ImageName::Reference(reference.parse().expect("a reference"))),
        };
        request.contexts.insert(name, context);
    }
    request.has_context = json["has_context"] != false;
    request.image_epoch = json["image_epoch"].as_i64().map(Epoch);
    request.fallback_epoch = json["fallback_epoch"].as_i64().map_or(request.fallback_epoch, Epoch);
    request.layer_epoch = match &json["layer_epoch"] {
        Value::String(text) if text == "source" => LayerEpoch::Source,
        Value::String(text) if text == "preserve" => LayerEpoch::Preserve,
        Value::Number(number) => LayerEpoch::Constant(Epoch(number.as_i64().expect("seconds"))),
        _ => request.layer_epoch,
    };
    request.no_cache = match &json["no_cache"] {
        Value::Bool(true) => NoCache::Always,
        Value::Array(names) => {
            NoCache::Stages(names.iter().map(|n| n.as_str().expect("a name").to_string()).collect())
        }
        _ => NoCache::Never,
    };
    request.network = match json["network"].as_str() {
        Some("none") => Network::None,
        Some("host") => Network::Host,
        _ => Network::Default,
    };
    request.allow_insecure = json["allow_insecure"] == true;
    request.allow_host_network = json["allow_host_network"] == true;
    request.shm_size = json["shm_size"].as_u64();
    for (name, value) in strings(&json["ulimits"]) {
        let (soft, hard) = value.split_once(':').expect("soft:hard");
        let number = |text: &str| text.parse().expect("a limit");
        request.ulimits.push(Ulimit { name, soft: number(soft), hard: number(hard) });
    }
    request
}

fn strings(json: &Value) -> Vec<(String, String)> {
    let pair = |(name, value): (&String, &Value)| (name.clone(), value.as_str().expect("text").to_string());
    json.as_object().map(|object| object.iter().map(pair).collect()).unwrap_or_default()
}

/// Answers each question: with the config that the case gives, with nothing where it gives null, else with a small image.
fn answer(images: &Value, questions: &[BaseRequest], bases: &mut BTreeMap<BaseKey, Base>) {
    for question in questions {
        let name = question.key.name.to_string();
        let platform = &question.key.platform;
        let config = match images.as_object().and_then(|images| images.get(&name)) {
            Some(Value::Null) => continue,
            Some(config) => serde_json::from_value(config.clone()).expect("an image config"),
            None => small(&name, platform),
        };
        let base = Base { manifest: Digest::of(name.as_bytes()), config, platform: platform.clone() };
        bases.insert(question.key.clone(), base);
    }
}

fn small(name: &str, platform: &Platform) -> ImageConfig {
    let mut config = ImageConfig::empty(platform);
    config.created = Some("2020-02-02T02:02:02Z".to_string());
    config.config = Config { env: vec!["PATH=/bin".to_string()], ..Config::default() };
    config.config.cmd = Some(vec!["sh".to_string()]);
    config.rootfs.diff_ids = vec![DiffId(Digest::of(name.as_bytes()))];
    config.history = vec![History {
        created: config.created.clone(),
        created_by: Some("ADD rootfs.tar / # buildkit".to_string()),
        comment: Some("buildkit.dockerfile.v0".to_string()),
        ..History::default()
    }];
    config
}
