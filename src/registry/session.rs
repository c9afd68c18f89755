//! Requests to a registry with the authorization that it asks for.

use super::challenge;
use super::credentials::{Credential, Credentials};
use super::document::refusal_detail;
use super::endpoint::Endpoints;
use super::error::Error;
use super::grant::{Grant, Grants, Shown};
use super::token::{self, Wanted};
use crate::http::{self, Method, Request, Response, Secret, Url};
use crate::oci::Reference;

/// What is asked of a repository: method, path below `/v2/NAME/`, headers. Push brings more methods.
pub(super) struct Ask<'a> {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    /// What it is, for messages.
    pub what: &'a str,
}

/// The state of talking to registries. Scopes are per repository and for pulling.
pub(super) struct Session {
    pub http: http::Client,
    credentials: Credentials,
    named: Vec<(String, String)>,
    endpoints: Endpoints,
    grants: Grants,
}

impl Session {
    pub fn new(http: http::Client, credentials: Credentials, named: Vec<(String, String)>) -> Session {
        Session { http, credentials, named, endpoints: Endpoints::default(), grants: Grants::default() }
    }

    /// The address of a path below the repository.
    pub fn url(&self, reference: &Reference, path: &str) -> Result<Url, Error> {
        let base = self.endpoints.base(&self.http, reference)?;
        Ok(base.join(&format!("{}{}/{path}", base.path(), reference.repository))?)
    }

    /// Sends `ask`, answers one challenge, and returns what is not a refusal of access.
    pub fn send(&self, reference: &Reference, ask: &Ask) -> Result<Response, Error> {
        let url = self.url(reference, &ask.path)?;
        let mut request = Request::new(ask.method.clone(), url.clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value)?;
        }
        let registry = reference.registry.as_str();
        let scope = format!("repository:{}:pull", reference.repository);
        let mut used = self.grants.get(registry, &scope, self.http.clock().now());
        let mut renewed = false;
        loop {
            let response = self
                .http
                .send(&request.clone().authorized(used.as_ref().map(|g| g.authorization.clone())))?;
            match response.status {
                // Only the registry itself may ask: a server that it redirected us to has no business with it.
                401 if !renewed && response.url.same_origin(&url) => {
                    renewed = true;
                    let known = self.grants.get(registry, &scope, self.http.clock().now());
                    used = match known.filter(|known| Some(known) != used.as_ref()) {
                        // Another transfer was here before.
                        Some(newer) => Some(newer),
                        None => match self.authorize(reference, &scope, &url, &response)? {
                            Some(grant) => {
                                self.grants.put(registry, &scope, grant.clone());
                                Some(grant)
                            }
                            None => return Err(self.denied(ask.what, registry, None, response)),
                        },
                    };
                }
                401 | 403 => return Err(self.denied(ask.what, registry, used.as_ref(), response)),
                _ => return Ok(response),
            }
        }
    }

    fn authorize(
        &self,
        reference: &Reference,
        scope: &str,
        origin: &Url,
        response: &Response,
    ) -> Result<Option<Grant>, Error> {
        let headers = response.headers.get_all("www-authenticate");
        let challenges = challenge::parse(headers.iter().filter_map(|v| v.to_str().ok()));
        let registry = reference.registry.as_str();
        let credential = self.credentials.lookup(registry, &reference.repository)?;
        if let Some(bearer) = challenges.iter().find(|c| c.scheme == "bearer") {
            let credential = credential.as_ref();
            let wanted = Wanted { registry, origin, scope, credential, named: &self.named };
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

    fn denied(&self, what: &str, registry: &str, used: Option<&Grant>, response: Response) -> Error {
        // COMPAT: Docker Hub and others answer 401 for what does not exist, so that nobody can find out.
        let hint = match used.map(|grant| &grant.shown) {
            None => format!("log in (docker login {registry})"),
            Some(Shown::Credentials) => {
                format!("it may not exist, or the login for {registry} may not be allowed to read it")
            }
            Some(Shown::Nobody) => format!("it may not exist, or need a login (docker login {registry})"),
            Some(withheld) => token::hint(registry, withheld),
        };
        Error::Denied { what: what.to_string(), detail: refusal_detail(response), hint }
    }
}
