//! How much there is in a store.

use super::error::Error;
use super::inventory::Inventory;
use super::item::{Item, ItemKind};
use super::open::Store;

/// How much of one kind there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageOf {
    /// How many.
    pub count: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that no name keeps.
    pub reclaimable: u64,
}

/// How much there is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// By kind, in the order of [`ItemKind::ALL`].
    pub kinds: Vec<(ItemKind, UsageOf)>,
    /// Of all kinds.
    pub total: UsageOf,
    /// The size that the store keeps itself below.
    pub limit: u64,
}

impl Store {
    /// Counts what is in the store.
    pub fn usage(&self) -> Result<Usage, Error> {
        let items = self.items()?;
        let mut usage = Usage { limit: self.size_limit(), ..Usage::default() };
        for kind in ItemKind::ALL {
            let mut of = UsageOf::default();
            for item in items.iter().filter(|item| item.kind == kind) {
                of.count += 1;
                of.bytes += item.bytes;
                let busy = matches!(kind, ItemKind::Name | ItemKind::Temporary);
                if item.kept_by.is_empty() && !busy {
                    of.reclaimable += item.bytes;
                }
            }
            usage.total.count += of.count;
            usage.total.bytes += of.bytes;
            usage.total.reclaimable += of.reclaimable;
            usage.kinds.push((kind, of));
        }
        Ok(usage)
    }

    /// Lists what is in the store, sorted by kind and id.
    pub fn items(&self) -> Result<Vec<Item>, Error> {
        let inventory = Inventory::scan(&self.disk, self.names()?)?;
        Ok(inventory.found.into_iter().map(|found| found.item).collect())
    }
}
