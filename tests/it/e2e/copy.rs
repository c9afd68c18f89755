//! COPY: what goes where, whose it is, and what is left out.

use super::Workshop;

/// A context with a little of everything.
fn shop() -> Option<Workshop> {
    let shop = Workshop::new()?;
    shop.write("a.txt", "a");
    shop.write("b.txt", "b");
    shop.write("c.log", "c");
    shop.write("dir/one", "1");
    shop.write("dir/sub/two", "2");
    shop.write("dir/sub/deep/three.txt", "3");
    shop.write("other/one", "other");
    shop.write("other/four", "4");
    std::os::unix::fs::symlink("one", shop.context().join("dir/link")).expect("made");
    std::fs::create_dir(shop.context().join("dir/empty")).expect("made");
    Some(shop)
}

#[test]
fn copy_puts_files_and_directories_where_docker_puts_them() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM scratch\nCOPY a.txt /file\nCOPY a.txt /d1/\nCOPY a.txt b.txt /d2/\nCOPY dir /d3\nCOPY dir/ /d4/\nCOPY dir /d5/x/\nCOPY . /all/\nWORKDIR /w\nCOPY a.txt .\nCOPY a.txt rel/b\nCOPY dir/sub ./\n",
        &[],
    );
    assert_eq!(image.text("file"), "a");
    assert_eq!(image.text("d1/a.txt"), "a");
    assert_eq!(image.below("d2"), ["a.txt", "b.txt"]);
    let dir = ["empty", "link", "one", "sub", "sub/deep", "sub/deep/three.txt", "sub/two"];
    assert_eq!(image.below("d3"), dir);
    assert_eq!(image.below("d4"), dir);
    assert_eq!(image.below("d5/x"), dir);
    assert_eq!(image.at("d3/link").link, "one");
    assert!(image.has("all/dir/sub/deep/three.txt") && image.has("all/Dockerfile"));
    assert_eq!(image.below("w"), ["a.txt", "deep", "deep/three.txt", "rel", "rel/b", "two"]);
    assert_eq!(image.who("d1"), "0755 0:0");
    assert_eq!(image.who("d1/a.txt"), "0644 0:0");
    assert_eq!(image.history().first().map(String::as_str), Some("COPY a.txt /file # buildkit"));
    assert!(image.history().contains(&"COPY dir/sub ./ # buildkit".to_string()));
}

