//! Scientific data sets: shape, type, attributes and storage of one array.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::OnceLock;

use crate::attribute::Attribute;
use crate::element::{Access, Layout};
use crate::error::{Error, Result};
use crate::number_type::{ByteOrder, NumberType, swap_in_place};
use crate::special::chunked::{ChunkTable, ChunkedHeader};

/// One array of a file; values are read through [`File::read`](crate::File::read).
pub struct Dataset {
    pub(crate) file: u64,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) dims: Vec<u64>,
    pub(crate) dim_names: Vec<String>,
    pub(crate) number_type: NumberType,
    pub(crate) order: ByteOrder,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) reference: u16,
    pub(crate) coordinate: bool,
    pub(crate) unlimited: bool,
    /// One fill value in stored byte order.
    pub(crate) fill: Vec<u8>,
    /// A fault in the storage of one array must not hide the others, so it is kept until a read.
    pub(crate) layout: Result<Layout>,
    pub(crate) chunks: OnceLock<ChunkTable>,
}

/// How an array is stored, for listings.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StorageKind {
    /// Nothing was written: every value is fill.
    Empty,
    /// One run of bytes.
    Contiguous,
    /// Blocks strung together by tables.
    Linked {
        /// Number of stored blocks.
        blocks: usize,
    },
    /// One compressed stream.
    Compressed {
        /// Name of the coder.
        coder: &'static str,
    },
    /// Equal tiles.
    Chunked {
        /// Shape of a tile.
        chunk: Vec<u64>,
        /// Name of the coder, if the tiles are compressed.
        coder: Option<&'static str>,
    },
    /// Another file.
    External {
        /// Its name, as stored.
        file: String,
    },
    /// Cannot be read.
    Unreadable {
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for StorageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageKind::Empty => f.write_str("empty"),
            StorageKind::Contiguous => f.write_str("contiguous"),
            StorageKind::Linked { blocks } => write!(f, "linked, {blocks} blocks"),
            StorageKind::Compressed { coder } => f.write_str(coder),
            StorageKind::Chunked { chunk, coder } => {
                let shape: Vec<String> = chunk.iter().map(u64::to_string).collect();
                write!(f, "chunked {}{}", shape.join("x"), coder.map(|c| format!(" {c}")).unwrap_or_default())
            }
            StorageKind::External { file } => write!(f, "external file {}", file.escape_debug()),
            StorageKind::Unreadable { reason } => write!(f, "unreadable, {reason}"),
        }
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("path", &self.path)
            .field("dims", &self.dims)
            .field("number_type", &self.number_type)
            .field("storage", &self.storage())
            .finish_non_exhaustive()
    }
}

impl Dataset {
    /// Name as stored; several arrays of a file may share it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Place in the group hierarchy, such as `/VNIR_Swath/Data Fields/ImageData2`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length along every dimension, slowest first.
    pub fn dims(&self) -> &[u64] {
        &self.dims
    }

    /// Names of the dimensions; HDF-EOS writes `Dimension:Swath`.
    pub fn dim_names(&self) -> &[String] {
        &self.dim_names
    }

    /// Type of the values.
    pub fn number_type(&self) -> NumberType {
        self.number_type
    }

    /// Byte order in the file; reads convert it.
    pub fn byte_order(&self) -> ByteOrder {
        self.order
    }

    /// Attributes of the array.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name() == name)
    }

    /// The array's reference number.
    pub fn reference(&self) -> u16 {
        self.reference
    }

    /// Whether the array is the scale of a dimension rather than data.
    pub fn is_coordinate(&self) -> bool {
        self.coordinate
    }

    /// Whether the first dimension may grow.
    pub fn is_unlimited(&self) -> bool {
        self.unlimited
    }

    /// Number of values.
    pub fn len(&self) -> u64 {
        // The product was checked when the array was listed.
        self.dims.iter().product()
    }

    /// Whether the array has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the values are stored.
    pub fn storage(&self) -> StorageKind {
        match &self.layout {
            Ok(Layout::Empty) => StorageKind::Empty,
            Ok(Layout::Flat(_)) => StorageKind::Contiguous,
            Ok(Layout::Linked(e)) => StorageKind::Linked { blocks: e.parts.len() },
            Ok(Layout::Compressed(c)) => StorageKind::Compressed { coder: c.coder.name() },
            Ok(Layout::Chunked(c)) => StorageKind::Chunked { chunk: c.chunk.clone(), coder: c.coder },
            Ok(Layout::External(e)) => StorageKind::External { file: e.name.clone() },
            Err(e) => StorageKind::Unreadable { reason: e.to_string() },
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.number_type.size() as u64
    }

    pub(crate) fn layout(&self) -> Result<&Layout> {
        self.layout.as_ref().map_err(Clone::clone)
    }

    /// The chunk table, read on first use.
    pub(crate) fn table(&self, access: &Access<'_>, header: &ChunkedHeader) -> Result<&ChunkTable> {
        if let Some(table) = self.chunks.get() {
            return Ok(table);
        }
        let table = header.table(access)?;
        Ok(self.chunks.get_or_init(|| table))
    }
}

