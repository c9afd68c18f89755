//! RUN: who runs, with what around it, and what is left behind.

use crate::e2e::Workshop;

fn checked(dockerfile: &str, args: &[&str]) {
    let Some(shop) = Workshop::new() else { return };
    shop.write("f", "1");
    shop.build(dockerfile, args).ok();
}

#[test]
fn users_and_groups() {
    checked(
        r#"FROM busybox
SHELL ["/bin/sh", "-euc"]
RUN printf 'root:x:0:0::/root:/bin/sh\napp:x:11:12::/home/app:/bin/sh\n' > /etc/passwd; printf 'root:x:0:\nwheel:x:10:root\napp:x:12:\nmore:x:13:app\n' > /etc/group
RUN [ "$(id -u) $(id -g) $(id -G) $HOME" = "0 0 0 10 /root" ]
USER app
RUN [ "$(id -u) $(id -g) $(id -G) $HOME" = "11 12 12 13 /home/app" ]
USER 11
RUN [ "$(id -u) $(id -g) $(id -G) $HOME" = "11 12 12 13 /home/app" ]
USER app:more
RUN [ "$(id -u) $(id -g) $(id -G)" = "11 13 13" ]
USER 11:more
RUN [ "$(id -u) $(id -g) $(id -G)" = "11 13 13" ]
USER 99
RUN [ "$(id -u) $(id -g) $(id -G) $HOME" = "99 0 0 /" ]
USER 99:98
RUN [ "$(id -u) $(id -g) $(id -G)" = "99 98 98" ]
USER app
WORKDIR /job/deep
RUN [ "$(stat -c %u:%g /job /job/deep . | tr '\n' ' ')" = "11:12 11:12 11:12 " ] && touch mine
"#,
        &[],
    );
}

#[test]
fn environment_and_place() {
    checked(
        r#"ARG G=global
FROM busybox
SHELL ["/bin/sh", "-euxc"]
ARG A
ARG B=
ARG C=c
ENV D=$C E="a b"
RUN [ -z "${A+set}" ] && [ "${B-unset}" = "" ] && [ "$C/$D/$E" = "c/c/a b" ] && [ -z "${G+set}" ]
ENV C=env
RUN [ "$C" = env ]
ARG G
RUN [ "$G" = global ] && [ "$PWD" = / ] && [ "$(hostname)" = buildkitsandbox ]
RUN [ -z "${HTTP_PROXY+set}" ] || [ "$HTTP_PROXY" = p ]
WORKDIR /a
WORKDIR b
RUN [ "$PWD" = /a/b ]
RUN ["/bin/sh", "-c", "[ \"$C\" = env ]"]
RUN <<EOF
[ "$C" = env ]
cd /
EOF
RUN <<EOF cat > /out && [ "$(cat /out)" = "env \$x" ]
$C \$x
EOF
RUN <<'EOF' cat > /out && [ "$(cat /out)" = '$C \$x' ]
$C \$x
EOF
RUN <<-EOF
	[ "$C" = env ]
	EOF
RUN cat <<A > /one; cat <<B > /two
1
A
2
B
RUN [ "$(cat /one /two | tr '\n' ' ')" = "1 2 " ]
ENTRYPOINT ["/nothing"]
RUN true
"#,
        &["--build-arg", "HTTP_PROXY=p"],
    );
}

#[test]
fn history_names_arguments_once_and_the_shell() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nARG foo=bar\nARG bar=1 none\nARG foo=bar2\nRUN true\nRUN [\"true\",\"a b\"]\nENV bar=2\nSHELL [\"/bin/sh\",\"-e\",\"-c\"]\nRUN echo \"$foo\" \\\n  && true\nRUN <<E\ntrue\nE\n",
        &[],
    );
    let history = image.history();
    let runs: Vec<&String> = history.iter().filter(|text| text.starts_with("RUN")).collect();
    assert_eq!(
        runs,
        [
            "RUN |3 foo=bar2 bar=1 none= /bin/sh -c true # buildkit",
            "RUN |3 foo=bar2 bar=1 none= true a b # buildkit",
            "RUN |3 foo=bar2 bar=2 none= /bin/sh -e -c echo \"$foo\"   && true # buildkit",
            "RUN |3 foo=bar2 bar=2 none= /bin/sh -e -c true\n # buildkit",
        ]
    );
    assert_eq!(image.layers.len(), 5, "a RUN that changes nothing has a layer too");
}

#[test]
fn nothing_is_left_of_what_is_mounted() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("f", "1");
    shop.write_at("s", "secret");
    let before = shop.image("FROM busybox\n", &[]);
    let secret = format!("id=s,src={}", shop.arg("s"));
    let after = shop.image(
        "FROM busybox\nRUN --mount=type=bind,target=/a/b --mount=type=cache,target=/c/d/e --mount=type=tmpfs,target=/t/x --mount=type=secret,id=s --mount=type=secret,id=s,target=/q/r cat /a/b/f /run/secrets/s /q/r && touch /c/d/e/x /t/x/y && ls /etc/resolv.conf /etc/hosts /proc/self /sys /dev/null /dev/shm\n",
        &["--secret", &secret],
    );
    let paths = |image: &crate::e2e::Image| image.files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&before), paths(&after));
    assert_eq!(after.layers.last().map(Vec::len), Some(0), "{:?}", after.layers.last());
}

#[test]
fn files_of_a_run_are_kept_as_they_are() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nVOLUME /v\nRUN mkdir -p /v /o && echo 1 > /v/in && umask 077 && echo 2 > /o/f && chmod 4711 /o/f && ln /o/f /o/h && ln -s none /o/l && mkfifo /o/p && mkdir -m 1777 /o/t && chown -h 5:6 /o/l && rm /etc/group\nRUN rm -r /o/t && echo 3 >> /o/f\nWORKDIR /gone/away\n",
        &[],
    );
    assert_eq!(image.text("v/in"), "1\n", "a volume is a directory like any other");
    assert_eq!(image.who("o/f"), "4711 0:0");
    assert_eq!((image.at("o/l").kind, image.at("o/l").link.as_str()), ('l', "none"));
    assert_eq!(image.who("o/l"), "0777 5:6");
    assert_eq!(image.who("o/p"), "0600 0:0");
    assert_eq!(image.who("o"), "0755 0:0");
    assert!(!image.has("o/t") && !image.has("etc/group"));
}

#[test]
fn a_working_directory_that_is_gone_is_made_again() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nWORKDIR /w/x\nRUN rmdir /w/x\nRUN pwd > /at\nRUN rm -r /w\nUSER 5:6\nRUN pwd\n",
        &[],
    );
    assert_eq!(image.text("at"), "/w/x\n");
    assert_eq!(image.who("w"), "0755 5:6");
    assert_eq!(image.who("w/x"), "0755 5:6", "it belongs to whoever runs");
}
