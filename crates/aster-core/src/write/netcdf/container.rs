//! The HDF5 file of a NetCDF-4 output and its datasets: thin, checked calls. Call everything inside the lock.
use crate::write::netcdf::attributes;
use crate::write::netcdf::handle::{Failure, Handle, Outcome, check};
use hdf5_sys::h5::herr_t;
use hdf5_sys::h5d::{H5D_ALLOC_TIME_INCR, H5Dclose, H5Dcreate2, H5Dset_extent, H5Dwrite, H5Dwrite_chunk};
use hdf5_sys::h5f::{
    H5F_ACC_TRUNC, H5F_CLOSE_STRONG, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110, H5F_SCOPE_LOCAL, H5Fclose,
    H5Fcreate, H5Fflush,
};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{
    H5P_CLS_DATASET_CREATE, H5P_CLS_FILE_ACCESS, H5P_CLS_FILE_CREATE, H5P_CRT_ORDER_INDEXED,
    H5P_CRT_ORDER_TRACKED, H5P_DEFAULT, H5Pclose, H5Pcreate, H5Pset_alloc_time, H5Pset_attr_creation_order,
    H5Pset_attr_phase_change, H5Pset_chunk, H5Pset_deflate, H5Pset_fclose_degree, H5Pset_file_locking,
    H5Pset_fill_value, H5Pset_libver_bounds, H5Pset_link_creation_order, H5Pset_obj_track_times,
    H5Pset_shuffle,
};
use hdf5_sys::h5s::{H5S_ALL, H5S_SCALAR, H5S_UNLIMITED, H5Sclose, H5Screate, H5Screate_simple};
use hdf5_sys::h5t::{
    H5T_C_S1, H5T_CSET_UTF8, H5T_IEEE_F32BE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
    H5T_NATIVE_FLOAT, H5T_NATIVE_INT16, H5T_NATIVE_INT32, H5T_NATIVE_INT64, H5T_NATIVE_UINT8,
    H5T_NATIVE_UINT16, H5T_NATIVE_UINT32, H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U8LE,
    H5T_STD_U16LE, H5T_STD_U32LE, H5T_VARIABLE, H5Tclose, H5Tcopy, H5Tset_cset, H5Tset_size,
};
use std::ffi::{CString, c_char, c_int, c_uint};
use std::path::Path;

#[allow(unsafe_code)]
unsafe extern "C" {
    // From the high-level library; the bindings leave them out.
    fn H5DSset_scale(dataset: hid_t, name: *const c_char) -> herr_t;
    fn H5DSattach_scale(dataset: hid_t, scale: hid_t, axis: c_uint) -> herr_t;
}

/// Creation order is what NetCDF-4 knows dimensions and variables by.
const CREATION_ORDER: c_uint = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;

/// Attributes kept in an object's header. HDF5 moves more than 8 to a heap of their own, which costs kilobytes
/// per variable and is beyond small readers.
const COMPACT_ATTRIBUTES: c_uint = 64;

/// A number type as stored (little-endian) and in memory.
pub(super) trait Number: Copy {
    /// Value of what nobody wrote in variables without `_FillValue`, as after appending to others. NetCDF's
    /// own for integers; its huge number for floats would break the decoding of times, NaN does not.
    const DEFAULT_FILL: Self;
    /// Type in the file.
    fn stored() -> hid_t;
    /// Type of a slice of Self.
    fn memory() -> hid_t;
}

macro_rules! numbers {
    ($($type:ty, $stored:ident, $memory:ident, $fill:expr;)*) => {$(impl Number for $type {
        const DEFAULT_FILL: Self = $fill;
        fn stored() -> hid_t { *$stored }
        fn memory() -> hid_t { *$memory }
    })*};
}

