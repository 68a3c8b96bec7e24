//! Compressed elements: the header in front of one coded stream.
#![forbid(unsafe_code)]

use crate::codec::Coder;
use crate::cursor::Cursor;
use crate::element::{Access, Extents};
use crate::error::{Error, Result};
use crate::tag;

/// One coded stream and the number of bytes it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Compressed {
    pub(crate) coder: Coder,
    /// Bytes after decoding.
    pub(crate) length: u64,
    pub(crate) payload: Extents,
}

impl Compressed {
    pub(crate) fn parse(access: &Access<'_>, header: &mut Cursor<'_>) -> Result<Compressed> {
        header.u16()?; // version
        let length = header.size()?;
        let reference = header.u16()?;
        let coder = Coder::parse(header)?;
        let payload = access.plain(tag::COMPRESSED, reference)?;
        if payload.stored() != payload.covered() {
            return Err(header.corrupt("the compressed stream has holes"));
        }
        Ok(Compressed { coder, length, payload })
    }

    /// Where the stream begins, for error messages.
    pub(crate) fn offset(&self) -> u64 {
        self.payload.parts.first().map_or(0, |p| p.offset)
    }

    /// Refuses a length no stream of this size can decode to, before anything is allocated.
    pub(crate) fn plausible(&self, needed: u64) -> Result<()> {
        let most = self.coder.most(self.payload.covered());
        if needed > most {
            return Err(Error::corrupt(
                self.offset(),
                format!("{} compressed bytes cannot decode to {needed}", self.payload.covered()),
            ));
        }
        Ok(())
    }
}
