//! `--pull`, mirrors, certificates of single hosts and registries without trusted ones, by the program itself.

use serde_json::Value;

use crate::e2e::{Said, Workshop};
use crate::registry_proxy::{Proxy, count};
use crate::registry_server::{Registry, have, openssl};

fn build(shop: &Workshop, dockerfile: &str, args: &[&str], variables: &[(&str, &str)]) -> Said {
    shop.write("Dockerfile", dockerfile);
    let context = shop.context().display().to_string();
    shop.rbuild_with(&[&["build", "-t", "it"], args, &[&context]].concat(), b"", variables)
}

/// A registry behind a proxy, with an image whose label `n` says `value`.
fn filled(dir: &std::path::Path) -> Option<(Registry, Proxy)> {
    if !have(&["docker-registry"]) {
        return None;
    }
    let registry = Registry::start(dir, "", "");
    let proxy = Proxy::before(registry.port);
    publish(&registry, "1");
    Some((registry, proxy))
}

fn publish(registry: &Registry, value: &str) {
    let maker = Workshop::bare();
    maker.write("file", "content");
    let name = format!("127.0.0.1:{}/team/base:1", registry.port);
    let text = format!("FROM scratch\nLABEL n={value}\nCOPY file /\n");
    build(&maker, &text, &["-o", &format!("type=registry,name={name}")], &[]).ok();
}

fn label(shop: &Workshop) -> String {
    let json: Value =
        serde_json::from_str(&shop.rbuild(&["inspect", "--json", "it"]).ok().out()).expect("JSON");
    json["config"]["config"]["Labels"]["n"].as_str().expect("a label").to_string()
}

#[test]
fn each_pull_policy_asks_as_it_says() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((registry, proxy)) = filled(dir.path()) else { return };
    let name = proxy.name("team/base:1");
    let shop = Workshop::bare();
    let text = format!("FROM {name}\n");
    let asks = |args: &[&str]| -> (usize, usize) {
        build(&shop, &text, args, &[]).ok();
        let log = proxy.take();
        (count(&log, "HEAD", "/manifests/"), count(&log, "GET", "/manifests/"))
    };
    build(&shop, &text, &["--pull=never"], &[]).fails(&["--pull=never", "rbuild pull", ">>> FROM"]);
    assert!(proxy.take().is_empty(), "never is never");
    assert_eq!(asks(&[]), (0, 1), "what is missing is asked for");
    for args in [&[][..], &["--pull=missing"], &["--pull=false"], &["--pull=never"]] {
        assert_eq!(asks(args), (0, 0), "{args:?}");
    }
    for args in [&["--pull"][..], &["--pull=true"], &["--pull=always"], &["--pull=newer"]] {
        assert_eq!(asks(args), (1, 0), "{args:?}: nothing new, so nothing is fetched");
    }
    publish(&registry, "2");
    assert_eq!(asks(&["--pull=missing"]), (0, 0));
    assert_eq!(label(&shop), "1");
    assert_eq!(asks(&["--pull=newer"]), (1, 1));
    assert_eq!(label(&shop), "2");
    publish(&registry, "3");
    assert_eq!(asks(&["--pull"]), (1, 1));
    assert_eq!(label(&shop), "3");
    // Without the registry, the two words differ.
    proxy.troubled(|_| Some(403));
    build(&shop, &text, &["--pull=newer"], &[]).ok().says(&["from the store", "--pull=newer"]);
    build(&shop, &text, &["--pull=always"], &[]).fails(&["127.0.0.1", "Dockerfile:1"]);
    build(&shop, &text, &["--pull=sometimes"], &[]).fails(&["--pull=sometimes", "never"]);
}

#[test]
fn an_image_that_was_built_here_is_never_replaced_by_a_registrys() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    let shop = Workshop::bare();
    shop.write("Dockerfile", "FROM scratch\nLABEL n=own\n");
    let context = shop.context().display().to_string();
    shop.rbuild(&["-t", &proxy.name("team/base:1"), &context]).ok();
    build(&shop, &format!("FROM {}\n", proxy.name("team/base:1")), &["--pull"], &[]).ok();
    assert_eq!(label(&shop), "own");
    assert!(proxy.take().is_empty());
}

