//! Variables, ARG and its scopes, ENV, LABEL and the config instructions.

use serde_json::json;

use super::Workshop;

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[test]
fn every_config_instruction_is_in_the_config_and_in_history() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nMAINTAINER me <me@example.com>\nLABEL a=1 \"b c\"='d e' multi=\"x\\\ny\"\nENV E=1 F=\"two words\" G=a\\ b\nENV OLD style value\nEXPOSE 80 443/tcp 53/udp 7000-7002\nVOLUME /data /more\nVOLUME [\"/json\"]\nSTOPSIGNAL SIGUSR1\nHEALTHCHECK --interval=5s --timeout=3s --start-period=1m --start-interval=2s --retries=4 CMD test -e /ok\nENTRYPOINT [\"/bin/echo\", \"hello\"]\nCMD [\"world\"]\nONBUILD RUN echo later\n",
        &[],
    );
    let config = image.settings();
    assert_eq!(config["Labels"], json!({"a": "1", "b c": "d e", "multi": "xy"}));
    assert_eq!(image.env(), [PATH, "E=1", "F=two words", "G=a b", "OLD=style value"]);
    assert_eq!(
        config["ExposedPorts"],
        json!({"80/tcp": {}, "443/tcp": {}, "53/udp": {}, "7000/tcp": {}, "7001/tcp": {}, "7002/tcp": {}})
    );
    assert_eq!(config["Volumes"], json!({"/data": {}, "/more": {}, "/json": {}}));
    assert_eq!(config["StopSignal"], "SIGUSR1");
    assert_eq!(
        config["Healthcheck"],
        json!({"Test": ["CMD-SHELL", "test -e /ok"], "Interval": 5_000_000_000u64, "Timeout": 3_000_000_000u64, "StartPeriod": 60_000_000_000u64, "StartInterval": 2_000_000_000u64, "Retries": 4})
    );
    assert_eq!(config["Entrypoint"], json!(["/bin/echo", "hello"]));
    assert_eq!(config["Cmd"], json!(["world"]));
    assert_eq!(config["OnBuild"], json!(["RUN echo later"]));
    assert_eq!(image.config["author"], "me <me@example.com>");
    assert_eq!(
        image.history()[1..],
        [
            "MAINTAINER me <me@example.com>",
            "LABEL a=1 b c=d e multi=xy",
            "ENV E=1 F=two words G=a b",
            "ENV OLD=style value",
            "EXPOSE [443/tcp 53/udp 7000/tcp 7001/tcp 7002/tcp 80/tcp]",
            "VOLUME [/data /more]",
            "VOLUME [/json]",
            "STOPSIGNAL SIGUSR1",
            "HEALTHCHECK {Test:[CMD-SHELL test -e /ok] Interval:5s Timeout:3s StartPeriod:1m0s StartInterval:2s Retries:4}",
            "ENTRYPOINT [\"/bin/echo\" \"hello\"]",
            "CMD [\"world\"]",
        ]
    );
    assert_eq!(image.layers.len(), 1);
}

#[test]
fn entrypoint_of_a_stage_drops_the_cmd_of_its_base() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nCMD [\"old\"]\n", &["-t", "base"]).ok();
    let image = shop.image("FROM base\nENTRYPOINT [\"/bin/true\"]\n", &[]);
    assert!(image.settings().get("Cmd").is_none_or(serde_json::Value::is_null), "{}", image.settings());
    let image = shop.image("FROM base\nRUN true\n", &[]);
    assert_eq!(image.settings()["Cmd"], json!(["old"]));
    let image = shop.image("FROM base\nHEALTHCHECK NONE\n", &[]);
    assert_eq!(image.settings()["Healthcheck"]["Test"], json!(["NONE"]));
}

#[test]
fn every_form_of_expansion_works_in_env() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        r#"FROM busybox
ENV A=foobarfoo EMPTY=
ENV B=$A C=${A}x D=${NO:-fall} E=${A:+alt} F=${NO:+alt} G=${EMPTY:-e} H=${EMPTY-e} I=${NO-n} J=${A+p}
ENV K=${A#foo} L=${A##*o} M=${A%foo} N=${A%%o*} O=${A/foo/x} P=${A//foo/x} Q=\$A R='$A' S="$A" T=${NO:-${A}}
ENV A=new U=$A
LABEL l-$A=$U
"#,
        &[],
    );
    let expected = [
        PATH,
        "A=new",
        "EMPTY=",
        "B=foobarfoo",
        "C=foobarfoox",
        "D=fall",
        "E=alt",
        "F=",
        "G=e",
        "H=",
        "I=n",
        "J=p",
        "K=barfoo",
        "L=",
        "M=foobar",
        "N=f",
        "O=xbarfoo",
        "P=xbarx",
        "Q=$A",
        "R=$A",
        "S=foobarfoo",
        "T=foobarfoo",
        "U=foobarfoo",
    ];
    assert_eq!(image.env(), expected);
    assert_eq!(image.settings()["Labels"], json!({"l-new": "foobarfoo"}));
    shop.build("FROM busybox\nENV A=${NO:?must be given}\n", &[]).fails(&[
        "must be given",
        ">>> ENV",
        "Dockerfile:2",
    ]);
}

