//! What says that a snapshot is whole.

use std::fs;
use std::path::Path;

use super::state::State;
use crate::oci::{ChainId, DiffId, Digest};

/// The marker beside a snapshot, a few lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// The chain that it is of.
    pub chain: ChainId,
    /// The topmost layer.
    pub layer: DiffId,
    /// How many entries it holds.
    pub entries: usize,
    /// What they looked like when it was sealed.
    pub state: State,
    /// The user namespace whose ids its files have: another mapping makes them other people's.
    pub ids: Digest,
    /// The boot in which it was made; none once it was written to disk. A power cut may leave a directory whose files
    /// are empty.
    pub boot: Option<String>,
}

const FIRST: &str = "rbuild snapshot 2";

impl Marker {
    /// The text of the marker.
    pub(super) fn render(&self) -> String {
        let Marker { chain, layer, entries, state, ids, boot } = self;
        let boot = boot.as_deref().map(|b| format!("boot {b}\n")).unwrap_or_default();
        format!("{FIRST}\nchain {chain}\nlayer {layer}\nentries {entries}\nstate {state}\nids {ids}\n{boot}")
    }

    /// Reads a marker; anything unexpected is no marker.
    pub(super) fn parse(text: &str) -> Option<Marker> {
        let mut lines = text.strip_prefix(FIRST)?.strip_prefix('\n')?.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_string);
        Some(Marker {
            chain: ChainId(field("chain")?.parse().ok()?),
            layer: DiffId(field("layer")?.parse().ok()?),
            entries: field("entries")?.parse().ok()?,
            state: field("state")?.parse().ok()?,
            ids: field("ids")?.parse().ok()?,
            boot: field("boot"),
        })
    }
}

/// What identifies the ids of this user namespace.
pub(super) fn ids() -> Digest {
    let map = |name: &str| fs::read(Path::new("/proc/self").join(name)).unwrap_or_default();
    // The files are padded with spaces; their words are what counts.
    let words =
        |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    Digest::of(format!("{}\n{}", words(map("uid_map")), words(map("gid_map"))).as_bytes())
}

/// This boot's name. Without one (no `/proc`), no unsynced snapshot is trusted by another process.
pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_string())
        .unwrap_or_else(|_| format!("process-{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_what_it_prints_and_nothing_less() {
        let (digest, state) = (Digest::of(b"x"), State::default());
        for boot in [None, Some("b".to_string())] {
            let marker = Marker {
                chain: ChainId(digest),
                layer: DiffId(digest),
                entries: 3,
                state,
                ids: digest,
                boot,
            };
            let text = marker.render();
            assert_eq!(Marker::parse(&text), Some(marker));
            let cut = text.find("ids").expect("there");
            assert_eq!(Marker::parse(&text[..cut]), None);
        }
    }
}
