//! RUN in its shell, exec and heredoc forms, and what its process finds.

use super::Workshop;

#[test]
fn run_in_shell_form_is_given_to_bin_sh() {
    let Some(shop) = Workshop::new() else { return };
    let image =
        shop.image("FROM busybox\nRUN echo \"$0 $((6*7))\" > /out && ls /proc/self/exe >/dev/null\n", &[]);
    assert_eq!(image.text("out"), "/bin/sh 42\n");
    assert_eq!(image.layers.last().map(Vec::as_slice), Some(["out".to_string()].as_slice()));
}

#[test]
fn run_in_exec_form_has_no_shell_and_keeps_its_arguments_as_they_are() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nENV V=value\nRUN [\"cp\", \"/etc/group\", \"/$V && b c\"]\nRUN [\"/bin/sh\", \"-c\", \"printf '%s' \\\"$V\\\" > /v\"]\n",
        &[],
    );
    assert!(image.has("$V && b c"));
    assert_eq!(image.text("v"), "value");
    assert_eq!(image.history()[2], "RUN cp /etc/group /$V && b c # buildkit");
}

#[test]
fn a_run_heredoc_is_a_script_of_the_shell() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nENV V=1\nRUN <<EOF\necho one $V > /out\n  echo \"two\" >> /out\nEOF\nRUN <<-EOT cat > /in; cat /in | tr a-z A-Z > /up\n\tquiet\n\tEOT\nRUN cat <<A > /a && cat <<'B' > /b\n$V\nA\n$V\nB\n",
        &[],
    );
    assert_eq!(image.text("out"), "one 1\ntwo\n");
    assert_eq!(image.text("up"), "QUIET\n");
    assert_eq!(image.text("a"), "1\n");
    assert_eq!(image.text("b"), "$V\n");
}

#[test]
fn a_run_heredoc_with_an_interpreter_line_is_run_by_it() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop
        .image("FROM busybox\nRUN <<EOF\n#!/bin/awk -f\nBEGIN { print \"from awk\" > \"/out\" }\nEOF\n", &[]);
    assert_eq!(image.text("out"), "from awk\n");
    assert_eq!(image.layers.last().map(Vec::as_slice), Some(["out".to_string()].as_slice()));
}

#[test]
fn a_failing_line_of_a_heredoc_with_set_e_fails_the_step() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nRUN <<EOF\nset -e\necho before\nfalse\necho after\nEOF\n", &[])
        .fails(&["exit code: 1", "before", ">>> RUN <<EOF", "Dockerfile:2"])
        .never_says(&[" after\n#"]);
}

#[test]
fn shell_changes_run_cmd_and_the_config() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nSHELL [\"/bin/sh\", \"-eu\", \"-c\"]\nRUN false || echo $- > /flags\nCMD echo hi\n",
        &[],
    );
    assert!(
        image.text("flags").contains('e') && image.text("flags").contains('u'),
        "{:?}",
        image.text("flags")
    );
    assert_eq!(image.settings()["Shell"], serde_json::json!(["/bin/sh", "-eu", "-c"]));
    assert_eq!(image.settings()["Cmd"], serde_json::json!(["/bin/sh", "-eu", "-c", "echo hi"]));
    assert_eq!(image.history()[1], "SHELL [/bin/sh -eu -c]");
    shop.build("FROM busybox\nSHELL [\"/bin/sh\", \"-eu\", \"-c\"]\nRUN echo $UNDEFINED\n", &[])
        .fails(&["UNDEFINED", "exit code: 2"]);
}

#[test]
fn run_without_network_has_a_loopback_alone() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN --network=none grep -c : /proc/net/dev > /none; grep : /proc/net/dev | cut -d: -f1 | tr -d ' ' >> /none\n",
        &[],
    );
    assert_eq!(image.text("none"), "1\nlo\n");
}

#[test]
fn a_run_as_a_user_has_their_ids_groups_and_home() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN mkdir -m 777 /o\nUSER app\nRUN id > /o/app; echo $HOME > /o/home\nUSER 1000\nRUN id -u > /o/number; id -g >> /o/number\nUSER 77:88\nRUN id -u > /o/both; id -g >> /o/both; echo $HOME >> /o/both\nUSER app:extra\nRUN id -g > /o/group\n",
        &[],
    );
    assert_eq!(image.text("o/app"), "uid=1000(app) gid=1001(app) groups=1001(app),1002(extra)\n");
    assert_eq!(image.text("o/home"), "/home/app\n");
    assert_eq!(image.text("o/number"), "1000\n1001\n");
    assert_eq!(image.text("o/both"), "77\n88\n/\n");
    assert_eq!(image.text("o/group"), "1002\n");
    assert_eq!(image.who("o/app"), "0644 1000:1001");
    assert_eq!(image.who("o/both"), "0644 77:88");
    assert_eq!(image.settings()["User"], "app:extra");
}

