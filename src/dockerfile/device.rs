//! The value of `RUN --device=`.

use super::csv;
use super::error::Error;
use super::error_kind::{ErrorKind, MountProblem};
use super::mount_fields;
use super::span::Span;
use super::suggest;
use super::word::Word;

/// A CDI device that a RUN asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, class or pattern; may be empty.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
    /// Where the value stands.
    pub span: Span,
}

impl Device {
    /// Reads `name[,required]` in its several spellings.
    pub(super) fn read(word: &Word) -> Result<Device, Error> {
        let wrong = |kind: ErrorKind| Err(Error::new(kind).at(word.span));
        let fields = match csv::fields(&word.raw) {
            Ok(fields) => fields,
            Err(problem) => return wrong(ErrorKind::BadCsv { what: "devices", problem }),
        };
        let mut device = Device { name: String::new(), required: false, span: word.span };
        for field in fields {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_lowercase(), Some(value)),
                None => (field.to_lowercase(), None),
            };
            match (key.as_str(), value) {
                ("required", None) => device.required = true,
                ("required", Some(value)) => match mount_fields::boolean(value) {
                    Some(required) => device.required = required,
                    None => {
                        return wrong(ErrorKind::Mount(MountProblem::BadValue {
                            key,
                            value: value.to_owned(),
                        }));
                    }
                },
                ("name", Some(_)) if !device.name.is_empty() => {
                    return wrong(ErrorKind::DeviceNameTwice(device.name));
                }
                ("name", Some(value)) => device.name = value.to_owned(),
                _ if device.name.is_empty() => device.name = field,
                (_, None) => return wrong(ErrorKind::Mount(MountProblem::NotPair(field))),
                (_, Some(_)) => {
                    let near = suggest::near(&key, ["name", "required"]);
                    return wrong(ErrorKind::Mount(MountProblem::UnknownKey { key, field, near }));
                }
            }
        }
        Ok(device)
    }
}
