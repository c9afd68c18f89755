//! RUN --mount, each kind.

use super::Workshop;

#[test]
fn a_bind_mount_shows_the_context_and_leaves_no_trace() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a.txt", "from the context");
    shop.write("dir/b.txt", "below");
    let image = shop.image(
        "FROM busybox\nRUN --mount=target=/ctx cat /ctx/a.txt /ctx/dir/b.txt > /out\nRUN --mount=type=bind,src=dir,dst=/mnt/deep/er ls /mnt/deep/er > /ls\nRUN --mount=type=bind,source=a.txt,target=/one/file.txt cat /one/file.txt > /file\n",
        &[],
    );
    assert_eq!(image.text("out"), "from the contextbelow");
    assert_eq!(image.text("ls"), "b.txt\n");
    assert_eq!(image.text("file"), "from the context");
    for path in ["ctx", "mnt", "one"] {
        assert!(!image.has(path), "{path} was left behind");
    }
}

#[test]
fn a_bind_mount_refuses_writes_unless_rw_and_those_are_thrown_away() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a.txt", "as it was");
    shop.write("d/b.txt", "b");
    let image = shop.image(
        "FROM busybox\nRUN --mount=target=/ctx ! touch /ctx/new 2>/err; ! echo x 2>>/err >/ctx/a.txt; cat /ctx/a.txt > /ro\nRUN --mount=target=/ctx,rw echo changed > /ctx/a.txt && rm -r /ctx/d && touch /ctx/new && ls /ctx > /ls\nRUN --mount=target=/ctx cat /ctx/a.txt /ctx/d/b.txt > /after\nRUN --mount=src=a.txt,target=/f,rw echo changed > /f && cat /f > /f-out\n",
        &[],
    );
    assert_eq!(image.text("ro"), "as it was");
    assert!(image.text("err").contains("Read-only file system"), "{}", image.text("err"));
    assert_eq!(image.text("ls"), "Dockerfile\na.txt\nnew\n");
    assert_eq!(image.text("after"), "as it wasb");
    assert_eq!(image.text("f-out"), "changed\n");
    assert_eq!(std::fs::read_to_string(shop.context().join("a.txt")).expect("there"), "as it was");
    assert!(!image.has("ctx") && !image.has("f"));
}

#[test]
fn a_bind_mount_shows_a_part_of_a_stage_with_all_its_layers() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox AS made\nRUN mkdir -p /out/sub && echo 1 > /out/one && echo x > /out/gone && chown 5:6 /out/one\nRUN rm /out/gone && echo 2 > /out/sub/two && ln -s one /out/link\nFROM busybox\nRUN --mount=from=made,source=/out,target=/in find /in | sort > /list && stat -c %u:%g /in/one >> /list && cat /in/link >> /list\nRUN --mount=from=made,source=/out/sub/two,target=/two cat /two > /file\nRUN --mount=from=made,target=/all ls /all/bin/sh /all/out > /whole\nRUN --mount=from=busybox,src=/etc,target=/e cat /e/group > /image\n",
        &[],
    );
    assert_eq!(image.text("list"), "/in\n/in/link\n/in/one\n/in/sub\n/in/sub/two\n5:6\n1\n");
    assert_eq!(image.text("file"), "2\n");
    assert!(image.text("whole").contains("/all/bin/sh"));
    assert!(image.text("image").contains("extra"));
}

#[test]
fn a_bind_mount_of_a_missing_path_names_it() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("there/x", "");
    shop.build("FROM busybox\nRUN --mount=source=nowhere,target=/x true\n", &[])
        .fails(&["nowhere", ">>> RUN --mount=source=nowhere"]);
    shop.build("FROM busybox AS a\nFROM busybox\nRUN --mount=from=a,source=/nowhere,target=/x true\n", &[])
        .fails(&["nowhere", "Dockerfile:3"]);
}

