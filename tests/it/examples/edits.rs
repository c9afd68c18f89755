//! Real make and real cargo, whose build directory is a cache mount: an edit of one byte gives the new program.
//!
//! Both decide by time. In a layer all files have the same one, so this is where a builder with constant times would
//! silently give the old program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use super::yard::{Yard, project};

/// The stage with a compiler, as the interpreter has it: one store installs it once.
fn tools() -> String {
    let dockerfile = fs::read_to_string(project("interpreter").join("Dockerfile")).expect("an example");
    dockerfile.split("\n\n").next().expect("its first stage").to_string()
}

/// Builds with each of `words` in `file` in turn, size and time of the file as they were; the program says the word.
fn edits(yard: &Yard, context: &Path, file: &str, words: [&str; 3], flags: &[&str]) {
    let path = context.join(file);
    let text = fs::read_to_string(&path).expect("a source");
    let nonce = format!("{:?}", SystemTime::now());
    for word in words {
        fs::write(&path, text.replace("WORD", word)).expect("room");
        fs::File::options()
            .write(true)
            .open(&path)
            .expect("it")
            .set_modified(SystemTime::UNIX_EPOCH)
            .expect("a time");
        let nonce = format!("--build-arg=NONCE={nonce}");
        let (said, _) = yard.build_at(context, &[flags, &[nonce.as_str()]].concat());
        assert!(said.contains(&format!("it says {word}")), "not {word}:\n{said}");
    }
}

#[test]
fn an_edit_of_one_byte_in_a_make_project_gives_the_new_program() {
    let Some(yard) = Yard::open() else { return };
    let context = tempfile::tempdir().expect("room");
    let write = |name: &str, text: String| fs::write(context.path().join(name), text).expect("room");
    write(
        "Makefile",
        "/build/it: /build/main.o\n\tcc -o $@ $<\n/build/main.o: main.c\n\tcc -c -o $@ $<\n".into(),
    );
    write("main.c", "#include <stdio.h>\nint main(void) { puts(\"it says WORD\"); return 0; }\n".into());
    let stage = "FROM tools\nARG NONCE\nWORKDIR /src\nCOPY Makefile main.c ./\n\
                 RUN --mount=type=cache,id=$NONCE,target=/build make && /build/it\n";
    write("Dockerfile", format!("{}\n{stage}", tools()));
    edits(&yard, context.path(), "main.c", ["one", "two", "six"], &[]);
}

#[test]
#[ignore = "half a gigabyte of toolchain: make test-full"]
fn an_edit_of_one_byte_in_a_cargo_project_gives_the_new_program() {
    let Some(yard) = Yard::open() else { return };
    let context = tempfile::tempdir().expect("room");
    let write = |name: &str, text: String| fs::write(context.path().join(name), text).expect("room");
    fs::create_dir(context.path().join("src")).expect("room");
    write("Cargo.toml", "[package]\nname = \"it\"\nversion = \"0.1.0\"\nedition = \"2024\"\n".into());
    write("src/main.rs", "fn main() {\n    println!(\"it says WORD\");\n}\n".into());
    let stage = "FROM tools\nARG NONCE\nWORKDIR /src\nCOPY Cargo.toml .\nCOPY src src\n\
                 RUN --mount=type=bind,from=rust,target=/rust --mount=type=cache,id=$NONCE,target=/build \\\n\
                 \x20   PATH=/rust/bin:$PATH CARGO_TARGET_DIR=/build/target CARGO_HOME=/build/home cargo run --offline\n";
    write("Dockerfile", format!("{}\n{stage}", tools()));
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc starts");
    let sysroot = String::from_utf8(sysroot.stdout).expect("a path");
    // What cargo and rustc need, and no documentation.
    let rust = tempfile::tempdir().expect("room");
    for part in ["bin/cargo", "bin/rustc", "lib"] {
        let to = rust.path().join(part);
        fs::create_dir_all(to.parent().expect("a parent")).expect("room");
        let copied = Command::new("cp").arg("-a").arg(Path::new(sysroot.trim()).join(part)).arg(&to).status();
        assert!(copied.expect("cp starts").success());
    }
    let rust = format!("--build-context=rust={}", rust.path().display());
    edits(&yard, context.path(), "src/main.rs", ["one", "two", "six"], &[&rust]);
}
