//! Run-length coding: literal stretches and runs of one byte.
#![forbid(unsafe_code)]

use super::{Fault, TOO_SHORT};

/// Fills `out` with the decoded bytes after the first `skip`.
pub(super) fn decode(input: &[u8], mut skip: u64, out: &mut [u8]) -> Result<(), Fault> {
    let (mut rest, mut at) = (input, 0usize);
    while at < out.len() {
        let (&control, tail) = rest.split_first().ok_or(TOO_SHORT)?;
        let (n, literal) = if control & 0x80 != 0 {
            (usize::from(control & 0x7F) + 3, false)
        } else {
            (usize::from(control) + 1, true)
        };
        let (source, tail) = tail.split_at_checked(if literal { n } else { 1 }).ok_or(TOO_SHORT)?;
        rest = tail;
        // A run is at most 130 bytes, so the dropped part fits.
        let dropped = skip.min(n as u64) as usize;
        skip -= dropped as u64;
        let n = (n - dropped).min(out.len() - at);
        let target = &mut out[at..at + n];
        if literal {
            target.copy_from_slice(&source[dropped..dropped + n]);
        } else {
            target.fill(source[0]);
        }
        at += n;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn runs_and_literals() {
        let stream = [0x02, 1, 2, 3, 0x81, 9];
        let mut out = [0; 7];
        decode(&stream, 0, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 9, 9, 9, 9]);
        let mut tail = [0; 3];
        decode(&stream, 2, &mut tail).unwrap();
        assert_eq!(tail, [3, 9, 9]);
        assert!(decode(&stream, 5, &mut tail).is_err());
    }
}
