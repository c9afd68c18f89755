//! Layers go to a remote cache while later steps are done; and what becomes of that when something ends too early.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::Signal;

use crate::e2e::{Said, Workshop, noise};
use crate::registry_proxy::{Asked, Proxy, count};
use crate::registry_server::Registry;
use crate::remote::server::{Answered, Server};
use crate::robust::Running;

struct World {
    _dir: tempfile::TempDir,
    _registry: Registry,
    proxy: Proxy,
}

impl World {
    fn new() -> Option<World> {
        let (dir, registry) = Registry::fresh()?;
        let proxy = Proxy::before(registry.port);
        Some(World { _dir: dir, _registry: registry, proxy })
    }

    fn to(&self, mode: &str) -> String {
        format!("--cache-to=type=registry,ref={},mode={mode}", self.proxy.name("team/app:cache"))
    }

    fn from(&self) -> String {
        format!("--cache-from=type=registry,ref={}", self.proxy.name("team/app:cache"))
    }
}

/// Two that go on only when both are there.
#[derive(Default)]
struct Meeting {
    here: Mutex<[bool; 2]>,
    changed: Condvar,
}

impl Meeting {
    /// Whether the other one came.
    fn arrive(&self, who: usize) -> bool {
        let mut here = self.here.lock().unwrap();
        here[who] = true;
        self.changed.notify_all();
        let limit = Duration::from_secs(60);
        let alone = |here: &mut [bool; 2]| !(here[0] && here[1]);
        let (here, _) = self.changed.wait_timeout_while(here, limit, alone).unwrap();
        here[0] && here[1]
    }
}

fn is_upload(asked: &Asked) -> bool {
    asked.method == "PUT" && asked.path.contains("/blobs/uploads/")
}

const DEPENDENCIES: u32 = 2_000_000;
const PART: u32 = 300_000;

#[test]
fn a_layer_is_on_its_way_while_later_steps_are_done() {
    for mode in ["min", "max"] {
        let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
        shop.write("deps/noise", noise(3, DEPENDENCIES));
        // The last steps end only when a layer is being sent, and its sending ends only when they have begun.
        let meeting = Arc::new(Meeting::default());
        let steps = Arc::clone(&meeting);
        let server = Server::start(move |_| Answered::new(if steps.arrive(0) { 200 } else { 500 }, "met\n"));
        world.proxy.troubled(move |asked| (is_upload(asked) && !meeting.arrive(1)).then_some(403));
        let file = format!(
            "FROM busybox AS work\nCOPY deps /deps\nRUN head -c {PART} /deps/noise > /part\n\
             FROM busybox\nCOPY --from=work /part /part\n\
             RUN --network=host wget -q -O /gate {}\nRUN cat /gate > /last\n",
            server.url("/gate")
        );
        let said = shop.build(&file, &["--allow", "network.host", &world.to(mode)]).ok();
        said.says(&["of them beside the steps"]).never_says(&["was not written"]);
        assert_eq!(server.asked().len(), 1, "{mode}");
        let log = world.proxy.take();
        let sent: usize = log.iter().map(|asked| asked.sent).sum();
        let wanted = if mode == "min" { PART } else { DEPENDENCIES + PART } as usize;
        assert!((wanted..wanted + 50_000).contains(&sent), "{mode}: {sent} bytes went up");
        // The records come when everything that they name is there.
        let last = log.last().unwrap();
        assert_eq!((last.method.as_str(), last.path.as_str()), ("PUT", "/v2/team/app/manifests/cache"));
        let first_manifest = log.iter().position(|a| a.method == "PUT" && a.path.contains("/manifests/"));
        let layers = log.iter().rposition(|a| a.method == "PUT" && a.sent >= PART as usize);
        assert!(layers < first_manifest, "{log:#?}");

        // All of it is found by another machine, which does not ask the gate.
        let other = Workshop::new().unwrap();
        other.write("deps/noise", noise(3, DEPENDENCIES));
        let said = other.build(&file, &["--allow", "network.host", &world.from()]).ok();
        said.never_says(&["warning"]);
        assert_eq!(server.asked().len(), 0, "{mode}");
    }
}

fn many(steps: usize) -> String {
    let runs: String = (0..steps).map(|step| format!("RUN echo ran-\"{step}\" | tee /{step}\n")).collect();
    format!("FROM busybox\n{runs}")
}

fn times(said: &Said, text: &str) -> usize {
    said.stderr.matches(text).count()
}

