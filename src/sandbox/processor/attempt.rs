//! Whether a sandbox can run the programs of a machine, by running the smallest of them in an empty root.

use std::path::Path;

use super::machine::{CODE, Machine};
use super::program::program;
use crate::sandbox::cancel::Cancel;
use crate::sandbox::caps::Capabilities;
use crate::sandbox::emulator::Emulator;
use crate::sandbox::error::{Error, ExecFailure};
use crate::sandbox::run::run;
use crate::sandbox::spec::{Access, Mount, MountKind, Network, Process, Root, Security, Spec, Stdio};
use crate::sys::process::Ended;
use crate::tree::RootPath;

/// None if it ran and ended as it should; else what happened instead.
pub(super) fn attempt(
    machine: &Machine,
    emulator: Option<&Emulator>,
    beside: &Path,
    cancel: &Cancel,
) -> Result<Option<String>, Error> {
    let directory = tempfile::Builder::new()
        .prefix("program-")
        .tempdir_in(beside)
        .map_err(|source| Error::Open { path: beside.to_owned(), source })?;
    let (upper, work) = (directory.path().join("upper"), directory.path().join("work"));
    for path in [&upper, &work] {
        std::fs::create_dir(path).map_err(|source| Error::Open { path: path.clone(), source })?;
    }
    let target = RootPath::clean("/program").expect("a path");
    let kind =
        MountKind::File { bytes: program(machine), mode: 0o555, uid: 0, gid: 0, access: Access::ReadOnly };
    let spec = Spec {
        root: Root { lower: Vec::new(), upper, work },
        process: Process {
            argv: vec![b"/program".to_vec()],
            env: Vec::new(),
            cwd: RootPath::root(),
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            capabilities: Capabilities::DEFAULT,
            rlimits: Vec::new(),
        },
        hostname: "rbuild".to_owned(),
        mounts: vec![Mount { target, kind }],
        network: Network::Host,
        security: Security::Sandbox,
        shm_size: 1 << 20,
        emulator: emulator.cloned(),
        relay: None,
        stdio: Stdio::Captured,
    };
    let mut said = Vec::new();
    match run(&spec, &mut |_, bytes| said.extend_from_slice(bytes), cancel) {
        Ok(exit) if exit.ended == Ended::Code(CODE) => Ok(None),
        Ok(exit) => {
            let how = match exit.ended {
                Ended::Code(code) => format!("exit code {code}"),
                Ended::Signal(signal) => format!("signal {signal}"),
            };
            Ok(Some(format!("{how} {}", String::from_utf8_lossy(&said).trim()).trim_end().to_owned()))
        }
        Err(Error::Exec { why: why @ (ExecFailure::Refused(_) | ExecFailure::NoInterpreter), .. }) => {
            Ok(Some(why.to_string()))
        }
        Err(error) => Err(error),
    }
}
