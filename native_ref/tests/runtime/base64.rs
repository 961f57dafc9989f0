//! Base64: RFC 4648, both alphabets, malformed text.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::{bytes_of, len, text_of};

fn encode(data: &[u8]) -> String {
    text_of(|out, cap| unsafe { rt_base64_encode(data.as_ptr(), len(data), out, cap) }).unwrap()
}

fn decode(text: &str) -> Result<Vec<u8>, i64> {
    bytes_of(|out, cap| unsafe { rt_base64_decode(text.as_ptr(), len(text), out, cap) })
}

fn url_encode(data: &[u8]) -> String {
    text_of(|out, cap| unsafe { rt_base64_url_encode(data.as_ptr(), len(data), out, cap) }).unwrap()
}

fn url_decode(text: &str) -> Result<Vec<u8>, i64> {
    bytes_of(|out, cap| unsafe { rt_base64_url_decode(text.as_ptr(), len(text), out, cap) })
}

#[test]
fn rfc_4648_vectors() {
    let vectors = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ];
    for (plain, coded) in vectors {
        assert_eq!(encode(plain.as_bytes()), coded);
        assert_eq!(decode(coded).as_deref(), Ok(plain.as_bytes()));
        let bare = coded.trim_end_matches('=');
        assert_eq!(url_encode(plain.as_bytes()), bare);
        assert_eq!(url_decode(bare).as_deref(), Ok(plain.as_bytes()));
        assert_eq!(url_decode(coded).as_deref(), Ok(plain.as_bytes()));
        assert_eq!(rt_base64_encoded_len(len(plain)), len(coded));
    }
}

#[test]
fn the_alphabets_differ_in_two_symbols() {
    let data = [0xfb, 0xff, 0xbf];
    assert_eq!(encode(&data), "+/+/");
    assert_eq!(url_encode(&data), "-_-_");
    assert_eq!(decode("-_-_"), Err(-2));
    assert_eq!(url_decode("+/+/"), Err(-2));
}

#[test]
fn every_byte_survives() {
    let data: Vec<u8> = (0..=255u8).chain((0..=255).rev()).collect();
    for n in 0..data.len() {
        assert_eq!(decode(&encode(&data[..n])).as_deref(), Ok(&data[..n]));
        assert_eq!(
            url_decode(&url_encode(&data[n..])).as_deref(),
            Ok(&data[n..])
        );
    }
}

#[test]
fn malformed_text_is_refused() {
    let bad = [
        "Z", "Zg", "Zg=", "Zg===", "Zg==Zg==", "=", "====", "Z===", "Zm9v=", "Zm9v====", "Zm 9v",
        "Zm9v\n", "Zh==", "Zm9=", "Zm8-", "Zmé", "Zg=a",
    ];
    for text in bad {
        assert_eq!(decode(text), Err(-2), "{text:?}");
        assert!(!unsafe { rt_base64_is_valid(text.as_ptr(), len(text)) });
    }
    for text in ["Z", "Zg=", "Zh", "Zm9", "Zm9v=", "Zg=g", "+w"] {
        assert_eq!(url_decode(text), Err(-2), "{text:?}");
    }
    assert!(unsafe { rt_base64_is_valid(b"Zg==".as_ptr(), 4) });
    assert!(unsafe { rt_base64_is_valid(null(), 0) });
}

#[test]
fn bad_arguments_are_errors() {
    let mut out = [0u8; 4];
    unsafe {
        for bad in [-1, i64::MIN, i64::MAX] {
            assert_eq!(rt_base64_encode(out.as_ptr(), bad, null_mut(), 0), -1);
            assert_eq!(rt_base64_decode(out.as_ptr(), bad, null_mut(), 0), -1);
            assert_eq!(rt_base64_url_encode(out.as_ptr(), bad, null_mut(), 0), -1);
            assert_eq!(rt_base64_url_decode(out.as_ptr(), bad, null_mut(), 0), -1);
            assert!(!rt_base64_is_valid(out.as_ptr(), bad));
        }
        assert_eq!(rt_base64_encode(null(), 1, out.as_mut_ptr(), 4), -1);
        assert_eq!(rt_base64_encode(b"a".as_ptr(), 1, null_mut(), 4), -1);
        assert_eq!(rt_base64_encode(b"a".as_ptr(), 1, out.as_mut_ptr(), -4), -1);
        assert_eq!(rt_base64_encode(b"a".as_ptr(), 1, out.as_mut_ptr(), 2), 4);
    }
    assert_eq!(&out, b"YQ\0\0");
    assert_eq!(rt_base64_encoded_len(-1), -1);
    assert_eq!(rt_base64_encoded_len(i64::MAX), -1);
    assert_eq!(
        rt_base64_encoded_len(i64::MAX / 2),
        6_148_914_691_236_517_204
    );
}
