//! What each kind of malformed file leads to: an error of the right kind, never a panic or a huge allocation.
#![allow(clippy::unwrap_used, clippy::panic)]

mod build;

use build::*;
use hdf4::{Error, ErrorKind, File, Limits, OpenOptions, Window};
use std::sync::Arc;

/// Short name of an error's kind.
fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Io { .. } => "io",
        ErrorKind::NotHdf4 => "not hdf4",
        ErrorKind::Corrupt { .. } => "corrupt",
        ErrorKind::Unsupported { .. } => "unsupported",
        ErrorKind::Limit { .. } => "limit",
        ErrorKind::NotFound { .. } => "not found",
        ErrorKind::Usage { .. } => "usage",
        ErrorKind::NeedRanges(_) => "need ranges",
        _ => "other",
    }
}

/// The first fault met when a file is opened and its first array is read.
fn outcome(content: Vec<u8>) -> Result<Vec<u8>, Error> {
    let file = open(content)?;
    let dataset = file.datasets().first().ok_or_else(|| file.dataset("none").map(|_| ()).unwrap_err())?;
    file.read_bytes_le(dataset, &Window::whole(dataset))
}

#[track_caller]
fn expect(content: Vec<u8>, wanted: &str, message: &str) {
    let error = outcome(content).unwrap_err();
    let text = error.to_string();
    assert_eq!(kind(&error), wanted, "{text}");
    assert!(text.contains(message), "{text}");
    assert!(!text.contains('\n') && !text.ends_with('.') && text.is_ascii(), "{text}");
}

/// A 4 x 6 array of bytes stored as `data`.
fn image(tag: u16, data: Bytes) -> Builder {
    Builder::default().array(&[4, 6], 21).add(tag, 1, data)
}

fn special(header: Bytes) -> Builder {
    image(SD | SPECIAL, header)
}

#[test]
fn sound_files_read() {
    let data: Vec<u8> = (0..24).collect();
    assert_eq!(outcome(image(SD, bytes().raw(&data)).build()).unwrap(), data);
    // A short element ends in fill.
    let short = outcome(image(SD, bytes().raw(&data[..20])).build()).unwrap();
    assert_eq!(short, [&data[..20], &[129; 4]].concat());
    // An element described twice is the one described first.
    let again = image(SD, bytes().raw(&data)).add(SD, 1, bytes().raw(&[7; 24])).add(SDD, 1, bytes());
    let file = again.open().unwrap();
    assert_eq!(file.datasets().len(), 1);
    assert_eq!(file.read_bytes_le(&file.datasets()[0], &Window::rows_cols(0, 0, 4, 6)).unwrap(), data);
    let stream = bytes().raw(&[0x80 | 21, 9]);
    let rle = special(compressed(24, 5, 1)).add(COMPRESSED, 5, stream);
    assert_eq!(outcome(rle.build()).unwrap(), [9; 24]);
    let tiles = chunk_table(special(chunked(&[4, 6], &[4, 4], 16)), &[(0, 1, 8)]);
    let tiles = tiles.add(CHUNK, 8, bytes().raw(&[3; 16]));
    assert_eq!(outcome(tiles.build()).unwrap(), [7, 7, 7, 7, 3, 3].repeat(4));
    let blocks = special(bytes().u16(1).i32(24).i32(10).i32(2).u16(3))
        .add(LINKED, 3, bytes().u16(4).u16(5).u16(0))
        .add(LINKED, 4, bytes().u16(0).u16(6).u16(0))
        .add(LINKED, 5, bytes().raw(&[1; 10]))
        .add(LINKED, 6, bytes().raw(&[2; 10]));
    assert_eq!(outcome(blocks.build()).unwrap(), [&[1; 10][..], &[129; 10], &[2; 4]].concat());
}

#[test]
fn files_that_are_not_hdf4() {
    for content in [&b""[..], b"\x0E\x03", b"CDF\x01 a netCDF file", b"\x89HDF\r\n\x1a\n and more"] {
        expect(content.to_vec(), "not hdf4", "not an hdf4 file");
    }
    assert_eq!(kind(&File::open("/nowhere/at/all.hdf").unwrap_err()), "io");
    assert_eq!(kind(&File::open(env!("CARGO_MANIFEST_DIR")).unwrap_err()), "io");
}