#[test]
fn an_arg_is_known_from_its_line_to_the_end_of_its_stage() {
    let Some(shop) = Workshop::new() else { return };
    let (image, said) = shop.image_and_said(
        "ARG TAG=latest\nARG GLOBAL=g\nFROM busybox:$TAG AS a\nRUN echo \"[$V][$GLOBAL]\" > /a\nARG V=1\nARG GLOBAL\nRUN echo \"[$V][$GLOBAL]\" >> /a\nFROM busybox\nRUN echo \"[$V][$GLOBAL][$TAG]\" > /b\nCOPY --from=a /a /a\nARG V\nENV V=env\nRUN echo \"[$V]\" >> /b\n",
        &["--build-arg", "V=2"],
    );
    assert_eq!(image.text("a"), "[][]\n[2][g]\n");
    assert_eq!(image.text("b"), "[][][]\n[env]\n");
    said.never_says(&["UnusedBuildArg"]);
    assert!(
        !image.config.to_string().contains("GLOBAL=g")
            || image.history().iter().any(|h| h.contains("GLOBAL"))
    );
    assert!(image.env().iter().all(|e| e.starts_with("PATH=") || e == "V=env"));
}

#[test]
fn a_build_arg_that_nothing_declares_is_warned_of() {
    let Some(shop) = Workshop::new() else { return };
    let said = shop.build("FROM busybox\nARG VERSION=1\n", &["--build-arg", "VERSOIN=2"]).ok();
    said.says(&["UnusedBuildArg", "VERSOIN", "did you mean VERSION?"]);
}

#[test]
fn predefined_and_platform_arguments_have_values() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM --platform=$BUILDPLATFORM busybox\nARG TARGETPLATFORM\nARG TARGETOS\nARG TARGETARCH\nARG BUILDPLATFORM\nARG TARGETSTAGE\nRUN echo \"$TARGETPLATFORM $TARGETOS/$TARGETARCH $BUILDPLATFORM $TARGETSTAGE [$HTTP_PROXY]\" > /out\n",
        &["--build-arg", "HTTP_PROXY=http://proxy.example:1"],
    );
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    assert_eq!(
        image.text("out"),
        format!("linux/{arch} linux/{arch} linux/{arch} default [http://proxy.example:1]\n")
    );
    assert!(!image.config.to_string().contains("proxy.example"), "the proxy is in the config");
    assert_eq!(image.config["architecture"], arch);
    assert_eq!(image.config["os"], "linux");
}

#[test]
fn labels_of_the_command_line_win() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image("FROM busybox\nLABEL a=file b=file\n", &["--label", "a=line", "--label", "c=x=y"]);
    assert_eq!(image.settings()["Labels"], json!({"a": "line", "b": "file", "c": "x=y"}));
}

#[test]
fn escape_directive_continuations_comments_and_crlf_are_read_as_in_buildkit() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "# syntax=docker/dockerfile:1\n# escape=`\nFROM busybox\nRUN echo one `\n  # a comment inside\n\n  two `\n  > /out\nENV P=C:\\dir\n",
        &[],
    );
    assert_eq!(image.text("out"), "one two\n");
    assert_eq!(image.env()[1], "P=C:\\dir");
    let image = shop.image("from busybox\r\nrun echo a > /crlf\r\nEnv X=1 \\\r\n  Y=2\r\n", &[]);
    assert_eq!(image.text("crlf"), "a\n");
    assert_eq!(image.env()[1..], ["X=1", "Y=2"]);
}

#[test]
fn workdir_is_made_with_its_parents_for_the_user_and_is_relative_to_the_last() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox\nENV D=dir\nUSER app\nWORKDIR /a/b\nWORKDIR c/$D\nRUN pwd > /tmp/out\nUSER root\nWORKDIR /tmp\n",
        &[],
    );
    assert_eq!(image.text("tmp/out"), "/a/b/c/dir\n");
    assert_eq!([image.who("a"), image.who("a/b/c/dir")], ["0755 1000:1001"; 2]);
    assert_eq!(image.who("tmp"), "1777 0:0");
    assert_eq!(image.settings()["WorkingDir"], "/tmp");
    assert_eq!(image.history()[3], "WORKDIR /a/b");
    assert_eq!(image.history()[4], "WORKDIR /a/b/c/dir");
}

#[test]
fn onbuild_triggers_fire_in_the_next_build_and_are_not_inherited() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("f.txt", "triggered");
    let image = shop.image(
        "FROM busybox\nONBUILD COPY f.txt /f\nONBUILD RUN cat /f > /g\nONBUILD ENV FROM_TRIGGER=1\n",
        &["-t", "parent"],
    );
    assert!(!image.has("f"));
    let image = shop.image("FROM parent\nRUN cat /g > /h\n", &[]);
    assert_eq!(image.text("h"), "triggered");
    assert!(image.env().contains(&"FROM_TRIGGER=1".to_string()));
    assert!(image.settings().get("OnBuild").is_none_or(serde_json::Value::is_null), "{}", image.settings());
    shop.build("FROM parent\nRUN true\n", &[]).ok().says(&["ONBUILD"]);
}
