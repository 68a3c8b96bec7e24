//! Cut, damaged and foreign files of kept chunks.
use super::*;
use std::fs;

const VALUES: usize = 100;

fn chunk(variable: usize, time: usize) -> EncodedChunk {
    let key = ChunkKey { variable, time, row: 2, column: 3 };
    let bytes = (0..40 + 7 * time).map(|i| (i * 31 + variable + time) as u8).collect();
    EncodedChunk { key, bytes, valid: 5 + time as u64 }
}

/// Two chunks and a record for each of three time steps, and a chunk that has no checkpoint yet; what was kept when
/// each checkpoint was there, and where frames end.
fn write(path: &Path) -> (Vec<u64>, Vec<u64>) {
    let mut kept = KeptChunks::create(path, "key").unwrap();
    let (mut checkpoints, mut ends) = (Vec::new(), vec![kept.written.bytes]);
    for time in 0..3 {
        for variable in 0..2 {
            kept.append(&chunk(variable, time)).unwrap();
            ends.push(kept.written.bytes);
        }
        kept.checkpoint(&format!("record\n{time}")).unwrap();
        ends.push(kept.written.bytes);
        checkpoints.push(kept.written.bytes);
    }
    kept.append(&chunk(0, 3)).unwrap();
    ends.push(kept.written.bytes);
    (checkpoints, ends)
}

/// Number of whole checkpoints, after making sure that chunks and records are those before them.
fn check(path: &Path) -> usize {
    let Some(kept) = KeptChunks::open(path, "key", VALUES).unwrap() else { return 0 };
    let count = kept.records().len();
    assert!((1..=3).contains(&count));
    let records: Vec<String> = (0..count).map(|time| format!("record\n{time}")).collect();
    assert_eq!(kept.records(), records);
    let mut chunks = Vec::new();
    kept.replay(VALUES, |chunk| {
        chunks.push(chunk);
        Ok(())
    })
    .unwrap();
    let expected: Vec<EncodedChunk> = (0..count).flat_map(|t| [chunk(0, t), chunk(1, t)]).collect();
    assert_eq!(chunks, expected);
    count
}

#[test]
fn every_cut_leaves_whole_checkpoints_that_can_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (path, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let (checkpoints, ends) = write(&path);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(ends.last(), Some(&(bytes.len() as u64)));
    for cut in 0..=bytes.len() {
        // Cut off, or followed by the zeros of a file whose length came to the disk first.
        for zeros in [0, 50] {
            let mut left = bytes[..cut].to_vec();
            left.resize(cut + zeros, 0);
            fs::write(&torn, &left).unwrap();
            let count = checkpoints.iter().filter(|&&end| end <= cut as u64).count();
            assert_eq!(check(&torn), count, "cut at {cut}, {zeros} zeros");
            let kept = KeptChunks::open(&torn, "key", VALUES).unwrap();
            let mut kept = kept.unwrap_or_else(|| KeptChunks::create(&torn, "key").unwrap());
            kept.replay(VALUES, |_| Ok(())).unwrap();
            for time in count..3 {
                (0..2).for_each(|variable| kept.append(&chunk(variable, time)).unwrap());
                kept.checkpoint(&format!("record\n{time}")).unwrap();
            }
            drop(kept);
            assert_eq!(check(&torn), 3, "cut at {cut}, {zeros} zeros");
            assert!(fs::read(&torn).unwrap() == bytes[..*checkpoints.last().unwrap() as usize]);
        }
    }
}

#[test]
fn damage_ends_the_file_and_lengths_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole");
    let (checkpoints, ends) = write(&path);
    let bytes = fs::read(&path).unwrap();
    for at in MAGIC.len()..bytes.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= bits;
            fs::write(&path, &damaged).unwrap();
            let count = checkpoints.iter().filter(|&&end| end <= at as u64).count();
            assert_eq!(check(&path), count, "byte {at} ^ {bits}");
        }
    }
    // Lengths of 4 GiB, of each kind, where each frame begins; so large a buffer would not go unnoticed.
    for &at in &ends[..ends.len() - 1] {
        for kind in 0..=4 {
            let mut damaged = bytes.clone();
            let at = at as usize;
            damaged[at + 4..at + 8].fill(0xff);
            damaged[at + 8] = kind;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(check(&path), checkpoints.iter().filter(|&&end| end <= at as u64).count());
        }
    }
}

#[test]
fn chunks_larger_than_chunks_can_be_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    let mut kept = KeptChunks::create(&path, "key").unwrap();
    let bytes = vec![7; 8 * VALUES + CHUNK_MARGIN_BYTES + 1];
    kept.append(&EncodedChunk { bytes, ..chunk(0, 0) }).unwrap();
    kept.checkpoint("record\n0").unwrap();
    assert!(KeptChunks::open(&path, "key", VALUES).unwrap().is_none());
    assert!(KeptChunks::open(&path, "key", 2 * VALUES).unwrap().is_some());
}

#[test]
fn frames_count_only_where_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole");
    let (_, ends) = write(&path);
    let bytes = fs::read(&path).unwrap();
    // The first time step once more, whole, behind the second checkpoint.
    let (begin, first, second) = (ends[0] as usize, ends[3] as usize, ends[6] as usize);
    fs::write(&path, [&bytes[..second], &bytes[begin..first], &bytes[second..]].concat()).unwrap();
    assert_eq!(check(&path), 2);
}

#[test]
fn another_key_is_begun_anew_and_another_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    assert!(KeptChunks::open(&path, "key", VALUES).unwrap().is_none());
    write(&path);
    assert!(KeptChunks::open(&path, "other", VALUES).unwrap().is_none());
    assert_eq!(check(&path), 3);
    let begun = KeptChunks::create(&path, "other").unwrap();
    assert!(begun.records().is_empty());
    assert_eq!(check(&path), 0);
    for precious in [b"thesis".as_slice(), b"aster-timeseries checkpoints 2\n...", b"a"] {
        fs::write(&path, precious).unwrap();
        let is_ours = precious == b"a";
        let opened = KeptChunks::open(&path, "key", VALUES).map(|found| assert!(found.is_none()));
        assert_eq!(opened.map_err(|e| e.code()).err(), (!is_ours).then_some(ErrorCode::OutputExists));
        let created = KeptChunks::create(&path, "key").map(drop).map_err(|e| e.code()).err();
        assert_eq!(created, (!is_ours).then_some(ErrorCode::OutputExists));
        assert_eq!(fs::read(&path).unwrap() == precious, !is_ours);
    }
}

#[test]
fn rewound_chunks_stay_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    write(&path);
    let mut kept = KeptChunks::open(&path, "key", VALUES).unwrap().unwrap();
    kept.append(&chunk(1, 3)).unwrap();
    kept.rewind(3).unwrap();
    assert_eq!(kept.rewind(2).unwrap_err().code(), ErrorCode::Internal);
    kept.checkpoint("another").unwrap();
    let again = KeptChunks::open(&path, "key", VALUES).unwrap().unwrap();
    assert_eq!(again.records()[3], "another");
    let mut times = Vec::new();
    again
        .replay(VALUES, |chunk| {
            times.push(chunk.key.time);
            Ok(())
        })
        .unwrap();
    assert_eq!(times, [0, 0, 1, 1, 2, 2]);
    drop(again);
    kept.rewind(0).unwrap();
    assert!(kept.records().is_empty());
    kept.append(&chunk(0, 0)).unwrap();
    kept.append(&chunk(1, 0)).unwrap();
    kept.checkpoint("record\n0").unwrap();
    assert_eq!(check(&path), 1);
}
