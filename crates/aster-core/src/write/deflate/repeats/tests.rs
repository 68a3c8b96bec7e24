//! Streams of whole values through inflaters that share no code: few values, many, all the same, none.
#![allow(clippy::print_stderr)]
use super::super::{Deflater, Wrapper};
use super::bound;
use crate::cube::sink::{CODES, Coded};
use flate2::read::{GzDecoder, ZlibDecoder};
use libdeflater::Decompressor;
use proptest::prelude::*;
use std::collections::HashMap;
use std::io::Read;

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| if v.is_nan() { f32::NAN } else { *v }.to_le_bytes()).collect()
}

/// Round trip through two inflaters, in both wrappers; returns the length of the zlib stream.
fn kept(values: &[f32], row: usize) -> usize {
    let plain = bytes_of(values);
    let deflater = Deflater::new(1);
    let zlib = deflater.zlib_values(values, row).unwrap();
    let gzip = deflater.gzip_values(values, row).unwrap();
    let mut out = vec![1; plain.len()];
    assert_eq!(Decompressor::new().zlib_decompress(&zlib, &mut out).unwrap(), plain.len());
    assert!(out == plain, "{} values in rows of {row}", values.len());
    out.fill(1);
    assert_eq!(Decompressor::new().gzip_decompress(&gzip, &mut out).unwrap(), plain.len());
    assert!(out == plain, "{} values in rows of {row}", values.len());
    let mut again = Vec::new();
    ZlibDecoder::new(zlib.as_slice()).read_to_end(&mut again).unwrap();
    assert!(again == plain);
    again.clear();
    GzDecoder::new(gzip.as_slice()).read_to_end(&mut again).unwrap();
    assert!(again == plain);
    assert!(zlib.len() <= bound(plain.len()) + 6, "{} of {}", zlib.len(), plain.len());
    assert_eq!(gzip.len(), zlib.len() + 12);
    kept_coded(values, row, &plain);
    zlib.len()
}

/// The same of codes, where so many are enough.
fn kept_coded(values: &[f32], row: usize, plain: &[u8]) {
    let mut table = Box::new([f32::NAN; CODES]);
    let mut seen = HashMap::new();
    let mut codes = Vec::with_capacity(values.len());
    for &bytes in plain.as_chunks::<4>().0 {
        let next = seen.len();
        let code = *seen.entry(bytes).or_insert(next);
        let Some(value) = table.get_mut(code) else { return };
        *value = f32::from_le_bytes(bytes);
        codes.push(code as u16);
    }
    let coded = Coded { codes: &codes, table: &table };
    let deflater = Deflater::new(1);
    let (zlib, valid) = deflater.zlib_coded(coded, row).unwrap();
    assert_eq!(valid, values.iter().filter(|v| !v.is_nan()).count() as u64);
    let mut out = vec![1; plain.len()];
    assert_eq!(Decompressor::new().zlib_decompress(&zlib, &mut out).unwrap(), plain.len());
    assert!(out == plain, "{} codes in rows of {row}", codes.len());
    let (gzip, again) = deflater.gzip_coded(coded, row).unwrap();
    out.fill(1);
    assert_eq!(Decompressor::new().gzip_decompress(&gzip, &mut out).unwrap(), plain.len());
    assert!(out == plain && again == valid);
    assert!(zlib.len() <= bound(plain.len()) + 6, "{} of {}", zlib.len(), plain.len());
}

/// zlib's answer to the same bytes, level 4, by an implementation that is not ours.
fn zlib_4(bytes: &[u8]) -> usize {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(4));
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap().len()
}

/// A small generator: the same numbers everywhere.
fn numbers(seed: u64) -> impl Iterator<Item = u32> {
    let mut x = seed | 1;
    std::iter::repeat_with(move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u32
    })
}

/// A vegetation index of 8-bit bands: some thousand different values.
fn index_like(side: usize) -> Vec<f32> {
    let mut rough = numbers(7);
    (0..side * side)
        .map(|i| {
            let (x, y) = ((i % side) as f32, (i / side) as f32);
            let mut below = |n: u32| (rough.next().unwrap_or_default() % n) as f32;
            let red = (40.0 + 15.0 * (x / 40.0).sin() + below(24)).floor();
            let near = (90.0 + 30.0 * (y / 55.0).cos() + below(32)).floor();
            (near - red) / (near + red)
        })
        .collect()
}