#[test]
fn mirrors_aliases_and_blocks_of_registries_conf_hold_for_builds_and_pulls() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((registry, mirror)) = filled(dir.path()) else { return };
    let shop = Workshop::bare();
    let settings = format!(
        "[[registry]]\nprefix = 'images.example.invalid'\nlocation = '127.0.0.1:{}/team'\n\
         [[registry.mirror]]\nlocation = '127.0.0.1:1/down'\n[[registry.mirror]]\nlocation = '127.0.0.1:{}/team'\n\
         [[registry]]\nprefix = 'bad.example.invalid'\nblocked = true\n\
         [aliases]\n'short' = 'images.example.invalid/base'\n",
        registry.port, mirror.port
    );
    let file = shop.write_at("registries.conf", settings).display().to_string();
    let set = [("CONTAINERS_REGISTRIES_CONF", file.as_str())];
    build(&shop, "FROM images.example.invalid/base:1\n", &[], &set).ok();
    assert_eq!(label(&shop), "1");
    assert!(count(&mirror.take(), "GET", "/v2/team/base/manifests/1") == 1);
    // The mirror falls silent: the place itself has it.
    mirror.troubled(|_| Some(503));
    build(&shop, "FROM images.example.invalid/base:1\nLABEL more=1\n", &["--pull"], &set).ok();
    let other = Workshop::bare();
    build(&other, "FROM short:1\n", &[], &set).ok();
    assert_eq!(label(&other), "1");
    assert!(other.rbuild(&["images"]).ok().out().contains("images.example.invalid/base:1"));
    other.rbuild_with(&["pull", "images.example.invalid/base:1"], b"", &set).ok();
    build(&shop, "FROM bad.example.invalid/x\n", &[], &set).fails(&["blocked", "registries.conf"]);
    let old =
        shop.write_at("old.conf", "[registries.search]\nregistries = ['docker.io']\n").display().to_string();
    build(&shop, "FROM scratch\nLABEL n=1\n", &[], &[("CONTAINERS_REGISTRIES_CONF", &old)])
        .fails(&["old.conf", "version 1"]);
}

#[test]
fn a_registry_under_a_private_authority_is_reached_with_certs_d_or_as_insecure_by_name() {
    if !have(&["docker-registry", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = dir.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(at, &format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=Test-CA -days 2"));
    std::fs::write(at.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("written");
    for name in ["server", "client"] {
        openssl(at, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(
            at,
            &format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {name}.crt -days 2 -extfile ext"
            ),
        );
    }
    let path = |name: &str| at.join(name).display().to_string();
    let tls = |more: &str| {
        format!("  tls:\n    certificate: {}\n    key: {}\n{more}", path("server.crt"), path("server.key"))
    };
    let shop = Workshop::bare();
    shop.write("file", "content");
    let text = "FROM scratch\nLABEL n=1\nCOPY file /\n";
    let push = |registry: &Registry, args: &[&str]| {
        let name = format!("type=registry,name=127.0.0.1:{}/app:1", registry.port);
        build(&shop, text, &[&["-o", &name], args].concat(), &[])
    };
    let registry = Registry::start(at, &tls(""), "");
    push(&registry, &[]).fails(&["SSL_CERT_FILE"]);
    push(&registry, &["--insecure-registry", "127.0.0.1:1"]).fails(&["SSL_CERT_FILE"]);
    push(&registry, &["--insecure-registry", "https://127.0.0.1"])
        .fails(&["--insecure-registry", "HOST[:PORT]"]);
    push(&registry, &["--insecure-registry", &format!("127.0.0.1:{}", registry.port)]).ok();
    let certificates = |registry: &Registry, files: &[(&str, &str)]| {
        for (from, to) in files {
            let to = format!(".config/containers/certs.d/127.0.0.1:{}/{to}", registry.port);
            shop.write_at(&to, std::fs::read(at.join(from)).expect("there"));
        }
    };
    certificates(&registry, &[("ca.crt", "ca.crt")]);
    push(&registry, &[]).ok();
    drop(registry);

    // One that wants to see a certificate, too.
    let registry = Registry::start(at, &tls(&format!("    clientcas:\n      - {}\n", path("ca.crt"))), "");
    certificates(&registry, &[("ca.crt", "ca.crt")]);
    assert_eq!(push(&registry, &[]).code, Some(1));
    certificates(&registry, &[("client.crt", "client.cert")]);
    push(&registry, &[]).fails(&["client.cert", "no key"]);
    certificates(&registry, &[("client.key", "client.key")]);
    push(&registry, &[]).ok();
    let name = format!("127.0.0.1:{}/app:1", registry.port);
    shop.rbuild(&["pull", &name]).ok();
}
