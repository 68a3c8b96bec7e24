//! Writes the bits of a deflate stream: least significant bit first, 64 bits at a time.

/// A code and its length, for [`BitWriter`]: the length in the low 8 bits, the code above it, first bit lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Code(u32);

impl Code {
    /// `length` from 0 to 16, and no bits beyond it.
    pub(super) fn new(bits: u16, length: u8) -> Self {
        Self(u32::from(bits) << 8 | u32::from(length))
    }

    pub(super) fn length(self) -> u32 {
        self.0 & 0xff
    }

    pub(super) fn bits(self) -> u64 {
        u64::from(self.0 >> 8)
    }
}

/// Codes of the 256 bytes, in the forms that joining four of them needs.
pub(super) struct LiteralCodes {
    /// Code above, length in the low 8 bits.
    whole: [u64; 256],
    /// Code above, nothing below.
    bits: [u64; 256],
    lengths: [u64; 256],
}

impl LiteralCodes {
    /// Longest code: 7 bits may wait in the writer, four more codes and a byte for their length have to fit.
    pub(super) const MAX_BITS: usize = 14;

    pub(super) fn new(codes: &[Code]) -> Self {
        let mut all = Self { whole: [0; 256], bits: [0; 256], lengths: [0; 256] };
        for (i, code) in codes.iter().take(256).enumerate() {
            all.whole[i] = u64::from(code.0);
            all.bits[i] = u64::from(code.0 & !0xff);
            all.lengths[i] = u64::from(code.0 & 0xff);
        }
        all
    }

    /// Codes of four bytes, joined: bits and their number, at most 56.
    #[inline]
    pub(super) fn quad(&self, bytes: [u8; 4]) -> (u64, u32) {
        let Self { whole, bits, lengths } = self;
        let [a, b, c, d] = bytes.map(usize::from);
        // The low byte is the length so far: shifts look at its low bits only.
        let mut all = whole[a];
        all = (bits[b] << (all & 63)) + lengths[b] + all;
        all = (bits[c] << (all & 63)) + lengths[c] + all;
        all = (bits[d] << (all & 63)) + lengths[d] + all;
        (all >> 8, (all & 0xff) as u32)
    }
}

/// Bits into a buffer whose length the caller worked out beforehand.
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    /// Whole bytes written.
    at: usize,
    /// Bits that wait, fewer than 8 of them between calls.
    bits: u64,
    count: u32,
    /// The buffer was too short: a fault of the caller's bound, never of the data.
    overflow: bool,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0, bits: 0, count: 0, overflow: false }
    }

    /// Appends the low `count` bits of `bits`; at most 56, and none above them.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.count;
        self.count += count;
        self.flush();
    }

    #[inline]
    pub(super) fn code(&mut self, code: Code) {
        self.put(code.bits(), code.length());
    }

    /// Appends the code of each byte.
    pub(super) fn literals(&mut self, bytes: &[u8], codes: &LiteralCodes) {
        let (quads, rest) = bytes.as_chunks::<4>();
        for &quad in quads {
            let (bits, count) = codes.quad(quad);
            self.put(bits, count);
        }
        for &byte in rest {
            let code = codes.whole[usize::from(byte)];
            self.put(code >> 8, (code & 0xff) as u32);
        }
    }

    /// Appends all items as [`Self::put`] does one, faster: all that changes stays in registers.
    #[inline]
    pub(super) fn put_all(&mut self, items: impl Iterator<Item = (u64, u32)>) {
        let Some(mut rest) = self.out.get_mut(self.at..) else {
            self.overflow = true;
            return;
        };
        let whole = rest.len();
        let (mut bits, mut count) = (self.bits, self.count);
        for (more, length) in items {
            bits |= more << (count & 63);
            count += length;
            let Some(place) = rest.first_chunk_mut::<8>() else {
                self.overflow = true;
                break;
            };
            *place = bits.to_le_bytes();
            rest = &mut rest[(count >> 3 & 7) as usize..];
            bits >>= count & 0x38;
            count &= 7;
        }
        self.at += whole - rest.len();
        (self.bits, self.count) = (bits, count);
    }

    /// Bits appended so far.
    pub(super) fn bits_written(&self) -> usize {
        8 * self.at + self.count as usize
    }

    /// Fills up the byte that was begun, with zeros.
    pub(super) fn align(&mut self) {
        if self.count > 0 {
            self.count = 8;
            self.flush();
        }
    }

    /// Appends whole bytes; the writer has to be aligned.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.count, 0);
        match self.out.get_mut(self.at..self.at + bytes.len()) {
            Some(place) => place.copy_from_slice(bytes),
            None => self.overflow = true,
        }
        self.at += bytes.len();
    }

    /// Bytes written, the last one filled up; None when the buffer was too short.
    pub(super) fn finish(mut self) -> Option<usize> {
        self.align();
        (!self.overflow).then_some(self.at)
    }

    #[inline]
    fn flush(&mut self) {
        // Eight bytes are stored however many are complete; the next store covers the rest.
        match self.out.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<8>()) {
            Some(place) => *place = self.bits.to_le_bytes(),
            None => self.overflow = true,
        }
        self.at += (self.count >> 3) as usize;
        self.bits >>= self.count & 0x38;
        self.count &= 7;
    }
}
