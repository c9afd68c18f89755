//! The image's config and history, word by word.

use serde_json::{Value, json};

use super::case::{build, fill};
use crate::e2e::{Image, Workshop};

fn image(dockerfile: &str, args: &[&str]) -> Image {
    let shop = Workshop::bare();
    let context = fill(&shop, &["f=1", "d/g=2"]);
    build(&shop, &context, dockerfile, args).unwrap_or_else(|said| panic!("{said}"))
}

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[test]
fn every_instruction_has_its_history_and_its_place_in_the_config() {
    let image = image(
        concat!(
            "ARG BASE=scratch\nFROM ${BASE}\n",
            "MAINTAINER Some One <some@one.example>\n",
            "ARG A=1 B C=\"x y\"\n",
            "ENV ONE=1 TWO=\"2 3\" THREE=a\\ b EMPTY=\n",
            "ENV legacy a  b   c\n",
            "ENV ONE=${ONE}1 NEXT=$ONE\n",
            "LABEL a=1 \\\n      \"b c\"=\"d e\" multi=\"x \\\n  y\"\n",
            "LABEL old one two\n",
            "WORKDIR /w\nWORKDIR sub\nWORKDIR /\n",
            "COPY --chown=1:2 --chmod=644 --exclude=q f d /x/\n",
            "ADD --link f ${ONE}\n",
            "COPY --parents d/g /\n",
            "COPY <<E1 <<\"E2\" /h/\n$A\nE1\n$A\nE2\n",
            "EXPOSE 8080 53/udp 90-91 443/TCP\n",
            "VOLUME /v1 /v2\nVOLUME [\"/v 3\"]\n",
            "USER app:grp\n",
            "STOPSIGNAL SIGTERM\n",
            "SHELL [\"/bin/ash\", \"-ec\"]\n",
            "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=5s --start-interval=1s --retries=4 CMD curl -f \"x\" || exit 1\n",
            "ENTRYPOINT exec top -b\n",
            "CMD [ \"a\\\"b\" , \"é\\t\" ]\n",
            "ONBUILD   RUN   echo  $HI\n",
        ),
        &["--build-arg", "A=7"],
    );
    let created_by = |text: &str| text.to_string();
    assert_eq!(
        image.history(),
        [
            "MAINTAINER Some One <some@one.example>",
            "ARG A=7 B C=x y",
            "ENV ONE=1 TWO=2 3 THREE=a b EMPTY=",
            "ENV legacy=a  b   c",
            "ENV ONE=11 NEXT=1",
            "LABEL a=1 b c=d e multi=x   y",
            "LABEL old=one two",
            "WORKDIR /w",
            "WORKDIR /w/sub",
            "WORKDIR /",
            "COPY --chown=1:2 --chmod=644 f d /x/ # buildkit",
            "ADD f 11 # buildkit",
            "COPY --parents d/g / # buildkit",
            "COPY <<E1 <<E2 /h/ # buildkit",
            "EXPOSE [443/tcp 53/udp 8080/tcp 90/tcp 91/tcp]",
            "VOLUME [/v1 /v2]",
            "VOLUME [/v 3]",
            "USER app:grp",
            "STOPSIGNAL SIGTERM",
            "SHELL [/bin/ash -ec]",
            "HEALTHCHECK {Test:[CMD-SHELL curl -f \"x\" || exit 1] Interval:1m30s Timeout:500ms StartPeriod:5s StartInterval:1s Retries:4}",
            "ENTRYPOINT [\"/bin/ash\" \"-ec\" \"exec top -b\"]",
            "CMD [\"a\\\"b\" \"é\\t\"]",
        ]
        .map(created_by)
    );
    let history = image.config["history"].as_array().expect("history");
    let layers: Vec<usize> =
        history.iter().enumerate().filter(|(_, e)| e["empty_layer"] != true).map(|(i, _)| i).collect();
    assert_eq!(layers, [7, 8, 10, 11, 12, 13], "WORKDIR / makes no layer");
    assert!(history.iter().all(|entry| entry["comment"] == "buildkit.dockerfile.v0"));
    assert_eq!(image.text("h/E1"), "7\n");
    assert_eq!(image.text("h/E2"), "$A\n");
    assert_eq!(image.config["author"], "Some One <some@one.example>");
    assert_eq!(
        image.settings(),
        &json!({
            "User": "app:grp",
            "ExposedPorts": {"443/tcp": {}, "53/udp": {}, "8080/tcp": {}, "90/tcp": {}, "91/tcp": {}},
            "Env": [PATH, "ONE=11", "TWO=2 3", "THREE=a b", "EMPTY=", "legacy=a  b   c", "NEXT=1"],
            "Entrypoint": ["/bin/ash", "-ec", "exec top -b"],
            "Cmd": ["a\"b", "é\t"],
            "Volumes": {"/v1": {}, "/v2": {}, "/v 3": {}},
            "WorkingDir": "/",
            "Labels": {"a": "1", "b c": "d e", "multi": "x   y", "old": "one two"},
            "OnBuild": ["RUN   echo  $HI"],
            "StopSignal": "SIGTERM",
            "Healthcheck": {
                "Test": ["CMD-SHELL", "curl -f \"x\" || exit 1"],
                "Interval": 90_000_000_000_u64, "Timeout": 500_000_000, "StartPeriod": 5_000_000_000_u64,
                "StartInterval": 1_000_000_000, "Retries": 4,
            },
            "Shell": ["/bin/ash", "-ec"],
            "ArgsEscaped": true,
        })
    );
}

