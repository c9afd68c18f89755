//! The flag of all commands that talk to registries: which of them may do without TLS.

use clap::Args;

/// Registries that may do without TLS, or without a trusted certificate.
#[derive(Args, Debug, Clone, Default)]
pub struct Insecure {
    /// A registry that may do without TLS or a trusted certificate; may be repeated
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]")]
    pub registries: Vec<String>,
}
