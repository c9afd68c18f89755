//! Where credentials are kept on this machine, and which of them is for a repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::config_file::{ConfigFile, Inline, Rule};
use super::error::Error;
use super::helper;
use super::registries::Registries;
use crate::http::Secret;

/// What a user has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A user name and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, for the token server (OAuth 2).
    Identity(Secret),
    /// A bearer token, for the registry itself.
    Token(Secret),
}

/// The environment that says where credentials are; read in `cli`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `REGISTRY_AUTH_FILE`: this file and no other.
    pub registry_auth_file: Option<PathBuf>,
    /// `DOCKER_CONFIG`: the directory of `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `PATH`, for helpers.
    pub path: Option<OsString>,
}

impl Places {
    /// The files, the first one first. COMPAT: docker's place before those of containers-auth.json(5).
    fn files(&self) -> Vec<(PathBuf, Needed)> {
        if let Some(file) = &self.registry_auth_file {
            return vec![(file.clone(), Needed::Yes)];
        }
        let docker = self.docker_config.clone().or_else(|| Some(self.home.as_ref()?.join(".docker")));
        let config = self.xdg_config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")));
        let places = [
            docker.map(|dir| dir.join("config.json")),
            self.xdg_runtime_dir.as_ref().map(|dir| dir.join("containers/auth.json")),
            config.map(|dir| dir.join("containers/auth.json")),
        ];
        places.into_iter().flatten().map(|path| (path, Needed::No)).collect()
    }
}

enum Needed {
    Yes,
    No,
}

/// All that is known, by value.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    files: Vec<ConfigFile>,
    search: Vec<PathBuf>,
    /// `REGISTRY_AUTH_FILE` is all that there is.
    is_named: bool,
    /// Who is asked besides the files.
    helpers: Vec<String>,
    /// The file that names them.
    helpers_file: PathBuf,
}

/// What `credential-helpers` calls the files. SPEC: containers-registries.conf(5).
const FILES: &str = "containers-auth.json";

// LIMIT: a file of logins.
const LARGEST: u64 = 4 << 20;

impl Credentials {
    /// No credentials: everything is asked anonymously.
    pub fn none() -> Credentials {
        Credentials::default()
    }

    /// Reads the files that there are.
    pub fn load(places: &Places) -> Result<Credentials, Error> {
        let mut credentials = Credentials {
            files: Vec::new(),
            search: places.path.as_ref().map(helper::directories).unwrap_or_default(),
            is_named: places.registry_auth_file.is_some(),
            ..Credentials::default()
        };
        for (path, needed) in places.files() {
            if let Some(text) = read(&path, needed)? {
                credentials.files.push(ConfigFile::parse(&path, &text)?);
            }
        }
        Ok(credentials)
    }

    /// Credentials out of the text of one file.
    pub fn parse(path: &Path, text: &str) -> Result<Credentials, Error> {
        Ok(Credentials { files: vec![ConfigFile::parse(path, text)?], ..Credentials::default() })
    }

    /// The same, with the helpers that settings name.
    pub fn with_helpers(self, settings: &Registries) -> Credentials {
        Credentials { helpers: settings.helpers.clone(), helpers_file: settings.helpers_file.clone(), ..self }
    }

