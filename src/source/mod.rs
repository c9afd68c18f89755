//! Where inputs come from: local directory, tar, OCI layouts and archives.
