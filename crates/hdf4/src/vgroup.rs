//! Vgroups: named sets of references that give a file its hierarchy.
#![forbid(unsafe_code)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cursor::Cursor;
use crate::element::Access;
use crate::error::Result;
use crate::tag;

/// A named group of objects.
#[derive(Debug, Clone)]
pub struct Vgroup {
    reference: u16,
    name: String,
    class: String,
    members: Vec<(u16, u16)>,
    attributes: Vec<u16>,
}

impl Vgroup {
    /// The group's reference number.
    pub fn reference(&self) -> u16 {
        self.reference
    }

    /// Name as stored, possibly empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Class as stored; the array model and HDF-EOS put their own marks here.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Members as (tag, reference), in stored order.
    pub fn members(&self) -> &[(u16, u16)] {
        &self.members
    }

    /// References of the tables that hold the group's attributes.
    pub(crate) fn attribute_tables(&self) -> &[u16] {
        &self.attributes
    }

    /// Members of one tag.
    pub(crate) fn members_of(&self, tag: u16) -> impl Iterator<Item = u16> {
        self.members.iter().filter(move |m| m.0 == tag).map(|m| m.1)
    }

    /// Whether the array or image model made this group for its own bookkeeping.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self.class.as_str(), "CDF0.0" | "Var0.0" | "Dim0.0" | "UDim0.0" | "RIG0.0" | "RI0.0")
    }

    fn parse(bytes: &[u8], offset: u64, reference: u16) -> Result<Vgroup> {
        let mut cursor = Cursor::new(bytes, offset, "vgroup");
        let count = usize::from(cursor.u16()?);
        let tags = cursor.u16s(count)?;
        let references = cursor.u16s(count)?;
        let name = cursor.short_text()?;
        let class = cursor.short_text()?;
        // Old files leave out parts of the tail, so nothing after the class is required.
        let attributes = attribute_tail(&mut cursor).unwrap_or_default();
        Ok(Vgroup { reference, name, class, members: tags.into_iter().zip(references).collect(), attributes })
    }
}

fn attribute_tail(cursor: &mut Cursor<'_>) -> Result<Vec<u16>> {
    cursor.bytes(4)?; // extension tag and reference
    let version = cursor.u16()?;
    cursor.u16()?;
    if version < 4 || cursor.u32()? & 1 == 0 {
        return Ok(Vec::new());
    }
    let count = cursor.size()?;
    let mut tables = Vec::new();
    for _ in 0..count {
        let (tag, reference) = (cursor.u16()?, cursor.u16()?);
        if tag == tag::VH {
            tables.push(reference);
        }
    }
    Ok(tables)
}

/// All groups of the file, by reference.
pub(crate) fn read_all(access: &Access<'_>) -> Result<Vec<Vgroup>> {
    let mut groups = Vec::new();
    for descriptor in access.directory.with_tag(tag::VG) {
        let Some((record, offset)) = access.record(tag::VG, descriptor.reference)? else { continue };
        if !record.is_empty() {
            groups.push(Vgroup::parse(&record, offset, descriptor.reference)?);
        }
    }
    groups.sort_by_key(Vgroup::reference);
    Ok(groups)
}

/// The group of that reference among groups sorted by it.
pub(crate) fn find(groups: &[Vgroup], reference: u16) -> Option<&Vgroup> {
    groups.binary_search_by_key(&reference, Vgroup::reference).ok().and_then(|i| groups.get(i))
}

/// Longest path kept: a file of long nested names must not multiply them.
const MAX_PATH: usize = 4096;

/// Folder path of every object that user groups contain, by (tag, reference).
pub(crate) fn folders(groups: &[Vgroup], max_nesting: u64) -> HashMap<(u16, u16), Arc<str>> {
    let user = || groups.iter().filter(|g| !g.is_internal());
    let nested: HashSet<u16> =
        user().flat_map(|g| g.members_of(tag::VG).filter(|&r| r != g.reference)).collect();
    let mut folders: HashMap<(u16, u16), Arc<str>> = HashMap::new();
    let mut visited = HashSet::new();
    let mut open: Vec<(&Vgroup, String, u64)> =
        user().filter(|g| !nested.contains(&g.reference)).map(|g| (g, format!("/{}", g.name), 1)).collect();
    // Depth first in stored order; every group counts once, where it is met first.
    open.retain(|(_, path, _)| path.len() <= MAX_PATH);
    open.reverse();
    while let Some((group, path, depth)) = open.pop() {
        if !visited.insert(group.reference) {
            continue;
        }
        let mut children = Vec::new();
        let folder: Arc<str> = path.as_str().into();
        for &(tag, reference) in &group.members {
            match find(groups, reference) {
                Some(child) if tag == tag::VG => {
                    let length = path.len() + 1 + child.name.len();
                    if !child.is_internal() && depth < max_nesting && length <= MAX_PATH {
                        children.push((child, format!("{path}/{}", child.name), depth + 1));
                    }
                }
                _ if tag == tag::VG => {}
                _ => {
                    folders.entry((tag, reference)).or_insert_with(|| folder.clone());
                }
            }
        }
        open.extend(children.into_iter().rev());
    }
    folders
}
