//! Stages that copy from one another in a circle.

use super::error::{Error, ErrorKind};
use super::origin::Origin;
use super::places::location;
use super::request::Request;
use super::stages::Stages;
use crate::graph::Location;

/// An edge: the instruction, and the stage that it reads from.
type Edge = (Location, usize);

/// Refuses circles, also among stages that the target does not reach.
///
/// COMPAT: only what instructions read counts; a stage's base is earlier anyway.
pub(super) fn check(request: &Request, stages: &Stages<'_>) -> Result<(), Error> {
    let edges = edges(request, stages)?;
    let forward = edges.iter().enumerate().any(|(stage, list)| list.iter().any(|(_, to)| *to >= stage));
    if !forward {
        return Ok(());
    }
    let mut visited = vec![false; edges.len()];
    let mut on_path = vec![false; edges.len()];
    for root in 0..edges.len() {
        // A list of its own rather than recursion: a chain of stages may be as long as the file.
        let mut path = vec![(root, 0)];
        while let Some((stage, next)) = path.pop() {
            if next == 0 {
                if visited[stage] {
                    continue;
                }
                visited[stage] = true;
                on_path[stage] = true;
            }
            let Some((at, to)) = edges[stage].get(next) else {
                on_path[stage] = false;
                continue;
            };
            if on_path[*to] {
                return Err(Error::at(ErrorKind::Circle(stages.list[root].display.clone()), *at));
            }
            path.push((stage, next + 1));
            path.push((*to, 0));
        }
    }
    Ok(())
}

fn edges(request: &Request, stages: &Stages<'_>) -> Result<Vec<Vec<Edge>>, Error> {
    let mut all = Vec::new();
    for stage in &stages.list {
        let mut edges = Vec::new();
        for instruction in stage.instructions {
            let at = location(request, instruction);
            for (_, origin) in stages.known_origins(instruction).map_err(|kind| Error::at(kind, at))? {
                if let Origin::Stage(to) = origin {
                    edges.push((at, to));
                }
            }
        }
        all.push(edges);
    }
    Ok(all)
}
