//! The flags of the commands around names and registries.

use clap::Args;

use super::insecure::Insecure;

/// `rbuild push`
#[derive(Args, Debug, Clone)]
pub struct PushArgs {
    /// Name, digest or id of an image in the store
    #[arg(value_name = "REF")]
    pub image: String,
    /// Where to, if not the same name
    #[arg(value_name = "DEST")]
    pub destination: Option<String>,
    /// One image of an index alone [default: the index and all its images]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rbuild pull`
#[derive(Args, Debug, Clone)]
pub struct PullArgs {
    /// Name of an image in a registry
    #[arg(value_name = "REF")]
    pub image: String,
    /// For which platforms, one after the other [env: DOCKER_DEFAULT_PLATFORM] [default: this machine's]
    #[arg(long, value_name = "OS/ARCH[,…]")]
    pub platform: Vec<String>,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rbuild tag`
#[derive(Args, Debug, Clone)]
pub struct TagArgs {
    /// Name, digest or id of an image in the store
    #[arg(value_name = "SRC")]
    pub image: String,
    /// The new name
    #[arg(value_name = "DST")]
    pub name: String,
}

/// `rbuild rmi`
#[derive(Args, Debug, Clone)]
pub struct RmiArgs {
    /// Names to take away, or images by id or digest; what no name holds any more goes with `rbuild prune`
    #[arg(value_name = "REF", required = true)]
    pub images: Vec<String>,
    /// Takes an image away by its id although it has names in several repositories
    #[arg(short, long)]
    pub force: bool,
}

/// `rbuild login`
#[derive(Args, Debug, Clone)]
pub struct LoginArgs {
    /// The registry
    #[arg(value_name = "HOST[:PORT]", default_value = "docker.io")]
    pub registry: String,
    #[command(flatten)]
    pub insecure: Insecure,
    /// User name
    #[arg(short, long, value_name = "NAME")]
    pub username: String,
    /// Reads the password from standard input, the only way to give it
    #[arg(long)]
    pub password_stdin: bool,
}

/// `rbuild logout`
#[derive(Args, Debug, Clone)]
pub struct LogoutArgs {
    /// The registry
    #[arg(value_name = "HOST[:PORT]", default_value = "docker.io")]
    pub registry: String,
}