#[test]
fn wildcards_choose_by_name_and_directories_that_they_choose_give_their_content() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM scratch\nCOPY *.txt /t/\nCOPY ?.log /l/\nCOPY [ab].* /s/\nCOPY d*r /d/\nCOPY dir/*/two /m/\nCOPY *r /both/\nCOPY dir/su[b]/deep/*.txt /x/\n",
        &[],
    );
    assert_eq!(image.below("t"), ["a.txt", "b.txt"]);
    assert_eq!(image.below("l"), ["c.log"]);
    assert_eq!(image.below("s"), ["a.txt", "b.txt"]);
    assert_eq!(
        image.below("d"),
        ["empty", "link", "one", "sub", "sub/deep", "sub/deep/three.txt", "sub/two"]
    );
    assert_eq!(image.below("m"), ["two"]);
    assert_eq!(image.text("both/one"), "other");
    assert!(image.has("both/four") && image.has("both/sub/two"));
    assert_eq!(image.below("x"), ["three.txt"]);
}

#[test]
fn a_directory_merges_into_what_is_there() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM busybox\nRUN mkdir -p /t/sub /t/old && echo old > /t/one && echo keep > /t/old/keep && chmod 700 /t/sub && chown 5:5 /t/sub\nCOPY dir /t\nCOPY other/ /t/\n",
        &[],
    );
    assert_eq!(image.text("t/one"), "other");
    assert_eq!(image.text("t/old/keep"), "keep\n");
    assert_eq!(image.text("t/sub/two"), "2");
    assert_eq!(image.below("t").len(), 10, "{:?}", image.below("t"));
}

#[test]
fn chown_takes_names_and_numbers_of_the_image() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM busybox\nARG WHO=app\nCOPY --chown=app a.txt /u\nCOPY --chown=app:extra a.txt /ug\nCOPY --chown=12:34 dir /n/\nCOPY --chown=12 a.txt /one\nCOPY --chown=$WHO a.txt /arg\nCOPY --chown=:extra a.txt /g\nUSER app\nCOPY a.txt /root-still\n",
        &[],
    );
    assert_eq!(image.who("u"), "0644 1000:1001");
    assert_eq!(image.who("ug"), "0644 1000:1002");
    assert_eq!(image.who("n"), "0755 12:34");
    assert_eq!(image.who("n/sub/two"), "0644 12:34");
    assert_eq!(image.who("one"), "0644 12:12");
    assert_eq!(image.who("arg"), "0644 1000:1001");
    assert_eq!(image.who("root-still"), "0644 0:0");
    assert_eq!(image.history()[2], "COPY --chown=app a.txt /u # buildkit", "{:?}", image.history());
    shop.build("FROM busybox\nCOPY --chown=nobody-here a.txt /\n", &[]).fails(&[
        "nobody-here",
        ">>> COPY --chown=nobody-here",
        "Dockerfile:2",
    ]);
}

#[test]
fn chmod_takes_octal_and_symbolic_modes() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM scratch\nCOPY --chmod=600 a.txt /o\nCOPY --chmod=4755 a.txt /suid\nCOPY --chmod=u+x,go-r a.txt /s\nCOPY --chmod=u=rwX,go=rX dir /x\nCOPY --chmod=0777 dir /d\nCOPY --chmod=a+rX other /r\n",
        &[],
    );
    assert_eq!(image.who("o"), "0600 0:0");
    assert_eq!(image.who("suid"), "4755 0:0");
    assert_eq!(image.who("s"), "0700 0:0");
    assert_eq!(image.who("x"), "0755 0:0");
    assert_eq!(image.who("x/one"), "0644 0:0");
    assert_eq!(image.who("d/sub"), "0777 0:0");
    assert_eq!(image.who("d/one"), "0777 0:0");
    assert_eq!(image.who("r/one"), "0644 0:0");
    shop.build("FROM scratch\nCOPY --chmod=u~x a.txt /\n", &[]).fails(&["u~x", ">>> COPY --chmod=u~x"]);
}

#[test]
fn copy_from_a_stage_keeps_owners_modes_links_and_follows_only_the_top() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM busybox AS one\nRUN mkdir -p /o/d && echo x > /o/f && chown 7:8 /o/f && chmod 4711 /o/f && ln -s f /o/l && ln /o/f /o/h && mkfifo /o/d/p && ln -s /o /abs && ln -s d /o/dl\nFROM scratch\nCOPY --from=one /o /all\nCOPY --from=0 /o/f /f\nCOPY --from=one /abs/l /followed\nCOPY --from=one /o/d* /globbed/\nCOPY --from=busybox /etc/passwd /passwd\n",
        &[],
    );
    assert_eq!(image.who("all/f"), "4711 7:8");
    assert_eq!(image.who("f"), "4711 7:8");
    assert_eq!(image.at("all/l").link, "f");
    assert_eq!(image.at("all/d/p").kind, 'p');
    assert_eq!([image.at("all/f").kind, image.at("all/h").kind], ['f', 'h']);
    assert_eq!(image.text("followed"), "x\n");
    assert!(image.text("passwd").contains("app:x:1000"));
}

#[test]
fn heredoc_files_are_expanded_unless_quoted() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM scratch\nARG NAME=world\nCOPY <<EOF /greeting\nhello $NAME \\$NAME ${NO:-fall}\nEOF\nCOPY <<'EOF' /raw\nhello $NAME\nEOF\nCOPY <<-EOT /tabs\n\tone\n\t\ttwo\n\tEOT\nCOPY a.txt <<one.txt <<two.txt /many/\n1\none.txt\n2\ntwo.txt\nCOPY --chmod=755 --chown=3:4 <<run.sh /bin/\n#!/bin/sh\nrun.sh\n",
        &[],
    );
    assert_eq!(image.text("greeting"), "hello world $NAME fall\n");
    assert_eq!(image.text("raw"), "hello $NAME\n");
    assert_eq!(image.text("tabs"), "one\ntwo\n");
    assert_eq!(image.below("many"), ["a.txt", "one.txt", "two.txt"]);
    assert_eq!(image.text("many/two.txt"), "2\n");
    assert_eq!(image.who("bin/run.sh"), "0755 3:4");
    assert_eq!(image.who("greeting"), "0644 0:0");
    assert!(
        image.history().contains(&"COPY <<EOF /greeting # buildkit".to_string()),
        "{:?}",
        image.history()
    );
}

#[test]
fn exclude_and_parents_and_link_do_what_they_say() {
    let Some(shop) = shop() else { return };
    let image = shop.image(
        "FROM busybox\nRUN ln -s /real /linked && mkdir /real\nCOPY --exclude=*.txt --exclude=dir/sub . /e/\nCOPY --parents dir/sub/two other/one /p/\nCOPY --parents dir/./sub/deep/*.txt /pivot/\nCOPY --link a.txt /l/a.txt\nCOPY a.txt /linked/\n",
        &[],
    );
    assert!(
        !image.has("e/a.txt") && !image.has("e/dir/sub") && image.has("e/c.log") && image.has("e/dir/one")
    );
    assert_eq!(image.below("p"), ["dir", "dir/sub", "dir/sub/two", "other", "other/one"]);
    assert_eq!(image.below("pivot"), ["sub", "sub/deep", "sub/deep/three.txt"]);
    assert_eq!(image.text("l/a.txt"), "a");
    assert_eq!(image.text("real/a.txt"), "a");
    assert_eq!(image.at("linked").kind, 'l');
}

#[test]
fn dockerignore_leaves_out_and_takes_back_in() {
    let Some(shop) = shop() else { return };
    shop.write(".dockerignore", "# comment\n*.log\ndir\n!dir/sub/two\n  other/four  \n**/*.tmp\n/a.txt\n");
    shop.write("x/y.tmp", "");
    shop.write("x/z", "");
    let image = shop.image("FROM scratch\nCOPY . /\n", &[]);
    let paths: Vec<&str> = image.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            ".dockerignore",
            "Dockerfile",
            "b.txt",
            "dir",
            "dir/sub",
            "dir/sub/two",
            "other",
            "other/one",
            "x",
            "x/z"
        ]
    );
    shop.build("FROM scratch\nCOPY a.txt /\n", &[]).fails(&["a.txt", ".dockerignore", ">>> COPY a.txt /"]);
}

