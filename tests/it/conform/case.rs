//! One fact: a context and a Dockerfile as lines of text, and the files that come out.
//!
//! `a/` is a directory, `a=text` a file, `a->b` a symbolic link, `a==b` another name of `b`, `a|` a pipe. Where they are
//! not the usual ones (755 and 644, root) there follow permission bits and `user:group`.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::e2e::{Image, Workshop};

/// A fact.
pub struct Case<'a> {
    /// What it shows.
    pub what: &'a str,
    /// The context.
    pub context: &'a [&'a str],
    /// The Dockerfile.
    pub dockerfile: &'a str,
    /// All files of the image.
    pub want: &'a [&'a str],
}

/// Builds each case as an image of its own and compares the files; all that differ are told.
#[track_caller]
pub fn check(cases: &[Case<'_>]) {
    let shop = Workshop::bare();
    let mut wrong = Vec::new();
    for case in cases {
        let context = fill(&shop, case.context);
        let said = build(&shop, &context, case.dockerfile, &[]);
        let got = match said {
            Ok(image) => draw(&image),
            Err(text) => vec![text],
        };
        if got != case.want {
            wrong.push(format!(
                "{}:\n{}\n  got  {got:#?}\n  want {:#?}",
                case.what, case.dockerfile, case.want
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

/// Builds each Dockerfile, which must fail and say the text.
#[track_caller]
pub fn refused(cases: &[(&[&str], &str, &str)]) {
    let shop = Workshop::bare();
    for (files, dockerfile, want) in cases {
        let context = fill(&shop, files);
        match build(&shop, &context, dockerfile, &[]) {
            Ok(image) => panic!("{dockerfile}\nbuilds: {:#?}", draw(&image)),
            Err(text) => assert!(text.contains(want), "{dockerfile}\n{text}\n{want}"),
        }
    }
}

/// A new context with these files; its path.
pub fn fill(shop: &Workshop, lines: &[&str]) -> String {
    let context = shop.at("facts");
    let _ = std::fs::remove_dir_all(&context);
    std::fs::create_dir(&context).expect("made");
    let mut modes = Vec::new();
    for line in lines {
        let (name, mode) = match line.rsplit_once(' ') {
            Some((name, mode)) => (name, Some(u32::from_str_radix(mode, 8).expect("a mode"))),
            None => (*line, None),
        };
        let usual = if name.ends_with('/') { 0o755 } else { 0o644 };
        if let Some(path) = write(&context, name) {
            modes.push((path, mode.unwrap_or(usual)));
        }
    }
    // Innermost first: a directory may not be searchable afterwards.
    for (path, mode) in modes.into_iter().rev() {
        std::fs::set_permissions(context.join(path), PermissionsExt::from_mode(mode)).expect("changed");
    }
    context.display().to_string()
}

fn write(context: &Path, line: &str) -> Option<String> {
    let parent = |name: &str| {
        let path = context.join(name);
        std::fs::create_dir_all(path.parent().expect("in the context")).expect("made");
        path
    };
    if let Some((name, target)) = line.split_once("->") {
        symlink(target, parent(name)).expect("linked");
        return None;
    }
    if let Some((name, text)) = line.split_once('=') {
        std::fs::write(parent(name), text).expect("written");
        return Some(name.to_string());
    }
    let name = line.strip_suffix('/').expect("a directory");
    std::fs::create_dir_all(context.join(name)).expect("made");
    Some(name.to_string())
}

/// The image, or what was said instead.
pub fn build(shop: &Workshop, context: &str, dockerfile: &str, args: &[&str]) -> Result<Image, String> {
    let out = shop.at("facts-out");
    let _ = std::fs::remove_dir_all(&out);
    let file = shop.write_at("Dockerfile.facts", dockerfile).display().to_string();
    let output = format!("type=oci,tar=false,dest={}", out.display());
    let mut all = vec!["build", "--context-modes=preserve", "-f", &file, "-o", &output];
    all.extend_from_slice(args);
    all.push(context);
    let said = shop.rbuild(&all);
    match said.code {
        Some(0) => Ok(Image::read(&out)),
        _ => Err(said.stderr),
    }
}

/// The files of an image, line by line.
pub fn draw(image: &Image) -> Vec<String> {
    let lines = image.files.iter().filter(|(path, _)| !path.is_empty()).map(|(path, node)| {
        let mut line = match node.kind {
            'd' => format!("{path}/"),
            'l' => format!("{path}->{}", node.link),
            'h' => format!("{path}=={}", node.link),
            'p' => format!("{path}|"),
            _ => format!("{path}={}", node.text),
        };
        let usual = match node.kind {
            'd' => 0o755,
            'l' => 0o777,
            _ => 0o644,
        };
        if node.mode != usual {
            line += &format!(" {:o}", node.mode);
        }
        if (node.uid, node.gid) != (0, 0) {
            line += &format!(" {}:{}", node.uid, node.gid);
        }
        line
    });
    lines.collect()
}
