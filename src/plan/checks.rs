//! Build checks: which rules speak, and which of those that spoke stop the build.
//!
//! SPEC: `# check=` before everything else, or `BUILDKIT_DOCKERFILE_CHECK` in its place, holds for the file; a `# check=`
//! right above an instruction takes rules away, or experimental ones in, for that instruction alone.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Error, ErrorKind};
use super::warning::Warning;
use crate::dockerfile::{self, Dockerfile, Instruction, Kind};
use crate::graph::Location;

/// The build argument that stands in for the directive.
const ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// Rules that are silent unless they are asked for.
const EXPERIMENTAL: [&str; 1] = ["InvalidDefinitionDescription"];

/// Rules of our own: they can be skipped, and never stop a build that BuildKit would do.
const OWN: [&str; 3] = ["IgnoredMountOption", "InvalidJSONArgs", "UnusedBuildArg"];

/// Rules about the file as a whole, whatever stands above the line that they name.
const OF_FILE: [&str; 6] = [
    "NoEmptyContinuation",
    "ConsistentInstructionCasing",
    "DuplicateStageName",
    "ReservedStageName",
    "InvalidDefaultArgInFrom",
    "InvalidBaseImagePlatform",
];

/// The settings of a file.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    file: Settings,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Settings {
    skip: Rules,
    experimental: Rules,
    error: bool,
}

/// `all`, or these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    all: bool,
    names: BTreeSet<String>,
}

impl Checks {
    /// The settings of `dockerfile`, unless a build argument gives others.
    pub fn read(dockerfile: &Dockerfile, build_args: &BTreeMap<String, String>) -> Result<Checks, Error> {
        let bad = |problem: String| Error::new(ErrorKind::BadCheck(problem)).hint(HINT);
        let file = match (build_args.get(ARGUMENT), &dockerfile.directives.check) {
            (Some(given), _) => Settings::read(given).map_err(bad)?,
            (None, Some(directive)) => Settings::read(&directive.value).map_err(|problem| {
                let line = dockerfile.lines.line_of(directive.span.start);
                Error { location: Some(Location { first: line, last: line }), ..bad(problem) }
            })?,
            (None, None) => Settings::default(),
        };
        Ok(Checks { file })
    }

    /// Whether a rule is this program's and not BuildKit's.
    pub fn is_own(rule: &str) -> bool {
        OWN.contains(&rule)
    }

    /// Whether `rule` speaks, given the `# check=` of the instruction that it is about.
    pub(super) fn allows(&self, rule: &str, own: Option<&str>) -> bool {
        // SPEC: what cannot be read above an instruction is a comment like any other.
        let own = own.and_then(|own| Settings::read(own).ok()).unwrap_or_default();
        match EXPERIMENTAL.contains(&rule) {
            true => self.file.experimental.has(rule) || own.experimental.has(rule),
            false => !self.file.skip.has(rule) && !own.skip.has(rule),
        }
    }

    /// What the parser noticed and is to be told, with its lines.
    pub fn of_text(&self, dockerfile: &Dockerfile) -> Vec<Warning> {
        let told = |warning: &&dockerfile::Warning| {
            let at = warning.span.start;
            let after = dockerfile.instructions.partition_point(|instruction| instruction.span.start <= at);
            let own = after.checked_sub(1).map(|index| &dockerfile.instructions[index]);
            self.allows(warning.rule, own.and_then(own_check).filter(|_| !OF_FILE.contains(&warning.rule)))
        };
        let warning = |warning: &dockerfile::Warning| {
            let line = dockerfile.lines.line_of(warning.span.start);
            Warning::new(warning.rule, warning.message.clone(), Location { first: line, last: line })
        };
        dockerfile.warnings.iter().filter(told).map(warning).collect()
    }

    /// Keeps of `warnings` those that are to be told. Rules about one instruction were asked when it was planned; those
    /// about a FROM are asked here.
    pub(super) fn keep(&self, warnings: &mut Vec<Warning>, dockerfile: &Dockerfile) {
        let own: BTreeMap<usize, &str> = dockerfile
            .instructions
            .iter()
            .filter(|instruction| matches!(instruction.kind, Kind::From(_)))
            .filter_map(|from| Some((dockerfile.lines.line_of(from.span.start), own_check(from)?)))
            .collect();
        warnings.retain(|warning| {
            let own = warning.location.and_then(|at| own.get(&at.first).copied());
            self.allows(warning.rule, own.filter(|_| !OF_FILE.contains(&warning.rule)))
        });
    }

    /// The error that the warnings that were told come to, where the file asks for one.
    pub fn violation<'w>(&self, told: impl Iterator<Item = &'w Warning>) -> Option<Error> {
        if !self.file.error {
            return None;
        }
        let told: Vec<&Warning> = told.filter(|warning| !Checks::is_own(warning.rule)).collect();
        let rules: BTreeSet<&str> = told.iter().map(|warning| warning.rule).collect();
        let first = told.first()?;
        let rules = rules.into_iter().collect::<Vec<&str>>().join(", ");
        let error = Error::new(ErrorKind::Checks(rules));
        Some(Error { location: first.location, ..error }.hint("the checks of this build have error=true"))
    }
}

