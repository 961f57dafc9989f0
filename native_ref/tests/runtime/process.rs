//! Processes.

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

fn spawn(program: &str, arguments: RuntimeValue) -> i64 {
    unsafe { rt_process_spawn(program.as_ptr(), len(program), arguments) }
}

fn run(program: &str, arguments: RuntimeValue) -> i64 {
    unsafe { rt_process_run(program.as_ptr(), len(program), arguments) }
}

#[cfg(unix)]
fn script(source: &str) -> RuntimeValue {
    array(&[text("-c"), text(source)])
}

#[cfg(unix)]
fn output(source: &str, timeout: i64, limit: i64) -> RuntimeValue {
    unsafe { rt_process_output("sh".as_ptr(), 2, script(source), timeout, limit) }
}

#[cfg(unix)]
#[test]
fn a_run_gives_the_exit_code() {
    for (source, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)] {
        assert_eq!(run("sh", script(source)), code);
    }
}

#[cfg(unix)]
#[test]
fn a_child_is_awaited_and_killed() {
    let child = spawn("sleep", array(&[text("60")]));
    assert!(child > 0 && rt_process_id(child) > 0);
    assert!(rt_process_is_running(child));
    assert_eq!(rt_process_wait(child, 0), -2);
    assert_eq!(rt_process_wait(child, 20), -2);
    for bad in [-1, i64::MIN, i64::MAX, 86_400_001] {
        assert_eq!(rt_process_wait(child, bad), -1);
    }
    assert!(rt_process_kill(child) && !rt_process_kill(child));
    assert!(!rt_process_is_running(child));
    assert_eq!(rt_process_wait(child, 1000), 137);
    assert!(rt_process_free(child) && !rt_process_free(child));
    assert_eq!((rt_process_wait(child, 0), rt_process_id(child)), (-1, -1));

    let child = spawn("sh", script("exit 3"));
    assert_eq!(rt_process_wait(child, 60_000), 3);
    assert_eq!(rt_process_wait(child, 0), 3);
    assert!(!rt_process_kill(child) && rt_process_free(child));
}

#[cfg(target_os = "linux")]
#[test]
fn a_freed_child_is_gone() {
    let child = spawn("sleep", array(&[text("60")]));
    let entry = format!("/proc/{}/cmdline", rt_process_id(child));
    assert!(std::path::Path::new(&entry).exists());
    assert!(rt_process_free(child));
    // The number may be another's by now, but then it is no child of this test.
    let command = std::fs::read_to_string(entry).unwrap_or_default();
    assert_ne!(command, "sleep\x0060\0");
}

#[cfg(unix)]
#[test]
fn both_outputs_are_captured() {
    let result = output("echo out; echo err >&2; exit 4", 60_000, 100);
    assert_eq!(rt_tuple_len(result), 3);
    assert_eq!(rt_value_as_int(rt_tuple_get(result, 0)), 4);
    assert_eq!(read(rt_tuple_get(result, 1)), "out\n");
    assert_eq!(read(rt_tuple_get(result, 2)), "err\n");
    let result = output("printf '\\377'", 60_000, 1);
    assert_eq!(read(rt_tuple_get(result, 1)), "\u{fffd}");
}

#[cfg(unix)]
#[test]
fn output_has_limits() {
    rt_error_clear();
    assert!(output("exec sleep 60", 50, 100).is_nil());
    assert_eq!(take_error(), 8);
    assert!(output("exec yes", 60_000, 1000).is_nil());
    assert_eq!(take_error(), 8);
    for (timeout, limit) in [(-1, 1), (i64::MAX, 1), (1, -1), (1, i64::MAX)] {
        assert!(output("exit 0", timeout, limit).is_nil());
        assert_eq!(take_error(), 11);
    }
}

#[test]
fn what_cannot_be_started_is_an_error() {
    for program in ["", "no such program here", "a\0b"] {
        assert_eq!((run(program, NIL), spawn(program, NIL)), (-1, -1));
    }
    let list = array(&[text("a"), int(1)]);
    for bad in [int(1), stale(), list] {
        assert_eq!((run("true", bad), spawn("true", bad)), (-1, -1));
    }
    unsafe {
        assert_eq!(rt_process_run(std::ptr::null(), 4, NIL), -1);
        assert_eq!(rt_process_spawn([0xff].as_ptr(), 1, NIL), -1);
        assert!(rt_process_output(std::ptr::null(), -1, NIL, 1, 1).is_nil());
    }
    for bad in BAD_HANDLES {
        assert_eq!((rt_process_wait(bad, 0), rt_process_id(bad)), (-1, -1));
        assert!(!rt_process_kill(bad) && !rt_process_is_running(bad));
        assert!(!rt_process_free(bad));
    }
}
