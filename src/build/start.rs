//! One build from its options to its outputs.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock};

use super::agents;
use super::bases::Bases;
use super::caches::Caches;
use super::checks;
use super::contexts;
use super::dockerfile::{Inputs, Reading};
use super::error::{Error, Excerpt, Failure};
use super::finish::{Built, finish};
use super::frontend::refused_frontend;
use super::held::Held;
use super::interrupt::Interrupt;
use super::lines::lines;
use super::numbers::Numbers;
use super::options::{DockerfileFrom, Options, Purpose, SecretSource};
use super::packing::Packing;
use super::permission::ask_whether_it_may_be_pushed;
use super::platforms::{Planned, Planning, Platforms};
use super::remotes::Remotes;
use super::repeat::run_twice;
use super::request::request;
use super::schedule::schedule;
use super::steps::Steps;
use super::traced::{Trace, Traced};
use crate::graph::{Location, StepId};
use crate::oci::{Digest, Reference};
use crate::plan::{self, Checks};
use crate::progress::{Event, Sink, Warning};
use crate::sandbox::{Cancel, ProcOf, proc_of};
use crate::store::Store;
use crate::worker::{Agents, Context, Ground, IdentityMemory, Image, NextNumber, Secrets, Worker};

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
    /// An image, and where it comes from, as was asked.
    Traced(Box<Traced>),
    /// Nothing, as was asked: this is what the build checks found.
    Checked(Vec<Finding>),
    /// Nothing yet: something must run, and this process cannot. Nothing was shown; begin again in a namespace, with what
    /// registries said of tags.
    NeedsNamespace(BTreeMap<Reference, Digest>),
}