/// What the array models know about an array before its storage is looked at.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) folder: Option<std::sync::Arc<str>>,
    pub(crate) dims: Vec<u64>,
    pub(crate) dim_names: Vec<String>,
    pub(crate) number_type: NumberType,
    pub(crate) order: ByteOrder,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) reference: u16,
    pub(crate) coordinate: bool,
    pub(crate) unlimited: bool,
    /// Tag and reference of the data, absent if never written.
    pub(crate) data: Option<(u16, u16)>,
}

impl Draft {
    /// Resolves the storage and settles everything that depends on it.
    pub(crate) fn finish(mut self, access: &Access<'_>, file: u64) -> Result<Dataset> {
        let size = self.number_type.size() as u64;
        let layout = match self.data {
            None => Ok(Layout::Empty),
            Some((tag, reference)) => match access.layout(tag, reference) {
                Err(e) if e.is_from_source() => return Err(e),
                other => other,
            },
        };
        if self.unlimited {
            self.grow(&layout, size);
        }
        let bytes =
            self.dims.iter().try_fold(size, |p, &d| p.checked_mul(d)).filter(|&b| b <= i64::MAX as u64);
        let layout = match (layout, bytes) {
            (Ok(_), None) => Err(Error::corrupt(0, "the array shape is too large")),
            (Ok(Layout::Chunked(c)), _) if !matches_shape(&c, &self.dims, size) => {
                Err(Error::corrupt(0, "the chunk header contradicts the array shape"))
            }
            (other, _) => other,
        };
        if bytes.is_none() {
            self.dims.clear();
            self.dims.push(0);
        }
        let fill = self.fill(&layout);
        let path = match &self.folder {
            Some(folder) => format!("{folder}/{}", self.name),
            None => format!("/{}", self.name),
        };
        access.spend(path.len() as u64)?;
        Ok(Dataset {
            file,
            path,
            fill,
            layout,
            name: self.name,
            dims: self.dims,
            dim_names: self.dim_names,
            number_type: self.number_type,
            order: self.order,
            attributes: self.attributes,
            reference: self.reference,
            coordinate: self.coordinate,
            unlimited: self.unlimited,
            chunks: OnceLock::new(),
        })
    }

    /// The true length of a growing dimension follows from what is stored.
    fn grow(&mut self, layout: &Result<Layout>, size: u64) {
        let Some((first, rest)) = self.dims.split_first_mut() else { return };
        let row = rest.iter().try_fold(size, |p, &d| p.checked_mul(d)).filter(|&r| r > 0);
        let stored = match layout {
            Ok(Layout::Flat(span)) => span.end - span.start,
            Ok(Layout::Linked(e)) => e.total,
            Ok(Layout::Compressed(c)) => c.length,
            Ok(Layout::External(e)) => e.length,
            Ok(Layout::Chunked(c)) => {
                *first = c.dims.first().copied().unwrap_or(*first);
                return;
            }
            _ => return,
        };
        if let Some(row) = row {
            *first = stored / row;
        }
    }

    /// The fill attribute, else the chunk header's, else the default of the type.
    fn fill(&self, layout: &Result<Layout>) -> Vec<u8> {
        let size = self.number_type.size();
        let named = self
            .attributes
            .iter()
            .find(|a| a.name() == "_FillValue" && a.number_type() == self.number_type)
            .and_then(|a| a.value().to_le_bytes().get(..size).map(<[u8]>::to_vec));
        if let Some(mut fill) = named {
            if self.order == ByteOrder::Big {
                swap_in_place(&mut fill, size);
            }
            return fill;
        }
        if let Ok(Layout::Chunked(c)) = layout
            && c.fill.len() == size
        {
            return c.fill.clone();
        }
        let mut fill = self.number_type.default_fill();
        if self.order == ByteOrder::Little {
            swap_in_place(&mut fill, size);
        }
        fill
    }
}

fn matches_shape(header: &ChunkedHeader, dims: &[u64], size: u64) -> bool {
    header.element_size == size
        && header.dims.len() == dims.len()
        && (header.unlimited || header.dims == dims)
        && header.dims.iter().skip(1).eq(dims.iter().skip(1))
}
