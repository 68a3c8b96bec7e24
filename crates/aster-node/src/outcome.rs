//! Errors cross as data: every call returns an outcome, TypeScript throws.
use aster_core::{Error, ErrorCode};
use napi_derive::napi;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What went wrong, as data; TypeScript turns it into an exception.
#[napi(object)]
#[derive(Clone)]
pub struct NativeError {
    /// One of the error codes of `errorCodes()`.
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    pub retryable: bool,
    /// File the error is about.
    pub path: Option<String>,
    /// MEMORY_BUDGET: smallest budget that works, bytes.
    pub needed_bytes: Option<f64>,
    pub allowed_bytes: Option<f64>,
}

impl From<&Error> for NativeError {
    fn from(e: &Error) -> Self {
        Self {
            code: e.code().as_str().to_string(),
            message: e.message().to_string(),
            hint: e.hint_text().map(str::to_string),
            retryable: e.code().retryable(),
            path: e.path().map(|p| p.to_string_lossy().into_owned()),
            needed_bytes: e.needed_bytes().map(|b| b as f64),
            allowed_bytes: e.allowed_bytes().map(|b| b as f64),
        }
    }
}

/// Runs a closure; a panic becomes `INTERNAL` with its text, never an abort of Node.
pub fn guarded<T>(work: impl FnOnce() -> aster_core::Result<T>) -> Result<T, NativeError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(NativeError::from(&error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
            let error = Error::new(ErrorCode::Internal, format!("the native core failed: {text}"))
                .hint("this is a bug: please report it with the command and the file");
            Err(NativeError::from(&error))
        }
    }
}

/// Declares an outcome object of a value type.
macro_rules! outcome {
    ($(#[$doc:meta])* $name:ident, $value:ty) => {
        $(#[$doc])*
        #[napi(object, object_from_js = false)]
        pub struct $name {
            pub value: Option<$value>,
            pub error: Option<crate::outcome::NativeError>,
        }
        impl From<Result<$value, crate::outcome::NativeError>> for $name {
            fn from(result: Result<$value, crate::outcome::NativeError>) -> Self {
                match result {
                    Ok(value) => Self { value: Some(value), error: None },
                    Err(error) => Self { value: None, error: Some(error) },
                }
            }
        }
    };
}
pub(crate) use outcome;
