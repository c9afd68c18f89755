//! `rbuild images`

use super::open::{failed, open};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::out;
use crate::cli::size::{ago, bytes};
use crate::store::Origin;

/// Lists the images that have a name.
pub fn images(environment: &Environment) -> Ending {
    match try_images(environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_images(environment: &Environment) -> Result<Ending, Ending> {
    let store = open(environment)?;
    let mut rows = vec![["NAME", "ID", "PLATFORM", "ORIGIN", "SET", "SIZE"].map(str::to_string)];
    for kept in crate::build::images(&store).map_err(failed)? {
        // An index is known by its digest, as in docker, unless only one of its images is here.
        let id = match &kept.images[..] {
            [only] => only.id,
            _ => kept.top.digest,
        };
        let platforms: Vec<String> = kept.images.iter().map(|image| image.platform.to_string()).collect();
        for (reference, name) in &kept.names {
            let origin = match name.origin {
                Origin::Built => "built",
                Origin::Imported => "imported",
                Origin::Pulled => "pulled",
            };
            rows.push([
                reference.familiar(),
                id.short(),
                platforms.join(","),
                origin.to_string(),
                ago(u64::try_from(environment.now - name.time).unwrap_or(0)),
                bytes(kept.size()),
            ]);
        }
    }
    out(&table(&rows))?;
    Ok(Ending::Code(0))
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 6]]) -> String {
    let mut widths = [0; 6];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("   ").trim_end());
        text.push('\n');
    }
    text
}
