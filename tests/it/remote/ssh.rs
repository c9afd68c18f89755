//! SSH agents in a RUN and for git.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::e2e::{Workshop, tools};

/// An agent that has no key. What reaches it through a filter is tested beside the filter.
fn agent(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
}

fn answer(mut stream: UnixStream) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        // SSH_AGENT_IDENTITIES_ANSWER with none.
        let _ = stream.write_all(&[0, 0, 0, 5, 12, 0, 0, 0, 0]);
    }
}

#[test]
fn a_run_finds_the_agents_socket_with_its_mode_and_owner_and_nothing_of_it_stays() {
    let Some(shop) = Workshop::new() else { return };
    let socket = shop.at("agent.sock");
    agent(&socket);
    let file = "FROM busybox\n\
        RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && stat -c '%a %u %g %n' $SSH_AUTH_SOCK > /default\n\
        RUN --mount=type=ssh,id=x,target=/s,mode=0666,uid=3,gid=4 stat -c '%a %u %g' /s > /named\n\
        RUN --mount=type=ssh,id=none echo ${SSH_AUTH_SOCK:+set} > /optional\n";
    let named = format!("x={}", socket.display());
    let default = format!("default={}", socket.display());
    let image = shop.image(file, &["--ssh", &default, "--ssh", &named]);
    assert_eq!(image.text("default"), "600 0 0 /run/buildkit/ssh_agent.0\n");
    assert_eq!(image.text("named"), "666 3 4\n");
    assert!(!image.has("s") && !image.has("run/buildkit"));
    let required = "FROM busybox\nRUN --mount=type=ssh,required true\n";
    shop.build(required, &[]).fails(&["SSH agent default not found", "--ssh default"]);
    shop.build(required, &["--ssh", "default"]).fails(&["--ssh default", "SSH_AUTH_SOCK"]);
}

#[test]
fn the_agent_is_no_part_of_the_key() {
    let Some(shop) = Workshop::new() else { return };
    let (one, two) = (shop.at("one.sock"), shop.at("two.sock"));
    agent(&one);
    agent(&two);
    let file = "FROM busybox\nRUN --mount=type=ssh echo built\n";
    let ssh = |socket: &Path| format!("default={}", socket.display());
    shop.build(file, &["--ssh", &ssh(&one)]).ok();
    shop.build(file, &["--ssh", &ssh(&two)]).ok().says(&["CACHED"]);
    shop.build(file, &[]).ok().says(&["CACHED"]);
}

#[test]
fn a_key_gets_an_agent_of_its_own() {
    if !tools(&["ssh-agent", "ssh-add", "ssh-keygen"]) {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    let key = shop.at("id");
    let keygen = |path: &Path, passphrase: &str| {
        let mut command = std::process::Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(path);
        assert!(command.status().expect("ssh-keygen runs").success());
    };
    keygen(&key, "");
    let file = "FROM busybox\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK\n";
    let spec = format!("default={}", key.display());
    shop.build(file, &["--ssh", &spec]).ok();
    let secret = std::fs::read(&key).expect("read");
    assert!(shop.holding(&shop.store(), &secret[60..120]).is_empty());
    let locked = shop.at("locked");
    keygen(&locked, "geheim");
    let spec = format!("default={}", locked.display());
    shop.build(file, &["--ssh", &spec]).fails(&["passphrase"]);
}
