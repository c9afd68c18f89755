//! The platforms of a build, and the plans for all of them as one.

use std::collections::BTreeMap;

use super::bases::Bases;
use super::dockerfile::Inputs;
use super::error::{Error, Failure};
use super::numbers::Numbers;
use super::options::Options;
use crate::export::{Dress, Error as ExportError};
use crate::graph::{Graph, ImageSource, Joined, Location};
use crate::oci::{Epoch, Platform};
use crate::plan::{
    Base, BaseKey, BaseRequest, Copied, LayerEpoch, Outcome, Plan, Request, Target, Warning, plan,
};
use crate::progress::{Event, Sink};
use crate::worker::Image;

/// What is built for.
#[derive(Clone, Debug)]
pub struct Platforms {
    /// In the order in which they were asked for, each once; none for that of this machine.
    pub list: Vec<Platform>,
    /// Whether there is an index above the images.
    pub indexed: bool,
}

/// What all platforms need, and what is made of it for each.
pub struct Planned {
    /// All steps: what several platforms share is there once.
    pub graph: Graph,
    /// The images, in the order of the platforms.
    pub images: Vec<Wanted>,
    /// Whether there is an index above them.
    pub indexed: bool,
    /// What was noticed, each once.
    pub warnings: Vec<Warning>,
    /// What is copied from the build context, each once.
    pub copied: Vec<Copied>,
}

/// One image.
pub struct Wanted {
    /// What it is for.
    pub platform: Platform,
    /// What it is made of, in the graph of all.
    pub target: Target,
    /// Its epoch.
    pub epoch: Epoch,
}

impl Platforms {
    /// Those that `options` ask for. COMPAT: the build argument is BuildKit's, for an index above a single image.
    pub fn of(options: &Options) -> Result<Platforms, Error> {
        let mut list: Vec<Platform> = Vec::new();
        for platform in &options.platforms {
            if !list.contains(platform) {
                list.push(platform.clone());
            }
        }
        let asked = options.build_args.get("BUILDKIT_MULTI_PLATFORM").filter(|value| !value.is_empty());
        let indexed = match asked.map(String::as_str) {
            None => list.len() > 1,
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") if list.len() <= 1 => false,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => {
                let message =
                    "BUILDKIT_MULTI_PLATFORM says no index, and --platform asks for several platforms";
                return Err(Error::Usage(message.to_string()));
            }
            Some(other) => {
                return Err(Error::Usage(format!("BUILDKIT_MULTI_PLATFORM={other}: expected true or false")));
            }
        };
        let platforms = Platforms { list, indexed };
        // Said before anything is done.
        if indexed && !options.outputs.iter().all(|order| order.output.takes_index()) {
            return Err(ExportError::OneImage(platforms.names()).into());
        }
        let host = [Platform::host()];
        let there = if platforms.list.is_empty() { &host[..] } else { &platforms.list };
        let kept = Dress { annotations: options.annotations.clone(), ..Dress::default() };
        let dresses = options.outputs.iter().map(|order| &order.dress);
        for dress in dresses.chain(options.pushes.iter().map(|to| &to.dress)).chain([&kept]) {
            dress.check(there, indexed)?;
        }
        Ok(platforms)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.list.iter().map(ToString::to_string).collect();
        if names.is_empty() { Platform::host().to_string() } else { names.join(", ") }
    }
}

/// Plans for every platform; finds the base images on the way.
pub struct Planning<'a> {
    /// What is asked for.
    pub options: &'a Options,
    /// The Dockerfile, for messages.
    pub inputs: &'a Inputs,
    /// Who finds base images.
    pub finder: &'a Bases<'a>,
    /// Numbers for the display.
    pub numbers: &'a Numbers,
    /// Who watches.
    pub sink: &'a dyn Sink,
}

