//! One exchange with one server: the seam between our rules and the network.

use super::failure::Failure;
use super::request::Request;
use super::response::Response;

/// Carries one request to its server and the answer back. No redirect is followed, nothing is tried again.
pub trait Transport: Send + Sync {
    /// Makes the exchange; any status is an answer. Reading the body may fail later, with a [`Failure`] inside the
    /// `io::Error`.
    fn exchange(&self, request: &Request) -> Result<Response, Failure>;
}
