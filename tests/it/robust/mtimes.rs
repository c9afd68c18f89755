//! An edit of one byte is seen by programs that decide by time, though every context file has the same time in a layer.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::unique;
use crate::e2e::Workshop;

/// What make does, in a shell: made again if a source is newer than the product.
/// Times are compared as text, since busybox's `-nt` knows only whole seconds.
const MAKE: &str = "#!/bin/sh\nset -e\n\
                    newer() { [ \"$(stat -c %y \"$1\")\" \\> \"$(stat -c %y \"$2\")\" ]; }\nfor name in one two; do\n  \
                    if [ ! -e /build/$name.o ] || newer \"$1/$name.c\" /build/$name.o; then\n    \
                    sed s/source/object/ \"$1/$name.c\" > /build/$name.o; echo made-$name\n  fi\ndone\n\
                    cat /build/one.o /build/two.o > /program\n";

/// Writes other content of the same size, with the time that the file had.
fn edit(path: &Path, content: &str) {
    let about = std::fs::metadata(path).unwrap();
    assert_eq!(about.len(), content.len() as u64);
    std::fs::write(path, content).unwrap();
    let time =
        std::time::UNIX_EPOCH + std::time::Duration::new(about.mtime() as u64, about.mtime_nsec() as u32);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Edits, and reverts, one file of a project whose build directory is a cache mount, as fast as builds go.
fn each_edit_is_seen(dockerfile: &str) {
    let Some(shop) = Workshop::new() else { return };
    shop.write("make.sh", MAKE);
    let one = shop.write("one.c", "source A\n");
    shop.write("two.c", "source 2\n");
    let dockerfile = dockerfile.replace("CACHE", &unique());
    let program = || {
        let (image, said) = shop.image_and_said(&dockerfile, &[]);
        let made = |name: &str| said.stderr.lines().any(|line| line.ends_with(&format!(" made-{name}")));
        (image.text("program").to_string(), made("one"), made("two"))
    };
    assert_eq!(program(), ("object A\nobject 2\n".to_string(), true, true));
    for (letter, others) in [("B", false), ("A", false), ("B", false), ("C", false), ("A", false)] {
        edit(&one, &format!("source {letter}\n"));
        let (text, _, two) = program();
        assert_eq!(text, format!("object {letter}\nobject 2\n"), "an edit to {letter} gave an old program");
        assert_eq!(two, others, "what was not edited is made again");
    }
}

#[test]
fn an_edit_is_seen_when_the_sources_come_by_copy() {
    each_edit_is_seen(
        "FROM busybox\nWORKDIR /src\nCOPY . .\nRUN --mount=type=cache,id=CACHE,target=/build sh make.sh /src\n",
    );
}

#[test]
fn an_edit_is_seen_when_the_context_is_bind_mounted() {
    each_edit_is_seen(
        "FROM busybox\nRUN --mount=type=cache,id=CACHE,target=/build --mount=type=bind,target=/src sh /src/make.sh /src\n",
    );
}

#[test]
fn an_edit_is_seen_when_the_sources_come_from_a_stage() {
    each_edit_is_seen(
        "FROM busybox AS sources\nCOPY . /s\nFROM busybox\nCOPY --from=sources /s /src\n\
         RUN --mount=type=cache,id=CACHE,target=/build sh /src/make.sh /src\n",
    );
}

#[test]
fn an_edit_is_seen_when_a_stage_is_bind_mounted() {
    each_edit_is_seen(
        "FROM busybox AS sources\nCOPY . /s\nFROM busybox\n\
         RUN --mount=type=cache,id=CACHE,target=/build --mount=type=bind,from=sources,source=/s,target=/src \
         sh /src/make.sh /src\n",
    );
}

#[test]
fn an_edit_is_seen_when_one_cache_serves_two_builds_at_once() {
    let Some(shop) = Workshop::new() else { return };
    let id = unique();
    // The one that waits for the lock began earlier than the other's product was made.
    let text = format!(
        "FROM busybox\nCOPY src /src\nRUN --mount=type=cache,id={id},sharing=locked,target=/build sleep 1; \
         [ -e /build/o ] && [ \"$(stat -c %y /build/o)\" \\> \"$(stat -c %y /src/f)\" ] || cat /src/f > /build/o; \
         cp /build/o /program\n"
    );
    shop.write("Dockerfile", &text);
    shop.write("src/f", "old\n");
    let mut command = shop.command();
    command.args(["build"]).arg(shop.context());
    let mut first = super::Running::start(command, &shop.at("first"));
    first.wait_for("RUN --mount");
    shop.write("src/f", "new\n");
    let (image, _) = shop.image_and_said(&text, &[]);
    assert_eq!(first.end().0, Some(0), "{}", first.said());
    assert_eq!(image.text("program"), "new\n");
}
