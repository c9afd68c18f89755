//! Every way in which Dockerfile text can be wrong, in the words that BuildKit's users know.

/// ` (did you mean X?)`, or nothing.
pub(super) fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its variant is")]
pub enum ErrorKind {
    // The file.
    #[error("the Dockerfile cannot be empty")]
    Empty,
    #[error("file with no instructions")]
    NoInstructions,
    #[error("the Dockerfile has {size} bytes, more than the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("the Dockerfile is not UTF-8: byte {byte:#04x}")]
    NotUtf8 { byte: u8 },
    #[error("only one {0} parser directive can be used")]
    DuplicateDirective(String),
    #[error("invalid escape token '{0}' does not match ` or \\")]
    BadEscape(String),
    #[error("no build stage in current context")]
    NoStage,

    // One instruction.
    #[error("unknown instruction: {keyword}{}", suggestion(near))]
    UnknownInstruction { keyword: String, near: Option<String> },
    #[error("line continuation with no instruction before or after it")]
    LoneContinuation,
    #[error("unknown flag: --{flag}{}", suggestion(near))]
    UnknownFlag { flag: String, near: Option<String> },
    #[error("duplicate flag specified: --{0}")]
    DuplicateFlag(String),
    #[error("missing a value on flag: --{0}")]
    FlagWithoutValue(String),
    #[error("expecting boolean value for flag --{flag}, not: {value}")]
    FlagNotBoolean { flag: String, value: String },
    #[error("{0} requires at least one argument")]
    AtLeastOneArgument(&'static str),
    #[error("{0} requires exactly one argument")]
    ExactlyOneArgument(&'static str),
    #[error(
        "{0} requires at least two arguments, but only one was provided. Destination could not be determined"
    )]
    NoDestination(&'static str),
    #[error("FROM requires either one or three arguments")]
    FromArguments,
    #[error("invalid name for build stage: {0:?}, name can't start with a number or contain symbols")]
    BadStageName(String),
    #[error("{0} must have two arguments")]
    TwoArguments(&'static str),
    #[error("Syntax error - can't find = in {0:?}. Must be of the form: name=value")]
    NoEquals(String),
    #[error("{0} names can not be blank")]
    BlankName(&'static str),
    #[error("when using JSON array syntax, arrays must be comprised of strings only")]
    JsonNotStrings,
    #[error("{0} requires the arguments to be in JSON form")]
    NotJson(&'static str),
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    #[error("invalid network mode {0:?}")]
    BadNetwork(String),
    #[error("security {0:?} is not valid")]
    BadSecurity(String),
    #[error("HEALTHCHECK NONE takes no arguments")]
    HealthcheckNoneArguments,
    #[error("Missing command after HEALTHCHECK CMD")]
    HealthcheckNoCommand,
    #[error("Unknown type {0:?} in HEALTHCHECK (try CMD)")]
    HealthcheckType(String),
    #[error("invalid duration {value:?} for --{flag}: {problem}")]
    BadDuration { flag: String, value: String, problem: &'static str },
    #[error("Interval {0:?} cannot be less than 1ms")]
    ShortDuration(String),
    #[error("--retries cannot be negative ({0})")]
    NegativeRetries(String),
    #[error("invalid number {0:?} for --retries")]
    BadRetries(String),
    #[error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")]
    ChainedOnBuild,
    #[error("{0} isn't allowed as an ONBUILD trigger")]
    ForbiddenTrigger(&'static str),
    #[error("an ONBUILD trigger must be one instruction, this has {0}")]
    TriggerNotOne(usize),

    // Here-documents.
    #[error("unterminated heredoc: no line {0:?}")]
    UnterminatedHeredoc(String),
    #[error(
        "the heredoc {0:?} has no body: the line has an unbalanced quote or a substitution that is not known"
    )]
    HeredocNotRead(String),
    #[error(
        "{instruction} cannot use the heredoc {name:?}: its delimiter must be one word directly behind <<"
    )]
    HeredocNotSource { instruction: &'static str, name: String },
    #[error("{0} cannot accept a heredoc as a destination")]
    HeredocDestination(&'static str),

    // Words.
    #[error("failed to process {word:?}: {problem}")]
    BadWord { word: String, problem: WordProblem },

    // `--mount` and `--device`.
    #[error("failed to parse csv {what}: {problem}")]
    BadCsv { what: &'static str, problem: &'static str },
    #[error("{0}")]
    Mount(MountProblem),
    #[error("device name already set to {0}")]
    DeviceNameTwice(String),
}

/// What is wrong in a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its variant is")]
pub enum WordProblem {
    #[error("unexpected end of statement while looking for matching single-quote")]
    SingleQuote,
    #[error("unexpected end of statement while looking for matching double-quote")]
    DoubleQuote,
    #[error("syntax error: missing '}}'")]
    MissingBrace,
    #[error("syntax error: missing '/' in ${{}}")]
    MissingSlash,
    #[error("syntax error: bad substitution")]
    BadSubstitution,
    #[error("unsupported modifier ({0}) in substitution")]
    UnsupportedModifier(String),
    #[error("invalid pattern ({pattern}) in substitution: {problem}")]
    BadPattern { pattern: String, problem: String },
    #[error("{name}: {message}")]
    Required { name: String, message: String },
    #[error("the result is longer than the limit of {0} bytes")]
    TooLong(usize),
    #[error("substitutions are nested deeper than the limit of {0}")]
    TooDeep(usize),
}

/// What is wrong in a `--mount`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its variant is")]
pub enum MountProblem {
    #[error("invalid field '{0}' must be a key=value pair")]
    NotPair(String),
    #[error("unexpected key '{key}' in '{field}'{}", suggestion(near))]
    UnknownKey { key: String, field: String, near: Option<String> },
    #[error("unexpected key '{key}' for mount type '{kind}'")]
    KeyForType { key: String, kind: &'static str },
    #[error("a cache mount with a source needs a from: a part of a cache cannot be mounted alone")]
    CacheSource,
    #[error("unsupported mount type {value:?}{}", suggestion(near))]
    UnknownType { value: String, near: Option<String> },
    #[error("unsupported sharing value {value:?}{}", suggestion(near))]
    UnknownSharing { value: String, near: Option<String> },
    #[error("invalid value for {key}: {value}")]
    BadValue { key: String, value: String },
    #[error("invalid secret mount. one of source, target required")]
    SecretWithoutName,
    #[error("both source and id can't be set")]
    SourceAndId,
}
