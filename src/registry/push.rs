//! Blobs to a repository: not sent if they are there, taken over from another repository if they are there, else sent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::client::{Client, judged};
use super::error::Error;
use super::registries::Site;
use super::session::{Ask, Right};
use super::upload::Upload;
use crate::http::{self, Method, Source};
use crate::oci::{Digest, Reference};

/// One blob on its way to a repository.
pub struct Outgoing<'a> {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// Other repositories of the same registry that may have it.
    pub from: Vec<String>,
    /// Makes its bytes readable: asked only if they have to be sent.
    pub open: &'a (dyn Fn() -> io::Result<Body> + Sync),
    /// How many bytes were read for sending so far, for whoever watches.
    pub sent: &'a Arc<AtomicU64>,
    /// Whether it is sent although the registry says that it has it.
    pub again: bool,
}

/// The bytes of a blob, readable from any place.
pub struct Body(Arc<dyn Source>);

impl Body {
    /// A file's, from its start; nobody may write to it meanwhile.
    pub fn file(file: std::fs::File) -> Body {
        Body(Arc::new(file))
    }

    /// These.
    pub fn bytes(bytes: Vec<u8>) -> Body {
        Body(Arc::new(bytes))
    }
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was there.
    Present,
    /// It was in another repository of the same registry.
    Mounted,
    /// It was sent.
    Sent,
}

impl Client {
    /// Whether the repository has a blob.
    pub fn has_blob(&self, to: &Reference, digest: &Digest) -> Result<bool, Error> {
        let site = self.0.settings.home(to)?;
        self.has_blob_at(&site, digest)
    }

    fn has_blob_at(&self, site: &Site, digest: &Digest) -> Result<bool, Error> {
        let what = format!("{}@{digest}", site.reference.name());
        let ask = Ask { right: Right::Push, ..Ask::new(Method::HEAD, format!("blobs/{digest}"), &what) };
        match judged(self.0.session.send(site, &ask)?, &what) {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sees to it that the repository of `to` has a blob. At most so many at once are sent to one registry as the
    /// client's options allow; `canceled` is asked between requests and while waiting, the client's own token also
    /// while bytes are sent.
    pub fn push_blob(
        &self,
        to: &Reference,
        blob: &Outgoing<'_>,
        canceled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pushed, Error> {
        let http = &self.0.session.http;
        let stopped = || canceled() || http.canceled().is_set();
        let _permit = self.0.permits.take(&to.registry, &stopped).ok_or(http::Error::Canceled)?;
        let site = self.0.settings.home(to)?;
        if !blob.again && self.has_blob_at(&site, &blob.digest)? {
            return Ok(Pushed::Present);
        }
        let what = format!("{}@{}", to.name(), blob.digest);
        let mut upload = Upload::new(&self.0.session, &site, blob.digest, blob.size, &what);
        let other = blob.from.iter().find(|from| **from != to.repository && !blob.again);
        if let Some(from) = other
            && upload.mount(from)?
        {
            return Ok(Pushed::Mounted);
        }
        let body = (blob.open)().map_err(|source| Error::Read { what: what.clone(), source })?;
        let source = Arc::new(Counted { inner: body.0, sent: blob.sent.clone() });
        upload.send(source, &stopped)?;
        Ok(Pushed::Sent)
    }
}

/// Tells how far reading got. What is sent again is not counted again.
struct Counted {
    inner: Arc<dyn Source>,
    sent: Arc<AtomicU64>,
}

impl Source for Counted {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let count = self.inner.read_at(buffer, at)?;
        self.sent.fetch_max(at + count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
