//! Descriptors in terms of our own [`Digest`].

use oci_spec::image::{Arch, Descriptor, MediaType, Os, PlatformBuilder};

use super::digest::Digest;
use super::error::Error;
use super::platform::Platform;

/// The digest in a descriptor; any algorithm but SHA-256 is refused by name.
pub fn descriptor_digest(descriptor: &Descriptor) -> Result<Digest, Error> {
    descriptor.digest().to_string().parse()
}

/// A descriptor of `size` bytes with that digest.
pub fn new_descriptor(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
    let digest =
        digest.to_string().parse::<oci_spec::image::Digest>().expect("our digests have the library's form");
    Descriptor::new(media_type, size, digest)
}

/// The same descriptor, saying which platform it is for.
pub fn with_platform(mut descriptor: Descriptor, platform: &Platform) -> Descriptor {
    let mut builder = PlatformBuilder::default()
        .os(Os::from(platform.os.as_str()))
        .architecture(Arch::from(platform.architecture.as_str()));
    if let Some(variant) = &platform.variant {
        builder = builder.variant(variant.clone());
    }
    if let Some(version) = &platform.os_version {
        builder = builder.os_version(version.clone());
    }
    if !platform.os_features.is_empty() {
        builder = builder.os_features(platform.os_features.to_vec());
    }
    descriptor.set_platform(Some(builder.build().expect("system and architecture are set")));
    descriptor
}
