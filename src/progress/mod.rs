//! What a build tells whoever is watching, as plain events.
