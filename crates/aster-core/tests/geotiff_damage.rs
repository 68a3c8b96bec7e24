//! Damaged and hostile GeoTIFFs: refused in words, without a panic and without a large allocation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use aster_core::error::ErrorCode;
use aster_core::granule::DnData;
use aster_core::granule::tiff::GeoTiff;
use aster_core::grid::geobox::PixelRect;

/// A little-endian TIFF of 16 x 16 uint8 pixels in one deflate tile, to be damaged.
struct Forge {
    entries: Vec<(u16, u16, u32, u32)>,
    packed: Vec<u8>,
}

impl Forge {
    fn new() -> Self {
        let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; 512];
        let n = packer.zlib_compress(&[7; 256], &mut packed).unwrap();
        packed.truncate(n);
        let entries = vec![
            (256, 4, 1, 16),
            (257, 4, 1, 16),
            (258, 3, 1, 8),
            (259, 3, 1, 8),
            (262, 3, 1, 1),
            (277, 3, 1, 1),
            (322, 4, 1, 16),
            (323, 4, 1, 16),
            (324, 4, 1, 1000),
            (325, 4, 1, n as u32),
            (33550, 12, 3, 600),
            (33922, 12, 6, 640),
            (34735, 3, 12, 700),
        ];
        Self { entries, packed }
    }
    fn set(mut self, tag: u16, count: u32, value: u32) -> Self {
        for entry in self.entries.iter_mut().filter(|e| e.0 == tag) {
            (entry.2, entry.3) = (count, value);
        }
        self
    }
    fn without(mut self, tag: u16) -> Self {
        self.entries.retain(|e| e.0 != tag);
        self
    }
    fn bytes(&self) -> Vec<u8> {
        let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
        file.extend((self.entries.len() as u16).to_le_bytes());
        for &(tag, kind, count, value) in &self.entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.resize(1000, 0);
        let doubles = |at: usize, values: &[f64], file: &mut Vec<u8>| {
            for (i, v) in values.iter().enumerate() {
                file[at + 8 * i..at + 8 * i + 8].copy_from_slice(&v.to_le_bytes());
            }
        };
        doubles(600, &[30.0, 30.0, 0.0], &mut file);
        doubles(640, &[0.0, 0.0, 0.0, 5e5, 4e6, 0.0], &mut file);
        for (i, key) in [1_u16, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32611].iter().enumerate() {
            file[700 + 2 * i..702 + 2 * i].copy_from_slice(&key.to_le_bytes());
        }
        file.extend(&self.packed);
        file
    }
}

fn open_and_read(bytes: &[u8]) -> aster_core::Result<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    std::fs::write(&path, bytes).unwrap();
    let tiff = GeoTiff::open(&path)?;
    let window = tiff.read(0, PixelRect::whole(tiff.geobox().shape))?;
    match window.data {
        DnData::U8(numbers) => Ok(numbers.into_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn damaged_files_are_refused_in_words() {
    use ErrorCode::{Corrupt, Limit, Unsupported};
    assert_eq!(open_and_read(&Forge::new().bytes()).unwrap(), [7; 256]);
    let whole = Forge::new().bytes();
    let mut bad_stream = whole.clone();
    bad_stream[1004] ^= 0xFF;
    let endless = {
        // A BigTIFF that announces 2^60 tags.
        let mut b = b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
        b.extend((1_u64 << 60).to_le_bytes());
        b
    };
    for (what, bytes, code, words) in [
        ("empty", Vec::new(), Corrupt, "not a TIFF"),
        ("web page", b"<!DOCTYPE html><html>".to_vec(), Corrupt, "not a TIFF"),
        ("hdf4", b"\x0e\x03\x13\x01abcd".to_vec(), Corrupt, "not a TIFF"),
        ("cut after the signature", whole[..6].to_vec(), Corrupt, "ends inside its TIFF header"),
        ("cut in the tags", whole[..50].to_vec(), Corrupt, "ends inside its TIFF header"),
        ("cut in the tag values", whole[..620].to_vec(), Corrupt, "beyond the end of the file"),
        ("cut in the pixels", whole[..1005].to_vec(), Corrupt, "beyond the end of the file"),
        ("endless tags", endless, Corrupt, "ends inside its TIFF header"),
        ("offset outside", Forge::new().set(324, 1, 900_000).bytes(), Corrupt, "beyond the end of the file"),
        ("size outside", Forge::new().set(325, 1, u32::MAX).bytes(), Corrupt, "beyond the end of the file"),
        ("fewer tiles than pixels", Forge::new().set(256, 1, 17).bytes(), Corrupt, "header"),
        ("no width", Forge::new().without(256).bytes(), Corrupt, "header"),
        ("no offsets", Forge::new().without(324).bytes(), Corrupt, "header"),
        ("width 0", Forge::new().set(256, 1, 0).bytes(), Corrupt, "header"),
        ("tile width 0", Forge::new().set(322, 1, 0).bytes(), Corrupt, "header"),
        ("tile height 0", Forge::new().set(323, 1, 0).bytes(), Corrupt, "header"),
        ("0 samples", Forge::new().set(277, 1, 0).bytes(), Corrupt, "header"),
        ("65535 samples", Forge::new().set(277, 1, 65_535).bytes(), Limit, "samples"),
        ("tile of 10 GB", Forge::new().set(322, 1, 99_984).set(323, 1, 99_984).bytes(), Limit, "too large"),
        (
            "image beyond the limit",
            Forge::new().set(256, 1, u32::MAX).set(322, 1, u32::MAX).bytes(),
            Limit,
            "width",
        ),
        (
            "bomb: unpacks to more",
            Forge::new().set(322, 1, 16).set(323, 1, 16).set(257, 1, 8).set(323, 1, 8).bytes(),
            Corrupt,
            "more than its 128 bytes",
        ),
        ("unpacks to less", Forge::new().set(323, 1, 32).bytes(), Corrupt, "256 bytes, expected 512"),
        ("damaged stream", bad_stream, Corrupt, "tile 0"),
        ("not deflate but plain", Forge::new().set(259, 1, 1).bytes(), Corrupt, "expected 256"),
        ("not deflate but packbits", Forge::new().set(259, 1, 32773).bytes(), Corrupt, "expected 256"),
        ("12 bits", Forge::new().set(258, 1, 12).bytes(), Unsupported, "12 bits"),
        ("scale of 2^31 numbers", Forge::new().set(33550, 1 << 31, 600).bytes(), Limit, "header"),
        ("no place", Forge::new().without(33550).bytes(), Corrupt, "no geotransform"),
    ] {
        let error = open_and_read(&bytes).expect_err(what);
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(error.message().contains(words), "{what}: {error}");
    }
}

#[test]
fn no_single_damaged_byte_brings_it_down() {
    let whole = Forge::new().bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    for at in (0..180).chain(600..730).chain(1000..whole.len()) {
        for flip in [0xFF, 0x80, 0x01] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(tiff) = GeoTiff::open(&path) {
                // An error or numbers, never a panic.
                let _ = tiff.read(0, PixelRect::whole(tiff.geobox().shape));
            }
        }
    }
}

#[test]
fn a_file_that_changes_while_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    std::fs::write(&path, Forge::new().bytes()).unwrap();
    let tiff = GeoTiff::open(&path).unwrap();
    std::fs::write(&path, &Forge::new().bytes()[..1003]).unwrap();
    let error = tiff.read(0, PixelRect::whole(tiff.geobox().shape)).unwrap_err();
    assert!(error.message().contains("changed"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = tiff.read(0, PixelRect::whole(tiff.geobox().shape)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}