impl Planning<'_> {
    /// One plan for all of `platforms`, and the images of its graph. `request` is for no platform yet.
    pub fn plan(&self, request: Request, platforms: &Platforms) -> Result<(Planned, Vec<Image>), Failure> {
        let mut requests = vec![Request { multi_platform: platforms.indexed, ..request }];
        if let Some((first, others)) = platforms.list.split_first() {
            requests[0].platform = first.clone();
            requests[0].platform_requested = true;
            for platform in others {
                requests.push(Request { platform: platform.clone(), ..requests[0].clone() });
            }
        }
        let mut found = Found::default();
        let mut plans: Vec<Plan> = Vec::new();
        for request in &requests {
            plans.push(self.plan_one(request, &mut found)?);
        }
        let planned = self.join(plans, &requests)?;
        let images = found.images_of(&planned.graph);
        Ok((planned, images))
    }

    fn plan_one(&self, request: &Request, found: &mut Found) -> Result<Plan, Failure> {
        loop {
            let outcome = plan(request, &found.answers).map_err(|error| {
                let location = error.location;
                match request.multi_platform {
                    true => self.located(
                        Error::PlanFor(Box::new(request.platform.clone()), Box::new(error)),
                        location,
                    ),
                    false => self.located(Error::Plan(error), location),
                }
            })?;
            match outcome {
                Outcome::Ready(plan) => return Ok(*plan),
                Outcome::Needs(needs) => {
                    for need in needs {
                        self.find(request, &need, found).map_err(|e| self.located(e, Some(need.location)))?;
                    }
                }
            }
        }
    }

    fn find(&self, request: &Request, need: &BaseRequest, found: &mut Found) -> Result<(), Error> {
        let platform = match request.multi_platform {
            true => format!("{} ", need.key.platform),
            false => String::new(),
        };
        let name = format!("[{platform}internal] load metadata for {}", need.key.name);
        let resolved = self.numbers.shown(self.sink, &name, |step| {
            let resolved = self.finder.resolve(need)?;
            self.sink.send(Event::Notice { step, message: resolved.notice.clone() });
            Ok(resolved)
        })?;
        found.answers.insert(need.key.clone(), resolved.base);
        found.images.insert(need.key.clone(), resolved.image);
        Ok(())
    }

    fn join(&self, mut plans: Vec<Plan>, requests: &[Request]) -> Result<Planned, Failure> {
        let epoch = plans.first().map(|plan| plan.image_epoch);
        if self.options.layer_epoch == LayerEpoch::Source
            && plans.iter().any(|plan| Some(plan.image_epoch) != epoch)
        {
            let message = "--layer-epoch source: the platforms have different dates, and share their context: \
                           give --source-date-epoch";
            return Err(Error::Usage(message.to_string()).into());
        }
        let single = plans.len() == 1;
        let warnings = once(plans.iter_mut().flat_map(|plan| std::mem::take(&mut plan.warnings)));
        let copied = match single {
            true => std::mem::take(&mut plans[0].copied),
            false => once(plans.iter_mut().flat_map(|plan| std::mem::take(&mut plan.copied))),
        };
        let mut joined = Joined::default();
        let mut images = Vec::with_capacity(plans.len());
        for (Plan { graph, mut target, image_epoch, .. }, request) in plans.into_iter().zip(requests) {
            match single {
                true => joined.graph = graph,
                false => target.state = joined.add(graph, target.state),
            }
            let platform = match request.platform_requested {
                true => request.platform.clone(),
                false => target.platform.clone(),
            };
            images.push(Wanted { platform, target, epoch: image_epoch });
        }
        let indexed = requests.iter().any(|request| request.multi_platform);
        Ok(Planned { graph: joined.graph, images, indexed, warnings, copied })
    }

    fn located(&self, error: Error, location: Option<Location>) -> Failure {
        Failure { error, excerpt: self.inputs.excerpt(location) }
    }
}

/// What all plans say, each once, in the order in which it is first said.
fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// The base images found so far.
#[derive(Default)]
struct Found {
    answers: BTreeMap<BaseKey, Base>,
    images: BTreeMap<BaseKey, Image>,
}

impl Found {
    /// The images of a graph, in its order.
    fn images_of(&mut self, graph: &Graph) -> Vec<Image> {
        let image = |source: &ImageSource| {
            let key = BaseKey { name: source.name.clone(), platform: source.platform.clone() };
            let mut image =
                self.images.remove(&key).expect("the plan uses each image that it was told of once");
            image.name = source.label.to_string();
            image
        };
        graph.images.iter().map(image).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::options::Context;
    use crate::export::{Destination, Encode, Output};

    fn platforms(list: &[&str], multi: Option<&str>) -> Result<(usize, bool), String> {
        let mut options = Options::new(Context::Stdin);
        options.platforms = list.iter().map(|text| text.parse().expect("valid")).collect();
        if let Some(value) = multi {
            options.build_args.insert("BUILDKIT_MULTI_PLATFORM".to_string(), value.to_string());
        }
        let platforms = Platforms::of(&options).map_err(|e| e.to_string())?;
        Ok((platforms.list.len(), platforms.indexed))
    }

    #[test]
    fn the_same_platform_twice_is_one_and_one_has_no_index_unless_asked_for() {
        assert_eq!(platforms(&[], None), Ok((0, false)));
        assert_eq!(platforms(&["linux/arm64", "linux/aarch64"], None), Ok((1, false)));
        assert_eq!(platforms(&["linux/arm64"], Some("1")), Ok((1, true)));
        assert_eq!(platforms(&["linux/arm64", "linux/amd64"], Some("")), Ok((2, true)));
        let error = platforms(&["linux/arm64", "linux/amd64"], Some("false")).expect_err("a contradiction");
        assert!(error.contains("several platforms"), "{error}");
        assert!(platforms(&[], Some("maybe")).expect_err("no boolean").contains("maybe"));
    }

    #[test]
    fn an_archive_for_docker_of_several_platforms_is_refused_before_anything_is_done() {
        let mut options = Options::new(Context::Stdin);
        options.outputs = vec![Output::DockerArchive(Destination::Stdout, Encode::default()).into()];
        assert!(Platforms::of(&options).is_ok());
        options.platforms = ["amd64", "arm64"].map(|text| text.parse().expect("valid")).to_vec();
        let error = Platforms::of(&options).expect_err("two").to_string();
        assert!(error.contains("linux/amd64, linux/arm64") && error.contains("type=oci"), "{error}");
    }
}
