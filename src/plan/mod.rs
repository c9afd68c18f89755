//! Syntax tree, arguments and base configs to the graph and the images wanted from it.