fn noise(length: usize) -> Vec<f32> {
    numbers(3).map(f32::from_bits).take(length).collect()
}

#[test]
fn an_index_of_8_bit_bands_is_smaller_than_shuffled() {
    let values = index_like(512);
    let shuffled: Vec<u8> =
        (0..4).flat_map(|plane| values.iter().map(move |v| v.to_le_bytes()[plane])).collect();
    let (whole, plain, planes) = (kept(&values, 512), zlib_4(&bytes_of(&values)), zlib_4(&shuffled));
    assert!(whole as f64 <= 1.06 * plain as f64, "{whole}, zlib {plain}");
    assert!(whole as f64 <= 0.8 * planes as f64, "{whole}, shuffled {planes}");
}

#[test]
fn coarse_pixels_on_a_fine_grid_cost_little() {
    // 6 x 6 pixels each, as 90 m on 15 m.
    let coarse: Vec<f32> = numbers(5).map(|n| (n % 300) as f32 * 0.0068).take(86 * 86).collect();
    let fine: Vec<f32> = (0..512 * 512).map(|i| coarse[i / 512 / 6 * 86 + i % 512 / 6]).collect();
    let length = kept(&fine, 512);
    assert!(length as f64 <= 1.12 * zlib_4(&bytes_of(&fine)) as f64, "{length}");
}

#[test]
fn fill_costs_next_to_nothing() {
    let length = kept(&[f32::NAN; 512 * 512], 512);
    assert!(length < 4 * 512 * 512 / 250, "{length}");
    let mut values = index_like(256);
    for (i, v) in values.iter_mut().enumerate() {
        if i % 256 + i / 1024 < 200 {
            *v = f32::from_bits(0xffc0_0000 + i as u32 % 9);
        }
    }
    let length = kept(&values, 256);
    assert!(length as f64 <= 1.08 * zlib_4(&bytes_of(&values)) as f64, "{length}");
}

#[test]
fn values_that_do_not_repeat_cost_a_thousandth_at_most() {
    for length in [1, 2, 3, 4095, 16_384, 16_385, 100_000] {
        let stream = kept(&noise(length), 512);
        assert!(stream <= 4 * length + length / 250 + 16, "{stream} of {length} values");
    }
    // Bytes that a code makes shorter although no value comes twice.
    let counting: Vec<f32> = (0..200_000u32).map(|i| f32::from_bits(0x3f80_0000 + i)).collect();
    assert!(kept(&counting, 512) < 3 * counting.len());
}

#[test]
fn a_chunk_may_change_its_mind() {
    // Block by block: few values, noise, the same noise again within the window, fill.
    let mut values = index_like(200);
    values.extend(noise(40_000));
    let again = values[values.len() - 8192..].to_vec();
    values.extend(again);
    values.extend([f32::NAN; 20_000]);
    values.extend(index_like(150));
    kept(&values, 200);
}

#[test]
fn lengths_about_blocks_windows_and_matches() {
    for around in [0_usize, 64, 128, 8192, 16_384, 32_768, 65_536] {
        for length in around..around + 4 {
            for length in [length, around.saturating_sub(length - around)] {
                kept(&vec![0.0; length], 16);
                kept(&index_like(260)[..length], 260);
            }
        }
    }
    // Periods at, below and beyond the window, and the wrap of 16-bit places.
    for period in [1, 2, 63, 64, 65, 8191, 8192, 8193, 65_535, 65_536, 65_537] {
        let values: Vec<f32> = noise(period).into_iter().cycle().take(140_000).collect();
        let length = kept(&values, 100);
        assert_eq!(length < 4 * values.len() / 3, period <= 8192, "{length} at {period}");
        let sawtooth: Vec<f32> = (0..70_000).map(|i| (i % period) as f32).collect();
        kept(&sawtooth, period);
    }
}

