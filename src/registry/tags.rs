//! The tags of a repository, from one on.

use serde::Deserialize;

use super::client::{Client, judged};
use super::error::Error;
use super::session::{Ask, Place};
use crate::http::Method;
use crate::oci::Reference;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// LIMIT: a page of a thousand names of the longest kind.
const LARGEST_PAGE: u64 = 1 << 20;
/// LIMIT: tags that a registry gives on one page; more are not given by the big ones.
const ON_A_PAGE: usize = 1000;
/// LIMIT: beyond it, a registry that does not know `last` has too many tags to look through.
const MOST_PAGES: usize = 50;

impl Client {
    /// The tags of the repository that begin with `prefix`, sorted, those after `after` if the registry can leave the
    /// others out: usually one request.
    pub fn tags(&self, of: &Reference, prefix: &str, after: &str) -> Result<Vec<String>, Error> {
        let what = format!("the tags of {}", of.name());
        let session = &self.0.session;
        // Mirrors know what somebody fetched, not what there is.
        let site = self.0.settings.home(of)?;
        let mut place = Place::Path(format!("tags/list?n={ON_A_PAGE}&last={after}"));
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let ask = Ask { place: place.clone(), ..Ask::new(Method::GET, String::new(), &what) };
            let mut response = judged(session.send(&site, &ask)?, &what)?;
            let next = response.header("link").and_then(next_page).map(str::to_string);
            let at = response.url.clone();
            let bytes = response.bytes(LARGEST_PAGE)?;
            let page: Page = serde_json::from_slice(&bytes)
                .map_err(|e| Error::Document { what: what.clone(), reason: e.to_string() })?;
            let tags = page.tags.unwrap_or_default();
            // SPEC: distribution-spec, "Listing Tags": in lexical order; what is past the prefix ends the search.
            let is_past = tags.last().is_some_and(|last| last.as_str() > prefix && !last.starts_with(prefix));
            found.extend(tags.into_iter().filter(|tag| tag.starts_with(prefix)));
            match next {
                Some(next) if !is_past => place = Place::Address(at.join(&next)?),
                _ => break,
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// The address in `<…>; rel="next"`. SPEC: RFC 8288.
fn next_page(link: &str) -> Option<&str> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    parameters.contains("next").then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_its_link() {
        assert_eq!(
            next_page(r#"</v2/a/tags/list?last=x&n=5>; rel="next""#),
            Some("/v2/a/tags/list?last=x&n=5")
        );
        assert_eq!(next_page(r#"</v2/a>; rel="prev""#), None);
        assert_eq!(next_page("nothing"), None);
    }
}
