//! A distribution-spec client: resolve, pull, verify.
