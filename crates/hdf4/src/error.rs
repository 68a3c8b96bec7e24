//! The one error type: what went wrong, where in the file, and nothing else.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed; [`Error::kind`] tells the cases apart.
#[derive(Clone)]
pub struct Error(Box<ErrorKind>);

/// The cases a caller may want to treat differently.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused or failed a read.
    Io {
        /// What was attempted.
        what: String,
        /// The system's own error.
        source: Arc<std::io::Error>,
    },
    /// The first four bytes are not those of an HDF4 file.
    NotHdf4,
    /// The file contradicts the format or itself.
    Corrupt {
        /// Byte offset of the record at fault.
        offset: u64,
        /// What is wrong with it.
        what: Cow<'static, str>,
    },
    /// Valid HDF4, but a feature this crate does not read.
    Unsupported {
        /// The feature, by name.
        what: Cow<'static, str>,
    },
    /// The file asks for more than [`Limits`](crate::Limits) allow.
    Limit {
        /// The guarded quantity.
        what: &'static str,
        /// What the file asks for.
        asked: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// No object of that name.
    NotFound {
        /// The name looked for.
        name: String,
    },
    /// The call itself is wrong: window outside the array, wrong element type, ambiguous name.
    Usage {
        /// How to put it right.
        what: String,
    },
    /// A [`Sparse`](crate::source::Sparse) source lacks these bytes: supply them and call again.
    NeedRanges(Vec<Range<u64>>),
}

impl Error {
    /// The case, for `match`.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The byte ranges to fetch before calling again, if that is what the error asks for.
    pub fn needed_ranges(&self) -> Option<&[Range<u64>]> {
        match &*self.0 {
            ErrorKind::NeedRanges(ranges) => Some(ranges),
            _ => None,
        }
    }

    /// An input/output failure; for implementors of [`ByteSource`](crate::ByteSource).
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        ErrorKind::Io { what: what.into(), source: Arc::new(source) }.into()
    }

    pub(crate) fn corrupt(offset: u64, what: impl Into<Cow<'static, str>>) -> Self {
        ErrorKind::Corrupt { offset, what: what.into() }.into()
    }

    pub(crate) fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        ErrorKind::Unsupported { what: what.into() }.into()
    }

    pub(crate) fn limit(what: &'static str, asked: u64, allowed: u64) -> Self {
        ErrorKind::Limit { what, asked, allowed }.into()
    }

    pub(crate) fn not_found(name: &str) -> Self {
        ErrorKind::NotFound { name: name.to_owned() }.into()
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        ErrorKind::Usage { what: what.into() }.into()
    }

    /// Failures of the source say nothing about the file, so they always end the call.
    pub(crate) fn is_from_source(&self) -> bool {
        matches!(*self.0, ErrorKind::Io { .. } | ErrorKind::NeedRanges(_))
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::Io { what, source } => write!(f, "{what}: {source}"),
            ErrorKind::NotHdf4 => f.write_str("not an hdf4 file"),
            ErrorKind::Corrupt { offset, what } => write!(f, "corrupt file at byte {offset}: {what}"),
            ErrorKind::Unsupported { what } => write!(f, "unsupported: {what}"),
            ErrorKind::Limit { what, asked, allowed } => {
                write!(f, "limit exceeded: {what} of {asked}, allowed {allowed}")
            }
            ErrorKind::NotFound { name } => write!(f, "nothing named \"{}\"", name.escape_debug()),
            ErrorKind::Usage { what } => f.write_str(what),
            ErrorKind::NeedRanges(ranges) => {
                let bytes: u64 = ranges.iter().map(|r| r.end.saturating_sub(r.start)).sum();
                write!(f, "{bytes} bytes in {} ranges must be supplied first", ranges.len())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            ErrorKind::Io { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}
