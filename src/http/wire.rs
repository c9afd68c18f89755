//! The network: exchanges by ureq over rustls, with timeouts, proxies, and failures sorted by what to do about them.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector, TcpConnector};
use ureq::{Agent, SendBody, Timeout, http};

use super::certificates::{HostCertificates, OwnCertificates};
use super::clock::Canceled;
use super::failure::{Failure, FailureKind};
use super::part::PartReader;
use super::patience::Interruptible;
use super::proxy::Proxies;
use super::request::{Content, Request};
use super::response::Response;
use super::roots::{Trust, explain};
use super::transport::Transport;
use super::url::Url;

/// How long the network may be silent.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Between two reads, or two writes.
    pub stall: Duration,
}

impl Default for Timeouts {
    // LIMIT: beyond what a loaded server or a far one takes, short enough to try again within a build.
    fn default() -> Timeouts {
        Timeouts { connect: Duration::from_secs(30), stall: Duration::from_secs(30) }
    }
}

/// The transport over real connections, kept open between exchanges.
pub struct Wire {
    trust: Trust,
    certificates: HostCertificates,
    proxies: Proxies,
    timeouts: Timeouts,
    canceled: Canceled,
    user_agent: String,
    ready: Mutex<BTreeMap<Profile, Result<Arc<Ready>, Failure>>>,
}

/// What decides how TLS is spoken with a host. Hosts without certificates of their own share connections' settings.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Profile {
    directory: Option<PathBuf>,
    unverified: bool,
    trusts: bool,
}

struct Ready {
    agent: Agent,
    roots: usize,
}

impl Wire {
    /// Opens nothing and reads no certificate yet.
    pub fn new(
        trust: Trust,
        certificates: HostCertificates,
        proxies: Proxies,
        timeouts: Timeouts,
        canceled: Canceled,
        user_agent: &str,
    ) -> Wire {
        let (user_agent, ready) = (user_agent.to_string(), Mutex::default());
        Wire { trust, certificates, proxies, timeouts, canceled, user_agent, ready }
    }

    fn ready(&self, request: &Request) -> Result<Arc<Ready>, Failure> {
        // Without TLS there is nothing to decide.
        let directory = self.certificates.directory(&request.url).filter(|_| request.url.is_tls());
        let unverified = request.unverified && request.url.is_tls();
        // A proxy may speak TLS itself.
        let trusts = request.url.is_tls() || self.proxies.of(&request.url).is_some();
        let profile = Profile { directory, unverified, trusts };
        let mut all = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = all.entry(profile.clone()).or_insert_with(|| self.prepare(&profile).map(Arc::new));
        ready.clone()
    }

    fn prepare(&self, profile: &Profile) -> Result<Ready, Failure> {
        let own = profile.directory.as_deref().map(OwnCertificates::read).transpose()?.unwrap_or_default();
        let (certificates, roots) = match profile.trusts {
            true => self.trust.load(&own.authorities)?,
            false => (RootCerts::Specific(Arc::default()), 0),
        };
        let tls = TlsConfig::builder()
            .root_certs(certificates)
            .client_cert(own.identity)
            .disable_verification(profile.unverified)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The environment is not read here: each request gets its proxy.
            .proxy(None)
            .user_agent(self.user_agent.as_str())
            .timeout_resolve(Some(self.timeouts.connect))
            .timeout_connect(Some(self.timeouts.connect))
            .timeout_per_read(Some(self.timeouts.stall))
            .timeout_per_write(Some(self.timeouts.stall))
            // LIMIT: against headers that drip; a token server may think for long.
            .timeout_recv_response(Some(self.timeouts.stall * 4))
            .max_idle_connections_per_host(8)
            .tls_config(tls)
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(Interruptible(self.canceled.clone()))
                .chain(RustlsConnector::default());
        Ok(Ready { agent: Agent::with_parts(config, connector, DefaultResolver::default()), roots })
    }

    fn proxy(&self, url: &Url) -> Result<Option<ureq::Proxy>, Failure> {
        let Some(text) = self.proxies.of(url) else { return Ok(None) };
        let wrong =
            |why: &str| Failure::new(FailureKind::Proxy, format!("the proxy that is set for it {why}"));
        // SOCKS is not built in, and ureq would panic over it.
        let scheme = text.reveal().split_once("://").map_or("http", |(scheme, _)| scheme);
        if !matches!(scheme, "http" | "https") {
            return Err(wrong(&format!("is of kind {scheme}: only http and https proxies are supported")));
        }
        ureq::Proxy::new(text.reveal()).map(Some).map_err(|_| wrong("is not a URL"))
    }
}

