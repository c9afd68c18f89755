//! What a process in the sandbox gets and how its end is reported.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use rbuild::sandbox::{Cancel, Ended, Error, ExecFailure, Resource, Rlimit, Stream, run};
use rbuild::tree::RootPath;

use crate::sandbox_world::claims;

claims! {
    fn output_and_exit_code_are_reported(world) {
        let outcome = world.sh("echo out; echo err >&2; exit 7");
        assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("out\n", "err\n"));
        assert_eq!(outcome.exit.ended, Ended::Code(7));
    }

    fn a_process_killed_by_a_signal_is_told_from_one_that_exited(world) {
        // From a child: a process ignores its own signals while it is number 1.
        let outcome = world.sh("sh -c 'kill -9 $$'; echo $?; echo $$");
        assert_eq!(outcome.out, "137\n1\n");
        // The out-of-memory killer and its like: a signal from outside.
        let mut spec = world.spec(&["sh", "-c", "exec sleep 60"]);
        spec.process.rlimits = vec![Rlimit { resource: Resource::Cpu, soft: Some(1), hard: Some(1) }];
        spec.process.argv[2] = b"while :; do :; done".to_vec();
        assert_eq!(world.run(&spec).unwrap().exit.ended, Ended::Signal(9));
    }

    fn the_environment_arrives_in_order_and_nothing_is_added(world) {
        let mut spec = world.spec(&["/bin/cat", "/proc/self/environ"]);
        spec.process.env = [("Z", "1"), ("A", "2"), ("PATH", "/bin"), ("M", "x y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        assert_eq!(world.run(&spec).unwrap().out, "Z=1\0A=2\0PATH=/bin\0M=x y\0");
    }

    fn directory_user_and_groups_are_as_asked(world) {
        let mut spec = world.spec(&["sh", "-c", "pwd; id -u; id -g; id -G; umask; hostname; echo $$"]);
        spec.process.cwd = RootPath::clean("/work").unwrap();
        (spec.process.uid, spec.process.gid, spec.process.groups) = (1000, 1001, vec![1001, 7, 50]);
        let outcome = world.run(&spec).unwrap();
        assert_eq!(outcome.out, "/work\n1000\n1001\n1001 7 50\n0022\nbox\n1\n", "{}", outcome.err);
    }

    fn an_ordinary_user_can_write_to_the_standard_streams_by_name(world) {
        let mut spec = world.spec(&["sh", "-c", "echo a > /dev/stdout; echo b > /dev/stderr"]);
        (spec.process.uid, spec.process.gid) = (1000, 1000);
        let outcome = world.run(&spec).unwrap();
        assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("a\n", "b\n"));
    }

    fn a_command_that_is_not_there_is_told_from_one_that_cannot_run(world) {
        let why = |argv: &[&str]| match world.run(&world.spec(argv)) {
            Err(Error::Exec { why, .. }) => why,
            other => panic!("{:?}", other.map(|outcome| outcome.exit)),
        };
        assert_eq!(why(&["no-such-command"]), ExecFailure::NotInPath);
        assert_eq!(why(&["/no/such"]), ExecFailure::NotFound);
        assert!(matches!(why(&["/etc"]), ExecFailure::Refused(_)));
        std::fs::write(world.path("lower/bin/script"), "#!/no/such/interpreter\n").unwrap();
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(world.path("lower/bin/script"), mode).unwrap();
        assert_eq!(why(&["script"]), ExecFailure::NoInterpreter);
        let error = world.run(&world.spec(&["no-such-command"])).err().unwrap();
        assert_eq!(error.shell_code(), Some(127));
        assert!(error.to_string().contains("executable file not found in $PATH"), "{error}");
    }

    fn a_missing_working_directory_is_made_and_one_that_cannot_be_is_named(world) {
        let mut spec = world.spec(&["pwd"]);
        spec.process.cwd = RootPath::clean("/not/there").unwrap();
        assert_eq!(world.run(&spec).unwrap().out, "/not/there\n");
        spec.process.cwd = RootPath::clean("/bin/busybox/x").unwrap();
        let error = world.run(&spec).err().unwrap();
        assert!(error.to_string().contains("/bin/busybox/x"), "{error}");
    }

    fn input_is_empty_and_signals_have_their_defaults(world) {
        let outcome = world.sh("wc -c; grep -E '^Sig(Blk|Ign|Cgt)' /proc/$$/status | cut -f2 | sort -u");
        let mut lines = outcome.out.lines();
        assert_eq!(lines.next(), Some("0"));
        // The shell itself catches some; nothing is ignored and nothing blocked when it starts.
        let plain = world.run(&world.spec(&["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"])).unwrap().out;
        assert!(plain.lines().all(|line| line.ends_with("0000000000000000")), "{plain}");
    }

    fn output_arrives_while_the_process_runs(world) {
        let start = Instant::now();
        let mut first = None;
        let spec = world.spec(&["sh", "-c", "echo one; sleep 1; echo two"]);
        world.renew();
        let mut on_output = |_: Stream, _: &[u8]| {
            first.get_or_insert(start.elapsed());
        };
        run(&spec, &mut on_output, &Cancel::new().unwrap()).unwrap();
        assert!(first.unwrap() < Duration::from_millis(800), "{first:?}");
        assert!(start.elapsed() >= Duration::from_secs(1));
    }

    fn much_output_on_both_streams_arrives_whole(world) {
        let outcome = world.sh("yes out | head -n 300000 & yes error | head -n 300000 >&2; wait");
        assert_eq!((outcome.out.len(), outcome.err.len()), (300_000 * 4, 300_000 * 6));
    }

    fn a_process_left_behind_neither_holds_up_the_end_nor_outlives_it(world) {
        let start = Instant::now();
        let outcome = world.sh("setsid sleep 4242 & echo started");
        assert_eq!(outcome.out, "started\n");
        assert!(start.elapsed() < Duration::from_secs(5));
        let alive = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            std::fs::read(entry.ok()?.path().join("cmdline")).ok()
        });
        assert!(!alive.into_iter().any(|line| line == b"sleep\x004242\0"));
    }

    fn a_canceled_run_ends_at_once_with_all_its_processes(world) {
        let spec = world.spec(&["sh", "-c", "trap '' TERM INT; sleep 4343 & sleep 4343"]);
        world.renew();
        let cancel = Cancel::new().unwrap();
        let start = Instant::now();
        let other = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            other.fire();
        });
        let outcome = run(&spec, &mut |_, _| {}, &cancel);
        assert!(matches!(outcome, Err(Error::Canceled)));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(matches!(run(&spec, &mut |_, _| {}, &cancel), Err(Error::Canceled)));
    }

    fn many_runs_at_once_do_not_disturb_each_other(world) {
        let world = &world;
        std::thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn(move || {
                    for round in 0..5 {
                        let (upper, work) = (format!("u{number}-{round}"), format!("w{number}-{round}"));
                        std::fs::create_dir(world.path(&upper)).unwrap();
                        std::fs::create_dir(world.path(&work)).unwrap();
                        let mut spec = world.spec(&["sh", "-c", &format!("echo {number} > /f; cat /f")]);
                        spec.root = world.overlay(&upper, &work);
                        let mut out = Vec::new();
                        let mut keep = |_: Stream, bytes: &[u8]| out.extend_from_slice(bytes);
                        let exit = run(&spec, &mut keep, &Cancel::new().unwrap()).unwrap();
                        assert_eq!((exit.ended, out), (Ended::Code(0), format!("{number}\n").into_bytes()));
                    }
                });
            }
        });
    }

    fn a_limit_above_what_can_be_given_is_lowered(world) {
        let mut spec = world.spec(&["sh", "-c", "ulimit -n; ulimit -c"]);
        spec.process.rlimits = vec![
            Rlimit { resource: Resource::Nofile, soft: Some(64), hard: Some(1 << 40) },
            Rlimit { resource: Resource::Core, soft: Some(0), hard: Some(0) },
        ];
        // Above fs.nr_open even root is refused; the limit falls back to what there was.
        assert_eq!(world.run(&spec).unwrap().out, "64\n0\n");
    }
}
