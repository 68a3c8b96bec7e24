//! Linked blocks: an element that grew, kept as blocks listed in a chain of tables.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use crate::cursor::Cursor;
use crate::element::{Access, Extents, Part};
use crate::error::{Error, Result};
use crate::tag;

/// Follows the tables after the header code and returns where every stored byte lies.
pub(crate) fn resolve(access: &Access<'_>, header: &mut Cursor<'_>) -> Result<Extents> {
    let total = header.size()?;
    let block_length = header.size()?;
    let per_table = header.size()?;
    let mut table = header.u16()?;
    let mut extents = Extents { total, parts: Vec::new() };
    let mut visited = HashSet::new();
    let (mut at, mut first, mut stored) = (0u64, true, 0u64);
    while table != 0 && at < total {
        if !visited.insert(table) {
            return Err(header.corrupt("linked-block tables form a cycle"));
        }
        let Some((record, offset)) = access.record(tag::LINKED, table)? else {
            return Err(header.corrupt("a linked-block table is missing"));
        };
        let mut cursor = Cursor::new(&record, offset, "linked-block table");
        table = cursor.u16()?;
        let entries = (cursor.remaining() as u64 / 2).min(per_table);
        for _ in 0..entries {
            let block = cursor.u16()?;
            if at >= total {
                break;
            }
            let span = match access.directory.get(tag::LINKED, block) {
                _ if block == 0 => None,
                None => return Err(cursor.corrupt("a linked block is missing")),
                Some(d) if d.special => return Err(access.misplaced(d, "is a special block")),
                Some(d) => d.span()?,
            };
            // The first block may be an older contiguous element of its own length.
            let own = span.as_ref().map_or(0, |s| s.end - s.start);
            let step = if first && own > 0 { own } else { block_length };
            if step == 0 {
                return Err(cursor.corrupt("linked blocks have no length"));
            }
            if let Some(span) = span {
                let len = own.min(step).min(total - at);
                stored += len;
                if stored > access.source.len() {
                    return Err(cursor.corrupt("linked blocks overlap"));
                }
                extents.parts.push(Part { start: at, len, offset: span.start });
            }
            first = false;
            at = at.checked_add(step).ok_or_else(|| Error::corrupt(offset, "linked blocks are too long"))?;
        }
    }
    Ok(extents)
}