/// What a build check found.
pub struct Finding {
    /// In its words.
    pub warning: plan::Warning,
    /// Where; none for what stands on the command line.
    pub excerpt: Option<Box<Excerpt>>,
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
    let caches = Arc::new(Caches::start(options, store, interrupt));
    let numbers = Numbers::default();
    let build = Build { options, store, sink: &held, interrupt, namespace, numbers, caches };
    let result = build.run(&held, stdin, stdout);
    // What was found before the first step, or by one that failed for another reason.
    build.warn_of_healed();
    if !matches!(result, Ok(Outcome::NeedsNamespace(_))) {
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
    caches: Arc<Caches>,
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
        let platforms = Platforms::of(self.options)?;
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
        let request = request(dockerfile, self.options, &context, inputs.commit_time);
        let located = |error: Error, location: Option<Location>| {
            let excerpt = inputs.excerpt(location);
            Failure { error, excerpt }
        };
        let refused = |error: plan::Error| {
            let location = error.location;
            located(Error::Plan(error), location)
        };
        let checks = Checks::read(&request.dockerfile, &request.build_args).map_err(refused)?;
        let mut told = checks.of_text(&request.dockerfile);
        self.tell(&told);
        let finder = Bases::new(self.store, self.options, Arc::clone(self.interrupt));
        let (options, numbers, sink) = (self.options, &self.numbers, self.sink);
        let planning = Planning { options, inputs: &inputs, finder: &finder, numbers, sink };
        let (planned, images) = planning.plan(request, &platforms)?;
        self.tell(&planned.warnings);
        let epoch = contexts::epoch(self.options, planned.images[0].epoch);
        let opening = contexts::Opening {
            graph: &planned.graph,
            options: self.options,
            remotes: &remotes,
            epoch,
            numbers: &self.numbers,
            sink: self.sink,
        };
        let mut resources = Resources {
            images,
            contexts: contexts::open(&opening, context, &inputs.dockerfile.path).map_err(|error| {
                let location = error.location();
                located(error, location)
            })?,
            agents: agents.agents.clone(),
        };
        let ignored = checks::ignored(&planned.copied, &planned.graph, &resources.contexts);
        self.tell(&ignored);
        told.extend(planned.warnings.iter().cloned().chain(ignored));
        if options.purpose == Purpose::Findings {
            let finding =
                |warning: plan::Warning| Finding { excerpt: inputs.excerpt(warning.location), warning };
            return Ok(Outcome::Checked(told.into_iter().map(finding).collect()));
        }
        if let Some(error) = checks.violation(told.iter()) {
            return Err(refused(error));
        }
        contexts::scan(
            &planned.graph,
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
        let built = self.attempts(&planned, &mut resources, &opening, held, stdout).map_err(|error| {
            let location = error.location();
            located(error, location)
        })?;
        Ok(match built {
            None => Outcome::NeedsNamespace(finder.asked()),
            Some((built, None)) => Outcome::Built(Box::new(built)),
            Some((built, Some(trace))) => {
                Outcome::Traced(Box::new(Traced { built, trace, dockerfile: inputs.dockerfile }))
            }
        })
    }

    /// Does the steps; again, from what is recorded by then, if something in the store turned out to be damaged.
    fn attempts(
        &self,
        planned: &Planned,
        resources: &mut Resources,
        opening: &contexts::Opening<'_>,
        held: &Held<'_>,
        stdout: &mut dyn Write,
    ) -> Result<Option<(Built, Option<Trace>)>, Error> {
        let mut attempt = 1;
        loop {
            let mut stdout = Counted { out: &mut *stdout, written: false };
            let result = self.attempt(attempt, planned, resources, held, &mut stdout);
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
        planned: &Planned,
        resources: &Resources,
        held: &Held<'_>,
        stdout: &mut dyn Write,
    ) -> Result<Option<(Built, Option<Trace>)>, Error> {
        let cancel = self.interrupt.attempt()?;
        let secrets = self.secrets();
        let worker = self.worker(resources, &secrets, &cancel);
        let targets: Vec<_> = planned.images.iter().map(|image| image.target.state).collect();
        let packing = Packing::new(&planned.graph, &targets, self.options, &self.caches);
        let steps = Steps::new(planned, &worker, &self.numbers, &self.caches, packing);
        if attempt == 1 {
            self.show_images(resources)?;
        }
        let pending = steps.look_up()?;
        let must_run = match self.options.purpose {
            Purpose::Repetition => steps.must_run(steps.all()),
            Purpose::Image | Purpose::Findings | Purpose::Lines => steps.must_run(pending.iter().copied()),
        };
        if self.namespace == Namespace::Needed && must_run {
            return Ok(None);
        }
        if !pending.is_empty() {
            held.release();
            steps.expect_runs(&pending);
            if attempt == 1 {
                ask_whether_it_may_be_pushed(self.options, &self.numbers, self.sink, &cancel)?;
            }
        }
        let built = self.perform(planned, &steps, &pending, held, stdout);
        let (sink, numbers) = (self.sink, &self.numbers);
        match &built {
            Ok(_) => {
                self.caches.export(&steps.records(), &steps.layers_of(&targets), sink, numbers)?;
            }
            // Nobody waits any more, or what was done is looked at again.
            Err(error) if matches!(error, Error::Interrupted) || error.is_lost() => {}
            Err(_) => {
                steps.packing.stop();
                let layers = steps.layers_of(&targets);
                self.caches.export_of_failed(&steps.records(), &layers, sink, numbers);
            }
        }
        built.map(Some)
    }

    /// Does what is left to do, and writes the outputs.
    fn perform(
        &self,
        planned: &Planned,
        steps: &Steps<'_>,
        pending: &[StepId],
        held: &Held<'_>,
        stdout: &mut dyn Write,
    ) -> Result<(Built, Option<Trace>), Error> {
        if !pending.is_empty() {
            if steps.must_run(pending.iter().copied()) && proc_of() == ProcOf::Container {
                let name = "[internal] sandbox: user namespace of a container";
                self.numbers.shown(self.sink, name, |step| {
                    let message =
                        "/proc is the container's, with the numbers that processes have there (docs/sandbox.md)".to_string();
                    self.sink.send(Event::Notice { step, message });
                    Ok(())
                })?;
            }
            steps.packing.begin(self.store);
            let done = schedule(steps, pending, self.options.jobs);
            match self.interrupt.is_fired() {
                // A failure may come of a directory that was changed on disk, and then it is no failure yet.
                false => steps.settle()?,
                true => steps.keep_done(),
            }
            done?;
            steps.packing.finish();
        }
        held.release();
        let trace = match self.options.purpose {
            Purpose::Image | Purpose::Findings => None,
            Purpose::Lines => Some(Trace { images: lines(planned, steps), twice: None }),
            Purpose::Repetition => {
                let twice = Some(run_twice(planned, steps, self.options.jobs)?);
                Some(Trace { images: lines(planned, steps), twice })
            }
        };
        // ORDER: what the second time left is made durable with the rest.
        Ok((finish(planned, steps, self.options, &self.numbers, stdout)?, trace))
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
            elsewhere: &*self.caches.imported,
            numbers: &self.numbers,
            secrets,
            agents: &resources.agents,
            sink: self.sink,
            cancel,
            ground: Ground::new(self.store.snapshots_dir()),
            loaded: Mutex::default(),
            trees: Mutex::default(),
            identities: IdentityMemory::default(),
            selections: Mutex::default(),
            believed: Mutex::default(),
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
        self.caches.warn(self.sink);
        healed.len()
    }

    fn tell(&self, warnings: &[plan::Warning]) {
        for warning in warnings {
            self.warn(warning.rule, &warning.message, warning.location.map(|location| location.first));
        }
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
