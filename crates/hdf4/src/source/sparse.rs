//! A source that answers from ranges a caller supplies and names the ones it lacks.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::plan::coalesce;
use crate::source::{ByteSource, check};

/// A file known in parts, for bytes that arrive from elsewhere (HTTP, JavaScript, an archive).
///
/// A read that touches unknown bytes fails with [`ErrorKind::NeedRanges`], which lists whole blocks to fetch.
/// Supply them with [`Sparse::supply`] and call again; each round gets further.
pub struct Sparse {
    len: u64,
    block: u64,
    identity: Option<String>,
    /// Disjoint supplied parts by start offset.
    parts: RwLock<BTreeMap<u64, Vec<u8>>>,
}

impl Sparse {
    /// A file of `len` bytes of which nothing is known yet, fetched in blocks of 64 KiB.
    pub fn new(len: u64) -> Self {
        Sparse { len, block: 64 << 10, identity: None, parts: RwLock::default() }
    }

    /// Sets the block size that requested ranges are rounded to.
    pub fn with_block(mut self, block: u64) -> Self {
        self.block = block.max(1);
        self
    }

    /// Sets the value returned by [`ByteSource::identity`].
    pub fn with_identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Adds the bytes at `offset`; parts already known are kept as they are.
    pub fn supply(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.len {
            return Err(Error::usage(format!(
                "bytes {offset}..{end} lie outside a file of {} bytes",
                self.len
            )));
        }
        let gaps = self.missing(offset..end);
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        for gap in gaps {
            let from = usize::try_from(gap.start - offset).unwrap_or(usize::MAX);
            let to = usize::try_from(gap.end - offset).unwrap_or(usize::MAX);
            if let Some(piece) = bytes.get(from..to) {
                parts.insert(gap.start, piece.to_vec());
            }
        }
        Ok(())
    }

    /// Forgets everything supplied so far, to bound memory between reads.
    pub fn clear(&self) {
        self.parts.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The unknown sub-ranges of `range`.
    fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut gaps = Vec::new();
        let mut at = range.start;
        let before = parts.range(..=range.start).next_back();
        let inside = parts.range((
            std::ops::Bound::Excluded(range.start),
            std::ops::Bound::Excluded(range.end.max(range.start.saturating_add(1))),
        ));
        for (&start, bytes) in before.into_iter().chain(inside) {
            if start > at {
                gaps.push(at..start.min(range.end));
            }
            at = at.max(start + bytes.len() as u64);
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        gaps
    }

    /// Grows a gap to whole blocks, inside the file.
    fn rounded(&self, gap: Range<u64>) -> Range<u64> {
        let start = gap.start / self.block * self.block;
        let end = gap.end.div_ceil(self.block).saturating_mul(self.block).min(self.len);
        start..end
    }

    fn require(&self, range: Range<u64>) -> Result<()> {
        self.require_all(std::slice::from_ref(&range))
    }

    fn require_all(&self, ranges: &[Range<u64>]) -> Result<()> {
        let mut needed = Vec::new();
        for range in ranges {
            check(range.start, range.end.saturating_sub(range.start), self.len)?;
            needed.extend(self.missing(range.clone()).into_iter().map(|gap| self.rounded(gap)));
        }
        if needed.is_empty() {
            Ok(())
        } else {
            Err(ErrorKind::NeedRanges(coalesce(needed, self.block)).into())
        }
    }
}

impl ByteSource for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        check(offset, len as u64, self.len)?;
        self.require(offset..offset + len as u64)?;
        let mut bytes = vec![0; len];
        self.read_into(offset, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    fn read_into(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        check(offset, dst.len() as u64, self.len)?;
        let end = offset + dst.len() as u64;
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut at = offset;
        while at < end {
            let known = parts.range(..=at).next_back().and_then(|(&start, bytes)| {
                let skip = usize::try_from(at - start).ok()?;
                bytes.get(skip..).filter(|rest| !rest.is_empty())
            });
            let Some(rest) = known else {
                drop(parts);
                return self.require(offset..end);
            };
            let from = usize::try_from(at - offset).unwrap_or(usize::MAX);
            let target = &mut dst[from..];
            let n = rest.len().min(target.len());
            target[..n].copy_from_slice(&rest[..n]);
            at += n as u64;
        }
        Ok(())
    }

    fn prefetch(&self, ranges: &[Range<u64>]) -> Result<()> {
        self.require_all(ranges)
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }
}