/// One member of the config.
fn member(dockerfile: &str, args: &[&str], name: &str) -> Value {
    image(&format!("FROM scratch\n{dockerfile}\n"), args).settings()[name].clone()
}

#[test]
fn commands() {
    for (dockerfile, name, want) in [
        ("CMD echo  $HOME", "Cmd", json!(["/bin/sh", "-c", "echo  $HOME"])),
        ("CMD [\"a\",\"b\"]", "Cmd", json!(["a", "b"])),
        ("CMD [ ]", "Cmd", Value::Null),
        ("CMD ['a']", "Cmd", json!(["/bin/sh", "-c", "['a']"])),
        ("CMD [\"a\"] b", "Cmd", json!(["/bin/sh", "-c", "[\"a\"] b"])),
        ("cmd [\"$X\", \"a\\\\b\"]", "Cmd", json!(["$X", "a\\b"])),
        ("CMD a \\\n  b \\\n # no\n  c", "Cmd", json!(["/bin/sh", "-c", "a   b   c"])),
        ("ENTRYPOINT []random", "Entrypoint", json!(["/bin/sh", "-c", "[]random"])),
        ("SHELL [\"ls\"]\nENTRYPOINT my entry", "Entrypoint", json!(["ls", "my entry"])),
        ("CMD a\nENTRYPOINT [\"b\"]", "Cmd", json!(["/bin/sh", "-c", "a"])),
        ("CMD a\nFROM 0\nENTRYPOINT [\"b\"]", "Cmd", Value::Null),
        ("HEALTHCHECK NONE", "Healthcheck", json!({"Test": ["NONE"]})),
        ("HEALTHCHECK CMD [\"a\", \"b\"]", "Healthcheck", json!({"Test": ["CMD", "a", "b"]})),
        (
            "healthcheck --retries=3 cmd a b",
            "Healthcheck",
            json!({"Test": ["CMD-SHELL", "a b"], "Retries": 3}),
        ),
        ("STOPSIGNAL 9", "StopSignal", json!("9")),
        ("ENV S=SIGINT\nSTOPSIGNAL $S", "StopSignal", json!("SIGINT")),
        ("ENV U=a\nUSER ${U}:b", "User", json!("a:b")),
        ("USER a\nUSER \"\"", "User", Value::Null),
    ] {
        let dockerfile = dockerfile.replace("FROM 0", "FROM base");
        let dockerfile = if dockerfile.contains("FROM base") {
            format!("FROM scratch AS base\n{dockerfile}")
        } else {
            dockerfile
        };
        assert_eq!(member(&dockerfile, &[], name), want, "{dockerfile}");
    }
}

#[test]
fn sets_and_paths() {
    for (dockerfile, args, name, want) in [
        ("EXPOSE 80", &[][..], "ExposedPorts", json!({"80/tcp": {}})),
        (
            "ARG P=\"3000 4000/udp\"\nEXPOSE $P\nEXPOSE 5000",
            &[],
            "ExposedPorts",
            json!({"3000/tcp": {}, "4000/udp": {}, "5000/tcp": {}}),
        ),
        ("EXPOSE 8080:80 127.0.0.1:1:2/udp", &[], "ExposedPorts", json!({"80/tcp": {}, "2/udp": {}})),
        ("ENV V=/a\nVOLUME $V /b", &[], "Volumes", json!({"/a": {}, "/b": {}})),
        ("VOLUME [\"/a\", \"/b\"]", &[], "Volumes", json!({"/a": {}, "/b": {}})),
        ("WORKDIR /a/", &[], "WorkingDir", json!("/a/")),
        ("WORKDIR a", &[], "WorkingDir", json!("/a")),
        ("WORKDIR /a/../b", &[], "WorkingDir", json!("/a/../b")),
        ("ENV H=/h\nWORKDIR $H/x\nWORKDIR ..", &[], "WorkingDir", json!("/h")),
        ("WORKDIR /a b", &[], "WorkingDir", json!("/a b")),
        ("USER a", &[], "WorkingDir", json!("/")),
        (
            "LABEL a=1\nLABEL a=2 b=$X",
            &["--label", "a=3", "--label", "c=4"],
            "Labels",
            json!({"a": "3", "b": "", "c": "4"}),
        ),
        (
            "LABEL \"a.b\"='single $X' c.d=\"dou\\\"ble\"",
            &[],
            "Labels",
            json!({"a.b": "single $X", "c.d": "dou\"ble"}),
        ),
    ] {
        assert_eq!(member(dockerfile, args, name), want, "{dockerfile}");
    }
}

