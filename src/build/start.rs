//! One build from its options to its outputs.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock};

use super::agents;
use super::bases::Bases;
use super::contexts;
use super::dockerfile::{Inputs, Reading};
use super::error::{Error, Failure};
use super::finish::{Built, finish};
use super::frontend::refused_frontend;
use super::held::Held;
use super::interrupt::Interrupt;
use super::numbers::Numbers;
use super::options::{DockerfileFrom, Options, SecretSource};
use super::packing::Packing;
use super::remotes::Remotes;
use super::request::request;
use super::schedule::schedule;
use super::steps::Steps;
use crate::graph::{Graph, ImageSource, Location};
use crate::plan::{self, Base, BaseKey, Plan};
use crate::progress::{Event, Sink, StepNumber, Warning};
use crate::sandbox::Cancel;
use crate::store::{NoSource, Store};
use crate::worker::{Agents, Chain, Context, Image, NextNumber, Secrets, Worker};

/// LIMIT: how often a build is tried again because something in the store turned out to be damaged. Each attempt removes
/// what it found, so a store with that many damaged objects needs that many.
const ATTEMPTS: usize = 64;

/// Whether a RUN can be done in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// It can.
    Ready,
    /// Only in a user namespace, which has to be entered first.
    Needed,
}

/// What came of a build.
pub enum Outcome {
    /// An image.
    Built(Box<Built>),
    /// Nothing yet: something must run, and this process cannot. Nothing was shown; begin again in a namespace.
    NeedsNamespace,
}

/// Builds. Progress goes to `sink`, outputs to standard output go to `stdout`; `stdin` is read if the options say so.
pub fn build(
    options: &Options,
    store: &Store,
    sink: &dyn Sink,
    interrupt: &Arc<Interrupt>,
    namespace: Namespace,
    stdin: Box<dyn Read + Send + '_>,
    stdout: &mut dyn Write,
) -> Result<Outcome, Failure> {
    interrupt.covers(store);
    let held = Held::new(sink);
    if namespace == Namespace::Ready {
        held.release();
    }
    let build = Build { options, store, sink: &held, interrupt, namespace, numbers: Numbers::default() };
    let result = build.run(&held, stdin, stdout);
    // What was found before the first step, or by one that failed for another reason.
    build.warn_of_healed();
    if !matches!(result, Ok(Outcome::NeedsNamespace)) {
        held.release();
    }
    match result {
        Err(_) if interrupt.is_fired() => Err(Error::Interrupted.into()),
        other => other,
    }
}

struct Build<'a> {
    options: &'a Options,
    store: &'a Store,
    sink: &'a dyn Sink,
    interrupt: &'a Arc<Interrupt>,
    namespace: Namespace,
    numbers: Numbers,
}

/// The images and contexts of a graph.
struct Resources {
    images: Vec<Image>,
    contexts: Vec<Context>,
    agents: Agents,
}