#[test]
fn a_cache_mount_outlives_the_build_and_is_known_by_its_id() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = |number: u32| {
        format!(
            "FROM busybox\nRUN --mount=type=cache,target=/cache,id=mine echo {number} >> /cache/log; cat /cache/log > /out\nRUN --mount=type=cache,target=/elsewhere,id=mine cat /elsewhere/log > /same\nRUN --mount=type=cache,target=/cache ls /cache | wc -l > /other\n"
        )
    };
    shop.build(&dockerfile(1), &[]).ok();
    let image = shop.image(&dockerfile(2), &[]);
    assert_eq!(image.text("out"), "1\n2\n");
    assert_eq!(image.text("same"), "1\n2\n");
    assert_eq!(image.text("other"), "0\n");
    assert!(!image.has("cache") && !image.has("elsewhere"), "the mount point was left behind");
}

#[test]
fn a_cache_mount_has_the_owner_and_mode_it_was_given_and_its_seed() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("seed/a", "seeded");
    let image = shop.image(
        "FROM busybox AS seed\nCOPY seed /seed\nRUN chown 9:9 /seed/a\nFROM busybox\nRUN --mount=type=cache,target=/c,uid=1000,gid=1001,mode=0750 stat -c '%a %u:%g' /c > /stat\nRUN --mount=type=cache,target=/plain stat -c '%a %u:%g' /plain >> /stat\nRUN --mount=type=cache,target=/s,from=seed,source=/seed cat /s/a > /seeded && stat -c %u:%g /s/a >> /stat && echo more > /s/b\nRUN --mount=type=cache,target=/s,from=seed,source=/seed ls /s > /second\n",
        &[],
    );
    assert_eq!(image.text("stat"), "750 1000:1001\n755 0:0\n9:9\n");
    assert_eq!(image.text("seeded"), "seeded");
    assert_eq!(image.text("second"), "a\nb\n");
}

#[test]
fn a_locked_cache_mount_has_one_user_at_a_time_and_a_private_one_is_not_shared() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox AS base\nFROM base AS a\nRUN --mount=type=cache,target=/c,sharing=locked,id=l mkdir /c/lock && sleep 0.4 && rmdir /c/lock && touch /ok\nFROM base AS b\nRUN --mount=type=cache,target=/c,sharing=locked,id=l echo b; mkdir /c/lock && sleep 0.4 && rmdir /c/lock && touch /ok\nFROM base AS p\nRUN --mount=type=cache,target=/c,sharing=private,id=p echo p; mkdir /c/mine && sleep 0.5 && touch /ok && rmdir /c/mine\nFROM base AS q\nRUN --mount=type=cache,target=/c,sharing=private,id=p echo q; mkdir /c/mine && sleep 0.5 && touch /ok && rmdir /c/mine\nFROM base\nCOPY --from=a /ok /a\nCOPY --from=b /ok /b\nCOPY --from=p /ok /p\nCOPY --from=q /ok /q\n",
        &[],
    );
    assert!(["a", "b", "p", "q"].iter().all(|name| image.has(name)));
}

#[test]
fn a_read_only_cache_mount_refuses_writes() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN --mount=type=cache,target=/c,id=r touch /c/x\nRUN --mount=type=cache,target=/c,id=r,ro ls /c > /ls && ! touch /c/y\n",
        &[],
    );
    assert_eq!(image.text("ls"), "x\n");
}

#[test]
fn a_tmpfs_mount_is_empty_writable_and_of_the_size_given() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN mkdir /t && touch /t/below\nRUN --mount=type=tmpfs,target=/t,size=1m ls /t > /ls; grep -c '/t tmpfs' /proc/mounts > /count; ! dd if=/dev/zero of=/t/big bs=1k count=2000 2>/dev/null\n",
        &[],
    );
    assert_eq!(image.text("ls"), "");
    assert_eq!(image.text("count"), "1\n");
    assert_eq!(image.below("t"), ["below"]);
}

