//! What all stages share while they are planned and nobody changes.

use std::collections::BTreeMap;

use super::arguments::Arguments;
use super::base::{Base, BaseKey};
use super::checks::Checks;
use super::request::Request;
use super::stages::Stages;

/// The request, and what was read of it.
pub(super) struct Site<'a> {
    /// What is asked for.
    pub request: &'a Request,
    /// The images that are known.
    pub bases: &'a BTreeMap<BaseKey, Base>,
    /// The arguments.
    pub arguments: Arguments,
    /// The stages.
    pub stages: Stages<'a>,
    /// Which rules speak.
    pub checks: Checks,
    /// The proxy variables of every RUN.
    pub proxies: Vec<(String, String)>,
}
