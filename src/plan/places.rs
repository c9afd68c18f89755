//! Spans of the Dockerfile to lines.

use super::request::Request;
use crate::dockerfile::Instruction;
use crate::graph::Location;

/// The lines of an instruction of the file.
pub(super) fn location(request: &Request, instruction: &Instruction) -> Location {
    let lines = request.dockerfile.lines.range_of(instruction.span);
    Location { first: *lines.start(), last: *lines.end() }
}