#[test]
fn a_user_that_the_image_lacks_is_said_by_name() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nUSER nobody-here\nRUN true\n", &[]).fails(&[
        "nobody-here",
        ">>> RUN true",
        "Dockerfile:3",
    ]);
}

#[test]
fn run_sees_env_and_arg_and_only_env_is_kept() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nARG ONE=default\nARG TWO\nENV THREE=$ONE\nRUN env | sort > /env\n",
        &["--build-arg", "TWO=given"],
    );
    let env = image.text("env");
    for line in [
        "ONE=default",
        "TWO=given",
        "THREE=default",
        "HOME=/root",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ] {
        assert!(env.lines().any(|l| l == line), "{line} not in {env}");
    }
    assert_eq!(
        image.env(),
        ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "THREE=default",]
    );
    assert_eq!(
        image.history().last().expect("some"),
        "RUN |2 ONE=default TWO=given /bin/sh -c env | sort > /env # buildkit"
    );
}

#[test]
fn what_the_sandbox_provides_is_never_committed() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN cat /etc/hosts /etc/resolv.conf >/dev/null && grep -q x.example /etc/hosts && touch /dev/shm/a /dev/b && echo done > /done\n",
        &["--add-host", "x.example:10.1.2.3"],
    );
    assert_eq!(image.layers.last().map(Vec::as_slice), Some(["done".to_string()].as_slice()));
}

#[test]
fn mount_points_that_the_base_lacks_are_there_in_each_run_and_in_no_layer() {
    let Some(shop) = Workshop::new() else { return };
    let look = "ls -d /etc /etc/hosts /etc/resolv.conf /proc /sys /dev && stat -c %a /etc";
    let image = shop.image(
        &format!(
            "FROM scratch\nCOPY --from=busybox /bin /bin\nENV PATH=/bin\n\
             RUN {look} && chmod 700 /etc && touch /etc/gone && rm /etc/gone && echo 1 > /one\nRUN {look} && echo 2 > /etc/two\nRUN {look} && rm /etc/two && echo 3 > /three\n"
        ),
        &[],
    );
    let layers: Vec<_> = image.layers.iter().rev().take(3).rev().cloned().collect();
    let expected = [&["one"][..], &["etc", "etc/two"], &["etc", "etc/.wh.two", "three"]];
    let names =
        |layer: &Vec<String>| layer.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    assert_eq!(layers.iter().map(names).collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_beside_mount_points_that_a_link_leads_to_is_the_runs() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("link/usr/etc/keep", "");
    std::os::unix::fs::symlink("usr/etc", shop.context().join("link/etc")).unwrap();
    let image = shop.image(
        "FROM scratch\nCOPY --from=busybox /bin /bin\nENV PATH=/bin\nCOPY link/ /\nRUN rm /etc && mkdir /etc && echo mine > /etc/hosts && echo other > /etc/other\n",
        &[],
    );
    assert_eq!(image.text("etc/hosts"), "mine\n");
    assert_eq!(image.below("etc"), ["hosts", "other"]);
    assert_eq!(image.below("usr/etc"), ["keep"]);
}

#[test]
fn what_a_run_removed_is_no_change_on_disk_to_the_next_build() {
    let Some(shop) = Workshop::new() else { return };
    let first = "FROM busybox\nRUN echo a > /a; echo b > /b; mkdir /d; echo e > /d/e\nRUN rm -r /a /b /d && mkdir /d\nRUN echo c > /c\n";
    shop.build(first, &[]).ok();
    shop.build(&format!("{first}RUN echo d > /d/d\n"), &[]).ok().never_says(&["changed on disk"]);
}

#[test]
fn what_was_done_before_a_failure_is_not_done_again() {
    let Some(shop) = Workshop::new() else { return };
    let first = "FROM busybox\nRUN echo once; echo a > /a\n";
    for failing in ["RUN false\n", "COPY missing /\n", "COPY --from=busybox /no-such /\n"] {
        let salted = first.replace("once", &format!("once {}", failing.len()));
        shop.build(&format!("{salted}{failing}"), &[]).fails(&["Dockerfile:3"]);
        shop.build(&salted, &[]).ok().says(&["CACHED"]);
    }
}

#[test]
fn removed_and_replaced_files_are_whiteouts() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nRUN mkdir -p /d/sub && echo a > /d/a && echo b > /d/sub/b && ln -s a /d/l && ln /d/a /d/h\nRUN rm -r /d/sub /d/l && echo c > /d/a && mkdir /d/l && touch /d/l/in\n",
        &[],
    );
    assert_eq!(image.below("d"), ["a", "h", "l", "l/in"]);
    assert_eq!(image.text("d/a"), "c\n");
    assert_eq!(image.at("d/l").kind, 'd');
    let last = image.layers.last().expect("some");
    assert!(last.contains(&"d/.wh.sub".to_string()), "{last:?}");
}
