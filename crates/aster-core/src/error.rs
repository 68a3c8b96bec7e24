//! One error taxonomy from the core to the exit code of the command line.
use std::fmt;
use std::path::{Path, PathBuf};

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! error_codes {
    ($($variant:ident $code:literal $exit:literal $retry:literal $meaning:literal;)*) => {
        /// What a caller does about an error; the table behind `code`, exit status and documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $(#[doc = $meaning] $variant,)* }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Upper-case name, as JavaScript sees it.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $code,)* } }
            /// Exit status when this error ends a command.
            pub fn exit_code(self) -> u8 { match self { $(Self::$variant => $exit,)* } }
            /// Whether the same call may succeed later.
            pub fn retryable(self) -> bool { match self { $(Self::$variant => $retry,)* } }
            /// One line for `help exit-codes`.
            pub fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning,)* } }
        }
    };
}

error_codes! {
    Usage "USAGE" 2 false "the call is wrong";
    Config "CONFIG" 78 false "a configuration file or environment variable is wrong";
    AuthMissing "AUTH_MISSING" 77 false "no credentials were found";
    AuthRejected "AUTH_REJECTED" 77 false "the credentials were refused";
    AuthExpired "AUTH_EXPIRED" 77 false "the token has expired or was revoked";
    AuthTerms "AUTH_TERMS" 77 false "terms of use have to be accepted first";
    NotFound "NOT_FOUND" 1 false "a file, product, band, region or scene does not exist";
    AuthLoginPage "AUTH_LOGIN_PAGE" 77 false "a login page came instead of data";
    Network "NETWORK" 75 true "the network failed";
    RateLimited "RATE_LIMITED" 75 true "a server asked to slow down";
    Timeout "TIMEOUT" 75 true "a server did not answer in time";
    Service "SERVICE" 1 false "a service refused a request, or answered something else than was asked for";
    AddressExpired "ADDRESS_EXPIRED" 75 false "a signed address is not valid any more";
    RetiredHost "RETIRED_HOST" 1 false "an address belongs to a host that no longer serves data";
    InputIo "INPUT_IO" 1 false "an input file cannot be read";
    NotHdf4 "NOT_HDF4" 65 false "a file is no granule this version reads";
    Corrupt "CORRUPT" 65 false "a file is damaged";
    Unsupported "UNSUPPORTED" 65 false "a valid file or request uses something this version does not do";
    Limit "LIMIT" 65 false "a file asks for more than the safety limits allow";
    MissingMetadata "MISSING_METADATA" 65 false "a granule lacks the metadata its calibration needs";
    NoData "NO_DATA" 65 false "a request can have no data";
    MemoryBudget "MEMORY_BUDGET" 1 false "the request does not fit the memory allowed";
    OutputExists "OUTPUT_EXISTS" 1 false "the output is there already";
    OutputIo "OUTPUT_IO" 1 false "the output cannot be written";
    DiskFull "DISK_FULL" 1 false "the disk of the output is full";
    Cancelled "CANCELLED" 130 false "the user or the scheduler stopped it";
    Internal "INTERNAL" 70 false "a bug of ours";
}

impl ErrorCode {
    /// The code of a name that came from outside.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
    /// Whether what is wrong is wrong for every granule: nothing is gained by leaving one out.
    pub fn concerns_all(self) -> bool {
        use ErrorCode::{AuthExpired, AuthLoginPage, AuthMissing, AuthRejected, AuthTerms};
        let login = [AuthExpired, AuthLoginPage, AuthMissing, AuthRejected, AuthTerms];
        login.contains(&self) || matches!(self, Self::Cancelled | Self::Config)
    }
}

/// What happened to which thing (message), where (path) and what to do next (hint).
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: ErrorCode,
    message: String,
    hint: Option<String>,
    path: Option<PathBuf>,
    needed_bytes: Option<u64>,
    allowed_bytes: Option<u64>,
}

impl Error {
    /// An error with a one-line message: lower case, no full stop.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner {
            code,
            message,
            hint: None,
            path: None,
            needed_bytes: None,
            allowed_bytes: None,
        }))
    }
    /// `USAGE`.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Usage, message)
    }
    /// `INTERNAL`: an invariant of ours did not hold.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }
    /// `CANCELLED`.
    pub fn cancelled() -> Self {
        Self::new(ErrorCode::Cancelled, "the job was cancelled")
    }
    /// Reading `path` failed in the operating system.
    pub fn input_io(path: &Path, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorCode::NotFound,
            _ => ErrorCode::InputIo,
        };
        let error = Self::new(code, format!("cannot read {}: {}", path.display(), plain_io(error))).at(path);
        match code {
            ErrorCode::NotFound => error.hint("check the name; relative ones begin at the current folder"),
            _ => error,
        }
    }
    /// Writing `path` failed in the operating system; a full disk has a code of its own.
    pub fn output_io(path: &Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::disk_full(path);
        }
        Self::new(ErrorCode::OutputIo, format!("cannot write {}: {}", path.display(), plain_io(error)))
            .at(path)
    }
    /// `DISK_FULL` while writing `path`.
    pub fn disk_full(path: &Path) -> Self {
        Self::new(ErrorCode::DiskFull, format!("no space left while writing {}", path.display()))
            .hint("free some space or choose another --output; nothing was left behind")
            .at(path)
    }
    /// The same error in other words, such as those that name the file.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }
    /// What to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }
    /// The file it is about, unless one is named already.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path.get_or_insert_with(|| path.to_path_buf());
        self
    }
    /// Memory asked for and allowed.
    #[must_use]
    pub fn with_bytes(mut self, needed: u64, allowed: u64) -> Self {
        self.0.needed_bytes = Some(needed);
        self.0.allowed_bytes = Some(allowed);
        self
    }
    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }
    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// What to do next, if known.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    /// File concerned, if any.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }
    /// Bytes that would have been enough.
    pub fn needed_bytes(&self) -> Option<u64> {
        self.0.needed_bytes
    }
    /// Bytes that were allowed.
    pub fn allowed_bytes(&self) -> Option<u64> {
        self.0.allowed_bytes
    }
}

/// The operating system's words without Rust's "(os error 2)".
fn plain_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_screaming() {
        for (i, a) in ErrorCode::ALL.iter().enumerate() {
            assert!(a.as_str().chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            assert!(ErrorCode::ALL[i + 1..].iter().all(|b| a.as_str() != b.as_str()));
        }
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Error::output_io(Path::new("a.nc"), &full).code(), ErrorCode::DiskFull);
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Error::output_io(Path::new("a.nc"), &denied);
        assert_eq!(error.message(), "cannot write a.nc: permission denied");
    }
}
