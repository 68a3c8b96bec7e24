//! Parses the input as metadata text and walks the result.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(tree) = hdf4::odl::parse(&text) {
        for object in tree.find_all("VALUE") {
            let _ = (object.class(), object.num_val(), object.value().map(|v| v.numbers()));
        }
        let _ = (tree.find("DataField_1"), tree.group("SwathStructure"));
    }
});