numbers! {
    f32, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, f32::NAN;
    f64, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, f64::NAN;
    u8, H5T_STD_U8LE, H5T_NATIVE_UINT8, 255;
    u16, H5T_STD_U16LE, H5T_NATIVE_UINT16, 65_535;
    i16, H5T_STD_I16LE, H5T_NATIVE_INT16, -32_767;
    // Counts: where nothing was written, nothing was counted.
    u32, H5T_STD_U32LE, H5T_NATIVE_UINT32, 0;
    i32, H5T_STD_I32LE, H5T_NATIVE_INT32, -2_147_483_647;
    i64, H5T_STD_I64LE, H5T_NATIVE_INT64, -9_223_372_036_854_775_806;
}

/// How a dataset lies in the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout<'a> {
    /// Lengths of the dimensions now; none for a scalar.
    pub(super) lengths: &'a [u64],
    /// Whether the first dimension may grow.
    pub(super) grows: bool,
    /// Chunk lengths.
    pub(super) chunk: Option<&'a [u64]>,
    /// Deflate level.
    pub(super) level: Option<u8>,
    /// Shuffle before deflate.
    pub(super) shuffle: bool,
}

/// The file.
#[derive(Debug)]
pub(super) struct Container(Handle);

/// A dataset of the file.
#[derive(Debug)]
pub(super) struct Dataset(Handle);

impl Container {
    /// Creates the file, replacing what lies at `path`.
    #[allow(unsafe_code)]
    pub(super) fn create(path: &Path) -> Outcome<Self> {
        let name = c_path(path)?;
        // SAFETY: the classes are valid once the library is open, which the lock made sure of; every id
        // lives to the end of the block.
        unsafe {
            let creation = Handle::new(H5Pcreate(*H5P_CLS_FILE_CREATE), H5Pclose, "make a property list")?;
            let access = Handle::new(H5Pcreate(*H5P_CLS_FILE_ACCESS), H5Pclose, "make a property list")?;
            check(H5Pset_link_creation_order(creation.id(), CREATION_ORDER), "track links")?;
            check(H5Pset_attr_creation_order(creation.id(), CREATION_ORDER), "track attributes")?;
            check(H5Pset_attr_phase_change(creation.id(), COMPACT_ATTRIBUTES, 0), "keep attributes compact")?;
            check(H5Pset_obj_track_times(creation.id(), 0), "leave out times")?;
            check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "set how to close")?;
            // The name is ours alone, and locks fail on many cluster file systems.
            check(H5Pset_file_locking(access.id(), 0, 1), "leave out locks")?;
            let bounds = H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110);
            check(bounds, "set the format version")?;
            let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, creation.id(), access.id());
            Ok(Self(Handle::new(file, H5Fclose, "create the file")?))
        }
    }

    /// The root group's identifier, for attributes.
    pub(super) fn id(&self) -> hid_t {
        self.0.id()
    }

    /// Hands everything cached to the operating system.
    #[allow(unsafe_code)]
    pub(super) fn flush(&self) -> Outcome<()> {
        // SAFETY: the file is open.
        check(unsafe { H5Fflush(self.id(), H5F_SCOPE_LOCAL) }, "flush")
    }

    /// Closes the file with everything in it.
    pub(super) fn close(&mut self) -> Outcome<()> {
        self.0.close("close the file")
    }

    /// A dataset of numbers; `fill` also becomes its `_FillValue`.
    pub(super) fn dataset<T: Number>(&self, name: &str, layout: Layout, fill: Option<T>) -> Outcome<Dataset> {
        let creation = creation_list(layout)?;
        set_fill(&creation, &fill.unwrap_or(T::DEFAULT_FILL))?;
        let dataset = self.create_dataset(name, T::stored(), layout, &creation)?;
        if let Some(fill) = fill {
            attributes::numbers(dataset.id(), "_FillValue", &[fill])?;
        }
        Ok(dataset)
    }

    /// A dataset of texts of any length (`NC_STRING`).
    pub(super) fn text_dataset(&self, name: &str, layout: Layout) -> Outcome<Dataset> {
        let text = text_type()?;
        self.create_dataset(name, text.id(), layout, &creation_list(layout)?)
    }

    /// What NetCDF-4 keeps for a dimension that has no variable: a scale without values.
    pub(super) fn bare_dimension(&self, name: &str, id: i32, length: u64) -> Outcome<Dataset> {
        let layout = Layout { lengths: &[length], ..Layout::default() };
        let dataset = self.create_dataset(name, *H5T_IEEE_F32BE, layout, &creation_list(layout)?)?;
        let label = format!("This is a netCDF dimension but not a netCDF variable.{length:>10}");
        dataset.make_scale(&label, id)?;
        Ok(dataset)
    }

    #[allow(unsafe_code)]
    fn create_dataset(
        &self,
        name: &str,
        stored: hid_t,
        layout: Layout,
        creation: &Handle,
    ) -> Outcome<Dataset> {
        let what = format!("create the variable {name}");
        let c_name = c_text(name)?;
        let space = data_space(layout)?;
        // SAFETY: all ids are open, the name ends with NUL.
        let id = unsafe {
            H5Dcreate2(
                self.id(),
                c_name.as_ptr(),
                stored,
                space.id(),
                H5P_DEFAULT,
                creation.id(),
                H5P_DEFAULT,
            )
        };
        Ok(Dataset(Handle::new(id, H5Dclose, &what)?))
    }
}

