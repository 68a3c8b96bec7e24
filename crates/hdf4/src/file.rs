//! An open file: its catalogue, and the calls that read values.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::attribute::{self, Attribute};
use crate::dataset::Dataset;
use crate::dd::Directory;
use crate::element::{Access, Layout};
use crate::eos::Eos;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::number_type::{ByteOrder, Element, NumberType};
use crate::plan::{self, Plan, Window, coalesce};
use crate::read;
use crate::source::ByteSource;
use crate::values::Values;
use crate::vdata::{Table, Vdata};
use crate::vgroup::Vgroup;
use crate::{dfsd, sd, tag, vdata, vgroup};

/// An open HDF4 file. The catalogue is read once and never changes, so one `File` serves any number of threads.
pub struct File {
    source: Arc<dyn ByteSource>,
    limits: Limits,
    external_base: Option<PathBuf>,
    id: u64,
    directory: Directory,
    groups: Vec<Vgroup>,
    tables: Vec<Vdata>,
    datasets: Vec<Dataset>,
    attributes: Vec<Attribute>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("bytes", &self.source.len())
            .field("datasets", &self.datasets)
            .finish_non_exhaustive()
    }
}

/// Choices made before a file is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    limits: Limits,
    external_base: Option<PathBuf>,
}

impl OpenOptions {
    /// Default limits, no external files.
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// Bounds on what the file may ask for.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Allows arrays whose values lie in other files, if those are inside `folder`.
    pub fn external_base(mut self, folder: impl Into<PathBuf>) -> Self {
        self.external_base = Some(folder.into());
        self
    }

    /// Opens a file by path, mapped into memory if the `mmap` feature is on.
    pub fn open(self, path: impl AsRef<Path>) -> Result<File> {
        #[cfg(feature = "mmap")]
        let source = crate::source::mmap::Mmap::open(path)?;
        #[cfg(not(feature = "mmap"))]
        let source = crate::source::Pread::open(path)?;
        self.from_source(Arc::new(source))
    }

    /// Opens a file from any source.
    pub fn from_source(self, source: Arc<dyn ByteSource>) -> Result<File> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let directory = Directory::read(&*source, &self.limits)?;
        let access = Access::new(&*source, &directory, &self.limits);
        announce_records(&access)?;
        let groups = vgroup::read_all(&access)?;
        let mut tables = vdata::read_all(&access)?;
        announce_values(&access, &tables)?;
        let folders = vgroup::folders(&groups, self.limits.max_nesting);
        for table in &mut tables {
            if let Some(folder) = folders.get(&(tag::VH, table.reference())) {
                table.path = format!("{folder}/{}", table.name());
                access.spend(table.path.len() as u64)?;
            }
        }
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let model =
            sd::Model { access: &access, groups: &groups, tables: &tables, folders: &folders, file: id };
        let (mut datasets, attributes) = sd::read(&model)?;
        if !groups.iter().any(|g| g.class() == "CDF0.0") {
            datasets = dfsd::read(&access, id)?;
        }
        Ok(File {
            limits: self.limits,
            external_base: self.external_base,
            id,
            groups,
            tables,
            datasets,
            attributes,
            directory,
            source,
        })
    }
}

/// Records larger than this are not fetched ahead.
const SMALL: u64 = 256 << 10;
/// Ranges closer than this are fetched together.
const NEAR: u64 = 4 << 10;

/// Lets a remote source fetch all small records of the catalogue in one round.
fn announce_records(access: &Access<'_>) -> Result<()> {
    const RECORDS: [u16; 7] = [tag::VG, tag::VH, tag::NT, tag::SDD, tag::NDG, tag::SDG, tag::LINKED];
    if access.source.as_slice().is_some() {
        return Ok(());
    }
    let wanted = access.directory.all().iter().filter(|d| {
        let small = d.span().ok().flatten().is_some_and(|s| s.end - s.start <= 4096);
        d.special || (RECORDS.contains(&d.tag) && (d.tag != tag::LINKED || small))
    });
    announce(access, wanted.filter_map(|d| d.span().ok().flatten()))
}

/// The same for the values of attributes and dimensions.
fn announce_values(access: &Access<'_>, tables: &[Vdata]) -> Result<()> {
    if access.source.as_slice().is_some() {
        return Ok(());
    }
    let wanted = tables.iter().filter(|t| matches!(t.class(), "Attr0.0" | "DimVal0.1"));
    let found = wanted.filter_map(|t| access.directory.get(tag::VS, t.reference()));
    announce(access, found.filter_map(|d| d.span().ok().flatten()))
}

