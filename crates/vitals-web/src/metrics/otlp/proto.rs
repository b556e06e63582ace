//! The little of protobuf that OTLP needs: messages are written, never read.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>, and `opentelemetry/proto` 1.9 for the field numbers
//! that its users name.

/// A message on its way.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

impl Message {
    #[must_use]
    pub(super) fn with_number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    #[must_use]
    pub(super) fn with_fixed(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | FIXED64);
        self.0.extend(value.to_le_bytes());
        self
    }

    #[must_use]
    pub(super) fn with_double(self, field: u64, value: f64) -> Self {
        self.with_fixed(field, value.to_bits())
    }

    #[must_use]
    pub(super) fn with_text(self, field: u64, text: &str) -> Self {
        self.with_bytes(field, text.as_bytes())
    }

    #[must_use]
    pub(super) fn with_message(self, field: u64, message: &Self) -> Self {
        self.with_bytes(field, &message.0)
    }

    /// Eight bytes each, packed.
    #[must_use]
    pub(super) fn with_packed(mut self, field: u64, values: impl ExactSizeIterator<Item = u64>) -> Self {
        self.varint(field << 3 | BYTES);
        self.varint(values.len() as u64 * 8);
        self.0.extend(values.flat_map(u64::to_le_bytes));
        self
    }

    #[must_use]
    pub(super) fn with_bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// Adds the fields of another message of the same kind.
    #[must_use]
    pub(super) fn with_all(mut self, other: &Self) -> Self {
        self.0.extend(&other.0);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}

/// A `KeyValue` with a text.
pub(super) fn text(key: &str, value: &str) -> Message {
    Message::default().with_text(1, key).with_message(2, &Message::default().with_text(1, value))
}

/// A `KeyValue` with a number.
pub(super) fn number(key: &str, value: u64) -> Message {
    Message::default().with_text(1, key).with_message(2, &Message::default().with_number(3, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's own description.
    #[test]
    fn messages_are_those_of_the_specification() {
        let number = Message::default().with_number(1, 150);
        assert_eq!(number.clone().bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().with_text(2, "testing").bytes(), b"\x12\x07testing");
        assert_eq!(Message::default().with_message(3, &number).bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let fixed = Message::default().with_double(1, 1.0).bytes();
        assert_eq!(fixed, [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(Message::default().with_packed(1, [1, 2].into_iter()).bytes().len(), 2 + 16);
        assert_eq!(Message::default().with_number(1, u64::MAX).bytes().len(), 1 + 10);
    }
}
