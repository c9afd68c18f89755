//! The steps of a build, their edges, their keys and pre-images, and why a key differs.
//!
//! A [`Graph`] is plain data: it can be printed, compared and kept. What a step reads is an [`Input`]; what it does is an
//! [`Op`], which carries all that is needed to do it. Nothing here knows of Dockerfiles, and nothing reads a file: the
//! content that a key needs is handed in as digests ([`Resolved`]).

mod chmod;
mod copy;
mod exec;
mod input;
mod join;
mod key;
mod preimage;
mod remote;
mod step;

pub use chmod::Chmod;
pub use copy::{Copy, CopySource, MakeDirectory, Unpack};
pub use exec::{Exec, HostEntry, Mount, MountKind, Network, Script, Security, Sharing, Ulimit};
pub use input::{ContextId, ImageId, Input, Read, StepId};
pub use join::Joined;
pub use key::{Resolved, SEMANTICS, pre_image};
pub use preimage::{Difference, Part, PreImage};
pub use remote::{GitSource, Remote, UrlSource, without_password};
pub use step::{ContextSource, Graph, ImageName, ImageSource, Label, Location, Op, Step};
