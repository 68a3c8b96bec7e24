//! Streams of the encoder through two inflaters that share no code, on data made to break it.
#![allow(clippy::print_stderr)]

use super::*;
use flate2::bufread::ZlibDecoder;
use libdeflater::Decompressor;
use proptest::prelude::*;
use std::io::Read;

/// What both inflaters make of a stream.
fn inflate(stream: &[u8], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    assert_eq!(Decompressor::new().zlib_decompress(stream, &mut out).unwrap(), length);
    let mut again = Vec::new();
    let mut decoder = ZlibDecoder::new(stream);
    decoder.read_to_end(&mut again).unwrap();
    assert_eq!(decoder.total_in(), stream.len() as u64);
    assert!(again == out, "two inflaters disagree");
    out
}

/// Round trip of planes; returns the length of the stream.
fn kept(planes: &[u8], elements: usize, row: usize) -> usize {
    let stream = Deflater::new(1).zlib(planes, elements, row).unwrap();
    assert!(inflate(&stream, planes.len()) == planes, "{} bytes in rows of {row}", planes.len());
    let count = planes.len().div_ceil(elements.max(1));
    assert!(stream.len() <= block::bound(planes.len(), count) + 6, "{}", stream.len());
    stream.len()
}

/// zlib's answer, level 4, by an implementation that is not ours.
fn zlib_4(planes: &[u8]) -> usize {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(4));
    std::io::Write::write_all(&mut encoder, planes).unwrap();
    encoder.finish().unwrap().len()
}

/// A small generator, so that noise is the same everywhere.
fn noise(length: usize) -> Vec<u8> {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    (0..length)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 32) as u8
        })
        .collect()
}

/// A surface like a vegetation index of 8-bit bands: ratios of integers, smooth and rough at once.
fn index_like(side: usize) -> Vec<f32> {
    let rough = noise(2 * side * side);
    (0..side * side)
        .map(|i| {
            let (x, y) = ((i % side) as f32, (i / side) as f32);
            let red = (40.0 + 15.0 * (x / 40.0).sin() + f32::from(rough[2 * i] % 24)).floor();
            let near = (90.0 + 30.0 * (y / 55.0).cos() + f32::from(rough[2 * i + 1] % 32)).floor();
            (near - red) / (near + red)
        })
        .collect()
}

fn shuffled(values: &[f32]) -> Vec<u8> {
    (0..4).flat_map(|plane| values.iter().map(move |v| v.to_le_bytes()[plane])).collect()
}

#[test]
fn noise_is_stored_and_the_rest_is_coded() {
    let plane = 200_000;
    let mut planes = noise(2 * plane);
    planes.extend(std::iter::repeat_n(7, 2 * plane));
    let stream = Deflater::new(1).zlib(&planes, plane, 400).unwrap();
    assert!(stream.len() < 2 * plane + 700, "{}", stream.len());
    assert_eq!(stream[2..7], [0, 0xff, 0xff, 0, 0]);
    assert!(inflate(&stream, planes.len()) == planes);
}

#[test]
fn repeated_rows_of_noise_are_not_stored() {
    let row = noise(512);
    let planes: Vec<u8> = std::iter::repeat_n(row, 400).flatten().collect();
    assert!(kept(&planes, planes.len() / 4, 512) < planes.len() / 80);
}

#[test]
fn blocks_of_a_coarse_band_cost_what_one_of_their_pixels_costs() {
    // 6 x 6 pixels each, as 90 m on 15 m.
    let coarse = noise(86 * 86);
    let fine: Vec<u8> = (0..512 * 512).map(|i| coarse[i / 512 / 6 * 86 + i % 512 / 6]).collect();
    let length = kept(&fine, fine.len(), 512);
    assert!(length < 2 * coarse.len(), "{length}");
    assert!(length < zlib_4(&fine), "{length}");
}

