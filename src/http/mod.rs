//! One HTTP client for registries, ADD and contexts: TLS, proxies, retry, limits, no credential leaves its host.