#[test]
fn a_tmpfs_has_the_mode_of_what_it_covers_and_can_be_read_only() {
    let Some(shop) = Workshop::new() else { return };
    let tmpfs = |target: &str| format!("--mount=type=tmpfs,target={target}");
    let image = shop.image(
        &format!(
            "FROM busybox\nRUN mkdir -m 2750 /d && chown 5:6 /d && ln -s d /l\n\
             RUN {} {} {} stat -c '%a %u:%g' /root /l/ /new > /modes\n\
             RUN {},ro {} ! touch /m/w && touch /n/w && echo refused > /ro\n",
            tmpfs("/root"),
            tmpfs("/l"),
            tmpfs("/new"),
            tmpfs("/m"),
            tmpfs("/n"),
        ),
        &[],
    );
    assert_eq!(image.text("modes"), "700 0:0\n2750 0:0\n1777 0:0\n");
    assert_eq!(image.text("ro"), "refused\n");
}

#[test]
fn a_seed_of_a_cache_keeps_links_and_what_its_directory_is() {
    let Some(shop) = Workshop::new() else { return };
    let cache = "--mount=type=cache,from=seed,source=/q,target=/c";
    let image = shop.image(
        &format!(
            "FROM busybox AS seed\nRUN mkdir -m 711 /q && chown 7:8 /q && cd /q && echo 1 > a && mkdir d && ln a d/b && ln -s a s\n\
             FROM busybox\nRUN {cache},id=1 stat -c '%a %u:%g %h' /c /c/a > /stat && [ /c/a -ef /c/d/b ] && cat /c/s > /s\n\
             RUN {cache},id=2,uid=5,mode=700 stat -c '%a %u:%g' /c >> /stat\n"
        ),
        &[],
    );
    assert_eq!(image.text("stat"), "711 7:8 3\n644 0:0 2\n700 5:0\n");
    assert_eq!(image.text("s"), "1\n");
}