#[test]
fn descriptor_chain() {
    let sound = image(SD, bytes().raw(&[0; 24])).build();
    expect(sound[..4].to_vec(), "corrupt", "past the end");
    expect(sound[..30].to_vec(), "corrupt", "past the end");
    let mut cycle = sound.clone();
    cycle[6..10].copy_from_slice(&4u32.to_be_bytes());
    expect(cycle, "corrupt", "cycle");
    let mut far = sound.clone();
    far[6..10].copy_from_slice(&u32::MAX.to_be_bytes());
    expect(far, "corrupt", "past the end");
    let limits = {
        let mut limits = Limits::default();
        limits.max_descriptors = 2;
        limits
    };
    let source = Arc::new(hdf4::source::Memory::new(sound.clone()));
    assert_eq!(kind(&File::from_source(source, limits).unwrap_err()), "limit");
    // The fourth descriptor is the data: cut off, then with a negative length.
    expect(sound[..sound.len() - 1].to_vec(), "corrupt", "past the end");
    let mut negative = sound.clone();
    negative[10 + 3 * 12 + 8..][..4].copy_from_slice(&(-5i32).to_be_bytes());
    expect(negative, "corrupt", "negative");
    let mut reserved = sound;
    reserved[10 + 3 * 12 + 4..][..8].copy_from_slice(&[0xFF; 8]);
    assert_eq!(outcome(reserved).unwrap(), [129; 24]);
}

#[test]
fn shapes() {
    let empty = |dims: &[i32]| Builder::default().array(dims, 24).add(SD, 1, bytes().raw(&[0; 8])).build();
    expect(empty(&[i32::MAX; 3]), "corrupt", "too large");
    expect(empty(&[i32::MAX, 1000]), "limit", "bytes of the window");
    expect(empty(&[20_000, 20_000]), "limit", "never written");
    expect(empty(&[-1, 4]), "corrupt", "negative");
    expect(empty(&[1; 40]), "limit", "dimensions");
    assert!(outcome(empty(&[0, 5])).unwrap().is_empty());
    expect(Builder::default().array(&[4], 99).build(), "unsupported", "number type 99");
    let broken = Builder::default().add(SDD, 1, bytes().u16(3).i32(1)).add(NDG, 1, bytes().u16(SDD).u16(1));
    expect(broken.build(), "corrupt", "ends early");
}

#[test]
fn compressed_elements() {
    let with =
        |header: Bytes, payload: &[u8]| special(header).add(COMPRESSED, 5, bytes().raw(payload)).build();
    let deflate = |length| compressed(length, 5, 4).u16(6);
    expect(with(deflate(i32::MAX), &[0x78, 0x9C, 1, 2]), "corrupt", "shorter than declared");
    let bomb = Builder::default().array(&[30_000, 30_000], 21).add(SD | SPECIAL, 1, deflate(900_000_000));
    expect(bomb.add(COMPRESSED, 5, bytes().raw(&[0; 99])).build(), "corrupt", "cannot decode to");
    expect(with(deflate(24), &[1, 2, 3, 4]), "corrupt", "deflate stream is damaged");
    expect(with(deflate(24), &[]), "corrupt", "cannot decode");
    expect(with(deflate(-24), &[1, 2, 3, 4]), "corrupt", "negative");
    expect(with(compressed(24, 5, 1), &[0x82, 9]), "corrupt", "shorter than declared");
    expect(with(compressed(24, 5, 1), &[0x10, 9]), "corrupt", "shorter than declared");
    expect(with(compressed(24, 5, 3).i32(0).i32(0), &[0; 40]), "corrupt", "skip size");
    expect(with(compressed(24, 5, 3).i32(99_999).i32(0), &[0; 40]), "corrupt", "skip size");
    expect(with(compressed(24, 5, 3).i32(1).i32(0), &[0; 4]), "corrupt", "shorter than declared");
    let nbit = |start, bits| compressed(24, 5, 2).i32(21).u16(0).u16(0).i32(start).i32(bits);
    assert_eq!(outcome(with(nbit(3, 4), &[0xAB; 12])).unwrap(), [0x0A, 0x0B].repeat(12));
    for (start, bits) in [(8, 4), (3, 0), (3, 5), (7, 9), (-1, 1), (3, -1)] {
        expect(with(nbit(start, bits), &[0xAB; 12]), "corrupt", "");
    }
    expect(with(nbit(3, 4), &[0xAB; 3]), "corrupt", "cannot decode");
    expect(with(compressed(24, 5, 5), &[0; 12]), "unsupported", "szip");
    expect(with(compressed(24, 5, 77), &[0; 12]), "unsupported", "coder 77");
    expect(with(bytes().u16(3).u16(0).i32(24).u16(5).u16(2), &[]), "unsupported", "model 2");
    let nested = special(deflate(24)).add(COMPRESSED | SPECIAL, 5, deflate(24));
    expect(nested.build(), "corrupt", "nested");
    expect(special(bytes().u16(99)).build(), "corrupt", "special element 99");
    expect(special(bytes()).build(), "corrupt", "no header");
    for code in [4, 6, 7] {
        expect(special(bytes().u16(code)).build(), "unsupported", "");
    }
}

