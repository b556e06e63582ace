//! One line of a hub's log to one [`Record`]. It never fails: what cannot be read is
//! [`Format::Broken`]. It counts nothing and knows no file.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use vitals_model::limits::LINE_BYTES_MAX;
use vitals_model::observation::Level;
use vitals_model::time::Timestamp;

/// The shape of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Text without level or time, also JSON that is no log record.
    Plain,
    /// A pino record: `{"level":…,"time":…,…,"msg":…}`.
    Pino,
    /// The hub's standard output: `{"type":…,"message":…,"data":…,"timestamp":…}`.
    Stdout,
    /// Begins like JSON and is none; or not UTF-8, with a NUL in it, nested deeper than
    /// [`JSON_DEPTH_MAX`](vitals_model::limits::JSON_DEPTH_MAX), or longer than [`LINE_BYTES_MAX`].
    Broken,
}

/// What one line says; borrowed from the line wherever it has no escapes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Its shape.
    pub format: Format,
    /// Its level, by name or by pino's number.
    pub level: Option<Level>,
    /// Its time, from RFC 3339 or from milliseconds since the epoch.
    pub at: Option<Timestamp>,
    /// The pid of the writer. A record may carry a second `pid` as its payload: the first one counts.
    pub pid: Option<u32>,
    /// The error code.
    pub code: Option<Cow<'a, str>>,
    /// The server it is about.
    pub server: Option<Cow<'a, str>>,
    /// The text of the error that it carries.
    pub error: Option<Cow<'a, str>>,
    /// The message; that of the error when it has none of its own; empty for a broken line.
    pub message: Cow<'a, str>,
}

impl<'a> Record<'a> {
    pub(super) fn new(format: Format, message: impl Into<Cow<'a, str>>) -> Self {
        let message = message.into();
        Self { format, level: None, at: None, pid: None, code: None, server: None, error: None, message }
    }
}

/// Reads one line without its line end.
pub fn parse(line: &[u8]) -> Record<'_> {
    let broken = Record::new(Format::Broken, "");
    if line.len() > LINE_BYTES_MAX || memchr::memchr(0, line).is_some() {
        return broken;
    }
    match str::from_utf8(line) {
        Ok(text) if !text.starts_with('{') => Record::new(Format::Plain, text),
        Ok(text) => serde_json::from_str::<Fields<'_>>(text).map_or(broken, |fields| fields.into_record(text)),
        Err(_) => broken,
    }
}

/// The fields that we know of any of the shapes. Of a name that occurs twice the first counts, because
/// a writer puts its own fields before the payload; of `msg` the last, because there it is the reverse.
#[derive(Default)]
struct Fields<'a> {
    level: Option<Value<'a>>,
    kind: Option<Value<'a>>,
    time: Option<Value<'a>>,
    timestamp: Option<Value<'a>>,
    pid: Option<Value<'a>>,
    code: Option<Value<'a>>,
    server: Option<Value<'a>>,
    error: Option<Value<'a>>,
    msg: Option<Value<'a>>,
    message: Option<Value<'a>>,
    data: Option<Value<'a>>,
}

/// The names of [`Fields`].
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    Level,
    Type,
    Time,
    Timestamp,
    Pid,
    Code,
    Server,
    Error,
    Err,
    Msg,
    Message,
    Data,
    #[serde(other)]
    Other,
}

/// Any JSON value, as far as it can be of use. Unknown fields are read as this too and not skipped,
/// because `serde_json` skips without looking at depth or UTF-8.
enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Object(Box<Fields<'a>>),
    Other,
}

impl<'a> Fields<'a> {
    fn into_record(self, line: &'a str) -> Record<'a> {
        if let Some(level) = &self.level {
            let level = match level {
                Value::Text(word) => Level::parse(word),
                Value::Integer(number) => u64::try_from(*number).ok().map(Level::from_pino),
                Value::Object(_) | Value::Other => None,
            };
            return self.filled(Format::Pino, level);
        }
        match (&self.kind, &self.message) {
            (Some(Value::Text(kind)), Some(Value::Text(_))) => {
                let level = Level::parse(kind);
                self.filled(Format::Stdout, level)
            }
            _ => Record::new(Format::Plain, line),
        }
    }

    fn filled(self, format: Format, level: Option<Level>) -> Record<'a> {
        let payload = match self.data {
            Some(Value::Object(fields)) => *fields,
            _ => Self::default(),
        };
        let error = self.error.or(payload.error).and_then(Value::into_text);
        let message = self.msg.or(self.message).and_then(Value::into_text).or_else(|| error.clone());
        Record {
            format,
            level,
            at: self.time.or(self.timestamp).as_ref().and_then(Value::as_time),
            pid: match self.pid {
                Some(Value::Integer(pid)) => u32::try_from(pid).ok(),
                _ => None,
            },
            code: self.code.and_then(Value::into_text),
            server: self.server.or(payload.server).and_then(Value::into_text),
            error,
            message: message.unwrap_or_default(),
        }
    }
}

impl<'a> Value<'a> {
    fn as_time(&self) -> Option<Timestamp> {
        match self {
            Value::Text(text) => Timestamp::parse(text),
            Value::Integer(ms) => Some(Timestamp::from_millis(*ms)),
            Value::Object(_) | Value::Other => None,
        }
    }

    /// The value as text; of an object, its message (pino writes an error as `{type, message, stack}`).
    fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(text),
            Value::Integer(number) => Some(number.to_string().into()),
            Value::Object(fields) => fields.message.and_then(Value::into_text),
            Value::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<Name>()? {
            let value = map.next_value::<Value<'de>>()?;
            let slot = match name {
                Name::Level => &mut fields.level,
                Name::Type => &mut fields.kind,
                Name::Time => &mut fields.time,
                Name::Timestamp => &mut fields.timestamp,
                Name::Pid => &mut fields.pid,
                Name::Code => &mut fields.code,
                Name::Server => &mut fields.server,
                Name::Error | Name::Err => &mut fields.error,
                Name::Message => &mut fields.message,
                Name::Data => &mut fields.data,
                Name::Msg => {
                    fields.msg = Some(value);
                    continue;
                }
                Name::Other => continue,
            };
            slot.get_or_insert(value);
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Value::Other, Value::Integer))
    }

    #[expect(clippy::cast_possible_truncation, reason = "a time in fractions of a millisecond; the cast saturates")]
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number as i64))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<Value<'de>>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        FieldsVisitor.visit_map(map).map(|fields| Value::Object(Box::new(fields)))
    }
}

#[cfg(test)]
mod tests;
