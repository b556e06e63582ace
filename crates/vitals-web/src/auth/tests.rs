//! The small parts of the guard.

use super::*;

#[test]
fn base64_is_read_as_rfc_4648_has_it() {
    let cases = [
        ("", Some("")),
        ("Zg==", Some("f")),
        ("Zm8=", Some("fo")),
        ("Zm9v", Some("foo")),
        ("Zm9vYg", Some("foob")),
        ("Z", None),
        ("Z!==", None),
    ];
    for (text, expected) in cases {
        assert_eq!(base64(text), expected.map(|text| text.as_bytes().to_vec()), "{text}");
    }
    assert_eq!(base64("//79"), Some(vec![255, 254, 253]));
}

#[test]
fn a_token_is_itself_and_nothing_else() {
    let token = Token::new("0123456789abcdef").unwrap();
    assert!(token.is("0123456789abcdef") && !token.is("0123456789abcdeF") && !token.is("") && !token.is("0123456789abcdef "));
    assert_eq!(Token::new("0123456789abcde"), None, "too short");
    assert_eq!(format!("{token:?}"), "(secret)");
}

#[test]
fn only_loopback_is_loopback() {
    let reach = |text: &str| Reach::of(text.parse().unwrap());
    assert_eq!(["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"].map(reach), [Reach::Loopback; 4]);
    assert_eq!(["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"].map(reach), [Reach::Network; 4]);
}
