//! HDF5 identifiers that close themselves, and HDF5's error stack as our errors.
use crate::error::{Error, ErrorCode};
use crate::write::partial::output_error;
use hdf5::sync::sync;
use hdf5_sys::h5::herr_t;
use hdf5_sys::h5e::{H5E_DEFAULT, H5E_WALK_DOWNWARD, H5E_error2_t, H5Eclear2, H5Ewalk2};
use hdf5_sys::h5i::hid_t;
use std::ffi::{CStr, c_uint, c_void};
use std::path::Path;

/// A call that HDF5 refused.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    detail: String,
    os_error: Option<i32>,
}

impl Failure {
    /// Reads and clears the error stack of this thread; call inside the lock, right after the failure.
    pub(super) fn of(what: &str) -> Self {
        let descriptions = error_stack();
        let os_error = descriptions.iter().find_map(|d| errno_in(d));
        let detail = descriptions.last().cloned().unwrap_or_default();
        Self { what: what.to_string(), detail, os_error }
    }

    /// A failure that is not HDF5's.
    pub(super) fn own(what: &str) -> Self {
        Self { what: what.to_string(), detail: String::new(), os_error: None }
    }

    /// The error for the user, about the output `path`.
    pub(super) fn about(self, path: &Path) -> Error {
        match self.os_error {
            Some(number) => output_error(path, &std::io::Error::from_raw_os_error(number)),
            None => {
                let message = format!("HDF5 cannot {} in {}: {}", self.what, path.display(), self.detail);
                Error::new(ErrorCode::Internal, message).at(path)
            }
        }
    }
}

/// Outcome of HDF5 calls.
pub(super) type Outcome<T> = std::result::Result<T, Failure>;

/// An open HDF5 object.
#[derive(Debug)]
pub(super) struct Handle {
    id: hid_t,
    close: unsafe extern "C" fn(hid_t) -> herr_t,
}

impl Handle {
    /// Takes over `id`, which `close` closes; a negative one is the failure of `what`.
    pub(super) fn new(id: hid_t, close: unsafe extern "C" fn(hid_t) -> herr_t, what: &str) -> Outcome<Self> {
        if id < 0 { Err(Failure::of(what)) } else { Ok(Self { id, close }) }
    }

    /// The identifier, valid as long as the handle lives.
    pub(super) fn id(&self) -> hid_t {
        self.id
    }

    /// Closes now, to see whether that succeeds; if not, dropping tries again.
    pub(super) fn close(&mut self, what: &str) -> Outcome<()> {
        check(self.close_now(), what)
    }

    #[allow(unsafe_code)]
    fn close_now(&mut self) -> herr_t {
        if self.id < 0 {
            return 0;
        }
        // SAFETY: the id was given by the call that pairs with `close`; it is forgotten once closed.
        let status = unsafe { (self.close)(self.id) };
        if status >= 0 {
            self.id = -1;
        }
        status
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        sync(|| self.close_now());
    }
}

/// Turns HDF5's status into a result.
pub(super) fn check(status: herr_t, what: &str) -> Outcome<()> {
    if status < 0 { Err(Failure::of(what)) } else { Ok(()) }
}

/// Descriptions on the error stack, outermost call first; the stack is empty afterwards.
#[allow(unsafe_code)]
fn error_stack() -> Vec<String> {
    let mut descriptions: Vec<String> = Vec::new();
    let target: *mut Vec<String> = &raw mut descriptions;
    // SAFETY: `collect` gets `target` back, which outlives the walk; the default stack always exists.
    unsafe {
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, Some(collect), target.cast());
        H5Eclear2(H5E_DEFAULT);
    }
    descriptions
}

#[allow(unsafe_code)]
unsafe extern "C" fn collect(_: c_uint, error: *const H5E_error2_t, target: *mut c_void) -> herr_t {
    // SAFETY: HDF5 hands over a valid record, and the pointer given to H5Ewalk2.
    unsafe {
        if let (Some(error), Some(list)) = (error.as_ref(), target.cast::<Vec<String>>().as_mut())
            && !error.desc.is_null()
        {
            list.push(CStr::from_ptr(error.desc).to_string_lossy().into_owned());
        }
    }
    0
}

/// The operating system's error number in a description such as
/// `file write failed: ..., errno = 28, error message = 'No space left on device', ...`.
fn errno_in(description: &str) -> Option<i32> {
    let (_, rest) = description.split_once("errno = ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_error_is_found_in_hdf5s_words() {
        let words = "file write failed: time = Sun, filename = 'a', errno = 28, error message = 'No space', buf = 0x1";
        assert_eq!(errno_in(words), Some(28));
        assert_eq!(errno_in("can't write data"), None);
        let full = Failure { what: String::new(), detail: String::new(), os_error: Some(28) };
        assert_eq!(full.about(Path::new("a.nc")).code(), ErrorCode::DiskFull);
    }
}
