//! Headers of special elements: the layouts that are more than one run of bytes.
#![forbid(unsafe_code)]

pub(crate) mod chunked;
pub(crate) mod compressed;
pub(crate) mod external;
pub(crate) mod linked;
