//! Where computed chunks go. A writer of a format implements [`ChunkSink`]; nothing here knows formats.
use crate::cube::record::StepRecord;
use crate::error::{Error, Result};
use crate::grid::geobox::{GeoBox, Shape};
use std::path::PathBuf;

/// Position of a chunk: variable, time step, chunk row and chunk column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// Index into [`CubeLayout::variables`].
    pub variable: usize,
    /// Time step; the first one of a chunk that holds several.
    pub time: usize,
    /// Chunk row, from the top.
    pub row: usize,
    /// Chunk column, from the left.
    pub column: usize,
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// Numbers.
    Float(Vec<f64>),
}

/// Stored type of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueType {
    /// Physical quantities and indices; NaN is missing.
    F32,
    /// DN of 8 bits; 0 is missing.
    U8,
    /// DN of 16 bits; 0 is missing.
    U16,
    /// DN of signed 16 bits; -9999 is missing.
    I16,
    /// Counts; none is missing, and NaN is 0.
    U32,
    /// Physical quantities as whole numbers: value = stored x scale + offset; -32768 is missing.
    Packed(Packing),
}

/// How physical values become whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packing {
    /// Value of one step.
    pub scale: f64,
    /// Value of 0.
    pub offset: f64,
}

impl Packing {
    /// Whether a value has a packed form: finite, and within 32 767 steps of the offset.
    pub fn holds(&self, value: f32) -> bool {
        ((f64::from(value) - self.offset) / self.scale).round().abs() <= f64::from(i16::MAX)
    }
}

/// One variable of the cube, dimensions (time, y, x).
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSpec {
    /// Name in the file.
    pub name: String,
    /// CF `long_name`.
    pub long_name: String,
    /// CF `standard_name`, where one exists.
    pub standard_name: Option<String>,
    /// UDUNITS text; `1` for ratios.
    pub units: String,
    /// Stored type.
    pub value_type: ValueType,
    /// Mantissa bits kept of float32 values, 1 to 23; nothing keeps all. Values come rounded.
    pub keep_bits: Option<u8>,
    /// Different values are few and come again: look-ups of one DN or of two of 8 bits, not interpolated. Writers may then keep
    /// values whole where they would shuffle bytes.
    pub repeats: bool,
    /// Further attributes, in order.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl VariableSpec {
    /// Whether compression gets values as they are, not byte by byte: those that repeat, and are no smaller as numbers.
    pub fn keeps_whole(&self) -> bool {
        self.repeats && self.value_type == ValueType::F32
    }
}

/// Everything a writer must know before the first chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeLayout {
    /// Grid of every variable.
    pub grid: GeoBox,
    /// Chunk shape; edge chunks are padded to it.
    pub chunk: Shape,
    /// Time steps in a chunk; the last one is padded to it.
    pub chunk_steps: usize,
    /// Time steps planned; fewer may come.
    pub time_steps: usize,
    /// Variables.
    pub variables: Vec<VariableSpec>,
    /// Global `title`.
    pub title: String,
    /// Global `history` line: when and what was run.
    pub history: String,
    /// The request as JSON, for provenance and repetition.
    pub request_json: String,
    /// Same for runs that would produce the same output: what an interrupted output is recognised by.
    pub resume_key: String,
}

impl CubeLayout {
    /// Chunks down and across.
    pub fn chunks(&self) -> Shape {
        Shape {
            ny: self.grid.shape.ny.div_ceil(self.chunk.ny),
            nx: self.grid.shape.nx.div_ceil(self.chunk.nx),
        }
    }
    /// Values in a chunk.
    pub fn chunk_values(&self) -> usize {
        self.chunk_steps * self.chunk.ny * self.chunk.nx
    }
    /// The variable of a chunk.
    ///
    /// # Errors
    /// `INTERNAL` when there is no such chunk.
    pub fn variable_of(&self, key: ChunkKey) -> Result<&VariableSpec> {
        let chunks = self.chunks();
        let in_time = key.time < self.time_steps && key.time.is_multiple_of(self.chunk_steps);
        match self.variables.get(key.variable) {
            Some(spec) if key.row < chunks.ny && key.column < chunks.nx && in_time => Ok(spec),
            _ => Err(Error::internal(format!("there is no chunk {key:?}"))),
        }
    }
    /// As [`Self::variable_of`], of a chunk that came with so many values.
    ///
    /// # Errors
    /// `INTERNAL` also when they are not those of a chunk.
    pub fn variable_of_values(&self, key: ChunkKey, values: usize) -> Result<&VariableSpec> {
        if values != self.chunk_values() {
            return Err(Error::internal(format!("a chunk came with {values} values")));
        }
        self.variable_of(key)
    }
}