#[test]
fn a_cache_that_dies_between_two_layers_is_one_warning_and_not_asked_for_each() {
    for (status, most) in [(403, 12), (503, 45)] {
        let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
        let (dead, after) = (AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
        let asked_after = Arc::clone(&after);
        world.proxy.troubled(move |asked| {
            // The first layer gets through.
            let is_dead = dead.load(Ordering::SeqCst);
            dead.fetch_or(is_upload(asked), Ordering::SeqCst);
            asked_after.fetch_add(usize::from(is_dead), Ordering::SeqCst);
            is_dead.then_some(status)
        });
        let said = shop.build(&many(12), &[&world.to("max")]).ok();
        assert_eq!((times(&said, "was not written"), times(&said, "is not used")), (1, 0), "{}", said.stderr);
        let after = after.load(Ordering::SeqCst);
        assert!((1..=most).contains(&after), "{status}: {after} requests to a dead cache");
        assert_eq!(shop.rbuild(&["run", "it", "--", "cat", "/11"]).ok().out(), "ran-11\n");

        // Who insists fails, with the image done.
        let must = format!("{},ignore-error=false", world.to("max"));
        shop.again(&[&must]).fails(&["cannot write the cache", "team/app:cache"]);
    }
}

#[test]
fn a_push_takes_over_what_the_cache_got_beside_the_steps() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    shop.write("noise", noise(5, PART));
    let file = "FROM busybox\nCOPY noise /noise\nRUN echo done > /done\n";
    let to = format!("type=registry,name={}", world.proxy.name("team/image:1"));
    let said = shop.build(file, &[&world.to("min"), "-o", &to]).ok();
    said.says(&["of them beside the steps", "mounted from another repository"]);
    let log = world.proxy.take();
    let size = PART as usize..PART as usize + 10_000;
    let uploads = |repository: &str| {
        let is_it = |a: &&Asked| is_upload(a) && size.contains(&a.sent) && a.path.contains(repository);
        log.iter().filter(is_it).count()
    };
    assert_eq!((uploads("/team/app/"), uploads("/team/image/")), (1, 0), "{log:#?}");
}

#[test]
fn a_cache_that_was_down_for_a_moment_is_written_all_the_same() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    let meeting = Arc::new(Meeting::default());
    let steps = Arc::clone(&meeting);
    let server = Server::start(move |_| Answered::new(if steps.arrive(0) { 200 } else { 500 }, ""));
    world.proxy.troubled(move |_| {
        // Whatever is asked before the last step is refused.
        let is_early = !meeting.here.lock().unwrap()[1];
        meeting.arrive(1);
        is_early.then_some(403)
    });
    // The refusal arrives while the last step sleeps.
    let gate = format!("RUN --network=host wget -q -O /gate {} && sleep 3\n", server.url("/gate"));
    let file = many(3) + &gate;
    shop.build(&file, &["--allow", "network.host", &world.to("max")])
        .ok()
        .never_says(&["was not written", "beside the steps"])
        .says(&["4 records, 4 layers sent"]);
    assert_eq!(count(&world.proxy.take(), "PUT", "/manifests/cache"), 2, "a set and the document");
}

#[test]
fn a_build_that_is_killed_while_it_sends_leaves_the_cache_as_it_was() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    let file = |last: &str| format!("{}RUN echo {last} > /last && sleep 1\n", many(3));
    shop.build(&file("old"), &[&world.to("max")]).ok();
    world.proxy.take();
    for signal in [Signal::KILL, Signal::INT] {
        // Nothing that is sent is answered.
        let held = Arc::new(Meeting::default());
        let (here, holds) = (Arc::clone(&held), Arc::new(AtomicBool::new(true)));
        let still = Arc::clone(&holds);
        world.proxy.troubled(move |asked| {
            let holds = is_upload(asked) && still.load(Ordering::SeqCst);
            (holds && here.arrive(0)).then_some(500)
        });
        let new = format!("{}RUN sleep 60\n", file(&format!("new-{signal:?}")));
        shop.write("Dockerfile", &new);
        let mut command = shop.command();
        command.args(["build", &world.to("max")]).arg(shop.context());
        let mut running = Running::start(command, &shop.at("log"));
        while !held.here.lock().unwrap()[0] {
            assert!(running.child.try_wait().unwrap().is_none(), "{}", running.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        running.signal(signal);
        let (code, took) = running.end();
        assert_eq!(code, (signal == Signal::INT).then_some(130), "{}", running.said());
        assert!(took < Duration::from_secs(20), "what is on its way holds nobody up: {took:?}");
        holds.store(false, Ordering::SeqCst);
        held.arrive(1);
        let log = world.proxy.take();
        assert_eq!(count(&log, "PUT", "/manifests/"), 0, "{log:#?}");

        let other = Workshop::new().unwrap();
        other.build(&file("old"), &[&world.from()]).ok().never_says(&["warning", "ran-0", "fetching"]);
    }
    // And whoever comes next writes it.
    let other = Workshop::new().unwrap();
    other
        .build(&file("new-again"), &[&world.from(), &world.to("max")])
        .ok()
        .says(&["4 records, 1 layers sent"]);
    let third = Workshop::new().unwrap();
    third.build(&file("new-again"), &[&world.from()]).ok().never_says(&["warning", "fetching"]);
}

#[test]
fn of_a_build_that_failed_the_smaller_cache_has_what_the_image_would_have_had() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    let file = |last: &str| {
        format!(
            "FROM busybox AS work\nRUN echo a > /a\nFROM busybox\nCOPY --from=work /a /copied\nRUN echo ran-b | tee /b\nRUN {last}\n"
        )
    };
    let said = shop.build(&file("false"), &[&world.to("min")]).fails(&["exit code: 1"]);
    said.says(&["2 records, 2 layers sent"]).never_says(&["was not written"]);
    let other = Workshop::new().unwrap();
    let said = other.build(&file("true"), &[&world.from()]).ok();
    assert_eq!(times(&said, " ran-b\n"), 0, "{}", said.stderr);
}

