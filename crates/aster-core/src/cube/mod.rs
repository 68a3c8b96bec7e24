//! What is wanted, what will be done, and doing it: planning and execution against traits.
pub mod calibrate;
pub mod describe;
pub mod execute;
pub mod group;
pub mod period;
pub mod plan;
pub mod read_band;
pub mod record;
pub mod reduce;
pub mod report;
pub mod request;
pub mod sample;
pub mod scene_plan;
pub mod sink;
pub mod target;
pub mod wanted;