/// The `# check=` above an instruction.
pub(super) fn own_check(instruction: &Instruction) -> Option<&str> {
    instruction.check.as_ref().map(|check| check.value.as_str())
}

/// What can be said.
const HINT: &str =
    "skip=RULE[,RULE] or skip=all, error=true, experimental=RULE or experimental=all, joined by `;`";

impl Settings {
    /// SPEC: at most three parts, joined by `;`; of two of a kind the last counts.
    fn read(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        if text.trim().is_empty() {
            return Ok(settings);
        }
        for part in text.trim().splitn(3, ';') {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("invalid check option {part:?}"))?;
            match key.trim() {
                "skip" => settings.skip = Rules::read(value),
                "experimental" => settings.experimental = Rules::read(value),
                "error" => {
                    settings.error = match value.trim() {
                        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
                        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
                        _ => return Err(format!("failed to parse check option {part:?}: true or false")),
                    }
                }
                key => return Err(format!("invalid check option {key:?}")),
            }
        }
        Ok(settings)
    }
}

impl Rules {
    fn read(value: &str) -> Rules {
        match value.trim() {
            "all" => Rules { all: true, names: BTreeSet::new() },
            names => Rules { all: false, names: names.split(',').map(|n| n.trim().to_string()).collect() },
        }
    }

    fn has(&self, rule: &str) -> bool {
        self.all || self.names.contains(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse;

    fn told(text: &str, args: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
        let file = parse(text).unwrap();
        let args = args.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let checks = Checks::read(&file, &args).map_err(|error| error.to_string())?;
        let told = checks.of_text(&file);
        match checks.violation(told.iter()) {
            Some(error) => Err(error.to_string()),
            None => Ok(told.iter().map(|warning| warning.rule).collect()),
        }
    }

    const BOTH: &str = "FROM scratch as base\ncopy x .\n";

    #[test]
    fn rules_are_skipped_by_name_and_all_together() {
        let all = ["FromAsCasing", "ConsistentInstructionCasing"];
        assert_eq!(told(BOTH, &[]), Ok(all.to_vec()));
        assert_eq!(told(&format!("# check=skip=all;error=true\n{BOTH}"), &[]), Ok(vec![]));
        let skipped = format!("#check=skip=ConsistentInstructionCasing, FromAsCasing\n{BOTH}");
        assert_eq!(told(&skipped, &[]), Ok(vec![all[0]]), "the value ends at a space");
        assert_eq!(
            told(&skipped, &[("BUILDKIT_DOCKERFILE_CHECK", "skip=X, FromAsCasing")]),
            Ok(vec![all[1]])
        );
    }

    #[test]
    fn rules_that_spoke_stop_a_build_that_says_so() {
        let file = format!("# check=error=true\n{BOTH}");
        let error = "lint violation found for rules: ConsistentInstructionCasing, FromAsCasing";
        assert_eq!(told(&file, &[]), Err(error.to_string()));
        assert_eq!(told(&file, &[("BUILDKIT_DOCKERFILE_CHECK", "skip=all")]).map(|told| told.len()), Ok(0));
        assert_eq!(
            told("# check=error=true\nFROM scratch\nCMD ['a']\n", &[]).map(|told| told.len()),
            Ok(1),
            "a rule of our own stops nothing"
        );
    }

    #[test]
    fn an_instruction_has_checks_of_its_own() {
        let text = "FROM scratch\n# check=skip=MaintainerDeprecated now\nMAINTAINER a\nMAINTAINER b\n";
        assert_eq!(told(text, &[]), Ok(vec!["MaintainerDeprecated"]));
        let text = "FROM scratch\n# check=skip=all\nCopy a b\n# check=nonsense\nMAINTAINER a\n";
        assert_eq!(told(text, &[]), Ok(vec!["ConsistentInstructionCasing", "MaintainerDeprecated"]));
    }

    #[test]
    fn experimental_rules_are_asked_for() {
        let text = "FROM scratch AS a\n# c is not b\nARG b\n# b is\nARG b\n# x\nARG b c\n#\nARG d\n";
        assert_eq!(told(text, &[]), Ok(vec![]));
        let rule = "InvalidDefinitionDescription";
        for value in ["experimental=all", "skip=all;experimental=InvalidDefinitionDescription"] {
            assert_eq!(told(text, &[("BUILDKIT_DOCKERFILE_CHECK", value)]), Ok(vec![rule, rule]), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (text, want) in [
            ("x", "failed to parse check options: invalid check option \"x\""),
            ("skip=a;", "failed to parse check options: invalid check option \"\""),
            ("Skip=a", "failed to parse check options: invalid check option \"Skip\""),
            (
                "error=yes",
                "failed to parse check options: failed to parse check option \"error=yes\": true or false",
            ),
        ] {
            assert_eq!(told(&format!("# check={text}\nFROM a\n"), &[]), Err(want.to_string()));
        }
    }
}
