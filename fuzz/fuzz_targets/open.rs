//! Opens the input as a file and reads everything in it twice: whole and as a window.
#![no_main]

use std::sync::Arc;

use hdf4::source::Memory;
use hdf4::{File, Limits, Window};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = File::from_source(Arc::new(Memory::new(data)), Limits::strict()) else { return };
    // Thousands of aliases of one array add time but no coverage.
    for dataset in file.datasets().iter().take(64) {
        let whole = Window::whole(dataset);
        let all = file.read_bytes_le(dataset, &whole);
        let start: Vec<u64> = dataset.dims().iter().map(|d| d / 3).collect();
        let count: Vec<u64> = dataset.dims().iter().zip(&start).map(|(d, s)| (d - s).div_ceil(2)).collect();
        let window = Window { start, count };
        let part = file.read_bytes_le(dataset, &window);
        let _ = (file.plan(dataset, &window), file.borrow_u8(dataset), dataset.storage().to_string());
        // What reads whole reads in part, with the same first value.
        if let (Ok(all), Ok(part)) = (&all, &part) {
            let size = dataset.number_type().size();
            let index = window.start.iter().zip(dataset.dims()).fold(0, |i, (s, d)| i * d + s) as usize;
            if !part.is_empty() {
                assert_eq!(part[..size], all[index * size..][..size]);
            }
        }
    }
    for table in file.vdatas().iter().take(256) {
        if let Ok(content) = file.read_table(table) {
            content.to_le_bytes();
        }
        let _ = file.table_attributes(table);
    }
    for group in file.vgroups().iter().take(256) {
        let _ = file.group_attributes(group);
    }
    let _ = (file.eos(), file.metadata_text("coremetadata"));
});
