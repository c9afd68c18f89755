//! Layers and config to manifest, config and index bytes.