#[test]
fn what_was_done_before_a_build_failed_is_in_the_cache() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    let file = |last: &str| format!("{}RUN {last}\n", many(3));
    let said = shop.build(&file("false"), &[&world.to("max")]).fails(&[
        "exit code: 1",
        "3 records, 3 layers sent",
        "of them beside the steps",
    ]);
    said.never_says(&["was not written"]);
    let other = Workshop::new().unwrap();
    let said = other.build(&file("true"), &[&world.from(), &world.to("max")]).ok();
    assert_eq!(times(&said, " CACHED"), 4, "the base and three steps: {}", said.stderr);

    // That the step failed is what is said, whatever else is wrong.
    world.proxy.troubled(|_| Some(403));
    let must = format!("{},ignore-error=false", world.to("max"));
    shop.build(&file("exit 7"), &[&must]).fails(&["exit code: 7", "was not written"]);
    // Nothing was done, so that nobody is asked.
    world.proxy.take();
    shop.build("FROM busybox\nRUN exit 7\n", &[&must]).fails(&["exit code: 7"]).never_says(&["cache"]);
    assert_eq!(world.proxy.take().len(), 0);
}

#[test]
fn as_many_requests_are_made_for_thirty_steps_as_for_three() {
    let (Some(world), Some(shop)) = (World::new(), Workshop::new()) else { return };
    let mut asked = Vec::new();
    for steps in [3, 30] {
        shop.build(&many(steps), &[&world.to("max")]).ok();
        world.proxy.take();
        // A machine that knows nothing looks all of them up; it has nothing to add.
        let other = Workshop::new().unwrap();
        let said = other.build(&many(steps), &[&world.from(), &world.to("max")]).ok();
        said.never_says(&["ran-0", "ran-2", "warning"]).says(&["all of them there already"]);
        let log = world.proxy.take();
        assert!(log.iter().all(|asked| asked.method == "GET"), "{log:#?}");
        asked.push(log.iter().map(|asked| asked.path.clone()).filter(|path| path != "/v2/").count());
        // Nor has the machine that did them; and what it asks does not grow either.
        shop.again(&[&world.to("max")]).ok().says(&["all of them there already"]);
        asked.push(world.proxy.take().iter().filter(|asked| asked.path != "/v2/").count());
    }
    // Manifest, records, tags; then manifest and tags of what it is added to. Without a look-up, the same three.
    assert_eq!(asked, [5, 3, 5, 3]);
}

#[test]
fn builds_at_the_same_time_lose_nothing_of_each_other() {
    let Some(world) = World::new() else { return };
    let names = ["a", "b", "c"];
    let file = |name: &str| format!("FROM busybox\nRUN echo ran-\"{name}\" | tee /{name}\n");
    // Every set is written before any of them is merged.
    let sets = Arc::new((Mutex::new(0), Condvar::new()));
    world.proxy.troubled(move |asked| {
        let (count, changed) = &*sets;
        let mut count = count.lock().unwrap();
        if asked.method == "PUT" && asked.path.ends_with("/manifests/cache") {
            *count += 1;
            changed.notify_all();
            drop(changed.wait_timeout_while(count, Duration::from_secs(60), |count| *count < names.len()));
        }
        None
    });
    std::thread::scope(|scope| {
        for name in names {
            let (to, file) = (world.to("max"), file(name));
            scope.spawn(move || {
                let Some(shop) = Workshop::new() else { return };
                shop.build(&file, &[&to]).ok().says(&["1 records, 1 layers sent"]);
            });
        }
    });
    for name in names {
        let Some(other) = Workshop::new() else { return };
        other.build(&file(name), &[&world.from()]).ok().never_says(&[&format!("ran-{name}"), "warning"]);
    }
}