impl Build<'_> {
    fn run(
        &self,
        held: &Held<'_>,
        stdin: Box<dyn Read + Send + '_>,
        stdout: &mut dyn Write,
    ) -> Result<Outcome, Failure> {
        let _lease = self.store.lease().map_err(Error::from)?;
        let secrets = self.secrets();
        let agents = agents::start(self.options, self.store)?;
        let remotes = Remotes {
            store: self.store,
            options: self.options,
            secrets: &secrets,
            agent: agents.git.as_ref().map(|filter| filter.socket().to_path_buf()),
            interrupt: Arc::clone(self.interrupt),
            client: OnceLock::new(),
        };
        let (inputs, context) = self.numbers.shown(self.sink, &definition(self.options), |step| {
            let (options, store, sink) = (self.options, self.store, self.sink);
            let reading = Reading { options, store, remotes: &remotes, step, sink };
            let (inputs, context) = Inputs::read(&reading, stdin)?;
            let size = inputs.dockerfile.bytes.len();
            let message = format!("transferring {}: {size}B", inputs.dockerfile.name);
            self.sink.send(Event::Notice { step, message });
            Ok((inputs, context))
        })?;
        let dockerfile = inputs.parse()?;
        if let Some((error, location)) = refused_frontend(&dockerfile) {
            return Err(Failure { error, excerpt: inputs.excerpt(Some(location)) });
        }
        for warning in &dockerfile.warnings {
            self.warn(warning.rule, &warning.message, Some(dockerfile.lines.line_of(warning.span.start)));
        }
        let request = request(dockerfile, self.options, &context, inputs.commit_time);
        let located = |error: Error, location: Option<Location>| {
            let excerpt = inputs.excerpt(location);
            Failure { error, excerpt }
        };
        let mut bases = Found::default();
        let finder = Bases::new(self.store, self.options, Arc::clone(self.interrupt));
        let plan = loop {
            let outcome = plan::plan(&request, &bases.answers);
            let outcome = outcome.map_err(|e| {
                let location = e.location;
                located(Error::Plan(e), location)
            })?;
            match outcome {
                plan::Outcome::Ready(plan) => break plan,
                plan::Outcome::Needs(needs) => {
                    for need in needs {
                        bases.find(self, &finder, &need).map_err(|e| located(e, Some(need.location)))?;
                    }
                }
            }
        };
        for warning in &plan.warnings {
            self.warn(warning.rule, &warning.message, warning.location.map(|location| location.first));
        }
        let epoch = contexts::epoch(self.options, plan.image_epoch);
        let opening = contexts::Opening {
            graph: &plan.graph,
            options: self.options,
            remotes: &remotes,
            epoch,
            numbers: &self.numbers,
            sink: self.sink,
        };
        let mut resources = Resources {
            images: bases.images_of(&plan.graph),
            contexts: contexts::open(&opening, context, &inputs.dockerfile.path).map_err(|error| {
                let location = error.location();
                located(error, location)
            })?,
            agents: agents.agents.clone(),
        };
        contexts::scan(
            &plan.graph,
            &resources.contexts,
            self.options,
            self.store,
            epoch,
            &self.numbers,
            self.sink,
        )
        .map_err(|error| {
            let location = error.location();
            located(error, location)
        })?;
        let built = self.attempts(&plan, &mut resources, &opening, held, stdout).map_err(|error| {
            let location = error.location();
            located(error, location)
        })?;
        Ok(match built {
            Some(built) => Outcome::Built(Box::new(built)),
            None => Outcome::NeedsNamespace,
        })
    }

    /// Does the steps; again, from what is recorded by then, if something in the store turned out to be damaged.
    fn attempts(
        &self,
        plan: &Plan,
        resources: &mut Resources,
        opening: &contexts::Opening<'_>,
        held: &Held<'_>,
        stdout: &mut dyn Write,
    ) -> Result<Option<Built>, Error> {
        let mut attempt = 1;
        loop {
            let mut stdout = Counted { out: &mut *stdout, written: false };
            let result = self.attempt(attempt, plan, resources, held, &mut stdout);
            let written = stdout.written;
            let healed = self.warn_of_healed();
            match result {
                Err(Error::Interrupted) if self.interrupt.is_fired() => {
                    return Err(Error::Interrupted);
                }
                Err(error) => {
                    let is_lost = error.is_lost();
                    // What has gone to standard output cannot be taken back, so nothing may follow it.
                    if attempt == ATTEMPTS || written || (healed == 0 && !is_lost) {
                        return Err(error);
                    }
                    attempt += 1;
                    opening.heal(&mut resources.contexts, self.store)?;
                }
                Ok(done) => return Ok(done),
            }
        }
    }

    fn attempt(
        &self,
        attempt: usize,
        plan: &Plan,
        resources: &Resources,
        held: &Held<'_>,
        stdout: &mut dyn Write,
    ) -> Result<Option<Built>, Error> {
        let cancel = self.interrupt.attempt()?;
        let secrets = self.secrets();
        let worker = self.worker(resources, &secrets, &cancel);
        let packing = Packing::new(&plan.graph, &[plan.target.state], self.options);
        let steps = Steps::new(&plan.graph, &worker, &self.numbers, packing);
        if attempt == 1 {
            self.show_images(resources)?;
        }
        let pending = steps.look_up()?;
        if !pending.is_empty() {
            if self.namespace == Namespace::Needed && steps.must_run(&pending) {
                return Ok(None);
            }
            held.release();
            steps.packing.begin(self.store);
            schedule(&steps, &pending, self.options.jobs)?;
            steps.packing.finish();
        }
        held.release();
        let chain: Chain = worker.input_chain(plan.target.state, &steps.states);
        let built = finish(plan, &chain, &worker, self.options, &self.numbers, stdout)?;
        Ok(Some(built))
    }

    fn worker<'b>(
        &'b self,
        resources: &'b Resources,
        secrets: &'b Secrets,
        cancel: &'b Cancel,
    ) -> Worker<'b> {
        Worker {
            store: self.store,
            images: &resources.images,
            contexts: &resources.contexts,
            elsewhere: &NoSource,
            numbers: &self.numbers,
            secrets,
            agents: &resources.agents,
            sink: self.sink,
            cancel,
            snapshots: OnceLock::new(),
            loaded: Mutex::default(),
        }
    }

    /// Base images that are here whole are cached steps; the others are shown when they are fetched.
    fn show_images(&self, resources: &Resources) -> Result<(), Error> {
        for image in &resources.images {
            if image.is_here(self.store)? {
                let step = self.numbers.next();
                self.sink.send(Event::Started { step, name: image.name.clone() });
                self.sink.send(Event::Cached { step });
            }
        }
        Ok(())
    }

    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for (id, source) in &self.options.secrets {
            match source {
                SecretSource::File(path) => secrets.add_file(id, path.clone()),
                SecretSource::Value(value) => secrets.add_value(id, value.0.clone()),
            }
        }
        secrets
    }

    /// Tells what was damaged and dropped; how much that was.
    fn warn_of_healed(&self) -> usize {
        let healed = self.store.take_healed();
        healed.iter().for_each(|healed| self.warn("", &healed.to_string(), None));
        healed.len()
    }

    fn warn(&self, rule: &str, message: &str, line: Option<usize>) {
        let warning = Warning { rule: rule.to_string(), message: message.to_string(), line };
        self.sink.send(Event::Warned(warning));
    }
}

