//! The facts of moby/patternmatcher's tables, and what a walk needs beyond them.

use super::*;

fn patterns(list: &[&str]) -> Patterns {
    Patterns::new(list).expect("valid")
}

/// Asked in every way in which it can be asked.
fn excluded(patterns: &Patterns, path: &str) -> bool {
    let alone = patterns.step_bytes(path.as_bytes(), None).excluded;
    let mut above = None;
    for (at, _) in path.match_indices('/') {
        above = Some(patterns.step_bytes(&path.as_bytes()[..at], above.as_ref()));
    }
    let walked = patterns.step_bytes(path.as_bytes(), above.as_ref()).excluded;
    assert_eq!(alone, walked, "{path}");
    alone
}

#[test]
fn single_patterns_match_as_mobys_do() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("**", &["file", "file/", "/", "dir/file", "dir/file/"], &[]),
        ("**/", &["file", "file/", "/", "dir/file", "dir/file/"], &[]),
        ("**/**", &["dir/file", "dir/file/"], &[]),
        ("dir/**", &["dir/file", "dir/file/", "dir/dir2/file", "dir/dir2/file/"], &["dir"]),
        ("**/dir", &["dir", "dir/file", "a/b/dir"], &["xdir"]),
        ("**/dir2/*", &["dir/dir2/file", "dir/dir2/file/"], &["dir/dir2"]),
        ("**/dir2/**", &["dir/dir2/dir3/file", "dir/dir2/dir3/file/"], &[]),
        ("**file", &["file", "dir/file", "dir/dir/file", "xfile"], &["files"]),
        ("**/file", &["dir/file", "dir/dir/file", "file"], &["xfile"]),
        ("**/file*", &["dir/dir/file", "dir/dir/file.txt"], &[]),
        ("**/file*txt", &["dir/dir/file.txt"], &["dir/dir/file.tx"]),
        ("**/file*.txt", &["dir/dir/file.txt"], &["filetxt"]),
        ("**/file*.txt*", &["dir/dir/file.txt"], &[]),
        ("**/**/*.txt", &["dir/dir/file.txt", "file.txt"], &[]),
        ("**/**/*.txt2", &[], &["dir/dir/file.txt"]),
        ("**/*.txt", &["file.txt"], &[]),
        ("a**/*.txt", &["a/file.txt", "a/dir/file.txt", "a/dir/dir/file.txt"], &["b/a/file.txt"]),
        ("a/*.txt", &["a/file.txt"], &["a/dir/file.txt"]),
        ("a/*.txt**", &["a/file.txt"], &[]),
        ("a[b-d]e", &["ace"], &["ae", "aae"]),
        ("a[^b-d]e", &["aze"], &["ace"]),
        (".*", &[".foo"], &["foo"]),
        ("abc.def", &["abc.def"], &["abcdef", "abcZdef"]),
        ("abc?def", &["abcZdef"], &["abcdef"]),
        (r"a\\", &[r"a\"], &[]),
        (r"a\*b", &["a*b"], &["axb"]),
        ("**/foo/bar", &["foo/bar", "dir/foo/bar", "dir/dir2/foo/bar"], &["foo/xbar"]),
        ("abc/**", &["abc/def", "abc/def/ghi"], &["abc"]),
        ("**/.foo", &[".foo"], &["bar.foo"]),
        ("a(b)c/def", &["a(b)c/def"], &["a(b)c/xyz", "abc/def"]),
        ("a.|)$(}+{bc", &["a.|)$(}+{bc"], &["a"]),
        (
            "dist/p-2.4.0rc3.dev36+g08a-py3.whl",
            &["dist/p-2.4.0rc3.dev36+g08a-py3.whl"],
            &["dist/p-2x4.0rc3.dev36+g08a-py3.whl"],
        ),
        ("dist/*.whl", &["dist/p-2.4.0rc3.dev36+g08a-py3.whl"], &["dist/p.whl2"]),
        ("*", &["fileutils.go", "a/b"], &[]),
        ("*.go", &["fileutils.go"], &["a/fileutils.go", "fileutils.gox"]),
    ];
    for (pattern, yes, no) in table {
        let one = patterns(&[pattern]);
        for path in *yes {
            assert!(excluded(&one, path), "{pattern} must match {path}");
        }
        for path in *no {
            assert!(!excluded(&one, path), "{pattern} must not match {path}");
        }
    }
}

