//! Canonical JSON by RFC 8785 (JCS): one text for one value, whatever its order, white space and spelling
//! of numbers were. It parses nothing and hashes nothing.

use std::fmt::Write as _;

use serde_json::Value;

/// The canonical text of `value`: no white space, keys in order of their UTF-16 code units, numbers as
/// ECMAScript writes an IEEE 754 double.
///
/// A whole number beyond 2^53 is written as the double nearest to it, as the RFC asks. A parsed value is
/// at most [`crate::limits::JSON_DEPTH_MAX`] deep, and so is this recursion.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            // Sorted here, because whether a map keeps its order is a feature that any crate may turn on.
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (n, (name, value)) in fields.into_iter().enumerate() {
                separate(n, out);
                write_string(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                separate(n, out);
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_string(text, out),
        Value::Number(number) => write_number(number.as_f64().unwrap_or(f64::NAN), out),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Null => out.push_str("null"),
    }
}

fn separate(n: usize, out: &mut String) {
    if n > 0 {
        out.push(',');
    }
}

/// Strings as ECMAScript's `JSON.stringify` has them: the shortest escape, and only where one is needed.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number by ECMAScript's `Number::toString` (ECMA-262, 6.1.6.1.20), which RFC 8785 builds on: the fewest
/// digits that read back as the same double, in plain notation from 1e-6 up to 1e21.
fn write_number(number: f64, out: &mut String) {
    if number == 0.0 {
        return out.push('0');
    }
    if number < 0.0 {
        out.push('-');
    }
    let shortest = shortest(number.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    match usize::try_from(point) {
        Ok(point) if point > 21 => write_exponent(&digits, exponent, out),
        Ok(point) if point >= digits.len() => {
            out.push_str(&digits);
            out.extend(std::iter::repeat_n('0', point - digits.len()));
        }
        Ok(point) if point > 0 => out.extend([&digits[..point], ".", &digits[point..]]),
        _ if point > -6 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
            out.push_str(&digits);
        }
        _ => write_exponent(&digits, exponent, out),
    }
}

/// The fewest digits, as `d.ddde±x`: of two numbers that are as near, the even one, which Rust's own choice
/// need not be.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let decimals = shortest.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count() - 1;
    let nearest = format!("{number:.decimals$e}");
    if nearest.parse() == Ok(number) { nearest } else { shortest }
}

fn write_exponent(digits: &str, exponent: &str, out: &mut String) {
    out.push_str(&digits[..1]);
    if digits.len() > 1 {
        out.extend([".", &digits[1..]]);
    }
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    out.extend(["e", sign, exponent]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn number(bits: u64) -> String {
        let mut out = String::new();
        write_number(f64::from_bits(bits), &mut out);
        out
    }

    #[test]
    fn numbers_are_those_of_the_rfc() {
        // RFC 8785, appendix B.
        let table = [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ];
        for (bits, expected) in table {
            assert_eq!(number(bits), expected, "{bits:016x}");
        }
    }

    #[test]
    fn the_sample_of_the_rfc_comes_out_as_it_says() {
        // RFC 8785, 3.2.2 and 3.2.4.
        let sample = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
            \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(&serde_json::from_str(sample).unwrap()), expected);
    }

    #[test]
    fn keys_are_in_the_order_of_the_rfc() {
        // RFC 8785, 3.2.3: by UTF-16 code units, so the emoji (a surrogate pair) stands before U+FB33.
        let sample = json!({"\u{20ac}": "Euro", "\r": "CR", "\u{fb33}": "Dalet", "1": "One", "\u{1f600}": "Smiley", "\u{80}": "Control", "\u{f6}": "o"});
        let text = canonical(&sample);
        let at: Vec<_> = ["CR", "One", "Control", "\"o\"", "Euro", "Smiley", "Dalet"].map(|word| text.find(word).unwrap()).into();
        assert!(at.is_sorted(), "{text}");
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_itself(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            // Adding nothing makes the zero below zero the one there is.
            prop_assert_eq!(number(bits).parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }

        #[test]
        fn a_string_reads_back_as_itself(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&canonical(&Value::from(text.clone()))).unwrap(), text);
        }
    }
}