/// COMPAT: BuildKit's words.
fn definition(options: &Options) -> String {
    let name = match &options.dockerfile {
        DockerfileFrom::Path(path) => {
            path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
        }
        DockerfileFrom::Url(url) => url.to_string(),
        DockerfileFrom::Default | DockerfileFrom::Stdin => "Dockerfile".to_string(),
    };
    format!("[internal] load build definition from {name}")
}

/// A stream, and whether anything went into it.
struct Counted<'a> {
    out: &'a mut dyn Write,
    written: bool,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written = true;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// The base images found so far.
#[derive(Default)]
struct Found {
    answers: BTreeMap<BaseKey, Base>,
    images: BTreeMap<BaseKey, Image>,
}

impl Found {
    fn find(
        &mut self,
        build: &Build<'_>,
        finder: &Bases<'_>,
        request: &plan::BaseRequest,
    ) -> Result<(), Error> {
        let name = format!("[internal] load metadata for {}", request.key.name);
        let found = build.numbers.shown(build.sink, &name, |step: StepNumber| {
            let found = finder.resolve(request)?;
            build.sink.send(Event::Notice { step, message: found.notice.clone() });
            Ok(found)
        })?;
        self.answers.insert(request.key.clone(), found.base);
        self.images.insert(request.key.clone(), found.image);
        Ok(())
    }

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