#[test]
fn a_dockerfile_may_have_an_ignore_file_of_its_own() {
    let Some(shop) = shop() else { return };
    shop.write(".dockerignore", "*\n");
    shop.write("build/prod.Dockerfile", "FROM scratch\nCOPY . /\n");
    shop.write("build/prod.Dockerfile.dockerignore", "*\n!a.txt\n");
    let file = shop.context().join("build/prod.Dockerfile").display().to_string();
    let image = shop.image("FROM scratch\n", &["-f", &file]);
    assert_eq!(image.files.keys().collect::<Vec<_>>(), ["a.txt"]);
}

#[test]
fn a_missing_source_is_an_error_that_names_its_line_and_a_near_name() {
    let Some(shop) = shop() else { return };
    shop.build("FROM scratch\nCOPY a.text /\n", &[]).fails(&[
        "a.text",
        "not found",
        ">>> COPY a.text /",
        "Dockerfile:2",
        "a.txt",
    ]);
    // COMPAT: a wildcard may match nothing, as in BuildKit.
    shop.build("FROM scratch\nCOPY nothing*here /\n", &[]).ok().says(&["nothing*here", "line 2"]);
    shop.build("FROM busybox AS x\nFROM scratch\nCOPY --from=x /etc/passwrd /\n", &[]).fails(&[
        "/etc/passwrd",
        "passwd",
        "Dockerfile:3",
    ]);
    shop.build("FROM scratch\nCOPY ../outside /\n", &[]).fails(&["outside"]);
    // COMPAT: the last of several stays, as in BuildKit.
    let (image, said) = shop.image_and_said("FROM scratch\nCOPY a.txt b.txt /not-a-dir\n", &[]);
    assert_eq!(image.files.len(), 1);
    said.says(&["/not-a-dir: only the last source is there", "line 2"]);
}

#[test]
fn a_symlink_of_the_context_is_copied_as_a_link_and_cannot_lead_out() {
    let Some(shop) = shop() else { return };
    shop.write_at("outside/secret", "outside");
    let context = shop.context();
    std::os::unix::fs::symlink("../outside/secret", context.join("esc")).expect("made");
    std::os::unix::fs::symlink("/etc", context.join("abs")).expect("made");
    std::os::unix::fs::symlink("dir", context.join("inside")).expect("made");
    let image = shop.image("FROM scratch\nCOPY . /all/\nCOPY inside/one /one\nCOPY inside/ /in/\n", &[]);
    assert_eq!(image.at("all/esc").link, "../outside/secret");
    assert_eq!(image.at("all/abs").link, "/etc");
    assert_eq!(image.text("one"), "1");
    assert!(image.has("in/sub/two"));
    shop.build("FROM scratch\nCOPY esc /x\n", &[]).fails(&["esc"]);
    shop.build("FROM scratch\nCOPY abs/hostname /x\n", &[]).fails(&["abs/hostname"]);
}
