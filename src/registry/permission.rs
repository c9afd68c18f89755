//! Whether a login may push, asked before there is anything to push.

use super::client::Client;
use super::error::Error;
use super::session::{Ask, Place, Right};
use crate::http::{Content, Method, follow};
use crate::oci::Reference;

impl Client {
    /// Opens an upload in the repository of `to` and gives it up at once: a registry that refuses us says so now. SPEC:
    /// distribution-spec, "Pushing a blob", and the DELETE of a session that registries know.
    pub fn may_push(&self, to: &Reference) -> Result<(), Error> {
        let site = self.0.settings.home(to)?;
        // Whatever else is wrong may pass until there is something to push.
        let session = &self.0.hurried;
        let url = session.url(&site, "blobs/uploads/")?;
        let what = format!("pushing to {}", to.name());
        let ask = |method: Method, url| Ask {
            place: Place::Address(url),
            content: Content::Bytes(Vec::new()),
            right: Right::Push,
            ..Ask::new(method, String::new(), &what)
        };
        let response = session.send(&site, &ask(Method::POST, url.clone()))?;
        if response.status != 202 {
            return Err(Error::Refused { what, source: response.refusal() });
        }
        if let Some(location) = response.header("location")
            && let Ok(opened) = follow(&url, &response.url, location)
        {
            // Registries clear away what nobody goes on with.
            let give_up = Ask { content: Content::Empty, ..ask(Method::DELETE, opened) };
            let _ = session.send(&site, &give_up);
        }
        Ok(())
    }
}
