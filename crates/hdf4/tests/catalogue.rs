//! The public interface on two small files: names, paths, values, attributes, tables, HDF-EOS.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use hdf4::{ErrorKind, File, NumberType, StorageKind, Values, Window};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn grid<T>(value: impl Fn(i64, i64) -> T) -> Vec<T> {
    (0..24).flat_map(|r| (0..20).map(move |c| (r, c))).map(|(r, c)| value(r, c)).collect()
}

#[test]
fn a_file_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<File>();
    shared::<hdf4::Error>();
}

#[test]
fn arrays_and_their_storage() {
    let file = File::open(fixture("swath.hdf")).unwrap();
    let image = file.dataset("/Scene/Data Fields/Image").unwrap();
    let whole = Window::whole(image);
    assert_eq!(file.read::<u8>(image, &whole).unwrap(), grid(|r, c| ((7 * r + 3 * c) % 251) as u8));
    assert_eq!(file.borrow_u8(image).unwrap().unwrap(), file.read::<u8>(image, &whole).unwrap());
    assert_eq!(image.dim_names(), ["Line:Scene", "Pixel:Scene"]);
    let deflated = file.dataset("Scene/Data Fields/Deflated").unwrap();
    assert_eq!(deflated.storage(), StorageKind::Compressed { coder: "deflate" });
    assert_eq!(file.read::<u16>(deflated, &whole).unwrap(), grid(|r, c| (500 * r + c) as u16));
    let tiled = file.dataset("Tiled").unwrap();
    assert_eq!(tiled.storage(), StorageKind::Chunked { chunk: vec![10, 8], coder: Some("deflate") });
    let mut values = vec![0i32; 480];
    file.read_into(tiled, &whole, &mut values).unwrap();
    assert_eq!(values, grid(|r, c| (1000 * r - c) as i32));
    assert_eq!(file.borrow_u8(file.dataset("Runs").unwrap()).unwrap(), None);
    assert_eq!(file.read::<u8>(file.dataset("Runs").unwrap(), &whole).unwrap(), grid(|r, _| (r / 5) as u8));
    let huffman = file.dataset("Huffman").unwrap();
    assert_eq!(file.read::<u16>(huffman, &whole).unwrap(), grid(|r, c| (3 * r + c) as u16));
    let unwritten = file.dataset("Unwritten").unwrap();
    assert_eq!(file.read::<i16>(unwritten, &whole).unwrap(), [-9; 480]);
    assert!(file.plan(unwritten, &whole).unwrap().is_empty());
    assert_eq!(file.read_values(tiled, &Window::rows_cols(1, 1, 1, 2)).unwrap(), Values::I32(vec![999, 998]));
}

#[test]
fn metadata_and_structure() {
    let file = File::open(fixture("swath.hdf")).unwrap();
    let text = file.metadata_text("coremetadata").unwrap().unwrap();
    assert_eq!(text, "GROUP=INVENTORY\nEND_GROUP\nEND\n");
    assert_eq!(file.metadata_text("productmetadata").unwrap(), None);
    assert_eq!(file.attribute_text("COREMETADATA.0").unwrap().unwrap(), "GROUP=INVENTORY\n");
    assert!(matches!(file.attribute_text("gain").unwrap_err().kind(), ErrorKind::Usage { .. }));
    let gain = file.attributes().iter().find(|a| a.name() == "gain").unwrap();
    assert_eq!(gain.value(), &Values::F32(vec![0.5, -2.0]));
    let eos = file.eos().unwrap();
    let swath = eos.swath("Scene").unwrap();
    assert_eq!(swath.dimensions[1].size, 20);
    assert_eq!((swath.dimension_maps[0].offset, swath.dimension_maps[0].increment), (1, 8));
    assert_eq!(swath.data_fields[0].dataset.as_deref(), Some("/Scene/Data Fields/Image"));
    assert_eq!(swath.data_fields[0].dims, ["Line", "Pixel"]);
    let time = file.vdata(swath.geolocation_fields[0].vdata.as_deref().unwrap()).unwrap();
    let table = file.read_table(time).unwrap();
    assert_eq!(table.column("Time").unwrap().values, Values::F64(vec![1.5, 2.5, 3.5]));
    let map = eos.grid("Map").unwrap();
    assert_eq!((map.rows, map.columns, map.zone), (24, 20, Some(50)));
    assert_eq!(map.upper_left, Some([500_000.0, 1_690_000.0]));
    assert_eq!(map.data_fields[0].dataset.as_deref(), Some("/Map/Data Fields/Height"));
    assert_eq!(file.dataset("Height").unwrap().number_type(), NumberType::I16);
}

#[test]
fn files_older_than_the_array_model() {
    let file = File::open(fixture("dfsd.hdf")).unwrap();
    let array = file.dataset("Temperature").unwrap();
    let values = file.read::<i16>(array, &Window::whole(array)).unwrap();
    assert_eq!(values, [0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203]);
    assert_eq!(array.attribute("units").unwrap().text().as_deref(), Some("K"));
    assert_eq!(array.attribute("add_offset").unwrap().value().get(0), Some(10.0));
    let unnamed = file.dataset("Data-Set-3").unwrap();
    assert_eq!(file.read::<f32>(unnamed, &Window::whole(unnamed)).unwrap(), [0.0, 0.5, 1.0, 1.5, 2.0]);
    assert!(file.eos().unwrap().swaths().is_empty());
    assert_eq!(file.datasets().len(), 2);
}
