//! RUN in containers that give no privilege, as pods of Kubernetes and jobs of CI are.

mod pod;

use pod::{Pod, Profile};
use rbuild::sys::fence::Fence;

use crate::e2e::root_around;
use crate::robust::foreign::{ARM, TEXT, arm_busybox};

/// A build with something of everything that a RUN can be given.
const DOCKERFILE: &str = "FROM busybox\n\
    RUN mkdir -p /a/b && echo x > /a/b/c && chown 1234:4321 /a/b/c && chmod 4750 /a/b/c && ln /a/b/c /d\n\
    RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t --mount=target=/m \
        echo $$ > /cache/x && cp /m/file /copied && touch /t/x && rm /a/b/c\n\
    COPY --chown=7:8 file /e/\n\
    USER app\n\
    RUN id -u > /tmp/id && test ! -w /etc && head -c 1 /dev/urandom > /dev/null\n";

fn build(pod: &Pod) -> String {
    pod.shop.write("file", "content");
    pod.shop.write("Dockerfile", DOCKERFILE);
    let said = pod.rbuild(&["--progress", "plain", "--iidfile", "/vol/id", "/vol/context"]).ok();
    assert!(said.stderr.contains("sandbox: user namespace of a container"), "{}", said.stderr);
    std::fs::read_to_string(pod.shop.at("id")).unwrap()
}

/// The same built by root of this machine.
fn as_root(pod: &Pod) -> String {
    let store = pod.shop.arg("root-store");
    let variables = [("RBUILD_ROOT", store.as_str())];
    pod.shop.rbuild_with(&["import", &pod.shop.arg("busybox.tar"), "busybox"], b"", &variables).ok();
    let (id, context) = (pod.shop.arg("root-id"), pod.shop.arg("context"));
    pod.shop.rbuild_with(&["--iidfile", &id, &context], b"", &variables).ok();
    std::fs::read_to_string(id).unwrap()
}

#[test]
fn a_pod_as_kubernetes_starts_it_builds_the_image_that_root_builds() {
    let Some(pod) = Pod::new(Profile::Plain) else { return };
    assert_eq!(build(&pod), as_root(&pod));
}

#[test]
fn a_pod_with_users_of_its_own_builds_the_image_that_root_builds() {
    let Some(pod) = Pod::new(Profile::OwnUsers) else { return };
    assert_eq!(build(&pod), as_root(&pod));
}

#[test]
fn a_pod_builds_for_another_processor_what_root_builds() {
    let Some(busybox) = arm_busybox() else { return };
    let Some(pod) = Pod::new(Profile::Plain) else { return };
    let tar = pod.shop.write_at("arm.tar", root_around(&busybox)).display().to_string();
    pod.shop.write("file", "file\n");
    pod.shop.write("Dockerfile", TEXT);
    let store = pod.shop.arg("root-store");
    let root = [("RBUILD_ROOT", store.as_str())];
    pod.rbuild(&["import", "--platform", ARM, "/vol/arm.tar", "arm"]).ok();
    pod.shop.rbuild_with(&["import", "--platform", ARM, &tar, "arm"], b"", &root).ok();
    let (id, context) = (pod.shop.arg("root-id"), pod.shop.arg("context"));
    pod.shop.rbuild_with(&["--platform", ARM, "--iidfile", &id, &context], b"", &root).ok();
    pod.rbuild(&["--platform", ARM, "--iidfile", "/vol/id", "/vol/context"]).ok();
    let read = |name: &str| std::fs::read_to_string(pod.shop.at(name)).unwrap();
    assert_eq!(read("id"), read("root-id"));
}

#[test]
fn what_an_earlier_job_left_in_the_volume_is_found_by_the_next() {
    let Some(pod) = Pod::new(Profile::Plain) else { return };
    build(&pod);
    let said = pod.rbuild(&["--progress", "plain", "/vol/context"]).ok();
    assert_eq!(said.stderr.matches("CACHED").count(), 5, "{}", said.stderr);
    assert!(!said.stderr.contains("sandbox:"), "nothing ran:\n{}", said.stderr);
    pod.rbuild(&["prune", "--all"]).ok();
}