#[test]
fn rows_of_any_length_and_values_of_any_kind() {
    let special = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE, 1e-45, f32::MAX];
    let values: Vec<f32> = numbers(11).map(|n| special[n as usize % 8]).take(50_001).collect();
    for row in [0, 1, 2, 3, 100, 8192, 8193, 50_001, usize::MAX] {
        kept(&values, row);
        kept(&[], row);
        kept(&[f32::NAN], row);
        kept(&index_like(100), row);
    }
}

#[test]
fn levels_are_taken_and_work_space_leaves_no_trace() {
    let (large, small) = (index_like(200), noise(999));
    for level in 0..=9 {
        let deflater = Deflater::new(level);
        let first = deflater.zlib_values(&small, 3).unwrap();
        for wrapper in [Wrapper::Zlib, Wrapper::Gzip] {
            let stream = deflater.repeats(&large, 200, wrapper).unwrap();
            let mut out = vec![0; 4 * large.len()];
            let inflated = match wrapper {
                Wrapper::Zlib => Decompressor::new().zlib_decompress(&stream, &mut out),
                Wrapper::Gzip => Decompressor::new().gzip_decompress(&stream, &mut out),
            };
            assert_eq!(inflated, Ok(out.len()));
            assert!(out == bytes_of(&large));
            assert_eq!(Deflater::new(level).repeats(&large, 200, wrapper).unwrap(), stream);
            // Planes use the same buffers.
            deflater.zlib_f32(&large, 200).unwrap();
        }
        assert_eq!(deflater.zlib_values(&small, 3).unwrap(), first);
    }
    assert_eq!(
        Deflater::new(13).zlib_values(&large, 200).unwrap_err().code(),
        crate::error::ErrorCode::Usage
    );
}

#[test]
fn zlib_itself_reads_the_streams() {
    let script = "import sys, zlib\nfor name in sys.argv[1:]:\n    d = zlib.decompressobj(wbits=47)\n    \
        plain = d.decompress(open(name, 'rb').read())\n    \
        assert d.eof and not d.unused_data and plain == open(name + '.plain', 'rb').read(), name";
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (name, values, row) in [
        ("index", index_like(300), 300),
        ("none", Vec::new(), 0),
        ("one", vec![1.0], 1),
        ("fill", vec![f32::NAN; 30_000], 100),
        ("noise", noise(30_000), 100),
    ] {
        for (wrapper, suffix) in [(Wrapper::Zlib, "-zlib"), (Wrapper::Gzip, "-gzip")] {
            let path = folder.path().join(format!("{name}{suffix}"));
            std::fs::write(&path, Deflater::new(1).repeats(&values, row, wrapper).unwrap()).unwrap();
            std::fs::write(path.with_extension("plain"), bytes_of(&values)).unwrap();
            names.push(path);
        }
    }
    match std::process::Command::new("python3").arg("-c").arg(script).args(names).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped: python3 is not installed"),
    }
}

/// Pieces of rasters: runs, values out of few, out of many, copies of the row above.
fn raster() -> impl Strategy<Value = (Vec<f32>, usize)> {
    let piece = (0u8..5, 1usize..900, 1u32..2000, any::<u64>());
    (proptest::collection::vec(piece, 0..60), 0usize..600).prop_map(|(pieces, row)| {
        let mut values: Vec<f32> = Vec::new();
        for (kind, length, different, seed) in pieces {
            for random in numbers(seed).take(length) {
                let above = values.len().checked_sub(row.max(1)).map_or(1.0, |i| values[i]);
                values.push(match kind {
                    0 => different as f32,
                    1 => f32::from_bits(random),
                    2 => (random % different) as f32 / 255.0,
                    3 => above,
                    _ => (values.len() as u32 % different) as f32,
                });
            }
        }
        (values, row)
    })
}

proptest! {
    #[test]
    fn every_raster_comes_back((values, row) in raster()) {
        kept(&values, row);
    }

    #[test]
    fn every_few_values_come_back(
        bits in proptest::collection::vec(any::<u32>(), 1..40),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..20_000),
        row in 0usize..9000,
    ) {
        let values: Vec<f32> = picks.iter().map(|i| f32::from_bits(bits[i.index(bits.len())])).collect();
        kept(&values, row);
    }
}
