//! Programs of other processors in the sandbox: what runs them, and that the host knows nothing of it.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use rbuild::oci::Platform;
use rbuild::sandbox::{Cancel, Error, Processor, Wanted, processor};

use crate::sandbox_world::{World, claims, skip};

const HANDLERS: &str = "/proc/sys/fs/binfmt_misc";

fn what_runs(world: &World, architecture: &str) -> Result<Processor, Error> {
    let host = Platform::host();
    let beside = world.path("");
    let wanted = Wanted { architecture, host: &host.architecture, beside: &beside, is_in_root: &|_| false };
    processor(&wanted, &Cancel::new().unwrap())
}

fn handlers() -> Vec<String> {
    let files = std::fs::read_dir(HANDLERS).into_iter().flatten().flatten();
    let mut names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn has_emulator(name: &str) -> bool {
    let is_there = Path::new("/usr/bin").join(name).exists();
    if !is_there {
        skip(&format!("there is no /usr/bin/{name} (install qemu-user-static)"));
    }
    is_there
}

claims! {
    fn every_known_architecture_runs_by_an_emulator_of_this_machine(world) {
        if !has_emulator("qemu-aarch64-static") {
            return;
        }
        let before = handlers();
        let known = [
            "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
            "riscv64", "s390x",
        ];
        for architecture in known {
            what_runs(world, architecture).unwrap();
        }
        assert_eq!(handlers(), before);
        // Nothing is left of the trials.
        let left: Vec<_> = std::fs::read_dir(world.path("")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("program-")), "{left:?}");
    }

    fn an_architecture_without_an_emulator_is_refused_by_name(world) {
        let error = what_runs(world, "pdp11").unwrap_err().to_string();
        assert!(error.contains("linux/pdp11: no emulator of it is known"), "{error}");
    }

    fn programs_of_this_machine_run_beside_foreign_ones_and_user_ids_are_what_they_are(world) {
        if !has_emulator("qemu-aarch64-static") || Platform::host().architecture != "amd64" {
            return;
        }
        let Processor::Emulator(emulator) = what_runs(world, "arm64").unwrap() else {
            return skip("this machine's kernel runs arm64 programs");
        };
        let script = "id -u; chown 5:6 /tmp && stat -c %u:%g /tmp; grep -c . /proc/self/uid_map; \
                      mknod /tmp/pipe p && mknod /tmp/null c 1 3; echo $?; grep -E 'Cap(Eff|Bnd)' /proc/self/status; \
                      echo $$";
        let plain = world.spec(&["sh", "-c", script]);
        let without = world.run(&plain).unwrap();
        let with = world.run(&rbuild::sandbox::Spec { emulator: Some(emulator), ..plain }).unwrap();
        let device = |text: &str| text.replace("\n0\nCapEff", "\n1\nCapEff");
        assert_eq!(device(&with.out), device(&without.out), "{} {}", with.err, without.err);
        assert!(with.out.contains("5:6"), "{}", with.out);
    }
}