impl Transport for Wire {
    fn exchange(&self, request: &Request) -> Result<Response, Failure> {
        let protocol = |what: &dyn std::fmt::Display| Failure::new(FailureKind::Protocol, what.to_string());
        let ready = self.ready(request)?;
        let mut outgoing = http::Request::builder().method(request.method.clone()).uri(request.url.wire());
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some(authorization) = &request.authorization {
            outgoing = outgoing.header(http::header::AUTHORIZATION, authorization.reveal());
        }
        let proxy = self.proxy(&request.url)?;
        let whole = match &request.content {
            Content::Bytes(bytes) => Some(&bytes[..]),
            Content::Private(secret) => Some(secret.reveal().as_bytes()),
            Content::Empty | Content::Part(_) => None,
        };
        let answer = match (&request.content, whole) {
            (Content::Part(part), _) => {
                // Its length is known, so it is not sent in chunks, which some registries do not read.
                let outgoing = outgoing.header(http::header::CONTENT_LENGTH, part.size());
                let mut reader = Stoppable { inner: part.reader(), canceled: &self.canceled };
                let outgoing = outgoing.body(SendBody::from_reader(&mut reader)).map_err(|e| protocol(&e))?;
                let outgoing = ready.agent.configure_request(outgoing).proxy(proxy).build();
                ready.agent.run(outgoing)
            }
            (_, Some(bytes)) => {
                let outgoing = outgoing.body(bytes).map_err(|e| protocol(&e))?;
                let outgoing = ready.agent.configure_request(outgoing).proxy(proxy).build();
                ready.agent.run(outgoing)
            }
            (_, None) => {
                let outgoing = outgoing.body(()).map_err(|e| protocol(&e))?;
                let outgoing = ready.agent.configure_request(outgoing).proxy(proxy).build();
                ready.agent.run(outgoing)
            }
        };
        let answer = answer.map_err(|error| {
            if self.canceled.is_set() {
                return Failure::new(FailureKind::Canceled, "canceled");
            }
            sort(error, request.url.host(), ready.roots, &self.timeouts)
        })?;
        let (parts, body) = answer.into_parts();
        let body = Body {
            inner: body.into_reader(),
            host: request.url.host().to_string(),
            timeouts: self.timeouts.clone(),
            canceled: self.canceled.clone(),
        };
        Ok(Response {
            method: request.method.clone(),
            url: request.url.clone(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: Box::new(body),
        })
    }
}

/// What is sent, until somebody stops it.
struct Stoppable<'a> {
    inner: PartReader,
    canceled: &'a Canceled,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.canceled.is_set() {
            return Err(Failure::new(FailureKind::Canceled, "canceled").into_read_error());
        }
        self.inner.read(buffer)
    }
}

/// A body whose errors are [`Failure`]s.
struct Body {
    inner: ureq::BodyReader<'static>,
    host: String,
    timeouts: Timeouts,
    canceled: Canceled,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.canceled.is_set() {
            return Err(Failure::new(FailureKind::Canceled, "canceled").into_read_error());
        }
        self.inner.read(buffer).map_err(|error| {
            if self.canceled.is_set() {
                return Failure::new(FailureKind::Canceled, "canceled").into_read_error();
            }
            sort(ureq::Error::from(error), &self.host, usize::MAX, &self.timeouts).into_read_error()
        })
    }
}

/// What a failure is, and how to say it.
fn sort(error: ureq::Error, host: &str, roots: usize, timeouts: &Timeouts) -> Failure {
    // What is sent has failures of its own.
    if let ureq::Error::Io(inner) = &error
        && let Some(failure) = inner.get_ref().and_then(|inner| inner.downcast_ref::<Failure>())
    {
        return failure.clone();
    }
    let text = error.to_string();
    let cause = text.trim_start_matches("io: ").trim_start_matches("rustls: ");
    // rustls arrives inside an `io::Error` out of a handshake; its own type is not part of ureq's interface.
    if cause.contains("received corrupt message") || cause.contains("InvalidContentType") {
        return Failure::new(FailureKind::NotTls, format!("{host} does not speak TLS on this port"));
    }
    if cause.contains("invalid peer certificate") || cause.contains("peer is incompatible") {
        return Failure::new(FailureKind::Tls, explain(host, cause, roots));
    }
    match &error {
        ureq::Error::HostNotFound => Failure::new(FailureKind::Host, format!("the host {host} is not known")),
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::new(
            FailureKind::Connect,
            format!("no connection to {host} within {} s", timeouts.connect.as_secs_f32()),
        ),
        ureq::Error::Timeout(_) => Failure::new(
            FailureKind::Stalled,
            format!("{host} was silent for {} s", timeouts.stall.as_secs_f32()),
        ),
        ureq::Error::ConnectProxyFailed(status) => {
            Failure::new(FailureKind::Proxy, format!("the proxy refused the way to {host}: {status}"))
        }
        ureq::Error::InvalidProxyUrl => {
            Failure::new(FailureKind::Proxy, "the proxy that is set is not a URL")
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
            Failure::new(FailureKind::Tls, explain(host, cause, roots))
        }
        ureq::Error::ConnectionFailed => {
            Failure::new(FailureKind::Connect, format!("no connection to {host}"))
        }
        ureq::Error::Io(error) => match error.kind() {
            _ if cause.contains("failed to lookup address") => {
                Failure::new(FailureKind::Host, format!("the host {host} cannot be looked up: {cause}"))
            }
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => {
                Failure::new(FailureKind::Connect, format!("no connection to {host}: {cause}"))
            }
            io::ErrorKind::UnexpectedEof => {
                Failure::new(FailureKind::Broken, format!("{host} closed the connection early"))
            }
            _ => Failure::new(FailureKind::Broken, format!("the connection to {host} broke: {cause}")),
        },
        _ => Failure::new(FailureKind::Protocol, format!("{host} does not answer in HTTP: {cause}")),
    }
}