#[test]
fn smooth_relief_goes_to_the_search() {
    let wave =
        |i: usize| 120.0 + 70.0 * ((i % 512) as f32 / 60.0).sin() + 50.0 * ((i / 512) as f32 / 45.0).cos();
    let relief: Vec<u8> = (0..512 * 512).map(|i| wave(i) as u8).collect();
    let length = kept(&relief, relief.len(), 512);
    assert!(length as f64 <= 1.03 * zlib_4(&relief) as f64, "{length}");
    // And after planes of our own, behind an empty stored block.
    let mut planes = noise(relief.len());
    planes.extend_from_slice(&relief);
    kept(&planes, relief.len(), 512);
}

#[test]
fn an_index_is_as_small_as_with_zlib_4() {
    let mut values = index_like(512);
    let whole = kept(&shuffled(&values), values.len(), 512);
    assert!(whole as f64 <= 1.03 * zlib_4(&shuffled(&values)) as f64, "{whole}");
    // A slanted border of fill, and clouds.
    for (i, v) in values.iter_mut().enumerate() {
        let (x, y) = (i % 512, i / 512);
        if x + y / 4 < 200 || (x * y) % 977 < 30 {
            *v = f32::NAN;
        }
    }
    let length = kept(&shuffled(&values), values.len(), 512);
    assert!(length as f64 <= 1.03 * zlib_4(&shuffled(&values)) as f64, "{length}");
    // Ten bits of the mantissa.
    for v in &mut values {
        *v = f32::from_bits(v.to_bits() & 0xffff_e000);
    }
    let length = kept(&shuffled(&values), values.len(), 512);
    assert!(length as f64 <= 1.03 * zlib_4(&shuffled(&values)) as f64, "{length}");
}

#[test]
fn floats_are_shuffled_and_their_missing_values_have_one_form() {
    let mut values = index_like(64);
    values[5] = f32::from_bits(0xffc1_2345);
    values[77] = f32::INFINITY;
    values[78] = -0.0;
    let stream = Deflater::new(1).zlib_f32(&values, 64).unwrap();
    values[5] = f32::NAN;
    assert!(inflate(&stream, 4 * values.len()) == shuffled(&values));
}

#[test]
fn extremes() {
    for row in [0, 1, 2, 3, 100, 32_768, 40_000] {
        kept(&[], 0, row);
        kept(&[7], 1, row);
        kept(&[7; 3], 3, row);
        kept(&[7; 300_000], 300_000, row);
        kept(&noise(100_000), 25_000, row);
        kept(&noise(100_001), 25_000, row);
        let alternating: Vec<u8> = (0..70_000).map(|i| (i % 2) as u8 * 255).collect();
        kept(&alternating, 35_000, row);
        let three: Vec<u8> = noise(90_000).into_iter().map(|b| b % 3).collect();
        kept(&three, 30_000, row);
    }
    assert!(kept(&[7; 300_000], 300_000, 512) < 400);
    let nan = Deflater::new(1).zlib_f32(&[f32::NAN; 262_144], 512).unwrap();
    assert!(nan.len() < 1200, "{}", nan.len());
}

#[test]
fn lengths_about_blocks_segments_and_matches() {
    for around in [258, 516, 8 * 1024, 16 * 1024, 65_535, 2 * 65_535] {
        for length in around - 3..around + 4 {
            kept(&vec![3; length], length, 512);
            kept(&noise(length), length, 512);
            // A run of this length between noise, and one that begins a little before a segment ends.
            let mut planes = noise(8 * 1024 - 5);
            planes.extend(std::iter::repeat_n(9, length));
            planes.extend(noise(300));
            kept(&planes, planes.len(), 512);
        }
    }
    let runs: Vec<u8> = (1..600).flat_map(|n| std::iter::repeat_n(n as u8, n)).collect();
    kept(&runs, runs.len(), 0);
}

#[test]
fn counts_like_fibonacci_keep_the_limit() {
    // Huffman's own tree of these counts has one leaf at each depth, down to 24.
    let (mut a, mut b) = (1usize, 1usize);
    let mut planes = Vec::new();
    for byte in 0..24u8 {
        planes.extend(std::iter::repeat_n(byte, a));
        (a, b) = (b, a + b);
    }
    // Spread, so that no runs are left.
    let n = planes.len();
    let spread: Vec<u8> = (0..n).map(|i| planes[i * 75_011 % n]).collect();
    kept(&spread, n, 0);
}

