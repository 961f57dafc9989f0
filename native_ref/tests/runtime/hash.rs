//! SHA-1, SHA-256 and XXH64 against published vectors, whole and in pieces.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::{bytes_of, len, text_of, times, BAD_HANDLES};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// FIPS 180 examples: message, SHA-1, SHA-256.
const FIPS: [(&str, &str, &str); 4] = [
    (
        "",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "abc",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "a49b2446a02c645bf419f995b67091253a04a259",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ),
];

const MILLION_SHA1: &str = "34aa973cd4c4daa4f61eeb2bdbad27316534016f";
const MILLION_SHA256: &str = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

#[test]
fn one_shot_digests_match_fips() {
    for (message, sha1, sha256) in FIPS {
        let (ptr, n) = (message.as_ptr(), len(message));
        let got = text_of(|out, cap| unsafe { rt_sha1_hex(ptr, n, out, cap) });
        assert_eq!(got.as_deref(), Ok(sha1));
        let got = text_of(|out, cap| unsafe { rt_sha256_hex(ptr, n, out, cap) });
        assert_eq!(got.as_deref(), Ok(sha256));
    }
}

#[test]
#[cfg_attr(miri, ignore = "hashes a megabyte")]
fn a_million_a_in_uneven_pieces() {
    let message = vec![b'a'; 1_000_000];
    let (sha1, sha256) = (rt_sha1_new(), rt_sha256_new());
    let mut rest = &message[..];
    for piece in (0..).map(|i| (i * 37) % 1_001) {
        let piece = &rest[..piece.min(rest.len())];
        let n = len(piece);
        assert_eq!(unsafe { rt_sha1_write(sha1, piece.as_ptr(), n) }, n);
        assert_eq!(unsafe { rt_sha256_write(sha256, piece.as_ptr(), n) }, n);
        rest = &rest[piece.len()..];
        if rest.is_empty() {
            break;
        }
    }
    let got = bytes_of(|out, cap| unsafe { rt_sha1_finish(sha1, out, cap) }).unwrap();
    assert_eq!(hex(&got), MILLION_SHA1);
    let got = bytes_of(|out, cap| unsafe { rt_sha256_finish(sha256, out, cap) }).unwrap();
    assert_eq!(hex(&got), MILLION_SHA256);
    assert!(rt_sha1_free(sha1) && rt_sha256_free(sha256));
}

#[test]
fn finish_leaves_the_state_and_reset_clears_it() {
    let handle = rt_sha256_new();
    let digest = || hex(&bytes_of(|o, c| unsafe { rt_sha256_finish(handle, o, c) }).unwrap());
    unsafe { rt_sha256_write(handle, b"a".as_ptr(), 1) };
    let of_a = digest();
    assert_eq!(of_a, digest());
    unsafe { rt_sha256_write(handle, b"bc".as_ptr(), 2) };
    assert_eq!(digest(), FIPS[1].2);
    assert!(rt_sha256_reset(handle));
    assert_eq!(digest(), FIPS[0].2);
    rt_sha256_free(handle);

    let handle = rt_sha1_new();
    unsafe { rt_sha1_write(handle, b"rubbish".as_ptr(), 7) };
    assert!(rt_sha1_reset(handle));
    unsafe { rt_sha1_write(handle, b"abc".as_ptr(), 3) };
    let got = bytes_of(|out, cap| unsafe { rt_sha1_finish(handle, out, cap) }).unwrap();
    assert_eq!(hex(&got), FIPS[1].1);
    rt_sha1_free(handle);
}

#[test]
fn every_length_around_the_block_sizes() {
    // Byte by byte and in one go must agree wherever the padding falls.
    let message: Vec<u8> = (0..200u8).collect();
    for n in (0..message.len()).step_by(times(1, 37) as usize) {
        let handle = rt_sha1_new();
        for byte in &message[..n] {
            unsafe { rt_sha1_write(handle, byte, 1) };
        }
        let pieces = bytes_of(|out, cap| unsafe { rt_sha1_finish(handle, out, cap) }).unwrap();
        rt_sha1_free(handle);
        let whole =
            text_of(|out, cap| unsafe { rt_sha1_hex(message.as_ptr(), n as i64, out, cap) });
        assert_eq!(whole, Ok(hex(&pieces)), "{n}");

        let handle = rt_xxhash_new(n as u64);
        for byte in &message[..n] {
            unsafe { rt_xxhash_write(handle, byte, 1) };
        }
        let whole = unsafe { rt_xxhash_hash(message.as_ptr(), n as i64, n as u64) };
        assert_eq!(rt_xxhash_finish(handle), whole, "{n}");
        rt_xxhash_free(handle);
    }
}

#[test]
fn short_buffers_get_the_first_bytes() {
    let mut out = [0u8; 8];
    let full = unsafe { rt_sha1_hex(b"abc".as_ptr(), 3, out.as_mut_ptr(), 4) };
    assert_eq!((full, &out), (40, b"a999\0\0\0\0"));
}

