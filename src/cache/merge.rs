//! Several documents to one: nothing of any is lost, until the oldest no longer fits.

use std::collections::BTreeSet;

use super::document::{Document, MOST_LAYERS, MOST_RECORDS, Recorded};

/// All that `documents` say, the newest first; where two differ, the earlier one holds. What does not fit is left out, from
/// the end. Generation and merged sets are the caller's.
pub(super) fn merge(documents: &[&Document]) -> Document {
    let mut merged = Document::default();
    let mut keys = BTreeSet::new();
    let mut selected = BTreeSet::new();
    for document in documents {
        for record in &document.records {
            let Some(layer) = document.layers.get(&record.layer) else { continue };
            let is_new = !merged.layers.contains_key(&record.layer);
            if merged.records.len() == MOST_RECORDS || is_new && merged.layers.len() == MOST_LAYERS {
                continue;
            }
            if keys.insert(record.key) {
                merged.records.push(*record);
                merged.layers.entry(record.layer).or_insert_with(|| layer.clone());
            }
        }
        for selection in &document.selections {
            if merged.selections.len() < MOST_RECORDS && selected.insert(selection.of) {
                merged.selections.push(*selection);
            }
        }
    }
    merged
}

/// Whether `document` says something that `known` does not, or says otherwise.
pub(super) fn adds(document: &Document, known: &Document) -> bool {
    let records: BTreeSet<_> = known.records.iter().map(|record| (record.key, record.layer)).collect();
    let selections: BTreeSet<_> = known.selections.iter().map(|s| (s.of, s.digest)).collect();
    let is_new = |record: &Recorded| {
        !records.contains(&(record.key, record.layer))
            || document.layers.get(&record.layer) != known.layers.get(&record.layer)
    };
    document.records.iter().any(is_new)
        || document.selections.iter().any(|s| !selections.contains(&(s.of, s.digest)))
}

#[cfg(test)]
mod tests {
    use super::super::document::KnownLayer;
    use super::*;
    use crate::oci::{DiffId, Digest, MediaType};

    fn document(records: &[(&str, &str)]) -> Document {
        let mut document = Document::default();
        for (key, layer) in records {
            let layer = DiffId(Digest::of(layer.as_bytes()));
            document.records.push(Recorded { key: Digest::of(key.as_bytes()), layer, ran: true });
            let known = KnownLayer {
                blob: layer.0,
                size: 1,
                media_type: MediaType::ImageLayer,
                tar_size: 1,
                made_by: None,
                list: None,
            };
            document.layers.insert(layer, known);
        }
        document
    }

    #[test]
    fn nothing_is_lost_and_the_newest_holds() {
        let (new, old) = (document(&[("a", "1"), ("b", "2")]), document(&[("b", "3"), ("c", "4")]));
        let merged = merge(&[&new, &old]);
        assert_eq!(merged.records, document(&[("a", "1"), ("b", "2"), ("c", "4")]).records);
        assert_eq!(merged.layers.len(), 3, "what no record names is left out");
        assert!(adds(&new, &old) && adds(&old, &new) && !adds(&new, &merged));
        assert!(adds(&old, &merged), "b gives another layer there");
        let mut mended = new.clone();
        mended.layers.values_mut().next().unwrap().size += 1;
        assert!(adds(&mended, &merged), "a layer's blob is another one");
        let again = merge(&[&mended, &merged]);
        assert!(!adds(&mended, &again), "and the newest holds");
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let names: Vec<String> = (0..MOST_LAYERS + 10).map(|n| n.to_string()).collect();
        let old: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), n.as_str())).collect();
        let merged = merge(&[&document(&[("new", "new")]), &document(&old)]);
        assert_eq!(merged.layers.len(), MOST_LAYERS);
        assert_eq!(merged.records[0].key, Digest::of(b"new"));
        assert!(Document::decode(&merged.encode()).is_ok());
    }
}
