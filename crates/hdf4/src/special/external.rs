//! Elements whose bytes lie in another file, read only from a folder the caller names.
#![forbid(unsafe_code)]

use std::path::{Component, Path, PathBuf};

use crate::cursor::{Cursor, latin1};
use crate::error::{Error, Result};

/// A run of bytes in another file.
#[derive(Debug, Clone)]
pub(crate) struct External {
    pub(crate) name: String,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl External {
    pub(crate) fn parse(header: &mut Cursor<'_>) -> Result<External> {
        let length = header.size()?;
        let offset = header.size()?;
        let n = header.size()?;
        let n = usize::try_from(n).map_err(|_| header.corrupt("the file name is too long"))?;
        let name = latin1(header.bytes(n)?);
        Ok(External { name, offset, length })
    }

    /// The file inside `base`: plain names only, and no symbolic link may lead out of the folder.
    pub(crate) fn locate(&self, base: Option<&Path>) -> Result<PathBuf> {
        let Some(base) = base else {
            return Err(Error::unsupported(format!(
                "data in the external file \"{}\": name its folder to allow it",
                self.name.escape_debug()
            )));
        };
        let refuse = || {
            Error::unsupported(format!(
                "external file \"{}\" outside the allowed folder",
                self.name.escape_debug()
            ))
        };
        let relative = Path::new(&self.name);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        // A backslash or colon is a separator or drive elsewhere: refuse it everywhere alike.
        if !plain || self.name.is_empty() || self.name.contains(['\\', ':']) {
            return Err(refuse());
        }
        let failed = |e| Error::io(format!("cannot open external file {}", relative.display()), e);
        let root = base.canonicalize().map_err(failed)?;
        let path = root.join(relative).canonicalize().map_err(failed)?;
        if path.starts_with(&root) { Ok(path) } else { Err(refuse()) }
    }
}