    /// The credential for a repository; the first file or helper that has one decides. May run a helper.
    pub fn lookup(&self, registry: &str, repository: &str) -> Result<Option<Credential>, Error> {
        if self.is_named {
            return self.in_files(registry, repository);
        }
        let names_files = self.helpers.iter().any(|name| name == FILES);
        // What `rbuild login` keeps in a file is found, whatever else is asked before.
        for name in self.helpers.iter().map(String::as_str).chain((!names_files).then_some(FILES)) {
            let found = match name {
                FILES => self.in_files(registry, repository)?,
                name => helper::ask(name, registry, &self.search, &self.helpers_file)?.map(answered),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn in_files(&self, registry: &str, repository: &str) -> Result<Option<Credential>, Error> {
        for file in &self.files {
            let found = match file.rule(registry, repository) {
                None => None,
                Some(Rule::Inline(Inline::Basic { user, password })) => {
                    Some(Credential::Basic { user, password })
                }
                Some(Rule::Inline(Inline::Identity(token))) => Some(Credential::Identity(token)),
                Some(Rule::Inline(Inline::Token(token))) => Some(Credential::Token(token)),
                Some(Rule::Helper { program, server }) => {
                    helper::ask(&program, &server, &self.search, &file.path)?.map(answered)
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn answered(answer: helper::Answer) -> Credential {
    match answer.user.as_str() {
        // COMPAT: how helpers mark an identity token.
        "<token>" => Credential::Identity(answer.secret),
        _ => Credential::Basic { user: answer.user, password: answer.secret },
    }
}

fn read(path: &Path, needed: Needed) -> Result<Option<String>, Error> {
    use std::io::Read;
    let wrong = |reason: String| Error::Credentials { path: path.to_path_buf(), reason };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(needed, Needed::No) && is_absent(&e) => return Ok(None),
        Err(e) => return Err(wrong(e.to_string())),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    Ok(Some(text).filter(|t| !t.trim().is_empty()))
}

/// Under sudo or in a container, somebody else's home is as good as none.
fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | PermissionDenied | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, registry: &str, user: &str) {
        std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
        let text = format!(r#"{{"auths":{{"{registry}":{{"username":"{user}","password":"p"}}}}}}"#);
        std::fs::write(path, text).expect("written");
    }

    fn user(credentials: &Credentials, registry: &str) -> Option<String> {
        match credentials.lookup(registry, "x").expect("works") {
            Some(Credential::Basic { user, .. }) => Some(user),
            _ => None,
        }
    }

    #[test]
    fn helpers_of_registries_conf_are_asked_in_their_order() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |p: &str| dir.path().join(p);
        write(at("home/.docker/config.json"), "file.io", "file");
        write(at("only.json"), "only.io", "only");
        std::fs::create_dir(at("bin")).expect("made");
        for (name, knows) in [("one", "one.io"), ("two", "two.io"), ("all", "*")] {
            let script = format!(
                "#!/bin/sh\nread s\ncase \"$s\" in {knows}) printf '{{\"Username\":\"{name}\",\"Secret\":\"x\"}}';; \
                 *) echo credentials not found; exit 1;; esac\n"
            );
            let path = at(&format!("bin/docker-credential-{name}"));
            std::fs::write(&path, script).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
        }
        let places = Places { home: Some(at("home")), path: Some(at("bin").into()), ..Places::default() };
        let with = |places: &Places, helpers: &str| {
            let mut settings = Registries::default();
            settings.add(Path::new("r.conf"), &format!("credential-helpers = [{helpers}]\n")).expect("valid");
            Credentials::load(places).expect("loads").with_helpers(&settings)
        };
        let who = |credentials: &Credentials, host: &str| user(credentials, host).unwrap_or_default();
        let both = with(&places, "'one', 'two'");
        let found = ["one.io", "two.io", "file.io", "none.io"].map(|host| who(&both, host));
        assert_eq!(found, ["one", "two", "file", ""], "what no helper has may stand in a file");
        assert_eq!(who(&with(&places, "'all', 'containers-auth.json'"), "file.io"), "all");
        let files_first = with(&places, "'containers-auth.json', 'all'");
        assert_eq!((who(&files_first, "file.io"), who(&files_first, "x.io")), ("file".into(), "all".into()));
        assert_eq!(who(&with(&places, ""), "file.io"), "file");
        let said = with(&places, "'gone'").lookup("x.io", "x").expect_err("missing").to_string();
        assert!(said.contains("docker-credential-gone") && said.contains("r.conf"), "{said}");
        let named = Places { registry_auth_file: Some(at("only.json")), ..places };
        assert_eq!(who(&with(&named, "'all'"), "x.io"), "", "a file that is named is all that there is");
    }

    #[test]
    fn each_place_is_looked_into_in_order() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |p: &str| dir.path().join(p);
        write(at("home/.docker/config.json"), "a.io", "docker");
        write(at("run/containers/auth.json"), "b.io", "run");
        write(at("home/.config/containers/auth.json"), "c.io", "config");
        write(at("run/containers/auth.json"), "b.io", "run");
        write(at("only.json"), "a.io", "only");
        write(at("dc/config.json"), "a.io", "dc");
        let places = Places { home: Some(at("home")), xdg_runtime_dir: Some(at("run")), ..Places::default() };
        let all = Credentials::load(&places).expect("loads");
        assert_eq!(user(&all, "a.io").as_deref(), Some("docker"));
        assert_eq!(user(&all, "b.io").as_deref(), Some("run"));
        assert_eq!(user(&all, "c.io").as_deref(), Some("config"));
        assert_eq!(user(&all, "d.io"), None);
        let moved = Places { docker_config: Some(at("dc")), ..places.clone() };
        assert_eq!(user(&Credentials::load(&moved).expect("loads"), "a.io").as_deref(), Some("dc"));
        let only = Places { registry_auth_file: Some(at("only.json")), ..places.clone() };
        let only = Credentials::load(&only).expect("loads");
        assert_eq!((user(&only, "a.io").as_deref(), user(&only, "b.io")), (Some("only"), None));
        let missing = Places { registry_auth_file: Some(at("gone.json")), ..places };
        assert!(
            Credentials::load(&missing).expect_err("named but missing").to_string().contains("gone.json")
        );
    }
}
