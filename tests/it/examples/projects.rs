//! One test for each project. Those that take long wait for `make test-full`.

use super::yard::Yard;

#[test]
fn a_c_program_is_compiled_and_tested_in_debian() {
    let Some(yard) = Yard::open() else { return };
    let said = yard.build_twice("interpreter", "build");
    assert!(said.contains("10 passed, 0 failed"), "its own tests did not run:\n{said}");
    assert_eq!(yard.run("interpreter", &["--version"]), "quill 1.0\n");
    let drawing = yard.run("interpreter", &["mandelbrot.quill"]);
    assert_eq!(drawing.lines().count(), 21);
    assert_eq!(drawing.lines().next(), drawing.lines().last(), "the set is symmetric:\n{drawing}");
    assert!(drawing.contains("@@@@@"), "{drawing}");
}

#[test]
fn a_static_service_is_alone_in_its_image() {
    let Some(yard) = Yard::open() else { return };
    yard.build_twice("service", "build");
    let about = yard.inspect("service");
    assert!(about.contains("COPY /src/server /server"), "{about}");
    assert!(!about.contains("apt-get"), "the compiler's stage is in the image:\n{about}");
    let service = yard.serve("service");
    assert_eq!(service.ask("GET", "/health", ""), (200, "ok\n".to_string()));
    assert_eq!(service.ask("GET", "/keys/colour", "").0, 404);
    assert_eq!(service.ask("PUT", "/keys/colour", "green").0, 201);
    assert_eq!(service.ask("GET", "/keys/colour", ""), (200, "green".to_string()));
    assert_eq!(service.ask("GET", "/keys", ""), (200, "colour\n".to_string()));
    assert_eq!(service.ask("DELETE", "/keys/colour", "").0, 200);
    assert_eq!(service.ask("POST", "/keys/colour", "").0, 405);
}

#[test]
fn a_python_application_gets_its_packages_from_an_index() {
    let Some(yard) = Yard::open() else { return };
    let said = yard.build_twice("python-app", "build");
    assert!(said.contains("Ran 3 tests") && said.contains("OK"), "its own tests did not run:\n{said}");
    let service = yard.serve("python-app");
    let (status, body) = service.ask("POST", "/notes", "{\"text\": \"<milk>\"}");
    assert_eq!((status, body.trim()), (201, "{\"number\":1}"));
    let (status, page) = service.ask("GET", "/", "");
    assert_eq!(status, 200);
    assert!(page.contains("<li id=\"1\">&lt;milk&gt;</li>"), "{page}");
    assert_eq!(service.ask("GET", "/notes/2", "").0, 404);
}

#[test]
#[ignore = "Debian's npm is some 400 packages: make test-full"]
fn a_node_site_is_made_with_npm_ci() {
    let Some(yard) = Yard::open() else { return };
    let said = yard.build_twice("node-site", "build,production");
    assert!(said.contains("index.md: A small site"), "the site was not made:\n{said}");
    let service = yard.serve("node-site");
    let (status, page) = service.ask("GET", "/", "");
    assert_eq!(status, 200);
    assert!(page.contains("<h1 id=\"a-small-site\""), "{page}");
    assert_eq!(service.ask("GET", "/style.css", "").0, 200);
    assert_eq!(service.ask("GET", "/../package.json", "").0, 404);
    let about = yard.inspect("node-site");
    assert!(!about.contains("npm ci"), "the build's packages are in the image:\n{about}");
}
