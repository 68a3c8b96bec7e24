//! The sink of builds without GDAL: it cannot be made.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, CubeLayout, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::write::geotiff::GeotiffOptions;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// Writer of GeoTIFF files; this build has none.
#[derive(Debug)]
pub struct GeotiffSink(Infallible);

impl GeotiffSink {
    /// # Errors
    /// `UNSUPPORTED`, always.
    pub fn create(target: &Path, _layout: &CubeLayout, _options: GeotiffOptions) -> Result<Self> {
        Err(Error::new(ErrorCode::Unsupported, "GeoTIFF needs GDAL, which this build leaves out")
            .hint("build with the feature gdal, or write netcdf")
            .at(target))
    }
}

impl ChunkSink for GeotiffSink {
    fn encode(&self, _key: ChunkKey, _values: &[f32]) -> Result<EncodedChunk> {
        match self.0 {}
    }
    fn store(&self, _chunk: EncodedChunk) -> Result<u64> {
        match self.0 {}
    }
    fn rewind(&self, _time_steps: usize) -> Result<()> {
        match self.0 {}
    }
    fn finish(self: Box<Self>, _steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        match self.0 {}
    }
}

/// Nothing: no sink can be made.
pub fn memory_bytes(_layout: &CubeLayout, _options: GeotiffOptions) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_feature_is_named() {
        let layout = crate::cube::sink::CubeLayout {
            grid: crate::grid::geobox::GeoBox {
                crs: crate::geo::crs::Crs::Geographic,
                transform: crate::geo::affine::Affine::upright(0.0, 0.0, 1.0, 1.0),
                shape: crate::grid::geobox::Shape { ny: 1, nx: 1 },
            },
            chunk: crate::grid::geobox::Shape { ny: 1, nx: 1 },
            chunk_steps: 1,
            time_steps: 1,
            variables: Vec::new(),
            title: String::new(),
            history: String::new(),
            request_json: String::new(),
            resume_key: String::new(),
        };
        let error = GeotiffSink::create(Path::new("a.tif"), &layout, GeotiffOptions::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.hint_text().unwrap().contains("gdal"));
    }
}
