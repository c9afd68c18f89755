//! What a build fetches: URLs, git repositories, contexts of both kinds, and what SSH agents and entitlements give to a RUN.
//! All servers are on loopback.

mod contexts;
mod entitlements;
mod git;
mod git_server;
pub mod server;
mod ssh;
mod url;