#[test]
fn linked_elements() {
    let header = |total, block, per| special(bytes().u16(1).i32(total).i32(block).i32(per).u16(3));
    expect(header(24, 10, 2).build(), "corrupt", "table is missing");
    let cycle = header(24, 1, 1).add(LINKED, 3, bytes().u16(3).u16(0));
    expect(cycle.build(), "corrupt", "cycle");
    let lost = header(24, 10, 1).add(LINKED, 3, bytes().u16(0).u16(9));
    expect(lost.build(), "corrupt", "block is missing");
    let zero = header(24, 0, 1).add(LINKED, 3, bytes().u16(0).u16(0));
    expect(zero.build(), "corrupt", "no length");
    let many = header(i32::MAX, 40, 90).add(LINKED, 3, (0..90).fold(bytes().u16(0), |b, _| b.u16(4)));
    expect(many.add(LINKED, 4, bytes().raw(&[0; 40])).build(), "corrupt", "overlap");
}

#[test]
fn chunked_elements() {
    let sound = || special(chunked(&[4, 6], &[2, 3], 6));
    expect(special(chunked(&[4, 6], &[0, 3], 0)).build(), "corrupt", "chunk shape");
    expect(special(chunked(&[4, 6], &[2, 3], 7)).build(), "corrupt", "chunk shape");
    expect(special(chunked(&[4, 6], &[i32::MAX, 1], i32::MAX)).build(), "limit", "chunk bytes");
    expect(special(chunked(&[4, 7], &[2, 3], 6)).build(), "corrupt", "contradicts the array shape");
    expect(special(chunked(&[24], &[6], 6)).build(), "corrupt", "contradicts the array shape");
    expect(special(chunked(&[], &[], 1)).build(), "limit", "chunk dimensions");
    expect(sound().build(), "corrupt", "chunk table is missing");
    let foreign = sound().add(VH, 2, table(1, 4, &[("x", 24, 4, 0, 1)], "t")).add(VS, 2, bytes().i32(0));
    expect(foreign.build(), "corrupt", "record layout");
    expect(chunk_table(sound(), &[(0, 0, 8)]).build(), "corrupt", "chunk 8 is missing");
    // Rows outside the array are ignored.
    assert_eq!(outcome(chunk_table(sound(), &[(5, -1, 8), (9, 9, 9)]).build()).unwrap(), [7; 24]);
    let nested = chunk_table(sound(), &[(0, 0, 8)]).add(CHUNK | SPECIAL, 8, chunked(&[4, 6], &[2, 3], 6));
    expect(nested.build(), "corrupt", "nested");
    let fields = [("origin", 24, 8, 0, 2), ("chk_tag", 23, 2, 8, 1), ("chk_ref", 23, 2, 10, 1)];
    let short = sound().add(VH, 2, table(500, 12, &fields, "t")).add(VS, 2, bytes().raw(&[0; 12]));
    expect(short.build(), "corrupt", "shorter");
    let long = sound().add(VH, 2, table(70_000, 12, &fields, "t")).add(VS, 2, bytes().raw(&[0; 12]));
    expect(long.build(), "limit", "rows of the chunk table");
}