#[test]
fn a_secret_is_a_file_that_no_layer_config_history_or_record_holds() {
    let Some(shop) = Workshop::new() else { return };
    let value = "s3cr3t-Zq9-value";
    let file = shop.write_at("secret.txt", value);
    let image = shop.image(
        "FROM busybox\nRUN --mount=type=secret,id=tok test \"$(cat /run/secrets/tok)\" = s3cr3t-Zq\"9\"-value && stat -c '%a %u:%g' /run/secrets/tok > /stat\nRUN --mount=type=secret,id=tok,target=/x/y,mode=0440,uid=3,gid=4 stat -c '%a %u:%g' /x/y >> /stat; cat /x/y | wc -c >> /stat\n",
        &["--secret", &format!("id=tok,src={}", file.display())],
    );
    assert_eq!(image.text("stat"), format!("400 0:0\n440 3:4\n{}\n", value.len()));
    assert!(!image.has("run/secrets") && !image.has("x"), "{:?}", image.files.keys());
    assert_eq!(shop.holding(&shop.store(), value.as_bytes()), Vec::<std::path::PathBuf>::new());
    assert_eq!(shop.holding(&shop.at("image-out"), value.as_bytes()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_secret_can_be_a_variable_and_comes_from_one() {
    let Some(shop) = Workshop::new() else { return };
    shop.write(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=secret,id=tok,env=TOKEN printf %s \"$TOKEN\" | wc -c > /count; ls /run/secrets 2>/dev/null | wc -l >> /count; env | grep -c ^TOKEN= >> /count\nRUN --mount=type=secret,id=TOK2,env=TOKEN,target=/both cmp /both /both && printf %s \"$TOKEN\" | cmp - /both\nRUN env | grep -c TOKEN > /after || true\n",
    );
    let context = shop.context().display().to_string();
    let out = shop.arg("out.tar");
    let output = format!("type=tar,dest={out}");
    let variables = [("MINE", "hidden-Kp4-value"), ("TOK2", "hidden-Kp4-value")];
    let args =
        ["build", "--secret", "id=tok,env=MINE", "--secret", "id=TOK2", "-o", &output, "-t", "it", &context];
    shop.rbuild_with(&args, b"", &variables).ok().never_says(&["hidden-Kp4-value"]);
    let files = super::image::flat(&std::fs::read(&out).expect("there"));
    assert_eq!(files["count"].text, "16\n0\n1\n");
    assert_eq!(files["after"].text, "0\n");
    assert_eq!(shop.holding(&shop.store(), b"hidden-Kp4-value"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_missing_secret_is_left_out_unless_it_is_required() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop
        .image("FROM busybox\nRUN --mount=type=secret,id=no test ! -e /run/secrets/no && touch /ok\n", &[]);
    assert!(image.has("ok"));
    shop.build("FROM busybox\nRUN --mount=type=secret,id=no,required true\n", &[]).fails(&[
        "secret",
        "no",
        ">>> RUN --mount=type=secret,id=no,required",
        "Dockerfile:2",
    ]);
    shop.build("FROM busybox\nRUN true\n", &["--secret", "id=x,src=/does/not/exist"])
        .fails(&["/does/not/exist"]);
}

#[test]
fn another_secret_is_no_reason_to_run_again() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN --mount=type=secret,id=tok cat /run/secrets/tok | wc -c > /count\n";
    let first = shop.write_at("one", "1");
    let second = shop.write_at("two", "22");
    shop.build(dockerfile, &["--secret", &format!("id=tok,src={}", first.display())]).ok();
    shop.build(dockerfile, &["--secret", &format!("id=tok,src={}", second.display())])
        .ok()
        .says(&["CACHED\n"])
        .never_says(&["cat: "]);
    let image = shop.image(dockerfile, &["--secret", &format!("id=tok,src={}", second.display())]);
    assert_eq!(image.text("count"), "1\n");
}

#[test]
fn mounts_lie_over_each_other_in_their_order() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a/x", "context");
    let image = shop.image(
        "FROM busybox\nRUN --mount=target=/m,source=a,rw --mount=type=tmpfs,target=/m/t --mount=type=cache,target=/m/c touch /m/t/1 /m/c/2 && cat /m/x > /out && find /m | sort >> /out\n",
        &[],
    );
    assert_eq!(image.text("out"), "context/m\n/m/c\n/m/c/2\n/m/t\n/m/t/1\n/m/x\n");
    assert!(!image.has("m"));
}

#[test]
fn a_mount_point_inside_an_existing_directory_leaves_that_directory_as_it_was() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a", "a");
    let image = shop.image(
        "FROM busybox\nRUN --mount=source=a,target=/etc/deep/a --mount=type=cache,target=/root/.cache/x --mount=type=tmpfs,target=/tmp true\n",
        &[],
    );
    assert!(!image.has("etc/deep") && !image.has("root/.cache"), "{:?}", image.files.keys());
    assert_eq!(image.who("tmp"), "1777 0:0");
    assert_eq!(image.layers.last().map(Vec::len), Some(0), "{:?}", image.layers.last());
}

#[test]
fn a_relative_mount_target_is_below_the_working_directory_and_variables_are_expanded() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a", "here");
    let image = shop.image(
        "FROM busybox\nARG WHERE=in\nWORKDIR /w\nRUN --mount=source=a,target=${WHERE}/f cat in/f > /out; ls /w/in >> /out\n",
        &[],
    );
    assert_eq!(image.text("out"), "heref\n");
    assert!(!image.has("w/in"));
}

#[test]
fn an_ssh_mount_without_an_agent_is_left_out_unless_it_is_required() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nRUN --mount=type=ssh true\n", &[]).ok();
    shop.build("FROM busybox\nRUN --mount=type=ssh,required echo agent\n", &[])
        .fails(&["ssh", "Dockerfile:2"]);
}

#[test]
fn an_insecure_run_needs_its_entitlement() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN --security=insecure grep CapEff /proc/self/status > /caps\n";
    shop.build(dockerfile, &[]).fails(&["security.insecure", "--allow", "Dockerfile:2"]);
    let image = shop.image(dockerfile, &["--allow", "security.insecure"]);
    assert_ne!(image.text("caps"), "CapEff:\t00000000a80425fb\n");
    let image = shop.image("FROM busybox\nRUN grep CapEff /proc/self/status > /caps\n", &[]);
    assert_eq!(image.text("caps"), "CapEff:\t00000000a80425fb\n");
}