impl Dataset {
    /// Identifier, for attributes.
    pub(super) fn id(&self) -> hid_t {
        self.0.id()
    }

    /// Writes all values; their number must be that of the dataset.
    #[allow(unsafe_code)]
    pub(super) fn write<T: Number>(&self, values: &[T]) -> Outcome<()> {
        // SAFETY: callers pass as many values as the dataset has, of the type that `memory` names.
        let status = unsafe {
            H5Dwrite(self.id(), T::memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.as_ptr().cast())
        };
        check(status, "write values")
    }

    /// Writes all texts; their number must be that of the dataset.
    #[allow(unsafe_code)]
    pub(super) fn write_texts(&self, texts: &[String]) -> Outcome<()> {
        let texts = texts.iter().map(|t| c_text(t)).collect::<Outcome<Vec<CString>>>()?;
        let pointers: Vec<*const c_char> = texts.iter().map(|t| t.as_ptr()).collect();
        let memory = text_type()?;
        // SAFETY: variable-length strings are pointers to text that ends with NUL, alive during the call.
        let status = unsafe {
            H5Dwrite(self.id(), memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.as_ptr().cast())
        };
        check(status, "write texts")
    }

    /// Stores a chunk that went through all filters, at the position of its first value.
    #[allow(unsafe_code)]
    pub(super) fn write_chunk(&self, offset: [u64; 3], bytes: &[u8]) -> Outcome<()> {
        // Bit n of the mask would say that filter n was left out.
        let filter_mask = 0;
        // SAFETY: the dataset has three dimensions, as `offset` does; HDF5 reads `bytes.len()` bytes.
        let status = unsafe {
            H5Dwrite_chunk(
                self.id(),
                H5P_DEFAULT,
                filter_mask,
                offset.as_ptr(),
                bytes.len(),
                bytes.as_ptr().cast(),
            )
        };
        check(status, "write a chunk")
    }

    /// New lengths; chunks beyond them are freed.
    #[allow(unsafe_code)]
    pub(super) fn set_lengths(&self, lengths: &[u64]) -> Outcome<()> {
        // SAFETY: callers pass one length per dimension.
        check(unsafe { H5Dset_extent(self.id(), lengths.as_ptr()) }, "grow a variable")
    }

    /// Makes this the scale of NetCDF dimension number `id`.
    #[allow(unsafe_code)]
    pub(super) fn make_scale(&self, name: &str, id: i32) -> Outcome<()> {
        let name = c_text(name)?;
        // SAFETY: the dataset is open, the name ends with NUL.
        check(unsafe { H5DSset_scale(self.id(), name.as_ptr()) }, "make a dimension")?;
        attributes::numbers(self.id(), "_Netcdf4Dimid", &[id])
    }