fn announce(access: &Access<'_>, spans: impl Iterator<Item = Range<u64>>) -> Result<()> {
    let inside = spans.filter(|s| s.end <= access.source.len() && s.end - s.start <= SMALL);
    access.source.prefetch(&coalesce(inside.collect(), NEAR))
}

impl File {
    /// Opens a file by path with default [`Limits`].
    pub fn open(path: impl AsRef<Path>) -> Result<File> {
        OpenOptions::new().open(path)
    }

    /// Opens a file from any source.
    pub fn from_source(source: Arc<dyn ByteSource>, limits: Limits) -> Result<File> {
        OpenOptions::new().limits(limits).from_source(source)
    }

    fn access(&self) -> Access<'_> {
        Access::new(&*self.source, &self.directory, &self.limits)
    }

    /// Where the bytes come from.
    pub fn source(&self) -> &Arc<dyn ByteSource> {
        &self.source
    }

    /// All arrays, in stored order; scales of dimensions are among them.
    pub fn datasets(&self) -> &[Dataset] {
        &self.datasets
    }

    /// The array at a path (`/VNIR_Swath/Data Fields/ImageData2`) or of a name no other array has.
    pub fn dataset(&self, path_or_name: &str) -> Result<&Dataset> {
        find(&self.datasets, path_or_name, "array", |d| (&d.path, &d.name))
    }

    /// All tables, including those the array model keeps for itself.
    pub fn vdatas(&self) -> &[Vdata] {
        &self.tables
    }

    /// The table at a path or of a name no other table has.
    pub fn vdata(&self, path_or_name: &str) -> Result<&Vdata> {
        find(&self.tables, path_or_name, "table", |t| (t.path(), t.name()))
    }

    /// The content of a table.
    pub fn read_table(&self, table: &Vdata) -> Result<Table> {
        table.read(&self.access())
    }

    /// Attributes of a table and its fields.
    pub fn table_attributes(&self, table: &Vdata) -> Result<Vec<Attribute>> {
        self.load_attributes(table.attribute_tables())
    }

    /// All groups, by reference number.
    pub fn vgroups(&self) -> &[Vgroup] {
        &self.groups
    }

    /// Attributes of a group.
    pub fn group_attributes(&self, group: &Vgroup) -> Result<Vec<Attribute>> {
        self.load_attributes(group.attribute_tables())
    }

    fn load_attributes(&self, references: &[u16]) -> Result<Vec<Attribute>> {
        let access = self.access();
        let tables = references.iter().filter_map(|&r| vdata::find(&self.tables, r));
        tables.map(|t| Attribute::load(&access, t)).collect()
    }

    /// Attributes of the file.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Text of the file attribute of exactly that name, or else of that name in another case.
    pub fn attribute_text(&self, name: &str) -> Result<Option<String>> {
        let exact = self.attributes.iter().find(|a| a.name() == name);
        let found = exact.or_else(|| self.attributes.iter().find(|a| a.name().eq_ignore_ascii_case(name)));
        found
            .map(|a| {
                a.text()
                    .ok_or_else(|| Error::usage(format!("attribute \"{}\" is not text", name.escape_debug())))
            })
            .transpose()
    }

    /// Text that writers split over `prefix.0`, `prefix.1` ..., joined; case does not matter.
    pub fn metadata_text(&self, prefix: &str) -> Result<Option<String>> {
        Ok(attribute::join_numbered(&self.attributes, prefix))
    }

    /// Swaths and grids, if the file is HDF-EOS2; empty otherwise.
    pub fn eos(&self) -> Result<Eos> {
        Eos::read(self)
    }

    fn owns(&self, dataset: &Dataset) -> Result<()> {
        if dataset.file == self.id {
            Ok(())
        } else {
            Err(Error::usage(format!("array \"{}\" belongs to another file", dataset.name.escape_debug())))
        }
    }

    /// Byte ranges that hold a window: sorted, disjoint, as stored (compressed chunks count whole).
    pub fn plan(&self, dataset: &Dataset, window: &Window) -> Result<Vec<Range<u64>>> {
        self.owns(dataset)?;
        plan::plan(&self.access(), dataset, window)?.ranges()
    }

    /// Reads a window. `T` must match the number type; see [`Element`].
    pub fn read<T: Element>(&self, dataset: &Dataset, window: &Window) -> Result<Vec<T>> {
        let access = self.access();
        let plan = self.typed_plan::<T>(&access, dataset, window)?;
        self.check_backed(&plan)?;
        let mut out = vec![T::zeroed(); usize::try_from(plan.bytes).unwrap_or(usize::MAX) / size_of::<T>()];
        self.execute(&access, dataset, &plan, ByteOrder::NATIVE, bytemuck::cast_slice_mut(&mut out))?;
        Ok(out)
    }

    /// Reads a window into `out`, which must hold exactly its values.
    pub fn read_into<T: Element>(&self, dataset: &Dataset, window: &Window, out: &mut [T]) -> Result<()> {
        let access = self.access();
        let plan = self.typed_plan::<T>(&access, dataset, window)?;
        let out = bytemuck::cast_slice_mut(out);
        if out.len() as u64 != plan.bytes {
            return Err(Error::usage(format!(
                "the window takes {} bytes, the buffer {}",
                plan.bytes,
                out.len()
            )));
        }
        self.execute(&access, dataset, &plan, ByteOrder::NATIVE, out)
    }

    /// Reads a window of any type as little-endian bytes in row-major order.
    pub fn read_bytes_le(&self, dataset: &Dataset, window: &Window) -> Result<Vec<u8>> {
        self.owns(dataset)?;
        let access = self.access();
        let plan = plan::plan(&access, dataset, window)?;
        self.check_backed(&plan)?;
        let mut out = vec![0; usize::try_from(plan.bytes).unwrap_or(usize::MAX)];
        self.execute(&access, dataset, &plan, ByteOrder::Little, &mut out)?;
        Ok(out)
    }

    /// Reads a window of any type as decoded values.
    pub fn read_values(&self, dataset: &Dataset, window: &Window) -> Result<Values> {
        let bytes = self.read_bytes_le(dataset, window)?;
        Ok(Values::decode(dataset.number_type, ByteOrder::Little, &bytes))
    }

    /// A whole contiguous array of bytes without copying, if the file is in memory and complete.
    pub fn borrow_u8(&self, dataset: &Dataset) -> Result<Option<&[u8]>> {
        self.owns(dataset)?;
        if dataset.number_type.size() != 1 || dataset.number_type == NumberType::I8 {
            return Err(Error::usage(format!(
                "array \"{}\" holds {}, not bytes",
                dataset.name.escape_debug(),
                dataset.number_type.name()
            )));
        }
        let (Layout::Flat(span), Some(bytes)) = (dataset.layout()?, self.source.as_slice()) else {
            return Ok(None);
        };
        let end = span.start.saturating_add(dataset.len());
        if end > span.end {
            return Ok(None);
        }
        match (usize::try_from(span.start), usize::try_from(end)) {
            (Ok(start), Ok(end)) => Ok(bytes.get(start..end)),
            _ => Ok(None),
        }
    }

    fn typed_plan<'d, T: Element>(
        &self,
        access: &Access<'_>,
        dataset: &'d Dataset,
        window: &Window,
    ) -> Result<Plan<'d>> {
        self.owns(dataset)?;
        if !T::matches(dataset.number_type) {
            return Err(Error::usage(format!(
                "array \"{}\" holds {}, not {}",
                dataset.name.escape_debug(),
                dataset.number_type.name(),
                T::NAME
            )));
        }
        plan::plan(access, dataset, window)
    }

    /// A few bytes of file must not make gigabytes of fill.
    fn check_backed(&self, plan: &Plan<'_>) -> Result<()> {
        let allowed = self.limits.max_unbacked_bytes;
        if plan.bytes > allowed && plan.bytes / 64 > plan.backed() {
            return Err(Error::limit("bytes never written", plan.bytes, allowed));
        }
        Ok(())
    }

    fn execute(
        &self,
        access: &Access<'_>,
        dataset: &Dataset,
        plan: &Plan<'_>,
        order: ByteOrder,
        out: &mut [u8],
    ) -> Result<()> {
        read::execute(access, dataset, plan, self.external_base.as_deref(), order, out)
    }
}

/// Looks up an object by path, else by a name that must be unique.
fn find<'a, T>(
    objects: &'a [T],
    wanted: &str,
    what: &str,
    keys: impl Fn(&T) -> (&str, &str),
) -> Result<&'a T> {
    let rooted = wanted.strip_prefix('/').unwrap_or(wanted);
    let at_path = objects.iter().find(|o| keys(o).0.strip_prefix('/') == Some(rooted));
    let mut named = objects.iter().filter(|o| keys(o).1 == wanted);
    match (at_path, named.next(), named.next()) {
        (_, Some(one), None) => Ok(one),
        (Some(one), None, _) => Ok(one),
        (Some(one), _, _) if wanted.starts_with('/') || rooted.contains('/') => Ok(one),
        (_, Some(_), Some(_)) => Err(Error::usage(format!(
            "more than one {what} is named \"{}\": give its path",
            wanted.escape_debug()
        ))),
        (None, None, _) => Err(Error::not_found(wanted)),
    }
}