#[test]
fn bad_arguments_are_errors() {
    let mut out = [0u8; 32];
    let (sha1, sha256, xx) = (rt_sha1_new(), rt_sha256_new(), rt_xxhash_new(0));
    unsafe {
        for bad in [-1, i64::MIN, i64::MAX] {
            assert_eq!(rt_sha1_write(sha1, out.as_ptr(), bad), -1);
            assert_eq!(rt_sha256_write(sha256, null(), bad), -1);
            assert_eq!(rt_xxhash_write(xx, null(), bad), -1);
            assert_eq!(rt_xxhash_hash(null(), bad, 0), 0);
            assert_eq!(rt_sha1_hex(null(), bad, out.as_mut_ptr(), 32), -1);
        }
        assert_eq!(rt_sha1_write(sha1, null(), 0), 0);
        assert_eq!(rt_sha1_write(sha1, null(), 1), -1);
        assert_eq!(rt_sha1_finish(sha1, null_mut(), 20), -1);
        assert_eq!(rt_sha256_finish(sha256, out.as_mut_ptr(), -1), -1);
        assert!(!rt_xxhash_finish_into(xx, null_mut()));
    }
    assert!(rt_sha1_free(sha1) && rt_sha256_free(sha256) && rt_xxhash_free(xx));
    for bad in BAD_HANDLES.into_iter().chain([sha1, sha256, xx]) {
        assert!(!rt_sha1_free(bad) && !rt_sha256_free(bad) && !rt_xxhash_free(bad));
        assert!(!rt_sha1_reset(bad) && !rt_sha256_reset(bad) && !rt_xxhash_reset(bad));
        assert_eq!(rt_xxhash_finish(bad), 0);
        unsafe {
            assert_eq!(rt_sha1_write(bad, out.as_ptr(), 1), -1);
            assert_eq!(rt_sha256_write(bad, out.as_ptr(), 1), -1);
            assert_eq!(rt_xxhash_write(bad, out.as_ptr(), 1), -1);
            assert_eq!(rt_sha1_finish(bad, out.as_mut_ptr(), 32), -1);
            assert_eq!(rt_sha256_finish(bad, out.as_mut_ptr(), 32), -1);
        }
    }
}

#[test]
fn a_handle_of_another_kind_is_foreign() {
    let sha1 = rt_sha1_new();
    assert!(!rt_sha256_free(sha1) && !rt_xxhash_reset(sha1));
    assert!(rt_sha1_free(sha1));
}

/// The buffer and results of xxHash's own sanity check.
#[test]
fn xxhash_sanity_vectors() {
    const SEED: u64 = 2_654_435_761;
    let mut state = SEED;
    let buffer: Vec<u8> = (0..222)
        .map(|_| {
            let byte = (state >> 56) as u8;
            state = state.wrapping_mul(11_400_714_785_074_694_797);
            byte
        })
        .collect();
    let vectors: [(usize, u64, u64); 10] = [
        (0, 0, 0xef46_db37_51d8_e999),
        (0, SEED, 0xac75_fda2_929b_17ef),
        (1, 0, 0xe934_a84a_db05_2768),
        (1, SEED, 0x5014_6076_43a9_b4c3),
        (4, 0, 0x9136_a0dc_a574_57ee),
        (14, 0, 0x8282_dcc4_994e_35c8),
        (14, SEED, 0xc3bd_6bf6_3deb_6df0),
        (222, 0, 0xb641_ae8c_b691_c174),
        (222, SEED, 0x20cb_8ab7_ae10_c14a),
        (32, 0, 0x18b2_1649_2bb4_4b70),
    ];
    for (n, seed, want) in vectors {
        let got = unsafe { rt_xxhash_hash(buffer.as_ptr(), n as i64, seed) };
        assert_eq!(got, want, "{n} bytes, seed {seed}");
    }
}

#[test]
fn xxhash_streams_resets_with_its_seed() {
    let handle = rt_xxhash_new(0);
    unsafe { rt_xxhash_write(handle, b"abc".as_ptr(), 3) };
    assert_eq!(rt_xxhash_finish(handle), 0x44bc_2cf5_ad77_0999);
    let mut into = 0;
    assert!(unsafe { rt_xxhash_finish_into(handle, &mut into) });
    assert_eq!(into, 0x44bc_2cf5_ad77_0999);
    assert!(rt_xxhash_reset(handle));
    assert_eq!(rt_xxhash_finish(handle), 0xef46_db37_51d8_e999);
    rt_xxhash_free(handle);

    let seeded = rt_xxhash_new(2_654_435_761);
    unsafe { rt_xxhash_write(seeded, b"x".as_ptr(), 1) };
    rt_xxhash_reset(seeded);
    assert_eq!(rt_xxhash_finish(seeded), 0xac75_fda2_929b_17ef);
    rt_xxhash_free(seeded);
}

#[test]
#[cfg_attr(miri, ignore = "hashes a megabyte")]
fn states_can_be_shared_between_threads() {
    let handle = rt_sha256_new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..250 {
                    assert_eq!(
                        unsafe { rt_sha256_write(handle, b"a".repeat(1000).as_ptr(), 1000) },
                        1000
                    );
                }
            });
        }
    });
    let got = bytes_of(|out, cap| unsafe { rt_sha256_finish(handle, out, cap) }).unwrap();
    assert_eq!(hex(&got), MILLION_SHA256);
    rt_sha256_free(handle);
}
