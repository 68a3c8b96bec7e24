//! Every array, attribute and table of the reference files equals what the C library reads, by SHA-256.
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

mod corpus;

use corpus::{list, sha256, text};
use hdf4::{Attribute, File, OpenOptions, Window};
use serde_json::Value;

/// Objects known not to match, with the reason; anything else that differs fails the test.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "hdf4-opendap/data/tvset.hdf",
        "table Integer Vdata",
        "its values lie in an external file that was never published; the C library cannot read it either",
    ),
    ("hdf4-opendap/hdf-testfiles/testsds5.hdf", "attribute GLOBAL_ATTR_DFNT_UCHAR8", UCHAR),
    ("hdf4-opendap/hdf-testfiles/testsds5.hdf", "attribute SDS_ATTR_DFNT_UCHAR8", UCHAR),
    ("hdf4-opendap/hdf-testfiles/testsds5.hdf", "attribute DIM_ATTR_DFNT_UCHAR8", UCHAR),
    ("hdf4-opendap/hdf-testfiles/testsds5.hdf", "attribute valid_range", UCHAR),
];

const UCHAR: &str = "the C library gives only the first of the stored unsigned characters";

#[derive(Default)]
struct Tally {
    files: usize,
    arrays: usize,
    attributes: usize,
    tables: usize,
    groups: usize,
    faults: Vec<String>,
    excused: usize,
}

impl Tally {
    fn fault(&mut self, file: &str, object: &str, what: String) {
        if EXCEPTIONS.iter().any(|e| e.0 == file && e.1 == object) {
            self.excused += 1;
        } else {
            self.faults.push(format!("{file}: {object}: {what}"));
        }
    }
}

#[test]
fn every_object_matches_the_c_library() {
    let Some(root) = corpus::folder() else { return };
    let mut tally = Tally::default();
    for record in corpus::expected(&root) {
        let name = text(&record, "file");
        let path = root.join(name);
        let options = OpenOptions::new().external_base(path.parent().unwrap());
        match options.open(&path) {
            Ok(file) => compare(&mut tally, name, &file, &record),
            Err(e) => tally.fault(name, "", e.to_string()),
        }
        tally.files += 1;
    }
    eprintln!(
        "{} files: {} arrays, {} attributes, {} tables and {} groups match, {} listed exceptions",
        tally.files, tally.arrays, tally.attributes, tally.tables, tally.groups, tally.excused
    );
    assert!(tally.faults.is_empty(), "{} differ:\n{}", tally.faults.len(), tally.faults.join("\n"));
}

fn compare(tally: &mut Tally, name: &str, file: &File, record: &Value) {
    compare_attributes(tally, name, "file", file.attributes(), list(record, "file_attrs"));
    let arrays = list(record, "sds");
    if file.datasets().len() != arrays.len() {
        tally.fault(name, "", format!("{} arrays instead of {}", file.datasets().len(), arrays.len()));
    }
    for array in arrays {
        let wanted = text(array, "name");
        let reference = array["ref"].as_u64().unwrap();
        let found =
            file.datasets().iter().find(|d| u64::from(d.reference()) == reference && d.name() == wanted);
        let Some(dataset) = found else {
            tally.fault(name, wanted, "missing".into());
            continue;
        };
        let dims: Vec<u64> = list(array, "dims").iter().map(|d| d.as_u64().unwrap()).collect();
        let dim_names: Vec<&str> = list(array, "dimnames").iter().map(|d| d.as_str().unwrap()).collect();
        let code = array["nt"].as_u64().unwrap() & 0xFFF;
        if dataset.dims() != dims || dataset.dim_names() != dim_names {
            let found = (dataset.dims(), dataset.dim_names());
            tally.fault(name, wanted, format!("dimensions {found:?} instead of {dims:?} {dim_names:?}"));
        } else if u64::from(dataset.number_type().code()) != code {
            tally.fault(name, wanted, format!("type {:?} instead of {code}", dataset.number_type()));
        } else if array["coordvar"].as_bool() != Some(dataset.is_coordinate()) {
            tally.fault(name, wanted, "coordinate or not".into());
        } else {
            match file.read_bytes_le(dataset, &Window::whole(dataset)) {
                Ok(bytes) if sha256(&bytes) == text(array, "sha256_le") => tally.arrays += 1,
                Ok(_) => tally.fault(name, wanted, format!("values differ ({})", dataset.storage())),
                Err(e) => tally.fault(name, wanted, e.to_string()),
            }
        }
        compare_attributes(tally, name, wanted, dataset.attributes(), list(array, "attrs"));
    }
    compare_tables(tally, name, file, list(record, "vdatas"));
    for group in list(record, "vgroups") {
        let reference = group["ref"].as_u64().unwrap();
        let members: Vec<(u16, u16)> = list(group, "members")
            .iter()
            .map(|m| (m[0].as_u64().unwrap() as u16, m[1].as_u64().unwrap() as u16))
            .collect();
        let same = file.vgroups().iter().any(|g| {
            u64::from(g.reference()) == reference
                && g.name() == text(group, "name")
                && g.class() == text(group, "class")
                && g.members() == members
        });
        if same {
            tally.groups += 1;
        } else {
            tally.fault(name, text(group, "name"), format!("group {reference} differs"));
        }
    }
}

fn compare_attributes(tally: &mut Tally, file: &str, owner: &str, found: &[Attribute], expected: &[Value]) {
    if found.len() != expected.len() {
        tally.fault(file, owner, format!("{} attributes instead of {}", found.len(), expected.len()));
    }
    for wanted in expected {
        let name = text(wanted, "name");
        let same = found.iter().any(|a| {
            a.name() == name
                && u64::from(a.number_type().code()) == wanted["nt"].as_u64().unwrap() & 0xFFF
                && a.value().len() as u64 == wanted["count"].as_u64().unwrap()
                && sha256(&a.value().to_le_bytes()) == text(wanted, "sha256")
        });
        if same {
            tally.attributes += 1;
        } else {
            tally.fault(file, &format!("attribute {name}"), format!("of {owner} differs"));
        }
    }
}

fn compare_tables(tally: &mut Tally, name: &str, file: &File, expected: &[Value]) {
    for wanted in expected {
        let reference = wanted["ref"].as_u64().unwrap();
        let label = format!("table {}", text(wanted, "name"));
        let Some(table) = file.vdatas().iter().find(|t| u64::from(t.reference()) == reference) else {
            tally.fault(name, &label, format!("{reference} is missing"));
            continue;
        };
        let fields: Vec<&str> = table.fields().iter().map(|f| f.name()).collect();
        let same = table.name() == text(wanted, "name")
            && table.class() == text(wanted, "class")
            && table.len() == wanted["nrec"].as_u64().unwrap()
            && fields.join(",") == text(wanted, "fields")
            && table.is_record_wise() == (wanted["interlace"] == 0)
            // The C library gives no size for a table without fields.
            && wanted["recsize"].as_u64().is_none_or(|size| size == table.record_size());
        let digest = wanted["sha256_native_full_interlace"].as_str();
        match file.read_table(table) {
            _ if !same => tally.fault(name, &label, format!("header of {reference} differs: {table:?}")),
            Ok(content) if digest.is_none_or(|d| d == sha256(&content.to_le_bytes())) => tally.tables += 1,
            Ok(_) => tally.fault(name, &label, format!("values of {reference} differ")),
            Err(e) => tally.fault(name, &label, format!("{reference}: {e}")),
        }
    }
}
