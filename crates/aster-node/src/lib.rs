//! The border to Node: convert, call the core, convert. Nothing here knows about ASTER.
#![deny(unsafe_code)]
#![allow(missing_docs, reason = "documented where the generator reads them: on the exported items")]
#![allow(clippy::result_large_err, reason = "an error crosses once per call, as an object of its own")]

pub mod cube;
pub mod cube_report;
pub mod facts;
pub mod granule;
pub mod granule_info;
pub mod math;
pub mod outcome;
pub mod region;
pub mod remote;
pub mod request;
pub mod request_json;
pub mod thread;
