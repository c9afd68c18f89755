//! SSH agents: what a RUN and git may ask of one, and one for keys that are given by file.

mod filter;
mod keys;

pub use filter::AgentFilter;
pub use keys::KeyAgent;
