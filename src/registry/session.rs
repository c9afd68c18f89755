//! Requests to a registry with the authorization that it asks for.

use std::sync::Arc;

use super::challenge;
use super::credentials::{Credential, Credentials};
use super::document::refusal_detail;
use super::endpoint::Endpoints;
use super::error::Error;
use super::grant::{Grant, Grants, Shown};
use super::registries::{Registries, Site};
use super::token::{self, Wanted};
use crate::http::{self, Content, Method, Patience, Request, Response, Secret, Url};

/// What is asked of a repository.
#[derive(Clone)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub place: Place,
    pub headers: Vec<(&'static str, String)>,
    pub content: Content,
    /// What has to be allowed.
    pub right: Right<'a>,
    /// Whether what may pass is waited out here; else the caller has to know of it first.
    pub patient: bool,
    /// What it is, for messages.
    pub what: &'a str,
}

/// Where something is asked.
#[derive(Clone)]
pub(super) enum Place {
    /// Below `/v2/NAME/`.
    Path(String),
    /// An address that the registry gave.
    Address(Url),
}

/// What has to be allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Right<'a> {
    /// Being known.
    Nothing,
    Pull,
    Push,
    /// Pushing, and pulling from that other repository of the same registry.
    Mount(&'a str),
}

impl<'a> Ask<'a> {
    /// To read something below the repository.
    pub fn new(method: Method, path: String, what: &'a str) -> Ask<'a> {
        Ask {
            method,
            place: Place::Path(path),
            headers: Vec::new(),
            content: Content::Empty,
            right: Right::Pull,
            patient: true,
            what,
        }
    }
}

/// The state of talking to registries. Grants are kept for each set of scopes.
pub(super) struct Session {
    pub http: http::Client,
    credentials: Arc<Credentials>,
    named: Arc<[(String, String)]>,
    settings: Arc<Registries>,
    endpoints: Arc<Endpoints>,
    grants: Arc<Grants>,
}

impl Session {
    pub fn new(
        http: http::Client,
        credentials: Credentials,
        named: Vec<(String, String)>,
        settings: Arc<Registries>,
    ) -> Session {
        let (endpoints, grants) = Default::default();
        Session { http, credentials: Arc::new(credentials), named: named.into(), settings, endpoints, grants }
    }

    /// The same session for somebody in a hurry: what it finds out is shared.
    pub fn with_patience(&self, patience: Patience) -> Session {
        Session {
            http: self.http.with_patience(patience),
            credentials: self.credentials.clone(),
            named: self.named.clone(),
            settings: self.settings.clone(),
            endpoints: self.endpoints.clone(),
            grants: self.grants.clone(),
        }
    }

    /// The address of a path below the repository.
    pub fn url(&self, site: &Site, path: &str) -> Result<Url, Error> {
        let base = self.endpoints.base(&self.http, site)?;
        Ok(base.join(&format!("{}{}/{path}", base.path(), site.reference.repository))?)
    }

    /// The address of the API itself.
    pub fn home(&self, site: &Site) -> Result<Url, Error> {
        self.endpoints.base(&self.http, site)
    }

    /// Sends `ask`, answers one challenge, and returns what is not a refusal of access.
    pub fn send(&self, site: &Site, ask: &Ask) -> Result<Response, Error> {
        let url = match &ask.place {
            Place::Path(path) => self.url(site, path)?,
            Place::Address(url) => url.clone(),
        };
        // What the registry sent us elsewhere for is asked without anything of ours.
        let is_own = match &ask.place {
            Place::Path(_) => true,
            Place::Address(url) => url.same_origin(&self.endpoints.base(&self.http, site)?),
        };
        let mut request = Request::new(ask.method.clone(), url.clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value)?;
        }
        let reference = &site.reference;
        let registry = reference.registry.as_str();
        request.unverified = site.insecure && is_own;
        request.content = ask.content.clone();
        let scope = scope(&reference.repository, ask.right);
        let known = || self.grants.get(registry, &scope, self.http.clock().now()).filter(|_| is_own);
        let mut used = known();
        let mut renewed = false;
        loop {
            let request = request.clone().authorized(used.as_ref().map(|g| g.authorization.clone()));
            let response = match ask.patient {
                true => self.http.send(&request)?,
                false => self.http.send_once(&request)?,
            };
            match response.status {
                // Only the registry itself may ask: a server that it redirected us to has no business with it.
                401 if !renewed && is_own && response.url.same_origin(&url) => {
                    renewed = true;
                    used = match known().filter(|known| Some(known) != used.as_ref()) {
                        // Another transfer was here before.
                        Some(newer) => Some(newer),
                        None => match self.authorize(site, &scope, &url, &response)? {
                            Some(grant) => {
                                self.grants.put(registry, &scope, grant.clone());
                                Some(grant)
                            }
                            None => return Err(denied(ask, registry, None, response)),
                        },
                    };
                }
                401 | 403 => return Err(denied(ask, registry, used.as_ref(), response)),
                _ => return Ok(response),
            }
        }
    }

    fn authorize(
        &self,
        site: &Site,
        scope: &str,
        origin: &Url,
        response: &Response,
    ) -> Result<Option<Grant>, Error> {
        let headers = response.headers.get_all("www-authenticate");
        let challenges = challenge::parse(headers.iter().filter_map(|v| v.to_str().ok()));
        let reference = &site.reference;
        let registry = reference.registry.as_str();
        let credential = self.credentials.lookup(registry, &reference.repository)?;
        if let Some(bearer) = challenges.iter().find(|c| c.scheme == "bearer") {
            let credential = credential.as_ref();
            let (named, settings) = (&self.named[..], &*self.settings);
            let insecure = site.insecure;
            let wanted = Wanted { registry, origin, scope, credential, named, settings, insecure };
            return token::fetch(&self.http, &wanted, bearer).map(Some);
        }
        let authorization = match credential {
            Some(Credential::Basic { user, password }) if challenges.iter().any(|c| c.scheme == "basic") => {
                Secret::basic(&user, password.reveal())
            }
            Some(Credential::Token(token)) => Secret::bearer(token.reveal()),
            _ => return Ok(None),
        };
        Ok(Some(Grant { authorization, expires: None, shown: Shown::Credentials }))
    }
}

/// The scopes of a right, sorted. SPEC: distribution's token scope document.
fn scope(repository: &str, right: Right<'_>) -> String {
    match right {
        Right::Nothing => String::new(),
        Right::Pull => format!("repository:{repository}:pull"),
        Right::Push => format!("repository:{repository}:pull,push"),
        Right::Mount(from) => format!("repository:{repository}:pull,push repository:{from}:pull"),
    }
}

fn denied(ask: &Ask, registry: &str, used: Option<&Grant>, response: Response) -> Error {
    let doing = if ask.right == Right::Pull { "read it" } else { "write to it" };
    // COMPAT: Docker Hub and others answer 401 for what does not exist, so that nobody can find out.
    let hint = match used.map(|grant| &grant.shown) {
        None => format!("log in (rbuild login {registry})"),
        Some(Shown::Credentials) => {
            format!("it may not exist, or the login for {registry} may not be allowed to {doing}")
        }
        Some(Shown::Nobody) => format!("it may not exist, or need a login (rbuild login {registry})"),
        Some(withheld) => token::hint(registry, withheld),
    };
    Error::Denied { what: ask.what.to_string(), detail: refusal_detail(response), hint }
}
