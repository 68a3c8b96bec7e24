//! Decodes the input as a compressed stream; its first bytes choose the coder and the size.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| hdf4::fuzzing::decode_stream(data));