#[test]
fn levels_are_taken() {
    let planes = shuffled(&index_like(128));
    for level in 0..=9 {
        let stream = Deflater::new(level).zlib(&planes, 128 * 128, 128).unwrap();
        assert!(inflate(&stream, planes.len()) == planes);
    }
    assert_eq!(
        Deflater::new(13).zlib(&planes, 128 * 128, 128).unwrap_err().code(),
        crate::error::ErrorCode::Usage
    );
}

#[test]
fn work_space_leaves_no_trace() {
    let deflater = Deflater::new(1);
    let (large, small) = (shuffled(&index_like(200)), noise(999));
    let first = deflater.zlib(&small, 333, 3).unwrap();
    let second = deflater.zlib(&large, 200 * 200, 200).unwrap();
    assert_eq!(deflater.zlib(&small, 333, 3).unwrap(), first);
    assert_eq!(Deflater::new(1).zlib(&large, 200 * 200, 200).unwrap(), second);
}

#[test]
fn zlib_itself_reads_the_streams() {
    let script = "import sys, zlib\nfor name in sys.argv[1:]:\n    d = zlib.decompressobj()\n    \
        plain = d.decompress(open(name, 'rb').read())\n    \
        assert d.eof and not d.unused_data and plain == open(name + '.plain', 'rb').read(), name";
    let folder = tempfile::tempdir().unwrap();
    let index = shuffled(&index_like(300));
    let mut names = Vec::new();
    for (name, planes, row) in
        [("index", index.as_slice(), 300), ("none", &[], 0), ("one", &[1], 1), ("fill", &[9; 100_000], 0)]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, Deflater::new(1).zlib(planes, planes.len() / 4, row).unwrap()).unwrap();
        std::fs::write(path.with_extension("plain"), planes).unwrap();
        names.push(path);
    }
    match std::process::Command::new("python3").arg("-c").arg(script).args(names).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped: python3 is not installed"),
    }
}

/// Pieces that rasters are made of: runs, noise, few values, copies of what came `row` before.
fn raster() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let piece = (0u8..5, 1usize..700, any::<u8>(), any::<u64>());
    (proptest::collection::vec(piece, 0..60), 0usize..600).prop_map(|(pieces, row)| {
        let mut bytes: Vec<u8> = Vec::new();
        for (kind, length, byte, seed) in pieces {
            let mut x = seed | 1;
            for _ in 0..length {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                let random = (x >> 32) as u8;
                let before = bytes.len().checked_sub(row.max(1)).map_or(byte, |i| bytes[i]);
                bytes.push(match kind {
                    0 => byte,
                    1 => random,
                    2 => random % 3,
                    3 => before,
                    _ => (random.leading_zeros() as u8).wrapping_add(byte),
                });
            }
        }
        (bytes, row)
    })
}

proptest! {
    #[test]
    fn every_raster_comes_back((bytes, row) in raster(), planes in 1usize..5) {
        kept(&bytes, bytes.len().div_ceil(planes), row);
    }

    #[test]
    fn every_stream_inflates(bytes in proptest::collection::vec(any::<u8>(), 0..3000), level in 1u8..=9) {
        let plane = bytes.len() / 4;
        let bytes = &bytes[..plane * 4];
        let stream = Deflater::new(level).zlib(bytes, plane, 16).unwrap();
        prop_assert_eq!(inflate(&stream, bytes.len()), bytes);
    }
}

#[test]
fn only_streams_that_were_made_are_held_for_the_next() {
    let deflater = Deflater::new(1);
    // As an interrupted output is stored again.
    (0..50).for_each(|_| deflater.take_back(vec![0; 1000]));
    let held = || deflater.spare.lock().unwrap().streams.len();
    assert_eq!(held(), 0);
    for _ in 0..3 {
        let streams: Vec<_> = (0..4).map(|_| deflater.zlib_f32(&[1.5; 600], 20).unwrap()).collect();
        assert!(streams.iter().all(|stream| *stream == streams[0]));
        streams.into_iter().for_each(|stream| deflater.take_back(stream));
        assert_eq!(held(), 4);
    }
}