    /// Ties the axes of this dataset to dimensions, given with their numbers.
    #[allow(unsafe_code)]
    pub(super) fn attach_scales(&self, scales: &[(&Dataset, i32)]) -> Outcome<()> {
        for (axis, (scale, _)) in (0..).zip(scales) {
            // SAFETY: both are open; there is one scale per axis.
            check(unsafe { H5DSattach_scale(self.id(), scale.id(), axis) }, "attach a dimension")?;
        }
        let ids: Vec<i32> = scales.iter().map(|(_, id)| *id).collect();
        attributes::numbers(self.id(), "_Netcdf4Coordinates", &ids)
    }
}

#[allow(unsafe_code)]
fn creation_list(layout: Layout) -> Outcome<Handle> {
    // SAFETY: the class is valid in an open library; pointers and ids live through each call.
    unsafe {
        let list = Handle::new(H5Pcreate(*H5P_CLS_DATASET_CREATE), H5Pclose, "make a property list")?;
        check(H5Pset_obj_track_times(list.id(), 0), "leave out times")?;
        check(H5Pset_attr_creation_order(list.id(), CREATION_ORDER), "track attributes")?;
        check(H5Pset_attr_phase_change(list.id(), COMPACT_ATTRIBUTES, 0), "keep attributes compact")?;
        if let Some(chunk) = layout.chunk {
            check(H5Pset_chunk(list.id(), chunk.len() as c_int, chunk.as_ptr()), "set the chunk shape")?;
            check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_INCR), "allocate chunk by chunk")?;
        }
        if let Some(level) = layout.level {
            if layout.shuffle {
                check(H5Pset_shuffle(list.id()), "set shuffle")?;
            }
            check(H5Pset_deflate(list.id(), c_uint::from(level)), "set deflate")?;
        }
        Ok(list)
    }
}

#[allow(unsafe_code)]
fn set_fill<T: Number>(creation: &Handle, fill: &T) -> Outcome<()> {
    // SAFETY: `fill` is one value of the type that `memory` names.
    let status = unsafe { H5Pset_fill_value(creation.id(), T::memory(), std::ptr::from_ref(fill).cast()) };
    check(status, "set the fill value")
}

/// A data space; also used for attributes.
#[allow(unsafe_code)]
pub(super) fn data_space(layout: Layout) -> Outcome<Handle> {
    if layout.lengths.is_empty() {
        // SAFETY: no arguments that could be invalid.
        return Handle::new(unsafe { H5Screate(H5S_SCALAR) }, H5Sclose, "make a data space");
    }
    let mut largest = layout.lengths.to_vec();
    if layout.grows {
        largest[0] = H5S_UNLIMITED;
    }
    // SAFETY: both arrays have the rank given.
    let id =
        unsafe { H5Screate_simple(layout.lengths.len() as c_int, layout.lengths.as_ptr(), largest.as_ptr()) };
    Handle::new(id, H5Sclose, "make a data space")
}

/// UTF-8 text of any length.
#[allow(unsafe_code)]
fn text_type() -> Outcome<Handle> {
    // SAFETY: the copied type is valid in an open library.
    unsafe {
        let text = Handle::new(H5Tcopy(*H5T_C_S1), H5Tclose, "make a text type")?;
        check(H5Tset_size(text.id(), H5T_VARIABLE), "make a text type")?;
        check(H5Tset_cset(text.id(), H5T_CSET_UTF8), "make a text type")?;
        Ok(text)
    }
}

/// Text for C.
pub(super) fn c_text(text: &str) -> Outcome<CString> {
    CString::new(text).map_err(|_| Failure::own("write text with a NUL character"))
}

fn c_path(path: &Path) -> Outcome<CString> {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    #[cfg(not(unix))]
    let bytes = path.to_str().ok_or_else(|| Failure::own("open a path that is not Unicode"))?.as_bytes();
    CString::new(bytes).map_err(|_| Failure::own("open a path with a NUL character"))
}
