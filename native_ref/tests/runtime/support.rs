//! What several modules need.

use std::sync::{Mutex, MutexGuard, PoisonError};

use native_ref::value::ffi::*;
use native_ref::value::{string_bytes, string_value};
use native_ref::RuntimeValue;

pub const NIL: RuntimeValue = RuntimeValue::NIL;

/// How often to do a thing: Miri, which interprets the program, is some hundred times slower.
pub const fn times(full: i64, miri: i64) -> i64 {
    if cfg!(miri) {
        miri
    } else {
        full
    }
}

/// Held by tests that touch what belongs to the whole process.
pub fn process_lock() -> MutexGuard<'static, ()> {
    static PROCESS: Mutex<()> = Mutex::new(());
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn int(value: i64) -> RuntimeValue {
    rt_value_int(value)
}

pub fn float(value: f64) -> RuntimeValue {
    rt_value_float(value)
}

pub fn text(text: &str) -> RuntimeValue {
    string_value(text)
}

/// The text of a string value.
pub fn read(value: RuntimeValue) -> String {
    String::from_utf8(string_bytes(value).expect("a string")).expect("UTF-8")
}

/// A value as it is printed.
pub fn show(value: RuntimeValue) -> String {
    read(rt_value_to_string(value))
}

pub fn array(items: &[RuntimeValue]) -> RuntimeValue {
    let array = rt_array_new(0);
    for &item in items {
        assert!(rt_array_push(array, item));
    }
    array
}

pub fn tuple(items: &[RuntimeValue]) -> RuntimeValue {
    let tuple = rt_tuple_new(items.len() as i64);
    for (index, &item) in items.iter().enumerate() {
        assert!(rt_tuple_set(tuple, index as i64, item));
    }
    tuple
}

/// A heap value that was freed.
pub fn stale() -> RuntimeValue {
    let value = text("gone");
    assert!(rt_heap_free(value));
    value
}

/// Values that are no object of any kind: nil, scalars, garbage and a stale one.
pub fn strangers() -> Vec<RuntimeValue> {
    vec![
        NIL,
        int(7),
        int(i64::MIN),
        float(f64::NAN),
        float(0.1),
        rt_value_bool(true),
        RuntimeValue::from_bits(u64::MAX),
        RuntimeValue::from_bits(3),
        RuntimeValue::from_bits(0x1234_5678_9abc_def3),
        stale(),
    ]
}

/// The text that a function with `out` and `cap` gives; `None` for -1.
pub fn fetch(call: impl Fn(*mut u8, i64) -> i64) -> Option<String> {
    let len = usize::try_from(call(std::ptr::null_mut(), 0)).ok()?;
    let mut bytes = vec![0; len];
    assert_eq!(call(bytes.as_mut_ptr(), len as i64), len as i64);
    Some(String::from_utf8(bytes).expect("UTF-8"))
}

/// The code of the last error, which is forgotten.
pub fn take_error() -> i64 {
    let code = rt_error_last_code();
    rt_error_clear();
    code
}

/// Length of a byte slice as the C interface takes it.
pub fn len(bytes: impl AsRef<[u8]>) -> i64 {
    bytes.as_ref().len() as i64
}

/// Runs a function that fills a buffer: first for the length, then for the bytes. An error (a
/// negative length) comes back as such.
pub fn bytes_of(call: impl Fn(*mut u8, i64) -> i64) -> Result<Vec<u8>, i64> {
    let needed = call(std::ptr::null_mut(), 0);
    if needed < 0 {
        return Err(needed);
    }
    // One byte more than needed, to see that it is left alone.
    let mut buffer = vec![0xa5u8; needed as usize + 1];
    assert_eq!(call(buffer.as_mut_ptr(), needed), needed);
    assert_eq!(buffer.pop(), Some(0xa5));
    Ok(buffer)
}

/// As [`bytes_of`], for text.
pub fn text_of(call: impl Fn(*mut u8, i64) -> i64) -> Result<String, i64> {
    bytes_of(call).map(|bytes| String::from_utf8(bytes).expect("text"))
}

/// Handles that no table has given out.
pub const BAD_HANDLES: [i64; 5] = [0, -1, i64::MIN, i64::MAX, 0x7fff_ffff];

/// A folder of its own for a test, removed with everything in it at the end.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let name = format!("native_ref-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a folder that is new");
        Self(path)
    }

    /// A path in this folder.
    pub fn path(&self, relative: &str) -> String {
        self.0.join(relative).to_str().expect("UTF-8").to_owned()
    }

    /// The path of this folder.
    pub fn root(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    /// Makes a file, with the folders around it.
    pub fn file(&self, relative: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(&path, content).expect("a writable folder");
        self.path(relative)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The strings in an array.
pub fn texts(array: RuntimeValue) -> Vec<String> {
    let count = rt_array_len(array);
    assert!(count >= 0, "no array: {}", show(array));
    (0..count).map(|at| read(rt_array_get(array, at))).collect()
}
