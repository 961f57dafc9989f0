//! Paths as text. Most of it is in `fixtures/vectors/path.toml`.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::*;

type One = unsafe extern "C" fn(*const u8, i64, *mut u8, i64) -> i64;

fn one(function: One, path: impl AsRef<[u8]>) -> Result<Vec<u8>, i64> {
    let path = path.as_ref();
    bytes_of(|out, cap| unsafe { function(path.as_ptr(), len(path), out, cap) })
}

#[test]
fn bad_arguments_give_the_error() {
    let functions: [One; 7] = [
        rt_path_basename,
        rt_path_dirname,
        rt_path_ext,
        rt_path_stem,
        rt_path_normalise,
        rt_path_absolute,
        rt_path_expand_home,
    ];
    for function in functions {
        unsafe {
            for size in [1, -1, i64::MIN, i64::MAX] {
                assert_eq!(function(null(), size, null_mut(), 0), -1);
            }
            assert_eq!(function(b"/a".as_ptr(), 2, null_mut(), -1), -1);
            assert_eq!(function(b"/a".as_ptr(), 2, null_mut(), 1), -1);
        }
    }
    unsafe {
        assert_eq!(rt_path_join(null(), 1, null(), 0, null_mut(), 0), -1);
        assert_eq!(rt_path_relative(null(), 0, null(), -1, null_mut(), 0), -1);
        assert_eq!(rt_path_with_ext(null(), 1, null(), 0, null_mut(), 0), -1);
        assert_eq!(
            rt_path_with_name(b"a".as_ptr(), 1, null(), 1, null_mut(), 0),
            -1
        );
        assert_eq!(rt_path_component(null(), 1, 0, null_mut(), 0), -1);
        assert_eq!(rt_path_component_count(null(), 1), -1);
        assert!(!rt_path_is_absolute(null(), 1) && !rt_path_starts_with(null(), 1, null(), 0));
    }
}

#[cfg(unix)]
#[test]
fn names_need_not_be_text() {
    assert_eq!(
        one(rt_path_basename, b"a/\xff\xfe.\xfd"),
        Ok(b"\xff\xfe.\xfd".to_vec())
    );
    assert_eq!(one(rt_path_ext, b"a/\xff\xfe.\xfd"), Ok(b"\xfd".to_vec()));
    assert_eq!(
        one(rt_path_normalise, b"\xff/../\xfe/"),
        Ok(b"\xfe".to_vec())
    );
}

#[cfg(unix)]
#[test]
fn folder_and_name_lead_back() {
    for path in [
        "a", "/a", "a/b", "/a/b", "a//b", "../a", ".", "..", "//x", "a/b//",
    ] {
        let folder = one(rt_path_dirname, path).expect("a folder");
        let name = one(rt_path_basename, path).expect("a name");
        let back = bytes_of(|out, cap| unsafe {
            rt_path_join(
                folder.as_ptr(),
                len(&folder),
                name.as_ptr(),
                len(&name),
                out,
                cap,
            )
        });
        assert_eq!(
            one(rt_path_normalise, back.expect("a path")),
            one(rt_path_normalise, path),
            "{path}"
        );
    }
}

#[test]
fn the_working_directory_comes_first() {
    let _process = process_lock();
    let cwd = bytes_of(|out, cap| unsafe { rt_env_cwd(out, cap) }).expect("a folder");
    assert_eq!(one(rt_path_absolute, "."), Ok(cwd.clone()));
    assert_eq!(
        one(rt_path_absolute, "no/../such/"),
        Ok([&cwd[..], b"/such"].concat())
    );
    assert!(unsafe { rt_path_is_absolute(cwd.as_ptr(), len(&cwd)) });
    assert_eq!(
        u8::try_from(rt_path_separator()).map(char::from),
        Ok(std::path::MAIN_SEPARATOR)
    );
}

#[cfg(unix)]
#[test]
fn a_tilde_is_the_home_directory() {
    let _process = process_lock();
    let before = std::env::var_os("HOME");
    std::env::set_var("HOME", "/srv/of/nobody");
    for (path, expanded) in [
        ("~", "/srv/of/nobody"),
        ("~/", "/srv/of/nobody"),
        ("~//a/b", "/srv/of/nobody/a/b"),
        ("~other/a", "~other/a"),
        ("a/~", "a/~"),
        ("", ""),
    ] {
        assert_eq!(
            one(rt_path_expand_home, path),
            Ok(expanded.into()),
            "{path}"
        );
    }
    std::env::remove_var("HOME");
    assert_eq!(one(rt_path_expand_home, "~/a"), Err(-1));
    assert_eq!(one(rt_path_expand_home, "~"), Err(-1));
    if let Some(before) = before {
        std::env::set_var("HOME", before);
    }
}

#[test]
fn long_paths_are_no_problem() {
    let path = "a/../".repeat(100_000) + "b";
    assert_eq!(one(rt_path_normalise, &path), Ok(b"b".to_vec()));
    let up = "../".repeat(10_000);
    assert_eq!(
        one(rt_path_normalise, &up).map(|path| path.len()),
        Ok(29_999)
    );
    assert_eq!(
        unsafe { rt_path_component_count(path.as_ptr(), len(&path)) },
        200_001
    );
}