/// Different codes of looked-up values.
pub const CODES: usize = 1 << 16;

/// Values that were looked up, as they were before that: writers find equal codes sooner than equal values.
#[derive(Debug, Clone, Copy)]
pub struct Coded<'a> {
    /// One for each value.
    pub codes: &'a [u16],
    /// The value of each code; NaN as [`f32::NAN`].
    pub table: &'a [f32; CODES],
}

impl Coded<'_> {
    /// The values themselves.
    pub fn values(&self) -> Vec<f32> {
        self.codes.iter().map(|code| self.table[usize::from(*code)]).collect()
    }
}

/// A chunk in the form its sink stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedChunk {
    /// Where it belongs.
    pub key: ChunkKey,
    /// Bytes for [`ChunkSink::store`] of the sink that made them.
    pub bytes: Vec<u8>,
    /// Values that are not NaN.
    pub valid: u64,
}

/// Sees the values of every chunk beside the sink (a picture, say), from many threads and in any order.
pub trait ChunkObserver: Sync {
    /// Takes notice of the `chunk.ny * chunk.nx` values of one time step.
    fn observe(&self, key: ChunkKey, values: &[f32]);
    /// As [`ChunkSink::rewind`].
    fn rewind(&self, time_steps: usize);
}

/// Receiver of chunks: encoding runs in parallel, storing one after another. The order of the `store` calls
/// is the order in the file, so a fixed order makes the bytes independent of the number of threads. That order
/// may be time step after time step, or block of the grid after block with all its time steps.
/// Dropping a sink without `finish` leaves nothing under the final name; sinks that can resume keep what is complete
/// under another name.
pub trait ChunkSink: Send + Sync {
    /// Encodes `chunk_steps * chunk.ny * chunk.nx` values, step by step, row by row, NaN where missing or beyond the
    /// edge of the grid or the last time step. Pure; called from many threads at once.
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk>;
    /// As [`Self::encode`], of values that were looked up. The bytes may be others, what they say is not.
    fn encode_coded(&self, key: ChunkKey, coded: Coded<'_>) -> Result<EncodedChunk> {
        self.encode(key, &coded.values())
    }
    /// Stores a chunk, once per key, and returns the bytes it takes. A chunk without a valid value is not
    /// stored and takes none; leaving it out altogether is the same. After an error the output is gone.
    fn store(&self, chunk: EncodedChunk) -> Result<u64>;
    /// Forgets the chunks of time step `time_steps` and later, whose numbers are then free for other scenes:
    /// for a scene that fails after some of its chunks were stored. 0 forgets everything, checkpoints too.
    fn rewind(&self, time_steps: usize) -> Result<()>;
    /// Records of the units of work that an interrupted run of the same [`CubeLayout::resume_key`] completed, from the
    /// first on; their chunks are in the output and are not computed again. None from sinks that cannot resume.
    fn resumed(&self) -> Vec<String> {
        Vec::new()
    }
    /// Ends a unit of work: all that was stored is on the disk before this returns, and a later run finds `record`.
    fn checkpoint(&self, _record: &str) -> Result<()> {
        Ok(())
    }
    /// Completes the output with the time steps that came, one record per step from 0 on, and returns its
    /// files. `NO_DATA` when none came.
    fn finish(self: Box<Self>, steps: &[StepRecord]) -> Result<Vec<PathBuf>>;
}
