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

/// Whether an index lists it as provenance or the like: no image. COMPAT: BuildKit files it beside the images, for the platform
/// `unknown/unknown`.
pub fn is_attestation(descriptor: &Descriptor) -> bool {
    let reference_type = "vnd.docker.reference.type";
    descriptor.annotations().as_ref().is_some_and(|a| a.contains_key(reference_type))
        || descriptor
            .platform()
            .as_ref()
            .is_some_and(|p| p.os().to_string() == "unknown" && p.architecture().to_string() == "unknown")
}

/// What a descriptor says that its image is for.
pub fn descriptor_platform(descriptor: &Descriptor) -> Option<Platform> {
    let offered = descriptor.platform().as_ref()?;
    let (os, architecture) = (offered.os().to_string(), offered.architecture().to_string());
    let mut platform = Platform::new(&os, &architecture, offered.variant().as_deref());
    platform.os_version = offered.os_version().clone();
    platform.os_features = offered.os_features().clone().unwrap_or_default().into();
    Some(platform)
}
