//! The nouns of the OCI specifications (over `oci-spec`) and their one canonical byte form.
