//! Where computed chunks go. A writer of a format implements [`ChunkSink`]; nothing here knows formats.
use crate::cube::record::SceneRecord;
use crate::error::Result;
use crate::grid::geobox::{GeoBox, Shape};
use std::path::PathBuf;

/// Position of a chunk: variable, time step, chunk row and chunk column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// Index into [`CubeLayout::variables`].
    pub variable: usize,
    /// Time step.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Physical quantities and indices; NaN is missing.
    F32,
    /// DN of 8 bits; 0 is missing.
    U8,
    /// DN of 16 bits; 0 is missing.
    U16,
    /// DN of signed 16 bits; -9999 is missing.
    I16,
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
    /// Further attributes, in order.
    pub attributes: Vec<(String, AttributeValue)>,
}

/// Everything a writer must know before the first chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeLayout {
    /// Grid of every variable.
    pub grid: GeoBox,
    /// Chunk shape; edge chunks are padded to it.
    pub chunk: Shape,
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
}

impl CubeLayout {
    /// Chunks down and across.
    pub fn chunks(&self) -> Shape {
        Shape {
            ny: self.grid.shape.ny.div_ceil(self.chunk.ny),
            nx: self.grid.shape.nx.div_ceil(self.chunk.nx),
        }
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
    /// Takes notice of a chunk.
    fn observe(&self, key: ChunkKey, values: &[f32]);
    /// As [`ChunkSink::rewind`].
    fn rewind(&self, time_steps: usize);
}

/// Receiver of chunks: encoding runs in parallel, storing one after another. The order of the `store` calls
/// is the order in the file, so a fixed order makes the bytes independent of the number of threads.
/// Dropping a sink without `finish` leaves nothing behind.
pub trait ChunkSink: Send + Sync {
    /// Encodes `chunk.ny * chunk.nx` values, row by row, NaN where missing or beyond the grid's edge. Pure;
    /// called from many threads at once.
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk>;
    /// Stores a chunk, once per key, and returns the bytes it takes. A chunk without a valid value is not
    /// stored and takes none; leaving it out altogether is the same. After an error the output is gone.
    fn store(&self, chunk: EncodedChunk) -> Result<u64>;
    /// Forgets the chunks of time step `time_steps` and later, whose numbers are then free for other scenes:
    /// for a scene that fails after some of its chunks were stored.
    fn rewind(&self, time_steps: usize) -> Result<()>;
    /// Completes the output with the scenes that came, one record per time step from 0 on, and returns its
    /// files. `NO_DATA` when none came.
    fn finish(self: Box<Self>, scenes: &[SceneRecord]) -> Result<Vec<PathBuf>>;
}