#[test]
fn gos_own_match_table_holds_where_moby_uses_it() {
    for (pattern, path, want) in [
        ("a*", "ab/c", true), // by the parent
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("ab[^c]", "abc", false),
        ("a?b", "a☺b", true),
        ("a[^a]b", "a☺b", true),
        ("a???b", "a☺b", false),
        ("a[^a][^a][^a]b", "a☺b", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a?b", "a/b", false),
        (r"[\]a]", "]", true),
        (r"[\-]", "-", true),
        (r"[x\-]", "x", true),
        (r"[x\-]", "z", false),
        (r"[\-x]", "-", true),
        (r"[\-x]", "a", false),
        ("[a&&b]", "&", true),
        ("[a~~b]", "~", true),
        ("[[]", "[", true),
        (r"file\d", "file7", true),
        (r"file\d", "filed", false),
    ] {
        assert_eq!(excluded(&patterns(&[pattern]), path), want, "{pattern} {path}");
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    let table: &[(&[&str], &str, bool)] = &[
        (&["**", "!util/docker/web"], "util/docker/web/foo", false),
        (&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
        (&["**", "!dist/p-2.4.0+g08.whl"], "dist/p-2.4.0+g08.whl", false),
        (&["**", "!dist/*.whl"], "dist/p-2.4.0+g08.whl", false),
        (&["!fileutils.go", "*.go"], "fileutils.go", true),
        (&["*.go", "!fileutils.go"], "fileutils.go", false),
        (&["docs", "!docs/README.md"], "docs/README.md", false),
        (&["docs/", "!docs/README.md"], "docs/README.md", false),
        (&["docs/*", "!docs/README.md"], "docs/README.md", false),
        (&["docs", "  !docs/README.md  "], "docs/README.md", false),
        (&[], "any/path/there", false),
    ];
    for (list, path, want) in table {
        assert_eq!(excluded(&patterns(list), path), *want, "{list:?} {path}");
    }
}

#[test]
fn a_wrong_pattern_names_its_line() {
    for pattern in ["!", "[", "[]a]", "[x-]", "[a-b-c]", "a[", "\\", "[Local-Only]/", r"a\C"] {
        let error = Patterns::parse(&format!("fine\n# [\n{pattern}\n")).unwrap_err().to_string();
        assert!(error.starts_with("line 3: "), "{error}");
        assert!(Patterns::new([pattern]).is_err());
    }
}

#[test]
fn a_file_of_patterns_is_read_as_docker_reads_it() {
    let text = "\u{feff}test1\r\n/test2\n/a/./file//here\n\nlast\n# comment\n  #kept\n! /inverted/abs/path/\n../up\n";
    let read = Patterns::parse(text).unwrap();
    for path in ["test1", "test2", "a/file/here", "last", "#kept", "../up"] {
        assert!(read.step_bytes(path.as_bytes(), None).excluded, "{path}");
    }
    assert_eq!(read.patterns.len(), 7);
    let inverted = Patterns::parse("**\n! /inverted/abs/path/\n").unwrap();
    assert!(!excluded(&inverted, "inverted/abs/path/x"));
    assert!(Patterns::parse("# only\n\n  \n").unwrap().is_empty());
}

#[test]
fn nothing_leaves_the_root_out() {
    assert!(!patterns(&["**", "."]).matches(&RootPath::root()));
}

#[test]
fn a_directory_is_pruned_unless_something_below_may_come_back() {
    let prunes = |list: &[&str], directory: &str| {
        let (patterns, directory) = (patterns(list), RootPath::clean(directory).unwrap());
        patterns.prunes(&directory, &patterns.step(&directory, None))
    };
    assert!(prunes(&["node_modules"], "node_modules"));
    assert!(prunes(&["**/node_modules", "!docs/x"], "a/node_modules"));
    assert!(!prunes(&["docs", "!docs/README.md"], "docs"));
    assert!(!prunes(&["**", "!**/*.md"], "docs"));
    assert!(!prunes(&["**", "!d?cs/*/x"], "docs/a"));
    assert!(prunes(&["**", "!d?cs/*/x"], "src"));
    assert!(!prunes(&["docs"], "src"));
}

#[test]
fn paths_that_are_not_utf_8_match_byte_by_byte() {
    let matched = |pattern: &str, path: &[u8]| patterns(&[pattern]).step_bytes(path, None).excluded;
    assert!(matched("a??b", b"a\xff\xfeb"));
    assert!(matched("dir/*", b"dir/\xff"));
    assert!(matched("**/x", b"\xff/x"));
}