#[test]
fn external_elements() {
    let content = |name: &str| {
        special(bytes().u16(2).i32(24).i32(2).i32(name.len() as i32).raw(name.as_bytes())).build()
    };
    expect(content("values.dat"), "unsupported", "name its folder");
    let root = std::env::temp_dir().join(format!("hdf4-external-{}", std::process::id()));
    let base = root.join("inside");
    std::fs::create_dir_all(&base).unwrap();
    std::fs::write(base.join("values.dat"), [5; 20]).unwrap();
    std::fs::write(root.join("secret.dat"), [6; 40]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.join("secret.dat"), base.join("link.dat")).unwrap();
    let read = |name: &str| {
        let source = Arc::new(hdf4::source::Memory::new(content(name)));
        let file = OpenOptions::new().external_base(&base).from_source(source)?;
        let dataset = &file.datasets()[0];
        file.read::<u8>(dataset, &Window::whole(dataset))
    };
    assert_eq!(read("values.dat").unwrap(), [[5; 18].as_slice(), &[129; 6]].concat());
    let absolute = root.join("secret.dat");
    let escapes =
        ["../secret.dat", "a/../../secret.dat", absolute.to_str().unwrap(), "", "c:\\x", "..\\secret.dat"];
    for name in escapes {
        assert_eq!(kind(&read(name).unwrap_err()), "unsupported", "{name}");
    }
    #[cfg(unix)]
    assert_eq!(kind(&read("link.dat").unwrap_err()), "unsupported");
    assert_eq!(kind(&read("absent.dat").unwrap_err()), "io");
    std::fs::remove_dir_all(&root).unwrap();
}

#[test]
fn groups_and_tables() {
    let file = |tag, content: Bytes| Builder::default().add(tag, 1, content);
    expect(file(VG, bytes().u16(500).u16(1)).build(), "corrupt", "vgroup");
    expect(file(VH, bytes().u16(0).i32(-1)).build(), "corrupt", "vdata header");
    expect(file(VH, bytes().u16(0).i32(1).u16(4).u16(60_000)).build(), "corrupt", "vdata header");
    expect(file(VG | SPECIAL, bytes().u16(1)).build(), "corrupt", "special element");
    // A group that contains itself opens.
    let cycle = bytes().u16(1).u16(VG).u16(1).text("a").text("b");
    assert_eq!(file(VG, cycle).open().unwrap().vgroups().len(), 1);
    let read = |records, size, fields: &[_], rows: usize| {
        let file = file(VH, table(records, size, fields, "t"))
            .add(VS, 1, bytes().raw(&vec![0; rows]))
            .open()
            .unwrap();
        file.read_table(&file.vdatas()[0]).map(|t| t.len())
    };
    assert_eq!(read(2, 4, &[("a", 24, 4, 0, 1)], 8).unwrap(), 2);
    assert_eq!(kind(&read(2, 4, &[("a", 24, 4, 0, 1)], 7).unwrap_err()), "corrupt");
    assert_eq!(kind(&read(2, 4, &[("a", 24, 4, 1, 1)], 8).unwrap_err()), "corrupt");
    assert_eq!(kind(&read(2, 4, &[("a", 24, 4, 0, 1), ("b", 24, 4, 0, 1)], 8).unwrap_err()), "corrupt");
    assert_eq!(kind(&read(2, 4, &[("a", 99, 4, 0, 1)], 8).unwrap_err()), "unsupported");
    assert_eq!(kind(&read(i32::MAX, u16::MAX, &[], 8).unwrap_err()), "corrupt");
    assert_eq!(read(i32::MAX, 0, &[], 8).unwrap(), 0);
}

#[test]
fn wrong_calls() {
    let file = image(SD, bytes().raw(&[0; 24])).open().unwrap();
    let other = image(SD, bytes().raw(&[0; 24])).open().unwrap();
    let dataset = &file.datasets()[0];
    let usage = |r: Result<Vec<u8>, Error>| assert_eq!(kind(&r.unwrap_err()), "usage");
    usage(file.read(dataset, &Window::rows_cols(0, 0, 5, 1)));
    usage(file.read(dataset, &Window::rows_cols(u64::MAX, 0, 2, 1)));
    usage(file.read(dataset, &Window { start: vec![0], count: vec![1] }));
    usage(other.read(dataset, &Window::whole(dataset)));
    usage(file.read::<f32>(dataset, &Window::whole(dataset)).map(|_| Vec::new()));
    usage(file.read_into(dataset, &Window::whole(dataset), &mut [0u8; 23]).map(|_| Vec::new()));
    assert_eq!(kind(&file.dataset("absent").unwrap_err()), "not found");
    assert_eq!(kind(&file.vdata("absent").unwrap_err()), "not found");
}
