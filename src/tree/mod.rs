//! A root file system as sorted entries: paths, order, merge, difference, patterns, one symlink resolver, subtree digest.