#[test]
fn a_run_reaches_no_process_of_the_pod_and_neither_the_builder_nor_another_run() {
    let Some(pod) = Pod::new(Profile::Plain) else { return };
    // Every process that is seen but is not the RUN's own: its root, its memory, its environment, its files. Signals go by
    // numbers, of which a RUN has only its own. Another RUN is under way meanwhile.
    pod.shop.write(
        "Dockerfile",
        "FROM busybox AS other\n\
         RUN touch /x; exec sleep 2\n\
         FROM busybox\n\
         RUN sleep 1; me=$(readlink /proc/self/ns/pid); n=0; for p in /proc/[0-9]*; do \
           [ \"$(readlink $p/ns/pid)\" = \"$me\" ] && continue; [ -d $p ] || continue; n=$((n+1)); \
           for f in root cwd exe fd/0 environ mem maps ns/mnt; do \
             if ls $p/$f/ > /dev/null 2>&1 || head -c 1 $p/$f > /dev/null 2>&1; then echo \"REACHED $p/$f\"; fi; \
           done; \
           for f in oom_score_adj autogroup coredump_filter clear_refs; do \
             if echo 1 2> /dev/null > $p/$f; then echo \"WROTE $p/$f\"; fi; \
           done; done; echo \"SEEN $n\"\n\
         COPY --from=other /x /\n\
         RUN echo x > /proc/sys/kernel/hostname || echo READ-ONLY\n\
         RUN for f in /dev/null /dev/zero /dev/urandom /dev/tty /proc/execdomains /proc; do \
           if chmod 600 $f || chown 5:5 $f || touch $f; then echo \"CHANGED $f\"; fi; \
         done 2> /dev/null; echo x > /dev/null && head -c 1 /dev/zero > /x && echo WORKS > /dev/stdout\n",
    );
    let said = pod.rbuild(&["--progress", "plain", "/vol/context"]).ok();
    assert!(!said.stderr.contains(" REACHED /"), "{}", said.stderr);
    // The program twice, in its user namespace and outside, and the sleep of the other RUN.
    assert!(said.stderr.contains(" SEEN 3"), "{}", said.stderr);
    assert!(said.stderr.contains(" READ-ONLY"), "{}", said.stderr);
    assert!(!said.stderr.contains(" WROTE /") && !said.stderr.contains(" CHANGED /"), "{}", said.stderr);
    assert!(said.stderr.contains(" WORKS"), "{}", said.stderr);
}

#[test]
fn many_runs_begin_at_once_and_none_waits_for_another() {
    if !rustix::process::geteuid().is_root() {
        return crate::snapshot_fixture::skip("user namespaces with all ids take root");
    }
    for _ in 0..10 {
        std::thread::scope(|scope| {
            let made: Vec<_> = (0..8).map(|_| scope.spawn(Fence::new)).collect();
            made.into_iter().for_each(|fence| drop(fence.join().unwrap().unwrap()));
        });
    }
    let Some(pod) = Pod::new(Profile::Plain) else { return };
    let stages = 0..12;
    let stage = |n: u32| format!("FROM busybox AS s{n}\nRUN echo {n} > /n{n}\n");
    let copy = |n: u32| format!("COPY --from=s{n} /n{n} /\n");
    let text: String =
        stages.clone().map(stage).chain(["FROM scratch\n".to_string()]).chain(stages.map(copy)).collect();
    pod.shop.write("Dockerfile", text);
    for _ in 0..3 {
        pod.rbuild(&["--no-cache", "-q", "/vol/context"]).ok();
    }
}

#[test]
fn a_filter_is_named_with_what_to_change_and_nothing_is_left() {
    let Some(pod) = Pod::new(Profile::Filtered) else { return };
    pod.shop.write("Dockerfile", "FROM busybox\nRUN true\n");
    pod.rbuild(&["/vol/context"]).fails(&[
        "clone(CLONE_NEWUSER",
        "seccomp",
        "securityContext.seccompProfile",
    ]);
    // What needs no RUN needs nothing.
    pod.shop.write("Dockerfile", "FROM busybox\nCOPY Dockerfile /x/\nWORKDIR /y\nUSER 5\n");
    pod.rbuild(&["-t", "it", "/vol/context"]).ok();
}

#[test]
fn missing_capabilities_are_named() {
    let Some(pod) = Pod::new(Profile::FewCapabilities) else { return };
    pod.shop.write("Dockerfile", "FROM busybox\nRUN true\n");
    pod.rbuild(&["/vol/context"]).fails(&["CAP_SETFCAP", "securityContext.capabilities.add"]);
}
