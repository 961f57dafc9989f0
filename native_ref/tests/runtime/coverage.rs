//! Counting decisions, conditions and paths.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::thread;

use native_ref::value::ffi::*;

use crate::support::*;

fn set(value: Option<&str>) -> bool {
    let name = "RT_COVERAGE";
    unsafe {
        match value {
            Some(value) => {
                let (text, n) = (value.as_ptr(), len(value));
                assert!(rt_env_set(name.as_ptr(), len(name), text, n));
            }
            None => {
                rt_env_unset(name.as_ptr(), len(name));
            }
        }
    }
    rt_coverage_enabled()
}

fn dump() -> String {
    let text = rt_coverage_dump_sdn();
    assert!(!text.is_null());
    let copy = unsafe { CStr::from_ptr(text.cast()) }
        .to_str()
        .expect("text")
        .to_owned();
    assert!(rt_coverage_free_sdn(text) && !rt_coverage_free_sdn(text));
    copy
}

fn walk(path: u32, blocks: &[u32]) -> u64 {
    for &block in blocks {
        assert!(rt_coverage_path_probe(path, block));
    }
    rt_coverage_path_finalize(path)
}

// One test: the counts belong to the whole process.
#[test]
fn counts_are_dumped_in_order() {
    let _guard = process_lock();
    let empty = "\
# coverage 1
summary |decisions, conditions, paths, dropped|
    0, 0, 0, 0
decisions |decision, true, false|
conditions |decision, condition, true, false|
paths |path, hash, blocks, count|
";
    for off in [None, Some(""), Some("0"), Some("off"), Some("2")] {
        assert!(!set(off));
        assert!(!rt_coverage_decision_probe(1, true));
        assert!(!rt_coverage_condition_probe(1, 1, true));
        assert!(!rt_coverage_path_probe(1, 1));
        assert_eq!(rt_coverage_path_finalize(1), 0);
    }
    assert_eq!(dump(), empty);
    for on in ["1", "true", "YES", " on "] {
        assert!(set(Some(on)));
    }

    let probes = || {
        for round in 0..100 {
            assert!(rt_coverage_decision_probe(9, round % 4 == 0));
            assert!(rt_coverage_decision_probe(u32::MAX, true));
            assert!(rt_coverage_condition_probe(9, 1, round % 2 == 0));
            assert!(rt_coverage_condition_probe(9, 0, false));
            assert!(rt_coverage_condition_probe(2, 7, true));
        }
        // A path is a matter of one thread, and several go on side by side.
        assert!(rt_coverage_path_probe(5, 1) && rt_coverage_path_probe(6, 1));
        let first = walk(5, &[2, 3]);
        let other = rt_coverage_path_finalize(6);
        assert_eq!(rt_coverage_path_finalize(6), 0);
        (first, other, walk(5, &[1, 3, 2]))
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(probes)).collect();
    let hashes: Vec<_> = threads
        .into_iter()
        .map(|t| t.join().expect("done"))
        .collect();
    let (first, other, second) = hashes[0];
    assert!(hashes.iter().all(|&same| same == hashes[0]));
    assert!(first != second && first != 0 && second != 0 && other != 0);
    assert!(rt_coverage_decision_probe(0, false));

    let mut paths = [(first, 3), (second, 3)];
    paths.sort_unstable();
    let mut expected = String::from(
        "\
# coverage 1
summary |decisions, conditions, paths, dropped|
    3, 3, 3, 0
decisions |decision, true, false|
    0, 0, 1
    9, 100, 300
    4294967295, 400, 0
conditions |decision, condition, true, false|
    2, 7, 400, 0
    9, 0, 0, 400
    9, 1, 200, 200
paths |path, hash, blocks, count|
",
    );
    for (hash, blocks) in paths {
        expected += &format!("    5, {hash:#018x}, {blocks}, 4\n");
    }
    expected += &format!("    6, {other:#018x}, 1, 4\n");
    assert_eq!(dump(), expected);
    assert_eq!(dump(), expected);
    // The hashes are the same in every build.
    assert_eq!(
        (first, second, other),
        (GOLDEN_FIRST, GOLDEN_SECOND, GOLDEN_OTHER)
    );

    // A thread is on 1,024 paths at most.
    for path in 0..1024 {
        assert!(rt_coverage_path_probe(path, 0));
    }
    assert!(!rt_coverage_path_probe(1024, 0));
    assert!(rt_coverage_path_probe(3, 1));
    assert!(dump().contains("\n    3, 3, 3, 1\n"));
    // What was begun is forgotten when coverage is off.
    assert!(!set(None));
    for path in 0..1024 {
        assert_eq!(rt_coverage_path_finalize(path), 0);
    }
    assert!(!rt_coverage_decision_probe(9, true));
    assert!(set(Some("1")));
    assert_eq!(rt_coverage_path_finalize(3), 0);
    assert!(!set(None));
}

// Worked out apart from this library, from the description of the hash.
const GOLDEN_FIRST: u64 = 0xcb1f_9c16_1817_c7ed;
const GOLDEN_SECOND: u64 = 0x38b4_a84f_25b8_ce59;
const GOLDEN_OTHER: u64 = 0xc3d7_39e6_9e98_5aab;

#[test]
fn only_dumps_are_freed() {
    let block = rt_alloc(8);
    let dumped = rt_coverage_dump_sdn();
    for other in [null_mut(), block, dumped.wrapping_add(1), 8 as *mut u8] {
        assert!(!rt_coverage_free_sdn(other));
    }
    assert!(!rt_free(dumped));
    assert!(rt_coverage_free_sdn(dumped));
    assert!(rt_free(block));
}
