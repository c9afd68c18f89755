//! `.dockerignore`: what of a context a COPY sees.

use super::case::{build, draw, fill};
use crate::e2e::Workshop;

#[test]
fn rules() {
    let shop = Workshop::bare();
    let files = [
        "a.log=1",
        "b.txt=2",
        "src/a.log=3",
        "src/m.rs=4",
        "src/sub/n.rs=5",
        "node_modules/p/i.js=6",
        "empty/",
        "README.md=7",
    ];
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "nothing left out",
            "",
            &[
                "README.md",
                "a.log",
                "b.txt",
                "empty",
                "node_modules",
                "node_modules/p",
                "node_modules/p/i.js",
                "src",
                "src/a.log",
                "src/m.rs",
                "src/sub",
                "src/sub/n.rs",
            ],
        ),
        (
            "anchored at the root",
            "*.log\nnode_modules\n",
            &["README.md", "b.txt", "empty", "src", "src/a.log", "src/m.rs", "src/sub", "src/sub/n.rs"],
        ),
        (
            "at any depth",
            "**/*.log\n**/node_modules\n",
            &["README.md", "b.txt", "empty", "src", "src/m.rs", "src/sub", "src/sub/n.rs"],
        ),
        ("all but one file, with its directories", "*\n!src/sub/n.rs\n", &["src", "src/sub", "src/sub/n.rs"]),
        ("all but a directory", "**\n!src\n", &["src", "src/a.log", "src/m.rs", "src/sub", "src/sub/n.rs"]),
        (
            "all but a directory but a file of it",
            "*\n!src\nsrc/a.log\n",
            &["src", "src/m.rs", "src/sub", "src/sub/n.rs"],
        ),
        ("the last line wins", "!src\nsrc\nempty\nnode_modules\n*.log", &["README.md", "b.txt"]),
        (
            "slashes, dots, blanks and comments",
            "# c\n /src/ \n./empty\n\nnode_modules/\n*.log\n",
            &["README.md", "b.txt"],
        ),
        ("CRLF and a BOM", "\u{feff}src\r\nempty\r\nnode_modules\r\n*.log\r\n", &["README.md", "b.txt"]),
        ("children of a pattern", "src/*\nempty\nnode_modules\n*.log\n", &["README.md", "b.txt", "src"]),
        ("question marks and classes", "[ab].*\n?mpty\nnode_modules\nsrc\n", &["README.md"]),
        (
            "a matching directory takes all below",
            "src\nempty\nnode_modules/p\n*.log\n",
            &["README.md", "b.txt", "node_modules"],
        ),
    ];
    let mut wrong = Vec::new();
    for (what, ignore, want) in cases {
        let context = fill(&shop, &files);
        std::fs::write(shop.at("facts/.dockerignore"), format!("{ignore}\n.dockerignore\n"))
            .expect("written");
        let image = build(&shop, &context, "FROM scratch\nCOPY . /\n", &[]).expect("builds");
        let got: Vec<&String> = image.files.keys().collect();
        if got != *want {
            wrong.push(format!("{what}\n  got  {got:?}\n  want {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_dockerfiles_own_rules_come_first_and_stages_have_none() {
    let shop = Workshop::bare();
    let context = fill(&shop, &["a=1", "b=2", ".dockerignore=a", "x.Dockerfile.dockerignore=b"]);
    let file = shop.at("facts/x.Dockerfile");
    std::fs::write(
        &file,
        "FROM scratch AS s\nCOPY <<E /b\nE\nFROM scratch\nCOPY a* b* /\nCOPY --from=s /b /c\n",
    )
    .expect("written");
    let out = shop.at("out");
    let output = format!("type=local,dest={}", out.display());
    shop.rbuild(&["build", "-f", file.to_str().expect("text"), "-o", &output, &context]).ok();
    assert!(out.join("a").exists() && !out.join("b").exists() && out.join("c").exists());
    let said = build(&shop, &context, "FROM scratch\nCOPY a /\n", &[]).map(|image| draw(&image)).unwrap_err();
    assert!(said.contains("\"/a\": not found"), "{said}");
}