#[test]
fn variables() {
    let env = |dockerfile: &str, args: &[&str]| {
        let mut env = image(dockerfile, args).env();
        assert_eq!(env.remove(0), PATH);
        env
    };
    for (dockerfile, args, want) in [
        ("FROM scratch\nARG a\nENV b=${a:-d}", &[][..], &["b=d"][..]),
        ("FROM scratch\nARG a\nENV b=${a:-d}", &["--build-arg", "a=x"], &["b=x"]),
        ("FROM scratch\nARG a\nENV b=${a:-d}", &["--build-arg", "a="], &["b=d"]),
        ("FROM scratch\nARG a\nENV b=${a-d}", &["--build-arg", "a="], &["b="]),
        ("FROM scratch\nARG a=1\nENV b=${a:+y}${c:+n}", &[], &["b=y"]),
        (
            "FROM scratch\nENV p=/a/b.tar.gz\nENV q=${p##*/} r=${p%.gz} s=${p%%.*} t=${p#/} u=${p/a/x} v=${p//a/x}",
            &[],
            &[
                "p=/a/b.tar.gz",
                "q=b.tar.gz",
                "r=/a/b.tar",
                "s=/a/b",
                "t=a/b.tar.gz",
                "u=/x/b.tar.gz",
                "v=/x/b.txr.gz",
            ],
        ),
        ("FROM scratch\nENV a='$b' c=\"$a\" d=\\$a", &[], &["a=$b", "c=", "d=$a"]),
        ("ARG g=1\nFROM scratch\nENV a=[$g]\nARG g\nENV b=[$g]", &[], &["a=[]", "b=[1]"]),
        ("ARG g=1\nFROM scratch\nARG g=2\nENV b=$g", &[], &["b=2"]),
        ("ARG g=1\nFROM scratch\nARG g=2\nENV b=$g", &["--build-arg", "g=3"], &["b=3"]),
        ("ARG g=1\nARG h=$g-2\nFROM scratch\nARG h\nENV b=$h", &[], &["b=1-2"]),
        ("FROM scratch AS x\nARG a=1\nENV k=v\nFROM x\nENV b=$a c=$k", &[], &["k=v", "b=1", "c=v"]),
        ("FROM scratch AS x\nARG a=1\nFROM scratch\nENV b=[$a]", &[], &["b=[]"]),
        (
            "FROM scratch\nARG TARGETARCH\nARG TARGETOS\nENV b=$TARGETOS/$TARGETARCH",
            &["--platform", "linux/arm64"],
            &["b=linux/arm64"],
        ),
        ("FROM scratch\nARG TARGETSTAGE\nENV b=$TARGETSTAGE", &[], &["b=default"]),
        ("FROM scratch AS fin\nARG TARGETSTAGE\nENV b=$TARGETSTAGE", &[], &["b=fin"]),
        ("FROM scratch\nENV a=1 b=$a\nENV c=$b", &[], &["a=1", "b=", "c="]),
        ("FROM scratch\nenv A=1 \\\n # c\n\n B=2", &[], &["A=1", "B=2"]),
        ("FROM scratch\nENV A \"q\" 'r'", &[], &["A=q r"]),
        ("FROM scratch\nENV A=a\\\\b B=\"a\\nb\" C='a\\nb'", &[], &["A=a\\b", "B=a\\nb", "C=a\\nb"]),
        ("FROM scratch\nENV PYTHONPATH=\"${PYTHONPATH}:/app\"", &[], &["PYTHONPATH=:/app"]),
        ("FROM scratch\nENV A=%s", &[], &["A=%s"]),
    ] {
        assert_eq!(env(dockerfile, args), want, "{dockerfile} {args:?}");
    }
}

#[test]
fn triggers_of_a_stage_act_once_and_are_not_inherited() {
    let image = image(
        "FROM scratch AS src\nCOPY f /from\nFROM scratch AS base\nONBUILD ENV A=1\nONBUILD COPY --from=src /from /to\nONBUILD ARG X=2\nFROM base AS mid\nENV B=$A$X\nFROM mid\nLABEL l=$B\n",
        &[],
    );
    assert_eq!(
        image.history(),
        ["ENV A=1", "COPY /from /to # buildkit", "ARG X=2", "ENV B=12", "LABEL l=12"]
    );
    assert_eq!(image.settings()["OnBuild"], Value::Null);
    assert_eq!(image.text("to"), "1");
}

#[test]
fn an_image_without_layers_is_an_image() {
    let image = image("FROM scratch\nENV a=1\n", &[]);
    assert_eq!(image.config["rootfs"]["diff_ids"], json!([]));
    assert_eq!(image.settings(), &json!({"Env": [PATH, "a=1"], "WorkingDir": "/"}));
}
