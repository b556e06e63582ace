//! The bytes under every record: variable-length integers and a cursor that never reads past its end.
//! It knows nothing of what the numbers mean.

/// Appends `n`, seven bits a byte, lowest first.
pub(super) fn put_u64(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(low_byte(n) | 0x80);
        n >>= 7;
    }
    out.push(low_byte(n));
}

/// Appends `n` so that small magnitudes of either sign are short (zigzag).
pub(super) fn put_i64(out: &mut Vec<u8>, n: i64) {
    put_u64(out, (n.cast_unsigned() << 1) ^ (n >> 63).cast_unsigned());
}

/// Appends the eight bytes of `x`.
pub(super) fn put_f64(out: &mut Vec<u8>, x: f64) {
    out.extend_from_slice(&x.to_le_bytes());
}

fn low_byte(n: u64) -> u8 {
    n.to_le_bytes()[0]
}

/// What is left to read of a record; every reading is `None` when the record is too short or not well formed.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl Cursor<'_> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.u64().map(|n| (n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*first))
    }

    /// A count that the record says and memory is reserved for; `None` above `max`.
    pub(super) fn count(&mut self, max: usize) -> Option<usize> {
        usize::try_from(self.u64()?).ok().filter(|n| *n <= max)
    }
}
