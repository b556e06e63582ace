//! How a record lies in a segment: its length (4 bytes, little-endian), its checksum (CRC-32 as of IEEE 802.3, 4 bytes,
//! little-endian), and its text. It reads and writes no file.

/// Largest record, in bytes: [`vitals_model::limits::ONWARD_MESSAGE_CHARS_MAX`] characters of four bytes, each escaped, and
/// what else a record says, three times over. A longer one in a file is damage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 256 << 10;

const HEAD_BYTES: usize = 8;

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A record, and the length of all of it.
    Record(&'a str, usize),
    /// As long as this, and not what was written.
    Damaged(usize),
    /// The end was not written, or its length cannot be right: the rest, of this length, says nothing.
    Torn(usize),
}

impl Frame<'_> {
    /// Bytes up to the next frame.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Record(_, len) | Self::Damaged(len) | Self::Torn(len) => *len,
        }
    }

    /// Whether it is a record that waits.
    pub(super) const fn counts(&self) -> bool {
        matches!(self, Self::Record(..))
    }
}

/// Adds a record to `buffer`.
pub(super) fn put(record: &str, buffer: &mut Vec<u8>) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    buffer.extend(length.to_le_bytes());
    buffer.extend(crc32(record.as_bytes()).to_le_bytes());
    buffer.extend(record.as_bytes());
}

/// What `bytes` begin with; `None` when there are none.
pub(super) fn next(bytes: &[u8]) -> Option<Frame<'_>> {
    if bytes.is_empty() {
        return None;
    }
    let torn = Some(Frame::Torn(bytes.len()));
    let Some((length, rest)) = bytes.split_first_chunk() else { return torn };
    let Some((sum, rest)) = rest.split_first_chunk() else { return torn };
    let length = u32::from_le_bytes(*length) as usize;
    if length > PAYLOAD_BYTES_MAX || length > rest.len() {
        return torn;
    }
    let (payload, whole) = (&rest[..length], HEAD_BYTES + length);
    let is_right = crc32(payload) == u32::from_le_bytes(*sum);
    let record = str::from_utf8(payload).ok().filter(|_| is_right);
    Some(record.map_or(Frame::Damaged(whole), |record| Frame::Record(record, whole)))
}

/// CRC-32 as of IEEE 802.3, reflected, by table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n: u32 = 0;
    while n < 256 {
        let mut crc = n;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[n as usize] = crc;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value that the catalogue of CRCs gives for CRC-32/ISO-HDLC.
    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_frame_is_whole_damaged_or_torn() {
        let mut bytes = Vec::new();
        put("first", &mut bytes);
        put("", &mut bytes);
        assert_eq!(next(&bytes), Some(Frame::Record("first", 13)));
        assert_eq!((next(&bytes[13..]), next(&[])), (Some(Frame::Record("", 8)), None));
        assert_eq!(next(&bytes[..12]), Some(Frame::Torn(12)));
        bytes[9] ^= 1;
        assert_eq!(next(&bytes), Some(Frame::Damaged(13)));
        bytes[3] = 0xff;
        assert_eq!(next(&bytes), Some(Frame::Torn(21)));
    }
}
