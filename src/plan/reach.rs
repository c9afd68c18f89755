//! The stages that a target reaches, and the images that they name, as far as that is known without variables.

use std::collections::{BTreeMap, BTreeSet};

use super::base::{BaseKey, BaseRequest};
use super::error::Error;
use super::origin::Origin;
use super::places::location;
use super::site::Site;
use crate::graph::Location;

/// What was reached, and what must be asked.
#[derive(Default)]
pub(super) struct Reach {
    /// Stages that were reached and not planned yet; the earliest comes first.
    pub pending: BTreeSet<usize>,
    /// Questions, by image.
    needs: BTreeMap<BaseKey, BaseRequest>,
    seen: BTreeSet<usize>,
}

impl Reach {
    /// Adds the stage at `start`, and all that it reads from.
    pub fn add(&mut self, site: &Site<'_>, start: usize) -> Result<(), Error> {
        let mut queue = vec![start];
        while let Some(index) = queue.pop() {
            if !self.seen.insert(index) {
                continue;
            }
            self.pending.insert(index);
            let stage = &site.stages.list[index];
            let origin = stage.replaced.as_ref().unwrap_or(&stage.base);
            match origin {
                Origin::Stage(base) => queue.push(*base),
                Origin::Image { name, .. } => {
                    let platform = stage.platform.clone().unwrap_or_else(|| site.request.platform.clone());
                    let key = BaseKey { name: name.clone(), platform };
                    self.need(site, key, stage.location, &stage.base_text);
                }
                Origin::Scratch | Origin::Files(_) => {}
            }
            if stage.replaced.is_some() {
                continue;
            }
            for instruction in stage.instructions {
                let at = location(site.request, instruction);
                let origins = site.stages.known_origins(instruction);
                for (written, origin) in origins.map_err(|kind| Error::at(kind, at))? {
                    match origin {
                        // What comes later cannot be read from: planning says so.
                        Origin::Stage(from) if from < index => queue.push(from),
                        Origin::Image { name, .. } => {
                            let key = BaseKey { name, platform: site.request.platform.clone() };
                            self.need(site, key, at, &written);
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks for an image, unless it is known or was asked for.
    pub fn need(&mut self, site: &Site<'_>, key: BaseKey, location: Location, written: &str) {
        if site.bases.contains_key(&key)
            || self.needs.get(&key).is_some_and(|first| first.location <= location)
        {
            return;
        }
        let near = site.stages.near(written);
        self.needs.insert(key.clone(), BaseRequest { key, location, written: written.to_string(), near });
    }

    /// All questions, in the order of the file.
    pub fn questions(self) -> Vec<BaseRequest> {
        let mut all: Vec<BaseRequest> = self.needs.into_values().collect();
        all.sort_by(|a, b| (a.location, &a.key).cmp(&(b.location, &b.key)));
        all
    }
}
