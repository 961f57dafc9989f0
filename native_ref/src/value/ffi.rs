//! The functions exported to C.
//!
//! Conventions, for every function in this file:
//!
//! * Text crosses the boundary as pointer and length in bytes, UTF-8, without
//!   a terminating zero. A null pointer is accepted with length 0.
//! * A function that fills a buffer takes `out` and `cap`, writes at most `cap`
//!   bytes and returns the full length; call it with a null pointer and 0 to
//!   ask for the length.
//! * Bad input gives the error value named in the description of the function,
//!   and most functions on values also record it for [`rt_error_last_code`].
//!
//! New functions go to the section they belong to. (They mostly do.)

use std::alloc::{self, Layout};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering as Cmp;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher as _};
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write as _};
use std::io::{BufReader, Seek as _, SeekFrom};
use std::net::{
    Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket,
};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr::NonNull;
use std::sync::{
    atomic::{
        AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
    mpsc, Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::core::RuntimeValue;
use super::heap::*;
use crate::value::heap as store;

// ===========================================================================
// Constants and shared types
// ===========================================================================

const ERR_NONE: i64 = 0;
const ERR_FUNCTION_NOT_FOUND: i64 = 1;
const ERR_METHOD_NOT_FOUND: i64 = 2;
const ERR_TYPE: i64 = 3;
const ERR_INDEX: i64 = 4;
const ERR_CONTRACT: i64 = 5;
const ERR_SYNTAX: i64 = 6;
const ERR_MEMORY: i64 = 7;
const ERR_IO: i64 = 8;
const ERR_ARITHMETIC: i64 = 9;
const ERR_NAME: i64 = 10;
const ERR_ARGUMENT: i64 = 11;
const ERR_DEPTH: i64 = 12;

/// Names and texts of the error codes, one in a line.
const ERROR_CODES: &str = include_str!("error_codes.txt");

/// Alignment of every block from [`rt_alloc`].
const ALLOC_ALIGN: usize = 8;

/// Most elements that one call may ask for in advance.
const MAX_ELEMENTS: i64 = 1 << 24;

/// Most bytes of a string that one call may build.
const MAX_TEXT: usize = 1 << 28;

const STREAM_OUT: usize = 0;
const STREAM_ERR: usize = 1;

/// Handle of an object that is not a value, such as a contract violation.
type Handle = i64;

/// A function that the interpreter may call by name.
type NativeFn = extern "C" fn(argc: i64, argv: *const RuntimeValue) -> RuntimeValue;

/// Replacement for the built-in evaluator.
type EvalHandler = extern "C" fn(source: *const u8, len: i64) -> RuntimeValue;

/// Replacement for the lookup of functions by name.
type CallHandler = extern "C" fn(
    name: *const u8,
    name_len: i64,
    argc: i64,
    argv: *const RuntimeValue,
) -> RuntimeValue;

type Outcome<T> = Result<T, Failure>;

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    code: i64,
    message: String,
}

impl Failure {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Makes this the last error of the thread.
    fn record(self) {
        ERROR_COUNT.fetch_add(1, Relaxed);
        // During the end of a thread the slot may be gone; then nobody can ask.
        let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = Some(self));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match error_catalogue().get(&self.code) {
            Some((name, _)) => write!(f, "{name}: {}", self.message),
            None => write!(f, "error {}: {}", self.code, self.message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(ERR_IO, error.to_string())
    }
}

static ERROR_COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LAST_ERROR: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

// Records the error and gives nil, for functions that return a value.
fn fail(code: i64, message: impl Into<String>) -> RuntimeValue {
    Failure::new(code, message).record();
    RuntimeValue::NIL
}

/// The value, or nil with the failure recorded.
fn value_or_nil(outcome: Outcome<RuntimeValue>) -> RuntimeValue {
    outcome.unwrap_or_else(|failure| {
        failure.record();
        RuntimeValue::NIL
    })
}

// ---------------------------------------------------------------------------
// Raw memory helpers
// ---------------------------------------------------------------------------

/// No process has so much memory: a greater length is a mistake.
const MAX_RAW_BYTES: i64 = 1 << 46;

/// The bytes at a pointer; `None` for a length that is negative or too large,
/// or for null with bytes.
///
/// # Safety
/// `ptr` is null or valid for reads of `len` bytes.
unsafe fn bytes_from_raw<'a>(ptr: *const u8, len: i64) -> Option<&'a [u8]> {
    if !(0..=MAX_RAW_BYTES).contains(&len) {
        return None;
    }
    let len = usize::try_from(len).ok()?;
    if isize::try_from(len).is_err() {
        return None;
    }
    if ptr.is_null() {
        return (len == 0).then_some(&[]);
    }
    Some(std::slice::from_raw_parts(ptr, len))
}

/// The text at a pointer, `None` if it is not UTF-8 or [`bytes_from_raw`] fails.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn str_from_raw<'a>(ptr: *const u8, len: i64) -> Option<&'a str> {
    std::str::from_utf8(bytes_from_raw(ptr, len)?).ok()
}

/// The text at a pointer; a failure names what the text was meant to be.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn text_argument<'a>(ptr: *const u8, len: i64, what: &str) -> Outcome<&'a str> {
    str_from_raw(ptr, len)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, format!("{what} is not readable UTF-8 text")))
}

/// The values at a pointer.
///
/// # Safety
/// `argv` is null or valid for reads of `argc` values.
unsafe fn values_from_raw<'a>(argc: i64, argv: *const RuntimeValue) -> Option<&'a [RuntimeValue]> {
    let count = usize::try_from(argc).ok()?;
    let bytes = count.checked_mul(std::mem::size_of::<RuntimeValue>())?;
    if isize::try_from(bytes).is_err() {
        return None;
    }
    if argv.is_null() {
        return (count == 0).then_some(&[]);
    }
    if argv.align_offset(std::mem::align_of::<RuntimeValue>()) != 0 {
        return None;
    }
    Some(std::slice::from_raw_parts(argv, count))
}

/// Writes at most `cap` bytes and returns the full length; -1 if `cap` is
/// negative, or if `out` is null while `cap` is not 0.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
unsafe fn copy_out(bytes: &[u8], out: *mut u8, cap: i64) -> i64 {
    let Ok(cap) = usize::try_from(cap) else {
        return -1;
    };
    if out.is_null() && cap > 0 {
        return -1;
    }
    let count = cap.min(bytes.len());
    if count > 0 {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, count);
    }
    length_of(bytes.len())
}

/// A length as it crosses the boundary.
#[inline]
fn length_of(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// A valid index into something of this length.
#[inline]
fn checked_index(index: i64, len: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// A count from outside, if it is within what one call may ask for.
fn checked_count(count: i64, what: &str) -> Outcome<usize> {
    if !(0..=MAX_ELEMENTS).contains(&count) {
        let message = format!("{what} {count} is not within 0 ..= {MAX_ELEMENTS}");
        return Err(Failure::new(ERR_INDEX, message));
    }
    Ok(count as usize)
}

/// A list of nils, without aborting when the memory is short.
fn nil_slots(count: usize) -> Outcome<Vec<RuntimeValue>> {
    let mut slots = Vec::new();
    if slots.try_reserve_exact(count).is_err() {
        return Err(Failure::new(
            ERR_MEMORY,
            format!("no room for {count} values"),
        ));
    }
    slots.resize(count, RuntimeValue::NIL);
    Ok(slots)
}

// ===========================================================================
// Value operations
// ===========================================================================

/// The value of an integer; any 64-bit integer is kept exactly.
#[no_mangle]
pub extern "C" fn rt_value_int(value: i64) -> RuntimeValue {
    RuntimeValue::from_int(value)
}

/// The value of a float; infinities and NaN are values too.
#[no_mangle]
pub extern "C" fn rt_value_float(value: f64) -> RuntimeValue {
    RuntimeValue::from_float(value)
}

/// The value of a bool.
#[no_mangle]
pub extern "C" fn rt_value_bool(value: bool) -> RuntimeValue {
    RuntimeValue::from_bool(value)
}

/// The nil value.
#[no_mangle]
pub extern "C" fn rt_value_nil() -> RuntimeValue {
    crate::value::core::RuntimeValue::NIL
}

/// The integer in a value; 0 if it is no integer (see [`rt_value_is_int`]).
#[no_mangle]
pub extern "C" fn rt_value_as_int(value: RuntimeValue) -> i64 {
    value.as_int().unwrap_or(0)
}

/// The float in a value; 0.0 if it is no float (see [`rt_value_is_float`]).
#[no_mangle]
pub extern "C" fn rt_value_as_float(value: RuntimeValue) -> f64 {
    value.as_float().unwrap_or(0.0)
}

/// The bool in a value; false if it is no bool. For the truth of any value use
/// [`rt_value_truthy`].
#[no_mangle]
pub extern "C" fn rt_value_as_bool(value: RuntimeValue) -> bool {
    value.as_bool().unwrap_or(false)
}

/// Whether a condition on the value holds: 0, 0.0, -0.0, false and nil do not.
#[no_mangle]
pub extern "C" fn rt_value_truthy(value: RuntimeValue) -> bool {
    value.truthy()
}

// One function for each simple question about the type.
macro_rules! value_questions {
    ($($(#[$meta:meta])* $name:ident => $method:ident;)+) => {$(
        $(#[$meta])*
        #[no_mangle]
        pub extern "C" fn $name(value: RuntimeValue) -> bool {
            value.$method()
        }
    )+};
}

value_questions! {
    /// Whether the value is nil.
    rt_value_is_nil => is_nil;
    /// Whether the value is an integer.
    rt_value_is_int => is_int;
    /// Whether the value is a float.
    rt_value_is_float => is_float;
    /// Whether the value is a bool.
    rt_value_is_bool => is_bool;
    /// Whether the value refers to the heap. The object may be gone already,
    /// see [`rt_heap_is_live`].
    rt_value_is_heap => is_heap;
}

// ===========================================================================
// Memory
// ===========================================================================

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Values made by [`rt_ptr_to_value`], one for each address.
static POINTERS: Mutex<BTreeMap<usize, RuntimeValue>> = Mutex::new(BTreeMap::new());

/// The blocks that [`rt_alloc`] gave out and [`rt_free`] did not take back.
fn allocations() -> &'static Mutex<HashMap<usize, Layout>> {
    static ALLOCATIONS: OnceLock<Mutex<HashMap<usize, Layout>>> = OnceLock::new();
    ALLOCATIONS.get_or_init(Mutex::default)
}

/// A zeroed block of memory, aligned to 8 bytes. Size 0, a negative size and a
/// size that cannot be allocated give null.
#[must_use]
#[no_mangle]
pub extern "C" fn rt_alloc(size: i64) -> *mut u8 {
    if size == 0 {
        return std::ptr::null_mut();
    }
    let layout = usize::try_from(size)
        .ok()
        .and_then(|size| Layout::from_size_align(size, ALLOC_ALIGN).ok());
    let Some(layout) = layout else {
        fail(ERR_MEMORY, format!("{size} is no size of a block"));
        return std::ptr::null_mut();
    };
    // SAFETY: the size of the layout is not 0.
    let block = unsafe { alloc::alloc_zeroed(layout) };
    if block.is_null() {
        fail(ERR_MEMORY, format!("no block of {size} bytes"));
        return block;
    }
    LIVE_BYTES.fetch_add(layout.size(), Relaxed);
    lock(allocations()).insert(block as usize, layout);
    block
}

/// Frees a block from [`rt_alloc`]; values made of its address are stale from
/// then on. False for null, for a block that was freed already, and for a
/// pointer that is no block.
// Not unsafe: a pointer that is not in the table is never touched.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[no_mangle]
pub extern "C" fn rt_free(block: *mut u8) -> bool {
    let mut live = lock(allocations());
    let Some(layout) = live.remove(&(block as usize)) else {
        return false;
    };
    if let Some(value) = lock(&POINTERS).remove(&(block as usize)) {
        heap_remove(value);
    }
    LIVE_BYTES.fetch_sub(layout.size(), Relaxed);
    // SAFETY: the block was allocated with this layout, and the entry that
    // allowed freeing it has just been taken out.
    unsafe { alloc::dealloc(block, layout) };
    true
}

/// The value of an address; null gives nil. The same address gives the same
/// value until it is freed. The memory is not looked at.
#[no_mangle]
pub extern "C" fn rt_ptr_to_value(pointer: *mut u8) -> RuntimeValue {
    if pointer.is_null() {
        return RuntimeValue::NIL;
    }
    let mut known = lock(&POINTERS);
    let value = known.get(&(pointer as usize)).copied();
    if let Some(value) = value.filter(|&value| heap_get(value).is_some()) {
        return value;
    }
    let value = heap_insert(HeapKind::Pointer, HeapBody::Address(pointer as usize));
    known.insert(pointer as usize, value);
    value
}

/// The address in a value from [`rt_ptr_to_value`]; null for any other value
/// and for a block that was freed.
#[no_mangle]
pub extern "C" fn rt_value_to_ptr(value: RuntimeValue) -> *mut u8 {
    match heap_get(value).as_deref().map(HeapObject::body) {
        Some(HeapBody::Address(address)) => *address as *mut u8,
        _ => std::ptr::null_mut(),
    }
}

// The language has no collector yet: generated code frees what it owns.

/// Frees one heap object, not what it refers to. False for a value that is no
/// reference, and for an object that was freed already.
#[no_mangle]
pub extern "C" fn rt_heap_free(value: RuntimeValue) -> bool {
    let Some(object) = heap_remove(value) else {
        return false;
    };
    if let HeapBody::Address(address) = object.body() {
        let mut known = lock(&POINTERS);
        if known.get(address) == Some(&value) {
            known.remove(address);
        }
    }
    true
}

/// Whether the value refers to a heap object that was not freed.
#[no_mangle]
pub extern "C" fn rt_heap_is_live(value: RuntimeValue) -> bool {
    heap_get(value).is_some()
}

/// The kind of a heap object: 1 string, 2 array, 3 tuple, 4 dict, 5 object,
/// 6 closure, 7 enum, 8 unique, 9 pointer; 0 for any other value.
#[no_mangle]
pub extern "C" fn rt_heap_kind(value: RuntimeValue) -> i64 {
    heap_get(value).map_or(0, |object| object.kind() as i64)
}

/// Number of heap objects that were not freed.
#[no_mangle]
pub extern "C" fn rt_heap_live_count() -> i64 {
    length_of(heap_live())
}

/// Bytes in the blocks of [`rt_alloc`] that were not freed.
#[no_mangle]
pub extern "C" fn rt_heap_block_bytes() -> i64 {
    length_of(LIVE_BYTES.load(Relaxed))
}

// ===========================================================================
// Structures behind heap values
// ===========================================================================

/// A structure with a fixed number of numbered slots.
trait SlotStore: 'static {
    /// Kind of the heap object that holds such a structure.
    const KIND: HeapKind;

    fn slots(&self) -> &Mutex<Vec<RuntimeValue>>;

    /// Whether slots may still change; asked with the slots locked.
    fn writable(&self) -> bool {
        true
    }

    fn count(&self) -> usize {
        lock(self.slots()).len()
    }

    fn slot(&self, index: i64) -> Outcome<RuntimeValue> {
        let slots = lock(self.slots());
        match checked_index(index, slots.len()) {
            Some(index) => Ok(slots[index]),
            None => Err(out_of_range(index, slots.len())),
        }
    }

    fn put(&self, index: i64, value: RuntimeValue) -> Outcome<()> {
        let mut slots = lock(self.slots());
        if !self.writable() {
            return Err(Failure::new(ERR_ARGUMENT, "the slots are sealed"));
        }
        match checked_index(index, slots.len()) {
            Some(index) => slots[index] = value,
            None => return Err(out_of_range(index, slots.len())),
        }
        Ok(())
    }
}

struct TupleData {
    slots: Mutex<Vec<RuntimeValue>>,
    sealed: AtomicBool,
}

impl TupleData {
    /// Ends changes for good, so that a key keeps its hash.
    fn seal(&self) -> Vec<RuntimeValue> {
        let slots = lock(&self.slots);
        self.sealed.store(true, SeqCst);
        slots.clone()
    }
}

impl SlotStore for TupleData {
    const KIND: HeapKind = HeapKind::Tuple;

    fn slots(&self) -> &Mutex<Vec<RuntimeValue>> {
        &self.slots
    }

    fn writable(&self) -> bool {
        !self.sealed.load(SeqCst)
    }
}

struct ObjectData {
    class_id: i64,
    fields: Mutex<Vec<RuntimeValue>>,
}

impl SlotStore for ObjectData {
    const KIND: HeapKind = HeapKind::Object;

    fn slots(&self) -> &Mutex<Vec<RuntimeValue>> {
        &self.fields
    }
}

struct ClosureData {
    function: usize,
    captures: Mutex<Vec<RuntimeValue>>,
}

impl SlotStore for ClosureData {
    const KIND: HeapKind = HeapKind::Closure;

    fn slots(&self) -> &Mutex<Vec<RuntimeValue>> {
        &self.captures
    }
}

struct EnumData {
    enum_id: i64,
    discriminant: i64,
    payload: RuntimeValue,
}

struct UniqueCell {
    content: Mutex<RuntimeValue>,
}

fn out_of_range(index: i64, len: usize) -> Failure {
    Failure::new(
        ERR_INDEX,
        format!("index {index} is out of range for length {len}"),
    )
}

fn wrong_type(value: RuntimeValue, expected: &str) -> Failure {
    let found = type_name(value);
    Failure::new(ERR_TYPE, format!("expected {expected}, found {found}"))
}

/// The name of a value's type, as the language calls it.
fn type_name(value: RuntimeValue) -> &'static str {
    if value.is_heap() {
        return heap_get(value).map_or("stale reference", |object| kind_name(object.kind()));
    }
    match value {
        _ if value.is_nil() => "nil",
        _ if value.is_int() => "int",
        _ if value.is_float() => "float",
        _ if value.is_bool() => "bool",
        _ => "invalid value",
    }
}

fn kind_name(kind: HeapKind) -> &'static str {
    match kind {
        HeapKind::String => "string",
        HeapKind::Array => "array",
        HeapKind::Tuple => "tuple",
        HeapKind::Dict => "dict",
        HeapKind::Object => "object",
        HeapKind::Closure => "closure",
        HeapKind::Enum => "enum",
        HeapKind::Unique => "unique",
        HeapKind::Pointer => "pointer",
    }
}

/// Runs a function on the structure behind a value of this kind.
fn with_native<T: 'static, R>(
    value: RuntimeValue,
    kind: HeapKind,
    action: impl FnOnce(&T) -> R,
) -> Outcome<R> {
    heap_get(value)
        .as_deref()
        .and_then(HeapObject::native::<T>)
        .map(action)
        .ok_or_else(|| wrong_type(value, kind_name(kind)))
}

/// Runs a function on the slots of a tuple, an object or a closure.
fn with_slots<T: SlotStore, R>(
    value: RuntimeValue,
    action: impl FnOnce(&T) -> Outcome<R>,
) -> Outcome<R> {
    with_native(value, T::KIND, action).and_then(|outcome| outcome)
}

fn insert_native<T: Send + Sync + 'static>(kind: HeapKind, data: T) -> RuntimeValue {
    heap_insert(kind, HeapBody::Native(Box::new(data)))
}

/// Runs a function on the items of an array.
fn with_items<R>(
    value: RuntimeValue,
    action: impl FnOnce(&mut Vec<RuntimeValue>) -> R,
) -> Outcome<R> {
    let object = heap_get(value);
    match object.as_deref().map(HeapObject::body) {
        Some(HeapBody::Items(items)) => Ok(action(&mut lock(items))),
        _ => Err(wrong_type(value, kind_name(HeapKind::Array))),
    }
}

/// The heap object of a string.
fn string_object(value: RuntimeValue) -> Outcome<Arc<HeapObject>> {
    heap_get(value)
        .filter(|object| object.text().is_some())
        .ok_or_else(|| wrong_type(value, kind_name(HeapKind::String)))
}

/// Runs a function on the text of a string.
fn with_text<R>(value: RuntimeValue, action: impl FnOnce(&str) -> R) -> Outcome<R> {
    Ok(action(string_object(value)?.text().unwrap_or_default()))
}

/// Whether it worked, with a failure recorded.
fn succeeded(outcome: Outcome<()>) -> bool {
    outcome.map_err(Failure::record).is_ok()
}

/// The count, or -1 with a failure recorded.
fn count_or_minus_one(outcome: Outcome<usize>) -> i64 {
    outcome.map_or_else(
        |failure| {
            failure.record();
            -1
        },
        length_of,
    )
}

// ===========================================================================
// Equality
// ===========================================================================

/// Whether two values are equal: by content for everything that holds other
/// values, IEEE for floats, by identity for closures, uniques and pointers.
///
/// Works off a list instead of calling itself, so that depth does not matter;
/// a pair that was met before is not followed again, so that cycles end.
fn values_equal(left: RuntimeValue, right: RuntimeValue) -> bool {
    let mut pending = vec![(left, right)];
    let mut seen = HashSet::new();
    while let Some((left, right)) = pending.pop() {
        if !left.is_heap() || !right.is_heap() {
            match (left.as_float(), right.as_float()) {
                (Some(left), Some(right)) if left == right => continue,
                (None, None) if left == right => continue,
                _ => return false,
            }
        }
        let (Some(a), Some(b)) = (heap_get(left), heap_get(right)) else {
            return false;
        };
        if a.kind() != b.kind() || !same_object(&a, &b, left == right) {
            return false;
        }
        if compared_by_identity(a.kind()) {
            continue;
        }
        if seen.insert((left.to_bits(), right.to_bits())) && !pair_parts(&a, &b, &mut pending) {
            return false;
        }
    }
    true
}

/// The part of equality that needs no look at other values.
fn same_object(a: &HeapObject, b: &HeapObject, identical: bool) -> bool {
    match a.kind() {
        HeapKind::String => a.text() == b.text(),
        HeapKind::Object => {
            let classes = (a.native::<ObjectData>(), b.native::<ObjectData>());
            matches!(classes, (Some(a), Some(b)) if a.class_id == b.class_id)
        }
        HeapKind::Enum => match (a.native::<EnumData>(), b.native::<EnumData>()) {
            (Some(a), Some(b)) => (a.enum_id, a.discriminant) == (b.enum_id, b.discriminant),
            _ => false,
        },
        HeapKind::Array | HeapKind::Tuple | HeapKind::Dict => true,
        HeapKind::Closure | HeapKind::Unique | HeapKind::Pointer => identical,
    }
}

#[inline]
fn compared_by_identity(kind: HeapKind) -> bool {
    matches!(
        kind,
        HeapKind::Closure | HeapKind::Unique | HeapKind::Pointer
    )
}

/// Queues the parts of two objects of one kind; false if they cannot be paired.
fn pair_parts(
    a: &HeapObject,
    b: &HeapObject,
    pending: &mut Vec<(RuntimeValue, RuntimeValue)>,
) -> bool {
    if let (Some(a), Some(b)) = (a.native::<DictData>(), b.native::<DictData>()) {
        // Never two locks at once: another thread may compare the other way.
        let entries = lock(&a.table).live_entries();
        let other = lock(&b.table);
        if entries.len() != other.live {
            return false;
        }
        for entry in entries {
            match other.find(entry.hash, entry.key) {
                Some(found) => pending.push((entry.value, other.value_at(found))),
                None => return false,
            }
        }
        return true;
    }
    let (a, b) = (parts_of(a), parts_of(b));
    if a.len() != b.len() {
        return false;
    }
    pending.extend(a.into_iter().zip(b).rev());
    true
}

/// A copy of the values an object holds, in order; a dict gives keys and values.
fn parts_of(object: &HeapObject) -> Vec<RuntimeValue> {
    if let HeapBody::Items(items) = object.body() {
        return lock(items).clone();
    }
    match object.kind() {
        HeapKind::Tuple => slots_of::<TupleData>(object),
        HeapKind::Object => slots_of::<ObjectData>(object),
        HeapKind::Closure => slots_of::<ClosureData>(object),
        HeapKind::Dict => object.native::<DictData>().map_or_else(Vec::new, |dict| {
            let entries = lock(&dict.table).live_entries();
            entries.iter().flat_map(|e| [e.key, e.value]).collect()
        }),
        HeapKind::Enum => object
            .native::<EnumData>()
            .map_or_else(Vec::new, |data| vec![data.payload]),
        HeapKind::Unique => object
            .native::<UniqueCell>()
            .map_or_else(Vec::new, |cell| vec![*lock(&cell.content)]),
        HeapKind::String | HeapKind::Array | HeapKind::Pointer => Vec::new(),
    }
}

fn slots_of<T: SlotStore>(object: &HeapObject) -> Vec<RuntimeValue> {
    object
        .native::<T>()
        .map_or_else(Vec::new, |data| lock(data.slots()).clone())
}

/// Whether two values are equal. Containers are compared by content, floats
/// as IEEE has it (NaN is unequal to itself, 0.0 equals -0.0), and values of
/// different types are unequal: 1 is not 1.0. A stale value equals nothing.
#[no_mangle]
pub extern "C" fn rt_value_eq(left: RuntimeValue, right: RuntimeValue) -> bool {
    values_equal(left, right)
}

/// Whether two values are the same one: the same object or the same bits.
#[no_mangle]
pub extern "C" fn rt_value_identical(left: RuntimeValue, right: RuntimeValue) -> bool {
    left == right
}

/// The order of two integers, two floats or two strings: -1, 0 or 1; 2 if the
/// values have no order (NaN, different types, other types).
#[no_mangle]
pub extern "C" fn rt_value_compare(left: RuntimeValue, right: RuntimeValue) -> i64 {
    match compare_values(left, right) {
        Some(Cmp::Less) => -1,
        Some(Cmp::Equal) => 0,
        Some(Cmp::Greater) => 1,
        None => 2,
    }
}

fn compare_values(left: RuntimeValue, right: RuntimeValue) -> Option<Cmp> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.as_float(), right.as_float()) {
        return left.partial_cmp(&right);
    }
    let (left, right) = (heap_get(left)?, heap_get(right)?);
    Some(left.text()?.cmp(right.text()?))
}

#[no_mangle]
/// The hash of a value, never negative: equal values have equal hashes. -1 for
/// a value that cannot be a key: NaN, an array, a dict, an object, a stale
/// value, and a tuple or an enum that holds one. A tuple that is hashed is
/// sealed: [`rt_tuple_set`] fails on it from then on.
pub extern "C" fn rt_value_hash(value: RuntimeValue) -> i64 {
    hash_value(value).map_or(-1, |hash| (hash >> 1) as i64)
}

const HASH_SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn hash_mix(state: u64, word: u64) -> u64 {
    let mut mixed = (state ^ word).wrapping_add(HASH_SEED);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn hash_text(text: &str) -> u64 {
    // FNV-1a; mixed once more because the table uses the low bits.
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash_mix(fnv, text.len() as u64)
}

enum Hashed {
    Leaf(u64),
    Branch(u64, Vec<RuntimeValue>),
}

struct HashFrame {
    owner: RuntimeValue,
    parts: Vec<RuntimeValue>,
    next: usize,
    state: u64,
}

fn hash_step(value: RuntimeValue) -> Option<Hashed> {
    if let Some(int) = value.as_int() {
        return Some(Hashed::Leaf(hash_mix(1, int as u64)));
    }
    if let Some(float) = value.as_float() {
        let float = if float == 0.0 { 0.0 } else { float };
        return (!float.is_nan()).then(|| Hashed::Leaf(hash_mix(2, float.to_bits())));
    }
    if value.is_nil() || value.is_bool() {
        return Some(Hashed::Leaf(hash_mix(3, value.to_bits())));
    }
    let object = heap_get(value)?;
    match object.kind() {
        HeapKind::String => Some(Hashed::Leaf(hash_text(object.text()?))),
        HeapKind::Tuple => {
            let parts = object.native::<TupleData>()?.seal();
            Some(Hashed::Branch(hash_mix(5, parts.len() as u64), parts))
        }
        HeapKind::Enum => {
            let data = object.native::<EnumData>()?;
            let seed = hash_mix(data.enum_id as u64, data.discriminant as u64);
            Some(Hashed::Branch(seed, vec![data.payload]))
        }
        kind if compared_by_identity(kind) => Some(Hashed::Leaf(hash_mix(6, value.to_bits()))),
        _ => None,
    }
}

/// The hash of a value, `None` if it is no key or holds itself.
fn hash_value(value: RuntimeValue) -> Option<u64> {
    let mut known = HashMap::new();
    let mut open = HashSet::new();
    let mut frames = vec![HashFrame {
        owner: RuntimeValue::NIL,
        parts: vec![value],
        next: 0,
        state: 0,
    }];
    loop {
        let frame = frames.last_mut()?;
        if let Some(&part) = frame.parts.get(frame.next) {
            frame.next += 1;
            if let Some(&hash) = known.get(&part.to_bits()) {
                frame.state = hash_mix(frame.state, hash);
                continue;
            }
            match hash_step(part)? {
                Hashed::Leaf(hash) => frame.state = hash_mix(frame.state, hash),
                Hashed::Branch(seed, parts) => {
                    if !open.insert(part.to_bits()) {
                        return None;
                    }
                    frames.push(HashFrame {
                        owner: part,
                        parts,
                        next: 0,
                        state: seed,
                    });
                }
            }
        } else {
            let done = frames.pop()?;
            let Some(parent) = frames.last_mut() else {
                return Some(done.state);
            };
            open.remove(&done.owner.to_bits());
            known.insert(done.owner.to_bits(), done.state);
            parent.state = hash_mix(parent.state, done.state);
        }
    }
}

// ===========================================================================
// Strings
// ===========================================================================

/// A string of UTF-8 text; nil for text that is not UTF-8 or not readable.
///
/// # Safety
/// `text` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_string_new(text: *const u8, len: i64) -> RuntimeValue {
    value_or_nil(text_argument(text, len, "text").map(string_value))
}

/// Length of a string in bytes; -1 for any other value.
#[no_mangle]
pub extern "C" fn rt_string_len(string: RuntimeValue) -> i64 {
    count_or_minus_one(with_text(string, str::len))
}

/// The bytes of a string, valid until it is freed, without a terminating zero;
/// null for any other value. The pointer of an empty string is not null.
#[no_mangle]
pub extern "C" fn rt_string_data(string: RuntimeValue) -> *const u8 {
    match with_text(string, str::as_ptr) {
        Ok(data) => data,
        Err(failure) => {
            failure.record();
            std::ptr::null()
        }
    }
}

/// Both strings, one after the other, as a new one; nil if a value is no
/// string or the result is longer than 2^28 bytes.
#[no_mangle]
pub extern "C" fn rt_string_concat(left: RuntimeValue, right: RuntimeValue) -> RuntimeValue {
    value_or_nil(concat_strings(left, right))
}

// Also what `+` on strings is in the interpreter.
fn concat_strings(left: RuntimeValue, right: RuntimeValue) -> Outcome<RuntimeValue> {
    let (left, right) = (string_object(left)?, string_object(right)?);
    let parts = [
        left.text().unwrap_or_default(),
        right.text().unwrap_or_default(),
    ];
    check_text_size(parts[0].len().checked_add(parts[1].len()))?;
    Ok(string_value(&parts.concat()))
}

fn check_text_size(size: Option<usize>) -> Outcome<usize> {
    size.filter(|&size| size <= MAX_TEXT)
        .ok_or_else(|| Failure::new(ERR_MEMORY, "the string would be too long"))
}

/// Copies the bytes of a string to `out`; -1 for a value that is no string and
/// for a bad buffer. See [`rt_string_data`] for a look without a copy.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_string_copy(string: RuntimeValue, out: *mut u8, cap: i64) -> i64 {
    match string_object(string) {
        Ok(object) => copy_out(object.text().unwrap_or_default().as_bytes(), out, cap),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// Number of characters (Unicode scalar values); -1 for a value that is no
/// string.
#[no_mangle]
pub extern "C" fn rt_string_char_count(string: RuntimeValue) -> i64 {
    count_or_minus_one(with_text(string, |text| text.chars().count()))
}

/// The bytes from `start` up to `end` as a new string; nil if they are out of
/// range, in the wrong order, or would cut a character.
#[no_mangle]
pub extern "C" fn rt_string_slice(string: RuntimeValue, start: i64, end: i64) -> RuntimeValue {
    let sliced = with_text(string, |text| {
        let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        text.get(range).map(string_value)
    });
    value_or_nil(sliced.and_then(|slice| {
        slice.ok_or_else(|| Failure::new(ERR_INDEX, format!("no text at {start}..{end}")))
    }))
}

/// Where a string first stands in another, as a byte index of at least `from`;
/// -1 if it does not, and for bad values.
#[no_mangle]
pub extern "C" fn rt_string_find(string: RuntimeValue, part: RuntimeValue, from: i64) -> i64 {
    let (Ok(string), Ok(part)) = (string_object(string), string_object(part)) else {
        return -1;
    };
    let (text, part) = (
        string.text().unwrap_or_default(),
        part.text().unwrap_or_default(),
    );
    let Some(from) = usize::try_from(from).ok().filter(|&at| at <= text.len()) else {
        return -1;
    };
    // A start inside a character means the next one.
    let from = (from..=text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(text.len());
    match text[from..].find(part) {
        Some(at) => length_of(from + at),
        None => -1,
    }
}

// ===========================================================================
// Arrays
// ===========================================================================

/// An empty array with room for `capacity` items; nil if that is negative, or
/// more than 2^24, or does not fit into memory.
#[no_mangle]
pub extern "C" fn rt_array_new(capacity: i64) -> RuntimeValue {
    let items = checked_count(capacity, "capacity")
        .and_then(nil_slots)
        .map(|mut items| {
            items.clear();
            heap_insert(HeapKind::Array, HeapBody::Items(Mutex::new(items)))
        });
    value_or_nil(items)
}

/// Number of items; -1 for a value that is no array.
#[no_mangle]
pub extern "C" fn rt_array_len(array: RuntimeValue) -> i64 {
    count_or_minus_one(with_items(array, |items| items.len()))
}

/// Number of items the array has room for; -1 for a value that is no array.
#[no_mangle]
pub extern "C" fn rt_array_capacity(array: RuntimeValue) -> i64 {
    count_or_minus_one(with_items(array, |items| items.capacity()))
}

/// The item at an index; nil if the index is out of range or the value is no
/// array.
#[no_mangle]
pub extern "C" fn rt_array_get(array: RuntimeValue, index: i64) -> RuntimeValue {
    value_or_nil(
        with_items(array, |items| match checked_index(index, items.len()) {
            Some(index) => Ok(items[index]),
            None => Err(out_of_range(index, items.len())),
        })
        .and_then(|item| item),
    )
}

/// Replaces the item at an index; false if there is none.
#[no_mangle]
pub extern "C" fn rt_array_set(array: RuntimeValue, index: i64, value: RuntimeValue) -> bool {
    let replaced = with_items(array, |items| match checked_index(index, items.len()) {
        Some(index) => {
            items[index] = value;
            Ok(())
        }
        None => Err(out_of_range(index, items.len())),
    });
    succeeded(replaced.and_then(|done| done))
}

/// Appends an item; the room doubles when it is used up. False for a value
/// that is no array, and if the memory is short.
#[no_mangle]
pub extern "C" fn rt_array_push(array: RuntimeValue, value: RuntimeValue) -> bool {
    let pushed = with_items(array, |items| {
        grow_by_doubling(items)?;
        items.push(value);
        Ok(())
    });
    succeeded(pushed.and_then(|done| done))
}

fn grow_by_doubling(items: &mut Vec<RuntimeValue>) -> Outcome<()> {
    if items.len() < items.capacity() {
        return Ok(());
    }
    let more = items.capacity().max(4);
    items
        .try_reserve_exact(more)
        .map_err(|error| Failure::new(ERR_MEMORY, error.to_string()))
}

/// Takes the last item off; nil if there is none or the value is no array.
#[no_mangle]
pub extern "C" fn rt_array_pop(array: RuntimeValue) -> RuntimeValue {
    value_or_nil(
        with_items(array, Vec::pop)
            .and_then(|item| item.ok_or_else(|| Failure::new(ERR_INDEX, "the array is empty"))),
    )
}

/// Removes all items and keeps the room; false for a value that is no array.
#[no_mangle]
pub extern "C" fn rt_array_clear(array: RuntimeValue) -> bool {
    succeeded(with_items(array, Vec::clear))
}

/// Inserts an item before the one at `index`, or at the end if `index` is the
/// length; false if it is out of range.
#[no_mangle]
pub extern "C" fn rt_array_insert(array: RuntimeValue, index: i64, value: RuntimeValue) -> bool {
    let inserted = with_items(array, |items| match checked_index(index, items.len() + 1) {
        Some(index) => grow_by_doubling(items).map(|()| items.insert(index, value)),
        None => Err(out_of_range(index, items.len())),
    });
    succeeded(inserted.and_then(|done| done))
}

/// Takes the item at an index out; nil if there is none.
#[no_mangle]
pub extern "C" fn rt_array_remove(array: RuntimeValue, index: i64) -> RuntimeValue {
    let removed = with_items(array, |items| match checked_index(index, items.len()) {
        Some(index) => Ok(items.remove(index)),
        None => Err(out_of_range(index, items.len())),
    });
    value_or_nil(removed.and_then(|item| item))
}

/// Where a value first stands in an array, as [`rt_value_eq`] compares; -1 if
/// it does not, and for a value that is no array.
#[no_mangle]
pub extern "C" fn rt_array_index_of(array: RuntimeValue, value: RuntimeValue) -> i64 {
    // Compared on a copy: an item may be the array itself.
    match with_items(array, |items| items.clone()) {
        Ok(items) => items
            .iter()
            .position(|&item| values_equal(item, value))
            .map_or(-1, length_of),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// Turns the order of the items round; false for a value that is no array.
#[no_mangle]
pub extern "C" fn rt_array_reverse(array: RuntimeValue) -> bool {
    succeeded(with_items(array, |items| items.reverse()))
}

/// The items from `start` up to `end` as a new array; nil if they are out of
/// range or in the wrong order.
#[no_mangle]
pub extern "C" fn rt_array_slice(array: RuntimeValue, start: i64, end: i64) -> RuntimeValue {
    let part = with_items(array, |items| {
        let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        items.get(range).map(<[_]>::to_vec)
    });
    let part = part.and_then(|part| {
        part.ok_or_else(|| Failure::new(ERR_INDEX, format!("no items at {start}..{end}")))
    });
    value_or_nil(part.map(array_value))
}

fn array_value(items: Vec<RuntimeValue>) -> RuntimeValue {
    heap_insert(HeapKind::Array, HeapBody::Items(Mutex::new(items)))
}

// ===========================================================================
// Tuples
// ===========================================================================

/// A tuple of `len` nils, to be filled with [`rt_tuple_set`]; nil if `len` is
/// negative or more than 2^24.
#[no_mangle]
pub extern "C" fn rt_tuple_new(len: i64) -> RuntimeValue {
    let slots = checked_count(len, "length").and_then(nil_slots);
    value_or_nil(slots.map(|slots| {
        let data = TupleData {
            slots: Mutex::new(slots),
            sealed: AtomicBool::new(false),
        };
        insert_native(TupleData::KIND, data)
    }))
}

/// Length of a tuple; -1 for any other value.
#[no_mangle]
pub extern "C" fn rt_tuple_len(tuple: RuntimeValue) -> i64 {
    count_or_minus_one(with_slots(tuple, |data: &TupleData| Ok(data.count())))
}

/// The item at an index; nil if there is none.
#[no_mangle]
pub extern "C" fn rt_tuple_get(tuple: RuntimeValue, index: i64) -> RuntimeValue {
    value_or_nil(with_slots(tuple, |data: &TupleData| data.slot(index)))
}

/// Sets the item at an index; false if there is none, and for a tuple that was
/// used as a key (see [`rt_value_hash`]).
#[no_mangle]
pub extern "C" fn rt_tuple_set(tuple: RuntimeValue, index: i64, value: RuntimeValue) -> bool {
    succeeded(with_slots(tuple, |data: &TupleData| data.put(index, value)))
}

// ===========================================================================
// Dictionaries
// ===========================================================================

struct DictData {
    table: Mutex<DictTable>,
}

#[derive(Clone, Copy)]
struct DictEntry {
    hash: u64,
    key: RuntimeValue,
    value: RuntimeValue,
}

/// A hash table that keeps the order of insertion: the entries stand in a list,
/// and an open-addressing index holds their positions plus one.
///
/// A removed entry leaves `None` in the list; its place in the index stays
/// taken until the next [`DictTable::rebuild`], so that probing goes on past it.
#[derive(Default)]
struct DictTable {
    entries: Vec<Option<DictEntry>>,
    index: Vec<u32>,
    live: usize,
}

const DICT_VACANT: u32 = 0;
const DICT_MIN_INDEX: usize = 8;
const DICT_MAX_ENTRIES: usize = 1 << 30;

impl DictTable {
    /// Position of the entry with this key.
    fn find(&self, hash: u64, key: RuntimeValue) -> Option<usize> {
        let mask = self.index.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let number = self.index[at];
            if number == DICT_VACANT {
                return None;
            }
            let position = number as usize - 1;
            if let Some(entry) = &self.entries[position] {
                if entry.hash == hash && values_equal(entry.key, key) {
                    return Some(position);
                }
            }
            at = (at + 1) & mask;
        }
    }

    fn value_at(&self, position: usize) -> RuntimeValue {
        self.entries[position].map_or(RuntimeValue::NIL, |entry| entry.value)
    }

    fn insert(&mut self, hash: u64, key: RuntimeValue, value: RuntimeValue) -> Outcome<()> {
        if let Some(position) = self.find(hash, key) {
            if let Some(entry) = &mut self.entries[position] {
                entry.value = value;
            }
            return Ok(());
        }
        // Three quarters full, counting what was removed.
        if (self.entries.len() + 1) * 4 > self.index.len() * 3 {
            self.rebuild()?;
        }
        let no_room = |error| Failure::new(ERR_MEMORY, format!("{error}"));
        self.entries.try_reserve(1).map_err(no_room)?;
        self.entries.push(Some(DictEntry { hash, key, value }));
        self.live += 1;
        let position = self.entries.len() - 1;
        self.link(hash, position);
        Ok(())
    }

    fn link(&mut self, hash: u64, position: usize) {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while self.index[at] != DICT_VACANT {
            at = (at + 1) & mask;
        }
        self.index[at] = position as u32 + 1;
    }

    /// Drops what was removed and makes the index fit twice the live entries.
    fn rebuild(&mut self) -> Outcome<()> {
        if self.live >= DICT_MAX_ENTRIES {
            return Err(Failure::new(ERR_MEMORY, "the dict is full"));
        }
        let size = (self.live * 2 + 2).next_power_of_two().max(DICT_MIN_INDEX);
        let mut index = Vec::new();
        index
            .try_reserve_exact(size)
            .map_err(|error| Failure::new(ERR_MEMORY, error.to_string()))?;
        index.resize(size, DICT_VACANT);
        self.index = index;
        self.entries.retain(Option::is_some);
        for position in 0..self.entries.len() {
            if let Some(entry) = self.entries[position] {
                self.link(entry.hash, position);
            }
        }
        Ok(())
    }

    fn remove(&mut self, hash: u64, key: RuntimeValue) -> Option<DictEntry> {
        let position = self.find(hash, key)?;
        self.live -= 1;
        self.entries[position].take()
    }

    fn live_entries(&self) -> Vec<DictEntry> {
        self.entries.iter().flatten().copied().collect()
    }
}

/// An empty dict with room for `capacity` entries; nil if that is negative or
/// more than 2^24.
#[no_mangle]
pub extern "C" fn rt_dict_new(capacity: i64) -> RuntimeValue {
    let made = checked_count(capacity, "capacity").and_then(|capacity| {
        let mut table = DictTable::default();
        if table.entries.try_reserve(capacity).is_err() {
            return Err(Failure::new(
                ERR_MEMORY,
                format!("no room for {capacity} entries"),
            ));
        }
        let table = Mutex::new(table);
        Ok(insert_native(HeapKind::Dict, DictData { table }))
    });
    value_or_nil(made)
}

/// Runs a function on the table of a dict, with the hash of a key.
fn with_dict_key<R>(
    dict: RuntimeValue,
    key: RuntimeValue,
    action: impl FnOnce(&mut DictTable, u64) -> R,
) -> Outcome<R> {
    // Hash first: that seals a tuple, so that comparing it under the lock of
    // the table cannot come back to this dict.
    let hash = hash_value(key);
    with_native(dict, HeapKind::Dict, |data: &DictData| match hash {
        Some(hash) => Ok(action(&mut lock(&data.table), hash)),
        None => Err(wrong_type(key, "a value that can be a key")),
    })
    .and_then(|outcome| outcome)
}

/// Number of entries; -1 for a value that is no dict.
#[no_mangle]
pub extern "C" fn rt_dict_len(dict: RuntimeValue) -> i64 {
    count_or_minus_one(with_native(dict, HeapKind::Dict, |data: &DictData| {
        lock(&data.table).live
    }))
}

/// The value of a key; nil if the dict has none, for a value that cannot be a
/// key, and for one that is no dict. [`rt_dict_contains`] tells a nil value
/// from none.
#[no_mangle]
pub extern "C" fn rt_dict_get(dict: RuntimeValue, key: RuntimeValue) -> RuntimeValue {
    value_or_nil(with_dict_key(dict, key, |table, hash| {
        table
            .find(hash, key)
            .map_or(RuntimeValue::NIL, |position| table.value_at(position))
    }))
}

/// Sets the value of a key. False for a value that is no dict and for a key
/// without a hash (see [`rt_value_hash`]).
#[no_mangle]
pub extern "C" fn rt_dict_set(dict: RuntimeValue, key: RuntimeValue, value: RuntimeValue) -> bool {
    let set = with_dict_key(dict, key, |table, hash| table.insert(hash, key, value));
    succeeded(set.and_then(|done| done))
}

/// Whether the dict has this key; false for bad values too.
#[no_mangle]
pub extern "C" fn rt_dict_contains(dict: RuntimeValue, key: RuntimeValue) -> bool {
    with_dict_key(dict, key, |table, hash| table.find(hash, key).is_some()).unwrap_or(false)
}

/// Removes a key; whether the dict had it.
#[no_mangle]
pub extern "C" fn rt_dict_remove(dict: RuntimeValue, key: RuntimeValue) -> bool {
    with_dict_key(dict, key, |table, hash| table.remove(hash, key).is_some()).unwrap_or(false)
}

/// Removes all entries; false for a value that is no dict.
#[no_mangle]
pub extern "C" fn rt_dict_clear(dict: RuntimeValue) -> bool {
    succeeded(with_native(dict, HeapKind::Dict, |data: &DictData| {
        *lock(&data.table) = DictTable::default();
    }))
}

// Keys and values only differ in what they take from an entry.
macro_rules! dict_listing {
    ($($(#[$meta:meta])* $name:ident => $field:ident;)+) => {$(
        $(#[$meta])*
        #[no_mangle]
        pub extern "C" fn $name(dict: RuntimeValue) -> RuntimeValue {
            let listed = with_native(dict, HeapKind::Dict, |data: &DictData| {
                lock(&data.table).live_entries()
            });
            value_or_nil(listed.map(|entries| {
                array_value(entries.iter().map(|entry| entry.$field).collect())
            }))
        }
    )+};
}

dict_listing! {
    /// The keys as a new array, in the order they were first set; nil for a
    /// value that is no dict.
    rt_dict_keys => key;
    /// The values as a new array, in the order of [`rt_dict_keys`]; nil for a
    /// value that is no dict.
    rt_dict_values => value;
}

// ---------------------------------------------------------------------------
// Objects
// ---------------------------------------------------------------------------

/// An object of a class, with `field_count` fields that are nil; nil if the
/// count is negative or more than 2^24.
#[no_mangle]
pub extern "C" fn rt_object_new(class_id: i64, field_count: i64) -> RuntimeValue {
    let fields = checked_count(field_count, "field count").and_then(nil_slots);
    value_or_nil(fields.map(|fields| {
        let fields = Mutex::new(fields);
        insert_native(ObjectData::KIND, ObjectData { class_id, fields })
    }))
}

/// The field with this number; nil if there is none.
#[no_mangle]
pub extern "C" fn rt_object_field_get(object: RuntimeValue, field: i64) -> RuntimeValue {
    value_or_nil(with_slots(object, |data: &ObjectData| data.slot(field)))
}

/// Sets the field with this number; false if there is none.
#[no_mangle]
pub extern "C" fn rt_object_field_set(
    object: RuntimeValue,
    field: i64,
    value: RuntimeValue,
) -> bool {
    succeeded(with_slots(object, |data: &ObjectData| {
        data.put(field, value)
    }))
}

/// The class of an object; -1 for any other value.
#[no_mangle]
pub extern "C" fn rt_object_class_id(object: RuntimeValue) -> i64 {
    let class = with_native(object, HeapKind::Object, |data: &ObjectData| data.class_id);
    class.unwrap_or_else(|failure| {
        failure.record();
        -1
    })
}

/// Number of fields; -1 for a value that is no object.
#[no_mangle]
pub extern "C" fn rt_object_field_count(object: RuntimeValue) -> i64 {
    count_or_minus_one(with_slots(object, |data: &ObjectData| Ok(data.count())))
}

/// A closure over a function, with `capture_count` captures that are nil; nil
/// for a null function, and for a count that is negative or more than 2^24.
/// The function is only kept, never called from here.
#[no_mangle]
pub extern "C" fn rt_closure_new(function: *const u8, capture_count: i64) -> RuntimeValue {
    if function.is_null() {
        return fail(ERR_ARGUMENT, "a closure needs a function");
    }
    let captures = checked_count(capture_count, "capture count").and_then(nil_slots);
    value_or_nil(captures.map(|captures| {
        let data = ClosureData {
            function: function as usize,
            captures: Mutex::new(captures),
        };
        insert_native(ClosureData::KIND, data)
    }))
}

/// Sets the capture with this number; false if there is none.
#[no_mangle]
pub extern "C" fn rt_closure_set_capture(
    closure: RuntimeValue,
    capture: i64,
    value: RuntimeValue,
) -> bool {
    succeeded(with_slots(closure, |data: &ClosureData| {
        data.put(capture, value)
    }))
}

/// The capture with this number; nil if there is none.
#[no_mangle]
pub extern "C" fn rt_closure_get_capture(closure: RuntimeValue, capture: i64) -> RuntimeValue {
    value_or_nil(with_slots(closure, |data: &ClosureData| data.slot(capture)))
}

/// The function of a closure; null for any other value.
#[no_mangle]
pub extern "C" fn rt_closure_func_ptr(closure: RuntimeValue) -> *const u8 {
    match with_native(closure, HeapKind::Closure, |data: &ClosureData| {
        data.function
    }) {
        Ok(function) => function as *const u8,
        Err(failure) => {
            failure.record();
            std::ptr::null()
        }
    }
}

/// A variant of an enum with its payload (nil for none).
#[no_mangle]
pub extern "C" fn rt_enum_new(
    enum_id: i64,
    discriminant: i64,
    payload: RuntimeValue,
) -> RuntimeValue {
    let data = EnumData {
        enum_id,
        discriminant,
        payload,
    };
    insert_native(HeapKind::Enum, data)
}

/// The discriminant of a variant; -1 for a value that is no enum.
#[no_mangle]
pub extern "C" fn rt_enum_discriminant(variant: RuntimeValue) -> i64 {
    with_native(variant, HeapKind::Enum, |data: &EnumData| data.discriminant).unwrap_or_else(
        |failure| {
            failure.record();
            -1
        },
    )
}

/// The payload of a variant; nil for a value that is no enum.
#[no_mangle]
pub extern "C" fn rt_enum_payload(variant: RuntimeValue) -> RuntimeValue {
    value_or_nil(with_native(variant, HeapKind::Enum, |data: &EnumData| {
        data.payload
    }))
}

// ===========================================================================
// Generators
// ===========================================================================
//
// A generator is a function that the compiler turned into a state machine. `rt_generator_next`
// calls its step; the step reads from its slots where it stopped (by convention slot 0 holds the
// number of the state and the others the local variables), goes on from there, notes where it is
// now, calls `rt_generator_yield` once and returns. A step that returns without a yield was the
// last one: the generator is exhausted and its step is never called again.

/// One step of a generator, which gets the generator's handle. It must not unwind.
type GeneratorStep = extern "C" fn(generator: i64);

struct Generator {
    step: GeneratorStep,
    slots: Mutex<Vec<RuntimeValue>>,
    run: Mutex<GeneratorRun>,
}

enum GeneratorRun {
    Idle,
    /// A step is being run, and may have yielded by now.
    Stepping {
        thread: ThreadId,
        yielded: Option<RuntimeValue>,
    },
    Exhausted,
}

static GENERATORS: HandleTable<Generator> = HandleTable::new();

fn generator_of(handle: Handle) -> Outcome<Arc<Generator>> {
    GENERATORS
        .get(handle)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, "the handle is no generator's"))
}

/// Makes a generator with a step and `slot_count` slots, which are nil. Nothing is run yet.
/// Returns 0 for a null step and for a count that is negative or more than 2^24.
#[no_mangle]
pub extern "C" fn rt_generator_new(step: Option<GeneratorStep>, slot_count: i64) -> i64 {
    let Some(step) = step else {
        fail(ERR_ARGUMENT, "a generator needs a step");
        return 0;
    };
    handle_or_zero(
        checked_count(slot_count, "slot count")
            .and_then(nil_slots)
            .map(|slots| {
                GENERATORS.insert(Generator {
                    step,
                    slots: Mutex::new(slots),
                    run: Mutex::new(GeneratorRun::Idle),
                })
            }),
    )
}

/// Hands a value to whoever called [`rt_generator_next`]. Only the step may do that, on its own
/// thread and once for each call; false otherwise, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_generator_yield(handle: i64, value: RuntimeValue) -> bool {
    succeeded(generator_of(handle).and_then(|generator| {
        let misuse = match &mut *lock(&generator.run) {
            GeneratorRun::Stepping { thread, .. } if *thread != thread::current().id() => {
                "another thread runs the step"
            }
            GeneratorRun::Stepping {
                yielded: Some(_), ..
            } => "the step has yielded already",
            GeneratorRun::Stepping { yielded, .. } => {
                *yielded = Some(value);
                return Ok(());
            }
            _ => "only the step of a generator yields",
        };
        Err(Failure::new(ERR_ARGUMENT, misuse))
    }))
}

/// Runs one step and gives the value it yielded.
///
/// Nil without an error when the generator is exhausted ([`rt_generator_is_done`] tells that from
/// a nil that was yielded). Nil with the error recorded for a bad handle, while a step of this
/// generator is being run (by itself or by another thread), and when more than 200 callbacks are
/// nested on this thread.
#[no_mangle]
pub extern "C" fn rt_generator_next(handle: i64) -> RuntimeValue {
    value_or_nil(advance_generator(handle))
}

fn advance_generator(handle: Handle) -> Outcome<RuntimeValue> {
    let generator = generator_of(handle)?;
    let _nested = NestedCall::enter()?;
    {
        let mut run = lock(&generator.run);
        match *run {
            GeneratorRun::Idle => {}
            GeneratorRun::Exhausted => return Ok(RuntimeValue::NIL),
            GeneratorRun::Stepping { .. } => {
                return Err(Failure::new(
                    ERR_ARGUMENT,
                    "a step of the generator is running",
                ))
            }
        }
        *run = GeneratorRun::Stepping {
            thread: thread::current().id(),
            yielded: None,
        };
    }
    (generator.step)(handle);
    let mut run = lock(&generator.run);
    match std::mem::replace(&mut *run, GeneratorRun::Exhausted) {
        GeneratorRun::Stepping {
            yielded: Some(value),
            ..
        } => {
            *run = GeneratorRun::Idle;
            Ok(value)
        }
        _ => Ok(RuntimeValue::NIL),
    }
}

/// Whether the generator is exhausted, which shows only in the call of [`rt_generator_next`] after
/// its last value. True for a bad handle as well, so that loops end.
#[no_mangle]
pub extern "C" fn rt_generator_is_done(handle: i64) -> bool {
    GENERATORS.get(handle).map_or(true, |generator| {
        matches!(*lock(&generator.run), GeneratorRun::Exhausted)
    })
}

/// The slot with this number; nil if there is none or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_generator_get_slot(handle: i64, slot: i64) -> RuntimeValue {
    value_or_nil(generator_of(handle).and_then(|generator| {
        let slots = lock(&generator.slots);
        match checked_index(slot, slots.len()) {
            Some(slot) => Ok(slots[slot]),
            None => Err(out_of_range(slot, slots.len())),
        }
    }))
}

/// Sets the slot with this number; false if there is none or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_generator_set_slot(handle: i64, slot: i64, value: RuntimeValue) -> bool {
    succeeded(generator_of(handle).and_then(|generator| {
        let mut slots = lock(&generator.slots);
        match checked_index(slot, slots.len()) {
            Some(slot) => slots[slot] = value,
            None => return Err(out_of_range(slot, slots.len())),
        }
        Ok(())
    }))
}

/// Frees a generator; a step that is being run goes on to its end, but cannot yield any more.
/// False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_generator_free(handle: i64) -> bool {
    GENERATORS.remove(handle).is_some()
}

// ===========================================================================
// Interpreter bridge
// ===========================================================================

/// A name that does not exist; prints it to the error stream, records the
/// error and gives nil, so that a program can go on.
///
/// # Safety
/// `name` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_function_not_found(name: *const u8, len: i64) -> RuntimeValue {
    let name = str_from_raw(name, len).unwrap_or("<unknown>");
    report(missing_function(name))
}

/// A type without the method that is called on it; prints both names to the
/// error stream, records the error and gives nil. See [`rt_function_not_found`].
///
/// # Safety
/// `type_name` and `method` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_method_not_found(
    type_name: *const u8,
    type_len: i64,
    method: *const u8,
    method_len: i64,
) -> RuntimeValue {
    let type_name = str_from_raw(type_name, type_len).unwrap_or("<unknown>");
    let method = str_from_raw(method, method_len).unwrap_or("<unknown>");
    let message = format!("method `{method}` of type `{type_name}` does not exist");
    report(Failure::new(ERR_METHOD_NOT_FOUND, message))
}

fn missing_function(name: &str) -> Failure {
    let message = format!("function `{name}` does not exist");
    Failure::new(ERR_FUNCTION_NOT_FOUND, message)
}

/// Prints a failure to the error stream and records it.
fn report(failure: Failure) -> RuntimeValue {
    write_stream(STREAM_ERR, format!("runtime error: {failure}\n").as_bytes());
    failure.record();
    RuntimeValue::NIL
}

/// The catalogue of error codes: name and text.
fn error_catalogue() -> &'static BTreeMap<i64, (&'static str, &'static str)> {
    static CATALOGUE: OnceLock<BTreeMap<i64, (&'static str, &'static str)>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let lines = ERROR_CODES.lines().filter(|line| !line.starts_with('#'));
        let entry = |line: &'static str| {
            let mut fields = line.split('|').map(str::trim);
            let code = fields.next()?.parse().ok()?;
            Some((code, (fields.next()?, fields.next()?)))
        };
        lines.filter_map(entry).collect()
    })
}

/// The code of the last error of this thread; 0 if there is none.
#[no_mangle]
pub extern "C" fn rt_error_last_code() -> i64 {
    last_error().map_or(ERR_NONE, |failure| failure.code)
}

/// Copies the message of the last error of this thread to `out`; length 0 if
/// there is none, -1 for a bad buffer.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_error_last_message(out: *mut u8, cap: i64) -> i64 {
    let message = last_error().map_or_else(String::new, |failure| failure.message);
    copy_out(message.as_bytes(), out, cap)
}

fn last_error() -> Option<Failure> {
    LAST_ERROR.try_with(|last| last.borrow().clone()).ok()?
}

/// Whether this thread has a last error.
#[no_mangle]
pub extern "C" fn rt_error_has() -> bool {
    last_error().is_some()
}

/// Forgets the last error of this thread; whether there was one.
#[no_mangle]
pub extern "C" fn rt_error_clear() -> bool {
    LAST_ERROR
        .try_with(|last| last.borrow_mut().take().is_some())
        .unwrap_or(false)
}

/// Makes this the last error of the thread. False, and no change, for code 0,
/// for a code that does not exist and for a message that is not UTF-8.
///
/// # Safety
/// `message` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_error_set(code: i64, message: *const u8, len: i64) -> bool {
    let known = code != ERR_NONE && error_catalogue().contains_key(&code);
    match str_from_raw(message, len) {
        Some(message) if known => {
            Failure::new(code, message).record();
            true
        }
        _ => false,
    }
}

/// Copies what an error code means to `out`; -1 for a code that does not exist
/// and for a bad buffer.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_error_describe(code: i64, out: *mut u8, cap: i64) -> i64 {
    match error_catalogue().get(&code) {
        Some((_, text)) => copy_out(text.as_bytes(), out, cap),
        None => -1,
    }
}

/// Number of errors that were recorded in this process, over all threads.
#[no_mangle]
pub extern "C" fn rt_error_total() -> i64 {
    i64::try_from(ERROR_COUNT.load(Relaxed)).unwrap_or(i64::MAX)
}

// --- interpreter -----------------------------------------------------------

static EVAL_HANDLER: Mutex<Option<EvalHandler>> = Mutex::new(None);
static CALL_HANDLER: Mutex<Option<CallHandler>> = Mutex::new(None);
static VARIABLES: Mutex<BTreeMap<String, RuntimeValue>> = Mutex::new(BTreeMap::new());

/// Nesting of parentheses, signs and calls that the evaluator follows.
const MAX_DEPTH: usize = 100;

/// The functions that [`rt_interp_register`] was given.
fn native_functions() -> &'static Mutex<HashMap<String, NativeFn>> {
    static FUNCTIONS: OnceLock<Mutex<HashMap<String, NativeFn>>> = OnceLock::new();
    FUNCTIONS.get_or_init(Mutex::default)
}

/// Evaluates statements and gives the value of the last one: `x = 2; x * 21`.
///
/// Known are int, float, string, bool and nil literals, variables, assignment,
/// calls (see [`rt_interp_call`]), parentheses, and by rising priority `or`,
/// `and`, comparisons, `+ -`, `* / %`, `not` and `-`, `**`. `/` on integers
/// truncates; an integer with a float counts as a float. On an error it is
/// recorded and the result is nil.
///
/// A handler from [`rt_interp_set_eval_handler`] takes the place of all this.
///
/// # Safety
/// `source` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_interp_eval(source: *const u8, len: i64) -> RuntimeValue {
    // Copied out, so that the handler may set another one.
    let handler = *lock(&EVAL_HANDLER);
    match handler {
        Some(handler) => handler(source, len),
        None => value_or_nil(text_argument(source, len, "expression").and_then(evaluate)),
    }
}

/// Calls a function by name. A handler from [`rt_interp_set_call_handler`]
/// gets every call; without one it is the function of [`rt_interp_register`],
/// or a built-in one: `abs`, `min`, `max`, `sqrt`, `floor`, `int`, `float`,
/// `str`, `len`, `type`. For another name it is [`rt_function_not_found`].
///
/// # Safety
/// `name` is null or valid for reads of `name_len` bytes, `argv` is null or
/// valid for reads of `argc` values.
#[no_mangle]
pub unsafe extern "C" fn rt_interp_call(
    name: *const u8,
    name_len: i64,
    argc: i64,
    argv: *const RuntimeValue,
) -> RuntimeValue {
    let name_text = match text_argument(name, name_len, "function name") {
        Ok(text) => text,
        Err(failure) => {
            failure.record();
            return RuntimeValue::NIL;
        }
    };
    let Some(arguments) = values_from_raw(argc, argv) else {
        return fail(ERR_ARGUMENT, "the arguments are not readable");
    };
    match call_function(name_text, arguments) {
        Err(failure) if failure.code == ERR_FUNCTION_NOT_FOUND => {
            rt_function_not_found(name, name_len)
        }
        outcome => value_or_nil(outcome),
    }
}

/// Sets or, with null, removes the handler of [`rt_interp_call`]; whether one
/// was set before.
#[no_mangle]
pub extern "C" fn rt_interp_set_call_handler(handler: Option<CallHandler>) -> bool {
    std::mem::replace(&mut *lock(&CALL_HANDLER), handler).is_some()
}

/// Sets or, with null, removes the handler of [`rt_interp_eval`]; whether one
/// was set before.
#[no_mangle]
pub extern "C" fn rt_interp_set_eval_handler(handler: Option<EvalHandler>) -> bool {
    std::mem::replace(&mut *lock(&EVAL_HANDLER), handler).is_some()
}

/// Which handlers are set: 1 for calls, plus 2 for expressions.
#[no_mangle]
pub extern "C" fn rt_interp_handlers() -> i64 {
    i64::from(lock(&CALL_HANDLER).is_some()) + 2 * i64::from(lock(&EVAL_HANDLER).is_some())
}

/// Makes a native function callable by name, or with null no longer. False for
/// a name that is no identifier, and if there was nothing to remove.
///
/// # Safety
/// `name` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_interp_register(
    name: *const u8,
    len: i64,
    function: Option<NativeFn>,
) -> bool {
    let Some(name) = str_from_raw(name, len).filter(|name| text::is_identifier(name)) else {
        return false;
    };
    let mut functions = lock(native_functions());
    match function {
        Some(function) => {
            functions.insert(name.to_owned(), function);
            true
        }
        None => functions.remove(name).is_some(),
    }
}

/// Sets a variable of the interpreter; false for a name that is no identifier.
///
/// # Safety
/// `name` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_interp_set_var(name: *const u8, len: i64, value: RuntimeValue) -> bool {
    let Some(name) = str_from_raw(name, len).filter(|name| text::is_identifier(name)) else {
        return false;
    };
    lock(&VARIABLES).insert(name.to_owned(), value);
    true
}

/// A variable of the interpreter; nil, with the error recorded, if there is
/// none.
///
/// # Safety
/// `name` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_interp_get_var(name: *const u8, len: i64) -> RuntimeValue {
    value_or_nil(text_argument(name, len, "variable name").and_then(variable))
}

/// Forgets all variables of the interpreter; how many there were.
#[no_mangle]
pub extern "C" fn rt_interp_clear_vars() -> i64 {
    length_of(std::mem::take(&mut *lock(&VARIABLES)).len())
}

fn variable(name: &str) -> Outcome<RuntimeValue> {
    let value = lock(&VARIABLES).get(name).copied();
    value.ok_or_else(|| Failure::new(ERR_NAME, format!("variable `{name}` does not exist")))
}

/// Calls the handler, a registered function or a built-in one.
fn call_function(name: &str, arguments: &[RuntimeValue]) -> Outcome<RuntimeValue> {
    let argc = length_of(arguments.len());
    let handler = *lock(&CALL_HANDLER);
    if let Some(handler) = handler {
        let name_len = length_of(name.len());
        return Ok(handler(name.as_ptr(), name_len, argc, arguments.as_ptr()));
    }
    let native = lock(native_functions()).get(name).copied();
    if let Some(native) = native {
        return Ok(native(argc, arguments.as_ptr()));
    }
    let Some((arity, builtin)) = builtins().get(name) else {
        return Err(missing_function(name));
    };
    if *arity != arguments.len() {
        let message = format!("`{name}` takes {arity} arguments, not {}", arguments.len());
        return Err(Failure::new(ERR_ARGUMENT, message));
    }
    builtin(arguments)
}

type Builtin = (usize, fn(&[RuntimeValue]) -> Outcome<RuntimeValue>);

fn builtins() -> &'static HashMap<&'static str, Builtin> {
    static BUILTINS: OnceLock<HashMap<&'static str, Builtin>> = OnceLock::new();
    BUILTINS.get_or_init(|| {
        let table: [(&str, Builtin); 10] = [
            ("abs", (1, builtin_abs)),
            ("min", (2, |args| pick(args, Cmp::Less))),
            ("max", (2, |args| pick(args, Cmp::Greater))),
            (
                "sqrt",
                (1, |args| {
                    float_argument(args[0])
                        .map(f64::sqrt)
                        .map(RuntimeValue::from_float)
                }),
            ),
            (
                "floor",
                (1, |args| {
                    float_argument(args[0])
                        .map(f64::floor)
                        .map(RuntimeValue::from_float)
                }),
            ),
            ("int", (1, |args| to_int(args[0]))),
            (
                "float",
                (1, |args| {
                    float_argument(args[0]).map(RuntimeValue::from_float)
                }),
            ),
            ("str", (1, |args| Ok(store::string_value(&render(args[0]))))),
            ("len", (1, |args| value_len(args[0]))),
            ("type", (1, |args| Ok(string_value(type_name(args[0]))))),
        ];
        table.into_iter().collect()
    })
}

fn builtin_abs(arguments: &[RuntimeValue]) -> Outcome<RuntimeValue> {
    if let Some(int) = arguments[0].as_int() {
        let abs = int.checked_abs().ok_or_else(|| no_result("abs"))?;
        return Ok(RuntimeValue::from_int(abs));
    }
    float_argument(arguments[0]).map(|float| RuntimeValue::from_float(float.abs()))
}

/// The smaller or the larger of two numbers or strings.
fn pick(arguments: &[RuntimeValue], wanted: Cmp) -> Outcome<RuntimeValue> {
    let (left, right) = (arguments[0], arguments[1]);
    let order = ordered(left, right)?;
    Ok(if order == Some(wanted) || order == Some(Cmp::Equal) {
        left
    } else {
        right
    })
}

fn float_argument(value: RuntimeValue) -> Outcome<f64> {
    value
        .as_float()
        .or_else(|| value.as_int().map(|int| int as f64))
        .ok_or_else(|| wrong_type(value, "a number"))
}

fn to_int(value: RuntimeValue) -> Outcome<RuntimeValue> {
    if value.is_int() {
        return Ok(value);
    }
    if let Ok(parsed) = with_text(value, |text| text.trim().parse::<i64>()) {
        return parsed
            .map(RuntimeValue::from_int)
            .map_err(|error| Failure::new(ERR_ARGUMENT, error.to_string()));
    }
    let float = float_argument(value)?.trunc();
    // Both bounds are exact as floats; the upper one is already too large.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float) {
        return Ok(RuntimeValue::from_int(float as i64));
    }
    Err(no_result("int"))
}

fn value_len(value: RuntimeValue) -> Outcome<RuntimeValue> {
    let len = match heap_get(value).map(|object| object.kind()) {
        Some(HeapKind::String) => with_text(value, str::len)?,
        Some(HeapKind::Array) => with_items(value, |items| items.len())?,
        Some(HeapKind::Tuple) => with_slots(value, |data: &TupleData| Ok(data.count()))?,
        Some(HeapKind::Dict) => with_native(value, HeapKind::Dict, |data: &DictData| {
            lock(&data.table).live
        })?,
        _ => return Err(wrong_type(value, "a value with a length")),
    };
    Ok(RuntimeValue::from_int(length_of(len)))
}

fn no_result(operation: &str) -> Failure {
    Failure::new(ERR_ARITHMETIC, format!("`{operation}` has no result here"))
}

enum NumberPair {
    Ints(i64, i64),
    Floats(f64, f64),
}

/// Two numbers as one type.
fn number_pair(left: RuntimeValue, right: RuntimeValue) -> Outcome<NumberPair> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return Ok(NumberPair::Ints(left, right));
    }
    Ok(NumberPair::Floats(
        float_argument(left)?,
        float_argument(right)?,
    ))
}

macro_rules! number_operators {
    ($($name:ident: $checked:ident, $operator:tt;)+) => {$(
        fn $name(left: RuntimeValue, right: RuntimeValue) -> Outcome<RuntimeValue> {
            match number_pair(left, right)? {
                NumberPair::Ints(left, right) => left
                    .$checked(right)
                    .map(RuntimeValue::from_int)
                    .ok_or_else(|| no_result(stringify!($operator))),
                NumberPair::Floats(left, right) => {
                    Ok(RuntimeValue::from_float(left $operator right))
                }
            }
        }
    )+};
}

number_operators! {
    add_numbers: checked_add, +;
    subtract_numbers: checked_sub, -;
    multiply_numbers: checked_mul, *;
    divide_numbers: checked_div, /;
    remainder_numbers: checked_rem, %;
}

fn power_numbers(base: RuntimeValue, exponent: RuntimeValue) -> Outcome<RuntimeValue> {
    match number_pair(base, exponent)? {
        NumberPair::Ints(base, exponent) if exponent >= 0 => {
            // Beyond u32 only the bases -1, 0 and 1 have a result.
            let short = u32::try_from(exponent).unwrap_or(u32::MAX - 1 + (exponent & 1) as u32);
            let power = base.checked_pow(short).ok_or_else(|| no_result("**"))?;
            Ok(RuntimeValue::from_int(power))
        }
        NumberPair::Ints(base, exponent) => Ok(RuntimeValue::from_float(
            (base as f64).powf(exponent as f64),
        )),
        NumberPair::Floats(base, exponent) => Ok(RuntimeValue::from_float(base.powf(exponent))),
    }
}

/// The order of two numbers, an integer with a float as floats, or of two
/// strings; `None` with a NaN.
fn ordered(left: RuntimeValue, right: RuntimeValue) -> Outcome<Option<Cmp>> {
    if left.is_heap() && right.is_heap() {
        string_object(left)?;
        string_object(right)?;
        return Ok(compare_values(left, right));
    }
    Ok(match number_pair(left, right)? {
        NumberPair::Ints(left, right) => Some(left.cmp(&right)),
        NumberPair::Floats(left, right) => left.partial_cmp(&right),
    })
}

fn evaluate(source: &str) -> Outcome<RuntimeValue> {
    let mut evaluator = Evaluator {
        tokens: text::tokens(source)?,
        at: 0,
        depth: 0,
        live: true,
    };
    evaluator.statements()
}

/// Evaluates while it parses. In the part of `and` and `or` that does not
/// count, `live` is false: it is parsed, but nothing is looked up or called.
struct Evaluator {
    tokens: Vec<text::Token>,
    at: usize,
    depth: usize,
    live: bool,
}

impl Evaluator {
    fn statements(&mut self) -> Outcome<RuntimeValue> {
        let mut last = RuntimeValue::NIL;
        while self.at < self.tokens.len() {
            if self.accept(";") {
                continue;
            }
            last = self.statement()?;
            if self.at < self.tokens.len() {
                self.expect(";")?;
            }
        }
        Ok(last)
    }

    fn statement(&mut self) -> Outcome<RuntimeValue> {
        if let Some([text::Token::Name(name), text::Token::Symbol("=")]) =
            self.tokens.get(self.at..self.at + 2)
        {
            let name = name.clone();
            self.at += 2;
            let value = self.disjunction()?;
            lock(&VARIABLES).insert(name, value);
            return Ok(value);
        }
        self.disjunction()
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(
            self.tokens.get(self.at),
            Some(text::Token::Symbol(found)) if *found == symbol
        );
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Outcome<()> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{symbol}`")))
    }

    fn unexpected(&self, wanted: &str) -> Failure {
        let found = match self.tokens.get(self.at) {
            Some(token) => format!("{token}"),
            None => "the end".to_owned(),
        };
        Failure::new(ERR_SYNTAX, format!("expected {wanted}, found {found}"))
    }

    /// Runs an operation unless it does not count here.
    fn apply(
        &self,
        operation: fn(RuntimeValue, RuntimeValue) -> Outcome<RuntimeValue>,
        left: RuntimeValue,
        right: RuntimeValue,
    ) -> Outcome<RuntimeValue> {
        if self.live {
            operation(left, right)
        } else {
            Ok(RuntimeValue::NIL)
        }
    }

    /// Parses the right side of `and` or `or`.
    fn optional_side(
        &mut self,
        counts: bool,
        side: fn(&mut Self) -> Outcome<RuntimeValue>,
    ) -> Outcome<RuntimeValue> {
        let outer = self.live;
        self.live = outer && counts;
        let value = side(self);
        self.live = outer;
        value
    }

    fn disjunction(&mut self) -> Outcome<RuntimeValue> {
        let mut left = self.conjunction()?;
        while self.accept("or") {
            let right = self.optional_side(!left.truthy(), Self::conjunction)?;
            left = if left.truthy() { left } else { right };
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Outcome<RuntimeValue> {
        let mut left = self.comparison()?;
        while self.accept("and") {
            let right = self.optional_side(left.truthy(), Self::comparison)?;
            left = if left.truthy() { right } else { left };
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Outcome<RuntimeValue> {
        let mut left = self.sum()?;
        loop {
            let test: fn(Cmp) -> bool = match () {
                () if self.accept("==") => {
                    let right = self.sum()?;
                    left = RuntimeValue::from_bool(loosely_equal(left, right));
                    continue;
                }
                () if self.accept("!=") => {
                    let right = self.sum()?;
                    left = RuntimeValue::from_bool(!loosely_equal(left, right));
                    continue;
                }
                () if self.accept("<=") => Cmp::is_le,
                () if self.accept(">=") => Cmp::is_ge,
                () if self.accept("<") => Cmp::is_lt,
                () if self.accept(">") => Cmp::is_gt,
                () => return Ok(left),
            };
            let right = self.sum()?;
            if self.live {
                left = RuntimeValue::from_bool(ordered(left, right)?.is_some_and(test));
            }
        }
    }

    fn sum(&mut self) -> Outcome<RuntimeValue> {
        let mut left = self.product()?;
        loop {
            if self.accept("+") {
                let right = self.product()?;
                left = self.apply(add_values, left, right)?;
            } else if self.accept("-") {
                let right = self.product()?;
                left = self.apply(subtract_numbers, left, right)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Outcome<RuntimeValue> {
        let mut left = self.sign()?;
        loop {
            let operation = if self.accept("*") {
                multiply_numbers
            } else if self.accept("/") {
                divide_numbers
            } else if self.accept("%") {
                remainder_numbers
            } else {
                return Ok(left);
            };
            let right = self.sign()?;
            left = self.apply(operation, left, right)?;
        }
    }

    fn sign(&mut self) -> Outcome<RuntimeValue> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} times");
            return Err(Failure::new(ERR_DEPTH, message));
        }
        let value = if self.accept("not") {
            RuntimeValue::from_bool(!self.sign()?.truthy())
        } else if self.accept("-") {
            self.negative()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn negative(&mut self) -> Outcome<RuntimeValue> {
        // The smallest integer has no positive counterpart.
        if let Some(text::Token::Int(digits)) = self.tokens.get(self.at) {
            if *digits == i64::MIN.unsigned_abs() {
                self.at += 1;
                return Ok(RuntimeValue::from_int(i64::MIN));
            }
        }
        let value = self.sign()?;
        if let Some(float) = value.as_float() {
            return Ok(RuntimeValue::from_float(-float));
        }
        self.apply(subtract_numbers, RuntimeValue::from_int(0), value)
    }

    fn power(&mut self) -> Outcome<RuntimeValue> {
        let base = self.atom()?;
        if self.accept("**") {
            let exponent = self.sign()?;
            return self.apply(power_numbers, base, exponent);
        }
        Ok(base)
    }

    fn atom(&mut self) -> Outcome<RuntimeValue> {
        if self.accept("(") {
            let value = self.disjunction()?;
            self.expect(")")?;
            return Ok(value);
        }
        for (word, value) in [
            ("true", RuntimeValue::from_bool(true)),
            ("false", RuntimeValue::from_bool(false)),
            ("nil", RuntimeValue::NIL),
        ] {
            if self.accept(word) {
                return Ok(value);
            }
        }
        let Some(token) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected("a value"));
        };
        let value = match token {
            text::Token::Int(digits) => match i64::try_from(digits) {
                Ok(int) => RuntimeValue::from_int(int),
                Err(_) => return Err(Failure::new(ERR_SYNTAX, "the integer is too large")),
            },
            text::Token::Float(float) => RuntimeValue::from_float(float),
            text::Token::Text(text) => string_value(&text),
            text::Token::Name(name) => {
                self.at += 1;
                return self.named(&name);
            }
            text::Token::Symbol(_) => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(value)
    }

    /// A variable, or a call with its arguments.
    fn named(&mut self, name: &str) -> Outcome<RuntimeValue> {
        if !self.accept("(") {
            return if self.live {
                variable(name)
            } else {
                Ok(RuntimeValue::NIL)
            };
        }
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(self.disjunction()?);
                if self.accept(")") {
                    break;
                }
                self.expect(",")?;
            }
        }
        if self.live {
            call_function(name, &arguments)
        } else {
            Ok(RuntimeValue::NIL)
        }
    }
}

fn add_values(left: RuntimeValue, right: RuntimeValue) -> Outcome<RuntimeValue> {
    if left.is_heap() && right.is_heap() {
        concat_strings(left, right)
    } else {
        add_numbers(left, right)
    }
}

/// Equality of the language, except that 1 == 1.0 holds in expressions.
fn loosely_equal(left: RuntimeValue, right: RuntimeValue) -> bool {
    match number_pair(left, right) {
        Ok(NumberPair::Ints(left, right)) => left == right,
        Ok(NumberPair::Floats(left, right)) => left == right,
        Err(_) => values_equal(left, right),
    }
}

/// Text of expressions and of printed values.
mod text {
    use std::fmt;

    use super::{Failure, Outcome, ERR_SYNTAX};

    #[derive(Clone, Debug, PartialEq)]
    pub(super) enum Token {
        Int(u64),
        Float(f64),
        Text(String),
        Name(String),
        Symbol(&'static str),
    }

    impl fmt::Display for Token {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Int(digits) => write!(f, "`{digits}`"),
                Self::Float(float) => write!(f, "`{float:?}`"),
                Self::Text(text) => f.write_str(&quoted(text)),
                Self::Name(name) => write!(f, "`{name}`"),
                Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            }
        }
    }

    // Longest first.
    const SYMBOLS: [&str; 18] = [
        "**", "==", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", ";",
        "\n",
    ];
    const WORDS: [&str; 6] = ["and", "or", "not", "true", "false", "nil"];

    /// Splits an expression; a line end counts as `;`.
    pub(super) fn tokens(source: &str) -> Outcome<Vec<Token>> {
        let mut found = Vec::new();
        let mut rest = source.trim_start_matches(is_blank);
        while let Some(first) = rest.chars().next() {
            let (token, len) = match first {
                '0'..='9' => number(rest)?,
                '"' => string(rest)?,
                _ if starts_name(first) => {
                    let len = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
                    let word = WORDS.into_iter().find(|word| *word == &rest[..len]);
                    let name = || Token::Name(rest[..len].to_owned());
                    (word.map_or_else(name, Token::Symbol), len)
                }
                _ => match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
                    Some("\n") => (Token::Symbol(";"), 1),
                    Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                    None => return Err(wrong(format!("unexpected character {first:?}"))),
                },
            };
            found.push(token);
            rest = rest[len..].trim_start_matches(is_blank);
        }
        Ok(found)
    }

    fn wrong(message: impl Into<String>) -> Failure {
        super::Failure::new(ERR_SYNTAX, message)
    }

    fn is_blank(c: char) -> bool {
        matches!(c, ' ' | '\t' | '\r')
    }

    fn starts_name(c: char) -> bool {
        c == '_' || c.is_alphabetic()
    }

    fn continues_name(c: char) -> bool {
        c == '_' || c.is_alphanumeric()
    }

    /// Whether a name can be written in an expression.
    pub(super) fn is_identifier(name: &str) -> bool {
        name.starts_with(starts_name) && name.chars().all(continues_name) && !WORDS.contains(&name)
    }

    fn number(rest: &str) -> Outcome<(Token, usize)> {
        let digits = |from: usize| {
            let tail = &rest[from..];
            from + tail
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(tail.len())
        };
        let mut end = digits(0);
        let whole = end;
        if rest[end..].starts_with('.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            if digits(end + 1 + sign) > end + 1 + sign {
                end = digits(end + 1 + sign);
            }
        }
        if rest[end..].starts_with(continues_name) {
            return Err(wrong(format!(
                "a name right after the number {}",
                &rest[..end]
            )));
        }
        let literal = &rest[..end];
        let token = if end == whole {
            literal.parse().map(Token::Int).ok()
        } else {
            literal.parse().map(Token::Float).ok()
        };
        match token {
            Some(token) => Ok((token, end)),
            None => Err(wrong("the integer is too large")),
        }
    }

    fn string(rest: &str) -> Outcome<(Token, usize)> {
        let mut text = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return Ok((Token::Text(text), at + 1)),
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    _ => return Err(wrong("unknown escape in a string")),
                },
                _ => text.push(c),
            }
        }
        Err(wrong("a string without its closing quote"))
    }

    /// A string as it is written in the language.
    pub(super) fn quoted(text: &str) -> String {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        for c in text.chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '"' | '\\' => quoted.extend(['\\', c]),
                _ => quoted.push(c),
            }
        }
        quoted.push('"');
        quoted
    }
}

// ===========================================================================
// Compiler: types and templates (feature "compiler")
// ===========================================================================
//
// Types, expressions and code cross the boundary as JSON: at most 1 MiB, nested at most 128 deep, no
// key twice in an object, no keys but those below. What is in [] may be left out.
//
// Types:
//   {"kind":"int"[,"bits":8|16|32|64][,"signed":bool]}   64 bits, signed, unless it says otherwise
//   {"kind":"float"[,"bits":32|64]}   {"kind":"bool"}   {"kind":"nil"}   {"kind":"string"}
//   {"kind":"tuple","items":[type…]}   {"kind":"named","name":"Vec"[,"args":[type…]]}
//   {"kind":"fn","params":[type…],"result":type}
//   {"kind":"var","name":"a"[,"class":"any"|"equal"|"ordered"|"number"]}
// Numbers are ordered, strings too; what is ordered can be compared for equality, and so can
// everything in which no function is.
//
// Expressions:
//   {"expr":"int"|"float","value":number[,"type":type]}   {"expr":"bool"|"string","value":…}
//   {"expr":"nil"}   {"expr":"var","name":"x"}   {"expr":"as","value":expr,"type":type}
//   {"expr":"lambda","params":["x"|{"name":"x"[,"type":type]}…],"body":expr}
//   {"expr":"apply","fn":expr,"args":[expr…]}   {"expr":"if","cond":expr,"then":expr,"else":expr}
//   {"expr":"let","name":"x","value":expr,"body":expr[,"rec":bool]}
//   {"expr":"tuple"|"list","items":[expr…]}   a list is a `Vec`
//   {"expr":"op","op":"+"|"-"|"*"|"/"|"%"|"neg"|"=="|"!="|"<"|"<="|">"|">="|"not"|"and"|"or",
//    "args":[expr…]}
// A type variable in an expression stands for some type, by the same name for the same one.
//
// Programs: an expression, or {"body":expr[,"env":{name:type…}]}; the variables in a type of `env`
// stand for every type. To check a program, it has a "type" beside its body.
//
// Templates:
//   {"name":"max","params":["T"|{"name":"T"[,"class":…]}…],"args":[{"name":"a","type":type}…],
//    "result":type,"body":expr[,"uses":{name:function type…}]}
// The body may call the functions in `uses` and the template itself. Functions are no values there,
// and `let` has one type.
//
// Code (of an instance):
//   {"name":"max<i64>","params":[type…],"locals":[type…],"result":type,"calls":{name:type…},
//    "max_stack":2,"code":[instruction…]}
// for a machine with a stack of values. The parameters are the first slots, the locals follow.
//   ["push",value,type]   a literal              ["load",slot]   ["store",slot]   ["pop"]
//   ["add"] ["sub"] ["mul"] ["div"] ["rem"]      two numbers of one type -> that type
//   ["neg"]                                      a number -> that type
//   ["eq"] ["ne"] ["lt"] ["le"] ["gt"] ["ge"]    two of one type -> bool
//   ["not"]                                      bool -> bool
//   ["tuple",count]   ["list",count,item type]   the items, the first one lowest -> one value
//   ["call",name]                                the arguments, the first one lowest -> the result
//   ["jump",index]   ["jump_if_not",index]       to an instruction of this code
//   ["return"]                                   with the result and nothing else on the stack
//
// Answers: {"ok":true,…}, or {"ok":false,"error":{"code":…,"message":…,"at":"body.args[0]"}}.

#[cfg(feature = "compiler")]
const JSON_MAX_BYTES: usize = 1 << 20;
#[cfg(feature = "compiler")]
const JSON_MAX_DEPTH: usize = 128;

/// Deepest type that is written or compared.
#[cfg(feature = "compiler")]
const TYPE_MAX_DEPTH: usize = 60;
/// Most parts of one type that is written.
#[cfg(feature = "compiler")]
const TYPE_MAX_PARTS: usize = 1 << 12;
/// Most parts of all types in the code of one instance.
#[cfg(feature = "compiler")]
const CODE_MAX_TYPE_PARTS: usize = 1 << 16;
/// Most parts of a type in a message; a larger one is shown as `…`.
#[cfg(feature = "compiler")]
const MESSAGE_TYPE_PARTS: usize = 40;
/// Most types that one inference makes.
#[cfg(feature = "compiler")]
const INFER_MAX_TYPES: usize = 1 << 18;
/// Most steps of one inference, so that it ends within a second or so.
#[cfg(feature = "compiler")]
const INFER_MAX_STEPS: usize = 1 << 20;
#[cfg(feature = "compiler")]
const CODE_MAX_INSTRUCTIONS: usize = 1 << 14;
#[cfg(feature = "compiler")]
const CODE_MAX_STACK: usize = 256;
/// Most slots, parameters included; they are bits of a `u64`.
#[cfg(feature = "compiler")]
const CODE_MAX_SLOTS: usize = 64;
/// Most bytes of the name of an instance; it stands at each call of itself.
#[cfg(feature = "compiler")]
const INSTANCE_NAME_MAX: usize = 1 << 10;
/// Most instances that a context keeps.
#[cfg(feature = "compiler")]
const CACHE_MAX_ENTRIES: usize = 1 << 10;
/// Most bytes of all instances that a context keeps, and of their templates.
#[cfg(feature = "compiler")]
const CACHE_MAX_BYTES: usize = 1 << 24;

/// What is wrong with a program, a template or code.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Diagnostic {
    code: &'static str,
    message: String,
    /// Where it is, from the inside out.
    at: Vec<String>,
}

#[cfg(feature = "compiler")]
type Checked<T> = Result<T, Box<Diagnostic>>;

#[cfg(feature = "compiler")]
impl Diagnostic {
    /// In a box: the functions that call themselves for what is nested keep small frames.
    fn new(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            code,
            message: message.into(),
            at: Vec::new(),
        })
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in self.at.iter().rev() {
            if !place.is_empty() && !step.starts_with('[') {
                place.push('.');
            }
            place.push_str(step);
        }
        place
    }

    fn report(&self) -> Json {
        json_object([
            ("ok", Json::Bool(false)),
            (
                "error",
                json_object([
                    ("code", Json::text(self.code)),
                    ("message", Json::text(&self.message)),
                    ("at", Json::text(&self.place())),
                ]),
            ),
        ])
    }
}

#[cfg(feature = "compiler")]
fn malformed<T>(message: impl Into<String>) -> Checked<T> {
    Err(Diagnostic::new("form", message))
}

/// Says where in a larger whole something went wrong.
#[cfg(feature = "compiler")]
trait Within {
    fn within(self, step: &str) -> Self;
    fn within_item(self, list: &str, index: usize) -> Self;
}

#[cfg(feature = "compiler")]
impl<T> Within for Checked<T> {
    fn within(self, step: &str) -> Self {
        self.map_err(|mut diagnostic| {
            diagnostic.at.push(step.to_owned());
            diagnostic
        })
    }

    fn within_item(self, list: &str, index: usize) -> Self {
        self.map_err(|mut diagnostic| {
            diagnostic.at.push(format!("{list}[{index}]"));
            diagnostic
        })
    }
}

// --- JSON ------------------------------------------------------------------

/// A JSON value. Integers are exact as far as 128 bits go. The members of an object that was read
/// are in the order of their keys.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

#[cfg(feature = "compiler")]
fn json_object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.into_iter();
    Json::Object(members.map(|(key, json)| (key.to_owned(), json)).collect())
}

#[cfg(feature = "compiler")]
impl Json {
    fn read(text: &str) -> Checked<Self> {
        if text.len() > JSON_MAX_BYTES {
            let message = format!("{} bytes, {JSON_MAX_BYTES} are allowed", text.len());
            return Err(Diagnostic::new("too-large", message));
        }
        let mut reader = JsonReader { text, at: 0 };
        let json = reader.value(0)?;
        match reader.peek() {
            None => Ok(json),
            Some(_) => reader.wrong("something follows the value"),
        }
    }

    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn count(count: usize) -> Self {
        Self::Int(count as i128)
    }

    fn list<T>(items: impl IntoIterator<Item = T>, json: impl Fn(T) -> Self) -> Self {
        Self::List(items.into_iter().map(json).collect())
    }

    fn written(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            // Writing to a String cannot fail. `{:?}` of a finite float is a JSON number.
            Self::Int(int) => {
                let _ = write!(out, "{int}");
            }
            Self::Float(float) => {
                let _ = write!(out, "{float:?}");
            }
            Self::Text(text) => Self::write_text(text, out),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    item.write(out);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                for (index, (key, json)) in members.iter().enumerate() {
                    out.push(if index == 0 { '{' } else { ',' });
                    Self::write_text(key, out);
                    out.push(':');
                    json.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }

    fn write_text(text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c < ' ' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }

    /// The members of an object that has no other keys than these.
    fn members(&self, what: &str, allowed: &[&str]) -> Checked<&[(String, Json)]> {
        let Self::Object(members) = self else {
            return malformed(format!("{what} has to be an object"));
        };
        match members
            .iter()
            .find(|(key, _)| !allowed.contains(&key.as_str()))
        {
            Some((key, _)) => malformed(format!("`{}` is no key of {what}", shortened(key))),
            None => Ok(members),
        }
    }

    /// A member of an object that was read.
    fn get(&self, key: &str) -> Option<&Json> {
        let Self::Object(members) = self else {
            return None;
        };
        let found = members.binary_search_by(|(known, _)| known.as_str().cmp(key));
        found.ok().map(|at| &members[at].1)
    }

    fn required(&self, key: &str) -> Checked<&Json> {
        match self.get(key) {
            Some(json) => Ok(json),
            None => malformed(format!("`{key}` is missing")),
        }
    }

    fn required_text(&self, key: &str) -> Checked<&str> {
        match self.required(key)? {
            Self::Text(text) => Ok(text),
            _ => malformed("a string was expected").within(key),
        }
    }

    /// The list at a key; an empty one where there is none and none is needed.
    fn items(&self, key: &str, needed: bool) -> Checked<&[Json]> {
        match self.get(key) {
            Some(Self::List(items)) => Ok(items),
            None if !needed => Ok(&[]),
            None => malformed(format!("`{key}` is missing")),
            Some(_) => malformed("a list was expected").within(key),
        }
    }

    /// The flag at a key, or what it is when there is none.
    fn flag(&self, key: &str, default: bool) -> Checked<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Self::Bool(flag)) => Ok(*flag),
            Some(_) => malformed("true or false was expected").within(key),
        }
    }

    fn name(&self) -> Checked<Arc<str>> {
        match self {
            Self::Text(name) => name_of(name),
            _ => name_of(""),
        }
    }

    fn index(&self) -> Checked<usize> {
        match self {
            Self::Int(int) => usize::try_from(*int).ok(),
            _ => None,
        }
        .ok_or_else(|| Diagnostic::new("form", "an index or a count was expected"))
    }
}

#[cfg(feature = "compiler")]
fn name_of(text: &str) -> Checked<Arc<str>> {
    match text.len() {
        1..=256 => Ok(text.into()),
        _ => malformed("a name of 1 to 256 bytes was expected"),
    }
}

/// The beginning of a text, for messages.
#[cfg(feature = "compiler")]
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(feature = "compiler")]
struct JsonReader<'a> {
    text: &'a str,
    at: usize,
}

#[cfg(feature = "compiler")]
impl JsonReader<'_> {
    fn wrong<T>(&self, what: &str) -> Checked<T> {
        let message = format!("{what} at byte {}", self.at);
        Err(Diagnostic::new("json", message))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Checked<Json> {
        match self.peek() {
            Some(b'{' | b'[') if depth >= JSON_MAX_DEPTH => {
                let message = format!("nested deeper than {JSON_MAX_DEPTH} at byte {}", self.at);
                Err(Diagnostic::new("depth", message))
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for (word, json) in [
                    ("null", Json::Null),
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                ] {
                    if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Ok(json);
                    }
                }
                self.wrong("no value")
            }
            None => self.wrong("the text ends where a value was expected"),
        }
    }

    fn list(&mut self, depth: usize) -> Checked<Json> {
        self.at += 1;
        let mut items = Vec::new();
        if self.accept(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.accept(b']') {
                return Ok(Json::List(items));
            }
            if !self.accept(b',') {
                return self.wrong("neither `,` nor `]`");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Checked<Json> {
        self.at += 1;
        let mut members = Vec::new();
        if self.accept(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.wrong("no key");
            }
            let key = self.string()?;
            if !self.accept(b':') {
                return self.wrong("no `:`");
            }
            members.push((key, self.value(depth + 1)?));
            if self.accept(b'}') {
                break;
            }
            if !self.accept(b',') {
                return self.wrong("neither `,` nor `}`");
            }
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let key = shortened(&pair[0].0);
            return self.wrong(&format!(
                "the key `{key}` stands twice in an object that ends"
            ));
        }
        Ok(Json::Object(members))
    }

    fn string(&mut self) -> Checked<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while !matches!(self.byte(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return self.wrong("a string without its closing quote"),
            }
        }
    }

    fn escape(&mut self) -> Checked<char> {
        self.at += 1;
        let escape = self.byte();
        self.at += 1;
        Ok(match escape {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let first = self.hex4()?;
                // The first half of a pair needs the second one behind it.
                let code = if (0xd800..0xdc00).contains(&first) {
                    if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                        return self.wrong("half a surrogate pair");
                    }
                    self.at += 2;
                    let second = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return self.wrong("half a surrogate pair");
                    }
                    0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                match char::from_u32(code) {
                    Some(c) => c,
                    None => return self.wrong("half a surrogate pair"),
                }
            }
            _ => {
                self.at -= 1;
                return self.wrong("an unknown escape");
            }
        })
    }

    fn hex4(&mut self) -> Checked<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.byte().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.wrong("no hexadecimal digit");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> Checked<()> {
        if !matches!(self.byte(), Some(b'0'..=b'9')) {
            return self.wrong("no digit");
        }
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Checked<Json> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let first = self.at;
        self.digits()?;
        if leading_zero && self.at > first + 1 {
            return self.wrong("a number with a leading zero ends");
        }
        let mut whole = true;
        if self.byte() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        if let Some(int) = number.parse().ok().filter(|_| whole) {
            return Ok(Json::Int(int));
        }
        match number.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Json::Float(float)),
            _ => self.wrong("a number that is out of range ends"),
        }
    }
}

// --- types -----------------------------------------------------------------

/// What can be done with the values of a type; each class is part of the one before.
#[cfg(feature = "compiler")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum TypeClass {
    Any,
    Equal,
    Ordered,
    Number,
}

#[cfg(feature = "compiler")]
const TYPE_CLASSES: [(&str, TypeClass); 4] = [
    ("any", TypeClass::Any),
    ("equal", TypeClass::Equal),
    ("ordered", TypeClass::Ordered),
    ("number", TypeClass::Number),
];

#[cfg(feature = "compiler")]
impl TypeClass {
    fn read(json: Option<&Json>) -> Checked<Self> {
        let Some(json) = json else {
            return Ok(Self::Any);
        };
        let known = TYPE_CLASSES
            .iter()
            .find(|(name, _)| matches!(json, Json::Text(text) if text == name));
        match known {
            Some((_, class)) => Ok(*class),
            None => malformed("a class is any, equal, ordered or number").within("class"),
        }
    }

    fn name(self) -> &'static str {
        TYPE_CLASSES[self as usize].0
    }
}

/// The outermost part of a type.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum TypeShape {
    Int {
        bits: u8,
        signed: bool,
    },
    Float {
        bits: u8,
    },
    Bool,
    Nil,
    Text,
    Tuple,
    /// The parameters, and last the result.
    Function,
    Named(Arc<str>),
    Variable(Arc<str>, TypeClass),
}

#[cfg(feature = "compiler")]
impl TypeShape {
    /// The narrowest class of the types of this shape; their parts have to be of it too.
    fn class(&self) -> TypeClass {
        match self {
            Self::Int { .. } | Self::Float { .. } => TypeClass::Number,
            Self::Text => TypeClass::Ordered,
            Self::Bool | Self::Nil | Self::Tuple | Self::Named(_) => TypeClass::Equal,
            Self::Function => TypeClass::Any,
            Self::Variable(_, own) => *own,
        }
    }
}

/// A whole type, as it crosses the boundary.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TypeTree {
    shape: TypeShape,
    args: Vec<TypeTree>,
}

#[cfg(feature = "compiler")]
impl TypeTree {
    const INT: Self = Self::plain(TypeShape::Int {
        bits: 64,
        signed: true,
    });
    const FLOAT: Self = Self::plain(TypeShape::Float { bits: 64 });
    const BOOL: Self = Self::plain(TypeShape::Bool);
    const NIL: Self = Self::plain(TypeShape::Nil);
    const TEXT: Self = Self::plain(TypeShape::Text);

    const fn plain(shape: TypeShape) -> Self {
        Self {
            shape,
            args: Vec::new(),
        }
    }

    fn read(json: &Json) -> Checked<Self> {
        if !matches!(json, Json::Object(_)) {
            return malformed("a type has to be an object");
        }
        match json.required_text("kind")? {
            "tuple" => {
                json.members("a tuple", &["kind", "items"])?;
                let args = Self::read_all(json, "items", true)?;
                Ok(Self {
                    shape: TypeShape::Tuple,
                    args,
                })
            }
            "fn" => Self::read_function(json),
            "named" => {
                json.members("a named type", &["kind", "name", "args"])?;
                let name = json.required("name")?.name().within("name")?;
                let args = Self::read_all(json, "args", false)?;
                Ok(Self {
                    shape: TypeShape::Named(name),
                    args,
                })
            }
            kind => Self::read_simple(kind, json),
        }
    }

    fn read_function(json: &Json) -> Checked<Self> {
        json.members("a function type", &["kind", "params", "result"])?;
        let mut args = Self::read_all(json, "params", true)?;
        args.push(Self::read(json.required("result")?).within("result")?);
        Ok(Self {
            shape: TypeShape::Function,
            args,
        })
    }

    /// A type without parts.
    fn read_simple(kind: &str, json: &Json) -> Checked<Self> {
        let bits = |allowed: &[u8]| match json.get("bits") {
            None => Ok(64),
            Some(Json::Int(bits)) if allowed.iter().any(|&known| i128::from(known) == *bits) => {
                Ok(*bits as u8)
            }
            Some(_) => malformed(format!("one of {allowed:?} was expected")).within("bits"),
        };
        let mut allowed: &[&str] = &["kind"];
        let shape = match kind {
            "int" => {
                allowed = &["kind", "bits", "signed"];
                TypeShape::Int {
                    bits: bits(&[8, 16, 32, 64])?,
                    signed: json.flag("signed", true)?,
                }
            }
            "float" => {
                allowed = &["kind", "bits"];
                TypeShape::Float {
                    bits: bits(&[32, 64])?,
                }
            }
            "bool" => TypeShape::Bool,
            "nil" => TypeShape::Nil,
            "string" => TypeShape::Text,
            "var" => {
                allowed = &["kind", "name", "class"];
                let name = json.required("name")?.name().within("name")?;
                TypeShape::Variable(name, TypeClass::read(json.get("class"))?)
            }
            other => return malformed(format!("`{}` is no kind of type", shortened(other))),
        };
        json.members("this kind of type", allowed)?;
        Ok(Self::plain(shape))
    }

    fn read_all(json: &Json, key: &str, needed: bool) -> Checked<Vec<Self>> {
        let items = json.items(key, needed)?.iter().enumerate();
        items
            .map(|(index, item)| Self::read(item).within_item(key, index))
            .collect()
    }

    /// The parameters and the result, if this is a function.
    fn signature(&self) -> Option<(&[TypeTree], &TypeTree)> {
        let (result, params) = self.args.split_last()?;
        (self.shape == TypeShape::Function).then_some((params, result))
    }

    fn is_in(&self, class: TypeClass) -> bool {
        class == TypeClass::Any
            || self.shape.class() >= class && self.args.iter().all(|part| part.is_in(class))
    }

    /// Adds the variables in the order in which they stand, each with the narrowest class it has.
    fn collect_variables(&self, found: &mut Vec<(Arc<str>, TypeClass)>) {
        if let TypeShape::Variable(name, class) = &self.shape {
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = (*known).max(*class),
                None => found.push((name.clone(), *class)),
            }
        }
        for part in &self.args {
            part.collect_variables(found);
        }
    }

    fn is_closed(&self) -> bool {
        !matches!(self.shape, TypeShape::Variable(..)) && self.args.iter().all(Self::is_closed)
    }

    /// The type as text, with the classes of its variables.
    fn described(&self) -> String {
        let mut variables = Vec::new();
        self.collect_variables(&mut variables);
        let mut text = self.to_string();
        let mut link = " where";
        for (name, class) in variables {
            if class != TypeClass::Any {
                // Writing to a String cannot fail.
                let _ = write!(text, "{link} {name}: {}", class.name());
                link = ",";
            }
        }
        text
    }

    fn json(&self) -> Json {
        let parts = |parts: &[Self]| Json::list(parts, Self::json);
        let kind = |name| ("kind", Json::text(name));
        match &self.shape {
            TypeShape::Int { bits, signed } => json_object([
                kind("int"),
                ("bits", Json::Int((*bits).into())),
                ("signed", Json::Bool(*signed)),
            ]),
            TypeShape::Float { bits } => {
                json_object([kind("float"), ("bits", Json::Int((*bits).into()))])
            }
            TypeShape::Bool => json_object([kind("bool")]),
            TypeShape::Nil => json_object([kind("nil")]),
            TypeShape::Text => json_object([kind("string")]),
            TypeShape::Tuple => json_object([kind("tuple"), ("items", parts(&self.args))]),
            TypeShape::Function => {
                let nil = Self::NIL;
                let (params, result) = self.signature().unwrap_or((&[], &nil));
                json_object([
                    kind("fn"),
                    ("params", parts(params)),
                    ("result", result.json()),
                ])
            }
            TypeShape::Named(name) => json_object([
                kind("named"),
                ("name", Json::text(name)),
                ("args", parts(&self.args)),
            ]),
            TypeShape::Variable(name, TypeClass::Any) => {
                json_object([kind("var"), ("name", Json::text(name))])
            }
            TypeShape::Variable(name, class) => json_object([
                kind("var"),
                ("name", Json::text(name)),
                ("class", Json::text(class.name())),
            ]),
        }
    }
}

#[cfg(feature = "compiler")]
impl fmt::Display for TypeTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |f: &mut fmt::Formatter<'_>, parts: &[Self]| {
            for (index, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if index == 0 { "" } else { ", " })?;
            }
            Ok(())
        };
        match &self.shape {
            TypeShape::Int { bits, signed } => {
                write!(f, "{}{bits}", if *signed { 'i' } else { 'u' })
            }
            TypeShape::Float { bits } => write!(f, "f{bits}"),
            TypeShape::Bool => f.write_str("bool"),
            TypeShape::Nil => f.write_str("nil"),
            TypeShape::Text => f.write_str("string"),
            TypeShape::Tuple => {
                f.write_str("(")?;
                listed(f, &self.args)?;
                f.write_str(if self.args.len() == 1 { ",)" } else { ")" })
            }
            TypeShape::Function => {
                let nil = Self::NIL;
                let (params, result) = self.signature().unwrap_or((&[], &nil));
                f.write_str("fn(")?;
                listed(f, params)?;
                write!(f, ") -> {result}")
            }
            TypeShape::Named(name) if self.args.is_empty() => f.write_str(name),
            TypeShape::Named(name) => {
                write!(f, "{name}<")?;
                listed(f, &self.args)?;
                f.write_str(">")
            }
            TypeShape::Variable(name, _) => f.write_str(name),
        }
    }
}

/// A literal; its type stands beside it.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq)]
enum CompilerLiteral {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Arc<str>),
}

#[cfg(feature = "compiler")]
impl CompilerLiteral {
    /// The literal of this type that is written so.
    fn read(json: &Json, of: &TypeTree) -> Checked<Self> {
        let range = |int: i128| Diagnostic::new("range", format!("`{of}` does not reach {int}"));
        Ok(match (&of.shape, json) {
            (TypeShape::Nil, Json::Null) => Self::Nil,
            (TypeShape::Bool, Json::Bool(flag)) => Self::Bool(*flag),
            (TypeShape::Text, Json::Text(text)) => Self::Text(text.as_str().into()),
            (TypeShape::Int { bits, signed }, Json::Int(int)) => {
                let (low, high) = match signed {
                    true => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
                    false => (0, (1i128 << bits) - 1),
                };
                if !(low..=high).contains(int) {
                    return Err(range(*int));
                }
                Self::Int(*int)
            }
            (TypeShape::Float { bits: 32 }, Json::Float(float)) => {
                if !(*float as f32).is_finite() {
                    return Err(Diagnostic::new(
                        "range",
                        format!("`f32` does not reach {float:e}"),
                    ));
                }
                Self::Float(*float)
            }
            (TypeShape::Float { .. }, Json::Float(float)) => Self::Float(*float),
            // Any i128 is within the range of an f32.
            (TypeShape::Float { .. }, Json::Int(int)) => Self::Float(*int as f64),
            _ => {
                let of = shortened(&of.to_string());
                return malformed(format!("this is no literal of type `{of}`"));
            }
        })
    }

    fn json(&self) -> Json {
        match self {
            Self::Nil => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(int) => Json::Int(*int),
            Self::Float(float) => Json::Float(*float),
            Self::Text(text) => Json::text(text),
        }
    }
}

// --- expressions -----------------------------------------------------------

/// An operator of expressions, which is an instruction too unless its `mnemonic` is empty.
#[cfg(feature = "compiler")]
#[derive(Debug, PartialEq, Eq)]
struct CompilerOperator {
    symbol: &'static str,
    mnemonic: &'static str,
    arity: usize,
    /// Class of the operands, which are of one type; `None` for bools.
    class: Option<TypeClass>,
    /// Whether the result is a bool, not of the type of the operands.
    tells: bool,
}

/// One line for each operator.
#[cfg(feature = "compiler")]
macro_rules! compiler_operators {
    ($($symbol:literal $mnemonic:literal $arity:literal $class:expr, $tells:literal;)+) => {
        &[$(CompilerOperator {
            symbol: $symbol,
            mnemonic: $mnemonic,
            arity: $arity,
            class: $class,
            tells: $tells,
        }),+]
    };
}

#[cfg(feature = "compiler")]
static COMPILER_OPERATORS: &[CompilerOperator] = compiler_operators! {
    "+" "add" 2 Some(TypeClass::Number), false;
    "-" "sub" 2 Some(TypeClass::Number), false;
    "*" "mul" 2 Some(TypeClass::Number), false;
    "/" "div" 2 Some(TypeClass::Number), false;
    "%" "rem" 2 Some(TypeClass::Number), false;
    "neg" "neg" 1 Some(TypeClass::Number), false;
    "==" "eq" 2 Some(TypeClass::Equal), true;
    "!=" "ne" 2 Some(TypeClass::Equal), true;
    "<" "lt" 2 Some(TypeClass::Ordered), true;
    "<=" "le" 2 Some(TypeClass::Ordered), true;
    ">" "gt" 2 Some(TypeClass::Ordered), true;
    ">=" "ge" 2 Some(TypeClass::Ordered), true;
    "not" "not" 1 None, true;
    "and" "" 2 None, true;
    "or" "" 2 None, true;
};

/// An expression with its number in the order of reading.
#[cfg(feature = "compiler")]
#[derive(Debug)]
struct Expression {
    number: usize,
    form: ExpressionForm,
}

#[cfg(feature = "compiler")]
#[derive(Debug)]
enum ExpressionForm {
    Literal(CompilerLiteral, TypeTree),
    Variable(Arc<str>),
    Ascribed(Box<Expression>, TypeTree),
    Lambda(Vec<(Arc<str>, Option<TypeTree>)>, Box<Expression>),
    Apply(Box<Expression>, Vec<Expression>),
    If([Box<Expression>; 3]),
    Let {
        name: Arc<str>,
        recursive: bool,
        value: Box<Expression>,
        body: Box<Expression>,
    },
    Tuple(Vec<Expression>),
    List(Vec<Expression>),
    Operation(&'static CompilerOperator, Vec<Expression>),
}

/// The keys of every form of expression.
#[cfg(feature = "compiler")]
const EXPRESSION_KEYS: [(&str, &[&str]); 13] = [
    ("int", &["expr", "value", "type"]),
    ("float", &["expr", "value", "type"]),
    ("bool", &["expr", "value"]),
    ("string", &["expr", "value"]),
    ("nil", &["expr"]),
    ("var", &["expr", "name"]),
    ("as", &["expr", "value", "type"]),
    ("lambda", &["expr", "params", "body"]),
    ("apply", &["expr", "fn", "args"]),
    ("if", &["expr", "cond", "then", "else"]),
    ("let", &["expr", "name", "value", "body", "rec"]),
    ("tuple", &["expr", "items"]),
    ("list", &["expr", "items"]),
];

#[cfg(feature = "compiler")]
impl Expression {
    /// `count` is the number of expressions so far.
    fn read(json: &Json, count: &mut usize) -> Checked<Self> {
        let tag = Self::read_tag(json)?;
        let number = *count;
        *count += 1;
        let form = Self::read_form(tag, json, count)?;
        Ok(Self { number, form })
    }

    /// The form that an object names, if it has no keys but those of this form.
    fn read_tag(json: &Json) -> Checked<&str> {
        if !matches!(json, Json::Object(_)) {
            return malformed("an expression has to be an object");
        }
        let tag = json.required_text("expr")?;
        let known = EXPRESSION_KEYS.iter().find(|(known, _)| *known == tag);
        match known {
            Some((_, keys)) => json.members("this form of expression", keys)?,
            None if tag == "op" => json.members("an operation", &["expr", "op", "args"])?,
            None => {
                let message = format!("`{}` is no form of expression", shortened(tag));
                return malformed(message).within("expr");
            }
        };
        Ok(tag)
    }

    // Each form is read in a function of its own, so that what is nested takes little stack.
    fn read_form(tag: &str, json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        match tag {
            "int" | "float" | "bool" | "string" | "nil" => Self::read_literal(tag, json),
            "var" => Self::read_variable(json),
            "as" => Self::read_ascribed(json, count),
            "lambda" => Self::read_lambda(json, count),
            "apply" => Self::read_apply(json, count),
            "if" => Self::read_if(json, count),
            "let" => Self::read_let(json, count),
            "tuple" => Self::read_all(json, "items", count).map(ExpressionForm::Tuple),
            "list" => Self::read_all(json, "items", count).map(ExpressionForm::List),
            _ => Self::read_operation(json, count),
        }
    }

    fn read_variable(json: &Json) -> Checked<ExpressionForm> {
        let name = json.required("name")?.name().within("name")?;
        Ok(ExpressionForm::Variable(name))
    }

    fn read_ascribed(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let of = TypeTree::read(json.required("type")?).within("type")?;
        let value = Self::read_part(json, "value", count)?;
        Ok(ExpressionForm::Ascribed(value, of))
    }

    fn read_lambda(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let params = read_parameters(json, "params", false)?;
        let body = Self::read_part(json, "body", count)?;
        Ok(ExpressionForm::Lambda(params, body))
    }

    fn read_apply(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let function = Self::read_part(json, "fn", count)?;
        let args = Self::read_all(json, "args", count)?;
        Ok(ExpressionForm::Apply(function, args))
    }

    fn read_if(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let condition = Self::read_part(json, "cond", count)?;
        let yes = Self::read_part(json, "then", count)?;
        let no = Self::read_part(json, "else", count)?;
        Ok(ExpressionForm::If([condition, yes, no]))
    }

    fn read_let(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let name = json.required("name")?.name().within("name")?;
        let recursive = json.flag("rec", false)?;
        let value = Self::read_part(json, "value", count)?;
        let body = Self::read_part(json, "body", count)?;
        Ok(ExpressionForm::Let {
            name,
            recursive,
            value,
            body,
        })
    }

    fn read_operation(json: &Json, count: &mut usize) -> Checked<ExpressionForm> {
        let symbol = json.required_text("op")?;
        let known = COMPILER_OPERATORS.iter().find(|op| op.symbol == symbol);
        let Some(operator) = known else {
            return malformed(format!("`{}` is no operator", shortened(symbol))).within("op");
        };
        let args = Self::read_all(json, "args", count)?;
        if args.len() != operator.arity {
            return Err(wrong_count(symbol, operator.arity, args.len()));
        }
        Ok(ExpressionForm::Operation(operator, args))
    }

    fn read_literal(tag: &str, json: &Json) -> Checked<ExpressionForm> {
        let default = match tag {
            "int" => TypeTree::INT,
            "float" => TypeTree::FLOAT,
            "bool" => TypeTree::BOOL,
            "string" => TypeTree::TEXT,
            _ => return Ok(ExpressionForm::Literal(CompilerLiteral::Nil, TypeTree::NIL)),
        };
        let of = match json.get("type") {
            Some(of) => TypeTree::read(of).within("type")?,
            None => default,
        };
        match (tag, &of.shape) {
            ("int", TypeShape::Float { .. }) | ("float", TypeShape::Int { .. }) => {
                return malformed(format!("`{of}` is no type for this literal")).within("type");
            }
            _ => {}
        }
        let literal = CompilerLiteral::read(json.required("value")?, &of).within("value")?;
        Ok(ExpressionForm::Literal(literal, of))
    }

    fn read_part(json: &Json, key: &str, count: &mut usize) -> Checked<Box<Self>> {
        let part = Self::read(json.required(key)?, count).within(key)?;
        Ok(Box::new(part))
    }

    fn read_all(json: &Json, key: &str, count: &mut usize) -> Checked<Vec<Self>> {
        let items = json.items(key, true)?.iter().enumerate();
        items
            .map(|(index, item)| Self::read(item, count).within_item(key, index))
            .collect()
    }
}

#[cfg(feature = "compiler")]
fn wrong_count(what: &str, takes: usize, given: usize) -> Box<Diagnostic> {
    let message = format!("`{what}` takes {takes} argument(s), {given} given");
    Diagnostic::new("arity", message)
}

/// Parameters by name, each with its type where it has one; no name may stand twice.
#[cfg(feature = "compiler")]
fn read_parameters(
    json: &Json,
    key: &str,
    typed: bool,
) -> Checked<Vec<(Arc<str>, Option<TypeTree>)>> {
    let mut seen = HashSet::new();
    let mut params = Vec::new();
    for (index, json) in json.items(key, true)?.iter().enumerate() {
        let read = || -> Checked<(Arc<str>, Option<TypeTree>)> {
            if let (Json::Text(_), false) = (json, typed) {
                return Ok((json.name()?, None));
            }
            json.members("a parameter", &["name", "type"])?;
            let name = json.required("name")?.name().within("name")?;
            let of = match json.get("type") {
                Some(of) => Some(TypeTree::read(of).within("type")?),
                None if typed => return malformed("`type` is missing"),
                None => None,
            };
            Ok((name, of))
        };
        let (name, of) = read().within_item(key, index)?;
        if !seen.insert(name.clone()) {
            return malformed(format!("`{name}` stands twice")).within_item(key, index);
        }
        params.push((name, of));
    }
    Ok(params)
}

/// An expression, the types of the names it may use, and the type it has to have.
#[cfg(feature = "compiler")]
struct CompilerProgram {
    env: Vec<(Arc<str>, TypeTree)>,
    body: Expression,
    /// Whether the body stands in an object, where other things are too.
    wrapped: bool,
    expected: Option<TypeTree>,
}

#[cfg(feature = "compiler")]
impl CompilerProgram {
    fn read(json: &Json, checked: bool) -> Checked<Self> {
        let mut expressions = 0;
        if json.get("expr").is_some() && !checked {
            return Ok(Self {
                env: Vec::new(),
                body: Expression::read(json, &mut expressions)?,
                wrapped: false,
                expected: None,
            });
        }
        let (what, keys): (_, &[&str]) = match checked {
            true => ("a program to check", &["body", "env", "type"]),
            false => ("a program", &["body", "env"]),
        };
        json.members(what, keys)?;
        let expected = match checked {
            true => Some(TypeTree::read(json.required("type")?).within("type")?),
            false => None,
        };
        Ok(Self {
            env: read_types_by_name(json, "env")?,
            body: *Expression::read_part(json, "body", &mut expressions)?,
            wrapped: true,
            expected,
        })
    }
}

#[cfg(feature = "compiler")]
fn read_types_by_name(json: &Json, key: &str) -> Checked<Vec<(Arc<str>, TypeTree)>> {
    match json.get(key) {
        None => Ok(Vec::new()),
        Some(Json::Object(members)) => members
            .iter()
            .map(|(name, of)| {
                let of = TypeTree::read(of).within(&shortened(name))?;
                Ok((name_of(name)?, of))
            })
            .collect::<Checked<_>>()
            .within(key),
        Some(_) => malformed("an object was expected").within(key),
    }
}

// --- inference -------------------------------------------------------------

// Hindley and Milner's inference, with unknown types in a union-find structure. An unknown has the
// level of the innermost `let` that may still decide it; what is deeper than the `let` itself when
// its value is done stands for every type. Lists of parts are shared, so types are graphs, and no
// walk takes one part twice.

#[cfg(feature = "compiler")]
#[derive(Clone)]
enum TypeNode {
    Unknown { class: TypeClass, level: u32 },
    Link(usize),
    Known(TypeShape, Arc<[usize]>),
}

#[cfg(feature = "compiler")]
#[derive(Clone, Copy)]
enum NameBinding {
    /// One type, which may not be known yet.
    Single(usize),
    /// A type in which the unknowns deeper than the level are replaced at each use.
    General(usize, u32),
}

/// What the variables of a type that comes from outside become.
#[cfg(feature = "compiler")]
enum VariableUse<'a> {
    /// What the map says; if it says nothing, an unknown that is put into it.
    Known(&'a mut HashMap<Arc<str>, usize>),
    /// What the map says, and nothing else is allowed.
    Given(&'a HashMap<Arc<str>, usize>),
}

#[cfg(feature = "compiler")]
#[derive(Default)]
struct Inference {
    nodes: Vec<TypeNode>,
    level: u32,
    scope: HashMap<Arc<str>, Vec<NameBinding>>,
    variables: HashMap<Arc<str>, usize>,
    /// The types of the expressions, by their numbers; only for templates.
    noted: Vec<usize>,
    in_template: bool,
    steps: usize,
    unifications: u64,
}

#[cfg(feature = "compiler")]
impl Inference {
    /// Takes `count` steps; fails when there have been too many.
    fn spend(&mut self, count: usize) -> Checked<()> {
        self.steps += count;
        if self.steps > INFER_MAX_STEPS {
            return Err(Diagnostic::new("too-complex", "the types take too long"));
        }
        Ok(())
    }

    fn add(&mut self, node: TypeNode) -> Checked<usize> {
        if self.nodes.len() >= INFER_MAX_TYPES {
            return Err(Diagnostic::new("too-complex", "there are too many types"));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn unknown(&mut self, class: TypeClass) -> Checked<usize> {
        let level = self.level;
        self.add(TypeNode::Unknown { class, level })
    }

    fn known(&mut self, shape: TypeShape, args: Vec<usize>) -> Checked<usize> {
        self.spend(args.len())?;
        self.add(TypeNode::Known(shape, args.into()))
    }

    fn function(&mut self, mut params: Vec<usize>, result: usize) -> Checked<usize> {
        params.push(result);
        self.known(TypeShape::Function, params)
    }

    /// The node that stands for all that it was unified with.
    fn find(&mut self, mut at: usize) -> usize {
        while let TypeNode::Link(next) = self.nodes[at] {
            if let TypeNode::Link(after) = self.nodes[next] {
                self.nodes[at] = TypeNode::Link(after);
            }
            at = next;
        }
        at
    }

    fn import(&mut self, tree: &TypeTree, variables: &mut VariableUse<'_>) -> Checked<usize> {
        if let TypeShape::Variable(name, class) = &tree.shape {
            let known = match variables {
                VariableUse::Known(map) => map.get(name).copied(),
                VariableUse::Given(map) => match map.get(name) {
                    Some(&given) => Some(given),
                    None => {
                        let message = format!("`{name}` is no parameter of the template");
                        return Err(Diagnostic::new("unknown-variable", message));
                    }
                },
            };
            if let Some(known) = known {
                self.require(known, *class)?;
                return Ok(known);
            }
            let unknown = self.unknown(*class)?;
            if let VariableUse::Known(map) = variables {
                map.insert(name.clone(), unknown);
            }
            return Ok(unknown);
        }
        let mut args = Vec::with_capacity(tree.args.len());
        for part in &tree.args {
            args.push(self.import(part, variables)?);
        }
        self.known(tree.shape.clone(), args)
    }

    /// A type that stands in an expression.
    fn import_annotation(&mut self, tree: &TypeTree) -> Checked<usize> {
        let mut variables = std::mem::take(&mut self.variables);
        // Its variables belong to the whole program, not to a `let` around them.
        let level = std::mem::replace(&mut self.level, 0);
        let imported = if self.in_template {
            self.import(tree, &mut VariableUse::Given(&variables))
        } else {
            self.import(tree, &mut VariableUse::Known(&mut variables))
        };
        self.level = level;
        self.variables = variables;
        imported
    }

    /// A type whose variables are types of their own, which are equal to nothing else.
    fn import_rigid(&mut self, tree: &TypeTree) -> Checked<usize> {
        let mut variables = Vec::new();
        tree.collect_variables(&mut variables);
        let mut given = HashMap::new();
        for (name, class) in variables {
            let own = self.known(TypeShape::Variable(name.clone(), class), Vec::new())?;
            given.insert(name, own);
        }
        self.import(tree, &mut VariableUse::Given(&given))
    }

    /// Gives a name a type whose variables stand for every type.
    fn declare(&mut self, name: &Arc<str>, tree: &TypeTree) -> Checked<()> {
        self.level += 1;
        let of = self.import(tree, &mut VariableUse::Known(&mut HashMap::new()));
        self.level -= 1;
        let binding = NameBinding::General(of?, self.level);
        self.enter(name, binding);
        Ok(())
    }

    fn enter(&mut self, name: &Arc<str>, binding: NameBinding) {
        self.scope.entry(name.clone()).or_default().push(binding);
    }

    fn leave(&mut self, name: &Arc<str>) {
        if let Some(bindings) = self.scope.get_mut(name) {
            bindings.pop();
        }
    }

    /// The tree of a type, unknowns named in the order in which they come; `None` if it has more
    /// parts than the budget or is nested too deeply.
    fn tree(&mut self, at: usize, budget: &mut usize) -> Option<TypeTree> {
        let mut names = HashMap::new();
        self.grow_tree(at, 0, budget, &mut names)
    }

    fn grow_tree(
        &mut self,
        at: usize,
        depth: usize,
        budget: &mut usize,
        names: &mut HashMap<usize, usize>,
    ) -> Option<TypeTree> {
        if depth >= TYPE_MAX_DEPTH {
            return None;
        }
        *budget = budget.checked_sub(1)?;
        let at = self.find(at);
        match self.nodes[at].clone() {
            TypeNode::Known(shape, parts) => {
                let mut args = Vec::new();
                for &part in parts.iter() {
                    args.push(self.grow_tree(part, depth + 1, budget, names)?);
                }
                Some(TypeTree { shape, args })
            }
            TypeNode::Unknown { class, .. } => {
                let next = names.len();
                let number = *names.entry(at).or_insert(next);
                let name = variable_name(number).into();
                Some(TypeTree::plain(TypeShape::Variable(name, class)))
            }
            // `find` does not end at a link.
            TypeNode::Link(_) => None,
        }
    }

    /// A type in a message, `…` if it is too long.
    fn shown(&mut self, at: usize) -> String {
        let tree = self.tree(at, &mut { MESSAGE_TYPE_PARTS });
        tree.map_or_else(|| "…".to_owned(), |tree| tree.to_string())
    }

    fn result_tree(&mut self, at: usize) -> Checked<TypeTree> {
        self.tree(at, &mut { TYPE_MAX_PARTS }).ok_or_else(|| {
            let message =
                format!("the type has more than {TYPE_MAX_PARTS} parts or {TYPE_MAX_DEPTH} levels");
            Diagnostic::new("too-large", message)
        })
    }

    /// Makes two types the same.
    fn unify(&mut self, expected: usize, found: usize) -> Checked<()> {
        self.unifications += 1;
        let outcome = self.unify_parts(expected, found, 0);
        outcome.map_err(|mut diagnostic| {
            let whole = (self.shown(expected), self.shown(found));
            let inner = format!("expected `{}`, found `{}`", whole.0, whole.1);
            if diagnostic.code == "mismatch" && diagnostic.message != inner {
                diagnostic.message += &format!(" (in `{}` and `{}`)", whole.0, whole.1);
            }
            diagnostic
        })
    }

    fn unify_parts(&mut self, expected: usize, found: usize, depth: usize) -> Checked<()> {
        self.spend(1)?;
        let (a, b) = (self.find(expected), self.find(found));
        if a == b {
            return Ok(());
        }
        match (self.nodes[a].clone(), self.nodes[b].clone()) {
            (TypeNode::Known(shape, parts), TypeNode::Known(other, others)) => {
                if depth >= TYPE_MAX_DEPTH {
                    return Err(Diagnostic::new("depth", "the types are nested too deeply"));
                }
                if shape != other || parts.len() != others.len() {
                    let message =
                        format!("expected `{}`, found `{}`", self.shown(a), self.shown(b));
                    return Err(Diagnostic::new("mismatch", message));
                }
                for (&part, &other) in parts.iter().zip(others.iter()) {
                    self.unify_parts(part, other, depth + 1)?;
                }
                // From now on they are one, so that a shared part is not compared again.
                self.nodes[a] = TypeNode::Link(b);
                Ok(())
            }
            (TypeNode::Unknown { class, level }, TypeNode::Unknown { .. }) => {
                self.lower_levels(b, level, None)?;
                self.require(b, class)?;
                self.nodes[a] = TypeNode::Link(b);
                Ok(())
            }
            (TypeNode::Unknown { class, level }, _) => self.bind(a, class, level, b),
            (_, TypeNode::Unknown { class, level }) => self.bind(b, class, level, a),
            // `find` does not end at a link.
            _ => Ok(()),
        }
    }

    /// Decides an unknown.
    fn bind(&mut self, unknown: usize, class: TypeClass, level: u32, to: usize) -> Checked<()> {
        if !self.lower_levels(to, level, Some(unknown))? {
            let (part, whole) = (self.shown(unknown), self.shown(to));
            let message = format!("the type would contain itself: `{part}` in `{whole}`");
            return Err(Diagnostic::new("occurs", message));
        }
        self.require(to, class)?;
        self.nodes[unknown] = TypeNode::Link(to);
        Ok(())
    }

    /// Brings the unknowns in a type down to a level; false if `forbidden` is one of them.
    fn lower_levels(&mut self, of: usize, limit: u32, forbidden: Option<usize>) -> Checked<bool> {
        let mut seen = HashSet::new();
        let mut open = vec![of];
        while let Some(at) = open.pop() {
            self.spend(1)?;
            let at = self.find(at);
            if Some(at) == forbidden {
                return Ok(false);
            }
            match &mut self.nodes[at] {
                TypeNode::Unknown { level, .. } => *level = (*level).min(limit),
                TypeNode::Known(_, parts) if !parts.is_empty() && seen.insert(at) => {
                    open.extend_from_slice(parts);
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Demands that a type is of a class; unknowns in it will have to be.
    fn require(&mut self, of: usize, class: TypeClass) -> Checked<()> {
        if class == TypeClass::Any {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let mut open = vec![of];
        while let Some(at) = open.pop() {
            self.spend(1)?;
            let at = self.find(at);
            match &mut self.nodes[at] {
                TypeNode::Unknown { class: own, .. } => *own = (*own).max(class),
                TypeNode::Known(shape, parts) => {
                    if shape.class() < class {
                        let (name, found) = (class.name(), self.shown(at));
                        let message = format!("a type of class `{name}` is needed, not `{found}`");
                        return Err(Diagnostic::new("class", message));
                    }
                    if !parts.is_empty() && seen.insert(at) {
                        open.extend_from_slice(parts);
                    }
                }
                TypeNode::Link(_) => {}
            }
        }
        Ok(())
    }

    /// A copy of a general type, with new unknowns for those deeper than `level`.
    fn instance(
        &mut self,
        of: usize,
        level: u32,
        depth: usize,
        made: &mut HashMap<usize, usize>,
    ) -> Checked<usize> {
        self.spend(1)?;
        let at = self.find(of);
        if let Some(&copy) = made.get(&at) {
            return Ok(copy);
        }
        if depth >= TYPE_MAX_DEPTH {
            return Err(Diagnostic::new("depth", "a type is nested too deeply"));
        }
        let copy = match self.nodes[at].clone() {
            TypeNode::Unknown { class, level: own } if own > level => self.unknown(class)?,
            TypeNode::Known(shape, parts) if !parts.is_empty() => {
                let mut args = Vec::with_capacity(parts.len());
                for &part in parts.iter() {
                    args.push(self.instance(part, level, depth + 1, made)?);
                }
                // Without anything new in it the type itself will do.
                match args[..] == parts[..] {
                    true => at,
                    false => self.known(shape, args)?,
                }
            }
            _ => at,
        };
        made.insert(at, copy);
        Ok(copy)
    }

    /// The type of an expression.
    fn infer(&mut self, expression: &Expression) -> Checked<usize> {
        self.spend(1)?;
        let of = match &expression.form {
            ExpressionForm::Literal(_, of) => self.import_annotation(of)?,
            ExpressionForm::Variable(name) => self.infer_variable(name)?,
            ExpressionForm::Ascribed(value, of) => self.infer_ascribed(value, of)?,
            ExpressionForm::Lambda(params, body) => self.infer_lambda(params, body)?,
            ExpressionForm::Apply(function, args) => self.infer_apply(function, args)?,
            ExpressionForm::If(parts) => self.infer_if(parts)?,
            ExpressionForm::Let {
                name,
                recursive,
                value,
                body,
            } => {
                let binding = self.infer_let(name, *recursive, value)?;
                self.infer_inside(name, binding, body)?
            }
            ExpressionForm::Tuple(items) => {
                let items = self.infer_all("items", items)?;
                self.known(TypeShape::Tuple, items)?
            }
            ExpressionForm::List(items) => self.infer_list(items)?,
            ExpressionForm::Operation(operator, args) => self.infer_operation(operator, args)?,
        };
        if let Some(noted) = self.noted.get_mut(expression.number) {
            *noted = of;
        }
        Ok(of)
    }

    fn infer_ascribed(&mut self, value: &Expression, of: &TypeTree) -> Checked<usize> {
        let of = self.import_annotation(of).within("type")?;
        let found = self.infer(value).within("value")?;
        self.unify(of, found)?;
        Ok(of)
    }

    /// The body of a `let`.
    fn infer_inside(
        &mut self,
        name: &Arc<str>,
        binding: NameBinding,
        body: &Expression,
    ) -> Checked<usize> {
        self.enter(name, binding);
        let of = self.infer(body).within("body")?;
        self.leave(name);
        Ok(of)
    }

    fn infer_list(&mut self, items: &[Expression]) -> Checked<usize> {
        let item = self.unknown(TypeClass::Any)?;
        for (index, found) in self.infer_all("items", items)?.into_iter().enumerate() {
            self.unify(item, found).within_item("items", index)?;
        }
        self.known(TypeShape::Named("Vec".into()), vec![item])
    }

    fn infer_all(&mut self, key: &str, items: &[Expression]) -> Checked<Vec<usize>> {
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.infer(item).within_item(key, index))
            .collect()
    }

    fn infer_variable(&mut self, name: &Arc<str>) -> Checked<usize> {
        match self.scope.get(name).and_then(|bindings| bindings.last()) {
            Some(&NameBinding::Single(of)) => Ok(of),
            Some(&NameBinding::General(of, level)) => {
                self.instance(of, level, 0, &mut HashMap::new())
            }
            None => {
                let message = format!("`{name}` is not known here");
                Err(Diagnostic::new("unknown-name", message))
            }
        }
    }

    fn infer_lambda(
        &mut self,
        params: &[(Arc<str>, Option<TypeTree>)],
        body: &Expression,
    ) -> Checked<usize> {
        let mut types = Vec::with_capacity(params.len());
        for (index, (name, of)) in params.iter().enumerate() {
            let of = match of {
                Some(of) => self.import_annotation(of).within_item("params", index)?,
                None => self.unknown(TypeClass::Any)?,
            };
            self.enter(name, NameBinding::Single(of));
            types.push(of);
        }
        let result = self.infer(body).within("body")?;
        for (name, _) in params {
            self.leave(name);
        }
        self.function(types, result)
    }

    fn infer_apply(&mut self, function: &Expression, args: &[Expression]) -> Checked<usize> {
        let called = self.infer(function).within("fn")?;
        let args = self.infer_all("args", args)?;
        let called = self.find(called);
        match self.nodes[called].clone() {
            TypeNode::Known(TypeShape::Function, parts) => {
                let Some((&result, params)) = parts.split_last() else {
                    return malformed("a function without a result");
                };
                if params.len() != args.len() {
                    let what = match &function.form {
                        ExpressionForm::Variable(name) => name.to_string(),
                        _ => self.shown(called),
                    };
                    return Err(wrong_count(&what, params.len(), args.len()));
                }
                for (index, (&param, &arg)) in params.iter().zip(&args).enumerate() {
                    self.unify(param, arg).within_item("args", index)?;
                }
                Ok(result)
            }
            TypeNode::Known(..) => {
                let message = format!("`{}` is no function", self.shown(called));
                Err(Diagnostic::new("mismatch", message)).within("fn")
            }
            _ => {
                let result = self.unknown(TypeClass::Any)?;
                let needed = self.function(args, result)?;
                self.unify(called, needed)?;
                Ok(result)
            }
        }
    }

    fn infer_if(&mut self, [condition, yes, no]: &[Box<Expression>; 3]) -> Checked<usize> {
        let found = self.infer(condition).within("cond")?;
        let flag = self.known(TypeShape::Bool, Vec::new())?;
        self.unify(flag, found).within("cond")?;
        let of = self.infer(yes).within("then")?;
        let other = self.infer(no).within("else")?;
        self.unify(of, other).within("else")?;
        Ok(of)
    }

    fn infer_let(
        &mut self,
        name: &Arc<str>,
        recursive: bool,
        value: &Expression,
    ) -> Checked<NameBinding> {
        self.level += 1;
        let of = if recursive {
            let own = self.unknown(TypeClass::Any)?;
            self.enter(name, NameBinding::Single(own));
            let found = self.infer(value).within("value")?;
            self.leave(name);
            self.unify(own, found).within("value")?;
            found
        } else {
            self.infer(value).within("value")?
        };
        self.level -= 1;
        Ok(match self.in_template {
            true => NameBinding::Single(of),
            false => NameBinding::General(of, self.level),
        })
    }

    fn infer_operation(
        &mut self,
        operator: &CompilerOperator,
        args: &[Expression],
    ) -> Checked<usize> {
        let operand = match operator.class {
            Some(class) => self.unknown(class)?,
            None => self.known(TypeShape::Bool, Vec::new())?,
        };
        for (index, found) in self.infer_all("args", args)?.into_iter().enumerate() {
            self.unify(operand, found).within_item("args", index)?;
        }
        match operator.tells {
            true => self.known(TypeShape::Bool, Vec::new()),
            false => Ok(operand),
        }
    }
}

/// `a` to `z`, then `a1` and so on.
#[cfg(feature = "compiler")]
fn variable_name(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}

// --- code ------------------------------------------------------------------

#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq)]
enum Instruction {
    Push(CompilerLiteral, TypeTree),
    Load(usize),
    Store(usize),
    Pop,
    Operate(&'static CompilerOperator),
    Tuple(usize),
    List(usize, TypeTree),
    Call(Arc<str>),
    Jump(usize),
    JumpIfNot(usize),
    Return,
}

#[cfg(feature = "compiler")]
impl Instruction {
    fn read(json: &Json) -> Checked<Self> {
        let Json::List(parts) = json else {
            return malformed("an instruction has to be a list");
        };
        let (mnemonic, operands) = match parts.split_first() {
            Some((Json::Text(mnemonic), operands)) => (mnemonic.as_str(), operands),
            _ => return malformed("an instruction begins with its name"),
        };
        Ok(match (mnemonic, operands) {
            ("push", [value, of]) => {
                let of = closed_type(of)?;
                Self::Push(CompilerLiteral::read(value, &of)?, of)
            }
            ("load", [slot]) => Self::Load(slot.index()?),
            ("store", [slot]) => Self::Store(slot.index()?),
            ("pop", []) => Self::Pop,
            ("tuple", [count]) => Self::Tuple(count.index()?),
            ("list", [count, of]) => Self::List(count.index()?, closed_type(of)?),
            ("call", [name]) => match name {
                Json::Text(name) => Self::Call(name.as_str().into()),
                _ => return malformed("the name of a function was expected"),
            },
            ("jump", [target]) => Self::Jump(target.index()?),
            ("jump_if_not", [target]) => Self::JumpIfNot(target.index()?),
            ("return", []) => Self::Return,
            (_, operands) => {
                let known = COMPILER_OPERATORS
                    .iter()
                    .find(|op| op.mnemonic == mnemonic && !mnemonic.is_empty());
                match known {
                    Some(operator) if operands.is_empty() => Self::Operate(operator),
                    _ => {
                        let name = shortened(mnemonic);
                        let count = operands.len();
                        return malformed(format!("no instruction `{name}` with {count} operands"));
                    }
                }
            }
        })
    }

    fn json(&self) -> Json {
        let mut parts = Vec::new();
        let mnemonic = match self {
            Self::Push(literal, of) => {
                parts.extend([literal.json(), of.json()]);
                "push"
            }
            Self::Load(slot) => {
                parts.push(Json::count(*slot));
                "load"
            }
            Self::Store(slot) => {
                parts.push(Json::count(*slot));
                "store"
            }
            Self::Pop => "pop",
            Self::Operate(operator) => operator.mnemonic,
            Self::Tuple(count) => {
                parts.push(Json::count(*count));
                "tuple"
            }
            Self::List(count, of) => {
                parts.extend([Json::count(*count), of.json()]);
                "list"
            }
            Self::Call(name) => {
                parts.push(Json::text(name));
                "call"
            }
            Self::Jump(target) => {
                parts.push(Json::count(*target));
                "jump"
            }
            Self::JumpIfNot(target) => {
                parts.push(Json::count(*target));
                "jump_if_not"
            }
            Self::Return => "return",
        };
        parts.insert(0, Json::text(mnemonic));
        Json::List(parts)
    }

    fn target(&self) -> Option<usize> {
        match self {
            Self::Jump(target) | Self::JumpIfNot(target) => Some(*target),
            _ => None,
        }
    }
}

/// A type without variables.
#[cfg(feature = "compiler")]
fn closed_type(json: &Json) -> Checked<TypeTree> {
    let tree = TypeTree::read(json)?;
    match tree.is_closed() {
        true => Ok(tree),
        false => Err(Diagnostic::new(
            "open-type",
            "a type without variables is needed",
        )),
    }
}

/// A function as code.
#[cfg(feature = "compiler")]
#[derive(Clone, Debug, PartialEq)]
struct CodeFunction {
    name: Arc<str>,
    params: Vec<TypeTree>,
    locals: Vec<TypeTree>,
    result: TypeTree,
    calls: BTreeMap<Arc<str>, TypeTree>,
    max_stack: usize,
    code: Vec<Instruction>,
}

#[cfg(feature = "compiler")]
impl CodeFunction {
    fn read(json: &Json) -> Checked<Self> {
        let keys = [
            "name",
            "params",
            "locals",
            "result",
            "calls",
            "max_stack",
            "code",
        ];
        json.members("a function", &keys)?;
        let types = |key, needed| {
            let items: &[Json] = json.items(key, needed)?;
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| closed_type(item).within_item(key, index))
                .collect::<Checked<Vec<_>>>()
        };
        let code = json.items("code", true)?;
        if code.len() > CODE_MAX_INSTRUCTIONS {
            return Err(code_too_long());
        }
        let mut calls = BTreeMap::new();
        for (name, of) in read_types_by_name(json, "calls")? {
            if !of.is_closed() || of.signature().is_none() {
                let message = format!("`{name}` is not of a function type without variables");
                return Err(Diagnostic::new("open-type", message)).within("calls");
            }
            calls.insert(name, of);
        }
        Ok(Self {
            name: match json.required("name")? {
                Json::Text(name) => name.as_str().into(),
                _ => return malformed("a string was expected").within("name"),
            },
            params: types("params", true)?,
            locals: types("locals", false)?,
            result: closed_type(json.required("result")?).within("result")?,
            calls,
            max_stack: json.required("max_stack")?.index().within("max_stack")?,
            code: code
                .iter()
                .enumerate()
                .map(|(index, json)| Instruction::read(json).within_item("code", index))
                .collect::<Checked<_>>()?,
        })
    }

    fn json(&self) -> Json {
        let calls = self.calls.iter();
        json_object([
            ("name", Json::text(&self.name)),
            ("params", Json::list(&self.params, TypeTree::json)),
            ("locals", Json::list(&self.locals, TypeTree::json)),
            ("result", self.result.json()),
            (
                "calls",
                Json::Object(
                    calls
                        .map(|(name, of)| (name.to_string(), of.json()))
                        .collect(),
                ),
            ),
            ("max_stack", Json::count(self.max_stack)),
            ("code", Json::list(&self.code, Instruction::json)),
        ])
    }
}

#[cfg(feature = "compiler")]
fn code_too_long() -> Box<Diagnostic> {
    let message = format!("more than {CODE_MAX_INSTRUCTIONS} instructions");
    Diagnostic::new("too-large", message)
}

/// Types by number, the same type always by the same one.
#[cfg(feature = "compiler")]
#[derive(Default)]
struct TypeNumbers {
    numbers: HashMap<(TypeShape, Vec<u32>), u32>,
    types: Vec<(TypeShape, Vec<u32>)>,
    classes: Vec<TypeClass>,
}

#[cfg(feature = "compiler")]
impl TypeNumbers {
    fn number(&mut self, shape: TypeShape, args: Vec<u32>) -> u32 {
        let next = self.types.len() as u32;
        let key = (shape, args);
        if let Some(&known) = self.numbers.get(&key) {
            return known;
        }
        let parts = key.1.iter().map(|&part| self.classes[part as usize]);
        let class = match key.0.class() {
            own if parts.min().is_some_and(|class| class < own) => TypeClass::Any,
            own => own,
        };
        self.classes.push(class);
        self.types.push(key.clone());
        self.numbers.insert(key, next);
        next
    }

    fn import(&mut self, tree: &TypeTree) -> u32 {
        let args = tree.args.iter().map(|part| self.import(part)).collect();
        self.number(tree.shape.clone(), args)
    }

    fn shown(&self, number: u32) -> String {
        let tree = self.grow_tree(number, 0, &mut { MESSAGE_TYPE_PARTS });
        tree.map_or_else(|| "…".to_owned(), |tree| tree.to_string())
    }

    fn grow_tree(&self, number: u32, depth: usize, budget: &mut usize) -> Option<TypeTree> {
        if depth >= TYPE_MAX_DEPTH {
            return None;
        }
        *budget = budget.checked_sub(1)?;
        let (shape, parts) = &self.types[number as usize];
        let mut args = Vec::new();
        for &part in parts {
            args.push(self.grow_tree(part, depth + 1, budget)?);
        }
        Some(TypeTree {
            shape: shape.clone(),
            args,
        })
    }
}

/// What is known before an instruction: the types on the stack, and which slots have a value.
#[cfg(feature = "compiler")]
#[derive(Clone, PartialEq, Eq)]
struct CodeState {
    stack: Vec<u32>,
    assigned: u64,
}

/// Follows all paths through the code of a function.
#[cfg(feature = "compiler")]
struct CodeChecker<'a> {
    function: &'a CodeFunction,
    types: TypeNumbers,
    slots: Vec<u32>,
    flag: u32,
    /// The types that stand in the instructions.
    operands: Vec<u32>,
    /// Parameters and results of the functions that can be called.
    calls: HashMap<Arc<str>, (Vec<u32>, u32)>,
    result: u32,
    /// The states at the beginning and wherever a jump leads.
    states: BTreeMap<usize, CodeState>,
    deepest: usize,
}

#[cfg(feature = "compiler")]
impl<'a> CodeChecker<'a> {
    /// Checks everything and gives the stack that the code needs.
    fn check(function: &'a CodeFunction) -> Checked<usize> {
        if function.max_stack > CODE_MAX_STACK {
            let message = format!("a stack of more than {CODE_MAX_STACK} values");
            return Err(Diagnostic::new("too-large", message)).within("max_stack");
        }
        if function.params.len() + function.locals.len() > CODE_MAX_SLOTS {
            let message = format!("more than {CODE_MAX_SLOTS} parameters and locals");
            return Err(Diagnostic::new("too-large", message)).within("locals");
        }
        let mut types = TypeNumbers::default();
        let slots = function.params.iter().chain(&function.locals);
        let slots: Vec<u32> = slots.map(|of| types.import(of)).collect();
        let flag = types.import(&TypeTree::BOOL);
        let result = types.import(&function.result);
        let mut calls = HashMap::new();
        for (name, of) in &function.calls {
            if let Some((params, result)) = of.signature() {
                let params = params.iter().map(|of| types.import(of)).collect();
                calls.insert(name.clone(), (params, types.import(result)));
            }
        }
        let own = slots[..function.params.len()].to_vec();
        calls.insert(function.name.clone(), (own, result));
        let code = function.code.iter();
        let operands = code
            .map(|instruction| match instruction {
                Instruction::Push(_, of) | Instruction::List(_, of) => types.import(of),
                _ => flag,
            })
            .collect();
        let mut checker = Self {
            function,
            types,
            slots,
            flag,
            operands,
            calls,
            result,
            states: BTreeMap::new(),
            deepest: 0,
        };
        checker.run()?;
        Ok(checker.deepest)
    }

    fn run(&mut self) -> Checked<()> {
        let code = &self.function.code;
        let mut joins = vec![false; code.len()];
        for (index, target) in code.iter().map(Instruction::target).enumerate() {
            match target.map(|target| joins.get_mut(target)) {
                None => {}
                Some(Some(join)) => *join = true,
                Some(None) => {
                    let message = format!("no instruction to jump to among {}", code.len());
                    return Err(Diagnostic::new("jump-target", message)).within_item("code", index);
                }
            }
        }
        let Some(first) = joins.first_mut() else {
            return Err(Diagnostic::new("falls-off", "there is no code")).within("code");
        };
        *first = true;
        let mut reached = vec![false; code.len()];
        let params = self.function.params.len();
        let start = CodeState {
            stack: Vec::new(),
            // A shift by all 64 bits is none.
            assigned: (!0u64).checked_shl(params as u32).map_or(!0, |rest| !rest),
        };
        self.flow_into(0, &start)?;
        let mut open = vec![0];
        while let Some(mut at) = open.pop() {
            let Some(mut state) = self.states.get(&at).cloned() else {
                continue;
            };
            loop {
                reached[at] = true;
                self.execute(at, &mut state).within_item("code", at)?;
                if let Some(target) = code[at].target() {
                    if self.flow_into(target, &state).within_item("code", at)? {
                        open.push(target);
                    }
                }
                if matches!(code[at], Instruction::Jump(_) | Instruction::Return) {
                    break;
                }
                let next = at + 1;
                let Some(&join) = joins.get(next) else {
                    let message = "the code ends without a return";
                    return Err(Diagnostic::new("falls-off", message)).within_item("code", at);
                };
                if join {
                    if self.flow_into(next, &state).within_item("code", at)? {
                        open.push(next);
                    }
                    break;
                }
                at = next;
            }
        }
        match reached.iter().position(|reached| !reached) {
            Some(dead) => {
                let message = "no path leads to this instruction";
                Err(Diagnostic::new("unreachable", message)).within_item("code", dead)
            }
            None => Ok(()),
        }
    }

    /// Brings a state to the beginning of an instruction; whether that changes what is known there.
    fn flow_into(&mut self, target: usize, state: &CodeState) -> Checked<bool> {
        let Some(known) = self.states.get_mut(&target) else {
            self.states.insert(target, state.clone());
            return Ok(true);
        };
        if known.stack != state.stack {
            let message = format!(
                "instruction {target} is reached with {} and with {} value(s) on the stack, or with \
                 other types",
                known.stack.len(),
                state.stack.len()
            );
            return Err(Diagnostic::new("stack-mismatch", message));
        }
        let both = known.assigned & state.assigned;
        let changed = both != known.assigned;
        known.assigned = both;
        Ok(changed)
    }

    fn execute(&mut self, at: usize, state: &mut CodeState) -> Checked<()> {
        let function = self.function;
        match &function.code[at] {
            Instruction::Push(..) => self.push(state, self.operands[at])?,
            Instruction::Load(slot) => {
                let of = self.slot(*slot)?;
                if state.assigned >> slot & 1 == 0 {
                    let message = format!("slot {slot} may have no value yet");
                    return Err(Diagnostic::new("unassigned", message));
                }
                self.push(state, of)?;
            }
            Instruction::Store(slot) => {
                let of = self.slot(*slot)?;
                self.pop(state, of)?;
                state.assigned |= 1u64 << slot;
            }
            Instruction::Pop => {
                self.take(state)?;
            }
            Instruction::Operate(operator) => self.operate(operator, state)?,
            Instruction::Tuple(count) => {
                let Some(rest) = state.stack.len().checked_sub(*count) else {
                    return Err(underflow(*count, state.stack.len()));
                };
                let parts = state.stack.split_off(rest);
                let of = self.types.number(TypeShape::Tuple, parts);
                self.push(state, of)?;
            }
            Instruction::List(count, _) => {
                if *count > state.stack.len() {
                    return Err(underflow(*count, state.stack.len()));
                }
                let item = self.operands[at];
                for _ in 0..*count {
                    self.pop(state, item)?;
                }
                let of = self
                    .types
                    .number(TypeShape::Named("Vec".into()), vec![item]);
                self.push(state, of)?;
            }
            Instruction::Call(name) => {
                let Some((params, result)) = self.calls.get(name) else {
                    let message = format!("`{}` is not known here", shortened(name));
                    return Err(Diagnostic::new("unknown-name", message));
                };
                let result = *result;
                for &param in params.iter().rev() {
                    self.pop(state, param)?;
                }
                self.push(state, result)?;
            }
            Instruction::Jump(_) => {}
            Instruction::JumpIfNot(_) => self.pop(state, self.flag)?,
            Instruction::Return => {
                self.pop(state, self.result)?;
                if !state.stack.is_empty() {
                    let message = format!("{} value(s) more on the stack", state.stack.len());
                    return Err(Diagnostic::new("stack-left", message));
                }
            }
        }
        Ok(())
    }

    fn operate(&mut self, operator: &CompilerOperator, state: &mut CodeState) -> Checked<()> {
        let operand = self.take(state)?;
        let fits = match operator.class {
            Some(class) => self.types.classes[operand as usize] >= class,
            None => operand == self.flag,
        };
        if !fits {
            let (name, of) = (operator.mnemonic, self.types.shown(operand));
            let message = format!("`{name}` does not work on `{of}`");
            return Err(Diagnostic::new("mismatch", message));
        }
        for _ in 1..operator.arity {
            self.pop(state, operand)?;
        }
        let of = if operator.tells { self.flag } else { operand };
        self.push(state, of)
    }

    fn slot(&self, slot: usize) -> Checked<u32> {
        self.slots.get(slot).copied().ok_or_else(|| {
            let message = format!("there is no slot {slot}, only {}", self.slots.len());
            Diagnostic::new("slot", message)
        })
    }

    fn push(&mut self, state: &mut CodeState, of: u32) -> Checked<()> {
        state.stack.push(of);
        self.deepest = self.deepest.max(state.stack.len());
        if state.stack.len() > self.function.max_stack {
            let message = format!("more than {} values on the stack", self.function.max_stack);
            return Err(Diagnostic::new("stack-overflow", message));
        }
        Ok(())
    }

    fn take(&self, state: &mut CodeState) -> Checked<u32> {
        state.stack.pop().ok_or_else(|| underflow(1, 0))
    }

    fn pop(&self, state: &mut CodeState, expected: u32) -> Checked<()> {
        let found = self.take(state)?;
        if found != expected {
            let (expected, found) = (self.types.shown(expected), self.types.shown(found));
            let message = format!("expected `{expected}` on the stack, found `{found}`");
            return Err(Diagnostic::new("mismatch", message));
        }
        Ok(())
    }
}

#[cfg(feature = "compiler")]
fn underflow(needed: usize, there: usize) -> Box<Diagnostic> {
    let message = format!("{needed} value(s) needed, {there} on the stack");
    Diagnostic::new("stack-underflow", message)
}

// --- templates -------------------------------------------------------------

#[cfg(feature = "compiler")]
struct CompilerTemplate {
    name: Arc<str>,
    params: Vec<(Arc<str>, TypeClass)>,
    args: Vec<(Arc<str>, TypeTree)>,
    result: TypeTree,
    uses: Vec<(Arc<str>, TypeTree)>,
    body: Expression,
    expressions: usize,
}

#[cfg(feature = "compiler")]
impl CompilerTemplate {
    fn read(json: &Json) -> Checked<Self> {
        let keys = ["name", "params", "args", "result", "uses", "body"];
        json.members("a template", &keys)?;
        let mut params: Vec<(Arc<str>, TypeClass)> = Vec::new();
        let mut seen = HashSet::new();
        for (index, json) in json.items("params", true)?.iter().enumerate() {
            let read = || -> Checked<(Arc<str>, TypeClass)> {
                if let Json::Text(_) = json {
                    return Ok((json.name()?, TypeClass::Any));
                }
                json.members("a parameter of a template", &["name", "class"])?;
                let name = json.required("name")?.name().within("name")?;
                Ok((name, TypeClass::read(json.get("class"))?))
            };
            let (name, class) = read().within_item("params", index)?;
            if !seen.insert(name.clone()) {
                return malformed(format!("`{name}` stands twice")).within_item("params", index);
            }
            params.push((name, class));
        }
        let args = read_parameters(json, "args", true)?.into_iter();
        let mut expressions = 0;
        Ok(Self {
            name: json.required("name")?.name().within("name")?,
            params,
            // Each has a type, or reading would have failed.
            args: args.filter_map(|(name, of)| Some((name, of?))).collect(),
            result: TypeTree::read(json.required("result")?).within("result")?,
            uses: read_types_by_name(json, "uses")?,
            body: *Expression::read_part(json, "body", &mut expressions)?,
            expressions,
        })
    }

    /// The code of the template for these types.
    fn instantiate(&self, types: &[TypeTree], inference: &mut Inference) -> Checked<CodeFunction> {
        if types.len() != self.params.len() {
            return Err(wrong_count(&self.name, self.params.len(), types.len()));
        }
        inference.in_template = true;
        inference.noted = vec![0; self.expressions];
        for ((name, class), of) in self.params.iter().zip(types) {
            if !of.is_in(*class) {
                let (class, of) = (class.name(), shortened(&of.to_string()));
                let message = format!("`{name}` needs a type of class `{class}`, not `{of}`");
                return Err(Diagnostic::new("class", message));
            }
            let of = inference.import_rigid(of)?;
            inference.variables.insert(name.clone(), of);
        }
        let args = self.args.iter().enumerate();
        let args = args
            .map(|(index, (_, of))| inference.import_annotation(of).within_item("args", index))
            .collect::<Checked<Vec<_>>>()?;
        let result = inference.import_annotation(&self.result).within("result")?;
        let own_name = instance_name(&self.name, types)?;
        let mut calls = BTreeMap::new();
        let mut parts = CODE_MAX_TYPE_PARTS;
        for (name, of) in &self.uses {
            if of.signature().is_none() {
                return malformed(format!("`{name}` is of no function type")).within("uses");
            }
            if **name == *own_name {
                return malformed(format!("`{name}` is the instance itself")).within("uses");
            }
            let of = inference.import_annotation(of).within("uses")?;
            inference.enter(name, NameBinding::Single(of));
            calls.insert(name.clone(), inference.closed_tree(of, &mut parts)?);
        }
        let own = inference.function(args.clone(), result)?;
        inference.enter(&self.name, NameBinding::Single(own));
        for ((name, _), &of) in self.args.iter().zip(&args) {
            inference.enter(name, NameBinding::Single(of));
        }
        let found = inference.infer(&self.body).within("body")?;
        inference.unify(result, found).within("body")?;

        // The template's own name hides it.
        calls.remove(&self.name);
        let mut function = CodeFunction {
            name: own_name.into(),
            params: Vec::new(),
            locals: Vec::new(),
            result: inference.closed_tree(result, &mut parts)?,
            calls,
            max_stack: CODE_MAX_STACK,
            code: Vec::new(),
        };
        for &of in &args {
            function.params.push(inference.closed_tree(of, &mut parts)?);
        }
        if args.len() > CODE_MAX_SLOTS {
            return Err(too_many_slots());
        }
        let mut lowering = Lowering {
            inference,
            template: &self.name,
            names: Vec::new(),
            parts,
            function,
        };
        for (slot, (name, _)) in self.args.iter().enumerate() {
            lowering.names.push((name.clone(), slot));
        }
        lowering.lower(&self.body).within("body")?;
        lowering.emit(Instruction::Return)?;
        let mut function = lowering.function;
        function.max_stack = CodeChecker::check(&function)?;
        Ok(function)
    }
}

#[cfg(feature = "compiler")]
fn instance_name(template: &str, types: &[TypeTree]) -> Checked<String> {
    let whole = TypeTree {
        shape: TypeShape::Named(template.into()),
        args: types.to_vec(),
    };
    let name = whole.to_string();
    if name.len() > INSTANCE_NAME_MAX {
        let message = format!("the name of the instance has {} bytes", name.len());
        return Err(Diagnostic::new("too-large", message));
    }
    Ok(name)
}

#[cfg(feature = "compiler")]
fn too_many_slots() -> Box<Diagnostic> {
    let message = format!("more than {CODE_MAX_SLOTS} arguments and variables");
    Diagnostic::new("too-large", message)
}

#[cfg(feature = "compiler")]
fn unsupported<T>(what: &str) -> Checked<T> {
    Err(Diagnostic::new(
        "unsupported",
        format!("{what} in a template"),
    ))
}

#[cfg(feature = "compiler")]
impl Inference {
    /// A type that has to be known entirely, taken from a budget of parts.
    fn closed_tree(&mut self, of: usize, parts: &mut usize) -> Checked<TypeTree> {
        let Some(tree) = self.tree(of, parts) else {
            let message = "the types of the instance have too many parts or levels";
            return Err(Diagnostic::new("too-large", message));
        };
        match tree.is_closed() {
            true => Ok(tree),
            false => Err(Diagnostic::new(
                "ambiguous",
                format!("`{}` could be any type here", shortened(&tree.to_string())),
            )),
        }
    }
}

/// Turns the body of a template into code.
#[cfg(feature = "compiler")]
struct Lowering<'a> {
    inference: &'a mut Inference,
    template: &'a Arc<str>,
    /// Names with their slots, the innermost last.
    names: Vec<(Arc<str>, usize)>,
    parts: usize,
    function: CodeFunction,
}

#[cfg(feature = "compiler")]
impl Lowering<'_> {
    fn emit(&mut self, instruction: Instruction) -> Checked<usize> {
        let code = &mut self.function.code;
        if code.len() >= CODE_MAX_INSTRUCTIONS {
            return Err(code_too_long());
        }
        code.push(instruction);
        Ok(code.len() - 1)
    }

    /// Lets a jump lead to what comes next.
    fn land(&mut self, jump: usize) {
        let here = self.function.code.len();
        if let Instruction::Jump(target) | Instruction::JumpIfNot(target) =
            &mut self.function.code[jump]
        {
            *target = here;
        }
    }

    fn type_of(&mut self, expression: &Expression) -> Checked<TypeTree> {
        let of = self.inference.noted[expression.number];
        self.inference.closed_tree(of, &mut self.parts)
    }

    fn slot(&self, name: &str) -> Option<usize> {
        let mut names = self.names.iter().rev();
        names
            .find(|(known, _)| **known == *name)
            .map(|(_, slot)| *slot)
    }

    fn lower_all(&mut self, key: &str, items: &[Expression]) -> Checked<()> {
        let mut items = items.iter().enumerate();
        items.try_for_each(|(index, item)| self.lower(item).within_item(key, index))
    }

    fn lower(&mut self, expression: &Expression) -> Checked<()> {
        match &expression.form {
            ExpressionForm::Literal(literal, _) => self.lower_literal(expression, literal),
            ExpressionForm::Variable(name) => match self.slot(name) {
                Some(slot) => self.emit(Instruction::Load(slot)).map(|_| ()),
                None => unsupported("a function is no value"),
            },
            ExpressionForm::Ascribed(value, _) => self.lower(value).within("value"),
            ExpressionForm::Lambda(..) => unsupported("there is no lambda"),
            ExpressionForm::Apply(function, args) => self.lower_apply(function, args),
            ExpressionForm::If(parts) => self.lower_if(parts),
            ExpressionForm::Let { recursive, .. } if *recursive => {
                unsupported("there is no recursive let")
            }
            ExpressionForm::Let {
                name, value, body, ..
            } => {
                self.lower_let(name, value)?;
                let lowered = self.lower(body).within("body");
                self.names.pop();
                lowered
            }
            ExpressionForm::Tuple(items) => {
                self.lower_all("items", items)?;
                self.emit(Instruction::Tuple(items.len())).map(|_| ())
            }
            ExpressionForm::List(items) => {
                self.lower_all("items", items)?;
                self.lower_list(expression, items.len())
            }
            ExpressionForm::Operation(operator, args) => self.lower_operation(operator, args),
        }
    }

    fn lower_literal(&mut self, whole: &Expression, literal: &CompilerLiteral) -> Checked<()> {
        let of = self.type_of(whole)?;
        self.emit(Instruction::Push(literal.clone(), of))?;
        Ok(())
    }

    fn lower_if(&mut self, [condition, yes, no]: &[Box<Expression>; 3]) -> Checked<()> {
        self.lower(condition).within("cond")?;
        let otherwise = self.emit(Instruction::JumpIfNot(0))?;
        self.lower(yes).within("then")?;
        let end = self.emit(Instruction::Jump(0))?;
        self.land(otherwise);
        self.lower(no).within("else")?;
        self.land(end);
        Ok(())
    }

    /// Puts a value into a slot of its own, which has the name from then on.
    fn lower_let(&mut self, name: &Arc<str>, value: &Expression) -> Checked<()> {
        self.lower(value).within("value")?;
        let of = self.type_of(value).within("value")?;
        let slot = self.function.params.len() + self.function.locals.len();
        if slot >= CODE_MAX_SLOTS {
            return Err(too_many_slots());
        }
        self.function.locals.push(of);
        self.emit(Instruction::Store(slot))?;
        self.names.push((name.clone(), slot));
        Ok(())
    }

    fn lower_list(&mut self, whole: &Expression, count: usize) -> Checked<()> {
        let of = self.type_of(whole)?;
        let item = of.args.into_iter().next().unwrap_or(TypeTree::NIL);
        self.emit(Instruction::List(count, item))?;
        Ok(())
    }

    fn lower_apply(&mut self, function: &Expression, args: &[Expression]) -> Checked<()> {
        let name = match &function.form {
            ExpressionForm::Variable(name) if self.slot(name).is_none() => name,
            _ => return unsupported("only functions by name are called").within("fn"),
        };
        self.lower_all("args", args)?;
        let name = match name == self.template {
            true => self.function.name.clone(),
            false => name.clone(),
        };
        self.emit(Instruction::Call(name))?;
        Ok(())
    }

    fn lower_operation(
        &mut self,
        operator: &'static CompilerOperator,
        args: &[Expression],
    ) -> Checked<()> {
        if !operator.mnemonic.is_empty() {
            self.lower_all("args", args)?;
            self.emit(Instruction::Operate(operator))?;
            return Ok(());
        }
        match args {
            [left, right] => self.lower_choice(operator.symbol == "and", left, right),
            _ => Err(wrong_count(operator.symbol, operator.arity, args.len())),
        }
    }

    /// `and` and `or` look at their second operand only if they have to.
    fn lower_choice(&mut self, all: bool, left: &Expression, right: &Expression) -> Checked<()> {
        self.lower(left).within_item("args", 0)?;
        let otherwise = self.emit(Instruction::JumpIfNot(0))?;
        if all {
            self.lower(right).within_item("args", 1)?;
        } else {
            self.lower_flag(true)?;
        }
        let end = self.emit(Instruction::Jump(0))?;
        self.land(otherwise);
        if all {
            self.lower_flag(false)?;
        } else {
            self.lower(right).within_item("args", 1)?;
        }
        self.land(end);
        Ok(())
    }

    fn lower_flag(&mut self, flag: bool) -> Checked<()> {
        let literal = CompilerLiteral::Bool(flag);
        self.emit(Instruction::Push(literal, TypeTree::BOOL))?;
        Ok(())
    }
}

// --- contexts --------------------------------------------------------------

#[cfg(feature = "compiler")]
static COMPILER_CONTEXTS: HandleTable<Mutex<CompilerContext>> = HandleTable::new();

/// What a context remembers between calls.
#[cfg(feature = "compiler")]
#[derive(Default)]
struct CompilerContext {
    stats: CompilerStats,
    /// Functions by template and types, both as JSON without a choice of order.
    cache: HashMap<(String, String), Arc<str>>,
    /// The keys of the cache, the oldest first.
    cache_order: VecDeque<(String, String)>,
    cache_bytes: usize,
}

#[cfg(feature = "compiler")]
#[derive(Default)]
struct CompilerStats {
    inferences: u64,
    inference_errors: u64,
    checks: u64,
    check_errors: u64,
    instantiations: u64,
    instantiation_errors: u64,
    cache_hits: u64,
    cache_misses: u64,
    cache_evictions: u64,
    unifications: u64,
}

#[cfg(feature = "compiler")]
impl CompilerContext {
    fn infer(&mut self, source: &str) -> Checked<Json> {
        let program = CompilerProgram::read(&Json::read(source)?, false)?;
        let of = self.infer_program(&program)?;
        Ok(json_object([
            ("ok", Json::Bool(true)),
            ("type", of.json()),
            ("text", Json::Text(of.described())),
        ]))
    }

    fn infer_program(&mut self, program: &CompilerProgram) -> Checked<TypeTree> {
        let mut inference = Inference::default();
        let mut run = || -> Checked<TypeTree> {
            for (name, of) in &program.env {
                inference.declare(name, of).within("env")?;
            }
            let mut found = inference.infer(&program.body);
            if program.wrapped {
                found = found.within("body");
            }
            let found = found?;
            if let Some(expected) = &program.expected {
                let expected = inference.import_rigid(expected)?;
                inference.unify(expected, found).within("body")?;
            }
            inference.result_tree(found)
        };
        let outcome = run();
        self.stats.unifications += inference.unifications;
        outcome
    }

    fn check(&mut self, source: &str) -> Checked<Json> {
        let json = Json::read(source)?;
        let function = json.get("function").unwrap_or(&json);
        if function.get("code").is_some() {
            let function = CodeFunction::read(function)?;
            let stack = CodeChecker::check(&function)?;
            return Ok(json_object([
                ("ok", Json::Bool(true)),
                ("instructions", Json::count(function.code.len())),
                ("stack", Json::count(stack)),
            ]));
        }
        let of = self.infer_program(&CompilerProgram::read(&json, true)?)?;
        Ok(json_object([("ok", Json::Bool(true)), ("type", of.json())]))
    }

    fn instantiate(&mut self, template: &str, types: &str) -> Checked<Arc<str>> {
        let json = Json::read(template).within("template")?;
        let types = Json::read(types).within("types")?;
        let Json::List(list) = &types else {
            return malformed("a list of types was expected").within("types");
        };
        let list = list.iter().enumerate();
        let list = list
            .map(|(index, of)| closed_type(of).within_item("types", index))
            .collect::<Checked<Vec<_>>>()?;
        // What may be left out is written here.
        let key = (json.written(), Json::list(&list, TypeTree::json).written());
        if let Some(known) = self.cache.get(&key) {
            self.stats.cache_hits += 1;
            return Ok(known.clone());
        }
        self.stats.cache_misses += 1;
        let template = CompilerTemplate::read(&json).within("template")?;
        let mut inference = Inference::default();
        let function = template.instantiate(&list, &mut inference);
        self.stats.unifications += inference.unifications;
        let function: Arc<str> = function.within("template")?.json().written().into();
        self.remember(key, function.clone());
        Ok(function)
    }

    fn remember(&mut self, key: (String, String), function: Arc<str>) {
        let size = |key: &(String, String), function: &str| {
            2 * (key.0.len() + key.1.len()) + function.len()
        };
        let new = size(&key, &function);
        if new > CACHE_MAX_BYTES {
            return;
        }
        while self.cache.len() >= CACHE_MAX_ENTRIES || self.cache_bytes + new > CACHE_MAX_BYTES {
            let Some(oldest) = self.cache_order.pop_front() else {
                break;
            };
            if let Some(function) = self.cache.remove(&oldest) {
                self.cache_bytes -= size(&oldest, &function);
                self.stats.cache_evictions += 1;
            }
        }
        self.cache_bytes += new;
        self.cache_order.push_back(key.clone());
        self.cache.insert(key, function);
    }

    fn report(&self) -> Json {
        let stats = &self.stats;
        let count = |count: u64| Json::Int(count.into());
        json_object([
            ("contexts", Json::count(COMPILER_CONTEXTS.len())),
            ("inferences", count(stats.inferences)),
            ("inference_errors", count(stats.inference_errors)),
            ("checks", count(stats.checks)),
            ("check_errors", count(stats.check_errors)),
            ("instantiations", count(stats.instantiations)),
            ("instantiation_errors", count(stats.instantiation_errors)),
            ("cache_hits", count(stats.cache_hits)),
            ("cache_misses", count(stats.cache_misses)),
            ("cache_evictions", count(stats.cache_evictions)),
            ("cache_entries", Json::count(self.cache.len())),
            ("unifications", count(stats.unifications)),
        ])
    }
}

/// Has a context answer into a buffer; -1 with the failure recorded if there is no such context, or
/// no such buffer, or the work fails.
#[cfg(feature = "compiler")]
unsafe fn compiler_answer(
    context: Handle,
    out: *mut u8,
    cap: i64,
    work: impl FnOnce(&mut CompilerContext) -> Outcome<String>,
) -> i64 {
    let answer = || -> Outcome<String> {
        let context = COMPILER_CONTEXTS.get(context).ok_or_else(|| {
            let message = format!("{context} is no context of the compiler");
            Failure::new(ERR_ARGUMENT, message)
        })?;
        if cap < 0 || (out.is_null() && cap > 0) {
            return Err(Failure::new(ERR_ARGUMENT, "no room for the answer there"));
        }
        let mut context = lock(&context);
        work(&mut context)
    };
    match answer() {
        Ok(text) => copy_out(text.as_bytes(), out, cap),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// The answer, or the report of what is wrong; `errors` counts those.
#[cfg(feature = "compiler")]
fn answer_or_report(answer: Checked<Json>, errors: &mut u64) -> String {
    answer
        .unwrap_or_else(|diagnostic| {
            *errors += 1;
            diagnostic.report()
        })
        .written()
}

/// Makes a context: a cache of instances and counts. Calls on one context take turns, calls on
/// different ones do not. Free it with [`__rt_compiler_destroy_context`].
#[cfg(feature = "compiler")]
#[no_mangle]
pub extern "C" fn __rt_compiler_create_context() -> Handle {
    COMPILER_CONTEXTS.insert(Mutex::default())
}

/// Frees a context with its cache. False if it is not (or no longer) one.
#[cfg(feature = "compiler")]
#[no_mangle]
pub extern "C" fn __rt_compiler_destroy_context(context: Handle) -> bool {
    COMPILER_CONTEXTS.remove(context).is_some()
}

/// Finds the most general type of a program; the JSON is described at the top of this section of the
/// sources. Writes `{"ok":true,"type":…,"text":"fn(a) -> a"}` or an error to `out` and returns the
/// length.
///
/// The errors: `json`, `form`, `too-large`, `depth`, `range`, `unknown-name`, `arity`, `mismatch`,
/// `occurs`, `class`, `too-complex`. Returns -1 for a bad handle, a bad buffer, and a source that is
/// not readable UTF-8. Each call counts, the one that asks for the length too.
///
/// # Safety
/// `source` is null or valid for reads of `len` bytes, `out` is null or valid for writes of `cap`
/// bytes.
#[cfg(feature = "compiler")]
#[no_mangle]
pub unsafe extern "C" fn __rt_compiler_infer_types(
    context: Handle,
    source: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    compiler_answer(context, out, cap, |context| {
        let source = text_argument(source, len, "program")?;
        context.stats.inferences += 1;
        let answer = context.infer(source);
        let errors = &mut context.stats.inference_errors;
        Ok(answer_or_report(answer, errors))
    })
}

/// Checks the code of a function: the depth of the stack and the types on it at every instruction,
/// that jumps lead to instructions, that slots have a value before they are read, that every path
/// ends in a return and every instruction is on one. Writes `{"ok":true,"instructions":7,"stack":2}`
/// or an error to `out` and returns the length. The answer of
/// [`__rt_compiler_instantiate_template`] can be checked as it is.
///
/// A program with a `type` beside its `body` is checked to be of that type, whatever types its
/// variables stand for; the answer is `{"ok":true,"type":…}`.
///
/// The errors: those of [`__rt_compiler_infer_types`], and `open-type`, `jump-target`,
/// `stack-underflow`, `stack-overflow`, `stack-mismatch`, `stack-left`, `slot`, `unassigned`,
/// `falls-off`, `unreachable`. Returns -1 as that function does.
///
/// # Safety
/// As for [`__rt_compiler_infer_types`].
#[cfg(feature = "compiler")]
#[no_mangle]
pub unsafe extern "C" fn __rt_compiler_check_types(
    context: Handle,
    source: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    compiler_answer(context, out, cap, |context| {
        let source = text_argument(source, len, "code")?;
        context.stats.checks += 1;
        let answer = context.check(source);
        let errors = &mut context.stats.check_errors;
        Ok(answer_or_report(answer, errors))
    })
}

/// Makes the code of a template for a list of types. Writes `{"ok":true,"function":…}` or an error
/// to `out` and returns the length.
///
/// The context keeps what it made: the same template with the same types is a hit and costs
/// nothing, whichever order the keys of objects have. Asking for the length is a call like any
/// other, so it is the miss and the next one the hit. The oldest instances go when there are more
/// than 1,024, or 16 MiB.
///
/// The errors: those of [`__rt_compiler_infer_types`], and `open-type`, `unknown-variable`,
/// `ambiguous`, `unsupported`. Returns -1 as that function does.
///
/// # Safety
/// `source` and `types` are null or valid for reads of their lengths, `out` is null or valid for
/// writes of `cap` bytes.
#[cfg(feature = "compiler")]
#[no_mangle]
pub unsafe extern "C" fn __rt_compiler_instantiate_template(
    context: Handle,
    source: *const u8,
    len: i64,
    types: *const u8,
    types_len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    compiler_answer(context, out, cap, |context| {
        let source = text_argument(source, len, "template")?;
        let types = text_argument(types, types_len, "list of types")?;
        context.stats.instantiations += 1;
        Ok(match context.instantiate(source, types) {
            Ok(function) => format!("{{\"ok\":true,\"function\":{function}}}"),
            Err(diagnostic) => {
                context.stats.instantiation_errors += 1;
                diagnostic.report().written()
            }
        })
    })
}

/// Writes the counts of a context to `out` as JSON and returns the length: `contexts` (of the whole
/// process), `inferences`, `checks`, `instantiations` and the `…_errors` of each, `cache_hits`,
/// `cache_misses`, `cache_evictions`, `cache_entries`, `unifications`. -1 for a bad handle and a bad
/// buffer.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[cfg(feature = "compiler")]
#[no_mangle]
pub unsafe extern "C" fn __rt_compiler_get_stats(context: Handle, out: *mut u8, cap: i64) -> i64 {
    compiler_answer(context, out, cap, |context| Ok(context.report().written()))
}

// ===========================================================================
// Contracts
// ===========================================================================

/// A contract that did not hold.
#[derive(Clone)]
struct ContractViolation {
    kind: i64,
    function: String,
    message: String,
}

/// What the kinds of contracts are called, by number.
const CONTRACT_KINDS: [&str; 6] = [
    "precondition",
    "postcondition",
    "error postcondition",
    "entry invariant",
    "exit invariant",
    "assertion",
];

static VIOLATIONS: HandleTable<ContractViolation> = HandleTable::new();
static VIOLATION_COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static CONTRACTS_ENABLED: Cell<bool> = const { Cell::new(true) };
    static LAST_VIOLATION: RefCell<Option<ContractViolation>> = const { RefCell::new(None) };
}

fn contract_kind(kind: i64) -> Option<&'static str> {
    checked_index(kind, CONTRACT_KINDS.len()).map(|kind| CONTRACT_KINDS[kind])
}

impl fmt::Display for ContractViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = contract_kind(self.kind).unwrap_or("contract");
        write!(f, "{kind} of `{}` does not hold", self.function)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// Checks a contract: 1 if `condition` is not 0 or contracts are switched off,
/// 0 if it does not hold; -1 for a kind that does not exist (0 precondition,
/// 1 postcondition, 2 error postcondition, 3 and 4 invariant on entry and exit,
/// 5 assertion) or a name that is not readable.
///
/// A violation is counted, recorded as the last error, and kept for
/// [`rt_contract_violation_last`]. The program goes on.
///
/// # Safety
/// `function` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn simple_contract_check(
    condition: i64,
    kind: i64,
    function: *const u8,
    len: i64,
) -> i64 {
    simple_contract_check_msg(condition, kind, function, len, std::ptr::null(), 0)
}

/// Like [`simple_contract_check`], with a message.
///
/// # Safety
/// `function` and `message` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn simple_contract_check_msg(
    condition: i64,
    kind: i64,
    function: *const u8,
    len: i64,
    message: *const u8,
    message_len: i64,
) -> i64 {
    let Some(violation) = violation_from_raw(kind, function, len, message, message_len) else {
        return -1;
    };
    let enabled = CONTRACTS_ENABLED.try_with(Cell::get).unwrap_or(true);
    if condition != 0 || !enabled {
        return 1;
    }
    VIOLATION_COUNT.fetch_add(1, Relaxed);
    Failure::new(ERR_CONTRACT, violation.to_string()).record();
    let _ = LAST_VIOLATION.try_with(|last| *last.borrow_mut() = Some(violation));
    0
}

/// Puts a violation together, `None` for bad parts.
unsafe fn violation_from_raw(
    kind: i64,
    function: *const u8,
    len: i64,
    message: *const u8,
    message_len: i64,
) -> Option<ContractViolation> {
    contract_kind(kind)?;
    Some(ContractViolation {
        kind,
        function: str_from_raw(function, len)?.to_owned(),
        message: str_from_raw(message, message_len)?.to_owned(),
    })
}

/// Switches the contracts of this thread on or off; whether they were on.
#[no_mangle]
pub extern "C" fn rt_contract_set_enabled(enabled: bool) -> bool {
    CONTRACTS_ENABLED
        .try_with(|cell| cell.replace(enabled))
        .unwrap_or(true)
}

/// Number of violations in this process, over all threads.
#[no_mangle]
pub extern "C" fn rt_contract_violation_count() -> i64 {
    i64::try_from(VIOLATION_COUNT.load(Relaxed)).unwrap_or(i64::MAX)
}

/// A handle of a violation, to be freed with [`rt_contract_violation_free`];
/// -1 for a kind that does not exist and for text that is not readable.
///
/// # Safety
/// `function` and `message` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_contract_violation_new(
    kind: i64,
    function: *const u8,
    len: i64,
    message: *const u8,
    message_len: i64,
) -> Handle {
    match violation_from_raw(kind, function, len, message, message_len) {
        Some(violation) => VIOLATIONS.insert(violation),
        None => -1,
    }
}

/// A handle of the last violation of this thread, to be freed like any other;
/// -1 if there was none.
#[no_mangle]
pub extern "C" fn rt_contract_violation_last() -> Handle {
    let last = LAST_VIOLATION.try_with(|last| last.borrow().clone());
    last.ok()
        .flatten()
        .map_or(-1, |last| VIOLATIONS.insert(last))
}

/// The kind of a violation; -1 for a stale handle.
#[no_mangle]
pub extern "C" fn rt_contract_violation_kind(violation: Handle) -> i64 {
    VIOLATIONS.get(violation).map_or(-1, |found| found.kind)
}

// The texts of a violation.
macro_rules! violation_texts {
    ($($(#[$meta:meta])* $name:ident($found:ident) => $text:expr;)+) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// `out` is null or valid for writes of `cap` bytes.
        #[no_mangle]
        pub unsafe extern "C" fn $name(violation: Handle, out: *mut u8, cap: i64) -> i64 {
            match VIOLATIONS.get(violation) {
                Some($found) => copy_out($text.as_bytes(), out, cap),
                None => -1,
            }
        }
    )+};
}

violation_texts! {
    /// Copies the name of the function to `out`; -1 for a stale handle.
    rt_contract_violation_func_name(found) => found.function;
    /// Copies the message to `out`; -1 for a stale handle.
    rt_contract_violation_message(found) => found.message;
    /// Copies the whole text, as it is recorded, to `out`; -1 for a stale
    /// handle.
    rt_contract_violation_text(found) => found.to_string();
}

/// Frees a violation; false for a handle that is stale already.
#[no_mangle]
pub extern "C" fn rt_contract_violation_free(violation: Handle) -> bool {
    VIOLATIONS.remove(violation).is_some()
}

// ===========================================================================
// Advice
// ===========================================================================

/// A function that advice is put around, or the advice itself. It must not unwind.
type AdviceFn = extern "C" fn(argument: RuntimeValue) -> RuntimeValue;

thread_local! {
    /// What [`rt_aop_proceed`] runs, innermost last; `None` while a target runs, which is no advice.
    static ADVICE: RefCell<Vec<Option<AdviceFn>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps an entry of [`ADVICE`] for as long as a callback runs.
struct AdviceScope {
    _nested: NestedCall,
}

impl AdviceScope {
    fn enter(target: Option<AdviceFn>) -> Outcome<Self> {
        let nested = NestedCall::enter()?;
        ADVICE
            .try_with(|advice| advice.borrow_mut().push(target))
            .map_err(|_| Failure::new(ERR_ARGUMENT, "the thread is ending"))?;
        Ok(Self { _nested: nested })
    }
}

impl Drop for AdviceScope {
    fn drop(&mut self) {
        let _ = ADVICE.try_with(|advice| advice.borrow_mut().pop());
    }
}

/// Runs `advice` with the argument in place of `target` and gives what it returns. The advice may
/// run the target with [`rt_aop_proceed`], as often as it likes or not at all.
///
/// A target may have advice of its own. Nil with the error recorded if a function is missing, and
/// when more than 200 callbacks are nested on this thread.
#[no_mangle]
pub extern "C" fn rt_aop_invoke_around(
    target: Option<AdviceFn>,
    advice: Option<AdviceFn>,
    argument: RuntimeValue,
) -> RuntimeValue {
    let (Some(target), Some(advice)) = (target, advice) else {
        return fail(ERR_ARGUMENT, "advice needs a target and a function");
    };
    value_or_nil(AdviceScope::enter(Some(target)).map(|_scope| advice(argument)))
}

/// Runs the target of the advice that is running on this thread, and gives what it returns.
///
/// Nil with the error recorded outside advice (in the target too, and on another thread), and when
/// more than 200 callbacks are nested.
#[no_mangle]
pub extern "C" fn rt_aop_proceed(argument: RuntimeValue) -> RuntimeValue {
    let innermost = ADVICE.try_with(|advice| advice.borrow().last().copied());
    let Ok(Some(Some(target))) = innermost else {
        return fail(ERR_ARGUMENT, "no advice is running");
    };
    value_or_nil(AdviceScope::enter(None).map(|_scope| target(argument)))
}

// ===========================================================================
// Program arguments
// ===========================================================================

static PROGRAM_ARGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The texts in an array of strings.
fn texts_of_array(array: RuntimeValue) -> Outcome<Vec<String>> {
    // Read from a copy, so that the array is not locked meanwhile.
    let items = with_items(array, |items| items.clone())?;
    items
        .into_iter()
        .map(|item| with_text(item, str::to_owned))
        .collect()
}

/// Sets the arguments of the program to the strings of an array, which are copied. False, and
/// nothing is changed, if the value is no array or an item is no string.
#[no_mangle]
pub extern "C" fn rt_set_args(array: RuntimeValue) -> bool {
    succeeded(texts_of_array(array).map(|texts| *lock(&PROGRAM_ARGS) = texts))
}

/// The arguments of the program as a new array of new strings; empty before [`rt_set_args`].
#[no_mangle]
pub extern "C" fn rt_get_args() -> RuntimeValue {
    let texts = lock(&PROGRAM_ARGS).clone();
    array_value(texts.iter().map(|text| store::string_value(text)).collect())
}

/// Number of arguments of the program.
#[no_mangle]
pub extern "C" fn rt_get_argc() -> i64 {
    length_of(lock(&PROGRAM_ARGS).len())
}

/// Forgets the arguments of the program; gives how many there were.
#[no_mangle]
pub extern "C" fn rt_clear_args() -> i64 {
    length_of(std::mem::take(&mut *lock(&PROGRAM_ARGS)).len())
}

// ===========================================================================
// Coverage of decisions, conditions and paths
// ===========================================================================
//
// The text of a dump, which is the same for the same counts:
//
//     # coverage 1
//     summary |decisions, conditions, paths, dropped|
//         1, 1, 1, 0
//     decisions |decision, true, false|
//         4, 2, 1
//     conditions |decision, condition, true, false|
//         4, 0, 2, 1
//     paths |path, hash, blocks, count|
//         7, 0x0be4ec9d8af23f02, 3, 2
//
// All four tables are there, the rows of each ordered by their numbers from left to right. The hash
// of a path begins as 0, takes in one block after the other by `hash_mix`, and at last
// `path * 2^32 XOR blocks`, so that it is the same in every build and on every machine.

/// Turns coverage on if it is set to `1`, `true`, `yes` or `on`, in any case.
const COVERAGE_VARIABLE: &str = "RT_COVERAGE";

const COVERAGE_UNKNOWN: i64 = -1;
const COVERAGE_OFF: i64 = 0;
const COVERAGE_ON: i64 = 1;

/// Most rows of one table; what would need another one is counted as dropped.
const COVERAGE_MAX_ROWS: usize = 1 << 16;

/// Most paths that one thread may be on at a time.
const COVERAGE_MAX_OPEN: usize = 1 << 10;

static COVERAGE_STATE: AtomicI64 = AtomicI64::new(COVERAGE_UNKNOWN);
static COVERAGE: Mutex<CoverageCounts> = Mutex::new(CoverageCounts::new());

/// The dumps that were not freed, by address.
static COVERAGE_DUMPS: Mutex<BTreeMap<usize, Vec<u8>>> = Mutex::new(BTreeMap::new());

thread_local! {
    static OPEN_PATHS: RefCell<BTreeMap<u32, OpenPath>> = const { RefCell::new(BTreeMap::new()) };
}

/// How often something was true and false.
#[derive(Clone, Copy, Default)]
struct Outcomes {
    held: u64,
    failed: u64,
}

impl Outcomes {
    fn count(&mut self, outcome: bool) {
        let counter = if outcome {
            &mut self.held
        } else {
            &mut self.failed
        };
        *counter = counter.saturating_add(1);
    }
}

/// A path that a thread is on: the hash of its blocks in their order, and how many there are.
#[derive(Clone, Copy, Default)]
struct OpenPath {
    hash: u64,
    blocks: u64,
}

impl OpenPath {
    fn step(&mut self, block: u32) {
        self.hash = hash_mix(self.hash, u64::from(block));
        self.blocks = self.blocks.saturating_add(1);
    }

    /// The hash as it is shown; never 0, which stands for no path.
    fn id(self, path: u32) -> u64 {
        hash_mix(self.hash, (u64::from(path) << 32) ^ self.blocks).max(1)
    }
}

struct CoverageCounts {
    decisions: BTreeMap<u32, Outcomes>,
    conditions: BTreeMap<(u32, u32), Outcomes>,
    /// By path and hash: blocks on the path, and how often it was taken.
    paths: BTreeMap<(u32, u64), (u64, u64)>,
    dropped: u64,
}

impl CoverageCounts {
    const fn new() -> Self {
        Self {
            decisions: BTreeMap::new(),
            conditions: BTreeMap::new(),
            paths: BTreeMap::new(),
            dropped: 0,
        }
    }

    fn drop_one(&mut self) -> bool {
        self.dropped = self.dropped.saturating_add(1);
        false
    }

    fn decision(&mut self, decision: u32, outcome: bool) -> bool {
        match coverage_row(&mut self.decisions, decision) {
            Some(row) => row.count(outcome),
            None => return self.drop_one(),
        }
        true
    }

    fn condition(&mut self, decision: u32, condition: u32, outcome: bool) -> bool {
        match coverage_row(&mut self.conditions, (decision, condition)) {
            Some(row) => row.count(outcome),
            None => return self.drop_one(),
        }
        true
    }

    fn path(&mut self, path: u32, hash: u64, blocks: u64) -> bool {
        match coverage_row(&mut self.paths, (path, hash)) {
            Some(row) => *row = (blocks, row.1.saturating_add(1)),
            None => return self.drop_one(),
        }
        true
    }

    fn text(&self) -> String {
        let mut text = String::from("# coverage 1\n");
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "summary |decisions, conditions, paths, dropped|\n    {}, {}, {}, {}",
            self.decisions.len(),
            self.conditions.len(),
            self.paths.len(),
            self.dropped
        );
        text.push_str("decisions |decision, true, false|\n");
        for (decision, row) in &self.decisions {
            let _ = writeln!(text, "    {decision}, {}, {}", row.held, row.failed);
        }
        text.push_str("conditions |decision, condition, true, false|\n");
        for ((decision, condition), row) in &self.conditions {
            let (held, failed) = (row.held, row.failed);
            let _ = writeln!(text, "    {decision}, {condition}, {held}, {failed}");
        }
        text.push_str("paths |path, hash, blocks, count|\n");
        for ((path, hash), (blocks, count)) in &self.paths {
            let _ = writeln!(text, "    {path}, {hash:#018x}, {blocks}, {count}");
        }
        text
    }
}

/// The row with this key, a new one if there is room for it.
fn coverage_row<K: Ord, R: Default>(rows: &mut BTreeMap<K, R>, key: K) -> Option<&mut R> {
    if rows.len() >= COVERAGE_MAX_ROWS {
        return rows.get_mut(&key);
    }
    Some(rows.entry(key).or_default())
}

fn coverage_from_environment() -> bool {
    let wanted = env::var(COVERAGE_VARIABLE).is_ok_and(|setting| {
        ["1", "true", "yes", "on"]
            .iter()
            .any(|on| setting.trim().eq_ignore_ascii_case(on))
    });
    let state = if wanted { COVERAGE_ON } else { COVERAGE_OFF };
    COVERAGE_STATE.store(state, Relaxed);
    wanted
}

/// Whether probes count; reads the environment only if nobody did so far.
fn coverage_counts() -> bool {
    match COVERAGE_STATE.load(Relaxed) {
        COVERAGE_UNKNOWN => coverage_from_environment(),
        state => state == COVERAGE_ON,
    }
}

/// Whether coverage is counted: if the environment variable `RT_COVERAGE` is `1`, `true`, `yes` or
/// `on`.
///
/// This looks at the variable anew, and the probes of all threads go by what it found; so a program
/// that changes the variable, by [`rt_env_set`], calls this afterwards.
#[no_mangle]
pub extern "C" fn rt_coverage_enabled() -> bool {
    coverage_from_environment()
}

/// Counts one outcome of a decision (of an `if` as a whole, say). False if coverage is off, or if
/// 65,536 other decisions were seen already; the probe is counted as dropped then.
#[no_mangle]
pub extern "C" fn rt_coverage_decision_probe(decision: u32, outcome: bool) -> bool {
    coverage_counts() && lock(&COVERAGE).decision(decision, outcome)
}

/// Counts one outcome of a condition, which is a part of a decision. False as for
/// [`rt_coverage_decision_probe`].
#[no_mangle]
pub extern "C" fn rt_coverage_condition_probe(
    decision: u32,
    condition: u32,
    outcome: bool,
) -> bool {
    coverage_counts() && lock(&COVERAGE).condition(decision, condition, outcome)
}

/// Notes that this thread came to a block of a path (a call of a function, say). The path goes on
/// until [`rt_coverage_path_finalize`]. False if coverage is off, or if the thread is on 1,024 other
/// paths; the probe is counted as dropped then.
#[no_mangle]
pub extern "C" fn rt_coverage_path_probe(path: u32, block: u32) -> bool {
    if !coverage_counts() {
        return false;
    }
    let noted = OPEN_PATHS.try_with(|open| {
        let mut open = open.borrow_mut();
        if open.len() >= COVERAGE_MAX_OPEN && !open.contains_key(&path) {
            return false;
        }
        open.entry(path).or_default().step(block);
        true
    });
    noted == Ok(true) || lock(&COVERAGE).drop_one()
}

/// Ends the path that this thread is on and counts it. Returns its hash, which depends on the path
/// and its blocks in their order and on nothing else; 0 if coverage is off or no block was noted. A
/// path that finds no room among 65,536 others has a hash too, and is counted as dropped.
#[no_mangle]
pub extern "C" fn rt_coverage_path_finalize(path: u32) -> u64 {
    let ended = OPEN_PATHS.try_with(|open| open.borrow_mut().remove(&path));
    match ended {
        Ok(Some(ended)) if coverage_counts() => {
            let hash = ended.id(path);
            lock(&COVERAGE).path(path, hash, ended.blocks);
            hash
        }
        _ => 0,
    }
}

/// All counts as a text that ends in a NUL byte; the form stands at the top of this section. It is
/// freed by [`rt_coverage_free_sdn`] alone. Null if there is no memory for it.
#[must_use]
#[no_mangle]
pub extern "C" fn rt_coverage_dump_sdn() -> *mut u8 {
    let mut text = lock(&COVERAGE).text().into_bytes();
    if text.try_reserve_exact(1).is_err() {
        fail(ERR_MEMORY, "no memory for the counts");
        return std::ptr::null_mut();
    }
    text.push(0);
    let start = text.as_mut_ptr();
    lock(&COVERAGE_DUMPS).insert(start as usize, text);
    start
}

/// Frees a text from [`rt_coverage_dump_sdn`]. False for null, for one that was freed already and
/// for any other pointer; such memory is not touched.
#[no_mangle]
pub extern "C" fn rt_coverage_free_sdn(text: *mut u8) -> bool {
    lock(&COVERAGE_DUMPS).remove(&(text as usize)).is_some()
}

// What the runner of the examples in documentation needs. It is written in the language itself, so
// paths and texts are string values here.

/// A string value as a path.
fn path_value(path: RuntimeValue) -> Outcome<PathBuf> {
    let text = with_text(path, str::to_owned)?;
    if text.is_empty() || text.contains('\0') {
        return Err(Failure::new(ERR_ARGUMENT, "this cannot be a path"));
    }
    Ok(PathBuf::from(text))
}

/// The text of a file as a string; nil, with the error recorded, if it cannot be read or is not
/// UTF-8, and for a path that is no string. See [`rt_file_read_text`].
#[no_mangle]
pub extern "C" fn doctest_read_file(path: RuntimeValue) -> RuntimeValue {
    let text = path_value(path).and_then(|path| read_file_text(&path));
    value_or_nil(text.map(|text| string_value(&text)))
}

/// Whether there is anything with this path; false for a path that is no string.
#[no_mangle]
pub extern "C" fn doctest_path_exists(path: RuntimeValue) -> bool {
    path_value(path).is_ok_and(|path| path.exists())
}

/// Whether there is a file with this path; false for a path that is no string.
#[no_mangle]
pub extern "C" fn doctest_is_file(path: RuntimeValue) -> bool {
    path_value(path).is_ok_and(|path| path.is_file())
}

/// Whether there is a folder with this path; false for a path that is no string.
#[no_mangle]
pub extern "C" fn doctest_is_dir(path: RuntimeValue) -> bool {
    path_value(path).is_ok_and(|path| path.is_dir())
}

/// Whether a text stands anywhere in a path; false if either is no string.
#[no_mangle]
pub extern "C" fn doctest_path_contains(path: RuntimeValue, part: RuntimeValue) -> bool {
    let (Ok(path), Ok(part)) = (string_object(path), string_object(part)) else {
        return false;
    };
    path.text()
        .unwrap_or_default()
        .contains(part.text().unwrap_or_default())
}

/// Whether the last name of a path has this extension, given with its dot or without; an empty one
/// means none. Upper and lower case differ. False if either is no string.
#[no_mangle]
pub extern "C" fn doctest_path_has_extension(path: RuntimeValue, extension: RuntimeValue) -> bool {
    let (Ok(path), Ok(extension)) = (string_object(path), string_object(extension)) else {
        return false;
    };
    let name = path_name(path.text().unwrap_or_default().as_bytes());
    let wanted = extension.text().unwrap_or_default();
    let wanted = wanted.strip_prefix('.').unwrap_or(wanted);
    name_parts(name).1.unwrap_or_default() == wanted.as_bytes()
}

/// The files below a folder whose path fits one of the `include` patterns and, like the folders
/// around it, none of the `exclude` patterns: sorted, as an array of strings, each beginning with
/// the folder as it was given. Both are arrays of patterns of [`rt_glob_match`], or nil for none;
/// without `include` every file fits. A pattern without a slash is about the last name, any other
/// about the path seen from the folder. Links are not followed.
///
/// Nil, with the error recorded, if the folder cannot be read or has more than 2^20 entries, and for
/// a value that is not what it should be.
#[no_mangle]
pub extern "C" fn doctest_walk_directory(
    folder: RuntimeValue,
    include: RuntimeValue,
    exclude: RuntimeValue,
) -> RuntimeValue {
    value_or_nil(doctest_files(folder, include, exclude).map(|files| {
        let strings = files.iter().map(|file| string_value(file));
        array_value(strings.collect())
    }))
}

fn doctest_files(
    folder: RuntimeValue,
    include: RuntimeValue,
    exclude: RuntimeValue,
) -> Outcome<Vec<String>> {
    type Patterns = Vec<(bool, Glob)>;
    let patterns = |value: RuntimeValue| -> Outcome<Patterns> {
        if value.is_nil() {
            return Ok(Vec::new());
        }
        let parse = |pattern: String| Ok((pattern.contains('/'), Glob::parse(&pattern)?));
        texts_of_array(value)?.into_iter().map(parse).collect()
    };
    let (include, exclude) = (patterns(include)?, patterns(exclude)?);
    let fits = |patterns: &Patterns, path: &Path| {
        let (path, name) = (path_text(path), path.file_name().unwrap_or_default());
        let name = name.to_string_lossy();
        let fit = |(whole, glob): &(bool, Glob)| glob.matches(if *whole { &path } else { &name });
        patterns.iter().any(fit)
    };
    let root = path_value(folder)?;
    let mut excluded = HashSet::new();
    let mut files = Vec::new();
    // A folder comes before what is in it.
    for entry in walk_tree(&root, usize::MAX, false)? {
        let around = entry.relative.parent().unwrap_or(Path::new(""));
        if excluded.contains(around) || fits(&exclude, &entry.relative) {
            excluded.insert(entry.relative);
        } else if entry.kind == KIND_FILE && (include.is_empty() || fits(&include, &entry.relative))
        {
            files.push(path_text(&root.join(&entry.relative)));
        }
    }
    files.sort();
    Ok(files)
}

// ===========================================================================
// Math
// ===========================================================================

/// Defines one exported function of one `f64` for each line.
macro_rules! unary_math {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)+) => {
        $(
            $(#[$doc])*
            #[no_mangle]
            pub extern "C" fn $name(x: f64) -> f64 {
                x.$method()
            }
        )+
    };
}

unary_math! {
    /// Square root; NaN below zero.
    rt_math_sqrt => sqrt;
    /// Cube root.
    rt_math_cbrt => cbrt;
    /// Sine of an angle in radians.
    rt_math_sin => sin;
    /// Cosine of an angle in radians.
    rt_math_cos => cos;
    /// Tangent of an angle in radians.
    rt_math_tan => tan;
    /// Arc sine; NaN outside -1 to 1.
    rt_math_asin => asin;
    /// Arc cosine; NaN outside -1 to 1.
    rt_math_acos => acos;
    /// Arc tangent.
    rt_math_atan => atan;
    /// Hyperbolic sine.
    rt_math_sinh => sinh;
    /// Hyperbolic cosine.
    rt_math_cosh => cosh;
    /// Hyperbolic tangent.
    rt_math_tanh => tanh;
    /// e to the power of `x`.
    rt_math_exp => exp;
    /// Natural logarithm; minus infinity for zero, NaN below.
    rt_math_ln => ln;
    /// Logarithm to base 2.
    rt_math_log2 => log2;
    /// Logarithm to base 10.
    rt_math_log10 => log10;
    /// The largest whole number not above `x`.
    rt_math_floor => floor;
    /// The smallest whole number not below `x`.
    rt_math_ceil => ceil;
    /// The nearest whole number, halves away from zero.
    rt_math_round => round;
    /// `x` without its fraction.
    rt_math_trunc => trunc;
    /// Absolute value.
    rt_math_abs => abs;
}

/// `base` to the power of `exponent`.
#[no_mangle]
pub extern "C" fn rt_math_pow(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}

/// The angle of the point (`x`, `y`), in the right quadrant.
#[no_mangle]
pub extern "C" fn rt_math_atan2(y: f64, x: f64) -> f64 {
    y.atan2(x)
}

/// Length of the hypotenuse, without overflow on the way.
#[no_mangle]
pub extern "C" fn rt_math_hypot(x: f64, y: f64) -> f64 {
    x.hypot(y)
}

/// Remainder with the sign of `x` (C's `fmod`); NaN for a zero divisor.
#[no_mangle]
pub extern "C" fn rt_math_fmod(x: f64, y: f64) -> f64 {
    x % y
}

/// The smaller number. NaN if either is NaN, and -0.0 counts as smaller than 0.0.
#[no_mangle]
pub extern "C" fn rt_math_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a.total_cmp(&b).is_lt() {
        a
    } else {
        b
    }
}

/// The larger number. NaN if either is NaN, and 0.0 counts as larger than -0.0.
#[no_mangle]
pub extern "C" fn rt_math_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a.total_cmp(&b).is_gt() {
        a
    } else {
        b
    }
}

/// `x` held between `low` and `high`; NaN if any of them is NaN or `low` is above `high`.
#[no_mangle]
pub extern "C" fn rt_math_clamp(x: f64, low: f64, high: f64) -> f64 {
    if low > high {
        return f64::NAN;
    }
    rt_math_min(rt_math_max(x, low), high)
}

/// Whether `x` is NaN.
#[no_mangle]
pub extern "C" fn rt_math_is_nan(x: f64) -> bool {
    x.is_nan()
}

/// Whether `x` is neither NaN nor infinite.
#[no_mangle]
pub extern "C" fn rt_math_is_finite(x: f64) -> bool {
    x.is_finite()
}

// ===========================================================================
// Vectors of numbers
// ===========================================================================

// A vector is a handle to `f64` lanes that never change: what would change one makes another. The
// error is 0 where a function gives a vector, NaN where it gives a number and false where it gives
// a flag; each also records why, so that a NaN among the lanes is told from an error by
// `rt_error_has`. At most 2^24 lanes.

/// Lanes that are worked on together. The loops over so many lanes have a fixed length and no
/// branches: the compiler turns them into vector instructions where the target has them.
const VEC_WIDTH: usize = 4;

/// The lanes of a vector that is being worked on; it may be freed meanwhile.
type Lanes = Arc<Vec<f64>>;

static VECTORS: HandleTable<Vec<f64>> = HandleTable::new();

/// The lanes of a vector.
fn vector_lanes(vector: Handle) -> Outcome<Lanes> {
    VECTORS
        .get(vector)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, format!("{vector} is no vector")))
}

/// The lanes of two vectors that have to be equally long.
fn vector_pair(a: Handle, b: Handle) -> Outcome<(Lanes, Lanes)> {
    let (a, b) = (vector_lanes(a)?, vector_lanes(b)?);
    if a.len() != b.len() {
        let message = format!("vectors of {} and {} lanes do not match", a.len(), b.len());
        return Err(Failure::new(ERR_INDEX, message));
    }
    Ok((a, b))
}

/// The handle of a new vector with these lanes, or 0 with the failure recorded.
fn vector_or_zero(lanes: Outcome<Vec<f64>>) -> Handle {
    match lanes {
        Ok(lanes) => VECTORS.insert(lanes),
        Err(failure) => {
            failure.record();
            0
        }
    }
}

/// Room for lanes, without aborting when the memory is short.
fn lane_buffer(count: usize) -> Outcome<Vec<f64>> {
    let mut lanes = Vec::new();
    match lanes.try_reserve_exact(count) {
        Ok(()) => Ok(lanes),
        Err(_) => Err(Failure::new(
            ERR_MEMORY,
            format!("no room for {count} lanes"),
        )),
    }
}

/// A function of each lane.
fn map_lanes(lanes: &[f64], change: impl Fn(f64) -> f64) -> Outcome<Vec<f64>> {
    let mut changed = lane_buffer(lanes.len())?;
    let chunks = lanes.chunks_exact(VEC_WIDTH);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut wide = [0.0; VEC_WIDTH];
        for (to, from) in wide.iter_mut().zip(chunk) {
            *to = change(*from);
        }
        changed.extend_from_slice(&wide);
    }
    changed.extend(rest.iter().map(|&lane| change(lane)));
    Ok(changed)
}

/// Brings all lanes down to one number, [`VEC_WIDTH`] partial results at a time: lane `i` goes into
/// partial result `i % 4`, and these are combined as `(0, 2), (1, 3)`. The order is the same on
/// every machine, so the rounding is too.
fn fold_lanes(lanes: &[f64], neutral: f64, combine: impl Fn(f64, f64) -> f64) -> f64 {
    let mut partial = [neutral; VEC_WIDTH];
    let chunks = lanes.chunks_exact(VEC_WIDTH);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (into, lane) in partial.iter_mut().zip(chunk) {
            *into = combine(*into, *lane);
        }
    }
    for (into, lane) in partial.iter_mut().zip(rest) {
        *into = combine(*into, *lane);
    }
    let [first, second, third, fourth] = partial;
    combine(combine(first, third), combine(second, fourth))
}

/// Number of lanes that count as true: all but 0.0 and -0.0, as for [`rt_value_truthy`].
fn true_lanes(lanes: &[f64]) -> usize {
    let chunks = lanes.chunks_exact(VEC_WIDTH);
    let rest = chunks.remainder();
    let mut counts = [0; VEC_WIDTH];
    for chunk in chunks {
        for (count, lane) in counts.iter_mut().zip(chunk) {
            *count += usize::from(*lane != 0.0);
        }
    }
    counts.iter().sum::<usize>() + rest.iter().filter(|lane| **lane != 0.0).count()
}

/// Makes a vector of `count` numbers. Returns 0 for a negative count, more than 2^24, and a pointer
/// that is null (with a count) or not aligned.
///
/// # Safety
/// `lanes` is null or valid for reads of `count` numbers.
#[no_mangle]
pub unsafe extern "C" fn rt_vec_new(lanes: *const f64, count: i64) -> Handle {
    let made = checked_count(count, "number of lanes").and_then(|count| {
        let mut copy = lane_buffer(count)?;
        if count > 0 {
            if !is_aligned_cell(lanes) {
                return Err(Failure::new(ERR_ARGUMENT, "no lanes at this address"));
            }
            // SAFETY: aligned and not null, and the caller vouches for the numbers behind it.
            copy.extend_from_slice(unsafe { std::slice::from_raw_parts(lanes, count) });
        }
        Ok(copy)
    });
    vector_or_zero(made)
}

/// Makes a vector of the numbers in an array; integers become the nearest float. Returns 0 for a
/// value that is no array, and if an item is no number.
#[no_mangle]
pub extern "C" fn rt_vec_from_array(array: RuntimeValue) -> Handle {
    // Copied out: an item may be boxed, and to look at it takes another lock.
    let made = with_items(array, |items| items.clone()).and_then(|items| {
        checked_count(length_of(items.len()), "number of lanes")?;
        let mut lanes = lane_buffer(items.len())?;
        for item in items {
            lanes.push(match (item.as_float(), item.as_int()) {
                (Some(float), _) => float,
                (None, Some(int)) => int as f64,
                (None, None) => return Err(wrong_type(item, "number")),
            });
        }
        Ok(lanes)
    });
    vector_or_zero(made)
}

/// The lanes as a new array of floats; nil for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_to_array(vector: Handle) -> RuntimeValue {
    let items = vector_lanes(vector).and_then(|lanes| {
        let mut items = nil_slots(lanes.len())?;
        for (item, lane) in items.iter_mut().zip(lanes.iter()) {
            *item = RuntimeValue::from_float(*lane);
        }
        Ok(items)
    });
    value_or_nil(items.map(array_value))
}

/// Number of lanes; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_len(vector: Handle) -> i64 {
    count_or_minus_one(vector_lanes(vector).map(|lanes| lanes.len()))
}

/// Copies the first lanes to `out`, at most `cap` (a count of numbers, not bytes), and returns how
/// many the vector has. -1 for a bad handle, a negative `cap`, and an `out` that is null (with a
/// `cap`) or not aligned.
///
/// # Safety
/// `out` is null or valid for writes of `cap` numbers.
#[no_mangle]
pub unsafe extern "C" fn rt_vec_read(vector: Handle, out: *mut f64, cap: i64) -> i64 {
    let read = vector_lanes(vector).and_then(|lanes| {
        let room = usize::try_from(cap).ok();
        let Some(room) = room.filter(|&room| room == 0 || is_aligned_cell(out)) else {
            return Err(Failure::new(ERR_ARGUMENT, "no room for lanes there"));
        };
        let count = room.min(lanes.len());
        if count > 0 {
            // SAFETY: `out` is aligned and has room for `cap` numbers; the lanes are elsewhere.
            unsafe { std::ptr::copy_nonoverlapping(lanes.as_ptr(), out, count) };
        }
        Ok(lanes.len())
    });
    count_or_minus_one(read)
}

/// Frees a vector. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_vec_free(vector: Handle) -> bool {
    VECTORS.remove(vector).is_some()
}

/// Defines exported functions that apply one method to each lane.
macro_rules! lane_functions {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)+) => {$(
        $(#[$doc])*
        #[no_mangle]
        pub extern "C" fn $name(vector: Handle) -> Handle {
            let lanes = vector_lanes(vector);
            vector_or_zero(lanes.and_then(|lanes| map_lanes(&lanes, |lane| lane.$method())))
        }
    )+};
}

lane_functions! {
    /// The absolute value of each lane (the sign of a NaN goes too); 0 for a bad handle.
    rt_vec_abs => abs;
    /// The square root of each lane, NaN below zero (-0.0 stays); 0 for a bad handle.
    rt_vec_sqrt => sqrt;
    /// The smallest whole number not below each lane; 0 for a bad handle.
    rt_vec_ceil => ceil;
    /// The largest whole number not above each lane; 0 for a bad handle.
    rt_vec_floor => floor;
    /// The nearest whole number to each lane, halves away from zero; 0 for a bad handle. See
    /// [`rt_math_round`].
    rt_vec_round => round;
}

/// Defines exported functions that bring a vector down to one number.
macro_rules! lane_reductions {
    ($($(#[$doc:meta])* $name:ident => $neutral:expr, $combine:expr;)+) => {$(
        $(#[$doc])*
        #[no_mangle]
        pub extern "C" fn $name(vector: Handle) -> f64 {
            number_or_nan(vector_lanes(vector).map(|lanes| fold_lanes(&lanes, $neutral, $combine)))
        }
    )+};
}

lane_reductions! {
    /// The smallest lane, as [`rt_math_min`] compares: NaN if a lane is NaN, and -0.0 below 0.0.
    /// Infinity for no lanes, NaN for a bad handle.
    rt_vec_min => f64::INFINITY, |a, b| rt_math_min(a, b);
    /// The largest lane, as [`rt_math_max`] compares: NaN if a lane is NaN, and 0.0 above -0.0.
    /// Minus infinity for no lanes, NaN for a bad handle.
    rt_vec_max => f64::NEG_INFINITY, |a, b| rt_math_max(a, b);
    /// The sum of the lanes; 0.0 for no lanes, NaN for a bad handle. Lane `i` is added to partial
    /// sum `i % 4`, then `(0 + 2) + (1 + 3)`: the last bits may differ from a sum in order.
    rt_vec_sum => 0.0, |a, b| a + b;
    /// The product of the lanes; 1.0 for no lanes, NaN for a bad handle. The order is that of
    /// [`rt_vec_sum`].
    rt_vec_product => 1.0, |a, b| a * b;
}

/// The number, or NaN with the failure recorded.
fn number_or_nan(outcome: Outcome<f64>) -> f64 {
    outcome.unwrap_or_else(|failure| {
        failure.record();
        f64::NAN
    })
}

/// Whether every lane is true, that is neither 0.0 nor -0.0 (NaN is true). True for no lanes, false
/// for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_all(vector: Handle) -> bool {
    let all = vector_lanes(vector).map(|lanes| true_lanes(&lanes) == lanes.len());
    all.map_err(Failure::record).unwrap_or(false)
}

/// Whether some lane is true, see [`rt_vec_all`]. False for no lanes and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_any(vector: Handle) -> bool {
    let any = vector_lanes(vector).map(|lanes| true_lanes(&lanes) > 0);
    any.map_err(Failure::record).unwrap_or(false)
}

/// Takes each lane from `a` where the lane of `mask` is true (see [`rt_vec_all`]), from `b` where it
/// is not. Returns 0 if the three are not equally long, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_select(mask: Handle, a: Handle, b: Handle) -> Handle {
    let chosen = vector_pair(a, b).and_then(|(a, b)| {
        let mask = vector_lanes(mask)?;
        if mask.len() != a.len() {
            let message = format!("a mask of {} lanes for {}", mask.len(), a.len());
            return Err(Failure::new(ERR_INDEX, message));
        }
        let mut lanes = lane_buffer(a.len())?;
        lanes.extend(
            mask.iter()
                .zip(a.iter().zip(b.iter()))
                .map(|(&flag, (&a, &b))| if flag != 0.0 { a } else { b }),
        );
        Ok(lanes)
    });
    vector_or_zero(chosen)
}

/// Takes lane `i` from `b` where bit `i % 64` of `bits` is set, from `a` where it is not. Returns 0 if
/// the two are not equally long, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_blend(a: Handle, b: Handle, bits: u64) -> Handle {
    let blended = vector_pair(a, b).and_then(|(a, b)| {
        let mut lanes = lane_buffer(a.len())?;
        for (a, b) in a.chunks(64).zip(b.chunks(64)) {
            let pairs = a.iter().zip(b).enumerate();
            lanes.extend(pairs.map(|(bit, (&a, &b))| if bits >> bit & 1 == 1 { b } else { a }));
        }
        Ok(lanes)
    });
    vector_or_zero(blended)
}

/// A vector of `count` lanes: its lane `i` is the lane of `vector` that `indices[i]` names; one may
/// be named more than once. Returns 0 if one does not exist, for a negative count, more than 2^24,
/// a pointer that is null (with a count) or not aligned, and a bad handle.
///
/// # Safety
/// `indices` is null or valid for reads of `count` integers.
#[no_mangle]
pub unsafe extern "C" fn rt_vec_shuffle(vector: Handle, indices: *const i64, count: i64) -> Handle {
    let shuffled = vector_lanes(vector).and_then(|lanes| {
        let count = checked_count(count, "number of indices")?;
        let mut order = lane_buffer(count)?;
        if count == 0 {
            return Ok(order);
        }
        if !is_aligned_cell(indices) {
            return Err(Failure::new(ERR_ARGUMENT, "no indices at this address"));
        }
        // SAFETY: aligned and not null, and the caller vouches for the integers behind it.
        for &index in unsafe { std::slice::from_raw_parts(indices, count) } {
            let lane = checked_index(index, lanes.len())
                .ok_or_else(|| out_of_range(index, lanes.len()))?;
            order.push(lanes[lane]);
        }
        Ok(order)
    });
    vector_or_zero(shuffled)
}

/// One lane; NaN if there is none with this number, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_extract(vector: Handle, lane: i64) -> f64 {
    let found = vector_lanes(vector).and_then(|lanes| {
        checked_index(lane, lanes.len())
            .map(|lane| lanes[lane])
            .ok_or_else(|| out_of_range(lane, lanes.len()))
    });
    number_or_nan(found)
}

/// The vector with another number in one lane; 0 if there is no such lane, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_vec_with(vector: Handle, lane: i64, value: f64) -> Handle {
    let changed = vector_lanes(vector).and_then(|lanes| {
        let lane =
            checked_index(lane, lanes.len()).ok_or_else(|| out_of_range(lane, lanes.len()))?;
        let mut changed = lane_buffer(lanes.len())?;
        changed.extend_from_slice(&lanes);
        changed[lane] = value;
        Ok(changed)
    });
    vector_or_zero(changed)
}

// ===========================================================================
// Hash: SHA-1
// ===========================================================================

// Here and below a handle is positive. A `_new` that cannot make one returns 0, or -1 when all
// handles of its kind are taken; either is a bad handle everywhere else.

/// Input block of the SHA-1 and SHA-256 compression functions, in bytes.
const SHA_BLOCK: usize = 64;
/// Length of a SHA-1 digest in bytes.
const SHA1_DIGEST_LEN: usize = 20;
/// Length of a SHA-256 digest in bytes.
const SHA256_DIGEST_LEN: usize = 32;

/// Collects input into whole 64-byte blocks; shared by both SHA families.
#[derive(Clone)]
struct BlockBuffer {
    pending: [u8; SHA_BLOCK],
    used: usize,
    total: u64,
}

impl BlockBuffer {
    const fn empty() -> Self {
        BlockBuffer {
            pending: [0; SHA_BLOCK],
            used: 0,
            total: 0,
        }
    }

    /// Takes `data` in and hands every completed block to `compress`.
    fn absorb(&mut self, mut data: &[u8], mut compress: impl FnMut(&[u8; SHA_BLOCK])) {
        self.total = self.total.wrapping_add(data.len() as u64);
        while !data.is_empty() {
            let room = SHA_BLOCK - self.used;
            let take = room.min(data.len());
            self.pending[self.used..self.used + take].copy_from_slice(&data[..take]);
            self.used += take;
            data = &data[take..];
            if self.used == SHA_BLOCK {
                compress(&self.pending);
                self.used = 0;
            }
        }
    }

    /// Appends the FIPS 180-4 padding: a one bit, zeros, the bit length.
    fn pad(&mut self, mut compress: impl FnMut(&[u8; SHA_BLOCK])) {
        let bits = self.total.wrapping_mul(8);
        self.absorb(&[0x80], &mut compress);
        let zeros = (2 * SHA_BLOCK - 8 - self.used) % SHA_BLOCK;
        self.absorb(&[0u8; SHA_BLOCK][..zeros], &mut compress);
        self.absorb(&bits.to_be_bytes(), &mut compress);
        debug_assert_eq!(self.used, 0);
    }
}

/// What the two SHA states have in common.
trait Digest: Clone {
    fn start() -> Self;
    fn update(&mut self, data: &[u8]);
    /// The digest of everything written so far; the state is used up.
    fn digest(self) -> Vec<u8>;
}

/// Runs a whole message through a fresh `D`.
fn digest_of<D: Digest>(data: &[u8]) -> Vec<u8> {
    let mut state = D::start();
    state.update(data);
    state.digest()
}

/// Lower-case hexadecimal text of `bytes`.
fn hex_lower(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[derive(Clone)]
struct Sha1State {
    h: [u32; 5],
    blocks: BlockBuffer,
}

const SHA1_INIT: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

fn sha1_compress(h: &mut [u32; 5], block: &[u8; SHA_BLOCK]) {
    let mut w = [0u32; 80];
    for (word, chunk) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    }
    for t in 16..80 {
        w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *h;
    for (t, word) in w.iter().enumerate() {
        let (f, k) = match t {
            0..=19 => ((b & c) | (!b & d), 0x5a82_7999),
            20..=39 => (b ^ c ^ d, 0x6ed9_eba1),
            40..=59 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6u32),
        };
        let next = a
            .rotate_left(5)
            .wrapping_add(f)
            .wrapping_add(e)
            .wrapping_add(k)
            .wrapping_add(*word);
        e = d;
        d = c;
        c = b.rotate_left(30);
        b = a;
        a = next;
    }
    for (slot, add) in h.iter_mut().zip([a, b, c, d, e]) {
        *slot = slot.wrapping_add(add);
    }
}

impl Digest for Sha1State {
    fn start() -> Self {
        Sha1State {
            h: SHA1_INIT,
            blocks: BlockBuffer::empty(),
        }
    }

    fn update(&mut self, data: &[u8]) {
        let h = &mut self.h;
        self.blocks.absorb(data, |block| sha1_compress(h, block));
    }

    fn digest(mut self) -> Vec<u8> {
        let h = &mut self.h;
        self.blocks.pad(|block| sha1_compress(h, block));
        self.h.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}

static SHA1_STATES: HandleTable<Mutex<Sha1State>> = HandleTable::new();

/// Starts a SHA-1 computation and returns its handle.
#[no_mangle]
pub extern "C" fn rt_sha1_new() -> i64 {
    SHA1_STATES.insert(Mutex::new(Sha1State::start()))
}

/// Adds `len` bytes to a SHA-1 computation. Returns `len`, or -1 for a bad handle or bad input.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_sha1_write(handle: i64, data: *const u8, len: i64) -> i64 {
    let (Some(state), Some(bytes)) = (SHA1_STATES.get(handle), bytes_from_raw(data, len)) else {
        return -1;
    };
    lock(&state).update(bytes);
    len
}

/// Writes the 20-byte digest of everything written so far to `out`.
///
/// The computation itself is not ended: more can be written, and the digest asked for again.
/// Returns 20 (only `cap` bytes are written if `cap` is smaller), or -1 for a bad handle.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_sha1_finish(handle: i64, out: *mut u8, cap: i64) -> i64 {
    let Some(state) = SHA1_STATES.get(handle) else {
        return -1;
    };
    let digest = lock(&state).clone().digest();
    copy_out(&digest, out, cap)
}

/// Puts a SHA-1 computation back to its start. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_sha1_reset(handle: i64) -> bool {
    match SHA1_STATES.get(handle) {
        Some(state) => {
            *lock(&state) = Sha1State::start();
            true
        }
        None => false,
    }
}

/// Frees a SHA-1 handle. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_sha1_free(handle: i64) -> bool {
    SHA1_STATES.remove(handle).is_some()
}

// ---------------------------------------------------------------------------
// SHA-256
// ---------------------------------------------------------------------------

#[derive(Clone)]
struct Sha256State {
    h: [u32; 8],
    blocks: BlockBuffer,
}

const SHA256_INIT: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
#[rustfmt::skip]
const SHA256_K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

fn sha256_compress(h: &mut [u32; 8], block: &[u8; SHA_BLOCK]) {
    let mut w = [0u32; 64];
    for (word, chunk) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    }
    for t in 16..64 {
        let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
        let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16]
            .wrapping_add(s0)
            .wrapping_add(w[t - 7])
            .wrapping_add(s1);
    }
    let mut v = *h;
    for (k, word) in SHA256_K.iter().zip(w) {
        let [a, b, c, d, e, f, g, last] = v;
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choose = (e & f) ^ (!e & g);
        let t1 = last
            .wrapping_add(s1)
            .wrapping_add(choose)
            .wrapping_add(*k)
            .wrapping_add(word);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = s0.wrapping_add(majority);
        v = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
    }
    for (slot, add) in h.iter_mut().zip(v) {
        *slot = slot.wrapping_add(add);
    }
}

impl Digest for Sha256State {
    fn start() -> Self {
        Sha256State {
            h: SHA256_INIT,
            blocks: BlockBuffer::empty(),
        }
    }

    fn update(&mut self, data: &[u8]) {
        let h = &mut self.h;
        self.blocks.absorb(data, |block| sha256_compress(h, block));
    }

    fn digest(mut self) -> Vec<u8> {
        let h = &mut self.h;
        self.blocks.pad(|block| sha256_compress(h, block));
        self.h.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}

static SHA256_STATES: HandleTable<Mutex<Sha256State>> = HandleTable::new();

/// Starts a SHA-256 computation and returns its handle.
#[no_mangle]
pub extern "C" fn rt_sha256_new() -> i64 {
    SHA256_STATES.insert(Mutex::new(Sha256State::start()))
}

/// Adds `len` bytes to a SHA-256 computation. Returns `len`, or -1 for a bad handle or bad input.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_sha256_write(handle: i64, data: *const u8, len: i64) -> i64 {
    let (Some(state), Some(bytes)) = (SHA256_STATES.get(handle), bytes_from_raw(data, len)) else {
        return -1;
    };
    lock(&state).update(bytes);
    len
}

/// Writes the 32-byte digest of everything written so far to `out`; otherwise as [`rt_sha1_finish`].
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_sha256_finish(handle: i64, out: *mut u8, cap: i64) -> i64 {
    let Some(state) = SHA256_STATES.get(handle) else {
        return -1;
    };
    let digest = lock(&state).clone().digest();
    copy_out(&digest, out, cap)
}

/// Puts a SHA-256 computation back to its start. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_sha256_reset(handle: i64) -> bool {
    match SHA256_STATES.get(handle) {
        Some(state) => {
            *lock(&state) = Sha256State::start();
            true
        }
        None => false,
    }
}

/// Frees a SHA-256 handle. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_sha256_free(handle: i64) -> bool {
    SHA256_STATES.remove(handle).is_some()
}

// xxHash: the 64-bit variant (XXH64) with a seed. Not cryptographic; used for tables and caches.

const XXH_PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const XXH_PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const XXH_PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const XXH_PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;
const XXH_PRIME_5: u64 = 0x27d4_eb2f_1656_67c5;
const XXH_STRIPE: usize = 32;

#[derive(Clone)]
struct XxHashState {
    seed: u64,
    lanes: [u64; 4],
    pending: [u8; XXH_STRIPE],
    used: usize,
    total: u64,
}

#[inline]
fn xxh_round(acc: u64, input: u64) -> u64 {
    acc.wrapping_add(input.wrapping_mul(XXH_PRIME_2))
        .rotate_left(31)
        .wrapping_mul(XXH_PRIME_1)
}

#[inline]
fn xxh_merge(acc: u64, lane: u64) -> u64 {
    (acc ^ xxh_round(0, lane))
        .wrapping_mul(XXH_PRIME_1)
        .wrapping_add(XXH_PRIME_4)
}

/// Little-endian integer of up to eight bytes.
fn le_u64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |acc, byte| (acc << 8) | u64::from(*byte))
}

impl XxHashState {
    fn with_seed(seed: u64) -> Self {
        XxHashState {
            seed,
            lanes: [
                seed.wrapping_add(XXH_PRIME_1).wrapping_add(XXH_PRIME_2),
                seed.wrapping_add(XXH_PRIME_2),
                seed,
                seed.wrapping_sub(XXH_PRIME_1),
            ],
            pending: [0; XXH_STRIPE],
            used: 0,
            total: 0,
        }
    }

    fn update(&mut self, mut data: &[u8]) {
        self.total = self.total.wrapping_add(data.len() as u64);
        while !data.is_empty() {
            let take = (XXH_STRIPE - self.used).min(data.len());
            self.pending[self.used..self.used + take].copy_from_slice(&data[..take]);
            self.used += take;
            data = &data[take..];
            if self.used == XXH_STRIPE {
                for (lane, word) in self.lanes.iter_mut().zip(self.pending.chunks_exact(8)) {
                    *lane = xxh_round(*lane, le_u64(word));
                }
                self.used = 0;
            }
        }
    }

    fn value(&self) -> u64 {
        let mut acc = if self.total >= XXH_STRIPE as u64 {
            let [a, b, c, d] = self.lanes;
            let mixed = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            self.lanes
                .iter()
                .fold(mixed, |acc, lane| xxh_merge(acc, *lane))
        } else {
            self.seed.wrapping_add(XXH_PRIME_5)
        };
        acc = acc.wrapping_add(self.total);

        let mut tail = &self.pending[..self.used];
        while tail.len() >= 8 {
            acc = (acc ^ xxh_round(0, le_u64(&tail[..8])))
                .rotate_left(27)
                .wrapping_mul(XXH_PRIME_1)
                .wrapping_add(XXH_PRIME_4);
            tail = &tail[8..];
        }
        if tail.len() >= 4 {
            acc = (acc ^ le_u64(&tail[..4]).wrapping_mul(XXH_PRIME_1))
                .rotate_left(23)
                .wrapping_mul(XXH_PRIME_2)
                .wrapping_add(XXH_PRIME_3);
            tail = &tail[4..];
        }
        for byte in tail {
            acc = (acc ^ u64::from(*byte).wrapping_mul(XXH_PRIME_5))
                .rotate_left(11)
                .wrapping_mul(XXH_PRIME_1);
        }

        acc = (acc ^ (acc >> 33)).wrapping_mul(XXH_PRIME_2);
        acc = (acc ^ (acc >> 29)).wrapping_mul(XXH_PRIME_3);
        acc ^ (acc >> 32)
    }
}

static XXHASH_STATES: HandleTable<Mutex<XxHashState>> = HandleTable::new();

/// Starts an XXH64 computation with `seed` and returns its handle.
#[no_mangle]
pub extern "C" fn rt_xxhash_new(seed: u64) -> i64 {
    XXHASH_STATES.insert(Mutex::new(XxHashState::with_seed(seed)))
}

/// Adds `len` bytes to an XXH64 computation. Returns `len`, or -1 for a bad handle or bad input.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_xxhash_write(handle: i64, data: *const u8, len: i64) -> i64 {
    let (Some(state), Some(bytes)) = (XXHASH_STATES.get(handle), bytes_from_raw(data, len)) else {
        return -1;
    };
    lock(&state).update(bytes);
    len
}

/// The hash of everything written so far; the computation goes on. 0 for a bad handle.
///
/// Zero is also a possible (if most unlikely) hash: [`rt_xxhash_finish_into`] tells them apart.
#[no_mangle]
pub extern "C" fn rt_xxhash_finish(handle: i64) -> u64 {
    XXHASH_STATES
        .get(handle)
        .map_or(0, |state| lock(&state).value())
}

/// Stores the hash of everything written so far in `*out`. False for a bad handle or a null `out`.
///
/// # Safety
/// `out` must be null or point to a writable, aligned `u64`.
#[no_mangle]
pub unsafe extern "C" fn rt_xxhash_finish_into(handle: i64, out: *mut u64) -> bool {
    match XXHASH_STATES.get(handle) {
        Some(state) if !out.is_null() => {
            out.write(lock(&state).value());
            true
        }
        _ => false,
    }
}

/// Puts an XXH64 computation back to its start, with the same seed. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_xxhash_reset(handle: i64) -> bool {
    match XXHASH_STATES.get(handle) {
        Some(state) => {
            let mut state = lock(&state);
            *state = XxHashState::with_seed(state.seed);
            true
        }
        None => false,
    }
}

/// Frees an XXH64 handle. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_xxhash_free(handle: i64) -> bool {
    XXHASH_STATES.remove(handle).is_some()
}

/// The XXH64 of `len` bytes in one call; 0 for bad input.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_xxhash_hash(data: *const u8, len: i64, seed: u64) -> u64 {
    bytes_from_raw(data, len).map_or(0, |bytes| {
        let mut state = XxHashState::with_seed(seed);
        state.update(bytes);
        state.value()
    })
}

// ===========================================================================
// Output
// ===========================================================================

thread_local! {
    /// What is captured from both streams, if it is.
    static CAPTURES: RefCell<[Option<Vec<u8>>; 2]> = const { RefCell::new([None, None]) };
}

/// Runs a function on the capture of a stream; `None` at the end of a thread.
fn with_capture<R>(stream: usize, action: impl FnOnce(&mut Option<Vec<u8>>) -> R) -> Option<R> {
    CAPTURES
        .try_with(|captures| action(&mut captures.borrow_mut()[stream]))
        .ok()
}

/// Writes to a stream, or to its capture; the number of bytes, or -1.
fn write_stream(stream: usize, bytes: &[u8]) -> i64 {
    let captured = with_capture(stream, |capture| match capture {
        Some(captured) => {
            captured.extend_from_slice(bytes);
            true
        }
        None => false,
    });
    if captured != Some(true) {
        // Not `print!`, which panics when the reader is gone.
        let written = if stream == STREAM_ERR {
            io::stderr().lock().write_all(bytes)
        } else {
            io::stdout().lock().write_all(bytes)
        };
        if let Err(error) = written {
            Failure::from(error).record();
            return -1;
        }
    }
    BYTES_PRINTED.fetch_add(bytes.len() as u64, Relaxed);
    length_of(bytes.len())
}

static BYTES_PRINTED: AtomicU64 = AtomicU64::new(0);

/// Bytes that were printed or captured in this process, on both streams.
#[no_mangle]
pub extern "C" fn rt_print_total_bytes() -> i64 {
    i64::try_from(BYTES_PRINTED.load(Relaxed)).unwrap_or(i64::MAX)
}

macro_rules! print_functions {
    ($($stream:ident, $end:literal: $text_name:ident, $value_name:ident, $what:literal;)+) => {$(
        #[doc = concat!("Prints text to ", $what, ".")]
        /// Returns the number of bytes; -1 for text that is not readable UTF-8
        /// and if writing fails.
        ///
        /// # Safety
        /// `text` is null or valid for reads of `len` bytes.
        #[no_mangle]
        pub unsafe extern "C" fn $text_name(text: *const u8, len: i64) -> i64 {
            match text_argument(text, len, "text") {
                Ok(text) => write_stream($stream, format!("{text}{}", $end).as_bytes()),
                Err(failure) => {
                    failure.record();
                    -1
                }
            }
        }

        #[doc = concat!("Prints a value to ", $what, ", as [`rt_value_to_string`] has it.")]
        /// Returns the number of bytes; -1 if writing fails.
        #[no_mangle]
        pub extern "C" fn $value_name(value: RuntimeValue) -> i64 {
            write_stream($stream, format!("{}{}", render(value), $end).as_bytes())
        }
    )+};
}

print_functions! {
    STREAM_OUT, "": rt_print_str, rt_print_value, "the standard output";
    STREAM_OUT, "\n": rt_println_str, rt_println_value, "the standard output, with a line end";
    STREAM_ERR, "": rt_eprint_str, rt_eprint_value, "the error stream";
    STREAM_ERR, "\n": rt_eprintln_str, rt_eprintln_value, "the error stream, with a line end";
}

/// Prints text with a line end.
///
/// # Safety
/// `text` is null or valid for reads of `len` bytes.
#[deprecated(note = "older programs call it; use `rt_println_str`")]
#[no_mangle]
pub unsafe extern "C" fn rt_puts(text: *const u8, len: i64) -> i64 {
    rt_println_str(text, len)
}

/// Hands what the standard output still holds to the system; false if that
/// fails.
#[no_mangle]
pub extern "C" fn rt_print_flush() -> bool {
    let flushed = io::stdout().lock().flush();
    succeeded(flushed.map_err(Failure::from))
}

/// Whether a stream (0 input, 1 output, 2 errors) is a terminal and neither
/// captured nor mocked; false for any other number.
#[no_mangle]
pub extern "C" fn rt_print_is_terminal(stream: i64) -> bool {
    let captured = |stream| with_capture(stream, |capture| capture.is_some()) == Some(true);
    match stream {
        0 => !rt_stdin_mock_active() && io::stdin().is_terminal(),
        1 => !captured(STREAM_OUT) && io::stdout().is_terminal(),
        2 => !captured(STREAM_ERR) && io::stderr().is_terminal(),
        _ => false,
    }
}

/// The file descriptor of a stream (0 input, 1 output, 2 errors); -1 for any
/// other number.
#[cfg(unix)]
#[no_mangle]
pub extern "C" fn rt_print_stream_fd(stream: i64) -> i64 {
    use std::os::fd::AsRawFd as _;
    match stream {
        0 => i64::from(io::stdin().as_raw_fd()),
        1 => i64::from(io::stdout().as_raw_fd()),
        2 => i64::from(io::stderr().as_raw_fd()),
        _ => -1,
    }
}

/// The file descriptor of a stream; always -1, this system has none.
#[cfg(not(unix))]
#[no_mangle]
pub extern "C" fn rt_print_stream_fd(_stream: i64) -> i64 {
    -1
}

/// Most parts of a value that are printed; `...` stands for the rest.
const MAX_RENDERED: usize = 100_000;

enum Piece {
    Value(RuntimeValue, bool),
    Text(String),
    Leave(RuntimeValue),
}

/// A value as text. Strings inside other values are quoted; a value that holds
/// itself gives `...` there.
fn render(value: RuntimeValue) -> String {
    let mut out = String::new();
    let mut open = HashSet::new();
    let mut pieces = vec![Piece::Value(value, false)];
    let mut rendered = 0;
    while let Some(piece) = pieces.pop() {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Leave(value) => {
                open.remove(&value);
            }
            Piece::Value(value, inner) => {
                rendered += 1;
                if rendered > MAX_RENDERED {
                    out.push_str("...");
                    break;
                }
                match heap_get(value) {
                    Some(object) if !open.contains(&value) => {
                        let parts = render_object(&object, inner, &mut out);
                        if !parts.is_empty() {
                            open.insert(value);
                            pieces.push(Piece::Leave(value));
                            pieces.extend(parts.into_iter().rev());
                        }
                    }
                    Some(_) => out.push_str("..."),
                    None => render_scalar(value, &mut out),
                }
            }
        }
    }
    out
}

fn render_scalar(value: RuntimeValue, out: &mut String) {
    let _ = if let Some(int) = value.as_int() {
        write!(out, "{int}")
    } else if let Some(float) = value.as_float() {
        if float.is_nan() {
            out.write_str("nan")
        } else {
            write!(out, "{float:?}")
        }
    } else if let Some(flag) = value.as_bool() {
        write!(out, "{flag}")
    } else {
        match type_name(value) {
            "nil" => out.write_str("nil"),
            other => write!(out, "<{other}>"),
        }
    };
}

/// Writes an object without parts, or gives the pieces of one with parts.
fn render_object(object: &HeapObject, inner: bool, out: &mut String) -> Vec<Piece> {
    let parts = parts_of(object);
    match object.kind() {
        HeapKind::String => {
            let text = object.text().unwrap_or_default();
            if inner {
                out.push_str(&self::text::quoted(text));
            } else {
                out.push_str(text);
            }
            Vec::new()
        }
        HeapKind::Array => listed("[", &parts, "]"),
        HeapKind::Tuple if parts.len() == 1 => listed("(", &parts, ",)"),
        HeapKind::Tuple => listed("(", &parts, ")"),
        HeapKind::Dict => {
            let mut pieces = vec![Piece::Text("{".to_owned())];
            for (number, entry) in parts.chunks_exact(2).enumerate() {
                if number > 0 {
                    pieces.push(Piece::Text(", ".to_owned()));
                }
                pieces.push(Piece::Value(entry[0], true));
                pieces.push(Piece::Text(": ".to_owned()));
                pieces.push(Piece::Value(entry[1], true));
            }
            pieces.push(Piece::Text("}".to_owned()));
            pieces
        }
        HeapKind::Object => {
            let class = object
                .native()
                .map_or(-1, |data: &ObjectData| data.class_id);
            listed(&format!("object#{class}("), &parts, ")")
        }
        HeapKind::Enum => match object.native::<EnumData>() {
            Some(data) if data.payload.is_nil() => {
                let _ = write!(out, "enum#{}.{}", data.enum_id, data.discriminant);
                Vec::new()
            }
            Some(data) => {
                let start = format!("enum#{}.{}(", data.enum_id, data.discriminant);
                listed(&start, &parts, ")")
            }
            None => Vec::new(),
        },
        HeapKind::Unique => listed("unique(", &parts, ")"),
        HeapKind::Closure => {
            let _ = write!(out, "<closure with {} captures>", parts.len());
            Vec::new()
        }
        HeapKind::Pointer => {
            if let HeapBody::Address(address) = object.body() {
                let _ = write!(out, "<pointer {address:#x}>");
            }
            Vec::new()
        }
    }
}

fn listed(start: &str, parts: &[RuntimeValue], end: &str) -> Vec<Piece> {
    let mut pieces = vec![Piece::Text(start.to_owned())];
    for (number, &part) in parts.iter().enumerate() {
        if number > 0 {
            pieces.push(Piece::Text(", ".to_owned()));
        }
        pieces.push(Piece::Value(part, true));
    }
    pieces.push(Piece::Text(end.to_owned()));
    pieces
}

// ===========================================================================
// Capturing output
// ===========================================================================

// Both streams have the same five functions.
macro_rules! capture_functions {
    ($stream:ident, $what:literal, $start:ident, $stop:ident, $get:ident, $active:ident, $clear:ident) => {
        #[doc = concat!("Starts to capture ", $what, " of this thread.")]
        /// False if it is captured already; what was captured stays.
        #[no_mangle]
        pub extern "C" fn $start() -> bool {
            let started = with_capture($stream, |capture| {
                let idle = capture.is_none();
                capture.get_or_insert_with(Vec::new);
                idle
            });
            started == Some(true)
        }

        #[doc = concat!("Ends the capture of ", $what, " and gives its text.")]
        /// Nil if nothing is captured.
        #[no_mangle]
        pub extern "C" fn $stop() -> RuntimeValue {
            captured_text(with_capture($stream, Option::take).flatten())
        }

        #[doc = concat!("The text captured from ", $what, " so far.")]
        /// Nil if nothing is captured.
        #[no_mangle]
        pub extern "C" fn $get() -> RuntimeValue {
            captured_text(with_capture($stream, |capture| capture.clone()).flatten())
        }

        #[doc = concat!("Whether ", $what, " is captured.")]
        #[no_mangle]
        pub extern "C" fn $active() -> bool {
            with_capture($stream, |capture| capture.is_some()) == Some(true)
        }

        #[doc = concat!("Forgets what was captured from ", $what, " and goes on.")]
        /// False if nothing is captured.
        #[no_mangle]
        pub extern "C" fn $clear() -> bool {
            let cleared = with_capture($stream, |capture| {
                capture.as_mut().map(Vec::clear).is_some()
            });
            cleared == Some(true)
        }
    };
}

capture_functions!(
    STREAM_OUT,
    "the standard output",
    rt_capture_stdout_start,
    rt_capture_stdout_stop,
    rt_capture_stdout_get,
    rt_capture_stdout_is_active,
    rt_capture_stdout_clear
);

capture_functions!(
    STREAM_ERR,
    "the error stream",
    rt_capture_stderr_start,
    rt_capture_stderr_stop,
    rt_capture_stderr_get,
    rt_capture_stderr_is_active,
    rt_capture_stderr_clear
);

fn captured_text(captured: Option<Vec<u8>>) -> RuntimeValue {
    match captured {
        Some(bytes) => string_value(&String::from_utf8_lossy(&bytes)),
        None => RuntimeValue::NIL,
    }
}

// ===========================================================================
// Files that load in the background
// ===========================================================================

const ASYNC_FILE_CREATED: i64 = 0;
const ASYNC_FILE_LOADING: i64 = 1;
const ASYNC_FILE_LOADED: i64 = 2;
const ASYNC_FILE_FAILED: i64 = 3;

struct AsyncFile {
    path: String,
    started: AtomicBool,
    content: Completion<Outcome<Arc<str>>>,
}

static ASYNC_FILES: HandleTable<AsyncFile> = HandleTable::new();

impl AsyncFile {
    /// Starts the loading if nobody did; whether this call was the one.
    fn start(self: &Arc<Self>) -> Outcome<bool> {
        if self.started.swap(true, SeqCst) {
            return Ok(false);
        }
        let file = Arc::clone(self);
        let spawned = spawn_background("rt-async-file", move || {
            file.content.finish(load_text(&file.path).map(Arc::from));
        });
        if spawned.is_err() {
            self.started.store(false, SeqCst);
        }
        spawned.map(|()| true)
    }
}

/// The text of a regular file, no more than a string may hold.
fn load_text(path: &str) -> Outcome<String> {
    // Asked first: to open a pipe may take for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Failure::new(ERR_IO, format!("{path} is no regular file")));
    }
    let mut text = String::new();
    let limit = MAX_TEXT as u64;
    std::fs::File::open(path)?
        .take(limit + 1)
        .read_to_string(&mut text)?;
    if text.len() > MAX_TEXT {
        return Err(Failure::new(
            ERR_MEMORY,
            format!("{path} has more than {limit} bytes"),
        ));
    }
    Ok(text)
}

/// A file that can be loaded in the background; the path is looked at only then. Returns 0 for a
/// path that is empty or not readable UTF-8.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_async_file_create(path: *const u8, len: i64) -> i64 {
    let path = text_argument(path, len, "the path").and_then(|path| match path {
        "" => Err(Failure::new(ERR_ARGUMENT, "the path is empty")),
        path => Ok(path.to_owned()),
    });
    handle_or_zero(path.map(|path| {
        ASYNC_FILES.insert(AsyncFile {
            path,
            started: AtomicBool::new(false),
            content: Completion::new(),
        })
    }))
}

/// Starts to load a file on a thread of its own and returns at once. False if that was started
/// before, if no thread can be made, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_async_file_start_loading(handle: i64) -> bool {
    let Some(file) = ASYNC_FILES.get(handle) else {
        return false;
    };
    file.start().unwrap_or_else(|failure| {
        failure.record();
        false
    })
}

/// Whether the loading has ended, well or not: [`rt_async_file_wait`] gives the outcome without
/// waiting. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_async_file_is_ready(handle: i64) -> bool {
    ASYNC_FILES
        .get(handle)
        .is_some_and(|file| file.content.is_done())
}

/// How far the loading is: 0 not started, 1 under way, 2 loaded, 3 failed; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_async_file_get_state(handle: i64) -> i64 {
    let Some(file) = ASYNC_FILES.get(handle) else {
        return -1;
    };
    match file.content.peek() {
        Some(Ok(_)) => ASYNC_FILE_LOADED,
        Some(Err(_)) => ASYNC_FILE_FAILED,
        None if file.started.load(SeqCst) => ASYNC_FILE_LOADING,
        None => ASYNC_FILE_CREATED,
    }
}

/// The content of the file as a new string, waiting up to `timeout_ms` for it (negative: as long
/// as it takes, for ever where the system never answers). Starts the loading if nobody did.
///
/// Nil, with the error recorded, if the file cannot be read, is not UTF-8, is longer than 2^28
/// bytes or no regular file, when the time is up, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_async_file_wait(handle: i64, timeout_ms: i64) -> RuntimeValue {
    let Some(file) = ASYNC_FILES.get(handle) else {
        return fail(ERR_ARGUMENT, "the handle is no file's");
    };
    let content = file
        .start()
        .and_then(|_| file.content.wait(deadline_after(timeout_ms)))
        .and_then(|content| content);
    value_or_nil(content.map(|text| string_value(&text)))
}

/// Frees a file; who waits for it still gets the content. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_async_file_free(handle: i64) -> bool {
    ASYNC_FILES.remove(handle).is_some()
}

// ===========================================================================
// Files
// ===========================================================================

/// Text that stands in for the standard input.
struct MockInput {
    text: String,
    at: usize,
}

impl MockInput {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Takes the next `len` bytes, which end at a character.
    fn take(&mut self, len: usize) -> String {
        let taken = self.rest()[..len].to_owned();
        self.at += len;
        taken
    }
}

thread_local! {
    static MOCK_INPUT: RefCell<Option<MockInput>> = const { RefCell::new(None) };
}

fn with_mock<R>(action: impl FnOnce(&mut MockInput) -> R) -> Option<R> {
    MOCK_INPUT
        .try_with(|mock| mock.borrow_mut().as_mut().map(action))
        .ok()?
}

/// Makes this text the standard input of the thread, from its beginning; false
/// for text that is not readable UTF-8.
///
/// # Safety
/// `text` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_stdin_mock_set(text: *const u8, len: i64) -> bool {
    let Some(text) = str_from_raw(text, len) else {
        return false;
    };
    let mock = MockInput {
        text: text.to_owned(),
        at: 0,
    };
    MOCK_INPUT
        .try_with(|slot| *slot.borrow_mut() = Some(mock))
        .is_ok()
}

/// Gives the thread its real standard input back; whether a mock was set.
#[no_mangle]
pub extern "C" fn rt_stdin_mock_clear() -> bool {
    let taken = MOCK_INPUT.try_with(|slot| slot.borrow_mut().take());
    matches!(taken, Ok(Some(_)))
}

/// Whether a mock takes the place of the standard input.
#[no_mangle]
pub extern "C" fn rt_stdin_mock_active() -> bool {
    with_mock(|_| ()).is_some()
}

/// Bytes of the mock that were not read yet; -1 without a mock.
#[no_mangle]
pub extern "C" fn rt_stdin_mock_remaining() -> i64 {
    with_mock(|mock| mock.rest().len()).map_or(-1, length_of)
}

/// The next line of the standard input, without its end, as a string; nil at
/// the end of the input and, with the error recorded, if reading fails or the
/// line is not UTF-8.
#[no_mangle]
pub extern "C" fn rt_stdin_read_line() -> RuntimeValue {
    let mocked = with_mock(|mock| {
        let len = mock.rest().find('\n').map(|at| at + 1);
        let len = len.unwrap_or(mock.rest().len());
        mock.take(len)
    });
    let line = mocked.map_or_else(real_line, Ok);
    value_or_nil(line.map(|line| match line.as_str() {
        "" => RuntimeValue::NIL,
        line => string_value(without_line_end(line)),
    }))
}

fn real_line() -> Outcome<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

/// A line without the line end of this system.
#[cfg(unix)]
fn without_line_end(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// A line without the line end of this system.
#[cfg(not(unix))]
fn without_line_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The next character of the standard input as its number; -1 at the end of
/// the input, -2 if reading fails or the input is not UTF-8.
#[no_mangle]
pub extern "C" fn rt_stdin_read_char() -> i64 {
    let mocked = with_mock(|mock| {
        let next = mock.rest().chars().next();
        mock.at += next.map_or(0, char::len_utf8);
        next
    });
    match mocked.map_or_else(real_char, Ok) {
        Ok(next) => next.map_or(-1, |next| i64::from(u32::from(next))),
        Err(failure) => {
            failure.record();
            -2
        }
    }
}

fn real_char() -> Outcome<Option<char>> {
    let mut input = io::stdin().lock();
    let mut bytes = Vec::with_capacity(4);
    while bytes.len() < 4 {
        let mut byte = [0];
        if input.read(&mut byte)? == 0 {
            break;
        }
        bytes.extend(byte);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return Ok(text.chars().next());
        }
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    Err(Failure::new(ERR_IO, "the input is not UTF-8"))
}

/// The rest of the standard input as a string, empty at its end; nil, with the
/// error recorded, if reading fails or it is not UTF-8.
#[no_mangle]
pub extern "C" fn rt_stdin_read_all() -> RuntimeValue {
    let mocked = with_mock(|mock| mock.take(mock.rest().len()));
    let text = mocked.map_or_else(
        || io::read_to_string(io::stdin()).map_err(Failure::from),
        Ok,
    );
    value_or_nil(text.map(|text| string_value(&text)))
}

/// Most bytes of a line that [`rt_file_read_line`] gives.
const FILE_MAX_LINE: usize = 1 << 24;

/// Greatest length that [`rt_file_set_len`] gives a file.
const FILE_MAX_SIZE: i64 = 1 << 40;

/// What is read from an open file, or written to it, at once.
const FILE_CHUNK: usize = 1 << 16;

/// The present position, for a seek that only empties the buffer.
const HERE: SeekFrom = SeekFrom::Current(0);

static OPEN_FILES: HandleTable<Mutex<BufReader<File>>> = HandleTable::new();

/// Says in an error of the system which path it is about.
trait PathContext<T> {
    fn on(self, path: &Path) -> Outcome<T>;
}

impl<T> PathContext<T> for io::Result<T> {
    fn on(self, path: &Path) -> Outcome<T> {
        self.map_err(|error| path_failure(path, &error.to_string()))
    }
}

fn path_failure(path: &Path, problem: &str) -> Failure {
    Failure::new(ERR_IO, format!("{}: {problem}", path.display()))
}

/// The path of these bytes: any on Unix.
#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// The path of these bytes: UTF-8 only.
#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

/// A path for the system: not empty, without NUL, and on Unix any other bytes.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn path_argument(ptr: *const u8, len: i64) -> Outcome<PathBuf> {
    bytes_from_raw(ptr, len)
        .filter(|bytes| !bytes.is_empty() && !bytes.contains(&0))
        .and_then(path_of_bytes)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, "this cannot be a path"))
}

/// The bytes of an argument.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn data_argument<'a>(ptr: *const u8, len: i64) -> Outcome<&'a [u8]> {
    bytes_from_raw(ptr, len).ok_or_else(|| Failure::new(ERR_ARGUMENT, "the data is not readable"))
}

/// The bytes of an argument that has to be text.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn text_data_argument<'a>(ptr: *const u8, len: i64) -> Outcome<&'a [u8]> {
    text_argument(ptr, len, "text").map(str::as_bytes)
}

/// Opening a named pipe waits for the other end, maybe for ever.
#[cfg(unix)]
fn refuse_pipe(path: &Path) -> Outcome<()> {
    use std::os::unix::fs::FileTypeExt as _;
    match fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() => Err(path_failure(path, "is a named pipe")),
        _ => Ok(()),
    }
}

/// Named pipes have no path that opens like a file here.
#[cfg(not(unix))]
fn refuse_pipe(_path: &Path) -> Outcome<()> {
    Ok(())
}

/// Everything in a file, unless it is too much.
fn read_file(path: &Path) -> Outcome<Vec<u8>> {
    refuse_pipe(path)?;
    let too_large = || {
        let message = format!("{}: larger than {MAX_TEXT} bytes", path.display());
        Failure::new(ERR_MEMORY, message)
    };
    let file = File::open(path).on(path)?;
    if file.metadata().on(path)?.len() > MAX_TEXT as u64 {
        return Err(too_large());
    }
    // The size of a device or of a file of the system is not to be trusted.
    let mut bytes = Vec::new();
    let limit = MAX_TEXT as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).on(path)?;
    if bytes.len() > MAX_TEXT {
        return Err(too_large());
    }
    Ok(bytes)
}

fn read_file_text(path: &Path) -> Outcome<String> {
    String::from_utf8(read_file(path)?).map_err(|_| path_failure(path, "is not UTF-8"))
}

fn write_file(path: &Path, bytes: &[u8], append: bool) -> Outcome<usize> {
    refuse_pipe(path)?;
    let mut options = OpenOptions::new();
    options.create(true).append(append);
    if !append {
        options.write(true).truncate(true);
    }
    let mut file = options.open(path).on(path)?;
    file.write_all(bytes).on(path)?;
    Ok(bytes.len())
}

/// The text of a file as a string; nil, with the error recorded, if it cannot be read, is not
/// UTF-8, is longer than 2^28 bytes, or is a named pipe.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_read_text(path: *const u8, len: i64) -> RuntimeValue {
    let text = path_argument(path, len).and_then(|path| read_file_text(&path));
    value_or_nil(text.map(|text| string_value(&text)))
}

/// Copies the bytes of a file to `out` and returns how many there are; -1, with the error
/// recorded, as for [`rt_file_read_text`], but for any bytes.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_file_read_bytes(
    path: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    match path_argument(path, len).and_then(|path| read_file(&path)) {
        Ok(bytes) => copy_out(&bytes, out, cap),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// The lines of a file, without their ends, as an array of strings; nil, with the error recorded,
/// as for [`rt_file_read_text`] and for more than 2^24 lines.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_read_lines(path: *const u8, len: i64) -> RuntimeValue {
    let lines = path_argument(path, len).and_then(|path| {
        let text = read_file_text(&path)?;
        checked_count(length_of(line_count(text.as_bytes())), "number of lines")?;
        let lines = text.split_inclusive('\n').map(without_line_end);
        Ok(array_value(lines.map(string_value).collect()))
    });
    value_or_nil(lines)
}

/// Number of lines; a last one without an end counts.
fn line_count(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').count()
}

/// Number of lines of a file, whether it is text or not; -1, with the error recorded, if it cannot
/// be read.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_count_lines(path: *const u8, len: i64) -> i64 {
    let bytes = path_argument(path, len).and_then(|path| read_file(&path));
    count_or_minus_one(bytes.map(|bytes| line_count(&bytes)))
}

macro_rules! file_writers {
    ($($(#[$meta:meta])* $name:ident($data:ident: $argument:ident) => $append:literal;)+) => {$(
        $(#[$meta])*
        /// Returns the number of bytes; -1, with the error recorded, if that is not possible.
        ///
        /// # Safety
        #[doc = concat!("`path` and `", stringify!($data), "` are null or valid for reads of their lengths.")]
        #[no_mangle]
        pub unsafe extern "C" fn $name(
            path: *const u8,
            path_len: i64,
            $data: *const u8,
            len: i64,
        ) -> i64 {
            let written = path_argument(path, path_len)
                .and_then(|path| write_file(&path, $argument($data, len)?, $append));
            count_or_minus_one(written)
        }
    )+};
}

file_writers! {
    /// Makes UTF-8 text the content of a file, which need not exist yet.
    rt_file_write_text(text: text_data_argument) => false;
    /// Makes bytes the content of a file, which need not exist yet.
    rt_file_write_bytes(data: data_argument) => false;
    /// Appends UTF-8 text to a file, which need not exist yet.
    rt_file_append_text(text: text_data_argument) => true;
    /// Appends bytes to a file, which need not exist yet.
    rt_file_append_bytes(data: data_argument) => true;
}

/// Makes bytes the content of a file in one step: whoever reads it sees the old content or the new
/// one, never a part. Returns the number of bytes; -1, with the error recorded, if that is not
/// possible; then the file is as it was. A symbolic link is replaced by a file.
///
/// # Safety
/// `path` and `data` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_file_write_atomic(
    path: *const u8,
    path_len: i64,
    data: *const u8,
    len: i64,
) -> i64 {
    let written = path_argument(path, path_len)
        .and_then(|path| replace_file(&path, data_argument(data, len)?));
    count_or_minus_one(written)
}

fn replace_file(path: &Path, bytes: &[u8]) -> Outcome<usize> {
    let Some(name) = path.file_name() else {
        return Err(path_failure(path, "has no name"));
    };
    let mut draft_name = OsString::from(".");
    draft_name.push(name);
    draft_name.push(unique_suffix());
    let draft = path.with_file_name(draft_name);
    let result = fill_and_rename(&draft, path, bytes);
    if result.is_err() {
        let _ = fs::remove_file(&draft);
    }
    result.on(path)?;
    Ok(bytes.len())
}

fn fill_and_rename(draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(draft)?;
    file.write_all(bytes)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(before.permissions())?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(draft, path)
}

/// Part of a name that no other call, here or in another process, comes up with.
fn unique_suffix() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.subsec_nanos());
    format!(".{}-{number}-{nanos:08x}", std::process::id())
}

/// Whether there is a file, a folder or anything else with this path; false for a link to nothing
/// and for what cannot be a path.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_exists(path: *const u8, len: i64) -> bool {
    path_argument(path, len).is_ok_and(|path| path.exists())
}

/// Size of a file in bytes; -1, with the error recorded, if there is none or it is a folder.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_size(path: *const u8, len: i64) -> i64 {
    let size = path_argument(path, len).and_then(|path| {
        let found = fs::metadata(&path).on(&path)?;
        if found.is_dir() {
            return Err(path_failure(&path, "is a folder"));
        }
        Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
    });
    count_or_minus_one(size)
}

/// Writes the SHA-256 of a file to `out` as 64 hexadecimal digits; see [`rt_sha256_hex`]. Returns
/// 64; -1, with the error recorded, if the file cannot be read.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_file_sha256(path: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    match path_argument(path, len).and_then(|path| read_file(&path)) {
        Ok(bytes) => copy_out(
            hex_lower(&digest_of::<Sha256State>(&bytes)).as_bytes(),
            out,
            cap,
        ),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

fn open_options(mode: &str) -> Option<OpenOptions> {
    let mut options = OpenOptions::new();
    // The b of C makes no difference.
    match mode {
        "r" | "rb" => options.read(true),
        "r+" | "r+b" | "rb+" => options.read(true).write(true),
        "w" | "wb" => options.write(true).create(true).truncate(true),
        "w+" | "w+b" | "wb+" => options.read(true).write(true).create(true).truncate(true),
        "a" | "ab" => options.append(true).create(true),
        "a+" | "a+b" | "ab+" => options.read(true).append(true).create(true),
        "x" | "xb" => options.write(true).create_new(true),
        "x+" | "x+b" | "xb+" => options.read(true).write(true).create_new(true),
        _ => return None,
    };
    Some(options)
}

/// Opens a file and returns its handle. The modes are those of C: `r`, `w`, `a` and `x` (a new
/// file), with `+` to read and write; a `b` changes nothing. -1, with the error recorded, for any
/// other mode, for a folder, for a named pipe, and if the file cannot be opened.
///
/// # Safety
/// `path` and `mode` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_file_open(
    path: *const u8,
    path_len: i64,
    mode: *const u8,
    mode_len: i64,
) -> Handle {
    let opened = path_argument(path, path_len).and_then(|path| {
        let options = open_options(text_argument(mode, mode_len, "mode")?)
            .ok_or_else(|| Failure::new(ERR_ARGUMENT, "this is no mode of a file"))?;
        refuse_pipe(&path)?;
        let file = options.open(&path).on(&path)?;
        if file.metadata().on(&path)?.is_dir() {
            return Err(path_failure(&path, "is a folder"));
        }
        Ok(OPEN_FILES.insert(Mutex::new(BufReader::new(file))))
    });
    opened.unwrap_or_else(|failure| {
        failure.record();
        -1
    })
}

/// Runs a function on an open file.
fn with_file<R>(
    handle: Handle,
    action: impl FnOnce(&mut BufReader<File>) -> Outcome<R>,
) -> Outcome<R> {
    match OPEN_FILES.get(handle) {
        Some(file) => action(&mut lock(&file)),
        None => Err(Failure::new(ERR_ARGUMENT, "the file is not open")),
    }
}

/// Reads up to `cap` bytes at the position of an open file; fewer only at its end, 0 there. -1,
/// with the error recorded, for a bad handle or buffer and if reading fails.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_read(file: Handle, out: *mut u8, cap: i64) -> i64 {
    let read = with_file(file, |file| {
        let bad_buffer = || Failure::new(ERR_ARGUMENT, "the buffer is not writable");
        let cap = usize::try_from(cap).map_err(|_| bad_buffer())?;
        if out.is_null() && cap > 0 {
            return Err(bad_buffer());
        }
        let mut chunk = vec![0; cap.min(FILE_CHUNK)];
        let mut done = 0;
        while done < cap {
            let wanted = chunk.len().min(cap - done);
            let count = match file.read(&mut chunk[..wanted]) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            std::ptr::copy_nonoverlapping(chunk.as_ptr(), out.add(done), count);
            done += count;
        }
        Ok(done)
    });
    count_or_minus_one(read)
}

/// The next line of an open file, without its end, as a string; nil at the end and, with the error
/// recorded, for a bad handle, for a line that is not UTF-8 or longer than 2^24 bytes, and if
/// reading fails.
#[no_mangle]
pub extern "C" fn rt_file_read_line(file: Handle) -> RuntimeValue {
    value_or_nil(with_file(file, |file| {
        let mut line = Vec::new();
        let mut limited = file.take(FILE_MAX_LINE as u64 + 1);
        limited.read_until(b'\n', &mut line)?;
        if line.len() > FILE_MAX_LINE {
            return Err(Failure::new(ERR_MEMORY, "the line is too long"));
        }
        if line.is_empty() {
            return Ok(RuntimeValue::NIL);
        }
        match std::str::from_utf8(&line) {
            Ok(line) => Ok(string_value(without_line_end(line))),
            Err(_) => Err(Failure::new(ERR_IO, "the line is not UTF-8")),
        }
    }))
}

/// Writes bytes at the position of an open file, or at its end in mode `a`. Returns how many;
/// -1, with the error recorded, for a bad handle, for data that is not readable, and if they were
/// not all written.
///
/// # Safety
/// `data` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_file_write(file: Handle, data: *const u8, len: i64) -> i64 {
    count_or_minus_one(with_file(file, |file| {
        let data = data_argument(data, len)?;
        forget_read_ahead(file)?;
        file.get_mut().write_all(data)?;
        Ok(data.len())
    }))
}

/// Puts the system's position where the reader's is.
fn forget_read_ahead(file: &mut BufReader<File>) -> io::Result<()> {
    if !file.buffer().is_empty() {
        file.seek(HERE)?;
    }
    Ok(())
}

/// Moves the position of an open file: `origin` 0 counts from the beginning, 1 from the position,
/// 2 from the end. Returns the new position; -1, with the error recorded, for a bad handle,
/// another origin and a position before the beginning. Past the end is possible.
#[no_mangle]
pub extern "C" fn rt_file_seek(file: Handle, offset: i64, origin: i64) -> i64 {
    let moved = with_file(file, |file| {
        let target = match (origin, u64::try_from(offset)) {
            (0, Ok(offset)) => SeekFrom::Start(offset),
            (1, _) => SeekFrom::Current(offset),
            (2, _) => SeekFrom::End(offset),
            _ => return Err(Failure::new(ERR_ARGUMENT, "there is no such position")),
        };
        Ok(file.seek(target)? as usize)
    });
    count_or_minus_one(moved)
}

/// The position of an open file; -1, with the error recorded, for a bad handle.
#[no_mangle]
pub extern "C" fn rt_file_tell(file: Handle) -> i64 {
    rt_file_seek(file, 0, 1)
}

/// Whether an open file has nothing more to read: 1 or 0; -1, with the error recorded, for a bad
/// handle and a file that is not open for reading.
#[no_mangle]
pub extern "C" fn rt_file_at_end(file: Handle) -> i64 {
    let at_end = with_file(file, |file| Ok(file.fill_buf()?.is_empty()));
    count_or_minus_one(at_end.map(usize::from))
}

/// Cuts an open file, or fills it with zeros, to this length, at most 2^40; the position stays.
/// False, with the error recorded, for a bad handle or length and a file that is not open for
/// writing.
#[no_mangle]
pub extern "C" fn rt_file_set_len(file: Handle, len: i64) -> bool {
    succeeded(with_file(file, |file| {
        if !(0..=FILE_MAX_SIZE).contains(&len) {
            return Err(Failure::new(ERR_INDEX, format!("{len} is no such length")));
        }
        forget_read_ahead(file)?;
        Ok(file.get_mut().set_len(len as u64)?)
    }))
}

/// Waits until what was written to an open file is on the disk; false, with the error recorded,
/// for a bad handle and if that fails.
#[no_mangle]
pub extern "C" fn rt_file_sync(file: Handle) -> bool {
    succeeded(with_file(file, |file| Ok(file.get_ref().sync_all()?)))
}

/// Closes a file; false for a handle that is stale already.
#[no_mangle]
pub extern "C" fn rt_file_close(file: Handle) -> bool {
    OPEN_FILES.remove(file).is_some()
}

/// Number of files that are open by [`rt_file_open`].
#[no_mangle]
pub extern "C" fn rt_file_open_count() -> i64 {
    length_of(OPEN_FILES.len())
}

/// A unique owner of a value. It is equal only to itself, whatever it holds.
#[no_mangle]
pub extern "C" fn rt_unique_new(content: RuntimeValue) -> RuntimeValue {
    let content = Mutex::new(content);
    insert_native(HeapKind::Unique, UniqueCell { content })
}

/// What a unique holds; nil for any other value.
#[no_mangle]
pub extern "C" fn rt_unique_get(unique: RuntimeValue) -> RuntimeValue {
    value_or_nil(with_native(
        unique,
        HeapKind::Unique,
        |cell: &UniqueCell| *lock(&cell.content),
    ))
}

/// Replaces what a unique holds; false for any other value.
#[no_mangle]
pub extern "C" fn rt_unique_set(unique: RuntimeValue, content: RuntimeValue) -> bool {
    succeeded(with_native(
        unique,
        HeapKind::Unique,
        |cell: &UniqueCell| *lock(&cell.content) = content,
    ))
}

// ---------------------------------------------------------------------------
// The file system
// ---------------------------------------------------------------------------

const KIND_FILE: i64 = 1;
const KIND_FOLDER: i64 = 2;
const KIND_LINK: i64 = 3;
const KIND_OTHER: i64 = 4;

/// Most entries that one walk through a folder gives.
const MAX_WALK: usize = 1 << 20;

/// Number of the values of [`rt_fs_metadata`].
const METADATA_FIELDS: usize = 8;

fn kind_of_file(kind: fs::FileType) -> i64 {
    match kind {
        _ if kind.is_symlink() => KIND_LINK,
        _ if kind.is_file() => KIND_FILE,
        _ if kind.is_dir() => KIND_FOLDER,
        _ => KIND_OTHER,
    }
}

/// A path in a result: with `/` everywhere, and U+FFFD for what is not UTF-8.
fn path_text(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    }
}

macro_rules! path_questions {
    ($($(#[$meta:meta])* $name:ident => $question:expr;)+) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// `path` is null or valid for reads of `len` bytes.
        #[no_mangle]
        pub unsafe extern "C" fn $name(path: *const u8, len: i64) -> bool {
            let question: fn(&Path) -> bool = $question;
            path_argument(path, len).is_ok_and(|path| question(&path))
        }
    )+};
}

path_questions! {
    /// Whether there is a file with this path, or a link to one.
    rt_fs_is_file => Path::is_file;
    /// Whether there is a folder with this path, or a link to one.
    rt_fs_is_dir => Path::is_dir;
    /// Whether there is a symbolic link with this path, whatever it leads to.
    rt_fs_is_symlink => Path::is_symlink;
    /// Whether there is anything with this path, a link to nothing included; compare
    /// [`rt_file_exists`].
    rt_fs_exists => |path| path.symlink_metadata().is_ok();
}

macro_rules! path_actions {
    ($($(#[$meta:meta])* $name:ident => $action:expr;)+) => {$(
        $(#[$meta])*
        /// False, with the error recorded, if that is not possible.
        ///
        /// # Safety
        /// `path` is null or valid for reads of `len` bytes.
        #[no_mangle]
        pub unsafe extern "C" fn $name(path: *const u8, len: i64) -> bool {
            let action: fn(&Path) -> io::Result<()> = $action;
            succeeded(path_argument(path, len).and_then(|path| action(&path).on(&path)))
        }
    )+};
}

path_actions! {
    /// Makes a folder; the one around it has to exist.
    rt_fs_mkdir => |path| fs::create_dir(path);
    /// Makes a folder and all those around it that are missing; it may exist already.
    rt_fs_mkdir_all => |path| fs::create_dir_all(path);
    /// Removes a file or a symbolic link, not what it leads to.
    rt_fs_remove => |path| fs::remove_file(path);
    /// Removes an empty folder.
    rt_fs_remove_dir => |path| fs::remove_dir(path);
    /// Removes a file, a link, or a folder with everything in it. Links are not followed. A path
    /// without a name of its own (`/`, `.`, `a/..`) is refused.
    rt_fs_remove_all => remove_tree;
    /// Makes an empty file, or sets the time of the last change of one that exists to now.
    rt_fs_touch => touch;
}

fn remove_tree(path: &Path) -> io::Result<()> {
    if path.file_name().is_none() {
        let message = "a path without a name is not removed";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

fn touch(path: &Path) -> io::Result<()> {
    if path.exists() {
        return change_modified(path, SystemTime::now());
    }
    let created = OpenOptions::new().append(true).create(true).open(path);
    created.map(drop)
}

fn change_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let message = "only files and folders have a time to set";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let file = if kind.is_dir() {
        File::open(path)?
    } else {
        OpenOptions::new().append(true).open(path)?
    };
    file.set_modified(time)
}

/// Sets the time of the last change of a file or a folder, an instant as of [`rt_datetime_now`];
/// false, with the error recorded, if that is not possible or there is no such instant.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_set_modified(path: *const u8, len: i64, instant: i64) -> bool {
    succeeded(path_argument(path, len).and_then(|path| {
        let distance = Duration::from_millis(instant.unsigned_abs());
        let time = if instant >= 0 {
            UNIX_EPOCH.checked_add(distance)
        } else {
            UNIX_EPOCH.checked_sub(distance)
        };
        let time = time.filter(|_| instant != DATETIME_INVALID);
        let time = time.ok_or_else(|| Failure::new(ERR_ARGUMENT, "there is no such instant"))?;
        change_modified(&path, time).on(&path)
    }))
}

macro_rules! path_pair_actions {
    ($($(#[$meta:meta])* $name:ident($from:ident, $to:ident) => $action:expr;)+) => {$(
        $(#[$meta])*
        /// -1, with the error recorded, if that is not possible.
        ///
        /// # Safety
        /// Both paths are null or valid for reads of their lengths.
        #[no_mangle]
        pub unsafe extern "C" fn $name(
            $from: *const u8,
            from_len: i64,
            $to: *const u8,
            to_len: i64,
        ) -> i64 {
            let action: fn(&Path, &Path) -> Outcome<usize> = $action;
            let done = path_argument($from, from_len)
                .and_then(|first| action(&first, &path_argument($to, to_len)?));
            count_or_minus_one(done)
        }
    )+};
}

path_pair_actions! {
    /// Gives a file or a folder another path, within the same file system; a file that has it
    /// already is replaced. Returns 0.
    rt_fs_rename(from, to) => |from, to| fs::rename(from, to).on(from).map(|()| 0);
    /// Copies the content and the permissions of a file; one that exists is replaced, unless it is
    /// the same one. Returns the number of bytes.
    rt_fs_copy(from, to) => copy_one_file;
    /// Copies a folder with everything in it to a path that does not exist yet and is not in that
    /// folder. Symbolic links are copied as such. Returns the number of entries; what was copied
    /// before an error stays.
    rt_fs_copy_all(from, to) => copy_tree;
    /// Gives a file a second name. Returns 0.
    rt_fs_hard_link(from, to) => |from, to| fs::hard_link(from, to).on(to).map(|()| 0);
    /// Makes a symbolic link with the path `link` that leads to `target`, which need not exist.
    /// Returns 0. Only on Unix.
    rt_fs_symlink(target, link) => |target, link| make_symlink(target, link).on(link).map(|()| 0);
    /// Whether two paths lead to the same file or folder: 1 or 0.
    rt_fs_same_file(first, second) => |first, second| {
        same_file(first, second).on(first).map(usize::from)
    };
}

#[cfg(unix)]
fn make_symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn make_symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(unix)]
fn same_file(first: &Path, second: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (first, second) = (fs::metadata(first)?, fs::metadata(second)?);
    Ok((first.dev(), first.ino()) == (second.dev(), second.ino()))
}

#[cfg(not(unix))]
fn same_file(first: &Path, second: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(first)? == fs::canonicalize(second)?)
}

fn copy_one_file(from: &Path, to: &Path) -> Outcome<usize> {
    refuse_pipe(to)?;
    if !fs::metadata(from).on(from)?.is_file() {
        return Err(path_failure(from, "is no file"));
    }
    if same_file(from, to).unwrap_or(false) {
        return Err(path_failure(to, "is the same file"));
    }
    let bytes = fs::copy(from, to).on(to)?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn copy_tree(from: &Path, to: &Path) -> Outcome<usize> {
    if to.symlink_metadata().is_ok() {
        return Err(path_failure(to, "exists already"));
    }
    let around = to.parent().filter(|path| !path.as_os_str().is_empty());
    let around = fs::canonicalize(around.unwrap_or(Path::new("."))).on(to)?;
    if around.starts_with(fs::canonicalize(from).on(from)?) {
        return Err(path_failure(to, "is in the folder that is copied"));
    }
    let entries = walk_tree(from, usize::MAX, false)?;
    fs::create_dir(to).on(to)?;
    for entry in &entries {
        let (source, copy) = (from.join(&entry.relative), to.join(&entry.relative));
        match entry.kind {
            _ if entry.unread => return Err(path_failure(&source, "cannot be read")),
            KIND_FILE => copy_one_file(&source, &copy).map(drop)?,
            KIND_FOLDER => fs::create_dir(&copy).on(&copy)?,
            KIND_LINK => {
                let target = fs::read_link(&source).on(&source)?;
                make_symlink(&target, &copy).on(&copy)?;
            }
            _ => return Err(path_failure(&source, "is neither file, folder nor link")),
        }
    }
    // Last and from the inside out: a folder may be closed for writing.
    let folders = entries.iter().filter(|entry| entry.kind == KIND_FOLDER);
    for folder in folders.rev() {
        let source = from.join(&folder.relative);
        let permissions = fs::metadata(&source).on(&source)?.permissions();
        fs::set_permissions(to.join(&folder.relative), permissions).on(to)?;
    }
    Ok(entries.len())
}

/// What a path is: 1 a file, 2 a folder, 3 a symbolic link (which is not followed), 4 anything
/// else; 0 if there is nothing.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_kind(path: *const u8, len: i64) -> i64 {
    path_argument(path, len)
        .ok()
        .and_then(|path| path.symlink_metadata().ok())
        .map_or(0, |found| kind_of_file(found.file_type()))
}

/// The instant of a time of the system, rounded towards the past; `i64::MIN` if it does not fit.
fn instant_of(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(DATETIME_INVALID),
        Err(before) => {
            let millis = before.duration().as_nanos().div_ceil(1_000_000);
            i64::try_from(millis).map_or(DATETIME_INVALID, |millis| -millis)
        }
    }
}

/// The permission bits and the number of names.
#[cfg(unix)]
fn mode_and_links(found: &fs::Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    let links = i64::try_from(found.nlink()).unwrap_or(i64::MAX);
    (i64::from(found.mode() & 0o7777), links)
}

/// This system has no such bits, and does not tell the number of names.
#[cfg(not(unix))]
fn mode_and_links(_found: &fs::Metadata) -> (i64, i64) {
    (0, 1)
}

/// Writes what is known about a path to `out`, as many values as `cap` leaves room for: kind (as
/// for [`rt_fs_kind`]), size in bytes, the instants of the last change, the last access and the
/// creation (`i64::MIN` where the system does not know), the permission bits (0 where there are
/// none), the number of names, and 1 for read-only. A symbolic link is followed if `follow`.
///
/// Returns 8; -1, with the error recorded, if there is nothing, and for bad arguments.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`
/// `i64`s.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_metadata(
    path: *const u8,
    len: i64,
    follow: bool,
    out: *mut i64,
    cap: i64,
) -> i64 {
    let fields = path_argument(path, len).and_then(|path| {
        let found = if follow {
            fs::metadata(&path).on(&path)?
        } else {
            fs::symlink_metadata(&path).on(&path)?
        };
        Ok(metadata_fields(&found))
    });
    let fields = match fields {
        Ok(fields) => fields,
        Err(failure) => {
            failure.record();
            return -1;
        }
    };
    let Ok(cap) = usize::try_from(cap) else {
        return -1;
    };
    if out.is_null() && cap > 0 {
        return -1;
    }
    for (index, field) in fields.iter().take(cap).enumerate() {
        out.add(index).write(*field);
    }
    length_of(fields.len())
}

fn metadata_fields(found: &fs::Metadata) -> [i64; METADATA_FIELDS] {
    let instant = |time: io::Result<SystemTime>| time.map_or(DATETIME_INVALID, instant_of);
    let (mode, links) = mode_and_links(found);
    [
        kind_of_file(found.file_type()),
        i64::try_from(found.len()).unwrap_or(i64::MAX),
        instant(found.modified()),
        instant(found.accessed()),
        instant(found.created()),
        mode,
        links,
        i64::from(found.permissions().readonly()),
    ]
}

/// Sets the permission bits (0 to 0o7777) of a file or a folder; false, with the error recorded,
/// for any other number and if that is not possible. Only on Unix.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[cfg(unix)]
#[no_mangle]
pub unsafe extern "C" fn rt_fs_set_mode(path: *const u8, len: i64, mode: i64) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    succeeded(path_argument(path, len).and_then(|path| {
        let mode = u32::try_from(mode).ok().filter(|mode| *mode <= 0o7777);
        let mode = mode.ok_or_else(|| Failure::new(ERR_ARGUMENT, "these are no permissions"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).on(&path)
    }))
}

/// Sets the permission bits; always false, this system has none.
///
/// # Safety
/// None is needed here; it is unsafe for the sake of the other systems.
#[cfg(not(unix))]
#[no_mangle]
pub unsafe extern "C" fn rt_fs_set_mode(_path: *const u8, _len: i64, _mode: i64) -> bool {
    fail(ERR_IO, "this system has no permission bits");
    false
}

/// The names in a folder with their kinds, sorted by their bytes.
fn names_in(folder: &Path) -> io::Result<Vec<(OsString, i64)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type().map_or(KIND_OTHER, kind_of_file);
        names.push((entry.file_name(), kind));
    }
    names.sort_by_cached_key(|(name, _)| os_bytes(name));
    Ok(names)
}

/// The names in a folder, sorted, as an array of strings, with U+FFFD for what is not UTF-8 (see
/// [`rt_fs_list_raw`]); nil, with the error recorded, if the folder cannot be read.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_list(path: *const u8, len: i64) -> RuntimeValue {
    let names = path_argument(path, len).and_then(|path| names_in(&path).on(&path));
    value_or_nil(names.map(|names| {
        let strings = names.iter().map(|(name, _)| name.to_string_lossy());
        array_value(strings.map(|name| string_value(&name)).collect())
    }))
}

/// Copies the names in a folder to `out`, sorted, each as it is and with a NUL byte behind it.
/// Returns the full length; -1, with the error recorded, if the folder cannot be read.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_list_raw(path: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    match path_argument(path, len).and_then(|path| names_in(&path).on(&path)) {
        Ok(names) => {
            let mut text = Vec::new();
            for (name, _) in &names {
                text.extend_from_slice(&os_bytes(name));
                text.push(0);
            }
            copy_out(&text, out, cap)
        }
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// Something below the folder of a walk.
struct WalkEntry {
    /// Path from that folder.
    relative: PathBuf,
    kind: i64,
    depth: usize,
    /// A folder that could not be read.
    unread: bool,
}

/// The entries of one folder, the last first.
fn walk_step(root: &Path, relative: &Path, depth: usize) -> io::Result<Vec<WalkEntry>> {
    let names = names_in(&root.join(relative))?.into_iter().rev();
    let entry = |(name, kind): (OsString, i64)| WalkEntry {
        relative: relative.join(name),
        kind,
        depth,
        unread: false,
    };
    Ok(names.map(entry).collect())
}

/// Everything below a folder to some depth, each folder before what is in it. If links are
/// followed, a folder that was met before is not entered again, so that circles end.
fn walk_tree(root: &Path, max_depth: usize, follow: bool) -> Outcome<Vec<WalkEntry>> {
    let mut entries = Vec::new();
    let mut met = HashSet::new();
    if follow {
        met.insert(fs::canonicalize(root).on(root)?);
    }
    let mut pending = walk_step(root, Path::new(""), 1).on(root)?;
    if max_depth == 0 {
        return Ok(entries);
    }
    while let Some(mut entry) = pending.pop() {
        let path = root.join(&entry.relative);
        let mut first_visit = || match fs::canonicalize(&path) {
            Ok(real) => met.insert(real),
            Err(_) => false,
        };
        let enter = match entry.kind {
            KIND_FOLDER => !follow || first_visit(),
            KIND_LINK => follow && path.is_dir() && first_visit(),
            _ => false,
        };
        if enter && entry.depth < max_depth {
            match walk_step(root, &entry.relative, entry.depth + 1) {
                Ok(inside) => pending.extend(inside),
                Err(_) => entry.unread = true,
            }
        }
        entries.push(entry);
        if entries.len() + pending.len() > MAX_WALK {
            return Err(path_failure(root, "there are too many entries"));
        }
    }
    Ok(entries)
}

/// The paths of everything below a folder, seen from there, as an array of strings: each folder
/// before what is in it, otherwise sorted. `max_depth` 1 gives what is in the folder itself, a
/// negative one everything. Links are entered only if `follow`, each folder once, so that circles
/// end. A folder that cannot be read is listed and not entered.
///
/// Nil, with the error recorded, if the first folder cannot be read and for more than 2^20 entries.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_walk(
    path: *const u8,
    len: i64,
    max_depth: i64,
    follow: bool,
) -> RuntimeValue {
    let entries = path_argument(path, len).and_then(|path| {
        walk_tree(
            &path,
            usize::try_from(max_depth).unwrap_or(usize::MAX),
            follow,
        )
    });
    value_or_nil(entries.map(|entries| {
        let paths = entries.iter().map(|entry| path_text(&entry.relative));
        array_value(paths.map(|path| string_value(&path)).collect())
    }))
}

/// Size of a file, or of all files below a folder, in bytes, without following links; -1, with the
/// error recorded, if there is nothing, and as for [`rt_fs_walk`].
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_tree_size(path: *const u8, len: i64) -> i64 {
    let size = path_argument(path, len).and_then(|path| {
        let found = fs::symlink_metadata(&path).on(&path)?;
        if !found.is_dir() {
            return Ok(found.len());
        }
        let files = walk_tree(&path, usize::MAX, false)?.into_iter();
        let files = files.filter(|entry| entry.kind == KIND_FILE);
        // A file may go away meanwhile.
        let sizes = files.filter_map(|file| fs::symlink_metadata(path.join(file.relative)).ok());
        Ok(sizes.fold(0_u64, |sum, found| sum.saturating_add(found.len())))
    });
    count_or_minus_one(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
}

macro_rules! path_lookups {
    ($($(#[$meta:meta])* $name:ident => $lookup:expr;)+) => {$(
        $(#[$meta])*
        /// -1, with the error recorded, if there is none.
        ///
        /// # Safety
        /// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of
        /// `cap`.
        #[no_mangle]
        pub unsafe extern "C" fn $name(path: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
            let lookup: fn(&Path) -> io::Result<PathBuf> = $lookup;
            match path_argument(path, len).and_then(|path| lookup(&path).on(&path)) {
                Ok(found) => copy_out(&os_bytes(found.as_os_str()), out, cap),
                Err(failure) => {
                    failure.record();
                    -1
                }
            }
        }
    )+};
}

path_lookups! {
    /// Copies where a symbolic link leads, as it is written there, to `out`; the full length.
    rt_fs_read_link => |path| fs::read_link(path);
    /// Copies the one absolute path without links, `.` and `..` of something that exists to `out`;
    /// the full length. [`rt_path_absolute`] does not look at the disk.
    rt_fs_canonical => |path| fs::canonicalize(path);
}

/// Makes a folder for temporary files that nobody else uses, and gives its path as a string. Its
/// name begins with `prefix`. Nil, with the error recorded, for a prefix that cannot begin a name
/// and if the folder cannot be made. Whoever made it removes it, see [`rt_fs_remove_all`].
///
/// # Safety
/// `prefix` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_fs_temp_dir(prefix: *const u8, len: i64) -> RuntimeValue {
    let made = text_argument(prefix, len, "prefix").and_then(|prefix| {
        if prefix.is_empty() || prefix.contains(['/', '\\', '\0']) {
            return Err(Failure::new(ERR_ARGUMENT, "the prefix cannot begin a name"));
        }
        let path = env::temp_dir().join(format!("{prefix}{}", unique_suffix()));
        make_private_folder(&path).on(&path)?;
        Ok(string_value(&path_text(&path)))
    });
    value_or_nil(made)
}

/// Makes a folder that only its owner may enter.
#[cfg(unix)]
fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Makes a folder; the one for temporary files belongs to the user here.
#[cfg(not(unix))]
fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

// ===========================================================================
// Base64 (RFC 4648)
// ===========================================================================

const BASE64_STD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Returned by the decoders for text that is not Base64.
const BASE64_MALFORMED: i64 = -2;

fn base64_text(data: &[u8], alphabet: &[u8; 64], padded: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let mut group = [0u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for sextet in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * sextet)) & 0x3f;
            text.push(alphabet[index as usize]);
        }
        if padded {
            text.resize(text.len() + 3 - chunk.len(), b'=');
        }
    }
    text
}

/// Strict decoding: no white space, padding all there (or, if not `padded`, none needed), and the
/// unused low bits of the last sextet zero, so that each value has exactly one spelling.
fn base64_bytes(text: &[u8], alphabet: &[u8; 64], padded: bool) -> Option<Vec<u8>> {
    let mut reverse = [0xffu8; 256];
    for (value, symbol) in alphabet.iter().enumerate() {
        reverse[usize::from(*symbol)] = value as u8;
    }
    let body = match text.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            // Padding, where it stands, fills the last group of four exactly.
            let pads = text.len() - at;
            let right = text.len() % 4 == 0 && pads <= 2 && text[at..].iter().all(|b| *b == b'=');
            if !right {
                return None;
            }
            &text[..at]
        }
        None if padded && text.len() % 4 != 0 => return None,
        None => text,
    };
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3 + 2);
    for group in body.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0u32;
        for symbol in group {
            let value = reverse[usize::from(*symbol)];
            if value == 0xff {
                return None;
            }
            bits = (bits << 6) | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let whole = group.len() - 1;
        let all = bits.to_be_bytes();
        if all[1 + whole..].iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(&all[1..1 + whole]);
    }
    Some(bytes)
}

/// Encodes bytes as standard, padded Base64. Returns the full length of the text, or -1 for bad
/// arguments; at most `cap` bytes are written to `out`.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_base64_encode(
    data: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    match bytes_from_raw(data, len) {
        Some(bytes) => copy_out(&base64_text(bytes, BASE64_STD, true), out, cap),
        None => -1,
    }
}

/// Decodes standard, padded Base64. Returns the number of bytes, -1 for bad arguments and -2 for
/// malformed text; at most `cap` bytes are written to `out`.
///
/// # Safety
/// `text` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_base64_decode(
    text: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let Some(text) = bytes_from_raw(text, len) else {
        return -1;
    };
    match base64_bytes(text, BASE64_STD, true) {
        Some(bytes) => copy_out(&bytes, out, cap),
        None => BASE64_MALFORMED,
    }
}

/// Encodes bytes with the URL- and file-name-safe alphabet and without padding; otherwise as
/// [`rt_base64_encode`].
///
/// # Safety
/// `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_base64_url_encode(
    data: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    match bytes_from_raw(data, len) {
        Some(bytes) => copy_out(&base64_text(bytes, BASE64_URL, false), out, cap),
        None => -1,
    }
}

/// Decodes URL-safe Base64, padded or not; otherwise as [`rt_base64_decode`].
///
/// # Safety
/// `text` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_base64_url_decode(
    text: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let Some(text) = bytes_from_raw(text, len) else {
        return -1;
    };
    match base64_bytes(text, BASE64_URL, false) {
        Some(bytes) => copy_out(&bytes, out, cap),
        None => BASE64_MALFORMED,
    }
}

/// Length of the text that [`rt_base64_encode`] gives for `len` bytes; -1 if `len` is negative or
/// the length does not fit.
#[no_mangle]
#[must_use]
pub extern "C" fn rt_base64_encoded_len(len: i64) -> i64 {
    if len < 0 {
        return -1;
    }
    let groups = len / 3 + i64::from(len % 3 != 0);
    groups.checked_mul(4).unwrap_or(-1)
}

/// Whether the text is well-formed standard, padded Base64.
///
/// # Safety
/// `text` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_base64_is_valid(text: *const u8, len: i64) -> bool {
    bytes_from_raw(text, len).is_some_and(|text| base64_bytes(text, BASE64_STD, true).is_some())
}

// ===========================================================================
// Paths
// ===========================================================================
//
// Pure text: nothing here looks at the disk, and only `rt_path_absolute` and `rt_path_expand_home`
// ask the environment. A path is any bytes; the separator is `/`, on Windows also `\`.

const PATH_SEPARATOR: u8 = std::path::MAIN_SEPARATOR as u8;

#[inline]
fn is_separator(byte: u8) -> bool {
    byte == b'/' || cfg!(windows) && byte == b'\\'
}

/// Length of the separators that a path begins with.
#[cfg(unix)]
fn root_length(path: &[u8]) -> usize {
    path.iter().take_while(|byte| is_separator(**byte)).count()
}

/// Length of the separators that a path begins with, a drive before them included.
#[cfg(not(unix))]
fn root_length(path: &[u8]) -> usize {
    let drive = match path {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => 2,
        _ => 0,
    };
    let rest = path[drive..].iter();
    match rest.take_while(|byte| is_separator(**byte)).count() {
        0 => 0,
        separators => drive + separators,
    }
}

/// The root of an absolute path with one separator; nothing for a relative one.
fn root_of(path: &[u8]) -> &[u8] {
    let root = &path[..root_length(path)];
    let end = root.iter().position(|byte| is_separator(*byte));
    &root[..end.map_or(0, |at| at + 1)]
}

/// The names in a path, `.` and `..` among them.
fn names_of(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path[root_length(path)..]
        .split(|byte| is_separator(*byte))
        .filter(|name| !name.is_empty())
}

fn path_name(path: &[u8]) -> &[u8] {
    names_of(path).next_back().unwrap_or_default()
}

/// The path without its last name, and without the separators around that.
fn path_folder(path: &[u8]) -> &[u8] {
    let root = root_length(path);
    let trimmed = |end: usize| {
        let body = &path[root..end];
        let last = body.iter().rposition(|byte| !is_separator(*byte));
        root + last.map_or(0, |at| at + 1)
    };
    let end = trimmed(path.len());
    let name = path[root..end].iter().rposition(|byte| is_separator(*byte));
    match trimmed(name.map_or(root, |at| root + at)) {
        end if end > root => &path[..end],
        _ => root_of(path),
    }
}

/// A name as stem and extension. Dots at its beginning belong to the stem.
fn name_parts(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    let dots = name.iter().take_while(|byte| **byte == b'.').count();
    match name[dots..].iter().rposition(|byte| *byte == b'.') {
        Some(at) => (&name[..dots + at], Some(&name[dots + at + 1..])),
        None => (name, None),
    }
}

fn joined(folder: &[u8], path: &[u8]) -> Vec<u8> {
    if folder.is_empty() || root_length(path) > 0 {
        return path.to_vec();
    }
    let mut all = folder.to_vec();
    if !path.is_empty() {
        if folder.last().is_some_and(|last| !is_separator(*last)) {
            all.push(PATH_SEPARATOR);
        }
        all.extend_from_slice(path);
    }
    all
}

/// The names that remain when `.` and `..` are worked out.
fn normal_names(path: &[u8]) -> Vec<&[u8]> {
    let relative = root_length(path) == 0;
    let mut names: Vec<&[u8]> = Vec::new();
    for name in names_of(path) {
        match name {
            b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            // There is nothing above the root.
            b".." if !relative => {}
            _ => names.push(name),
        }
    }
    names
}

fn path_from_names(root: &[u8], names: &[&[u8]]) -> Vec<u8> {
    if root.is_empty() && names.is_empty() {
        return b".".to_vec();
    }
    [root, &names.join(&PATH_SEPARATOR)].concat()
}

macro_rules! path_functions {
    ($($(#[$meta:meta])* $name:ident($path:ident) => $result:expr;)+) => {$(
        $(#[$meta])*
        /// Returns the full length; -1 for bad arguments.
        ///
        /// # Safety
        /// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of
        /// `cap`.
        #[no_mangle]
        pub unsafe extern "C" fn $name(path: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
            match bytes_from_raw(path, len) {
                Some($path) => copy_out($result.as_ref(), out, cap),
                None => -1,
            }
        }
    )+};
}

path_functions! {
    /// Copies the last name of a path to `out`: `b` of `a/b` and of `a/b/`, nothing of `/`.
    rt_path_basename(path) => path_name(path);
    /// Copies a path without its last name to `out`: `a` of `a/b/`, `/` of `/a` and of `/`, nothing
    /// of `a`. [`rt_path_join`] with the last name leads to the same file again.
    rt_path_dirname(path) => path_folder(path);
    /// Copies the extension of the last name, without its dot, to `out`: `gz` of `a.tar.gz`, nothing
    /// of `.profile`, `..` and `a.`.
    rt_path_ext(path) => name_parts(path_name(path)).1.unwrap_or_default();
    /// Copies the last name without its extension to `out`: `a.tar` of `b/a.tar.gz`, `.profile` of
    /// `.profile`.
    rt_path_stem(path) => name_parts(path_name(path)).0;
    /// Copies a path without `.`, `..` and separators too many to `out`: `b` of `a/../b//`, `.` of
    /// nothing. It is taken literally: where `a` is a link, `a/..` may lead elsewhere, see
    /// [`rt_fs_canonical`].
    rt_path_normalise(path) => path_from_names(root_of(path), &normal_names(path));
}

/// Copies a path as it is seen from the folder `base` to `out`: the other one if that is absolute.
/// Returns the full length; -1 for bad arguments.
///
/// # Safety
/// `base` and `path` are null or valid for reads of their lengths, `out` null or valid for writes
/// of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_join(
    base: *const u8,
    base_len: i64,
    path: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    match (bytes_from_raw(base, base_len), bytes_from_raw(path, len)) {
        (Some(base), Some(path)) => copy_out(&joined(base, path), out, cap),
        _ => -1,
    }
}

/// Whether a path does not depend on the working directory. False for a path that is not readable.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_is_absolute(path: *const u8, len: i64) -> bool {
    bytes_from_raw(path, len).is_some_and(|path| root_length(path) > 0)
}

/// Copies the path, seen from the working directory and normalised, to `out`. Returns the full
/// length; -1 for an empty path, bad arguments, and if the working directory cannot be told.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_path_absolute(
    path: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let Some(path) = bytes_from_raw(path, len).filter(|path| !path.is_empty()) else {
        return -1;
    };
    let mut path = path.to_vec();
    if root_length(&path) == 0 {
        let Ok(folder) = env::current_dir() else {
            return -1;
        };
        path = joined(&os_bytes(folder.as_os_str()), &path);
    }
    let path = path_from_names(root_of(&path), &normal_names(&path));
    copy_out(&path, out, cap)
}

/// Copies the way from the folder `base` to a path to `out`: `../b` from `a` to `b`. Both are taken
/// literally and normalised. Returns the full length; -1 if only one is absolute, if the way would
/// have to lead down from a `..`, and for bad arguments.
///
/// # Safety
/// `path` and `base` are null or valid for reads of their lengths, `out` null or valid for writes
/// of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_relative(
    path: *const u8,
    len: i64,
    base: *const u8,
    base_len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let (Some(path), Some(base)) = (bytes_from_raw(path, len), bytes_from_raw(base, base_len))
    else {
        return -1;
    };
    if root_of(path) != root_of(base) {
        return -1;
    }
    let (names, from) = (normal_names(path), normal_names(base));
    let common = names.iter().zip(&from).take_while(|(a, b)| a == b).count();
    if from[common..].contains(&&b".."[..]) {
        return -1;
    }
    let mut way = vec![&b".."[..]; from.len() - common];
    way.extend_from_slice(&names[common..]);
    copy_out(&path_from_names(b"", &way), out, cap)
}

/// Copies a path with another extension to `out`; an empty one takes it away, and a dot before it
/// may be left out. Returns the full length; -1 for a path without a name (`/`, `..`), for an
/// extension with a separator, and for bad arguments.
///
/// # Safety
/// `path` and `ext` are null or valid for reads of their lengths, `out` null or valid for writes of
/// `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_with_ext(
    path: *const u8,
    len: i64,
    ext: *const u8,
    ext_len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let (Some(path), Some(ext)) = (bytes_from_raw(path, len), bytes_from_raw(ext, ext_len)) else {
        return -1;
    };
    let ext = ext.strip_prefix(b".").unwrap_or(ext);
    let (stem, _) = name_parts(path_name(path));
    match renamed(
        path,
        &[stem, if ext.is_empty() { b"" } else { b"." }, ext].concat(),
    ) {
        Some(path) => copy_out(&path, out, cap),
        None => -1,
    }
}

/// Copies a path with another last name to `out`. Returns the full length; -1 for a path without a
/// name (`/`, `..`), for a new name that is none, and for bad arguments.
///
/// # Safety
/// `path` and `name` are null or valid for reads of their lengths, `out` null or valid for writes
/// of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_with_name(
    path: *const u8,
    len: i64,
    name: *const u8,
    name_len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let (Some(path), Some(name)) = (bytes_from_raw(path, len), bytes_from_raw(name, name_len))
    else {
        return -1;
    };
    match renamed(path, name) {
        Some(path) => copy_out(&path, out, cap),
        None => -1,
    }
}

fn renamed(path: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
    let whole = !name.iter().any(|byte| is_separator(*byte) || *byte == 0);
    (whole && is_name(name) && is_name(path_name(path))).then(|| joined(path_folder(path), name))
}

/// Whether a path lies in a folder, or is that folder: name by name, so `ab` is not in `a`. Both
/// are taken literally. False for bad arguments.
///
/// # Safety
/// `path` and `folder` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_path_starts_with(
    path: *const u8,
    len: i64,
    folder: *const u8,
    folder_len: i64,
) -> bool {
    let (Some(path), Some(folder)) = (
        bytes_from_raw(path, len),
        bytes_from_raw(folder, folder_len),
    ) else {
        return false;
    };
    let mut names = names_of(path);
    root_of(path) == root_of(folder) && names_of(folder).all(|name| names.next() == Some(name))
}

/// Number of names in a path, `.` and `..` among them; -1 for a path that is not readable.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_path_component_count(path: *const u8, len: i64) -> i64 {
    bytes_from_raw(path, len).map_or(-1, |path| length_of(names_of(path).count()))
}

/// Copies one of the names in a path, counted from 0, to `out`. Returns the full length; -1 if
/// there is none, and for bad arguments.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_path_component(
    path: *const u8,
    len: i64,
    index: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let name = bytes_from_raw(path, len)
        .zip(usize::try_from(index).ok())
        .and_then(|(path, index)| names_of(path).nth(index));
    name.map_or(-1, |name| copy_out(name, out, cap))
}

/// Copies a path to `out`, with the user's home directory (see [`rt_env_home`]) for a `~` that is
/// its first name. Returns the full length; -1 for bad arguments, and if no home is set.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_path_expand_home(
    path: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let Some(path) = bytes_from_raw(path, len) else {
        return -1;
    };
    match path {
        [b'~'] => rt_env_home(out, cap),
        [b'~', next, rest @ ..] if is_separator(*next) => {
            let home_len = rt_env_home(std::ptr::null_mut(), 0);
            let mut home = vec![0; usize::try_from(home_len).unwrap_or(0)];
            // The variable may have changed between the calls.
            if home_len < 0 || rt_env_home(home.as_mut_ptr(), home_len) != home_len {
                return -1;
            }
            let rest = &rest[root_length(rest)..];
            copy_out(&joined(&home, rest), out, cap)
        }
        _ => copy_out(path, out, cap),
    }
}

/// The byte that separates names on this system.
#[no_mangle]
pub extern "C" fn rt_path_separator() -> i64 {
    i64::from(PATH_SEPARATOR)
}

// ===========================================================================
// Environment
// ===========================================================================

#[cfg(unix)]
fn os_bytes(text: &OsStr) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes().to_vec()
}

#[cfg(not(unix))]
fn os_bytes(text: &OsStr) -> Vec<u8> {
    text.to_string_lossy().into_owned().into_bytes()
}

/// A name that the system can hold: not empty, no `=`, no NUL.
unsafe fn env_name<'a>(name: *const u8, len: i64) -> Option<&'a str> {
    str_from_raw(name, len).filter(|name| !name.is_empty() && !name.contains(['=', '\0']))
}

/// All variables as (name, value), sorted by name.
fn env_sorted() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all: Vec<_> = env::vars_os()
        .map(|(name, value)| (os_bytes(&name), os_bytes(&value)))
        .collect();
    all.sort();
    all
}

/// Copies the value of an environment variable to `out` and returns its full length; -1 if it is
/// not set or the name cannot be one.
///
/// # Safety
/// `name` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_env_get(name: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    match env_name(name, len).and_then(env::var_os) {
        Some(value) => copy_out(&os_bytes(&value), out, cap),
        None => -1,
    }
}

/// Whether an environment variable is set (to anything, the empty string included).
///
/// # Safety
/// `name` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_has(name: *const u8, len: i64) -> bool {
    env_name(name, len).and_then(env::var_os).is_some()
}

/// Sets an environment variable of this process. False if the name is empty or holds `=` or NUL,
/// the value holds NUL, or either is not UTF-8.
///
/// # Safety
/// `name` and `value` must be null or point to as many readable bytes as given. No other thread
/// may read the environment outside this library meanwhile.
#[no_mangle]
pub unsafe extern "C" fn rt_env_set(
    name: *const u8,
    name_len: i64,
    value: *const u8,
    value_len: i64,
) -> bool {
    let (Some(name), Some(value)) = (env_name(name, name_len), str_from_raw(value, value_len))
    else {
        return false;
    };
    if value.contains('\0') {
        return false;
    }
    env::set_var(name, value);
    true
}

/// Removes an environment variable. True if it was set before.
///
/// # Safety
/// As for [`rt_env_set`].
#[no_mangle]
pub unsafe extern "C" fn rt_env_unset(name: *const u8, len: i64) -> bool {
    match env_name(name, len) {
        Some(name) if env::var_os(name).is_some() => {
            env::remove_var(name);
            true
        }
        _ => false,
    }
}

/// Number of environment variables.
#[no_mangle]
pub extern "C" fn rt_env_count() -> i64 {
    env::vars_os().count() as i64
}

/// Copies the whole environment to `out`, sorted, as `NAME=value` entries that each end in a NUL
/// byte. Returns the full length, or -1 for bad arguments.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_list(out: *mut u8, cap: i64) -> i64 {
    let mut text = Vec::new();
    for (name, value) in env_sorted() {
        text.extend_from_slice(&name);
        text.push(b'=');
        text.extend_from_slice(&value);
        text.push(0);
    }
    copy_out(&text, out, cap)
}

/// Copies the working directory to `out` and returns its full length; -1 if it cannot be told.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_cwd(out: *mut u8, cap: i64) -> i64 {
    match env::current_dir() {
        Ok(path) => copy_out(&os_bytes(path.as_os_str()), out, cap),
        Err(_) => -1,
    }
}

/// Changes the working directory of the process. False if that is not possible.
///
/// # Safety
/// `path` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_set_cwd(path: *const u8, len: i64) -> bool {
    str_from_raw(path, len).is_some_and(|path| env::set_current_dir(path).is_ok())
}

/// Copies the user's home directory to `out` and returns its full length; -1 if none is set.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_home(out: *mut u8, cap: i64) -> i64 {
    let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    match env::var_os(variable).filter(|home| !home.is_empty()) {
        Some(home) => copy_out(&os_bytes(&home), out, cap),
        None => -1,
    }
}

/// Copies the directory for temporary files to `out` and returns its full length.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_env_temp_dir(out: *mut u8, cap: i64) -> i64 {
    copy_out(&os_bytes(env::temp_dir().as_os_str()), out, cap)
}

// ===========================================================================
// Processes
// ===========================================================================

/// Longest that one call waits for a process: a day.
const MAX_PROCESS_WAIT_MS: i64 = 86_400_000;

/// Most bytes that are kept of each output of a process.
const MAX_PROCESS_OUTPUT: i64 = 1 << 26;

static PROCESSES: HandleTable<Arc<ChildProcess>> = HandleTable::new();

/// Children that may have ended without anyone asking; swept when another one is started.
static UNREAPED: Mutex<Vec<Arc<ChildProcess>>> = Mutex::new(Vec::new());

/// A process that was started here. Only such a one is ever killed.
struct ChildProcess {
    id: u32,
    child: Mutex<Child>,
}

impl ChildProcess {
    fn start(command: &mut Command) -> Outcome<Arc<Self>> {
        let child = command.spawn()?;
        let child = Arc::new(Self {
            id: child.id(),
            child: Mutex::new(child),
        });
        let mut unreaped = lock(&UNREAPED);
        unreaped.retain(|other| matches!(other.status(), Ok(None)));
        unreaped.push(child.clone());
        Ok(child)
    }

    /// The status of a process that has ended, which is reaped by that.
    fn status(&self) -> Outcome<Option<i64>> {
        Ok(lock(&self.child).try_wait()?.map(exit_code))
    }

    /// The exit code, `None` if the process runs on at the deadline (without one, it is awaited).
    fn wait_until(&self, deadline: Option<Instant>) -> Outcome<Option<i64>> {
        let mut pause = Duration::from_micros(200);
        loop {
            if let Some(code) = self.status()? {
                return Ok(Some(code));
            }
            // The child is not locked meanwhile: another thread may kill it.
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Ok(None),
                Some(left) => thread::sleep(pause.min(left)),
                None => thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    /// Ends the process; false if it had ended.
    fn kill(&self) -> bool {
        let mut child = lock(&self.child);
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        child.kill().is_ok() && child.wait().is_ok()
    }
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt;
    let by_signal = status.signal().map(|signal| 128 + signal);
    status.code().or(by_signal).map_or(-1, i64::from)
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i64 {
    // Without the sign, which would make an exit code look like an error.
    status.code().map_or(-1, |code| i64::from(code as u32))
}

/// A command with these arguments, which reads nothing.
unsafe fn command_from_raw(
    program: *const u8,
    len: i64,
    arguments: RuntimeValue,
) -> Outcome<Command> {
    let mut command = Command::new(text_argument(program, len, "program")?);
    if !arguments.is_nil() {
        command.args(texts_of_array(arguments)?);
    }
    command.stdin(Stdio::null());
    Ok(command)
}

fn process_of(handle: Handle) -> Outcome<Arc<ChildProcess>> {
    match PROCESSES.get(handle) {
        Some(process) => Ok(Arc::clone(&process)),
        None => Err(Failure::new(
            ERR_ARGUMENT,
            format!("{handle} is no handle of a process"),
        )),
    }
}

fn process_deadline(timeout_ms: i64) -> Outcome<Instant> {
    if !(0..=MAX_PROCESS_WAIT_MS).contains(&timeout_ms) {
        let message = format!("{timeout_ms} ms is not within 0 ..= {MAX_PROCESS_WAIT_MS}");
        return Err(Failure::new(ERR_ARGUMENT, message));
    }
    Ok(Instant::now() + Duration::from_millis(timeout_ms as u64))
}

// The number, or -1 with the failure recorded.
fn number_or_minus_one(outcome: Outcome<i64>) -> i64 {
    outcome.unwrap_or_else(|failure| {
        failure.record();
        -1
    })
}

/// Runs a program with an array of strings as arguments (nil for none), waits for its end however
/// long that takes, and gives its exit code; 128 and the signal for one that was killed by it.
///
/// The program shares the output of this process and has nothing to read. -1 with the error
/// recorded if it cannot be started or an argument is no string.
///
/// # Safety
/// `program` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_process_run(
    program: *const u8,
    len: i64,
    arguments: RuntimeValue,
) -> i64 {
    number_or_minus_one(
        command_from_raw(program, len, arguments).and_then(|mut command| {
            let code = ChildProcess::start(&mut command)?.wait_until(None)?;
            Ok(code.unwrap_or(-1))
        }),
    )
}

/// Starts a program as [`rt_process_run`] does and gives a handle at once, to be freed with
/// [`rt_process_free`]; -1 with the error recorded if that fails.
///
/// # Safety
/// `program` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_process_spawn(
    program: *const u8,
    len: i64,
    arguments: RuntimeValue,
) -> Handle {
    number_or_minus_one(
        command_from_raw(program, len, arguments).and_then(|mut command| {
            let child = ChildProcess::start(&mut command)?;
            let handle = PROCESSES.insert(child.clone());
            if handle < 0 {
                child.kill();
            }
            Ok(handle)
        }),
    )
}

/// Waits for a process and gives its exit code, as often as asked; -2 if it still runs after the
/// time, -1 with the error recorded for a stale handle and a time not within 0 ..= 86,400,000 ms.
#[no_mangle]
pub extern "C" fn rt_process_wait(process: Handle, timeout_ms: i64) -> i64 {
    number_or_minus_one(process_of(process).and_then(|process| {
        let code = process.wait_until(Some(process_deadline(timeout_ms)?))?;
        Ok(code.unwrap_or(-2))
    }))
}

/// Reads one output of a process to its end, or to one byte more than the limit.
fn read_output(mut stream: impl io::Read, limit: usize) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    while bytes.len() <= limit {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                if bytes.try_reserve(count).is_err() {
                    return Err(Failure::new(ERR_MEMORY, "no room for the output"));
                }
                bytes.extend_from_slice(&chunk[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if bytes.len() > limit {
        let message = format!("the program wrote more than {limit} bytes");
        return Err(Failure::new(ERR_IO, message));
    }
    Ok(bytes)
}

/// Exit code and both outputs of a process; who calls ends it when this fails.
fn gather_output(
    process: &ChildProcess,
    deadline: Instant,
    limit: usize,
) -> Outcome<(i64, [Vec<u8>; 2])> {
    let too_late = || Failure::new(ERR_IO, "the program did not end in time");
    let (out, err) = {
        let mut child = lock(&process.child);
        (child.stdout.take(), child.stderr.take())
    };
    let (Some(out), Some(err)) = (out, err) else {
        return Err(Failure::new(ERR_IO, "the program has no output"));
    };
    // The readers are not joined: a grandchild may keep an output open after the deadline.
    let (sender, results) = mpsc::channel();
    let other = sender.clone();
    thread::Builder::new().spawn(move || other.send((STREAM_OUT, read_output(out, limit))))?;
    thread::Builder::new().spawn(move || sender.send((STREAM_ERR, read_output(err, limit))))?;
    let mut outputs = [Vec::new(), Vec::new()];
    for _ in 0..outputs.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        let (stream, bytes) = results.recv_timeout(left).map_err(|_| too_late())?;
        outputs[stream] = bytes?;
    }
    let code = process.wait_until(Some(deadline))?.ok_or_else(too_late)?;
    Ok((code, outputs))
}

/// Runs a program as [`rt_process_run`] does and gives a tuple of its exit code and what it wrote
/// to its two outputs, as strings (with U+FFFD for what is not UTF-8).
///
/// Nil with the error recorded if it cannot be started, does not end within the time (0 ..=
/// 86,400,000 ms) or writes more than `limit` bytes (0 ..= 2^26) to an output; then it is killed.
///
/// # Safety
/// `program` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_process_output(
    program: *const u8,
    len: i64,
    arguments: RuntimeValue,
    timeout_ms: i64,
    limit: i64,
) -> RuntimeValue {
    value_or_nil(
        command_from_raw(program, len, arguments).and_then(|mut command| {
            let deadline = process_deadline(timeout_ms)?;
            if !(0..=MAX_PROCESS_OUTPUT).contains(&limit) {
                let message = format!("limit {limit} is not within 0 ..= {MAX_PROCESS_OUTPUT}");
                return Err(Failure::new(ERR_ARGUMENT, message));
            }
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let process = ChildProcess::start(&mut command)?;
            let gathered = gather_output(&process, deadline, limit as usize);
            if gathered.is_err() {
                process.kill();
            }
            let (code, [out, err]) = gathered?;
            let tuple = rt_tuple_new(3);
            rt_tuple_set(tuple, 0, RuntimeValue::from_int(code));
            for (index, bytes) in [(1, out), (2, err)] {
                let text = store::string_value(&String::from_utf8_lossy(&bytes));
                rt_tuple_set(tuple, index, text);
            }
            Ok(tuple)
        }),
    )
}

/// Kills a process and reaps it; false if it had ended already, and for a stale handle.
#[no_mangle]
pub extern "C" fn rt_process_kill(process: Handle) -> bool {
    process_of(process).is_ok_and(|process| process.kill())
}

/// The system's number of a process; -1 for a stale handle. After the end of the process the
/// system may give the number to another one.
#[no_mangle]
pub extern "C" fn rt_process_id(process: Handle) -> i64 {
    process_of(process).map_or(-1, |process| i64::from(process.id))
}

/// Whether a process still runs; false for a stale handle.
#[no_mangle]
pub extern "C" fn rt_process_is_running(process: Handle) -> bool {
    process_of(process).is_ok_and(|process| matches!(process.status(), Ok(None)))
}

/// Frees a handle; a process that still runs is killed, and in any case it is reaped. False for a
/// handle that is stale already.
#[no_mangle]
pub extern "C" fn rt_process_free(process: Handle) -> bool {
    match PROCESSES.remove(process) {
        Some(process) => {
            process.kill();
            true
        }
        None => false,
    }
}

// ===========================================================================
// Date and time: UTC, proleptic Gregorian calendar, no leap seconds
// ===========================================================================
//
// An instant is a number of milliseconds since 1970-01-01T00:00:00Z. Every i64 but the smallest
// is one; years are astronomical (the year before 1 is 0).

/// Returned where there is no instant, and for a difference that does not exist or fit.
const DATETIME_INVALID: i64 = i64::MIN;
const MS_PER_SECOND: i64 = 1_000;
const MS_PER_MINUTE: i64 = 60 * MS_PER_SECOND;
const MS_PER_HOUR: i64 = 60 * MS_PER_MINUTE;
const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;
/// Years outside plus or minus this cannot be instants.
const DATETIME_YEAR_LIMIT: i64 = 292_300_000;

const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[derive(Clone, Copy)]
struct DateParts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
    /// ISO: Monday is 1, Sunday 7.
    weekday: i64,
    /// 1 for the first of January.
    yearday: i64,
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 0 for a month that does not exist.
const fn month_length(year: i64, month: i64) -> i64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date (year, month, day) so many days from 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn split_instant(instant: i64) -> Option<DateParts> {
    if instant == DATETIME_INVALID {
        return None;
    }
    let days = instant.div_euclid(MS_PER_DAY);
    let rest = instant.rem_euclid(MS_PER_DAY);
    let (year, month, day) = civil_from_days(days);
    Some(DateParts {
        year,
        month,
        day,
        hour: rest / MS_PER_HOUR,
        minute: rest / MS_PER_MINUTE % 60,
        second: rest / MS_PER_SECOND % 60,
        millisecond: rest % 1_000,
        // 1970-01-01 was a Thursday.
        weekday: (days + 3).rem_euclid(7) + 1,
        yearday: days - days_from_civil(year, 1, 1) + 1,
    })
}

/// The instant of a date and a time within its day, each checked against its range.
fn join_instant(date: (i64, i64, i64), time: (i64, i64, i64, i64)) -> Option<i64> {
    let (year, month, day) = date;
    let (hour, minute, second, millisecond) = time;
    let right = (-DATETIME_YEAR_LIMIT..=DATETIME_YEAR_LIMIT).contains(&year)
        && (1..=month_length(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..1_000).contains(&millisecond);
    if !right {
        return None;
    }
    let in_day = hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND + millisecond;
    // In i128: a day that begins just before the first instant may still hold some.
    let instant =
        i128::from(days_from_civil(year, month, day)) * i128::from(MS_PER_DAY) + i128::from(in_day);
    i64::try_from(instant)
        .ok()
        .filter(|i| *i != DATETIME_INVALID)
}

/// The same time of day `months` later; the day is held within the new month.
fn shift_months(instant: i64, months: i64) -> Option<i64> {
    let parts = split_instant(instant)?;
    let total = (parts.year * 12 + parts.month - 1).checked_add(months)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let day = parts.day.min(month_length(year, month));
    join_instant(
        (year, month, day),
        (parts.hour, parts.minute, parts.second, parts.millisecond),
    )
}

/// Milliseconds in a unit of fixed length: 0 millisecond, 1 second, 2 minute, 3 hour, 4 day, 5 week.
fn fixed_unit(unit: i64) -> Option<i64> {
    match unit {
        0 => Some(1),
        1 => Some(MS_PER_SECOND),
        2 => Some(MS_PER_MINUTE),
        3 => Some(MS_PER_HOUR),
        4 => Some(MS_PER_DAY),
        5 => Some(7 * MS_PER_DAY),
        _ => None,
    }
}

/// Months in a unit of calendar length: 6 month, 7 year.
fn calendar_unit(unit: i64) -> Option<i64> {
    match unit {
        6 => Some(1),
        7 => Some(12),
        _ => None,
    }
}

/// The present instant by the system's clock.
#[no_mangle]
pub extern "C" fn rt_datetime_now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        // A clock before 1970: count down, rounding towards the past.
        Err(before) => {
            let nanos = before.duration().as_nanos();
            let millis = nanos.div_ceil(1_000_000);
            i64::try_from(millis).map_or(DATETIME_INVALID + 1, |ms| -ms)
        }
    }
}

/// The instant of a date and time. `i64::MIN` if there is no such date or time.
#[no_mangle]
pub extern "C" fn rt_datetime_from_parts(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
) -> i64 {
    join_instant((year, month, day), (hour, minute, second, millisecond))
        .unwrap_or(DATETIME_INVALID)
}

/// Writes year, month, day, hour, minute, second, millisecond, ISO weekday and day of the year to
/// `out`, as many as `cap` leaves room for. Returns 9, or -1 for bad arguments or `i64::MIN`.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable `i64`s.
#[no_mangle]
pub unsafe extern "C" fn rt_datetime_parts(instant: i64, out: *mut i64, cap: i64) -> i64 {
    let (Some(parts), Ok(cap)) = (split_instant(instant), usize::try_from(cap)) else {
        return -1;
    };
    if out.is_null() && cap > 0 {
        return -1;
    }
    let all = [
        parts.year,
        parts.month,
        parts.day,
        parts.hour,
        parts.minute,
        parts.second,
        parts.millisecond,
        parts.weekday,
        parts.yearday,
    ];
    for (index, part) in all.iter().take(cap).enumerate() {
        out.add(index).write(*part);
    }
    all.len() as i64
}

/// Defines an exported getter for one field of [`DateParts`] a line.
macro_rules! datetime_getters {
    ($($(#[$doc:meta])* $name:ident => $field:ident;)+) => {
        $(
            $(#[$doc])*
            #[no_mangle]
            pub extern "C" fn $name(instant: i64) -> i64 {
                split_instant(instant).map_or(DATETIME_INVALID, |parts| parts.$field)
            }
        )+
    };
}

datetime_getters! {
    /// The year of an instant; `i64::MIN` if it is none.
    rt_datetime_year => year;
    /// The month, 1 to 12; `i64::MIN` if it is no instant.
    rt_datetime_month => month;
    /// The day of the month, from 1; `i64::MIN` if it is no instant.
    rt_datetime_day => day;
    /// The hour, 0 to 23; `i64::MIN` if it is no instant.
    rt_datetime_hour => hour;
    /// The minute; `i64::MIN` if it is no instant.
    rt_datetime_minute => minute;
    /// The second; `i64::MIN` if it is no instant.
    rt_datetime_second => second;
    /// The ISO weekday, Monday 1 to Sunday 7; `i64::MIN` if it is no instant.
    rt_datetime_weekday => weekday;
    /// The day of the year, from 1; `i64::MIN` if it is no instant.
    rt_datetime_yearday => yearday;
}

/// Whether the year is a leap year of the (proleptic) Gregorian calendar.
#[no_mangle]
pub extern "C" fn rt_datetime_is_leap_year(year: i64) -> bool {
    is_leap(year)
}

/// Days in a month; 0 if there is no such month.
#[no_mangle]
pub extern "C" fn rt_datetime_days_in_month(year: i64, month: i64) -> i64 {
    month_length(year, month)
}

/// Four digits for the years 0 to 9999, else a sign and at least four.
fn year_text(year: i64) -> String {
    if (0..=9_999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{}{:04}", if year < 0 { '-' } else { '+' }, year.abs())
    }
}

fn push_formatted(text: &mut String, instant: i64, pattern: &str) -> Option<()> {
    let parts = split_instant(instant)?;
    let month_name = MONTH_NAMES[parts.month as usize - 1];
    let weekday_name = WEEKDAY_NAMES[parts.weekday as usize - 1];
    let mut rest = pattern.chars();
    while let Some(symbol) = rest.next() {
        if symbol != '%' {
            text.push(symbol);
            continue;
        }
        match rest.next()? {
            'Y' => text.push_str(&year_text(parts.year)),
            'm' => write!(text, "{:02}", parts.month).ok()?,
            'd' => write!(text, "{:02}", parts.day).ok()?,
            'H' => write!(text, "{:02}", parts.hour).ok()?,
            'M' => write!(text, "{:02}", parts.minute).ok()?,
            'S' => write!(text, "{:02}", parts.second).ok()?,
            'L' => write!(text, "{:03}", parts.millisecond).ok()?,
            'j' => write!(text, "{:03}", parts.yearday).ok()?,
            'u' => write!(text, "{}", parts.weekday).ok()?,
            's' => write!(text, "{}", instant.div_euclid(MS_PER_SECOND)).ok()?,
            'a' => text.push_str(&weekday_name[..3]),
            'A' => text.push_str(weekday_name),
            'b' => text.push_str(&month_name[..3]),
            'B' => text.push_str(month_name),
            'F' => push_formatted(text, instant, "%Y-%m-%d")?,
            'T' => push_formatted(text, instant, "%H:%M:%S")?,
            'z' => text.push_str("+0000"),
            '%' => text.push('%'),
            _ => return None,
        }
    }
    Some(())
}

/// Writes an instant by a pattern in the manner of `strftime` and returns the full length.
///
/// Known are `%Y %m %d %H %M %S %L` (millisecond) `%j %u %s %a %A %b %B %F %T %z %%`. Returns -1
/// for any other, a lone `%` at the end, `i64::MIN` and bad arguments. [`rt_datetime_parse`] reads
/// the same patterns.
///
/// # Safety
/// `pattern` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_datetime_format(
    instant: i64,
    pattern: *const u8,
    len: i64,
    out: *mut u8,
    cap: i64,
) -> i64 {
    let Some(pattern) = str_from_raw(pattern, len) else {
        return -1;
    };
    let mut text = String::new();
    match push_formatted(&mut text, instant, pattern) {
        Some(()) => copy_out(text.as_bytes(), out, cap),
        None => -1,
    }
}

/// Reads its way through a text, byte by byte.
struct TextCursor<'a> {
    rest: &'a [u8],
}

impl TextCursor<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// A number of `min` to `max` (at most 18) digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<i64> {
        let count = self
            .rest
            .iter()
            .take(max)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count < min {
            return None;
        }
        let (number, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(
            number
                .iter()
                .fold(0, |acc, digit| acc * 10 + i64::from(digit - b'0')),
        )
    }

    /// 1 or -1 for a sign, if there is one.
    fn sign(&mut self) -> Option<i64> {
        if self.eat(b'-') {
            Some(-1)
        } else {
            self.eat(b'+').then_some(1)
        }
    }

    fn year(&mut self) -> Option<i64> {
        match self.sign() {
            Some(sign) => Some(sign * self.digits(4, 9)?),
            None => self.digits(4, 4),
        }
    }

    /// One of `names`, in full or its first three letters, in any case; gives its number from 1.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        for (index, name) in names.iter().enumerate() {
            let wanted = if short { &name[..3] } else { name };
            if let Some(head) = self.rest.get(..wanted.len()) {
                if head.eq_ignore_ascii_case(wanted.as_bytes()) {
                    self.rest = &self.rest[wanted.len()..];
                    return Some(index as i64 + 1);
                }
            }
        }
        None
    }

    /// `Z`, `+hh:mm` or `+hhmm`, in milliseconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        if self.eat(b'Z') || self.eat(b'z') {
            return Some(0);
        }
        let sign = self.sign()?;
        let hours = self.digits(2, 2)?;
        self.eat(b':');
        let minutes = self.digits(2, 2)?;
        (hours < 24 && minutes < 60)
            .then_some(sign * (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE))
    }
}

/// The fields a text has given so far; what stays None falls back on 1970-01-01T00:00:00Z.
#[derive(Default)]
struct ParsedFields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    millisecond: Option<i64>,
    weekday: Option<i64>,
    yearday: Option<i64>,
    epoch: Option<i64>,
    zone: Option<i64>,
}

impl ParsedFields {
    fn read(&mut self, cursor: &mut TextCursor<'_>, pattern: &str) -> Option<()> {
        let mut rest = pattern.bytes();
        while let Some(symbol) = rest.next() {
            if symbol != b'%' {
                if !cursor.eat(symbol) {
                    return None;
                }
                continue;
            }
            match rest.next()? {
                b'Y' => self.year = Some(cursor.year()?),
                b'm' => self.month = Some(cursor.digits(2, 2)?),
                b'd' => self.day = Some(cursor.digits(2, 2)?),
                b'H' => self.hour = Some(cursor.digits(2, 2)?),
                b'M' => self.minute = Some(cursor.digits(2, 2)?),
                b'S' => self.second = Some(cursor.digits(2, 2)?),
                b'L' => self.millisecond = Some(cursor.digits(3, 3)?),
                b'j' => self.yearday = Some(cursor.digits(3, 3)?),
                b'u' => self.weekday = Some(cursor.digits(1, 1)?),
                b's' => {
                    let sign = cursor.sign().unwrap_or(1);
                    self.epoch = Some(sign * cursor.digits(1, 18)?);
                }
                b'a' => self.weekday = Some(cursor.name(&WEEKDAY_NAMES, true)?),
                b'A' => self.weekday = Some(cursor.name(&WEEKDAY_NAMES, false)?),
                b'b' => self.month = Some(cursor.name(&MONTH_NAMES, true)?),
                b'B' => self.month = Some(cursor.name(&MONTH_NAMES, false)?),
                b'F' => self.read(cursor, "%Y-%m-%d")?,
                b'T' => self.read(cursor, "%H:%M:%S")?,
                b'z' => self.zone = Some(cursor.zone()?),
                b'%' if cursor.eat(b'%') => {}
                _ => return None,
            }
        }
        Some(())
    }

    fn instant(&self) -> Option<i64> {
        let millisecond = self.millisecond.unwrap_or(0);
        let local = if let Some(epoch) = self.epoch {
            epoch.checked_mul(MS_PER_SECOND)?.checked_add(millisecond)?
        } else {
            let year = self.year.unwrap_or(1970);
            let time = (
                self.hour.unwrap_or(0),
                self.minute.unwrap_or(0),
                self.second.unwrap_or(0),
                millisecond,
            );
            match self.yearday {
                Some(yearday) if self.month.is_none() && self.day.is_none() => {
                    if !(1..=365 + i64::from(is_leap(year))).contains(&yearday) {
                        return None;
                    }
                    join_instant((year, 1, 1), time)?.checked_add((yearday - 1) * MS_PER_DAY)?
                }
                _ => join_instant((year, self.month.unwrap_or(1), self.day.unwrap_or(1)), time)?,
            }
        };
        // Weekday and day of the year, where given besides the date, must agree with it.
        let parts = split_instant(local)?;
        let agrees = self.weekday.map_or(true, |day| day == parts.weekday)
            && self.yearday.map_or(true, |day| day == parts.yearday);
        if !agrees {
            return None;
        }
        local
            .checked_sub(self.zone.unwrap_or(0))
            .filter(|instant| *instant != DATETIME_INVALID)
    }
}

/// Reads a text by a pattern (see [`rt_datetime_format`]) to the last byte.
///
/// What the pattern leaves out is taken from 1970-01-01T00:00:00Z. Returns `i64::MIN` if the text
/// does not fit, the date does not exist, or the arguments are bad.
///
/// # Safety
/// `text` and `pattern` must be null or point to as many readable bytes as given.
#[no_mangle]
pub unsafe extern "C" fn rt_datetime_parse(
    text: *const u8,
    text_len: i64,
    pattern: *const u8,
    pattern_len: i64,
) -> i64 {
    let (Some(text), Some(pattern)) = (
        str_from_raw(text, text_len),
        str_from_raw(pattern, pattern_len),
    ) else {
        return DATETIME_INVALID;
    };
    let mut cursor = TextCursor {
        rest: text.as_bytes(),
    };
    let mut fields = ParsedFields::default();
    fields
        .read(&mut cursor, pattern)
        .filter(|()| cursor.rest.is_empty())
        .and_then(|()| fields.instant())
        .unwrap_or(DATETIME_INVALID)
}

fn parse_iso(text: &str) -> Option<i64> {
    let mut cursor = TextCursor {
        rest: text.as_bytes(),
    };
    let mut fields = ParsedFields::default();
    fields.read(&mut cursor, "%F")?;
    if cursor.eat(b'T') || cursor.eat(b't') || cursor.eat(b' ') {
        fields.read(&mut cursor, "%H:%M")?;
        if cursor.eat(b':') {
            fields.read(&mut cursor, "%S")?;
            if cursor.eat(b'.') || cursor.eat(b',') {
                // Three digits count; finer ones are read and dropped.
                let before = cursor.rest.len();
                let fraction = cursor.digits(1, 3)?;
                let scale = [100, 10, 1][before - cursor.rest.len() - 1];
                fields.millisecond = Some(fraction * scale);
                cursor.digits(0, 15)?;
            }
        }
        if !cursor.rest.is_empty() {
            fields.zone = Some(cursor.zone()?);
        }
    }
    if cursor.rest.is_empty() {
        fields.instant()
    } else {
        None
    }
}

/// Reads an ISO 8601 date, or date and time, with an optional fraction and zone (UTC if absent).
/// `i64::MIN` if the text is none.
///
/// # Safety
/// `text` must be null or point to `len` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_datetime_parse_iso(text: *const u8, len: i64) -> i64 {
    str_from_raw(text, len)
        .and_then(parse_iso)
        .unwrap_or(DATETIME_INVALID)
}

/// Writes an instant as `YYYY-MM-DDTHH:MM:SS.mmmZ` and returns the full length; -1 for `i64::MIN`
/// and bad arguments.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_datetime_to_iso(instant: i64, out: *mut u8, cap: i64) -> i64 {
    let mut text = String::new();
    match push_formatted(&mut text, instant, "%FT%T.%LZ") {
        Some(()) => copy_out(text.as_bytes(), out, cap),
        None => -1,
    }
}

/// Adds `amount` units to an instant.
///
/// Units: 0 millisecond, 1 second, 2 minute, 3 hour, 4 day, 5 week, 6 month, 7 year. Months and
/// years keep the day of the month, or take the last one there is (31 January plus a month is 28
/// or 29 February). `i64::MIN` for an unknown unit and if the result is out of range.
#[no_mangle]
pub extern "C" fn rt_datetime_add(instant: i64, amount: i64, unit: i64) -> i64 {
    if instant == DATETIME_INVALID {
        return DATETIME_INVALID;
    }
    let sum = if let Some(length) = fixed_unit(unit) {
        amount
            .checked_mul(length)
            .and_then(|delta| instant.checked_add(delta))
    } else {
        calendar_unit(unit)
            .and_then(|length| amount.checked_mul(length))
            .and_then(|months| shift_months(instant, months))
    };
    sum.unwrap_or(DATETIME_INVALID)
}

/// Whole units from `from` to `to`, towards zero; negative if `to` is the earlier.
///
/// The units are those of [`rt_datetime_add`]. `i64::MIN` if either is no instant, the unit is
/// unknown, or the difference does not fit.
#[no_mangle]
pub extern "C" fn rt_datetime_diff(from: i64, to: i64, unit: i64) -> i64 {
    let (Some(start), Some(end)) = (split_instant(from), split_instant(to)) else {
        return DATETIME_INVALID;
    };
    if let Some(length) = fixed_unit(unit) {
        let exact = (i128::from(to) - i128::from(from)) / i128::from(length);
        return i64::try_from(exact).unwrap_or(DATETIME_INVALID);
    }
    let Some(length) = calendar_unit(unit) else {
        return DATETIME_INVALID;
    };
    let mut months = (end.year - start.year) * 12 + end.month - start.month;
    // The last month counts only if it is over. A step out of range is past `to` for certain.
    let reached = shift_months(from, months);
    if months > 0 && reached.map_or(true, |instant| instant > to) {
        months -= 1;
    } else if months < 0 && reached.map_or(true, |instant| instant < to) {
        months += 1;
    }
    months / length
}

// ---------------------------------------------------------------------------
// Strings, continued
// ---------------------------------------------------------------------------

/// Any value as a new string, the way it is printed: strings as they are, but
/// quoted inside other values; at most 100,000 parts.
#[no_mangle]
pub extern "C" fn rt_value_to_string(value: RuntimeValue) -> RuntimeValue {
    string_value(&render(value))
}

macro_rules! string_changes {
    ($($(#[$meta:meta])* $name:ident => $change:expr;)+) => {$(
        $(#[$meta])*
        /// Nil for a value that is no string.
        #[no_mangle]
        pub extern "C" fn $name(string: RuntimeValue) -> RuntimeValue {
            let change: fn(&str) -> RuntimeValue = $change;
            value_or_nil(with_text(string, change))
        }
    )+};
}

string_changes! {
    /// A string in upper case, as a new one.
    rt_string_to_upper => |text| string_value(&text.to_uppercase());
    /// A string in lower case, as a new one.
    rt_string_to_lower => |text| string_value(&text.to_lowercase());
    /// A string without white space at both ends, as a new one.
    rt_string_trim => |text| string_value(text.trim());
}

/// A string `count` times in a row; nil for a negative count, a value that is
/// no string, and a result of more than 2^28 bytes.
#[no_mangle]
pub extern "C" fn rt_string_repeat(string: RuntimeValue, count: i64) -> RuntimeValue {
    let repeated = string_object(string).and_then(|object| {
        let text = object.text().unwrap_or_default();
        let count = usize::try_from(count)
            .map_err(|_| Failure::new(ERR_INDEX, format!("{count} is no count")))?;
        check_text_size(text.len().checked_mul(count))?;
        Ok(string_value(&text.repeat(count)))
    });
    value_or_nil(repeated)
}

// Searching: patterns for file names, and text in files.

/// Longest pattern in bytes.
const GLOB_MAX_PATTERN: usize = 1 << 12;

/// Most patterns that one with braces stands for.
const GLOB_MAX_ALTERNATIVES: usize = 1 << 10;

/// Most characters of these together.
const GLOB_MAX_TOTAL: usize = 1 << 14;

/// Longest text that is matched, in bytes.
const GLOB_MAX_TEXT: usize = 1 << 13;

/// Characters that may be copied while braces are resolved.
const GLOB_BUDGET: usize = 1 << 22;

/// Most lines that [`rt_search_text`] gives.
const SEARCH_MAX_HITS: i64 = 1 << 20;

/// One element of a pattern for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum GlobToken {
    Exactly(char),
    AnyOne,
    AnyNumber,
    /// One of these ranges, or none of them.
    OneOf {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl GlobToken {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Exactly(wanted) => *wanted == c,
            Self::AnyOne | Self::AnyNumber => true,
            Self::OneOf { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// What stands between two slashes of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum GlobPart {
    Name(Vec<GlobToken>),
    /// `**`: any number of names.
    Deep,
}

/// A pattern, with its braces resolved.
struct Glob {
    alternatives: Vec<Vec<GlobPart>>,
}

/// How far each alternative has got: the parts that may come next, one flag for each.
type GlobProgress = Vec<Vec<bool>>;

impl Glob {
    fn parse(pattern: &str) -> Outcome<Self> {
        let problem = |what: &str| Failure::new(ERR_SYNTAX, format!("the pattern {what}"));
        if pattern.len() > GLOB_MAX_PATTERN {
            return Err(problem("is too long"));
        }
        let resolved = glob_alternatives(pattern.chars().collect()).map_err(problem)?;
        if resolved.iter().map(Vec::len).sum::<usize>() > GLOB_MAX_TOTAL {
            return Err(problem("stands for too many others"));
        }
        let alternatives: Result<_, _> = resolved.iter().map(|chars| glob_parts(chars)).collect();
        Ok(Self {
            alternatives: alternatives.map_err(problem)?,
        })
    }

    fn start(&self) -> GlobProgress {
        let first = |parts: &Vec<GlobPart>| {
            let mut open = vec![false; parts.len() + 1];
            open[0] = true;
            skip_deep(parts, &mut open);
            open
        };
        self.alternatives.iter().map(first).collect()
    }

    /// How far it gets with one more name.
    fn step(&self, progress: &GlobProgress, name: &str) -> GlobProgress {
        let name: Vec<char> = name.chars().collect();
        let next = |(parts, open): (&Vec<GlobPart>, &Vec<bool>)| {
            let mut after = vec![false; open.len()];
            for (at, part) in parts.iter().enumerate().filter(|(at, _)| open[*at]) {
                match part {
                    GlobPart::Deep => after[at] = true,
                    GlobPart::Name(tokens) if name_matches(tokens, &name) => after[at + 1] = true,
                    GlobPart::Name(_) => {}
                }
            }
            skip_deep(parts, &mut after);
            after
        };
        self.alternatives.iter().zip(progress).map(next).collect()
    }

    fn matches(&self, path: &str) -> bool {
        let mut progress = self.start();
        for name in path.split('/') {
            progress = self.step(&progress, name);
        }
        is_complete(&progress)
    }

    /// Forgets the parts `**`, so that a link is entered only where the pattern names it.
    fn without_deep(&self, mut progress: GlobProgress) -> GlobProgress {
        for (parts, open) in self.alternatives.iter().zip(&mut progress) {
            for (part, open) in parts.iter().zip(open) {
                *open &= *part != GlobPart::Deep;
            }
        }
        progress
    }
}

/// `**` also stands for no name.
fn skip_deep(parts: &[GlobPart], open: &mut [bool]) {
    for (at, part) in parts.iter().enumerate() {
        if open[at] && *part == GlobPart::Deep {
            open[at + 1] = true;
        }
    }
}

fn is_complete(progress: &GlobProgress) -> bool {
    progress.iter().any(|open| open.last() == Some(&true))
}

/// Whether anything can follow.
fn is_open(progress: &GlobProgress) -> bool {
    let inner = |open: &Vec<bool>| open[..open.len() - 1].contains(&true);
    progress.iter().any(inner)
}

/// Whether a name fits. After a `*` every place is tried once; of several only the last one has to
/// be tried again, so the time is at most the product of both lengths.
fn name_matches(tokens: &[GlobToken], name: &[char]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut again = None;
    loop {
        match (tokens.get(token), name.get(at)) {
            (Some(GlobToken::AnyNumber), _) => {
                again = Some((token + 1, at));
                token += 1;
            }
            (Some(wanted), Some(c)) if wanted.takes(*c) => {
                token += 1;
                at += 1;
            }
            (None, None) => return true,
            _ => match again {
                Some((star, from)) if from < name.len() => {
                    again = Some((star, from + 1));
                    (token, at) = (star, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// Where a set in square brackets ends (behind its bracket), and what is in it.
fn glob_set(chars: &[char], start: usize) -> Result<(usize, GlobToken), &'static str> {
    let mut at = start + 1;
    let negated = matches!(chars.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let mut ranges = Vec::new();
    let open = "has an open set";
    let member = |at: &mut usize| {
        *at += usize::from(chars.get(*at) == Some(&'\\'));
        let c = *chars.get(*at).ok_or(open)?;
        *at += 1;
        if c == '/' {
            return Err("has a slash in a set");
        }
        Ok(c)
    };
    loop {
        match chars.get(at) {
            None => return Err(open),
            Some(']') if !ranges.is_empty() => break,
            Some(_) => {}
        }
        let low = member(&mut at)?;
        let mut high = low;
        if chars.get(at) == Some(&'-') && !matches!(chars.get(at + 1), None | Some(']')) {
            at += 1;
            high = member(&mut at)?;
        }
        if low > high {
            return Err("has a range in the wrong order");
        }
        ranges.push((low, high));
    }
    Ok((at + 1, GlobToken::OneOf { ranges, negated }))
}

/// The first group in braces: where it begins, its commas, and where it ends.
fn glob_braces(chars: &[char]) -> Result<Option<Vec<usize>>, &'static str> {
    let mut marks = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 1,
            '[' => at = glob_set(chars, at)?.0 - 1,
            '{' => {
                if depth == 0 {
                    marks.push(at);
                }
                depth += 1;
            }
            ',' if depth == 1 => marks.push(at),
            '}' if depth == 1 => {
                marks.push(at);
                return Ok(Some(marks));
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    if depth > 0 {
        return Err("has an open brace");
    }
    Ok(None)
}

/// The patterns without braces that a pattern stands for.
fn glob_alternatives(pattern: Vec<char>) -> Result<Vec<Vec<char>>, &'static str> {
    let mut pending = vec![pattern];
    let mut resolved = Vec::new();
    let mut copied = 0;
    while let Some(pattern) = pending.pop() {
        copied += pattern.len();
        let Some(marks) = glob_braces(&pattern)? else {
            resolved.push(pattern);
            continue;
        };
        let (before, after) = (&pattern[..marks[0]], &pattern[marks[marks.len() - 1] + 1..]);
        for ends in marks.windows(2) {
            let choice = &pattern[ends[0] + 1..ends[1]];
            pending.push([before, choice, after].concat());
            copied += before.len() + choice.len() + after.len();
            if resolved.len() + pending.len() > GLOB_MAX_ALTERNATIVES || copied > GLOB_BUDGET {
                return Err("stands for too many others");
            }
        }
    }
    Ok(resolved)
}

/// The parts of a pattern without braces.
fn glob_parts(chars: &[char]) -> Result<Vec<GlobPart>, &'static str> {
    let mut parts = Vec::new();
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let mut next = chars.get(at).copied();
        at += 1;
        let token = match next {
            None | Some('/') => None,
            Some('*') => Some(GlobToken::AnyNumber),
            Some('?') => Some(GlobToken::AnyOne),
            Some('[') => {
                let (end, set) = glob_set(chars, at - 1)?;
                at = end;
                Some(set)
            }
            Some('\\') => {
                next = chars.get(at).copied();
                at += 1;
                match next {
                    None => return Err("ends in a backslash"),
                    Some('/') => None,
                    Some(c) => Some(GlobToken::Exactly(c)),
                }
            }
            Some(c) => Some(GlobToken::Exactly(c)),
        };
        if let Some(token) = token {
            tokens.push(token);
            continue;
        }
        let mut name = std::mem::take(&mut tokens);
        if name == [GlobToken::AnyNumber, GlobToken::AnyNumber] {
            parts.push(GlobPart::Deep);
        } else {
            name.dedup_by(|a, b| *a == GlobToken::AnyNumber && a == b);
            parts.push(GlobPart::Name(name));
        }
        if next.is_none() {
            parts.dedup_by(|a, b| *a == GlobPart::Deep && a == b);
            return Ok(parts);
        }
    }
}

/// Whether a path fits a pattern: 1 or 0; -1, with the error recorded, for a pattern that is none
/// or too long (2^12 bytes), a text of more than 2^13 bytes, and bad arguments.
///
/// In a pattern `*` stands for any number of characters within a name, `?` for one, `[a-z_]` for
/// one of these and `[!a-z]` for any other, `**` between slashes for any number of names (also
/// none), `{a,b}` for either, and a backslash takes a character literally. Nothing but `**` matches
/// a slash; a dot at the beginning is a character like any other. The time a match takes grows
/// with the product of both lengths, not faster.
///
/// # Safety
/// `pattern` and `text` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_glob_match(
    pattern: *const u8,
    pattern_len: i64,
    text: *const u8,
    len: i64,
) -> i64 {
    let matched = text_argument(pattern, pattern_len, "pattern").and_then(|pattern| {
        let text = text_argument(text, len, "text")?;
        if text.len() > GLOB_MAX_TEXT {
            return Err(Failure::new(ERR_ARGUMENT, "the text is too long"));
        }
        Ok(Glob::parse(pattern)?.matches(text))
    });
    count_or_minus_one(matched.map(usize::from))
}

/// Whether a pattern of [`rt_glob_match`] is one; false for an open bracket or brace, a backslash at
/// the end, a range in the wrong order, and what is too long or not readable.
///
/// # Safety
/// `pattern` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn rt_glob_is_valid(pattern: *const u8, len: i64) -> bool {
    str_from_raw(pattern, len).is_some_and(|pattern| Glob::parse(pattern).is_ok())
}

/// Copies a pattern that only the text itself fits to `out`. Returns the full length; -1 for text
/// that is not readable and for a bad buffer.
///
/// # Safety
/// `text` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`.
#[no_mangle]
pub unsafe extern "C" fn rt_glob_escape(text: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    let Some(text) = str_from_raw(text, len) else {
        return -1;
    };
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    copy_out(pattern.as_bytes(), out, cap)
}

/// The paths below a folder, seen from there, that fit a pattern of [`rt_glob_match`], sorted, as an
/// array of strings. Only folders where something can fit are entered, and links to folders only
/// where the pattern names them, not by `**`. A folder that cannot be read counts as empty.
///
/// Nil, with the error recorded, if the first folder cannot be read, the pattern is none, or more
/// than 2^20 entries would have to be looked at.
///
/// # Safety
/// `root` and `pattern` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_glob_list(
    root: *const u8,
    root_len: i64,
    pattern: *const u8,
    pattern_len: i64,
) -> RuntimeValue {
    let found = path_argument(root, root_len).and_then(|root| {
        let glob = Glob::parse(text_argument(pattern, pattern_len, "pattern")?)?;
        glob_files(&root, &glob)
    });
    value_or_nil(found.map(|mut found| {
        found.sort();
        array_value(found.iter().map(|path| string_value(path)).collect())
    }))
}

fn glob_files(root: &Path, glob: &Glob) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    let mut pending = vec![(PathBuf::new(), glob.start())];
    while let Some((folder, progress)) = pending.pop() {
        let names = match names_in(&root.join(&folder)) {
            Err(error) if folder.as_os_str().is_empty() => return Err(error).on(root),
            names => names.unwrap_or_default(),
        };
        looked_at += names.len();
        if looked_at > MAX_WALK {
            return Err(path_failure(root, "there are too many entries"));
        }
        for (name, kind) in names {
            let mut progress = glob.step(&progress, &name.to_string_lossy());
            let path = folder.join(name);
            if is_complete(&progress) {
                found.push(path_text(&path));
            }
            if kind == KIND_LINK {
                progress = glob.without_deep(progress);
            }
            let enter = kind == KIND_FOLDER || kind == KIND_LINK && root.join(&path).is_dir();
            if is_open(&progress) && enter {
                pending.push((path, progress));
            }
        }
    }
    Ok(found)
}

fn tuple_value(items: Vec<RuntimeValue>) -> RuntimeValue {
    let data = TupleData {
        slots: Mutex::new(items),
        sealed: AtomicBool::new(false),
    };
    insert_native(TupleData::KIND, data)
}

/// A line that holds what was searched for.
struct SearchHit {
    path: String,
    number: usize,
    line: String,
}

/// Calls `found` with each line of a file, or of the text files below a folder, that holds the
/// text, until it returns false.
fn search_lines(
    path: &Path,
    needle: &str,
    mut found: impl FnMut(SearchHit) -> bool,
) -> Outcome<()> {
    if needle.is_empty() {
        return Err(Failure::new(ERR_ARGUMENT, "there is nothing to search for"));
    }
    let single = !path.is_dir();
    let files: Vec<PathBuf> = if single {
        vec![PathBuf::new()]
    } else {
        let entries = walk_tree(path, usize::MAX, false)?.into_iter();
        let files = entries.filter(|entry| entry.kind == KIND_FILE);
        files.map(|entry| entry.relative).collect()
    };
    for relative in files {
        let text = match single {
            true => read_file_text(path)?,
            // What is no text, too large or gone meanwhile holds nothing.
            false => read_file_text(&path.join(&relative)).unwrap_or_default(),
        };
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let line = without_line_end(line);
            if !line.contains(needle) {
                continue;
            }
            let hit = SearchHit {
                path: path_text(&relative),
                number: index + 1,
                line: line.to_owned(),
            };
            if !found(hit) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The lines of a file, or of all text files below a folder, that hold a text: an array of tuples
/// of the path seen from the folder (empty for a single file), the number of the line from 1, and
/// the line. At most `limit` of them, which is 1 to 2^20. Files below a folder that are not UTF-8
/// are passed over, links are not followed.
///
/// Nil, with the error recorded, if the file or the folder cannot be read, the text is empty, the
/// limit is another number, and for bad arguments.
///
/// # Safety
/// `path` and `text` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_search_text(
    path: *const u8,
    path_len: i64,
    text: *const u8,
    len: i64,
    limit: i64,
) -> RuntimeValue {
    let hits = path_argument(path, path_len).and_then(|path| {
        let text = text_argument(text, len, "text")?;
        if !(1..=SEARCH_MAX_HITS).contains(&limit) {
            return Err(Failure::new(ERR_INDEX, format!("{limit} is no such limit")));
        }
        let mut hits = Vec::new();
        search_lines(&path, text, |hit| {
            hits.push(hit);
            length_of(hits.len()) < limit
        })?;
        Ok(hits)
    });
    value_or_nil(hits.map(|hits| {
        let tuple = |hit: SearchHit| {
            tuple_value(vec![
                string_value(&hit.path),
                RuntimeValue::from_int(length_of(hit.number)),
                string_value(&hit.line),
            ])
        };
        array_value(hits.into_iter().map(tuple).collect())
    }))
}

/// Number of lines that [`rt_search_text`] would give without a limit; -1, with the error recorded,
/// for the same reasons.
///
/// # Safety
/// `path` and `text` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_search_count(
    path: *const u8,
    path_len: i64,
    text: *const u8,
    len: i64,
) -> i64 {
    let mut count = 0;
    let searched = path_argument(path, path_len).and_then(|path| {
        search_lines(&path, text_argument(text, len, "text")?, |_| {
            count += 1;
            true
        })
    });
    count_or_minus_one(searched.map(|()| count))
}

/// The paths below a folder, seen from there and sorted, of the files whose name holds a text, as
/// an array of strings. Nil, with the error recorded, if the folder cannot be read or has more than
/// 2^20 entries, and for bad arguments.
///
/// # Safety
/// `root` and `part` are null or valid for reads of their lengths.
#[no_mangle]
pub unsafe extern "C" fn rt_search_names(
    root: *const u8,
    root_len: i64,
    part: *const u8,
    len: i64,
) -> RuntimeValue {
    let found = path_argument(root, root_len).and_then(|root| {
        let part = text_argument(part, len, "text")?;
        let mut paths = Vec::new();
        for entry in walk_tree(&root, usize::MAX, false)? {
            let name = entry.relative.file_name().unwrap_or_default();
            if entry.kind == KIND_FILE && name.to_string_lossy().contains(part) {
                paths.push(path_text(&entry.relative));
            }
        }
        paths.sort();
        Ok(paths)
    });
    value_or_nil(found.map(|paths| {
        let strings = paths.iter().map(|path| string_value(path));
        array_value(strings.collect())
    }))
}

// ===========================================================================
// Parallel loops over arrays
// ===========================================================================

/// Into how many parts an array is cut, whatever the machine: a reduction of floats gives the same
/// bits everywhere.
const PAR_PARTS: usize = 64;

/// Works on one item; `context` is what the loop was given. It must not unwind.
type ParFn = extern "C" fn(item: RuntimeValue, context: RuntimeValue) -> RuntimeValue;

/// As [`ParFn`], for nothing in return.
type ParAction = extern "C" fn(item: RuntimeValue, context: RuntimeValue);

/// Joins two items, or what came of them, into one.
type ParFold =
    extern "C" fn(left: RuntimeValue, right: RuntimeValue, context: RuntimeValue) -> RuntimeValue;

/// Threads that help with the loops of the whole process now.
static PAR_HELPERS: AtomicUsize = AtomicUsize::new(0);

/// A right to some helper threads, so that nested loops do not multiply them.
struct ParHelpers(usize);

impl ParHelpers {
    fn claim(wanted: usize) -> Self {
        let limit = parallelism();
        let mut taken = PAR_HELPERS.load(SeqCst);
        loop {
            let granted = wanted.min(limit.saturating_sub(taken));
            match PAR_HELPERS.compare_exchange_weak(taken, taken + granted, SeqCst, SeqCst) {
                Ok(_) => return Self(granted),
                // Another loop was faster.
                Err(now) => taken = now,
            }
        }
    }
}

impl Drop for ParHelpers {
    fn drop(&mut self) {
        PAR_HELPERS.fetch_sub(self.0, SeqCst);
    }
}

/// Works on the parts of a list, on this thread and on helpers; what came of each part, in order.
fn par_parts<R: Send>(
    items: &[RuntimeValue],
    work: impl Fn(&[RuntimeValue]) -> R + Sync,
) -> Outcome<Vec<R>> {
    let _nested = NestedCall::enter()?;
    let depth = NestedCall::depth();
    let size = items.len().div_ceil(PAR_PARTS).max(1);
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len().div_ceil(size), || None);
    let helpers = ParHelpers::claim(results.len().saturating_sub(1));
    let parts = Mutex::new(items.chunks(size).zip(results.iter_mut()));
    let serve = || loop {
        let next = lock(&parts).next();
        match next {
            Some((part, result)) => *result = Some(work(part)),
            None => break,
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers.0 {
            let helper = thread::Builder::new().name("rt-par".to_owned());
            let spawned = helper.spawn_scoped(scope, || {
                NestedCall::inherit(depth);
                serve();
            });
            if spawned.is_err() {
                // This thread does what the others would have done.
                break;
            }
        }
        serve();
    });
    Ok(results.into_iter().flatten().collect())
}

/// The items of the array and the callback of a loop.
fn par_input<F>(array: RuntimeValue, function: Option<F>) -> Outcome<(Vec<RuntimeValue>, F)> {
    let function =
        function.ok_or_else(|| Failure::new(ERR_ARGUMENT, "the loop needs a function"))?;
    Ok((with_items(array, |items| items.clone())?, function))
}

/// A new array of what `function` makes of each item, in the order of the items. Items are worked
/// on at the same time by several threads, in any order; loops may be nested. The array is copied
/// first: what the function does to it changes nothing about the loop.
///
/// Nil for a value that is no array, for a null function, and when more than 200 callbacks are
/// nested. An error that the function records stays on the thread that ran it.
#[no_mangle]
pub extern "C" fn rt_par_map(
    array: RuntimeValue,
    function: Option<ParFn>,
    context: RuntimeValue,
) -> RuntimeValue {
    let mapped = par_input(array, function).and_then(|(items, function)| {
        par_parts(&items, |part| {
            let made = part.iter().map(|&item| function(item, context));
            made.collect::<Vec<_>>()
        })
    });
    value_or_nil(mapped.map(|parts| array_value(parts.concat())))
}

/// A new array of the items for which `predicate` gives a value that is truthy (see
/// [`rt_value_truthy`]), in their order. As for [`rt_par_map`] otherwise.
#[no_mangle]
pub extern "C" fn rt_par_filter(
    array: RuntimeValue,
    predicate: Option<ParFn>,
    context: RuntimeValue,
) -> RuntimeValue {
    let kept = par_input(array, predicate).and_then(|(items, predicate)| {
        par_parts(&items, |part| {
            let kept = part.iter().copied();
            kept.filter(|&item| predicate(item, context).truthy())
                .collect::<Vec<_>>()
        })
    });
    value_or_nil(kept.map(|parts| array_value(parts.concat())))
}

/// All items joined into one by `fold`, beginning with `initial`, which alone is the result for an
/// empty array.
///
/// The fold has to be associative, since parts of the array are joined at the same time; it need
/// not be commutative, since their order is kept. The parts depend on the length alone. Nil for a
/// value that is no array, for a null fold, and when more than 200 callbacks are nested.
#[no_mangle]
pub extern "C" fn rt_par_reduce(
    array: RuntimeValue,
    initial: RuntimeValue,
    fold: Option<ParFold>,
    context: RuntimeValue,
) -> RuntimeValue {
    let reduced = par_input(array, fold).and_then(|(items, fold)| {
        let parts = par_parts(&items, |part| {
            let joined = part.iter().copied();
            joined.reduce(|left, right| fold(left, right, context))
        })?;
        let parts = parts.into_iter().flatten();
        Ok(parts.fold(initial, |left, right| fold(left, right, context)))
    });
    value_or_nil(reduced)
}

/// Calls `action` with each item, several at the same time, and returns how many there were; -1
/// for a value that is no array, for a null action, and when more than 200 callbacks are nested.
#[no_mangle]
pub extern "C" fn rt_par_for_each(
    array: RuntimeValue,
    action: Option<ParAction>,
    context: RuntimeValue,
) -> i64 {
    let count = par_input(array, action).and_then(|(items, action)| {
        par_parts(&items, |part| {
            part.iter().for_each(|&item| action(item, context))
        })?;
        Ok(items.len())
    });
    count_or_minus_one(count)
}

// ===========================================================================
// Network: what TCP, UDP and HTTP share
// ===========================================================================
//
// Addresses are texts: `127.0.0.1:80`, `[::1]:80`, `localhost:80`; port 0 of a bound socket stands
// for any free one. Nothing here waits for ever: a socket has a timeout for reading and one for
// writing, 30 s until they are set.
//
// Where a number is returned, a negative one is an error, and the last error of the thread (see
// `rt_error_last_message`) says what the system said:
//
//     -1  bad handle or argument
//     -2  the time is up
//     -3  nobody listens there
//     -4  closed: by the other side, by another thread, or not connected at all
//     -5  no such address, or it is in use
//     -6  not supported, by this system or for this kind of socket
//     -7  any other error of the system
//     -8  the other side does not keep to the protocol (HTTP)
//     -9  too large

const NET_BAD: i64 = -1;
const NET_TIMEOUT: i64 = -2;
const NET_REFUSED: i64 = -3;
const NET_CLOSED: i64 = -4;
const NET_ADDRESS: i64 = -5;
const NET_UNSUPPORTED: i64 = -6;
const NET_SYSTEM: i64 = -7;
const NET_PROTOCOL: i64 = -8;
const NET_TOO_LARGE: i64 = -9;

/// Timeout of a socket until another one is set.
const NET_DEFAULT_TIMEOUT_MS: i64 = 30_000;

/// Longest timeout that can be asked for: an hour.
const NET_MAX_TIMEOUT_MS: i64 = 3_600_000;

/// Somebody who waits looks this often whether the socket was closed meanwhile.
const NET_SLICE: Duration = Duration::from_millis(25);

/// Most bytes of one read; no datagram is longer.
const NET_BUFFER: usize = 1 << 16;

/// Most names that are looked up at a time, and most addresses of one name that are tried.
const NET_MAX_LOOKUPS: usize = 16;

static NET_LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// An error of the network on its way to the caller.
#[derive(Debug)]
struct NetError {
    code: i64,
    message: String,
}

type NetOutcome<T> = Result<T, NetError>;

impl NetError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(NET_BAD, message)
    }

    fn timed_out() -> Self {
        Self::new(NET_TIMEOUT, "the time is up")
    }

    /// Makes this the last error of the thread and gives the number to return.
    fn record(self) -> i64 {
        let kind = if self.code == NET_BAD {
            ERR_ARGUMENT
        } else {
            ERR_IO
        };
        Failure::new(kind, self.message).record();
        self.code
    }
}

impl From<io::Error> for NetError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        let code = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => NET_TIMEOUT,
            ErrorKind::ConnectionRefused => NET_REFUSED,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => NET_CLOSED,
            ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable => NET_ADDRESS,
            ErrorKind::Unsupported => NET_UNSUPPORTED,
            _ => NET_SYSTEM,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Failure> for NetError {
    fn from(failure: Failure) -> Self {
        Self::bad(failure.message)
    }
}

/// The number to return.
fn net_code(outcome: NetOutcome<i64>) -> i64 {
    outcome.unwrap_or_else(NetError::record)
}

/// As [`net_code`], for what is done or not.
fn net_done(outcome: NetOutcome<()>) -> i64 {
    net_code(outcome.map(|()| 0))
}

/// A timeout from outside; `least` is 0 where not to wait at all makes sense.
fn net_timeout(timeout_ms: i64, least: i64) -> NetOutcome<i64> {
    if (least..=NET_MAX_TIMEOUT_MS).contains(&timeout_ms) {
        return Ok(timeout_ms);
    }
    let range = format!("{least} ..= {NET_MAX_TIMEOUT_MS} ms");
    Err(NetError::bad(format!(
        "timeout {timeout_ms} is not within {range}"
    )))
}

/// The end of a wait; such timeouts have passed [`net_timeout`].
fn net_deadline(timeout_ms: i64) -> Instant {
    let now = Instant::now();
    deadline_after(timeout_ms).unwrap_or(now)
}

fn time_left(deadline: Instant) -> NetOutcome<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(NetError::timed_out());
    }
    Ok(left)
}

/// Whether a buffer from outside can be filled by [`copy_out`].
///
/// # Safety
/// As for [`copy_out`].
unsafe fn net_buffer(out: *mut u8, cap: i64) -> NetOutcome<()> {
    if copy_out(&[], out, cap) != 0 {
        return Err(NetError::bad("the buffer cannot be filled"));
    }
    Ok(())
}

/// A text to where [`net_buffer`] said that it can go, and its length if somebody asks for it.
///
/// # Safety
/// As for [`copy_out`]; `len` is null or valid for the write of a number.
unsafe fn net_text_out(text: &str, out: *mut u8, cap: i64, len: *mut i64) {
    let full = copy_out(text.as_bytes(), out, cap);
    if !len.is_null() {
        len.write_unaligned(full);
    }
}

#[derive(Clone, Copy)]
enum Readiness {
    Readable,
    Writable,
}

/// Something that can be waited for.
trait Waitable {
    /// Returns when the socket may be ready, and after this time at the latest.
    fn wait_ready(&self, readiness: Readiness, time: Duration) -> io::Result<()>;
}

/// Entry of the list that `poll` takes.
#[cfg(unix)]
#[repr(C)]
struct PollEntry {
    socket: i32,
    wanted: i16,
    found: i16,
}

#[cfg(all(
    unix,
    any(
        target_vendor = "apple",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    )
))]
type PollCount = u32;

#[cfg(all(
    unix,
    not(any(
        target_vendor = "apple",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))
))]
type PollCount = usize;

// From the C library, which the standard library links anyway: what it has no functions for.
#[cfg(unix)]
extern "C" {
    /// Sets how many connections may wait to be accepted.
    fn listen(socket: i32, backlog: i32) -> i32;
    fn poll(entries: *mut PollEntry, count: PollCount, timeout_ms: i32) -> i32;
    fn setsockopt(socket: i32, level: i32, option: i32, value: *const i32, len: u32) -> i32;
}

#[cfg(unix)]
const POLL_IN: i16 = 1;
#[cfg(unix)]
const POLL_OUT: i16 = 4;

#[cfg(unix)]
impl<S: std::os::fd::AsRawFd> Waitable for S {
    fn wait_ready(&self, readiness: Readiness, time: Duration) -> io::Result<()> {
        let mut entry = PollEntry {
            socket: self.as_raw_fd(),
            wanted: match readiness {
                Readiness::Readable => POLL_IN,
                Readiness::Writable => POLL_OUT,
            },
            found: 0,
        };
        // Rounded up, so that the last millisecond is not spent in a busy loop.
        let whole = time.as_nanos().div_ceil(1_000_000);
        let timeout_ms = i32::try_from(whole).unwrap_or(i32::MAX);
        // SAFETY: there is one entry, and it outlives the call.
        if unsafe { poll(&mut entry, 1, timeout_ms) } < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(not(unix))]
impl<S> Waitable for S {
    fn wait_ready(&self, _readiness: Readiness, time: Duration) -> io::Result<()> {
        thread::sleep(time.min(Duration::from_millis(2)));
        Ok(())
    }
}

/// Does something to a non-blocking socket as soon as it can be done.
fn when_ready<R>(
    socket: &impl Waitable,
    readiness: Readiness,
    deadline: Instant,
    closed: &AtomicBool,
    mut action: impl FnMut() -> io::Result<R>,
) -> NetOutcome<R> {
    loop {
        match action() {
            Ok(result) => return Ok(result),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => {}
                io::ErrorKind::Interrupted => continue,
                _ => return Err(error.into()),
            },
        }
        if closed.load(SeqCst) {
            return Err(NetError::new(NET_CLOSED, "the socket was closed meanwhile"));
        }
        socket.wait_ready(readiness, time_left(deadline)?.min(NET_SLICE))?;
    }
}

/// A socket with what all kinds of them have; it never blocks by itself.
struct NetSocket<S> {
    socket: S,
    read_timeout_ms: AtomicI64,
    write_timeout_ms: AtomicI64,
    closed: AtomicBool,
}

impl<S> NetSocket<S> {
    fn new(socket: S) -> Self {
        Self {
            socket,
            read_timeout_ms: AtomicI64::new(NET_DEFAULT_TIMEOUT_MS),
            write_timeout_ms: AtomicI64::new(NET_DEFAULT_TIMEOUT_MS),
            closed: AtomicBool::new(false),
        }
    }

    /// Does something to this socket, or the part of it that is given, within its own time.
    fn perform<R>(
        &self,
        part: &impl Waitable,
        readiness: Readiness,
        action: impl FnMut() -> io::Result<R>,
    ) -> NetOutcome<R> {
        let timeout_ms = match readiness {
            Readiness::Readable => &self.read_timeout_ms,
            Readiness::Writable => &self.write_timeout_ms,
        };
        let deadline = net_deadline(timeout_ms.load(Relaxed));
        when_ready(part, readiness, deadline, &self.closed, action)
    }
}

fn net_get<S>(table: &HandleTable<NetSocket<S>>, handle: i64) -> NetOutcome<Arc<NetSocket<S>>> {
    let socket = table.get(handle);
    socket.ok_or_else(|| NetError::bad(format!("{handle} is the handle of no such socket")))
}

fn net_insert<S>(table: &HandleTable<NetSocket<S>>, socket: S) -> NetOutcome<i64> {
    let handle = table.insert(NetSocket::new(socket));
    if handle <= 0 {
        return Err(NetError::new(NET_SYSTEM, "there are too many sockets"));
    }
    Ok(handle)
}

/// The addresses that a text names. Only a name takes time: it is looked up in a thread of its own,
/// because the system does not say how long that may be.
fn net_addresses(text: &str, deadline: Instant) -> NetOutcome<Vec<SocketAddr>> {
    if let Ok(address) = text.parse() {
        return Ok(vec![address]);
    }
    let wrong = || NetError::bad(format!("{text:?} is no address with a port"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || host.len() > 253 || !host.chars().all(named) {
        return Err(wrong());
    }
    let port: u16 = if port.bytes().all(|digit| digit.is_ascii_digit()) {
        port.parse().map_err(|_| wrong())?
    } else {
        return Err(wrong());
    };
    look_up(host.to_owned(), port, deadline)
}

fn look_up(host: String, port: u16, deadline: Instant) -> NetOutcome<Vec<SocketAddr>> {
    if NET_LOOKUPS.fetch_add(1, SeqCst) >= NET_MAX_LOOKUPS {
        NET_LOOKUPS.fetch_sub(1, SeqCst);
        let message = "too many names are looked up at the same time";
        return Err(NetError::new(NET_SYSTEM, message));
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let lookup = move || {
        let found = (host.as_str(), port)
            .to_socket_addrs()
            .map(|all| all.take(NET_MAX_LOOKUPS).collect::<Vec<_>>())
            .map_err(|error| format!("{host:?}: {error}"));
        NET_LOOKUPS.fetch_sub(1, SeqCst);
        // Whoever asked may have given up.
        let _ = sender.send(found);
    };
    if let Err(error) = thread::Builder::new().spawn(lookup) {
        NET_LOOKUPS.fetch_sub(1, SeqCst);
        return Err(error.into());
    }
    match receiver.recv_timeout(time_left(deadline)?) {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        Ok(Ok(_)) => Err(NetError::new(NET_ADDRESS, "the name has no address")),
        Ok(Err(message)) => Err(NetError::new(NET_ADDRESS, message)),
        Err(_) => Err(NetError::timed_out()),
    }
}

/// Does something to the addresses that a text names, one after the other, until it succeeds.
fn with_addresses<R>(
    text: &str,
    deadline: Instant,
    mut action: impl FnMut(SocketAddr) -> NetOutcome<R>,
) -> NetOutcome<R> {
    let mut last = NetError::timed_out();
    for address in net_addresses(text, deadline)? {
        match action(address) {
            Ok(result) => return Ok(result),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Defines the exported functions that set a timeout, the same for both kinds of sockets.
macro_rules! socket_timeouts {
    ($($(#[$doc:meta])* $name:ident => $table:ident, $field:ident;)+) => {
        $(
            $(#[$doc])*
            ///
            /// 0 ..= 3,600,000 ms, where 0 means not to wait; it is 30,000 ms before. Returns 0; -1
            /// for any other time and for a bad handle. A call that waits already is not affected.
            #[no_mangle]
            pub extern "C" fn $name(handle: i64, timeout_ms: i64) -> i64 {
                net_done(net_get(&$table, handle).and_then(|socket| {
                    socket.$field.store(net_timeout(timeout_ms, 0)?, Relaxed);
                    Ok(())
                }))
            }
        )+
    };
}

// ---------------------------------------------------------------------------
// Network: TCP
// ---------------------------------------------------------------------------

/// Most connections that can be asked to wait at a listener.
const TCP_MAX_BACKLOG: i64 = 65_535;

/// Longest time, in seconds, before the first keepalive packet.
const TCP_MAX_IDLE_S: i64 = 32_767;

enum TcpEnd {
    Listener(TcpListener),
    Stream(TcpStream),
}

static TCP_SOCKETS: HandleTable<NetSocket<TcpEnd>> = HandleTable::new();

impl NetSocket<TcpEnd> {
    fn stream(&self) -> NetOutcome<&TcpStream> {
        match &self.socket {
            TcpEnd::Stream(stream) => Ok(stream),
            TcpEnd::Listener(_) => Err(NetError::bad("a listener is no connection")),
        }
    }

    fn listener(&self) -> NetOutcome<&TcpListener> {
        match &self.socket {
            TcpEnd::Listener(listener) => Ok(listener),
            TcpEnd::Stream(_) => Err(NetError::bad("a connection is no listener")),
        }
    }
}

fn with_stream<R>(
    handle: i64,
    action: impl FnOnce(&NetSocket<TcpEnd>, &TcpStream) -> NetOutcome<R>,
) -> NetOutcome<R> {
    let socket = net_get(&TCP_SOCKETS, handle)?;
    action(&socket, socket.stream()?)
}

/// Listens at an address and returns the handle of the listener; what was bound as port goes to
/// `port` unless that is null. -1 for a bad address, -2 if a name takes longer than 30 s to look up,
/// -5 if the address is not there or in use, -7 for any other error.
///
/// # Safety
/// `address` is null or valid for reads of `len` bytes; `port` is null or valid for the write of a
/// number.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_bind(address: *const u8, len: i64, port: *mut i64) -> i64 {
    let bind = |text: &str| -> NetOutcome<i64> {
        let listener = with_addresses(text, net_deadline(NET_DEFAULT_TIMEOUT_MS), |address| {
            Ok(TcpListener::bind(address)?)
        })?;
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?.port();
        let handle = net_insert(&TCP_SOCKETS, TcpEnd::Listener(listener))?;
        if !port.is_null() {
            port.write_unaligned(i64::from(bound));
        }
        Ok(handle)
    };
    let text = text_argument(address, len, "the address");
    net_code(text.map_err(NetError::from).and_then(bind))
}

/// A connection, made within the time; all of a name's addresses are tried in their order.
fn tcp_stream(text: &str, deadline: Instant) -> NetOutcome<TcpStream> {
    let stream = with_addresses(text, deadline, |address| {
        Ok(TcpStream::connect_timeout(&address, time_left(deadline)?)?)
    })?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn tcp_connect(text: Outcome<&str>, timeout_ms: i64) -> i64 {
    let connect = || {
        let (text, timeout_ms) = (text?, net_timeout(timeout_ms, 1)?);
        let stream = tcp_stream(text, net_deadline(timeout_ms))?;
        net_insert(&TCP_SOCKETS, TcpEnd::Stream(stream))
    };
    net_code(connect())
}

/// Connects to an address and returns the handle of the connection. -1 for a bad address, -2 after
/// 30 s, -3 if nobody listens there, -5 if there is no such address, -7 for any other error.
///
/// # Safety
/// `address` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_connect(address: *const u8, len: i64) -> i64 {
    let text = text_argument(address, len, "the address");
    tcp_connect(text, NET_DEFAULT_TIMEOUT_MS)
}

/// As [`native_tcp_connect`], but within 1 ..= 3,600,000 ms; -1 for any other time. Looking up a name
/// is a part of that time.
///
/// # Safety
/// `address` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_connect_timeout(
    address: *const u8,
    len: i64,
    timeout_ms: i64,
) -> i64 {
    tcp_connect(text_argument(address, len, "the address"), timeout_ms)
}

/// Waits for a connection and returns its handle. The address of the other side goes to `peer` and
/// its full length to `peer_len`, unless they are null. -1 for a bad handle or buffer, -2 after the
/// read timeout of the listener, -4 if it is closed meanwhile, -7 for any other error.
///
/// # Safety
/// `peer` is null (with `cap` 0) or valid for writes of `cap` bytes; `peer_len` is null or valid for
/// the write of a number.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_accept(
    listener: i64,
    peer: *mut u8,
    cap: i64,
    peer_len: *mut i64,
) -> i64 {
    let accept = || {
        let socket = net_get(&TCP_SOCKETS, listener)?;
        let listener = socket.listener()?;
        net_buffer(peer, cap)?;
        let (stream, address) =
            socket.perform(listener, Readiness::Readable, || match listener.accept() {
                // Given up before it was accepted: as if it had never come.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                accepted => accepted,
            })?;
        stream.set_nonblocking(true)?;
        let handle = net_insert(&TCP_SOCKETS, TcpEnd::Stream(stream))?;
        net_text_out(&address.to_string(), peer, cap, peer_len);
        Ok(handle)
    };
    net_code(accept())
}

/// Reads or peeks: waits until there is something, and gives what is there.
unsafe fn tcp_receive(
    handle: i64,
    out: *mut u8,
    cap: i64,
    receive: impl Fn(&TcpStream, &mut [u8]) -> io::Result<usize>,
) -> i64 {
    net_code(with_stream(handle, |socket, stream| {
        net_buffer(out, cap)?;
        let mut buffer = vec![0; NET_BUFFER.min(usize::try_from(cap).unwrap_or(0))];
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = socket.perform(stream, Readiness::Readable, || receive(stream, &mut buffer))?;
        Ok(copy_out(&buffer[..count], out, cap))
    }))
}

/// Reads what has arrived, at most `cap` bytes and at most 65,536, and returns how many; 0 at the
/// end, and for `cap` 0. Waits if there is nothing yet. -1 for a bad handle or buffer, -2 after the
/// read timeout, -4 if the connection broke or was closed, -7 for any other error.
///
/// # Safety
/// `out` is null (with `cap` 0) or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_read(handle: i64, out: *mut u8, cap: i64) -> i64 {
    tcp_receive(handle, out, cap, |mut stream, buffer| stream.read(buffer))
}

/// As [`native_tcp_read`], but what is read is read again the next time.
///
/// # Safety
/// As for [`native_tcp_read`].
#[no_mangle]
pub unsafe extern "C" fn native_tcp_peek(handle: i64, out: *mut u8, cap: i64) -> i64 {
    tcp_receive(handle, out, cap, TcpStream::peek)
}

/// Sends bytes, waiting for room, and returns how many the system took: all of them, or fewer if the
/// write timeout ends before. -1 for a bad handle or buffer; if not even the first byte could be
/// sent, -2 after the timeout, -4 if the connection is closed, -7 for any other error.
///
/// # Safety
/// `data` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_tcp_write(handle: i64, data: *const u8, len: i64) -> i64 {
    net_code(with_stream(handle, |socket, stream| {
        let data = bytes_from_raw(data, len)
            .ok_or_else(|| NetError::bad("the bytes to send cannot be read"))?;
        let deadline = net_deadline(socket.write_timeout_ms.load(Relaxed));
        match tcp_send(stream, data, deadline, &socket.closed) {
            (0, Some(error)) => Err(error),
            (sent, _) => Ok(length_of(sent)),
        }
    }))
}

/// How many bytes were sent, and why not all of them.
fn tcp_send(
    mut stream: &TcpStream,
    data: &[u8],
    deadline: Instant,
    closed: &AtomicBool,
) -> (usize, Option<NetError>) {
    let mut sent = 0;
    while sent < data.len() {
        let rest = &data[sent..];
        let step = when_ready(stream, Readiness::Writable, deadline, closed, || {
            stream.write(rest)
        });
        match step {
            Ok(0) => return (sent, Some(NetError::new(NET_CLOSED, "nothing was taken"))),
            Ok(count) => sent += count,
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}

/// Sends at once what the system still holds back to fill a packet, see [`native_tcp_set_nodelay`].
/// Returns 0; -1 for a bad handle, and the error of the connection, such as -4, if it has one.
#[no_mangle]
pub extern "C" fn native_tcp_flush(handle: i64) -> i64 {
    net_done(with_stream(handle, |_, mut stream| {
        if let Some(error) = stream.take_error()? {
            return Err(error.into());
        }
        stream.peer_addr()?;
        if !stream.nodelay()? {
            // Turning the delay off sends everything; later packets are collected again.
            stream.set_nodelay(true)?;
            stream.set_nodelay(false)?;
        }
        Ok(stream.flush()?)
    }))
}

/// Ends a direction of a connection: reading (0), writing (1, which the other side sees as the end)
/// or both (2). Returns 0; -1 for a bad handle or direction, -4 if the connection is gone, -7 for
/// any other error.
#[no_mangle]
pub extern "C" fn native_tcp_shutdown(handle: i64, direction: i64) -> i64 {
    net_done(with_stream(handle, |_, stream| {
        let direction = match direction {
            0 => Shutdown::Read,
            1 => Shutdown::Write,
            2 => Shutdown::Both,
            _ => return Err(NetError::bad(format!("{direction} is no direction"))),
        };
        Ok(stream.shutdown(direction)?)
    }))
}

/// Closes a connection or a listener; whoever waits at it gets -4 or, of a connection, the end.
/// Returns 0, and -1 for a bad handle, also if it is closed already.
#[no_mangle]
pub extern "C" fn native_tcp_close(handle: i64) -> i64 {
    let Some(socket) = TCP_SOCKETS.remove(handle) else {
        return NetError::bad(format!("{handle} is the handle of no such socket")).record();
    };
    socket.closed.store(true, SeqCst);
    if let TcpEnd::Stream(stream) = &socket.socket {
        // It may be gone already, which is as good.
        let _ = stream.shutdown(Shutdown::Both);
    }
    0
}

/// Whether small packets are sent at once (true) or collected for a moment (false, as it is at
/// first). Returns 0; -1 for a bad handle, -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_tcp_set_nodelay(handle: i64, nodelay: bool) -> i64 {
    net_done(with_stream(handle, |_, stream| {
        Ok(stream.set_nodelay(nodelay)?)
    }))
}

/// What was set by [`native_tcp_set_nodelay`]: 1 or 0; -1 for a bad handle, -7 for an error of the
/// system.
#[no_mangle]
pub extern "C" fn native_tcp_get_nodelay(handle: i64) -> i64 {
    net_code(with_stream(handle, |_, stream| {
        Ok(i64::from(stream.nodelay()?))
    }))
}

/// Has the system ask a silent other side whether it is still there (true) or not (false, as it is
/// at first), for the first time after `idle_seconds` (1 ..= 32,767; 0 for the system's own choice).
/// Returns 0; -1 for a bad handle or time, -6 if the system cannot, -7 for any other error.
#[no_mangle]
pub extern "C" fn native_tcp_set_keepalive(handle: i64, keepalive: bool, idle_seconds: i64) -> i64 {
    net_done(with_stream(handle, |_, stream| {
        if !(0..=TCP_MAX_IDLE_S).contains(&idle_seconds) {
            let message = format!("{idle_seconds} s is not within 0 ..= {TCP_MAX_IDLE_S}");
            return Err(NetError::bad(message));
        }
        set_keepalive(stream, keepalive, idle_seconds as i32)
    }))
}

/// Sets how many connections may wait to be accepted (1 ..= 65,535); the system may allow fewer.
/// Returns 0; -1 for a bad handle or number, -6 if the system cannot, -7 for any other error.
#[no_mangle]
pub extern "C" fn native_tcp_set_backlog(handle: i64, backlog: i64) -> i64 {
    net_done(net_get(&TCP_SOCKETS, handle).and_then(|socket| {
        let listener = socket.listener()?;
        if !(1..=TCP_MAX_BACKLOG).contains(&backlog) {
            let message = format!("backlog {backlog} is not within 1 ..= {TCP_MAX_BACKLOG}");
            return Err(NetError::bad(message));
        }
        set_backlog(listener, backlog as i32)
    }))
}

// The numbers below are those of the system's headers. Linux has other ones on MIPS and SPARC.

#[cfg(unix)]
const LINUX_NUMBERS: bool = cfg!(all(
    any(target_os = "linux", target_os = "android"),
    not(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6",
        target_arch = "sparc",
        target_arch = "sparc64"
    ))
));
#[cfg(unix)]
const SOL_SOCKET: i32 = if LINUX_NUMBERS { 1 } else { 0xffff };
#[cfg(unix)]
const SO_KEEPALIVE: i32 = if LINUX_NUMBERS { 9 } else { 8 };
#[cfg(unix)]
const IPPROTO_TCP: i32 = 6;

/// Number of the option for the idle time, where there is one.
#[cfg(unix)]
const TCP_KEEPIDLE: Option<i32> = if cfg!(any(target_os = "linux", target_os = "android")) {
    Some(4)
} else if cfg!(target_vendor = "apple") {
    Some(0x10)
} else if cfg!(target_os = "freebsd") {
    Some(256)
} else if cfg!(target_os = "netbsd") {
    Some(3)
} else {
    None
};

#[cfg(unix)]
fn set_keepalive(stream: &TcpStream, keepalive: bool, idle_seconds: i32) -> NetOutcome<()> {
    use std::os::fd::AsRawFd;
    let set = |level, option, value: i32| -> NetOutcome<()> {
        let len = std::mem::size_of::<i32>() as u32;
        // SAFETY: the socket is open as long as the stream is there, and the value is an int.
        if unsafe { setsockopt(stream.as_raw_fd(), level, option, &value, len) } != 0 {
            return Err(io::Error::last_os_error().into());
        }
        Ok(())
    };
    set(SOL_SOCKET, SO_KEEPALIVE, i32::from(keepalive))?;
    match TCP_KEEPIDLE {
        _ if !keepalive || idle_seconds == 0 => Ok(()),
        Some(option) => set(IPPROTO_TCP, option, idle_seconds),
        None => Err(NetError::new(
            NET_UNSUPPORTED,
            "this system has no idle time to set",
        )),
    }
}

#[cfg(not(unix))]
fn set_keepalive(_stream: &TcpStream, _keepalive: bool, _idle_seconds: i32) -> NetOutcome<()> {
    Err(NetError::new(
        NET_UNSUPPORTED,
        "keepalive cannot be set on this system",
    ))
}

#[cfg(unix)]
fn set_backlog(listener: &TcpListener, backlog: i32) -> NetOutcome<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the socket is open as long as the listener is there; it listens already, and doing so
    // again changes the number alone.
    if unsafe { listen(listener.as_raw_fd(), backlog) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    Ok(())
}

#[cfg(not(unix))]
fn set_backlog(_listener: &TcpListener, _backlog: i32) -> NetOutcome<()> {
    Err(NetError::new(
        NET_UNSUPPORTED,
        "the backlog cannot be set on this system",
    ))
}

socket_timeouts! {
    /// Sets how long reading, peeking and accepting wait.
    native_tcp_set_read_timeout => TCP_SOCKETS, read_timeout_ms;
    /// Sets how long writing waits.
    native_tcp_set_write_timeout => TCP_SOCKETS, write_timeout_ms;
}

// ---------------------------------------------------------------------------
// Network: UDP
// ---------------------------------------------------------------------------

/// Most bytes of a datagram, with the headers of IPv4 taken off.
const UDP_MAX_DATAGRAM: usize = 65_507;

static UDP_SOCKETS: HandleTable<NetSocket<UdpSocket>> = HandleTable::new();

fn with_udp<R>(
    handle: i64,
    action: impl FnOnce(&NetSocket<UdpSocket>, &UdpSocket) -> NetOutcome<R>,
) -> NetOutcome<R> {
    let socket = net_get(&UDP_SOCKETS, handle)?;
    action(&socket, &socket.socket)
}

/// The other side that a socket was connected to.
fn udp_peer(socket: &UdpSocket) -> NetOutcome<SocketAddr> {
    socket
        .peer_addr()
        .map_err(|error| NetError::new(NET_CLOSED, format!("not connected: {error}")))
}

/// Makes a socket at an address and returns its handle; what was bound as port goes to `port` unless
/// that is null. Errors as for [`native_tcp_bind`].
///
/// # Safety
/// `address` is null or valid for reads of `len` bytes; `port` is null or valid for the write of a
/// number.
#[no_mangle]
pub unsafe extern "C" fn native_udp_bind(address: *const u8, len: i64, port: *mut i64) -> i64 {
    let bind = || {
        let text = text_argument(address, len, "the address")?;
        let socket = with_addresses(text, net_deadline(NET_DEFAULT_TIMEOUT_MS), |address| {
            Ok(UdpSocket::bind(address)?)
        })?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?.port();
        let handle = net_insert(&UDP_SOCKETS, socket)?;
        if !port.is_null() {
            port.write_unaligned(i64::from(bound));
        }
        Ok(handle)
    };
    net_code(bind())
}

/// Sets the other side: from then on datagrams come from there alone, and [`native_udp_send`] sends
/// there. Returns 0; -1 for a bad handle or address, -2 if a name takes longer than 30 s to look up,
/// -5 if there is no such address, -7 for any other error.
///
/// # Safety
/// `address` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_udp_connect(handle: i64, address: *const u8, len: i64) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        let text = text_argument(address, len, "the address")?;
        with_addresses(text, net_deadline(NET_DEFAULT_TIMEOUT_MS), |address| {
            Ok(socket.connect(address)?)
        })
    }))
}

/// Closes a socket; whoever waits at it gets -4. Returns 0, and -1 for a bad handle, also if it is
/// closed already.
#[no_mangle]
pub extern "C" fn native_udp_close(handle: i64) -> i64 {
    match UDP_SOCKETS.remove(handle) {
        Some(socket) => {
            socket.closed.store(true, SeqCst);
            0
        }
        None => NetError::bad(format!("{handle} is the handle of no such socket")).record(),
    }
}

/// The bytes of a datagram to send.
///
/// # Safety
/// As for [`bytes_from_raw`].
unsafe fn datagram<'a>(data: *const u8, len: i64) -> NetOutcome<&'a [u8]> {
    let data = bytes_from_raw(data, len)
        .ok_or_else(|| NetError::bad("the bytes to send cannot be read"))?;
    if data.len() > UDP_MAX_DATAGRAM {
        let message = format!("{len} bytes are more than {UDP_MAX_DATAGRAM}");
        return Err(NetError::new(NET_TOO_LARGE, message));
    }
    Ok(data)
}

/// Sends a datagram to the other side that was set by [`native_udp_connect`], and returns its
/// length. -1 for a bad handle or buffer, -2 after the write timeout, -3 if an earlier one was
/// refused there, -4 without another side, -9 for more than 65,507 bytes, -7 for any other error.
///
/// # Safety
/// `data` is null or valid for reads of `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_udp_send(handle: i64, data: *const u8, len: i64) -> i64 {
    net_code(with_udp(handle, |state, socket| {
        let data = datagram(data, len)?;
        udp_peer(socket)?;
        let sent = state.perform(socket, Readiness::Writable, || socket.send(data))?;
        Ok(length_of(sent))
    }))
}

/// Sends a datagram to an address, and returns its length. Errors as for [`native_udp_send`]; also
/// -5 if there is no such address, and -2 if a name takes longer than the write timeout to look up.
///
/// # Safety
/// `data` and `address` are null or valid for reads of as many bytes as given.
#[no_mangle]
pub unsafe extern "C" fn native_udp_send_to(
    handle: i64,
    data: *const u8,
    len: i64,
    address: *const u8,
    address_len: i64,
) -> i64 {
    net_code(with_udp(handle, |state, socket| {
        let data = datagram(data, len)?;
        let text = text_argument(address, address_len, "the address")?;
        let deadline = net_deadline(state.write_timeout_ms.load(Relaxed));
        let sent = with_addresses(text, deadline, |address| {
            when_ready(socket, Readiness::Writable, deadline, &state.closed, || {
                socket.send_to(data, address)
            })
        })?;
        Ok(length_of(sent))
    }))
}

/// Where a datagram and the address of its sender go.
struct UdpTarget {
    out: *mut u8,
    cap: i64,
    from: *mut u8,
    from_cap: i64,
    from_len: *mut i64,
}

impl UdpTarget {
    /// For whoever does not ask for the sender.
    fn data(out: *mut u8, cap: i64) -> Self {
        let (from, from_len) = (std::ptr::null_mut(), std::ptr::null_mut());
        Self {
            out,
            cap,
            from,
            from_cap: 0,
            from_len,
        }
    }

    /// Waits for a datagram and gives its full length.
    ///
    /// # Safety
    /// The pointers are null or valid for writes of as much as is said.
    unsafe fn fill(
        self,
        handle: i64,
        receive: impl Fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)>,
    ) -> i64 {
        net_code(with_udp(handle, |state, socket| {
            net_buffer(self.out, self.cap)?;
            net_buffer(self.from, self.from_cap)?;
            let mut buffer = vec![0; NET_BUFFER];
            let (count, sender) =
                state.perform(socket, Readiness::Readable, || receive(socket, &mut buffer))?;
            if let Some(sender) = sender {
                net_text_out(&sender.to_string(), self.from, self.from_cap, self.from_len);
            }
            Ok(copy_out(&buffer[..count], self.out, self.cap))
        }))
    }
}

/// Waits for a datagram, copies it to `out` and returns its full length; what has no room there is
/// lost. -1 for a bad handle or buffer, -2 after the read timeout, -3 if an earlier datagram was
/// refused by the other side, -4 without another side (see [`native_udp_connect`]) and if the socket
/// is closed meanwhile, -7 for any other error.
///
/// # Safety
/// `out` is null (with `cap` 0) or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_udp_recv(handle: i64, out: *mut u8, cap: i64) -> i64 {
    UdpTarget::data(out, cap).fill(handle, |socket, buffer| {
        socket.peer_addr()?;
        Ok((socket.recv(buffer)?, None))
    })
}

/// As [`native_udp_recv`], but the datagram stays, and is received again the next time; with a null
/// pointer and 0 it tells the length.
///
/// # Safety
/// As for [`native_udp_recv`].
#[no_mangle]
pub unsafe extern "C" fn native_udp_peek(handle: i64, out: *mut u8, cap: i64) -> i64 {
    UdpTarget::data(out, cap).fill(handle, |socket, buffer| {
        socket.peer_addr()?;
        Ok((socket.peek(buffer)?, None))
    })
}

/// Waits for a datagram from anywhere, copies it to `out` and returns its full length; what has no
/// room there is lost. The address of the sender goes to `from` and its full length to `from_len`,
/// unless they are null. Errors as for [`native_udp_recv`], but no other side is needed.
///
/// # Safety
/// `out` and `from` are null (with 0 as room) or valid for writes of as many bytes as given;
/// `from_len` is null or valid for the write of a number.
#[no_mangle]
pub unsafe extern "C" fn native_udp_recv_from(
    handle: i64,
    out: *mut u8,
    cap: i64,
    from: *mut u8,
    from_cap: i64,
    from_len: *mut i64,
) -> i64 {
    let target = UdpTarget {
        out,
        cap,
        from,
        from_cap,
        from_len,
    };
    target.fill(handle, |socket, buffer| {
        let (count, sender) = socket.recv_from(buffer)?;
        Ok((count, Some(sender)))
    })
}

/// As [`native_udp_recv_from`], but the datagram stays, and is received again the next time.
///
/// # Safety
/// As for [`native_udp_recv_from`].
#[no_mangle]
pub unsafe extern "C" fn native_udp_peek_from(
    handle: i64,
    out: *mut u8,
    cap: i64,
    from: *mut u8,
    from_cap: i64,
    from_len: *mut i64,
) -> i64 {
    let target = UdpTarget {
        out,
        cap,
        from,
        from_cap,
        from_len,
    };
    target.fill(handle, |socket, buffer| {
        let (count, sender) = socket.peek_from(buffer)?;
        Ok((count, Some(sender)))
    })
}

/// Copies the address of the other side (see [`native_udp_connect`]) to `out` and returns its full
/// length; -1 for a bad handle or buffer, -4 if there is none.
///
/// # Safety
/// `out` is null (with `cap` 0) or valid for writes of `cap` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_udp_peer_addr(handle: i64, out: *mut u8, cap: i64) -> i64 {
    net_code(with_udp(handle, |_, socket| {
        net_buffer(out, cap)?;
        let peer = udp_peer(socket)?;
        Ok(copy_out(peer.to_string().as_bytes(), out, cap))
    }))
}

/// Allows datagrams to a broadcast address (not allowed at first). Returns 0; -1 for a bad handle,
/// -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_udp_set_broadcast(handle: i64, broadcast: bool) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        Ok(socket.set_broadcast(broadcast)?)
    }))
}

/// What was set by [`native_udp_set_broadcast`]: 1 or 0; -1 for a bad handle, -7 for an error of the
/// system.
#[no_mangle]
pub extern "C" fn native_udp_get_broadcast(handle: i64) -> i64 {
    net_code(with_udp(handle, |_, socket| {
        Ok(i64::from(socket.broadcast()?))
    }))
}

/// A number of hops within 8 bits.
fn hops(count: i64, least: i64) -> NetOutcome<u32> {
    if (least..=255).contains(&count) {
        return Ok(count as u32);
    }
    let message = format!("{count} hops are not within {least} ..= 255");
    Err(NetError::bad(message))
}

/// Sets how many hops (1 ..= 255) a datagram of IPv4 may take. Returns 0; -1 for a bad handle or
/// number, -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_udp_set_ttl(handle: i64, ttl: i64) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        Ok(socket.set_ttl(hops(ttl, 1)?)?)
    }))
}

/// How many hops a datagram of IPv4 may take; -1 for a bad handle, -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_udp_get_ttl(handle: i64) -> i64 {
    net_code(with_udp(handle, |_, socket| Ok(i64::from(socket.ttl()?))))
}

fn is_ipv6(socket: &UdpSocket) -> NetOutcome<bool> {
    Ok(socket.local_addr()?.is_ipv6())
}

/// Sets how many hops (0 ..= 255; 1 at first) a datagram to a group may take. Returns 0; -1 for a
/// bad handle or number, -6 for a socket of IPv6, -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_udp_set_multicast_ttl(handle: i64, ttl: i64) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        let ttl = hops(ttl, 0)?;
        if is_ipv6(socket)? {
            let message = "the hops to a group can be set for IPv4 only";
            return Err(NetError::new(NET_UNSUPPORTED, message));
        }
        Ok(socket.set_multicast_ttl_v4(ttl)?)
    }))
}

/// Whether this machine also receives what the socket sends to a group (it does at first). Returns
/// 0; -1 for a bad handle, -7 for an error of the system.
#[no_mangle]
pub extern "C" fn native_udp_set_multicast_loop(handle: i64, looped: bool) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        let set = if is_ipv6(socket)? {
            UdpSocket::set_multicast_loop_v6
        } else {
            UdpSocket::set_multicast_loop_v4
        };
        Ok(set(socket, looped)?)
    }))
}

/// Joins or leaves a group of IPv4.
///
/// # Safety
/// As for [`str_from_raw`].
unsafe fn change_membership_v4(
    handle: i64,
    group: (*const u8, i64),
    interface: (*const u8, i64),
    change: fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>,
) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        let group = text_argument(group.0, group.1, "the group")?;
        let interface = text_argument(interface.0, interface.1, "the interface")?;
        let group = group.parse().ok().filter(Ipv4Addr::is_multicast);
        let interface = match interface {
            "" => Some(Ipv4Addr::UNSPECIFIED),
            address => address.parse().ok(),
        };
        match (group, interface) {
            (Some(group), Some(interface)) => Ok(change(socket, &group, &interface)?),
            (None, _) => Err(NetError::bad("the group is no multicast address of IPv4")),
            (_, None) => Err(NetError::bad("the interface is no address of IPv4")),
        }
    }))
}

/// Joins a group: its address such as `224.0.0.251`, and the address of the local interface to listen
/// on, empty for the system's choice. Returns 0; -1 for a bad handle or text, -5 if the group was
/// joined already, -5 or -7 (as the system sees it) without such an interface, -7 for any other error.
///
/// # Safety
/// `group` and `local` are null or valid for reads of as many bytes as given.
#[no_mangle]
pub unsafe extern "C" fn native_udp_join_multicast_v4(
    handle: i64,
    group: *const u8,
    group_len: i64,
    local: *const u8,
    local_len: i64,
) -> i64 {
    change_membership_v4(
        handle,
        (group, group_len),
        (local, local_len),
        UdpSocket::join_multicast_v4,
    )
}

/// Leaves a group that was joined by [`native_udp_join_multicast_v4`] with the same texts. Returns
/// 0; -1 for a bad handle or text, -5 if it was not joined, -7 for any other error.
///
/// # Safety
/// As for [`native_udp_join_multicast_v4`].
#[no_mangle]
pub unsafe extern "C" fn native_udp_leave_multicast_v4(
    handle: i64,
    group: *const u8,
    group_len: i64,
    local: *const u8,
    local_len: i64,
) -> i64 {
    change_membership_v4(
        handle,
        (group, group_len),
        (local, local_len),
        UdpSocket::leave_multicast_v4,
    )
}

/// As [`change_membership_v4`]; an interface of IPv6 has a number.
///
/// # Safety
/// As for [`str_from_raw`].
unsafe fn change_membership_v6(
    handle: i64,
    group: (*const u8, i64),
    index: i64,
    change: fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>,
) -> i64 {
    net_done(with_udp(handle, |_, socket| {
        let group = text_argument(group.0, group.1, "the group")?;
        let group = group.parse().ok().filter(Ipv6Addr::is_multicast);
        match (group, u32::try_from(index)) {
            (Some(group), Ok(interface)) => Ok(change(socket, &group, interface)?),
            (None, _) => Err(NetError::bad("the group is no multicast address of IPv6")),
            (_, Err(_)) => Err(NetError::bad(format!("{index} is no interface"))),
        }
    }))
}

/// Joins a group: its address such as `ff02::fb`, and the number of the interface to listen on, 0
/// for the system's choice. Returns 0; -1 for a bad handle, text or number, -5 if the group was
/// joined already, -7 for any other error, also if there is no such interface.
///
/// # Safety
/// `group` is null or valid for reads of `group_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn native_udp_join_multicast_v6(
    handle: i64,
    group: *const u8,
    group_len: i64,
    index: i64,
) -> i64 {
    let join = UdpSocket::join_multicast_v6;
    change_membership_v6(handle, (group, group_len), index, join)
}

/// Leaves a group that was joined by [`native_udp_join_multicast_v6`] with the same interface.
/// Returns 0; -1 for a bad handle, text or number, -5 if it was not joined, -7 for any other error.
///
/// # Safety
/// As for [`native_udp_join_multicast_v6`].
#[no_mangle]
pub unsafe extern "C" fn native_udp_leave_multicast_v6(
    handle: i64,
    group: *const u8,
    group_len: i64,
    index: i64,
) -> i64 {
    let leave = UdpSocket::leave_multicast_v6;
    change_membership_v6(handle, (group, group_len), index, leave)
}

socket_timeouts! {
    /// Sets how long receiving and peeking wait.
    native_udp_set_read_timeout => UDP_SOCKETS, read_timeout_ms;
    /// Sets how long sending waits.
    native_udp_set_write_timeout => UDP_SOCKETS, write_timeout_ms;
}

// ---------------------------------------------------------------------------
// Network: HTTP/1.1
// ---------------------------------------------------------------------------

const HTTP_MAX_URL: usize = 8 << 10;

/// Most bytes of a request's own headers, and of status line, headers and trailers of a response
/// (interim responses included).
const HTTP_MAX_HEAD: usize = 64 << 10;

/// Most bytes of the body of a response.
const HTTP_MAX_BODY: usize = 16 << 20;

/// Headers that say where a message ends: nobody but the client itself may set them.
const HTTP_OWN_HEADERS: [&str; 6] = [
    "connection",
    "content-length",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The parts of a URL that are sent.
#[derive(Debug, PartialEq, Eq)]
struct HttpUrl {
    /// What to connect to.
    address: String,
    /// For the header `Host`.
    host: String,
    /// Path and query.
    target: String,
}

impl HttpUrl {
    fn parse(url: &str) -> NetOutcome<Self> {
        let wrong = |why: &str| NetError::bad(format!("the URL {why}"));
        if url.len() > HTTP_MAX_URL {
            return Err(NetError::new(NET_TOO_LARGE, "the URL is too long"));
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong("has no scheme"));
        };
        if !scheme.eq_ignore_ascii_case("http") {
            let message = format!("the scheme {scheme:?} is not supported");
            return Err(NetError::new(NET_UNSUPPORTED, message));
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("holds a character that must be percent-encoded"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(wrong("holds a user name"));
        }
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (authority, ""),
        };
        let number: u16 = match port {
            "" => 80,
            digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().unwrap_or(0)
            }
            _ => 0,
        };
        if number == 0 {
            return Err(wrong("has no port between 1 and 65535"));
        }
        if name.is_empty() {
            return Err(wrong("has no host"));
        }
        Ok(Self {
            address: format!("{name}:{number}"),
            host: if number == 80 {
                name.to_owned()
            } else {
                format!("{name}:{number}")
            },
            target: match target.as_bytes().first() {
                Some(b'/') => target.to_owned(),
                _ => format!("/{target}"),
            },
        })
    }
}

fn is_http_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_header_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// The head of a request.
fn http_head(method: &str, url: &HttpUrl, headers: &str, body: &[u8]) -> NetOutcome<String> {
    if !is_http_token(method) || method.len() > 32 || method.eq_ignore_ascii_case("CONNECT") {
        return Err(NetError::bad(format!("{method:?} is no method to send")));
    }
    if headers.len() > HTTP_MAX_HEAD {
        let message = format!("the headers have more than {HTTP_MAX_HEAD} bytes");
        return Err(NetError::new(NET_TOO_LARGE, message));
    }
    let mut own = String::new();
    let mut named_host = false;
    for line in headers.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or(("", line));
        if !is_http_token(name) || !is_header_value(value.as_bytes()) {
            return Err(NetError::bad(format!("{line:?} is no header")));
        }
        let lower = name.to_ascii_lowercase();
        if HTTP_OWN_HEADERS.contains(&lower.as_str()) || (lower == "host" && named_host) {
            return Err(NetError::bad(format!("the header {name} cannot be set")));
        }
        named_host |= lower == "host";
        let _ = write!(own, "{name}: {}\r\n", value.trim());
    }
    let mut head = format!("{method} {} HTTP/1.1\r\n", url.target);
    if !named_host {
        let _ = write!(head, "Host: {}\r\n", url.host);
    }
    head.push_str("Connection: close\r\n");
    if !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method) {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str(&own);
    head.push_str("\r\n");
    Ok(head)
}

/// How the end of a body is found.
#[derive(Debug, PartialEq, Eq)]
enum HttpFraming {
    Length(usize),
    Chunked,
    UntilClosed,
}

struct HttpResponse {
    status: i64,
    /// In the order of their names, which are in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Where the bytes of a response come from: the socket, or a text in tests.
trait HttpSource {
    /// Appends what there is; 0 at the end.
    fn more(&mut self, buffer: &mut Vec<u8>) -> NetOutcome<usize>;
}

/// A connection with the time that is left for all of an exchange.
struct HttpStream {
    stream: TcpStream,
    deadline: Instant,
    closed: AtomicBool,
}

impl HttpSource for HttpStream {
    fn more(&mut self, buffer: &mut Vec<u8>) -> NetOutcome<usize> {
        // Also if the bytes come one by one and there is always another one.
        time_left(self.deadline)?;
        let mut piece = [0; 8 << 10];
        let mut stream = &self.stream;
        let readable = Readiness::Readable;
        let count = when_ready(stream, readable, self.deadline, &self.closed, || {
            stream.read(&mut piece)
        })?;
        buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}

struct HttpReader<S> {
    source: S,
    buffer: Vec<u8>,
    at: usize,
    /// How many bytes the lines may still have.
    head_left: usize,
}

fn protocol_error(message: impl Into<String>) -> NetError {
    NetError::new(NET_PROTOCOL, message)
}

impl<S: HttpSource> HttpReader<S> {
    fn new(source: S) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            at: 0,
            head_left: HTTP_MAX_HEAD,
        }
    }

    /// Gets more bytes; false at the end.
    fn fill(&mut self) -> NetOutcome<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        Ok(self.source.more(&mut self.buffer)? > 0)
    }

    fn must_fill(&mut self) -> NetOutcome<()> {
        if self.fill()? {
            return Ok(());
        }
        Err(protocol_error("the response ends early"))
    }

    /// A line without its end.
    fn line(&mut self) -> NetOutcome<Vec<u8>> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.at..];
            let found = rest[searched..].iter().position(|&byte| byte == b'\n');
            searched = found.map_or(rest.len(), |at| searched + at + 1);
            if searched > self.head_left {
                let message =
                    format!("the response has more than {HTTP_MAX_HEAD} bytes of headers");
                return Err(NetError::new(NET_TOO_LARGE, message));
            }
            if found.is_some() {
                let mut line = rest[..searched - 1].to_vec();
                self.at += searched;
                self.head_left -= searched;
                if line.ends_with(b"\r") {
                    line.pop();
                }
                return Ok(line);
            }
            self.must_fill()?;
        }
    }

    fn status(&mut self) -> NetOutcome<i64> {
        let line = self.line()?;
        let digits = match line.as_slice() {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', b' ', digits @ ..] => digits,
            _ => return Err(protocol_error("the response begins with no status line")),
        };
        match digits {
            [a @ b'1'..=b'5', b, c, rest @ ..]
                if b.is_ascii_digit() && c.is_ascii_digit() && matches!(rest, [] | [b' ', ..]) =>
            {
                let digit = |digit: &u8| i64::from(digit - b'0');
                Ok(digit(a) * 100 + digit(b) * 10 + digit(c))
            }
            _ => Err(protocol_error("the response has no status")),
        }
    }

    fn headers(&mut self) -> NetOutcome<BTreeMap<String, String>> {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let colon = line.iter().position(|&byte| byte == b':');
            let (name, value) = line.split_at(colon.unwrap_or(0));
            let name = std::str::from_utf8(name).unwrap_or_default();
            // A line that begins with a space, which once went on with the one before, ends here too.
            if !is_http_token(name) || !is_header_value(&value[1..]) {
                return Err(protocol_error("the response has a line that is no header"));
            }
            let value = String::from_utf8_lossy(&value[1..]);
            let value = value.trim_matches([' ', '\t']);
            let known = headers.entry(name.to_ascii_lowercase());
            known
                .and_modify(|all| {
                    // A cookie may hold a comma.
                    let between = if name.eq_ignore_ascii_case("set-cookie") {
                        "\n"
                    } else {
                        ", "
                    };
                    all.push_str(between);
                    all.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
    }

    /// Appends this many bytes to a body.
    fn take(&mut self, mut count: usize, body: &mut Vec<u8>) -> NetOutcome<()> {
        check_body_size(body.len().checked_add(count))?;
        while count > 0 {
            if self.at == self.buffer.len() {
                self.must_fill()?;
            }
            let step = count.min(self.buffer.len() - self.at);
            body.extend_from_slice(&self.buffer[self.at..self.at + step]);
            self.at += step;
            count -= step;
        }
        Ok(())
    }

    fn chunks(&mut self) -> NetOutcome<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
            let text = std::str::from_utf8(size).unwrap_or_default();
            let text = text.trim_end_matches([' ', '\t']);
            if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(protocol_error("a chunk has no size"));
            }
            let size = usize::from_str_radix(text, 16).ok();
            check_body_size(size)?;
            // What goes with one chunk does not use up what the headers may have.
            self.head_left = HTTP_MAX_HEAD;
            match size {
                Some(0) => {
                    self.headers()?;
                    return Ok(body);
                }
                size => self.take(size.unwrap_or(usize::MAX), &mut body)?,
            }
            if !self.line()?.is_empty() {
                return Err(protocol_error("a chunk is longer than its size"));
            }
        }
    }

    fn body(&mut self, framing: HttpFraming) -> NetOutcome<Vec<u8>> {
        let mut body = Vec::new();
        match framing {
            HttpFraming::Length(length) => self.take(length, &mut body)?,
            HttpFraming::Chunked => body = self.chunks()?,
            HttpFraming::UntilClosed => loop {
                self.take(self.buffer.len() - self.at, &mut body)?;
                if !self.fill()? {
                    break;
                }
            },
        }
        Ok(body)
    }

    fn response(&mut self, method: &str) -> NetOutcome<HttpResponse> {
        loop {
            let status = self.status()?;
            let headers = self.headers()?;
            match status {
                101 => return Err(protocol_error("the other side changes the protocol")),
                100..=199 => continue,
                _ => {}
            }
            let framing = http_framing(method, status, &headers)?;
            let body = self.body(framing)?;
            return Ok(HttpResponse {
                status,
                headers,
                body,
            });
        }
    }
}

fn check_body_size(size: Option<usize>) -> NetOutcome<()> {
    if size.is_some_and(|size| size <= HTTP_MAX_BODY) {
        return Ok(());
    }
    let message = format!("the body of the response has more than {HTTP_MAX_BODY} bytes");
    Err(NetError::new(NET_TOO_LARGE, message))
}

/// How the body ends, by RFC 9112, section 6.3.
fn http_framing(
    method: &str,
    status: i64,
    headers: &BTreeMap<String, String>,
) -> NetOutcome<HttpFraming> {
    let length = headers.get("content-length");
    let coding = headers.get("transfer-encoding");
    if method == "HEAD" || status == 204 || status == 304 {
        return Ok(HttpFraming::Length(0));
    }
    match (coding, length) {
        (Some(_), Some(_)) => Err(protocol_error("the response has two kinds of length")),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(HttpFraming::Chunked),
        (Some(coding), None) => {
            let message = format!("the transfer coding {coding:?} is not supported");
            Err(NetError::new(NET_UNSUPPORTED, message))
        }
        (None, None) => Ok(HttpFraming::UntilClosed),
        (None, Some(lengths)) => {
            let mut all = lengths.split(',').map(str::trim);
            let first = all.next().unwrap_or_default();
            let digits = !first.is_empty() && first.bytes().all(|digit| digit.is_ascii_digit());
            if !digits || all.any(|other| other != first) {
                return Err(protocol_error("the response has no clear length"));
            }
            let length = first.parse().ok();
            check_body_size(length)?;
            Ok(HttpFraming::Length(length.unwrap_or(usize::MAX)))
        }
    }
}

/// Sends a request and reads the response to it.
fn http_exchange(
    (method, url): (&str, &str),
    headers: &str,
    body: &[u8],
    timeout_ms: i64,
) -> NetOutcome<HttpResponse> {
    let deadline = net_deadline(net_timeout(timeout_ms, 1)?);
    let url = HttpUrl::parse(url)?;
    let head = http_head(method, &url, headers, body)?;
    let connection = HttpStream {
        stream: tcp_stream(&url.address, deadline)?,
        deadline,
        closed: AtomicBool::new(false),
    };
    let send = |data: &[u8]| {
        let (_, error) = tcp_send(&connection.stream, data, deadline, &connection.closed);
        error
    };
    let unsent = send(head.as_bytes()).or_else(|| send(body));
    match unsent {
        Some(error) if error.code != NET_CLOSED => return Err(error),
        _ => {}
    }
    // Whoever refuses a body may answer without having read all of it.
    let response = HttpReader::new(connection).response(method);
    match unsent {
        Some(error) if response.is_err() => Err(error),
        _ => response,
    }
}

impl HttpResponse {
    fn into_value(self) -> Outcome<RuntimeValue> {
        let headers = rt_dict_new(0);
        for (name, value) in &self.headers {
            let set = with_dict_key(headers, string_value(name), |table, hash| {
                table.insert(hash, string_value(name), string_value(value))
            });
            set.and_then(|done| done)?;
        }
        let body = match String::from_utf8(self.body) {
            Ok(text) => string_value(&text),
            Err(bytes) => {
                let bytes = bytes.into_bytes();
                let mut items = nil_slots(bytes.len())?;
                for (item, byte) in items.iter_mut().zip(bytes) {
                    *item = RuntimeValue::from_int(i64::from(byte));
                }
                array_value(items)
            }
        };
        let response = rt_tuple_new(3);
        for (index, part) in [RuntimeValue::from_int(self.status), headers, body]
            .into_iter()
            .enumerate()
        {
            with_slots(response, |data: &TupleData| data.put(index as i64, part))?;
        }
        Ok(response)
    }
}

/// Sends a request by HTTP/1.1 and waits for the response, all of it within `timeout_ms`
/// (1 ..= 3,600,000).
///
/// The URL begins with `http://`. The headers are lines `Name: value`; the client itself sets the
/// length of the body, and asks for the connection to be closed, so that `Connection`,
/// `Content-Length`, `Expect`, `TE`, `Transfer-Encoding` and `Upgrade` cannot be set.
///
/// Returns a tuple of three: the status, a dict of the headers (names in lower case; the values of
/// several with one name joined by `, `, those of `Set-Cookie` by a line end), and the body, a string
/// if it is UTF-8 and an array of its bytes otherwise. A redirection is a response as any other.
///
/// An error gives an int and is recorded: -1 for bad arguments, -2 when the time is up, -3 if nobody
/// listens there, -4 if the connection breaks, -5 if there is no such address, -6 for another scheme
/// or an unknown transfer coding, -7 for another error of the system, -8 for a response that does not
/// keep to HTTP or ends early, -9 for more than 64 KiB of headers or 16 MiB of body in the response,
/// or 8 KiB of URL or 64 KiB of headers in the request. Nil if there is no memory for the response.
///
/// # Safety
/// `method`, `url`, `headers` and `body` are null or valid for reads of as many bytes as given.
// Each part of a request is a pointer and a length.
#[allow(clippy::too_many_arguments)]
#[no_mangle]
pub unsafe extern "C" fn native_http_send(
    method: *const u8,
    method_len: i64,
    url: *const u8,
    url_len: i64,
    headers: *const u8,
    headers_len: i64,
    body: *const u8,
    body_len: i64,
    timeout_ms: i64,
) -> RuntimeValue {
    let exchange = || {
        let method = text_argument(method, method_len, "the method")?;
        let url = text_argument(url, url_len, "the URL")?;
        let headers = text_argument(headers, headers_len, "the text of headers")?;
        let body = bytes_from_raw(body, body_len)
            .ok_or_else(|| NetError::bad("the body cannot be read"))?;
        http_exchange((method, url), headers, body, timeout_ms)
    };
    match exchange() {
        Ok(response) => value_or_nil(response.into_value()),
        Err(error) => RuntimeValue::from_int(error.record()),
    }
}

// ===========================================================================
// Concurrent: arena
// ===========================================================================

/// Largest single request and largest chunk of an arena or pool: 1 GiB.
const ARENA_MAX_REQUEST: usize = 1 << 30;
const ARENA_MIN_CHUNK: usize = 64;
const ARENA_CHUNK_ALIGN: usize = 16;

/// One block of memory from the system allocator, given back on drop.
struct RawChunk {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a chunk owns its memory, and nothing in it is bound to a thread.
unsafe impl Send for RawChunk {}

impl RawChunk {
    /// Zeroed memory of `size` bytes (at least one), or None if there is none to be had.
    fn zeroed(size: usize, align: usize) -> Option<Self> {
        let layout = Layout::from_size_align(size.max(1), align).ok()?;
        // SAFETY: the layout's size is not zero.
        let base = NonNull::new(unsafe { alloc::alloc_zeroed(layout) })?;
        Some(RawChunk { base, layout })
    }

    fn address(&self) -> usize {
        self.base.as_ptr() as usize
    }
}

impl Drop for RawChunk {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout.
        unsafe { alloc::dealloc(self.base.as_ptr(), self.layout) }
    }
}

struct Arena {
    chunk_size: usize,
    chunks: Vec<RawChunk>,
    /// Bytes taken from the last chunk, padding included.
    top: usize,
    /// Bytes handed out, padding not included.
    used: usize,
}

impl Arena {
    fn alloc(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        if let Some(chunk) = self.chunks.last() {
            let start =
                (chunk.address() + self.top).checked_next_multiple_of(align)? - chunk.address();
            if start + size <= chunk.layout.size() {
                self.top = start + size;
                self.used += size;
                // SAFETY: start + size is within the chunk.
                return NonNull::new(unsafe { chunk.base.as_ptr().add(start) });
            }
        }
        // A fresh chunk is aligned well enough that the request stands at its start.
        let chunk = RawChunk::zeroed(self.chunk_size.max(size), align.max(ARENA_CHUNK_ALIGN))?;
        let base = chunk.base;
        self.chunks.push(chunk);
        self.top = size;
        self.used += size;
        Some(base)
    }
}

static ARENAS: HandleTable<Mutex<Arena>> = HandleTable::new();

/// Makes an arena that takes memory from the system in chunks of `chunk_size` bytes (at least 64).
/// Returns 0 if the size is not positive or above 1 GiB.
#[no_mangle]
pub extern "C" fn rt_arena_new(chunk_size: i64) -> i64 {
    match usize::try_from(chunk_size) {
        Ok(size) if size > 0 && size <= ARENA_MAX_REQUEST => ARENAS.insert(Mutex::new(Arena {
            chunk_size: size.max(ARENA_MIN_CHUNK),
            chunks: Vec::new(),
            top: 0,
            used: 0,
        })),
        _ => 0,
    }
}

/// Hands out `size` zeroed bytes aligned to `align` (a power of two up to 4096).
///
/// The memory lives until the arena is reset or freed. Null for a bad handle, a size that is not
/// positive or is above 1 GiB, a bad alignment, or when there is no memory.
#[no_mangle]
pub extern "C" fn rt_arena_alloc(handle: i64, size: i64, align: i64) -> *mut u8 {
    let (Some(arena), Ok(size), Ok(align)) = (
        ARENAS.get(handle),
        usize::try_from(size),
        usize::try_from(align),
    ) else {
        return std::ptr::null_mut();
    };
    if size == 0 || size > ARENA_MAX_REQUEST || !align.is_power_of_two() || align > 4096 {
        return std::ptr::null_mut();
    }
    let mut arena = lock(&arena);
    arena
        .alloc(size, align)
        .map_or(std::ptr::null_mut(), NonNull::as_ptr)
}

/// Bytes handed out since the arena was made or reset; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_arena_used(handle: i64) -> i64 {
    ARENAS
        .get(handle)
        .map_or(-1, |arena| lock(&arena).used as i64)
}

/// Bytes the arena holds from the system; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_arena_capacity(handle: i64) -> i64 {
    ARENAS.get(handle).map_or(-1, |arena| {
        let arena = lock(&arena);
        arena.chunks.iter().map(|c| c.layout.size() as i64).sum()
    })
}

/// Takes back everything the arena handed out; pointers into it are dead. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_arena_reset(handle: i64) -> bool {
    let Some(arena) = ARENAS.get(handle) else {
        return false;
    };
    let mut arena = lock(&arena);
    arena.chunks.clear();
    arena.top = 0;
    arena.used = 0;
    true
}

/// Frees an arena and all memory it handed out. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_arena_free(handle: i64) -> bool {
    ARENAS.remove(handle).is_some()
}

// ===========================================================================
// Futures
// ===========================================================================
//
// A future is lazy: its function runs when somebody awaits the future, or when the executor gets
// to it, on the thread that does so, and at most once. A future without a function is a promise,
// which somebody has to resolve.

/// What a future runs. It must not unwind.
type FutureFn = extern "C" fn(argument: RuntimeValue) -> RuntimeValue;

/// Most futures made of futures (see [`rt_future_all`]) inside one another.
const MAX_FUTURE_NESTING: usize = 64;

/// Most parts of a future and of its parts, counted as often as it leads to them.
const MAX_FUTURE_PARTS: usize = 1 << 20;

/// Most callbacks inside one another on one thread.
const MAX_NESTED_CALLS: u32 = 200;

thread_local! {
    static NESTED_CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Counts a callback while it is held, so that those that call one another without end fail before
/// the stack is used up.
struct NestedCall;

impl NestedCall {
    fn enter() -> Outcome<Self> {
        let depth = Self::depth();
        if depth >= MAX_NESTED_CALLS {
            let message = format!("more than {MAX_NESTED_CALLS} callbacks inside one another");
            return Err(Failure::new(ERR_DEPTH, message));
        }
        Self::inherit(depth + 1);
        Ok(Self)
    }

    fn depth() -> u32 {
        NESTED_CALLS.try_with(Cell::get).unwrap_or(0)
    }

    /// Makes this thread go on counting where another one is.
    fn inherit(depth: u32) {
        let _ = NESTED_CALLS.try_with(|calls| calls.set(depth));
    }
}

impl Drop for NestedCall {
    fn drop(&mut self) {
        Self::inherit(Self::depth().saturating_sub(1));
    }
}

struct FutureCell {
    size: FutureSize,
    inner: Mutex<FutureInner>,
}

#[derive(Clone, Copy, Default)]
struct FutureSize {
    nesting: usize,
    parts: usize,
}

struct FutureInner {
    state: FutureState,
    /// The executor has it, until it is ready or the executor is shut down.
    scheduled: bool,
    watchers: Vec<Watcher>,
}

enum FutureState {
    Promise,
    Lazy(FutureTask),
    Running(ThreadId),
    Ready(Outcome<RuntimeValue>),
}

enum FutureTask {
    Call {
        function: FutureFn,
        argument: RuntimeValue,
    },
    All(Vec<Arc<FutureCell>>),
    Race(Vec<Arc<FutureCell>>),
}

/// Who wants to know when the state of a future changes.
enum Watcher {
    Thread(Arc<Completion<()>>),
    /// A future that the executor put aside.
    Parked(std::sync::Weak<FutureCell>),
}

/// How far an attempt to run a future came.
enum Step {
    Ready(Outcome<RuntimeValue>),
    /// One of these has to change first.
    Blocked(Vec<Arc<FutureCell>>),
    /// Not on this thread: too many callbacks are nested.
    Refused(Failure),
}

static FUTURES: HandleTable<FutureCell> = HandleTable::new();

/// The futures that each waiting thread waits for; one of them is enough.
fn future_waits() -> &'static Mutex<HashMap<ThreadId, Vec<Arc<FutureCell>>>> {
    static WAITS: OnceLock<Mutex<HashMap<ThreadId, Vec<Arc<FutureCell>>>>> = OnceLock::new();
    WAITS.get_or_init(Mutex::default)
}

impl FutureCell {
    fn new(state: FutureState, size: FutureSize) -> Self {
        Self {
            size,
            inner: Mutex::new(FutureInner {
                state,
                scheduled: false,
                watchers: Vec::new(),
            }),
        }
    }

    /// Changes the state and tells the watchers.
    fn set_state(self: &Arc<Self>, state: FutureState) {
        let mut inner = lock(&self.inner);
        inner.state = state;
        self.changed(inner);
    }

    /// Tells the watchers, and the executor if it has the future.
    fn changed(self: &Arc<Self>, mut inner: MutexGuard<'_, FutureInner>) {
        let watchers = std::mem::take(&mut inner.watchers);
        let ready = matches!(inner.state, FutureState::Ready(_));
        let unpark = ready && inner.scheduled;
        // Watchers lock other futures.
        drop(inner);
        if unpark {
            executor_unpark(self);
        }
        for watcher in watchers {
            match watcher {
                Watcher::Thread(signal) => signal.finish(()),
                Watcher::Parked(parked) => {
                    if let Some(parked) = parked.upgrade() {
                        executor_unpark(&parked);
                    }
                }
            }
        }
    }

    /// Registers a watcher; false if there is no reason to wait, but to try again.
    ///
    /// A future that only the executor has is worth it while there are workers: a shutdown tells
    /// the watchers.
    fn watch(&self, watcher: Watcher) -> bool {
        let mut inner = lock(&self.inner);
        let worth_it = match inner.state {
            FutureState::Promise | FutureState::Running(_) => true,
            FutureState::Lazy(_) => inner.scheduled && executor_has_workers(),
            FutureState::Ready(_) => false,
        };
        if worth_it {
            inner.watchers.push(watcher);
        }
        worth_it
    }

    fn unwatch(&self, signal: &Arc<Completion<()>>) {
        lock(&self.inner).watchers.retain(|watcher| match watcher {
            Watcher::Thread(other) => !Arc::ptr_eq(other, signal),
            Watcher::Parked(future) => future.strong_count() > 0,
        });
    }

    fn outcome(&self) -> Option<Outcome<RuntimeValue>> {
        match &lock(&self.inner).state {
            FutureState::Ready(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// Whether the value is there, or can be told without running anything.
    fn is_ready(&self) -> bool {
        // Parts are older than what is made of them: locking downwards cannot go round in a circle.
        match &lock(&self.inner).state {
            FutureState::Ready(_) => true,
            FutureState::Lazy(FutureTask::All(parts)) => parts.iter().all(|part| part.is_ready()),
            FutureState::Lazy(FutureTask::Race(parts)) => parts.iter().any(|part| part.is_ready()),
            _ => false,
        }
    }
}

/// Runs what can be run on this thread without waiting.
fn attempt_future(cell: &Arc<FutureCell>) -> Step {
    let task = {
        let mut inner = lock(&cell.inner);
        let running = FutureState::Running(thread::current().id());
        match std::mem::replace(&mut inner.state, running) {
            FutureState::Lazy(task) => task,
            FutureState::Ready(outcome) => {
                inner.state = FutureState::Ready(outcome.clone());
                return Step::Ready(outcome);
            }
            other => {
                inner.state = other;
                return Step::Blocked(vec![Arc::clone(cell)]);
            }
        }
    };
    let step = match &task {
        FutureTask::Call { function, argument } => match NestedCall::enter() {
            Ok(_nested) => Step::Ready(Ok(function(*argument))),
            Err(failure) => Step::Refused(failure),
        },
        FutureTask::All(parts) => attempt_all(parts),
        FutureTask::Race(parts) => attempt_race(parts),
    };
    cell.set_state(match &step {
        Step::Ready(outcome) => FutureState::Ready(outcome.clone()),
        // Lazy as before: whoever comes next takes it up again.
        Step::Blocked(_) | Step::Refused(_) => FutureState::Lazy(task),
    });
    step
}

fn attempt_all(parts: &[Arc<FutureCell>]) -> Step {
    let mut values = Vec::new();
    let mut open = None;
    for part in parts {
        match attempt_future(part) {
            Step::Ready(Ok(value)) => values.push(value),
            // One block is enough to wait for, since all have to go.
            other => open = open.or(Some(other)),
        }
    }
    open.unwrap_or_else(|| Step::Ready(Ok(array_value(values))))
}

fn attempt_race(parts: &[Arc<FutureCell>]) -> Step {
    let ready = parts.iter().find_map(|part| part.outcome()?.ok());
    if let Some(value) = ready {
        return Step::Ready(Ok(value));
    }
    let elsewhere = executor_has_workers() && !on_executor_worker();
    if elsewhere {
        for part in parts {
            // Those that are ready, begun or submitted already need nothing more.
            let _ = schedule_future(part);
        }
    }
    let mut blocks = Vec::new();
    let mut failure = None;
    for part in parts {
        let step = match part.outcome() {
            Some(outcome) => Step::Ready(outcome),
            None if elsewhere => Step::Blocked(vec![Arc::clone(part)]),
            None => attempt_future(part),
        };
        match step {
            Step::Ready(Ok(value)) => return Step::Ready(Ok(value)),
            Step::Blocked(more) => blocks.extend(more),
            failed => failure = failure.or(Some(failed)),
        }
    }
    match failure {
        Some(failed) if blocks.is_empty() => failed,
        _ => Step::Blocked(blocks),
    }
}

/// Runs a future or waits until others have.
fn await_future(cell: &Arc<FutureCell>, deadline: Option<Instant>) -> Outcome<RuntimeValue> {
    loop {
        match attempt_future(cell) {
            Step::Ready(outcome) => return outcome,
            Step::Refused(failure) => return Err(failure),
            Step::Blocked(blocks) => wait_for_any(blocks, deadline)?,
        }
    }
}

/// Waits until one of the futures changes its state.
fn wait_for_any(blocks: Vec<Arc<FutureCell>>, deadline: Option<Instant>) -> Outcome<()> {
    let me = thread::current().id();
    {
        let mut waits = lock(future_waits());
        if all_wait_for(me, &blocks, &waits, &mut HashSet::new()) {
            let message = "the future waits for itself";
            return Err(Failure::new(ERR_ARGUMENT, message));
        }
        waits.insert(me, blocks.clone());
    }
    let signal = Arc::new(Completion::new());
    let patient = |block: &Arc<FutureCell>| block.watch(Watcher::Thread(Arc::clone(&signal)));
    let waited = if blocks.iter().all(patient) {
        signal.wait(deadline)
    } else {
        Ok(())
    };
    for block in &blocks {
        block.unwatch(&signal);
    }
    lock(future_waits()).remove(&me);
    waited
}

/// Whether each of these futures is being run by this thread, or by one that waits in vain itself.
///
/// Exact, because the table of waiting threads is locked: a thread that is in it does not go on
/// before one of its futures does.
fn all_wait_for(
    me: ThreadId,
    blocks: &[Arc<FutureCell>],
    waits: &HashMap<ThreadId, Vec<Arc<FutureCell>>>,
    met: &mut HashSet<ThreadId>,
) -> bool {
    blocks.iter().all(|block| {
        let FutureState::Running(runner) = lock(&block.inner).state else {
            return false;
        };
        if runner == me || !met.insert(runner) {
            return true;
        }
        let next = waits.get(&runner);
        next.is_some_and(|next| all_wait_for(me, next, waits, met))
    })
}

fn future_of(handle: Handle) -> Outcome<Arc<FutureCell>> {
    FUTURES
        .get(handle)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, format!("{handle} is no handle of a future")))
}

/// Makes a future that will run `function` with `argument`: not now, but when it is awaited or the
/// executor gets to it. With a null function it is a promise, for [`rt_future_resolve`]. Returns -1
/// if there are too many futures.
#[no_mangle]
pub extern "C" fn rt_future_new(function: Option<FutureFn>, argument: RuntimeValue) -> i64 {
    let state = match function {
        Some(function) => FutureState::Lazy(FutureTask::Call { function, argument }),
        None => FutureState::Promise,
    };
    FUTURES.insert(FutureCell::new(state, FutureSize::default()))
}

/// The value of a future. Runs its function on this thread, if nobody has begun to; otherwise waits
/// up to `timeout_ms` for it (negative: as long as it takes, which is for ever for a promise that
/// nobody resolves or frees). The time does not end a function.
///
/// Nil, with the error recorded, when the time is up (`index`; it can be awaited again), for a bad
/// handle, for a promise that was freed, for a future that waits for itself (over other threads
/// too), and when more than 200 callbacks are nested on this thread.
#[no_mangle]
pub extern "C" fn rt_future_await(handle: i64, timeout_ms: i64) -> RuntimeValue {
    let deadline = deadline_after(timeout_ms);
    value_or_nil(future_of(handle).and_then(|cell| await_future(&cell, deadline)))
}

/// Whether the value of a future is there, so that [`rt_future_await`] neither runs a function nor
/// waits. Starts nothing. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_future_is_ready(handle: i64) -> bool {
    FUTURES.get(handle).is_some_and(|cell| cell.is_ready())
}

/// Gives a promise its value, or a lazy future, whose function is then never run. False if the
/// future is ready or its function is running, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_future_resolve(handle: i64, value: RuntimeValue) -> bool {
    succeeded(future_of(handle).and_then(|cell| {
        let mut inner = lock(&cell.inner);
        match inner.state {
            FutureState::Promise | FutureState::Lazy(_) => {
                inner.state = FutureState::Ready(Ok(value));
                cell.changed(inner);
                Ok(())
            }
            FutureState::Running(_) => Err(Failure::new(ERR_ARGUMENT, "the future is running")),
            FutureState::Ready(_) => Err(Failure::new(ERR_ARGUMENT, "the future is ready")),
        }
    }))
}

/// The futures whose handles stand in an array, and the size of a future made of them.
fn future_parts(handles: RuntimeValue) -> Outcome<(Vec<Arc<FutureCell>>, FutureSize)> {
    let handles = with_items(handles, |items| items.clone())?;
    let part = |handle: RuntimeValue| match handle.as_int() {
        Some(handle) => future_of(handle),
        None => Err(wrong_type(handle, "the handle of a future")),
    };
    let cells = handles.into_iter().map(part).collect::<Outcome<Vec<_>>>()?;
    let mut size = FutureSize::default();
    for cell in &cells {
        size.nesting = size.nesting.max(cell.size.nesting + 1);
        size.parts = size.parts.saturating_add(cell.size.parts + 1);
    }
    if size.nesting > MAX_FUTURE_NESTING || size.parts > MAX_FUTURE_PARTS {
        let message = format!("{} parts, nested {} deep", size.parts, size.nesting);
        return Err(Failure::new(ERR_DEPTH, message));
    }
    Ok((cells, size))
}

/// Makes a future of all futures whose handles (as integers) stand in an array: its value is an
/// array of their values, in their order. It is lazy too: awaiting it runs them one after the
/// other, and waits for those that others run. It keeps them: their handles may be freed.
///
/// Returns 0, with the error recorded, if the value is no array, holds anything else than handles
/// of futures, if more than 64 futures are made of one another, or if there are more than 1,048,576
/// parts in all.
#[no_mangle]
pub extern "C" fn rt_future_all(futures: RuntimeValue) -> i64 {
    handle_or_zero(future_parts(futures).map(|(parts, size)| {
        let task = FutureTask::All(parts);
        FUTURES.insert(FutureCell::new(FutureState::Lazy(task), size))
    }))
}

/// Makes a future of which the value is that of the first of several to be ready; their handles (as
/// integers) stand in an array. It is lazy too. When it is awaited,
///
/// * the first in the array that is ready wins, otherwise
/// * all are submitted to the executor if that has workers (see [`rt_executor_start`]), and the
///   fastest wins, otherwise
/// * they are run on this thread one after the other, until one is ready.
///
/// The others stay as they are. One that failed wins only if all did. Returns 0 for an empty array,
/// and as [`rt_future_all`] does.
#[no_mangle]
pub extern "C" fn rt_future_race(futures: RuntimeValue) -> i64 {
    let made = future_parts(futures).and_then(|(parts, size)| {
        if parts.is_empty() {
            return Err(Failure::new(ERR_ARGUMENT, "nobody can win a race of none"));
        }
        let task = FutureTask::Race(parts);
        Ok(FUTURES.insert(FutureCell::new(FutureState::Lazy(task), size)))
    });
    handle_or_zero(made)
}

/// Frees the handle of a future. Who waits for it, the executor, and futures made of it go on as
/// before, except that a promise fails, since nobody can resolve it any more. False if it is not
/// (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_future_free(handle: i64) -> bool {
    let Some(cell) = FUTURES.remove(handle) else {
        return false;
    };
    let mut inner = lock(&cell.inner);
    if matches!(inner.state, FutureState::Promise) {
        let failure = Failure::new(ERR_ARGUMENT, "the promise was freed");
        inner.state = FutureState::Ready(Err(failure));
        cell.changed(inner);
    }
    true
}

// ---------------------------------------------------------------------------
// Executor
// ---------------------------------------------------------------------------

const EXECUTOR_THREADED: i64 = 0;
const EXECUTOR_MANUAL: i64 = 1;

/// Most workers of the executor.
const EXECUTOR_MAX_WORKERS: usize = 64;

/// The one executor of the process.
struct Executor {
    manual: bool,
    /// Number of workers to start; 0 stands for one for each processor.
    workers: usize,
    group: Option<Arc<WorkerGroup>>,
    queue: VecDeque<Arc<FutureCell>>,
    /// Futures that wait for another one, by address.
    parked: BTreeMap<usize, Arc<FutureCell>>,
    running: usize,
}

/// The workers of one start; both numbers change only while the executor is locked.
struct WorkerGroup {
    stopped: AtomicBool,
    alive: AtomicUsize,
}

static EXECUTOR: Mutex<Executor> = Mutex::new(Executor {
    manual: false,
    workers: 0,
    group: None,
    queue: VecDeque::new(),
    parked: BTreeMap::new(),
    running: 0,
});
static EXECUTOR_WORK: Condvar = Condvar::new();
static EXECUTOR_ENDED: Condvar = Condvar::new();

thread_local! {
    static ON_WORKER: Cell<bool> = const { Cell::new(false) };
}

impl Executor {
    fn has_workers(&self) -> bool {
        self.group
            .as_ref()
            .is_some_and(|group| !group.stopped.load(SeqCst))
    }

    fn enqueue(&mut self, cell: Arc<FutureCell>) {
        self.queue.push_back(cell);
        EXECUTOR_WORK.notify_one();
    }
}

fn executor_has_workers() -> bool {
    lock(&EXECUTOR).has_workers()
}

fn on_executor_worker() -> bool {
    ON_WORKER.try_with(Cell::get).unwrap_or(false)
}

/// Queues a future that was put aside, if it was.
fn executor_unpark(cell: &Arc<FutureCell>) {
    let mut executor = lock(&EXECUTOR);
    if let Some(cell) = executor.parked.remove(&(Arc::as_ptr(cell) as usize)) {
        executor.enqueue(cell);
    }
}

fn schedule_future(cell: &Arc<FutureCell>) -> Outcome<()> {
    let mut inner = lock(&cell.inner);
    let misuse = match inner.state {
        _ if inner.scheduled => "the future is submitted already",
        FutureState::Promise => "a promise has nothing to run",
        FutureState::Running(_) => "the future is running",
        FutureState::Ready(_) => "the future is ready",
        FutureState::Lazy(_) => {
            // Both at once, so that a shutdown forgets what is marked. The executor is never the
            // one to be locked first.
            inner.scheduled = true;
            lock(&EXECUTOR).enqueue(Arc::clone(cell));
            return Ok(());
        }
    };
    Err(Failure::new(ERR_ARGUMENT, misuse))
}

/// Runs a future that was taken from the queue and counted as running; whether it is ready now.
fn run_scheduled(cell: &Arc<FutureCell>) -> bool {
    let blocks = match attempt_future(cell) {
        Step::Blocked(blocks) => blocks,
        done => {
            lock(&cell.inner).scheduled = false;
            lock(&EXECUTOR).running -= 1;
            return matches!(done, Step::Ready(_));
        }
    };
    // Parked before it watches, so that no change is missed; but not after a shutdown, which has
    // forgotten the others already.
    let forgotten = {
        let mut executor = lock(&EXECUTOR);
        executor.running -= 1;
        let stopped = on_executor_worker() && !executor.has_workers();
        if !stopped {
            let address = Arc::as_ptr(cell) as usize;
            executor.parked.insert(address, Arc::clone(cell));
        }
        stopped
    };
    if forgotten {
        let mut inner = lock(&cell.inner);
        inner.scheduled = false;
        cell.changed(inner);
        return false;
    }
    let watches = |block: &Arc<FutureCell>| block.watch(Watcher::Parked(Arc::downgrade(cell)));
    if !blocks.iter().all(watches) {
        executor_unpark(cell);
    }
    false
}

fn serve_executor(group: &WorkerGroup) {
    let _ = ON_WORKER.try_with(|worker| worker.set(true));
    let mut executor = lock(&EXECUTOR);
    while !group.stopped.load(SeqCst) {
        if let Some(cell) = executor.queue.pop_front() {
            executor.running += 1;
            drop(executor);
            run_scheduled(&cell);
            // What may be the last reference goes before the lock is taken again.
            drop(cell);
            executor = lock(&EXECUTOR);
        } else {
            executor = EXECUTOR_WORK
                .wait(executor)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
    group.alive.fetch_sub(1, SeqCst);
    EXECUTOR_ENDED.notify_all();
}

/// Takes one future from the queue of the manual mode and runs it; `None` if there is none.
fn poll_executor() -> Option<bool> {
    if NestedCall::depth() >= MAX_NESTED_CALLS {
        return None;
    }
    let cell = {
        let mut executor = lock(&EXECUTOR);
        if !executor.manual {
            return None;
        }
        let cell = executor.queue.pop_front()?;
        executor.running += 1;
        cell
    };
    Some(run_scheduled(&cell))
}

/// Sets how submitted futures are run: 0 by workers (see [`rt_executor_start`]), which is so from
/// the beginning, or 1 by hand (see [`rt_executor_poll`]). False for another number and while
/// workers run.
#[no_mangle]
pub extern "C" fn rt_executor_set_mode(mode: i64) -> bool {
    let mut executor = lock(&EXECUTOR);
    if executor.has_workers() || !(EXECUTOR_THREADED..=EXECUTOR_MANUAL).contains(&mode) {
        return false;
    }
    executor.manual = mode == EXECUTOR_MANUAL;
    true
}

/// How submitted futures are run: 0 by workers, 1 by hand.
#[no_mangle]
pub extern "C" fn rt_executor_get_mode() -> i64 {
    if rt_executor_is_manual() {
        EXECUTOR_MANUAL
    } else {
        EXECUTOR_THREADED
    }
}

/// Whether submitted futures are run by hand.
#[no_mangle]
pub extern "C" fn rt_executor_is_manual() -> bool {
    lock(&EXECUTOR).manual
}

/// Sets how many workers the next [`rt_executor_start`] starts, from 1 to 64; without it there is
/// one for each processor. False for another number and while workers run.
#[no_mangle]
pub extern "C" fn rt_executor_set_workers(count: i64) -> bool {
    let mut executor = lock(&EXECUTOR);
    match usize::try_from(count) {
        Ok(count @ 1..=EXECUTOR_MAX_WORKERS) if !executor.has_workers() => {
            executor.workers = count;
            true
        }
        _ => false,
    }
}

/// Starts the workers, which begin with what was submitted before. In manual mode there is nothing
/// to start, which is no error. False if workers run already or no thread can be made.
#[no_mangle]
pub extern "C" fn rt_executor_start() -> bool {
    let mut executor = lock(&EXECUTOR);
    if executor.manual {
        return true;
    }
    if executor.has_workers() {
        return false;
    }
    let group = Arc::new(WorkerGroup {
        stopped: AtomicBool::new(false),
        alive: AtomicUsize::new(0),
    });
    let wanted = match executor.workers {
        0 => parallelism().min(EXECUTOR_MAX_WORKERS),
        count => count,
    };
    for _ in 0..wanted {
        let served = Arc::clone(&group);
        match spawn_background("rt-executor", move || serve_executor(&served)) {
            Ok(()) => {
                group.alive.fetch_add(1, SeqCst);
            }
            Err(failure) => {
                failure.record();
                break;
            }
        }
    }
    // Fewer workers than wanted are workers too.
    let started = group.alive.load(SeqCst) > 0;
    if started {
        executor.group = Some(group);
    }
    started
}

/// Hands a future to the executor, which will run it. False, with the error recorded, for a bad
/// handle, and for a future that was submitted already, is running or ready, or is a promise.
#[no_mangle]
pub extern "C" fn rt_executor_submit(future: i64) -> bool {
    succeeded(future_of(future).and_then(|cell| schedule_future(&cell)))
}

/// Runs one submitted future on this thread, in manual mode: 1 if it is ready now, 0 if it has to
/// wait for another one (it is then put aside until that one changes), -1 if there is none to run,
/// in threaded mode, and when 200 callbacks are nested.
#[no_mangle]
pub extern "C" fn rt_executor_poll() -> i64 {
    poll_executor().map_or(-1, i64::from)
}

/// Runs submitted futures on this thread, in manual mode, those that are submitted meanwhile
/// included, until there is none that can go on. How many are ready now that were not; -1 in
/// threaded mode.
#[no_mangle]
pub extern "C" fn rt_executor_poll_all() -> i64 {
    if !rt_executor_is_manual() {
        return -1;
    }
    let polls = std::iter::from_fn(poll_executor);
    length_of(polls.filter(|&ready| ready).count())
}

/// Number of futures that were submitted and are not ready: those in the queue, those that wait for
/// another one, and those that are being run.
#[no_mangle]
pub extern "C" fn rt_executor_pending_count() -> i64 {
    let executor = lock(&EXECUTOR);
    length_of(executor.queue.len() + executor.parked.len() + executor.running)
}

/// Stops the workers and forgets what was submitted and is not being run: those futures are lazy
/// again, and so are those that a worker runs and has to put aside. Then waits up to `timeout_ms`
/// for the workers to finish what they run (negative: as long as it takes, for ever if that does
/// not end). Whether none runs any more; false at once on a worker. The executor can be started
/// again.
#[no_mangle]
pub extern "C" fn rt_executor_shutdown(timeout_ms: i64) -> bool {
    let deadline = deadline_after(timeout_ms);
    let mut executor = lock(&EXECUTOR);
    let group = executor.group.clone();
    if let Some(group) = &group {
        group.stopped.store(true, SeqCst);
    }
    let mut dropped: Vec<_> = executor.queue.drain(..).collect();
    dropped.extend(std::mem::take(&mut executor.parked).into_values());
    EXECUTOR_WORK.notify_all();
    drop(executor);
    for cell in dropped {
        let mut inner = lock(&cell.inner);
        inner.scheduled = false;
        // Who waits for the executor to run it has to do so now.
        cell.changed(inner);
    }
    let Some(group) = group else {
        return true;
    };
    let mut executor = lock(&EXECUTOR);
    while group.alive.load(SeqCst) > 0 {
        if on_executor_worker() {
            return false;
        }
        executor = match wait_until(&EXECUTOR_ENDED, executor, deadline) {
            Ok(executor) => executor,
            Err(_timed_out) => return false,
        };
    }
    true
}

// ===========================================================================
// Concurrent: map
// ===========================================================================

const MAP_SHARDS: usize = 16;

/// A value as a key: numbers and strings by what they say, everything else by identity.
#[derive(Clone, PartialEq, Eq, Hash)]
enum MapKey {
    Int(i64),
    /// Bits of a float; both zeros are one key.
    Float(u64),
    Text(Vec<u8>),
    Other(u64),
}

impl MapKey {
    /// None for NaN, which is equal to nothing and could never be found again.
    fn of(value: RuntimeValue) -> Option<MapKey> {
        if let Some(int) = value.as_int().filter(|_| value.is_int()) {
            return Some(MapKey::Int(int));
        }
        if let Some(float) = value.as_float().filter(|_| value.is_float()) {
            let float = if float == 0.0 { 0.0 } else { float };
            return (!float.is_nan()).then_some(MapKey::Float(float.to_bits()));
        }
        match store::string_bytes(value) {
            Some(text) => Some(MapKey::Text(text)),
            None => Some(MapKey::Other(value.to_bits())),
        }
    }
}

type MapShard = Mutex<HashMap<MapKey, RuntimeValue>>;

/// A map in several independently locked shards, so that writers seldom meet.
struct SharedMap {
    shards: [MapShard; MAP_SHARDS],
}

impl SharedMap {
    fn shard(&self, key: &MapKey) -> &MapShard {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.shards[hasher.finish() as usize % MAP_SHARDS]
    }
}

static MAPS: HandleTable<SharedMap> = HandleTable::new();

/// Runs `work` on the locked shard of `key`; None for a bad handle or a NaN key.
fn with_shard<R>(
    handle: i64,
    key: RuntimeValue,
    work: impl FnOnce(&mut HashMap<MapKey, RuntimeValue>, MapKey) -> R,
) -> Option<R> {
    let map = MAPS.get(handle)?;
    let key = MapKey::of(key)?;
    let mut shard = lock(map.shard(&key));
    Some(work(&mut shard, key))
}

/// Makes an empty map that may be used from several threads at once.
#[no_mangle]
pub extern "C" fn rt_map_new() -> i64 {
    MAPS.insert(SharedMap {
        shards: Default::default(),
    })
}

/// Puts `value` at `key` and returns what stood there (nil if nothing did).
///
/// Nothing is done, and nil returned, for a bad handle and for the key NaN.
#[no_mangle]
pub extern "C" fn rt_map_insert(
    handle: i64,
    key: RuntimeValue,
    value: RuntimeValue,
) -> RuntimeValue {
    with_shard(handle, key, |shard, key| shard.insert(key, value))
        .flatten()
        .unwrap_or(RuntimeValue::NIL)
}

/// The value at `key`; nil if there is none, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_map_get(handle: i64, key: RuntimeValue) -> RuntimeValue {
    with_shard(handle, key, |shard, key| shard.get(&key).copied())
        .flatten()
        .unwrap_or(RuntimeValue::NIL)
}

/// Whether there is a value (nil counts) at `key`. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_map_contains(handle: i64, key: RuntimeValue) -> bool {
    with_shard(handle, key, |shard, key| shard.contains_key(&key)).unwrap_or(false)
}

/// Takes the value at `key` out and returns it; nil if there is none, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_map_remove(handle: i64, key: RuntimeValue) -> RuntimeValue {
    with_shard(handle, key, |shard, key| shard.remove(&key))
        .flatten()
        .unwrap_or(RuntimeValue::NIL)
}

/// Number of entries; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_map_len(handle: i64) -> i64 {
    MAPS.get(handle).map_or(-1, |map| {
        map.shards.iter().map(|s| lock(s).len() as i64).sum()
    })
}

/// Frees a map. The values in it are left alone. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_map_free(handle: i64) -> bool {
    MAPS.remove(handle).is_some()
}

// ===========================================================================
// Concurrent: queue
// ===========================================================================

/// First in, first out, for any number of producers and consumers.
struct SharedQueue {
    capacity: Option<usize>,
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    items: VecDeque<RuntimeValue>,
    closed: bool,
}

static QUEUES: HandleTable<SharedQueue> = HandleTable::new();

/// Makes a queue for at most `capacity` values; 0 for one without limit. Returns 0 if `capacity`
/// is negative.
#[no_mangle]
pub extern "C" fn rt_queue_new(capacity: i64) -> i64 {
    let Ok(capacity) = usize::try_from(capacity) else {
        return 0;
    };
    QUEUES.insert(SharedQueue {
        capacity: (capacity > 0).then_some(capacity),
        state: Mutex::default(),
        changed: Condvar::new(),
    })
}

/// Appends a value. False if the queue is full or closed, or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_queue_push(handle: i64, value: RuntimeValue) -> bool {
    let Some(queue) = QUEUES.get(handle) else {
        return false;
    };
    let mut state = lock(&queue.state);
    if state.closed || queue.capacity.is_some_and(|cap| state.items.len() >= cap) {
        return false;
    }
    state.items.push_back(value);
    queue.changed.notify_one();
    true
}

/// Takes the oldest value out; nil if there is none. Never waits.
#[no_mangle]
pub extern "C" fn rt_queue_pop(handle: i64) -> RuntimeValue {
    QUEUES
        .get(handle)
        .and_then(|queue| lock(&queue.state).items.pop_front())
        .unwrap_or(RuntimeValue::NIL)
}

/// Takes the oldest value out, waiting up to `timeout_ms` for one (negative: as long as it takes,
/// which is for ever if nobody pushes one, closes the queue or frees it).
///
/// Nil after the time is up, when the queue is closed (or freed) and empty, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_queue_pop_wait(handle: i64, timeout_ms: i64) -> RuntimeValue {
    let Some(queue) = QUEUES.get(handle) else {
        return RuntimeValue::NIL;
    };
    let deadline = deadline_after(timeout_ms);
    let mut state = lock(&queue.state);
    loop {
        if let Some(value) = state.items.pop_front() {
            return value;
        }
        if state.closed {
            return RuntimeValue::NIL;
        }
        state = match wait_until(&queue.changed, state, deadline) {
            Ok(state) => state,
            Err(_timed_out) => return RuntimeValue::NIL,
        };
    }
}

/// Number of values in the queue; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_queue_len(handle: i64) -> i64 {
    QUEUES
        .get(handle)
        .map_or(-1, |queue| lock(&queue.state).items.len() as i64)
}

/// Ends the input: nothing can be pushed any more, and waiters wake up. What is in the queue can
/// still be popped. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_queue_close(handle: i64) -> bool {
    match QUEUES.get(handle) {
        Some(queue) => {
            lock(&queue.state).closed = true;
            queue.changed.notify_all();
            true
        }
        None => false,
    }
}

/// Closes and frees a queue. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_queue_free(handle: i64) -> bool {
    match QUEUES.remove(handle) {
        Some(queue) => {
            let mut state = lock(&queue.state);
            state.closed = true;
            state.items.clear();
            queue.changed.notify_all();
            true
        }
        None => false,
    }
}

// The deadline helpers below are for everything that waits: queues, locks, semaphores.

/// The moment `timeout_ms` from now; None (wait for ever) if it is negative or out of range.
fn deadline_after(timeout_ms: i64) -> Option<Instant> {
    let timeout = u64::try_from(timeout_ms).ok()?;
    Instant::now().checked_add(Duration::from_millis(timeout))
}

/// Waits for a notification; gives the guard back, as an error once the deadline has passed.
fn wait_until<'a, T>(
    condition: &Condvar,
    held: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> Result<MutexGuard<'a, T>, MutexGuard<'a, T>> {
    let Some(deadline) = deadline else {
        return Ok(condition.wait(held).unwrap_or_else(PoisonError::into_inner));
    };
    let now = Instant::now();
    if now >= deadline {
        return Err(held);
    }
    let (held, _) = condition
        .wait_timeout(held, deadline - now)
        .unwrap_or_else(PoisonError::into_inner);
    Ok(held)
}

// ===========================================================================
// Channels
// ===========================================================================

/// Messages on their way to one receiver; a channel is one, and each actor has one.
struct Mailbox {
    capacity: Option<usize>,
    state: Mutex<MailboxState>,
    arrived: Condvar,
    taken: Condvar,
}

#[derive(Default)]
struct MailboxState {
    messages: VecDeque<RuntimeValue>,
    closed: bool,
    /// A thread waits for a message: there is one receiver at a time.
    receiving: bool,
}

impl Mailbox {
    fn new(capacity: Option<usize>) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
            arrived: Condvar::new(),
            taken: Condvar::new(),
        }
    }

    /// Puts a message in, waiting for room.
    fn send(&self, message: RuntimeValue, deadline: Option<Instant>) -> Outcome<()> {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return Err(mailbox_closed());
            }
            if self.capacity.map_or(true, |cap| state.messages.len() < cap) {
                break;
            }
            state = match wait_until(&self.taken, state, deadline) {
                Ok(state) => state,
                Err(_timed_out) => return Err(time_is_up("there was no room")),
            };
        }
        if let Err(error) = state.messages.try_reserve(1) {
            return Err(Failure::new(ERR_MEMORY, error.to_string()));
        }
        state.messages.push_back(message);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes the oldest message out, waiting for one.
    fn receive(&self, deadline: Option<Instant>) -> Outcome<RuntimeValue> {
        let mut state = lock(&self.state);
        if state.receiving {
            return Err(Failure::new(ERR_ARGUMENT, "another thread is receiving"));
        }
        state.receiving = true;
        loop {
            let outcome = match state.messages.pop_front() {
                Some(message) => Ok(message),
                None if state.closed => Err(mailbox_closed()),
                None => match wait_until(&self.arrived, state, deadline) {
                    Ok(woken) => {
                        state = woken;
                        continue;
                    }
                    Err(held) => {
                        state = held;
                        Err(time_is_up("there was no message"))
                    }
                },
            };
            state.receiving = false;
            self.taken.notify_one();
            return outcome;
        }
    }

    /// Lets nothing in any more and wakes who waits; `drop_rest` also drops what is in.
    fn close(&self, drop_rest: bool) {
        let mut state = lock(&self.state);
        state.closed = true;
        if drop_rest {
            state.messages = VecDeque::new();
        }
        self.arrived.notify_all();
        self.taken.notify_all();
    }
}

fn mailbox_closed() -> Failure {
    Failure::new(ERR_IO, "it is closed")
}

fn time_is_up(what: &str) -> Failure {
    Failure::new(ERR_INDEX, format!("{what} until the time was up"))
}

static CHANNELS: HandleTable<Mailbox> = HandleTable::new();

fn channel_of(handle: Handle) -> Outcome<Arc<Mailbox>> {
    CHANNELS
        .get(handle)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, "the handle is no channel's"))
}

/// Makes a channel from any number of senders to one receiver, for at most `capacity` messages; 0
/// for one without limit. Returns 0 if `capacity` is negative. See [`rt_queue_new`] for what has
/// several receivers.
#[no_mangle]
pub extern "C" fn rt_channel_new(capacity: i64) -> i64 {
    let capacity = usize::try_from(capacity)
        .map_err(|_| Failure::new(ERR_ARGUMENT, "a capacity is not negative"));
    handle_or_zero(
        capacity.map(|capacity| CHANNELS.insert(Mailbox::new((capacity > 0).then_some(capacity)))),
    )
}

/// Sends a message, waiting up to `timeout_ms` for room in a full channel (negative: as long as it
/// takes, which is for ever if nobody receives, closes the channel or frees it). Messages of one
/// sender arrive in their order. False, with the error recorded, if the channel is closed (`io`) or
/// stays full (`index`), or the handle is bad (`argument`).
#[no_mangle]
pub extern "C" fn rt_channel_send(handle: i64, message: RuntimeValue, timeout_ms: i64) -> bool {
    succeeded(
        channel_of(handle).and_then(|channel| channel.send(message, deadline_after(timeout_ms))),
    )
}

/// The oldest message, waiting up to `timeout_ms` for one (negative: as long as it takes, which is
/// for ever if nobody sends one, closes the channel or frees it; 0: not at all).
///
/// Nil is either a message or, with an error recorded, none: `index` when the time is up, `io`
/// when the channel is closed and empty (what was sent before it closed is still received), and
/// `argument` for a bad handle or while another thread is receiving.
#[no_mangle]
pub extern "C" fn rt_channel_recv(handle: i64, timeout_ms: i64) -> RuntimeValue {
    value_or_nil(channel_of(handle).and_then(|channel| channel.receive(deadline_after(timeout_ms))))
}

/// Number of messages that were sent and not received; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_channel_len(handle: i64) -> i64 {
    CHANNELS
        .get(handle)
        .map_or(-1, |channel| length_of(lock(&channel.state).messages.len()))
}

/// Ends the sending: senders and a receiver that wait wake up. What is in the channel can still be
/// received. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_channel_close(handle: i64) -> bool {
    let channel = CHANNELS.get(handle);
    channel.map(|channel| channel.close(false)).is_some()
}

/// Closes and frees a channel with what is in it. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_channel_free(handle: i64) -> bool {
    let channel = CHANNELS.remove(handle);
    channel.map(|channel| channel.close(true)).is_some()
}

// ===========================================================================
// Atomics
// ===========================================================================

static ATOMICS: HandleTable<AtomicI64> = HandleTable::new();

/// Makes an atomic integer with a first value.
#[no_mangle]
pub extern "C" fn rt_atomic_new(value: i64) -> i64 {
    ATOMICS.insert(AtomicI64::new(value))
}

/// The present value; 0 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_atomic_load(handle: i64) -> i64 {
    ATOMICS.get(handle).map_or(0, |cell| cell.load(SeqCst))
}

/// Sets the value. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_atomic_store(handle: i64, value: i64) -> bool {
    ATOMICS
        .get(handle)
        .map(|cell| cell.store(value, SeqCst))
        .is_some()
}

/// Sets the value if it is `expected`. True if it was; false also for a bad handle.
#[no_mangle]
pub extern "C" fn rt_atomic_compare_exchange(handle: i64, expected: i64, value: i64) -> bool {
    ATOMICS.get(handle).is_some_and(|cell| {
        cell.compare_exchange(expected, value, SeqCst, SeqCst)
            .is_ok()
    })
}

/// Defines exported read-modify-write functions: each returns the value from before, 0 for a bad
/// handle.
macro_rules! atomic_updates {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)+) => {
        $(
            $(#[$doc])*
            #[no_mangle]
            pub extern "C" fn $name(handle: i64, operand: i64) -> i64 {
                ATOMICS
                    .get(handle)
                    .map_or(0, |cell| cell.$method(operand, SeqCst))
            }
        )+
    };
}

atomic_updates! {
    /// Sets the value and returns the one before; 0 for a bad handle.
    rt_atomic_exchange => swap;
    /// Adds, wrapping, and returns the value before; 0 for a bad handle.
    rt_atomic_fetch_add => fetch_add;
    /// Subtracts, wrapping, and returns the value before; 0 for a bad handle.
    rt_atomic_fetch_sub => fetch_sub;
    /// Bitwise and; returns the value before, 0 for a bad handle.
    rt_atomic_fetch_and => fetch_and;
    /// Bitwise or; returns the value before, 0 for a bad handle.
    rt_atomic_fetch_or => fetch_or;
}

/// Frees an atomic integer. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_atomic_free(handle: i64) -> bool {
    ATOMICS.remove(handle).is_some()
}

// ===========================================================================
// Atomics of GPU kernels
// ===========================================================================

// Kernels that run on the CPU update cells of memory that they share: 32-bit signed ones, and with
// a suffix 64-bit signed (`_i64`) and 32-bit unsigned ones (`_u32`). Every function returns what was
// in the cell before. All of them are sequentially consistent, which is more than a GPU promises.

/// Whether a number of this type can stand at an address: it is not null, and aligned.
#[inline]
fn is_aligned_cell<T>(cell: *const T) -> bool {
    !cell.is_null() && cell as usize % std::mem::align_of::<T>() == 0
}

/// Records that there is no cell at an address.
fn no_cell() {
    let message = "the address of an atomic cell is null or not aligned";
    Failure::new(ERR_ARGUMENT, message).record();
}

/// Defines the read-modify-write functions for cells of one type.
macro_rules! gpu_atomics {
    ($number:ty, $atomic:ident: $($(#[$doc:meta])* $name:ident => $method:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// The value before, or 0 with an error recorded if `cell` is null or not aligned.
        ///
        /// # Safety
        /// `cell` is null, or not aligned, or valid for reads and writes; while this runs, other
        /// threads touch the number there by atomic operations of its size only.
        #[no_mangle]
        pub unsafe extern "C" fn $name(cell: *mut $number, operand: $number) -> $number {
            if !is_aligned_cell(cell) {
                no_cell();
                return 0;
            }
            // SAFETY: aligned, and the caller vouches for the rest.
            unsafe { $atomic::from_ptr(cell) }.$method(operand, SeqCst)
        }
    )+};
}

gpu_atomics! { i32, AtomicI32:
    /// Adds to a cell, wrapping.
    rt_gpu_atomic_add => fetch_add;
    /// Subtracts from a cell, wrapping.
    rt_gpu_atomic_sub => fetch_sub;
    /// Bitwise and with a cell.
    rt_gpu_atomic_and => fetch_and;
    /// Bitwise or with a cell.
    rt_gpu_atomic_or => fetch_or;
    /// Bitwise exclusive or with a cell.
    rt_gpu_atomic_xor => fetch_xor;
    /// Keeps the smaller number in a cell.
    rt_gpu_atomic_min => fetch_min;
    /// Keeps the larger number in a cell.
    rt_gpu_atomic_max => fetch_max;
    /// Puts another number into a cell.
    rt_gpu_atomic_exchange => swap;
}

gpu_atomics! { i64, AtomicI64:
    /// Adds to a 64-bit cell, wrapping.
    rt_gpu_atomic_add_i64 => fetch_add;
    /// Subtracts from a 64-bit cell, wrapping.
    rt_gpu_atomic_sub_i64 => fetch_sub;
    /// Bitwise and with a 64-bit cell.
    rt_gpu_atomic_and_i64 => fetch_and;
    /// Bitwise or with a 64-bit cell.
    rt_gpu_atomic_or_i64 => fetch_or;
    /// Bitwise exclusive or with a 64-bit cell.
    rt_gpu_atomic_xor_i64 => fetch_xor;
    /// Keeps the smaller number in a 64-bit cell.
    rt_gpu_atomic_min_i64 => fetch_min;
    /// Keeps the larger number in a 64-bit cell.
    rt_gpu_atomic_max_i64 => fetch_max;
    /// Puts another number into a 64-bit cell.
    rt_gpu_atomic_xchg_i64 => swap;
}

gpu_atomics! { u32, AtomicU32:
    /// Adds to an unsigned cell, wrapping.
    rt_gpu_atomic_add_u32 => fetch_add;
    /// Subtracts from an unsigned cell, wrapping.
    rt_gpu_atomic_sub_u32 => fetch_sub;
    /// Bitwise and with an unsigned cell.
    rt_gpu_atomic_and_u32 => fetch_and;
    /// Bitwise or with an unsigned cell.
    rt_gpu_atomic_or_u32 => fetch_or;
    /// Bitwise exclusive or with an unsigned cell.
    rt_gpu_atomic_xor_u32 => fetch_xor;
    /// Keeps the smaller number, compared as unsigned ones, in a cell.
    rt_gpu_atomic_min_u32 => fetch_min;
    /// Keeps the larger number, compared as unsigned ones, in a cell.
    rt_gpu_atomic_max_u32 => fetch_max;
    /// Puts another number into an unsigned cell.
    rt_gpu_atomic_xchg_u32 => swap;
}

/// Defines the compare-and-exchange functions.
macro_rules! gpu_compare_exchange {
    ($($(#[$doc:meta])* $name:ident($number:ty) => $atomic:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// The value before, which is `expected` if the cell was changed, or 0 with an error
        /// recorded if `cell` is null or not aligned.
        ///
        /// # Safety
        /// As for [`rt_gpu_atomic_add`].
        #[no_mangle]
        pub unsafe extern "C" fn $name(
            cell: *mut $number,
            expected: $number,
            value: $number,
        ) -> $number {
            if !is_aligned_cell(cell) {
                no_cell();
                return 0;
            }
            // SAFETY: aligned, and the caller vouches for the rest.
            let cell = unsafe { $atomic::from_ptr(cell) };
            match cell.compare_exchange(expected, value, SeqCst, SeqCst) {
                Ok(before) | Err(before) => before,
            }
        }
    )+};
}

gpu_compare_exchange! {
    /// Puts `value` into a cell if `expected` is there.
    rt_gpu_atomic_cmpxchg(i32) => AtomicI32;
    /// Puts `value` into a 64-bit cell if `expected` is there.
    rt_gpu_atomic_cmpxchg_i64(i64) => AtomicI64;
    /// Puts `value` into an unsigned cell if `expected` is there.
    rt_gpu_atomic_cmpxchg_u32(u32) => AtomicU32;
}

// ===========================================================================
// Synchronization
// ===========================================================================

/// Most threads a barrier can be made for.
const BARRIER_MAX: i64 = 1 << 20;

struct SyncBarrier {
    parties: i64,
    state: Mutex<BarrierState>,
    turned: Condvar,
}

#[derive(Default)]
struct BarrierState {
    waiting: i64,
    /// Counts the times the barrier opened, so that it can be used again at once.
    round: u64,
    freed: bool,
}

static BARRIERS: HandleTable<SyncBarrier> = HandleTable::new();

/// Makes a barrier for `parties` threads (1 to 1,048,576); 0 for any other number.
#[no_mangle]
pub extern "C" fn rt_barrier_new(parties: i64) -> i64 {
    if !(1..=BARRIER_MAX).contains(&parties) {
        return 0;
    }
    BARRIERS.insert(SyncBarrier {
        parties,
        state: Mutex::default(),
        turned: Condvar::new(),
    })
}

/// Waits until all threads are here, for ever if one does not come. Returns 1 to the last to come, 0
/// to the others, and -1 for a bad handle or when the barrier is freed meanwhile.
#[no_mangle]
pub extern "C" fn rt_barrier_wait(handle: i64) -> i64 {
    let Some(barrier) = BARRIERS.get(handle) else {
        return -1;
    };
    let mut state = lock(&barrier.state);
    if state.freed {
        return -1;
    }
    state.waiting += 1;
    if state.waiting == barrier.parties {
        state.waiting = 0;
        state.round = state.round.wrapping_add(1);
        barrier.turned.notify_all();
        return 1;
    }
    let round = state.round;
    while state.round == round && !state.freed {
        state = barrier
            .turned
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
    if state.round == round {
        -1
    } else {
        0
    }
}

/// Number of threads that wait at the barrier now; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_barrier_waiting(handle: i64) -> i64 {
    BARRIERS
        .get(handle)
        .map_or(-1, |barrier| lock(&barrier.state).waiting)
}

/// Frees a barrier; threads that wait at it get -1. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_barrier_free(handle: i64) -> bool {
    match BARRIERS.remove(handle) {
        Some(barrier) => {
            lock(&barrier.state).freed = true;
            barrier.turned.notify_all();
            true
        }
        None => false,
    }
}

/// A lock with explicit lock and unlock calls around one value.
struct ValueMutex {
    state: Mutex<ValueMutexState>,
    released: Condvar,
}

struct ValueMutexState {
    value: RuntimeValue,
    owner: Option<ThreadId>,
    freed: bool,
}

static VALUE_MUTEXES: HandleTable<ValueMutex> = HandleTable::new();

/// Makes an unlocked mutex around `value`.
#[no_mangle]
pub extern "C" fn rt_mutex_new(value: RuntimeValue) -> i64 {
    VALUE_MUTEXES.insert(ValueMutex {
        state: Mutex::new(ValueMutexState {
            value,
            owner: None,
            freed: false,
        }),
        released: Condvar::new(),
    })
}

/// Takes the mutex, waiting for it, and returns the value in it.
///
/// Nil, without the mutex, if this thread has it already, the mutex is freed, or the handle is
/// bad; [`rt_mutex_is_locked`] and [`rt_mutex_unlock`] tell whether it is held.
#[no_mangle]
pub extern "C" fn rt_mutex_lock(handle: i64) -> RuntimeValue {
    let Some(mutex) = VALUE_MUTEXES.get(handle) else {
        return RuntimeValue::NIL;
    };
    let me = thread::current().id();
    let mut state = lock(&mutex.state);
    loop {
        if state.freed || state.owner == Some(me) {
            return RuntimeValue::NIL;
        }
        if state.owner.is_none() {
            state.owner = Some(me);
            return state.value;
        }
        state = mutex
            .released
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// Takes the mutex if nobody has it. True if this thread has got it now.
#[no_mangle]
pub extern "C" fn rt_mutex_try_lock(handle: i64) -> bool {
    let Some(mutex) = VALUE_MUTEXES.get(handle) else {
        return false;
    };
    let mut state = lock(&mutex.state);
    let free = state.owner.is_none() && !state.freed;
    if free {
        state.owner = Some(thread::current().id());
    }
    free
}

/// Puts a new value in and releases the mutex. False, and nothing is done, if this thread does not
/// hold it or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_mutex_unlock(handle: i64, value: RuntimeValue) -> bool {
    let Some(mutex) = VALUE_MUTEXES.get(handle) else {
        return false;
    };
    let mut state = lock(&mutex.state);
    if state.owner != Some(thread::current().id()) {
        return false;
    }
    state.owner = None;
    state.value = value;
    mutex.released.notify_one();
    true
}

/// Whether any thread holds the mutex.
#[no_mangle]
pub extern "C" fn rt_mutex_is_locked(handle: i64) -> bool {
    VALUE_MUTEXES
        .get(handle)
        .is_some_and(|mutex| lock(&mutex.state).owner.is_some())
}

/// Frees a mutex; threads that wait for it get nil. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_mutex_free(handle: i64) -> bool {
    match VALUE_MUTEXES.remove(handle) {
        Some(mutex) => {
            lock(&mutex.state).freed = true;
            mutex.released.notify_all();
            true
        }
        None => false,
    }
}

/// Many readers or one writer; a writer that waits keeps new readers out.
struct ValueRwLock {
    state: Mutex<RwState>,
    released: Condvar,
}

#[derive(Default)]
struct RwState {
    readers: HashMap<ThreadId, u64>,
    writer: Option<ThreadId>,
    writers_waiting: u32,
    freed: bool,
}

impl RwState {
    fn may_read(&self) -> bool {
        self.writer.is_none() && self.writers_waiting == 0
    }

    fn may_write(&self) -> bool {
        self.writer.is_none() && self.readers.is_empty()
    }

    /// A thread that has the lock would wait for itself.
    fn held_by(&self, thread: ThreadId) -> bool {
        self.writer == Some(thread) || self.readers.contains_key(&thread)
    }
}

static RWLOCKS: HandleTable<ValueRwLock> = HandleTable::new();

/// Makes a free readers-writer lock.
#[no_mangle]
pub extern "C" fn rt_rwlock_new() -> i64 {
    RWLOCKS.insert(ValueRwLock {
        state: Mutex::default(),
        released: Condvar::new(),
    })
}

/// Takes the lock for reading, waiting for it. A reader may take it again. False if this thread
/// has it for writing, the lock is freed, or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_rwlock_read(handle: i64) -> bool {
    let Some(rwlock) = RWLOCKS.get(handle) else {
        return false;
    };
    let me = thread::current().id();
    let mut state = lock(&rwlock.state);
    loop {
        if state.freed || state.writer == Some(me) {
            return false;
        }
        if state.may_read() || state.readers.contains_key(&me) {
            *state.readers.entry(me).or_insert(0) += 1;
            return true;
        }
        state = rwlock
            .released
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// Takes the lock for reading if that is possible at once.
#[no_mangle]
pub extern "C" fn rt_rwlock_try_read(handle: i64) -> bool {
    let Some(rwlock) = RWLOCKS.get(handle) else {
        return false;
    };
    let me = thread::current().id();
    let mut state = lock(&rwlock.state);
    let possible = !state.freed && (state.may_read() || state.readers.contains_key(&me));
    if possible {
        *state.readers.entry(me).or_insert(0) += 1;
    }
    possible
}

/// Takes the lock for writing, waiting for it. False if this thread has it already (for reading or
/// writing), the lock is freed, or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_rwlock_write(handle: i64) -> bool {
    let Some(rwlock) = RWLOCKS.get(handle) else {
        return false;
    };
    let me = thread::current().id();
    let mut state = lock(&rwlock.state);
    if state.freed || state.held_by(me) {
        return false;
    }
    state.writers_waiting += 1;
    while !state.may_write() && !state.freed {
        state = rwlock
            .released
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
    state.writers_waiting -= 1;
    if state.freed {
        return false;
    }
    state.writer = Some(me);
    true
}

/// Takes the lock for writing if that is possible at once.
#[no_mangle]
pub extern "C" fn rt_rwlock_try_write(handle: i64) -> bool {
    let Some(rwlock) = RWLOCKS.get(handle) else {
        return false;
    };
    let mut state = lock(&rwlock.state);
    let possible = !state.freed && state.may_write();
    if possible {
        state.writer = Some(thread::current().id());
    }
    possible
}

/// Releases what this thread holds: the lock for writing, or one hold for reading. False if it
/// holds nothing or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_rwlock_unlock(handle: i64) -> bool {
    let Some(rwlock) = RWLOCKS.get(handle) else {
        return false;
    };
    let me = thread::current().id();
    let mut state = lock(&rwlock.state);
    if state.writer == Some(me) {
        state.writer = None;
    } else {
        let Some(holds) = state.readers.get_mut(&me) else {
            return false;
        };
        *holds -= 1;
        if *holds == 0 {
            state.readers.remove(&me);
        }
    }
    rwlock.released.notify_all();
    true
}

/// Frees a readers-writer lock; threads that wait for it get false. False if it is not (or no
/// longer) one.
#[no_mangle]
pub extern "C" fn rt_rwlock_free(handle: i64) -> bool {
    match RWLOCKS.remove(handle) {
        Some(rwlock) => {
            lock(&rwlock.state).freed = true;
            rwlock.released.notify_all();
            true
        }
        None => false,
    }
}

struct Semaphore {
    state: Mutex<SemaphoreState>,
    released: Condvar,
}

struct SemaphoreState {
    permits: i64,
    freed: bool,
}

static SEMAPHORES: HandleTable<Semaphore> = HandleTable::new();

/// Makes a counting semaphore with `permits` to begin with; 0 if that is negative.
#[no_mangle]
pub extern "C" fn rt_semaphore_new(permits: i64) -> i64 {
    if permits < 0 {
        return 0;
    }
    SEMAPHORES.insert(Semaphore {
        state: Mutex::new(SemaphoreState {
            permits,
            freed: false,
        }),
        released: Condvar::new(),
    })
}

/// Takes a permit, waiting for one, for ever if none is released. False if the semaphore is freed or
/// the handle is bad.
#[no_mangle]
pub extern "C" fn rt_semaphore_acquire(handle: i64) -> bool {
    rt_semaphore_acquire_timeout(handle, -1)
}

/// Takes a permit if there is one.
#[no_mangle]
pub extern "C" fn rt_semaphore_try_acquire(handle: i64) -> bool {
    rt_semaphore_acquire_timeout(handle, 0)
}

/// Takes a permit, waiting up to `timeout_ms` for one (negative: as long as it takes, which is for
/// ever if nobody releases one or frees the semaphore). False when the time is up, the semaphore is
/// freed, or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_semaphore_acquire_timeout(handle: i64, timeout_ms: i64) -> bool {
    let Some(semaphore) = SEMAPHORES.get(handle) else {
        return false;
    };
    let deadline = deadline_after(timeout_ms);
    let mut state = lock(&semaphore.state);
    loop {
        if state.freed {
            return false;
        }
        if state.permits > 0 {
            state.permits -= 1;
            return true;
        }
        state = match wait_until(&semaphore.released, state, deadline) {
            Ok(state) => state,
            Err(_timed_out) => return false,
        };
    }
}

/// Gives `count` permits. False if the count is not positive, there would be more than `i64::MAX`,
/// or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_semaphore_release(handle: i64, count: i64) -> bool {
    let Some(semaphore) = SEMAPHORES.get(handle) else {
        return false;
    };
    let mut state = lock(&semaphore.state);
    match state.permits.checked_add(count) {
        Some(permits) if count > 0 => {
            state.permits = permits;
            semaphore.released.notify_all();
            true
        }
        _ => false,
    }
}

/// Number of permits there are now; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_semaphore_available(handle: i64) -> i64 {
    SEMAPHORES
        .get(handle)
        .map_or(-1, |semaphore| lock(&semaphore.state).permits)
}

/// Frees a semaphore; threads that wait for a permit get false. False if it is not (or no longer)
/// one.
#[no_mangle]
pub extern "C" fn rt_semaphore_free(handle: i64) -> bool {
    match SEMAPHORES.remove(handle) {
        Some(semaphore) => {
            lock(&semaphore.state).freed = true;
            semaphore.released.notify_all();
            true
        }
        None => false,
    }
}

// ===========================================================================
// Threads
// ===========================================================================

/// Longest time that one call of [`rt_thread_sleep`] takes: an hour.
const MAX_SLEEP_MICROS: u64 = 3_600_000_000;

/// What an isolated thread runs. It must not unwind.
type ThreadFn = extern "C" fn(argument: RuntimeValue) -> RuntimeValue;

/// As [`ThreadFn`], with two arguments.
type ThreadFn2 = extern "C" fn(first: RuntimeValue, second: RuntimeValue) -> RuntimeValue;

/// A result that one thread leaves for others to pick up.
struct Completion<T> {
    result: Mutex<Option<T>>,
    done: Condvar,
}

impl<T: Clone> Completion<T> {
    fn new() -> Self {
        Self {
            result: Mutex::new(None),
            done: Condvar::new(),
        }
    }

    fn finish(&self, result: T) {
        *lock(&self.result) = Some(result);
        self.done.notify_all();
    }

    fn peek(&self) -> Option<T> {
        lock(&self.result).clone()
    }

    fn is_done(&self) -> bool {
        lock(&self.result).is_some()
    }

    fn wait(&self, deadline: Option<Instant>) -> Outcome<T> {
        let mut result = lock(&self.result);
        loop {
            if let Some(result) = &*result {
                return Ok(result.clone());
            }
            result = match wait_until(&self.done, result, deadline) {
                Ok(result) => result,
                Err(_timed_out) => return Err(time_is_up("there was no result")),
            };
        }
    }
}

/// Starts a thread that nobody has to wait for.
fn spawn_background(name: &str, work: impl FnOnce() + Send + 'static) -> Outcome<()> {
    match thread::Builder::new().name(name.to_owned()).spawn(work) {
        Ok(_detached) => Ok(()),
        Err(error) => Err(Failure::new(ERR_MEMORY, format!("no new thread: {error}"))),
    }
}

/// A number for a thread or an actor.
fn next_task_number() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

/// The handle, or 0 with a failure recorded.
fn handle_or_zero(outcome: Outcome<Handle>) -> Handle {
    outcome.unwrap_or_else(|failure| {
        failure.record();
        0
    })
}

/// Processors that this process may use, 1 if nobody knows.
fn parallelism() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

struct IsolatedThread {
    number: i64,
    runner: OnceLock<ThreadId>,
    result: Completion<RuntimeValue>,
}

static THREADS: HandleTable<IsolatedThread> = HandleTable::new();

/// An object that is to be copied, with what it held when it was found.
struct FoundObject {
    value: RuntimeValue,
    object: Arc<HeapObject>,
    parts: Vec<RuntimeValue>,
}

/// Copies of some values and of everything they refer to, which share nothing with the originals
/// but addresses outside the heap. What was shared among the originals is shared among the copies,
/// cycles included. A stale reference stays one.
fn isolated_copies(roots: &[RuntimeValue]) -> Outcome<Vec<RuntimeValue>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = roots.to_vec();
    while let Some(value) = pending.pop() {
        if !value.is_heap() || !seen.insert(value) {
            continue;
        }
        if let Some(object) = heap_get(value) {
            let parts = parts_of(&object);
            pending.extend(&parts);
            found.push(FoundObject {
                value,
                object,
                parts,
            });
        }
    }
    // First everything that can be filled later, then the enums, whose payload has to be there.
    let mut copies = HashMap::new();
    let mut enums = HashMap::new();
    for each in &found {
        match each.object.native::<EnumData>() {
            Some(data) => {
                enums.insert(each.value, data);
            }
            None => {
                copies.insert(each.value, empty_copy(each)?);
            }
        }
    }
    for each in &found {
        let mut chain = Vec::new();
        let mut next = each.value;
        while let Some(data) = enums.get(&next).filter(|_| !copies.contains_key(&next)) {
            chain.push((next, *data));
            next = data.payload;
        }
        while let Some((value, data)) = chain.pop() {
            let payload = copies.get(&data.payload).copied();
            let copy = EnumData {
                payload: payload.unwrap_or(data.payload),
                ..*data
            };
            copies.insert(value, heap_room(insert_native(HeapKind::Enum, copy))?);
        }
    }
    let copy_of = |value: &RuntimeValue| copies.get(value).copied().unwrap_or(*value);
    // Dicts last: the hash of a key is that of the finished copy.
    found.sort_by_key(|each| each.object.kind() == HeapKind::Dict);
    for each in &found {
        if let Some(copy) = heap_get(copy_of(&each.value)) {
            fill_copy(&copy, each.parts.iter().map(copy_of).collect())?;
        }
    }
    Ok(roots.iter().map(copy_of).collect())
}

fn heap_room(value: RuntimeValue) -> Outcome<RuntimeValue> {
    if value.is_nil() {
        return Err(Failure::new(ERR_MEMORY, "the heap is full"));
    }
    Ok(value)
}

/// An object of the same kind that holds nothing yet.
fn empty_copy(found: &FoundObject) -> Outcome<RuntimeValue> {
    let (object, slots) = (&found.object, Mutex::default());
    heap_room(match object.kind() {
        HeapKind::String => string_value(object.text().unwrap_or_default()),
        HeapKind::Array => array_value(Vec::new()),
        HeapKind::Tuple => insert_native(
            TupleData::KIND,
            TupleData {
                slots,
                sealed: AtomicBool::new(false),
            },
        ),
        HeapKind::Dict => insert_native(
            HeapKind::Dict,
            DictData {
                table: Mutex::default(),
            },
        ),
        HeapKind::Object => insert_native(
            ObjectData::KIND,
            ObjectData {
                class_id: object
                    .native::<ObjectData>()
                    .map_or(0, |data| data.class_id),
                fields: slots,
            },
        ),
        HeapKind::Closure => insert_native(
            ClosureData::KIND,
            ClosureData {
                function: object
                    .native::<ClosureData>()
                    .map_or(0, |data| data.function),
                captures: slots,
            },
        ),
        HeapKind::Unique => rt_unique_new(RuntimeValue::NIL),
        // An address is the same for everybody.
        HeapKind::Enum | HeapKind::Pointer => found.value,
    })
}

fn fill_copy(copy: &HeapObject, parts: Vec<RuntimeValue>) -> Outcome<()> {
    if let HeapBody::Items(items) = copy.body() {
        *lock(items) = parts;
    } else if let Some(data) = copy.native::<TupleData>() {
        *lock(data.slots()) = parts;
    } else if let Some(data) = copy.native::<ObjectData>() {
        *lock(data.slots()) = parts;
    } else if let Some(data) = copy.native::<ClosureData>() {
        *lock(data.slots()) = parts;
    } else if let (Some(cell), Some(&content)) = (copy.native::<UniqueCell>(), parts.first()) {
        *lock(&cell.content) = content;
    } else if let Some(data) = copy.native::<DictData>() {
        for entry in parts.chunks_exact(2) {
            // A key that went stale in the original cannot be found there either.
            if let Some(hash) = hash_value(entry[0]) {
                lock(&data.table).insert(hash, entry[0], entry[1])?;
            }
        }
    }
    Ok(())
}

fn start_isolated(
    arguments: &[RuntimeValue],
    call: impl FnOnce(&[RuntimeValue]) -> RuntimeValue + Send + 'static,
) -> Outcome<Handle> {
    let arguments = isolated_copies(arguments)?;
    let handle = THREADS.insert(IsolatedThread {
        number: next_task_number(),
        runner: OnceLock::new(),
        result: Completion::new(),
    });
    let Some(thread) = THREADS.get(handle) else {
        return Ok(handle);
    };
    let spawned = spawn_background("rt-isolated", move || {
        let _ = thread.runner.set(thread::current().id());
        thread.result.finish(call(&arguments));
    });
    spawned.map(|()| handle).inspect_err(|_| {
        THREADS.remove(handle);
    })
}

/// Runs `function` on a new thread. The thread is isolated: it gets a deep copy of `argument`, so
/// that neither side sees what the other does to its own (addresses of [`rt_ptr_to_value`] are the
/// same on both). The copies belong to the new thread. Returns 0 for a null function, and if no
/// thread can be made or there is no room for the copy.
#[no_mangle]
pub extern "C" fn rt_thread_spawn_isolated(
    function: Option<ThreadFn>,
    argument: RuntimeValue,
) -> i64 {
    let Some(function) = function else {
        fail(ERR_ARGUMENT, "a thread needs a function");
        return 0;
    };
    handle_or_zero(start_isolated(&[argument], move |copies| {
        function(copies[0])
    }))
}

/// As [`rt_thread_spawn_isolated`] with two arguments; what they share, their copies share.
#[no_mangle]
pub extern "C" fn rt_thread_spawn_isolated2(
    function: Option<ThreadFn2>,
    first: RuntimeValue,
    second: RuntimeValue,
) -> i64 {
    let Some(function) = function else {
        fail(ERR_ARGUMENT, "a thread needs a function");
        return 0;
    };
    handle_or_zero(start_isolated(&[first, second], move |copies| {
        function(copies[0], copies[1])
    }))
}

/// What the function of a thread returned, waiting up to `timeout_ms` for its end (negative: as
/// long as it takes, for ever if it does not end). May be asked again until [`rt_thread_free`].
///
/// Nil, with the error recorded, when the time is up (`index`), for a bad handle, and for a thread
/// that would wait for itself.
#[no_mangle]
pub extern "C" fn rt_thread_join(handle: i64, timeout_ms: i64) -> RuntimeValue {
    let Some(thread) = THREADS.get(handle) else {
        return fail(ERR_ARGUMENT, "the handle is no thread's");
    };
    if thread.runner.get() == Some(&thread::current().id()) {
        return fail(ERR_ARGUMENT, "a thread cannot join itself");
    }
    value_or_nil(thread.result.wait(deadline_after(timeout_ms)))
}

/// Whether the function of the thread has returned; false for a bad handle.
#[no_mangle]
pub extern "C" fn rt_thread_is_done(handle: i64) -> bool {
    THREADS
        .get(handle)
        .is_some_and(|thread| thread.result.is_done())
}

/// The number of a thread, which no other thread or actor of this process ever has, counted from
/// 1; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_thread_id(handle: i64) -> i64 {
    THREADS.get(handle).map_or(-1, |thread| thread.number)
}

/// Frees what is kept of a thread. One that still runs goes on to its end, and who waits for it
/// gets the result. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_thread_free(handle: i64) -> bool {
    THREADS.remove(handle).is_some()
}

/// Number of threads that can run at the same time, at least 1.
#[no_mangle]
pub extern "C" fn rt_thread_available_parallelism() -> i64 {
    length_of(parallelism())
}

/// Stops this thread for so many microseconds, or a little longer. False, at once, if that is
/// negative or more than 3,600,000,000 (an hour).
#[no_mangle]
pub extern "C" fn rt_thread_sleep(micros: i64) -> bool {
    match u64::try_from(micros) {
        Ok(micros) if micros <= MAX_SLEEP_MICROS => {
            thread::sleep(Duration::from_micros(micros));
            true
        }
        _ => false,
    }
}

/// Lets other threads run first if any wants to.
#[no_mangle]
pub extern "C" fn rt_thread_yield() {
    thread::yield_now();
}

// ===========================================================================
// PyTorch-style tensors (feature "pytorch")
// ===========================================================================
//
// A small dense CPU engine. Without the feature every function is still there and says "not
// available": 0 for a handle, -1 for a count, NaN for a number, false for a flag.
//
// Whatever makes a tensor of tensors is a `TorchOp`: an operation knows its result, its gradients
// and its name in ONNX, and autograd, traces and exports work on operations alone.

/// dtype number of 32-bit floats.
#[cfg(feature = "pytorch")]
const TORCH_F32: i64 = 0;
/// dtype number of 64-bit floats.
#[cfg(feature = "pytorch")]
const TORCH_F64: i64 = 1;
/// dtype number of 64-bit integers.
#[cfg(feature = "pytorch")]
const TORCH_I64: i64 = 2;
#[cfg(feature = "pytorch")]
const TORCH_MAX_DIMS: i64 = 8;
/// Most elements of one tensor: 2^24.
#[cfg(feature = "pytorch")]
const TORCH_MAX_NUMEL: usize = 1 << 24;
/// Most multiplications of one matrix product or convolution: 2^33, some seconds.
#[cfg(feature = "pytorch")]
const TORCH_MAX_WORK: usize = 1 << 33;
/// Most tensors that one call takes or gives.
#[cfg(feature = "pytorch")]
const TORCH_MAX_HANDLES: i64 = 1 << 12;
#[cfg(not(feature = "pytorch"))]
const TORCH_NO_HANDLE: i64 = 0;
#[cfg(not(feature = "pytorch"))]
const TORCH_NO_COUNT: i64 = -1;

/// Defines the twins of functions that the feature brings.
#[cfg(not(feature = "pytorch"))]
macro_rules! torch_unavailable {
    ($($(#[$doc:meta])* $name:ident $parameters:tt -> $answer:ty = $value:expr;)+) => {$(
        $(#[$doc])*
        #[no_mangle]
        pub extern "C" fn $name $parameters -> $answer {
            $value
        }
    )+};
}

/// As `torch_unavailable`, for functions that take pointers.
#[cfg(not(feature = "pytorch"))]
macro_rules! torch_unavailable_unsafe {
    ($($(#[$doc:meta])* $name:ident $parameters:tt -> $answer:ty = $value:expr;)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// None; the pointers are not looked at.
        #[no_mangle]
        pub unsafe extern "C" fn $name $parameters -> $answer {
            $value
        }
    )+};
}

#[cfg(feature = "pytorch")]
#[derive(Clone)]
enum TorchStorage {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
}

#[cfg(feature = "pytorch")]
impl TorchStorage {
    /// Integers are rounded towards zero, those out of range to the nearest, NaN to 0.
    fn from_values(dtype: i64, values: Vec<f64>) -> Self {
        match dtype {
            TORCH_F32 => TorchStorage::F32(values.into_iter().map(|v| v as f32).collect()),
            TORCH_I64 => TorchStorage::I64(values.into_iter().map(|v| v as i64).collect()),
            _ => TorchStorage::F64(values),
        }
    }

    fn dtype(&self) -> i64 {
        match self {
            TorchStorage::F32(_) => TORCH_F32,
            TorchStorage::F64(_) => TORCH_F64,
            TorchStorage::I64(_) => TORCH_I64,
        }
    }

    fn get(&self, index: usize) -> Option<f64> {
        match self {
            TorchStorage::F32(values) => values.get(index).map(|v| f64::from(*v)),
            TorchStorage::F64(values) => values.get(index).copied(),
            TorchStorage::I64(values) => values.get(index).map(|v| *v as f64),
        }
    }

    fn set(&mut self, index: usize, value: f64) -> bool {
        match self {
            TorchStorage::F32(values) => values.get_mut(index).map(|v| *v = value as f32),
            TorchStorage::F64(values) => values.get_mut(index).map(|v| *v = value),
            TorchStorage::I64(values) => values.get_mut(index).map(|v| *v = value as i64),
        }
        .is_some()
    }

    fn to_values(&self) -> Vec<f64> {
        match self {
            TorchStorage::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
            TorchStorage::F64(values) => values.clone(),
            TorchStorage::I64(values) => values.iter().map(|v| *v as f64).collect(),
        }
    }

    fn ints(&self) -> Option<&[i64]> {
        match self {
            TorchStorage::I64(values) => Some(values),
            _ => None,
        }
    }

    /// The elements at these offsets, all of which exist, bit by bit.
    fn pick(&self, offsets: &[usize]) -> Self {
        match self {
            TorchStorage::F32(values) => {
                TorchStorage::F32(offsets.iter().map(|at| values[*at]).collect())
            }
            TorchStorage::F64(values) => {
                TorchStorage::F64(offsets.iter().map(|at| values[*at]).collect())
            }
            TorchStorage::I64(values) => {
                TorchStorage::I64(offsets.iter().map(|at| values[*at]).collect())
            }
        }
    }
}

/// Elements as they are at one moment: row-major and contiguous. Copies share them.
#[cfg(feature = "pytorch")]
#[derive(Clone)]
struct TorchArray {
    shape: Vec<usize>,
    data: Arc<TorchStorage>,
}

#[cfg(feature = "pytorch")]
impl TorchArray {
    fn new(shape: Vec<usize>, dtype: i64, values: Vec<f64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self {
            shape,
            data: Arc::new(TorchStorage::from_values(dtype, values)),
        }
    }

    fn of_ints(shape: Vec<usize>, values: Vec<i64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self {
            shape,
            data: Arc::new(TorchStorage::I64(values)),
        }
    }

    fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    fn dtype(&self) -> i64 {
        self.data.dtype()
    }

    fn is_float(&self) -> bool {
        self.dtype() != TORCH_I64
    }

    /// The elements as 64-bit floats.
    fn floats(&self) -> std::borrow::Cow<'_, [f64]> {
        match &*self.data {
            TorchStorage::F64(values) => values.into(),
            other => other.to_values().into(),
        }
    }

    fn cast(&self, dtype: i64) -> Self {
        if dtype == self.dtype() {
            return self.clone();
        }
        Self::new(self.shape.clone(), dtype, self.data.to_values())
    }

    fn reshaped(&self, shape: &[usize]) -> Self {
        Self {
            shape: shape.to_vec(),
            data: Arc::clone(&self.data),
        }
    }

    fn picked(&self, shape: Vec<usize>, offsets: &[usize]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), offsets.len());
        Self {
            shape,
            data: Arc::new(self.data.pick(offsets)),
        }
    }
}

/// Numbers the tensors: what a tensor was made of always has a smaller number.
#[cfg(feature = "pytorch")]
static TORCH_SERIAL: AtomicU64 = AtomicU64::new(0);

/// The shape never changes, the elements may.
#[cfg(feature = "pytorch")]
struct TorchTensor {
    serial: u64,
    shape: Vec<usize>,
    storage: Mutex<Arc<TorchStorage>>,
    /// Set by hand, which is only possible where there is no `origin`.
    wants_grad: AtomicBool,
    grad: Mutex<Option<Vec<f64>>>,
    origin: Option<TorchOrigin>,
}

/// How a tensor came to be, if somebody may ask for gradients. A tensor refers to older ones only,
/// so there are no cycles; it keeps them alive after their handles are freed.
#[cfg(feature = "pytorch")]
struct TorchOrigin {
    op: TorchOp,
    inputs: Vec<Arc<TorchTensor>>,
    /// What was in the inputs then, and in the result.
    arrays: Vec<TorchArray>,
    output: TorchArray,
}

/// Several handles may name one tensor, such as a parameter of a layer.
#[cfg(feature = "pytorch")]
static TORCH_TENSORS: HandleTable<Arc<TorchTensor>> = HandleTable::new();

#[cfg(feature = "pytorch")]
impl TorchTensor {
    fn of_array(array: TorchArray, origin: Option<TorchOrigin>) -> Arc<Self> {
        Arc::new(TorchTensor {
            serial: TORCH_SERIAL.fetch_add(1, Relaxed),
            shape: array.shape,
            storage: Mutex::new(array.data),
            wants_grad: AtomicBool::new(false),
            grad: Mutex::new(None),
            origin,
        })
    }

    fn register(shape: Vec<usize>, dtype: i64, values: Vec<f64>) -> i64 {
        torch_register(TorchArray::new(shape, dtype, values))
    }

    fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    fn dtype(&self) -> i64 {
        lock(&self.storage).dtype()
    }

    /// The elements as they are now.
    fn array(&self) -> TorchArray {
        TorchArray {
            shape: self.shape.clone(),
            data: Arc::clone(&lock(&self.storage)),
        }
    }

    fn values(&self) -> Vec<f64> {
        self.array().data.to_values()
    }

    /// Changes the elements. Whoever took them with `array` keeps the old ones.
    fn change<R>(&self, change: impl FnOnce(&mut TorchStorage) -> R) -> R {
        change(Arc::make_mut(&mut lock(&self.storage)))
    }

    fn requires_grad(&self) -> bool {
        self.origin.is_some() || self.wants_grad.load(SeqCst)
    }

    fn take_inputs(&mut self) -> Vec<Arc<TorchTensor>> {
        self.origin
            .take()
            .map_or_else(Vec::new, |origin| origin.inputs)
    }

    /// Where the element with these indices stands; negative ones count from the end.
    fn offset(&self, indices: &[i64]) -> Option<usize> {
        if indices.len() != self.shape.len() {
            return None;
        }
        let mut offset = 0;
        for (index, extent) in indices.iter().zip(&self.shape) {
            let extent_signed = *extent as i64;
            let index = if *index < 0 {
                index.checked_add(extent_signed)?
            } else {
                *index
            };
            if !(0..extent_signed).contains(&index) {
                return None;
            }
            offset = offset * extent + index as usize;
        }
        Some(offset)
    }
}

#[cfg(feature = "pytorch")]
impl Drop for TorchTensor {
    /// Takes a long chain of results apart in a loop: each step would need its own stack frame else.
    fn drop(&mut self) {
        let mut open = self.take_inputs();
        while let Some(tensor) = open.pop() {
            if let Some(mut last) = Arc::into_inner(tensor) {
                open.append(&mut last.take_inputs());
            }
        }
    }
}

/// The tensor with this handle.
#[cfg(feature = "pytorch")]
fn torch_tensor(handle: i64) -> Option<Arc<TorchTensor>> {
    let slot = TORCH_TENSORS.get(handle)?;
    Some(Arc::clone(&slot))
}

/// A handle for a new tensor without history.
#[cfg(feature = "pytorch")]
fn torch_register(array: TorchArray) -> i64 {
    TORCH_TENSORS.insert(TorchTensor::of_array(array, None))
}

/// Number of elements of a shape, if there may be as many. The limit holds for the shape without
/// its zeros too, so that no stride can overflow.
#[cfg(feature = "pytorch")]
fn torch_numel(shape: &[usize]) -> Option<usize> {
    if shape.len() > TORCH_MAX_DIMS as usize {
        return None;
    }
    shape
        .iter()
        .try_fold(1usize, |span, extent| span.checked_mul((*extent).max(1)))
        .filter(|span| *span <= TORCH_MAX_NUMEL)?;
    Some(shape.iter().product())
}

/// Zeros, if there is memory for them.
#[cfg(feature = "pytorch")]
fn torch_zeros<T: Copy + Default>(count: usize) -> Option<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).ok()?;
    values.resize(count, T::default());
    Some(values)
}

/// `count` indices or extents behind a pointer.
///
/// # Safety
/// `ints` is null or valid for reads of `count` numbers, if there may be so many.
#[cfg(feature = "pytorch")]
unsafe fn torch_ints<'a>(ints: *const i64, count: i64) -> Option<&'a [i64]> {
    match count {
        0 => Some(&[]),
        1..=TORCH_MAX_DIMS if is_aligned_cell(ints) => {
            Some(std::slice::from_raw_parts(ints, count as usize))
        }
        _ => None,
    }
}

/// The tensors whose handles stand behind a pointer; `None` if one of them is bad.
///
/// # Safety
/// `handles` is null or valid for reads of `count` numbers, if there may be so many.
#[cfg(feature = "pytorch")]
unsafe fn torch_tensors(handles: *const i64, count: i64) -> Option<Vec<Arc<TorchTensor>>> {
    let handles = match count {
        0 => &[],
        1..=TORCH_MAX_HANDLES if is_aligned_cell(handles) => {
            std::slice::from_raw_parts(handles, count as usize)
        }
        _ => return None,
    };
    handles.iter().map(|handle| torch_tensor(*handle)).collect()
}

/// Writes as many numbers as `cap` leaves room for and returns how many there are; -1 if `cap` is
/// negative, or if `out` is null or not aligned while `cap` is not 0.
///
/// # Safety
/// `out` is null, or not aligned, or valid for writes of `cap` numbers.
#[cfg(feature = "pytorch")]
unsafe fn torch_copy_out<T: Copy>(values: &[T], out: *mut T, cap: i64) -> i64 {
    let Ok(cap) = usize::try_from(cap) else {
        return -1;
    };
    if cap > 0 && !is_aligned_cell(out) {
        return -1;
    }
    if cap > 0 {
        std::ptr::copy_nonoverlapping(values.as_ptr(), out, cap.min(values.len()));
    }
    length_of(values.len())
}

/// Gives handles to tensors and writes them, all or (where `cap` is too small) none; how many there
/// are, or -1 for bad arguments.
///
/// # Safety
/// As for [`torch_copy_out`].
#[cfg(feature = "pytorch")]
unsafe fn torch_hand_out(tensors: Vec<Arc<TorchTensor>>, out: *mut i64, cap: i64) -> i64 {
    let count = length_of(tensors.len());
    if cap < 0 || (cap > 0 && !is_aligned_cell(out)) {
        return -1;
    }
    if count <= cap {
        for (at, tensor) in tensors.into_iter().enumerate() {
            out.add(at).write(TORCH_TENSORS.insert(tensor));
        }
    }
    count
}

/// A shape behind a pointer, with the number of its elements.
///
/// # Safety
/// As for [`torch_ints`].
#[cfg(feature = "pytorch")]
unsafe fn torch_shape(shape: *const i64, ndim: i64) -> Option<(Vec<usize>, usize)> {
    let shape = torch_ints(shape, ndim)?
        .iter()
        .map(|extent| usize::try_from(*extent).ok())
        .collect::<Option<Vec<usize>>>()?;
    let numel = torch_numel(&shape)?;
    Some((shape, numel))
}

#[cfg(feature = "pytorch")]
fn torch_is_dtype(dtype: i64) -> bool {
    dtype == TORCH_I64 || torch_is_float(dtype)
}

#[cfg(feature = "pytorch")]
fn torch_is_float(dtype: i64) -> bool {
    dtype == TORCH_F32 || dtype == TORCH_F64
}

/// The dtype of a result of both: f64 before f32 before i64.
#[cfg(feature = "pytorch")]
fn torch_promote(a: i64, b: i64) -> i64 {
    match (a, b) {
        (TORCH_I64, other) | (other, TORCH_I64) => other,
        _ => a.max(b),
    }
}

/// An axis, negative ones counted from the end.
#[cfg(feature = "pytorch")]
fn torch_axis(axis: i64, ndim: usize) -> Option<usize> {
    let ndim = ndim as i64;
    let axis = if axis < 0 {
        axis.saturating_add(ndim)
    } else {
        axis
    };
    (0..ndim).contains(&axis).then_some(axis as usize)
}

/// A shape around an axis: the product before it, its extent, the product behind it.
#[cfg(feature = "pytorch")]
fn torch_around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (
        shape[..axis].iter().product(),
        shape[axis],
        shape[axis + 1..].iter().product(),
    )
}

/// The shape that two shapes broadcast to.
#[cfg(feature = "pytorch")]
fn torch_broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let ndim = a.len().max(b.len());
    let extent = |shape: &[usize], axis: usize| {
        let missing = ndim - shape.len();
        if axis < missing {
            1
        } else {
            shape[axis - missing]
        }
    };
    (0..ndim)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// Offsets of the elements of a shape in row-major order, where axis `n` goes in steps of
/// `strides[n]`.
#[cfg(feature = "pytorch")]
fn torch_walk(shape: &[usize], strides: &[usize]) -> Vec<usize> {
    let total: usize = shape.iter().product();
    let mut offsets = Vec::with_capacity(total);
    let mut index = vec![0usize; shape.len()];
    let mut offset = 0;
    for _ in 0..total {
        offsets.push(offset);
        // Count up like an odometer, from the last axis.
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            offset -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    offsets
}

/// Offsets into a tensor of shape `from`, for each element of the shape `to` it broadcasts to.
#[cfg(feature = "pytorch")]
fn torch_offsets(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; to.len()];
    let mut step = 1;
    let missing = to.len() - from.len();
    for axis in (0..from.len()).rev() {
        if from[axis] != 1 {
            strides[missing + axis] = step;
        }
        step *= from[axis];
    }
    torch_walk(to, &strides)
}

/// Offsets that exchange two axes, with the shape that comes out.
#[cfg(feature = "pytorch")]
fn torch_exchange_axes(shape: &[usize], first: usize, second: usize) -> (Vec<usize>, Vec<usize>) {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut shape = shape.to_vec();
    shape.swap(first, second);
    strides.swap(first, second);
    let offsets = torch_walk(&shape, &strides);
    (shape, offsets)
}

// ---------------------------------------------------------------------------
// PyTorch: operations
// ---------------------------------------------------------------------------

/// Operations on each element.
#[cfg(feature = "pytorch")]
#[derive(Clone, Copy, Debug, PartialEq)]
enum TorchUnary {
    Neg,
    Relu,
    Abs,
    Exp,
    Log,
    Tanh,
    Sigmoid,
    Sqrt,
    Pow(f64),
}

#[cfg(feature = "pytorch")]
impl TorchUnary {
    fn value(self, x: f64) -> f64 {
        match self {
            TorchUnary::Neg => -x,
            TorchUnary::Relu if x < 0.0 => 0.0,
            TorchUnary::Relu => x,
            TorchUnary::Abs => x.abs(),
            TorchUnary::Exp => x.exp(),
            TorchUnary::Log => x.ln(),
            TorchUnary::Tanh => x.tanh(),
            // Both forms are the same; each is exact where the other one overflows.
            TorchUnary::Sigmoid if x < 0.0 => x.exp() / (1.0 + x.exp()),
            TorchUnary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            TorchUnary::Sqrt => x.sqrt(),
            TorchUnary::Pow(exponent) => x.powf(exponent),
        }
    }

    /// As [`TorchUnary::value`]; `None` where the result is no integer.
    fn int_value(self, x: i64) -> Option<i64> {
        match self {
            TorchUnary::Neg => Some(x.wrapping_neg()),
            TorchUnary::Relu => Some(x.max(0)),
            TorchUnary::Abs => Some(x.wrapping_abs()),
            _ => None,
        }
    }

    /// The derivative at `x`, where the value is `y`.
    fn slope(self, x: f64, y: f64) -> f64 {
        match self {
            TorchUnary::Neg => -1.0,
            TorchUnary::Relu if x > 0.0 => 1.0,
            TorchUnary::Relu if x.is_nan() => x,
            TorchUnary::Relu => 0.0,
            TorchUnary::Abs if x == 0.0 => 0.0,
            TorchUnary::Abs => 1f64.copysign(x),
            TorchUnary::Exp => y,
            TorchUnary::Log => 1.0 / x,
            TorchUnary::Tanh => 1.0 - y * y,
            TorchUnary::Sigmoid => y * (1.0 - y),
            TorchUnary::Sqrt => 0.5 / y,
            TorchUnary::Pow(0.0) => 0.0,
            TorchUnary::Pow(exponent) => exponent * x.powf(exponent - 1.0),
        }
    }
}

/// Operations on two elements at a time, with broadcasting.
#[cfg(feature = "pytorch")]
#[derive(Clone, Copy, Debug, PartialEq)]
enum TorchBinary {
    Add,
    Sub,
    Mul,
    Div,
}

#[cfg(feature = "pytorch")]
impl TorchBinary {
    fn value(self, x: f64, y: f64) -> f64 {
        match self {
            TorchBinary::Add => x + y,
            TorchBinary::Sub => x - y,
            TorchBinary::Mul => x * y,
            TorchBinary::Div => x / y,
        }
    }

    fn int_value(self, x: i64, y: i64) -> i64 {
        match self {
            TorchBinary::Add => x.wrapping_add(y),
            TorchBinary::Sub => x.wrapping_sub(y),
            TorchBinary::Mul => x.wrapping_mul(y),
            TorchBinary::Div => x.checked_div(y).unwrap_or(0),
        }
    }

    /// Both derivatives at `x` and `y`.
    fn slopes(self, x: f64, y: f64) -> (f64, f64) {
        match self {
            TorchBinary::Add => (1.0, 1.0),
            TorchBinary::Sub => (1.0, -1.0),
            TorchBinary::Mul => (y, x),
            TorchBinary::Div => (1.0 / y, -x / (y * y)),
        }
    }
}

/// What makes a tensor of tensors. The axes in it exist, counted from the first.
#[cfg(feature = "pytorch")]
#[derive(Clone, Debug, PartialEq)]
enum TorchOp {
    Unary(TorchUnary),
    Binary(TorchBinary),
    MatMul,
    Sum,
    Mean,
    Max,
    /// Sum or mean along an axis.
    Reduce {
        axis: usize,
        keep: bool,
        mean: bool,
    },
    ArgMax(usize),
    Softmax {
        axis: usize,
        log: bool,
    },
    Cast(i64),
    Reshape(Vec<usize>),
    Transpose(usize, usize),
    /// Bounds within the axis.
    Slice {
        axis: usize,
        start: usize,
        stop: usize,
        step: usize,
    },
    Cat(usize),
    /// Inputs: images, kernels and perhaps a bias.
    Conv2d {
        stride: usize,
        padding: usize,
    },
    /// Inputs: rows, gain, bias; then, if they are not taken of the batch, means and variances.
    BatchNorm {
        eps: f64,
    },
    /// Inputs: rows, gain, bias.
    LayerNorm {
        eps: f64,
    },
    /// Inputs: a table and row numbers.
    Embedding,
    /// Inputs: a row of scores for each example, and the number of the right one.
    CrossEntropy,
}

/// A gradient for each input of an operation that has one.
#[cfg(feature = "pytorch")]
type TorchGrads = Vec<Option<Vec<f64>>>;

#[cfg(feature = "pytorch")]
impl TorchOp {
    /// The result; `None` if the inputs do not fit.
    fn forward(&self, inputs: &[TorchArray]) -> Option<TorchArray> {
        match (self, inputs) {
            (TorchOp::Unary(op), [x]) => torch_map(*op, x),
            (TorchOp::Binary(op), [x, y]) => torch_zip(*op, x, y),
            (TorchOp::MatMul, [x, y]) => torch_matmul(x, y),
            (TorchOp::Sum | TorchOp::Mean | TorchOp::Max, [x]) => self.reduce_all(x),
            (TorchOp::Reduce { axis, keep, mean }, [x]) => torch_reduce(x, *axis, *keep, *mean),
            (TorchOp::ArgMax(axis), [x]) => torch_argmax(x, *axis),
            (TorchOp::Softmax { axis, log }, [x]) => torch_softmax(x, *axis, *log),
            (TorchOp::Cast(dtype), [x]) => Some(x.cast(*dtype)),
            (TorchOp::Reshape(shape), [x]) => {
                (torch_numel(shape)? == x.numel()).then(|| x.reshaped(shape))
            }
            (TorchOp::Transpose(first, second), [x]) => {
                if *first.max(second) >= x.shape.len() {
                    return None;
                }
                let (shape, offsets) = torch_exchange_axes(&x.shape, *first, *second);
                Some(x.picked(shape, &offsets))
            }
            (TorchOp::Slice { .. }, [x]) => {
                let (shape, offsets) = self.slice_of(&x.shape)?;
                Some(x.picked(shape, &offsets))
            }
            (TorchOp::Cat(axis), parts) => torch_cat(parts, *axis),
            (TorchOp::Conv2d { stride, padding }, [x, w, bias @ ..]) if bias.len() < 2 => {
                torch_conv2d(x, w, bias.first(), *stride, *padding)
            }
            (TorchOp::BatchNorm { eps }, [x, gain, bias, stats @ ..]) => {
                torch_batch_norm(x, gain, bias, stats, *eps)
            }
            (TorchOp::LayerNorm { eps }, [x, gain, bias]) => torch_layer_norm(x, gain, bias, *eps),
            (TorchOp::Embedding, [table, rows]) => torch_embedding(table, rows),
            (TorchOp::CrossEntropy, [scores, right]) => torch_cross_entropy(scores, right),
            _ => None,
        }
    }

    /// Gradients of the inputs, given that of the output. Those of inputs that `needs` does not
    /// name may be left out. `None` if there is no memory.
    fn backward(
        &self,
        inputs: &[TorchArray],
        output: &TorchArray,
        grad: &[f64],
        needs: &[bool],
    ) -> Option<TorchGrads> {
        Some(match (self, inputs) {
            (TorchOp::Unary(op), [x]) => {
                let (x, y) = (x.floats(), output.floats());
                let slopes = x.iter().zip(&*y).map(|(x, y)| op.slope(*x, *y));
                vec![Some(grad.iter().zip(slopes).map(|(g, s)| g * s).collect())]
            }
            (TorchOp::Binary(op), [x, y]) => torch_zip_grads(*op, x, y, output, grad)?,
            (TorchOp::MatMul, [x, y]) => torch_matmul_grads(x, y, grad, needs)?,
            (TorchOp::Sum, [x]) => vec![Some(vec![grad[0]; x.numel()])],
            (TorchOp::Mean, [x]) => vec![Some(vec![grad[0] / x.numel() as f64; x.numel()])],
            (TorchOp::Max, [x]) => {
                let (values, max) = (x.floats(), output.floats()[0]);
                let is_max = |v: f64| v == max || (v.is_nan() && max.is_nan());
                // Several largest elements share the gradient.
                let share = grad[0] / values.iter().filter(|v| is_max(**v)).count() as f64;
                let share_of = |v: &f64| if is_max(*v) { share } else { 0.0 };
                vec![Some(values.iter().map(share_of).collect())]
            }
            (TorchOp::Reduce { axis, mean, .. }, [x]) => {
                let (outer, extent, inner) = torch_around(&x.shape, *axis);
                let factor = if *mean { 1.0 / extent as f64 } else { 1.0 };
                let mut found = Vec::with_capacity(x.numel());
                for row in 0..outer {
                    for _ in 0..extent {
                        let row = &grad[row * inner..][..inner];
                        found.extend(row.iter().map(|g| g * factor));
                    }
                }
                vec![Some(found)]
            }
            (TorchOp::Softmax { axis, log }, [x]) => {
                vec![Some(torch_softmax_grad(
                    &x.shape, output, grad, *axis, *log,
                ))]
            }
            (TorchOp::Cast(_) | TorchOp::Reshape(_), [_]) => vec![Some(grad.to_vec())],
            (TorchOp::Transpose(first, second), [_]) => {
                let (_, offsets) = torch_exchange_axes(&output.shape, *first, *second);
                vec![Some(offsets.iter().map(|at| grad[*at]).collect())]
            }
            (TorchOp::Slice { .. }, [x]) => {
                let (_, offsets) = self.slice_of(&x.shape)?;
                let mut found = torch_zeros(x.numel())?;
                for (at, g) in offsets.into_iter().zip(grad) {
                    found[at] += g;
                }
                vec![Some(found)]
            }
            (TorchOp::Cat(axis), parts) => torch_cat_grads(parts, *axis, grad),
            (TorchOp::Conv2d { stride, padding }, [x, w, ..]) => {
                let mut found = torch_conv2d_grads(x, w, output, grad, (*stride, *padding), needs)?;
                found.truncate(inputs.len());
                found
            }
            (TorchOp::BatchNorm { eps }, [x, gain, _, stats @ ..]) => {
                torch_batch_norm_grads(x, gain, stats, *eps, grad)?
            }
            (TorchOp::LayerNorm { eps }, [x, gain, _]) => {
                torch_layer_norm_grads(x, gain, *eps, grad)?
            }
            (TorchOp::Embedding, [table, rows]) => {
                let width = table.shape[1];
                let mut found = torch_zeros(table.numel())?;
                for (at, row) in rows.data.ints()?.iter().enumerate() {
                    let into = &mut found[*row as usize * width..][..width];
                    for (sum, g) in into.iter_mut().zip(&grad[at * width..]) {
                        *sum += g;
                    }
                }
                vec![Some(found), None]
            }
            (TorchOp::CrossEntropy, [scores, right]) => {
                let softmax = torch_softmax(&scores.cast(TORCH_F64), 1, false)?;
                let mut found = softmax.floats().into_owned();
                let classes = scores.shape[1];
                for (row, right) in found
                    .chunks_exact_mut(classes.max(1))
                    .zip(right.data.ints()?)
                {
                    row[*right as usize] -= 1.0;
                }
                let factor = grad[0] / scores.shape[0] as f64;
                found.iter_mut().for_each(|v| *v *= factor);
                vec![Some(found), None]
            }
            // Row numbers have no gradient.
            _ => vec![None; inputs.len()],
        })
    }

    fn reduce_all(&self, x: &TorchArray) -> Option<TorchArray> {
        if let (Some(ints), false) = (x.data.ints(), *self == TorchOp::Mean) {
            let found = match self {
                TorchOp::Max => *ints.iter().max()?,
                _ => ints.iter().fold(0i64, |acc, v| acc.wrapping_add(*v)),
            };
            return Some(TorchArray::of_ints(Vec::new(), vec![found]));
        }
        let values = x.floats();
        // Not `sum()`: whether that begins at 0.0 or -0.0 depends on the standard library.
        let sum = || values.iter().fold(0.0, |acc, v| acc + v);
        let found = match self {
            TorchOp::Max => values.iter().copied().reduce(|a, b| rt_math_max(a, b))?,
            TorchOp::Mean => sum() / values.len() as f64,
            _ => sum(),
        };
        let dtype = torch_promote(x.dtype(), TORCH_F32);
        let dtype = if x.is_float() { dtype } else { TORCH_F64 };
        Some(TorchArray::new(Vec::new(), dtype, vec![found]))
    }

    /// Shape and offsets of what a slice takes.
    fn slice_of(&self, shape: &[usize]) -> Option<(Vec<usize>, Vec<usize>)> {
        let TorchOp::Slice {
            axis,
            start,
            stop,
            step,
        } = *self
        else {
            return None;
        };
        if axis >= shape.len() || start > stop || stop > shape[axis] || step == 0 {
            return None;
        }
        let (outer, extent, inner) = torch_around(shape, axis);
        let mut sliced = shape.to_vec();
        sliced[axis] = (stop - start).div_ceil(step);
        let mut offsets = Vec::with_capacity(sliced.iter().product());
        for row in 0..outer {
            for at in (start..stop).step_by(step) {
                let begin = (row * extent + at) * inner;
                offsets.extend(begin..begin + inner);
            }
        }
        Some((sliced, offsets))
    }
}

#[cfg(feature = "pytorch")]
fn torch_map(op: TorchUnary, x: &TorchArray) -> Option<TorchArray> {
    if let Some(ints) = x.data.ints() {
        if op.int_value(0).is_some() {
            let values = ints.iter().filter_map(|v| op.int_value(*v)).collect();
            return Some(TorchArray::of_ints(x.shape.clone(), values));
        }
    }
    let dtype = if x.is_float() { x.dtype() } else { TORCH_F64 };
    let mut values = torch_zeros(x.numel())?;
    for (value, x) in values.iter_mut().zip(&*x.floats()) {
        *value = op.value(*x);
    }
    Some(TorchArray::new(x.shape.clone(), dtype, values))
}

#[cfg(feature = "pytorch")]
fn torch_zip(op: TorchBinary, x: &TorchArray, y: &TorchArray) -> Option<TorchArray> {
    let shape = torch_broadcast(&x.shape, &y.shape)?;
    torch_numel(&shape)?;
    let pairs = torch_offsets(&x.shape, &shape)
        .into_iter()
        .zip(torch_offsets(&y.shape, &shape));
    if let (Some(left), Some(right), true) = (x.data.ints(), y.data.ints(), op != TorchBinary::Div)
    {
        let values = pairs.map(|(x, y)| op.int_value(left[x], right[y]));
        return Some(TorchArray::of_ints(shape, values.collect()));
    }
    let dtype = match torch_promote(x.dtype(), y.dtype()) {
        TORCH_I64 => TORCH_F64,
        dtype => dtype,
    };
    let (left, right) = (x.floats(), y.floats());
    let values = pairs.map(|(x, y)| op.value(left[x], right[y])).collect();
    Some(TorchArray::new(shape, dtype, values))
}

/// Elements that were repeated by broadcasting get the sum of the gradients.
#[cfg(feature = "pytorch")]
fn torch_zip_grads(
    op: TorchBinary,
    x: &TorchArray,
    y: &TorchArray,
    output: &TorchArray,
    grad: &[f64],
) -> Option<TorchGrads> {
    let (left, right) = (x.floats(), y.floats());
    let (mut of_x, mut of_y) = (torch_zeros(left.len())?, torch_zeros(right.len())?);
    let pairs = torch_offsets(&x.shape, &output.shape)
        .into_iter()
        .zip(torch_offsets(&y.shape, &output.shape));
    for ((x, y), g) in pairs.zip(grad) {
        let (slope_x, slope_y) = op.slopes(left[x], right[y]);
        of_x[x] += g * slope_x;
        of_y[y] += g * slope_y;
    }
    Some(vec![Some(of_x), Some(of_y)])
}

/// How two tensors are multiplied as matrices.
#[cfg(feature = "pytorch")]
struct TorchMatPlan {
    rows: usize,
    inner: usize,
    columns: usize,
    /// Which matrix of the left and of the right operand makes each matrix of the result.
    pairs: Vec<(usize, usize)>,
    shape: Vec<usize>,
}

#[cfg(feature = "pytorch")]
impl TorchMatPlan {
    fn new(a: &[usize], b: &[usize]) -> Option<Self> {
        if a.is_empty() || b.is_empty() {
            return None;
        }
        let mut left_shape = a.to_vec();
        if a.len() == 1 {
            left_shape.insert(0, 1);
        }
        let mut right_shape = b.to_vec();
        if b.len() == 1 {
            right_shape.push(1);
        }
        let (left_batch, left_matrix) = left_shape.split_at(left_shape.len() - 2);
        let (right_batch, right_matrix) = right_shape.split_at(right_shape.len() - 2);
        let (rows, inner, columns) = (left_matrix[0], left_matrix[1], right_matrix[1]);
        if inner != right_matrix[0] {
            return None;
        }
        let batch = torch_broadcast(left_batch, right_batch)?;
        let mut shape = batch.clone();
        shape.extend([rows, columns]);
        let work = torch_numel(&shape)?.checked_mul(inner)?;
        if work > TORCH_MAX_WORK {
            return None;
        }
        let pairs = torch_offsets(left_batch, &batch)
            .into_iter()
            .zip(torch_offsets(right_batch, &batch))
            .collect();
        // The axes that the vectors were given are taken away again.
        if b.len() == 1 {
            shape.pop();
        }
        if a.len() == 1 {
            shape.remove(batch.len());
        }
        Some(Self {
            rows,
            inner,
            columns,
            pairs,
            shape,
        })
    }

    fn product<T: Copy + Default>(
        &self,
        left: &[T],
        right: &[T],
        add_product: impl Fn(T, T, T) -> T,
    ) -> Option<Vec<T>> {
        let (rows, inner, columns) = (self.rows, self.inner, self.columns);
        let mut values = torch_zeros(self.pairs.len() * rows * columns)?;
        for (at, (l, r)) in self.pairs.iter().enumerate() {
            let left = &left[l * rows * inner..][..rows * inner];
            let right = &right[r * inner * columns..][..inner * columns];
            let into = &mut values[at * rows * columns..][..rows * columns];
            for row in 0..rows {
                let into = &mut into[row * columns..][..columns];
                for k in 0..inner {
                    let factor = left[row * inner + k];
                    for (sum, other) in into.iter_mut().zip(&right[k * columns..]) {
                        *sum = add_product(*sum, factor, *other);
                    }
                }
            }
        }
        Some(values)
    }
}

#[cfg(feature = "pytorch")]
fn torch_matmul(x: &TorchArray, y: &TorchArray) -> Option<TorchArray> {
    let plan = TorchMatPlan::new(&x.shape, &y.shape)?;
    if let (Some(left), Some(right)) = (x.data.ints(), y.data.ints()) {
        let add_product = |sum: i64, a: i64, b: i64| sum.wrapping_add(a.wrapping_mul(b));
        let values = plan.product(left, right, add_product)?;
        return Some(TorchArray::of_ints(plan.shape, values));
    }
    let values = plan.product(&x.floats(), &y.floats(), |sum, a, b| sum + a * b)?;
    let dtype = torch_promote(x.dtype(), y.dtype());
    Some(TorchArray::new(plan.shape, dtype, values))
}

#[cfg(feature = "pytorch")]
fn torch_matmul_grads(
    x: &TorchArray,
    y: &TorchArray,
    grad: &[f64],
    needs: &[bool],
) -> Option<TorchGrads> {
    let plan = TorchMatPlan::new(&x.shape, &y.shape)?;
    let (rows, inner, columns) = (plan.rows, plan.inner, plan.columns);
    let (left, right) = (x.floats(), y.floats());
    let (mut of_x, mut of_y) = (torch_zeros(left.len())?, torch_zeros(right.len())?);
    for (at, (l, r)) in plan.pairs.iter().enumerate() {
        let (l, r) = (l * rows * inner, r * inner * columns);
        for row in 0..rows {
            let grad = &grad[(at * rows + row) * columns..][..columns];
            for k in 0..inner {
                let right_row = r + k * columns..r + (k + 1) * columns;
                if needs[0] {
                    let products = grad.iter().zip(&right[right_row.clone()]);
                    of_x[l + row * inner + k] += products.fold(0.0, |sum, (g, v)| sum + g * v);
                }
                if needs[1] {
                    let factor = left[l + row * inner + k];
                    for (sum, g) in of_y[right_row].iter_mut().zip(grad) {
                        *sum += factor * g;
                    }
                }
            }
        }
    }
    Some(vec![Some(of_x), Some(of_y)])
}

#[cfg(feature = "pytorch")]
fn torch_reduce(x: &TorchArray, axis: usize, keep: bool, mean: bool) -> Option<TorchArray> {
    if axis >= x.shape.len() {
        return None;
    }
    let (outer, extent, inner) = torch_around(&x.shape, axis);
    let mut shape = x.shape.clone();
    if keep {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    torch_numel(&shape)?;
    if let (Some(ints), false) = (x.data.ints(), mean) {
        let mut sums: Vec<i64> = torch_zeros(outer * inner)?;
        for (at, value) in ints.iter().enumerate() {
            let sum = &mut sums[at / (extent * inner) * inner + at % inner];
            *sum = sum.wrapping_add(*value);
        }
        return Some(TorchArray::of_ints(shape, sums));
    }
    let mut sums: Vec<f64> = torch_zeros(outer * inner)?;
    for (at, value) in x.floats().iter().enumerate() {
        sums[at / (extent * inner) * inner + at % inner] += value;
    }
    if mean {
        sums.iter_mut().for_each(|sum| *sum /= extent as f64);
    }
    let dtype = if x.is_float() { x.dtype() } else { TORCH_F64 };
    Some(TorchArray::new(shape, dtype, sums))
}

/// The first of the largest elements along an axis; NaN is larger than all.
#[cfg(feature = "pytorch")]
fn torch_argmax(x: &TorchArray, axis: usize) -> Option<TorchArray> {
    if axis >= x.shape.len() || x.shape[axis] == 0 {
        return None;
    }
    let (outer, extent, inner) = torch_around(&x.shape, axis);
    let at = |row: usize, k: usize, column: usize| (row * extent + k) * inner + column;
    let mut shape = x.shape.clone();
    shape.remove(axis);
    let mut found: Vec<i64> = torch_zeros(outer * inner)?;
    let (ints, floats) = (x.data.ints(), x.floats());
    for row in 0..outer {
        for column in 0..inner {
            let mut best = 0;
            for k in 1..extent {
                let (new, old) = (at(row, k, column), at(row, best, column));
                let larger = match ints {
                    Some(ints) => ints[new] > ints[old],
                    None if floats[old].is_nan() => false,
                    None => floats[new] > floats[old] || floats[new].is_nan(),
                };
                if larger {
                    best = k;
                }
            }
            found[row * inner + column] = best as i64;
        }
    }
    Some(TorchArray::of_ints(shape, found))
}

#[cfg(feature = "pytorch")]
fn torch_softmax(x: &TorchArray, axis: usize, log: bool) -> Option<TorchArray> {
    if axis >= x.shape.len() {
        return None;
    }
    let (outer, extent, inner) = torch_around(&x.shape, axis);
    let mut values = x.floats().into_owned();
    for row in 0..outer {
        for column in 0..inner {
            let places = (0..extent).map(|k| (row * extent + k) * inner + column);
            // Less the largest: no power overflows.
            let max = places
                .clone()
                .fold(f64::NEG_INFINITY, |max, at| max.max(values[at]));
            let sum = places
                .clone()
                .fold(0.0, |sum, at| sum + (values[at] - max).exp());
            for at in places {
                let shifted = values[at] - max;
                values[at] = if log {
                    shifted - sum.ln()
                } else {
                    shifted.exp() / sum
                };
            }
        }
    }
    let dtype = if x.is_float() { x.dtype() } else { TORCH_F64 };
    Some(TorchArray::new(x.shape.clone(), dtype, values))
}

#[cfg(feature = "pytorch")]
fn torch_softmax_grad(
    shape: &[usize],
    output: &TorchArray,
    grad: &[f64],
    axis: usize,
    log: bool,
) -> Vec<f64> {
    let (outer, extent, inner) = torch_around(shape, axis);
    let y = output.floats();
    let mut found = grad.to_vec();
    for row in 0..outer {
        for column in 0..inner {
            let places = (0..extent).map(|k| (row * extent + k) * inner + column);
            let weight = |at: usize| if log { 1.0 } else { y[at] };
            let sum = places
                .clone()
                .fold(0.0, |sum, at| sum + grad[at] * weight(at));
            for at in places {
                found[at] = if log {
                    grad[at] - y[at].exp() * sum
                } else {
                    y[at] * (grad[at] - sum)
                };
            }
        }
    }
    found
}

#[cfg(feature = "pytorch")]
fn torch_cat(parts: &[TorchArray], axis: usize) -> Option<TorchArray> {
    let (first, rest) = parts.split_first()?;
    let mut shape = first.shape.clone();
    let mut dtype = first.dtype();
    let mut extent = *shape.get(axis)?;
    for part in rest {
        extent = extent.checked_add(*part.shape.get(axis)?)?;
        dtype = torch_promote(dtype, part.dtype());
        let mut other = part.shape.clone();
        other[axis] = shape[axis];
        if other != shape {
            return None;
        }
    }
    shape[axis] = extent;
    let numel = torch_numel(&shape)?;
    let outer: usize = shape[..axis].iter().product();
    // One row of each part after the other, first as they lie, then moved to where they belong.
    let mut offsets = Vec::new();
    offsets.try_reserve_exact(numel).ok()?;
    for row in 0..outer {
        let mut begin = 0;
        for part in parts {
            let length = part.numel() / outer;
            offsets.extend(begin + row * length..begin + (row + 1) * length);
            begin += part.numel();
        }
    }
    let data = if dtype == TORCH_I64 {
        let ints = parts.iter().filter_map(|part| part.data.ints());
        TorchStorage::I64(ints.flatten().copied().collect())
    } else {
        let floats = parts.iter().map(TorchArray::floats);
        TorchStorage::from_values(dtype, floats.flat_map(|part| part.to_vec()).collect())
    };
    Some(TorchArray {
        shape,
        data: Arc::new(data.pick(&offsets)),
    })
}

#[cfg(feature = "pytorch")]
fn torch_cat_grads(parts: &[TorchArray], axis: usize, grad: &[f64]) -> TorchGrads {
    let outer: usize = parts[0].shape[..axis].iter().product();
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); parts.len()];
    let mut rest = grad;
    for _ in 0..outer {
        for (part, into) in parts.iter().zip(&mut found) {
            let (row, behind) = rest.split_at(part.numel() / outer);
            into.extend(row);
            rest = behind;
        }
    }
    found.into_iter().map(Some).collect()
}

/// How images and kernels lie to one another.
#[cfg(feature = "pytorch")]
struct TorchConvPlan {
    images: usize,
    channels: usize,
    filters: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    output: [usize; 2],
    stride: usize,
    padding: usize,
}

#[cfg(feature = "pytorch")]
impl TorchConvPlan {
    fn new(x: &TorchArray, w: &TorchArray, stride: usize, padding: usize) -> Option<Self> {
        let (&[images, channels, height, width], &[filters, depth, rows, columns]) =
            (&x.shape[..], &w.shape[..])
        else {
            return None;
        };
        if channels != depth || stride == 0 || rows == 0 || columns == 0 {
            return None;
        }
        let reach = |size: usize, kernel: usize| {
            let padded = size.checked_add(padding.checked_mul(2)?)?;
            Some(padded.checked_sub(kernel)? / stride + 1)
        };
        let output = [reach(height, rows)?, reach(width, columns)?];
        let numel = torch_numel(&[images, filters, output[0], output[1]])?;
        let work = numel.checked_mul(channels * rows * columns)?;
        (work <= TORCH_MAX_WORK).then_some(Self {
            images,
            channels,
            filters,
            size: [height, width],
            kernel: [rows, columns],
            output,
            stride,
            padding,
        })
    }

    /// Calls `visit` with each offset of the output, of the image and of the kernel that meet.
    fn visit(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [height, width] = self.size;
        let [rows, columns] = self.kernel;
        // Where a line of the kernel lies in the image, if not in the padding.
        let place = |out: usize, k: usize, size: usize| {
            (out * self.stride + k)
                .checked_sub(self.padding)
                .filter(|at| *at < size)
        };
        let mut out = 0;
        for image in 0..self.images {
            for filter in 0..self.filters {
                for out_y in 0..self.output[0] {
                    for out_x in 0..self.output[1] {
                        for channel in 0..self.channels {
                            let plane = (image * self.channels + channel) * height;
                            let kernel = (filter * self.channels + channel) * rows;
                            for row in 0..rows {
                                let Some(y) = place(out_y, row, height) else {
                                    continue;
                                };
                                for column in 0..columns {
                                    if let Some(x) = place(out_x, column, width) {
                                        let weight = (kernel + row) * columns + column;
                                        visit(out, (plane + y) * width + x, weight);
                                    }
                                }
                            }
                        }
                        out += 1;
                    }
                }
            }
        }
    }
}

#[cfg(feature = "pytorch")]
fn torch_conv2d(
    x: &TorchArray,
    w: &TorchArray,
    bias: Option<&TorchArray>,
    stride: usize,
    padding: usize,
) -> Option<TorchArray> {
    let plan = TorchConvPlan::new(x, w, stride, padding)?;
    if !x.is_float() || !w.is_float() {
        return None;
    }
    let [out_y, out_x] = plan.output;
    let mut values = torch_zeros(plan.images * plan.filters * out_y * out_x)?;
    let mut dtype = torch_promote(x.dtype(), w.dtype());
    if let Some(bias) = bias {
        if bias.shape != [plan.filters] || !bias.is_float() {
            return None;
        }
        dtype = torch_promote(dtype, bias.dtype());
        let bias = bias.floats();
        for (plane, values) in values.chunks_exact_mut((out_y * out_x).max(1)).enumerate() {
            values.fill(bias[plane % plan.filters]);
        }
    }
    let (pixels, weights) = (x.floats(), w.floats());
    plan.visit(|out, pixel, weight| values[out] += pixels[pixel] * weights[weight]);
    let shape = vec![plan.images, plan.filters, out_y, out_x];
    Some(TorchArray::new(shape, dtype, values))
}

/// Gradients of images, kernels and bias.
#[cfg(feature = "pytorch")]
fn torch_conv2d_grads(
    x: &TorchArray,
    w: &TorchArray,
    output: &TorchArray,
    grad: &[f64],
    (stride, padding): (usize, usize),
    needs: &[bool],
) -> Option<TorchGrads> {
    let plan = TorchConvPlan::new(x, w, stride, padding)?;
    let (pixels, weights) = (x.floats(), w.floats());
    let (mut of_x, mut of_w) = (torch_zeros(pixels.len())?, torch_zeros(weights.len())?);
    if needs[0] {
        plan.visit(|out, pixel, weight| of_x[pixel] += grad[out] * weights[weight]);
    }
    if needs[1] {
        plan.visit(|out, pixel, weight| of_w[weight] += grad[out] * pixels[pixel]);
    }
    let mut of_bias = vec![0.0; plan.filters];
    let plane = output.shape[2] * output.shape[3];
    for (at, grad) in grad.chunks_exact(plane.max(1)).enumerate() {
        of_bias[at % plan.filters] += grad.iter().fold(0.0, |sum, g| sum + g);
    }
    Some(vec![Some(of_x), Some(of_w), Some(of_bias)])
}

/// Elements that are normalised together, by their offsets, with the number of the gain that each
/// of them has.
#[cfg(feature = "pytorch")]
type TorchNormGroup = Vec<(usize, usize)>;

/// One group for each channel, which is the second axis.
#[cfg(feature = "pytorch")]
fn torch_channels(shape: &[usize]) -> impl Iterator<Item = TorchNormGroup> {
    let (outer, channels, inner) = torch_around(shape, 1);
    (0..channels).map(move |channel| {
        let row = move |row: usize| (row * channels + channel) * inner;
        let offsets = (0..outer).flat_map(move |n| row(n)..row(n) + inner);
        offsets.map(|at| (at, channel)).collect()
    })
}

/// Mean and variance (of the group itself, not an estimate for others).
#[cfg(feature = "pytorch")]
fn torch_moments(values: &[f64], group: &TorchNormGroup) -> (f64, f64) {
    let count = group.len() as f64;
    let mean = group.iter().fold(0.0, |sum, (at, _)| sum + values[*at]) / count;
    let squares = group
        .iter()
        .fold(0.0, |sum, (at, _)| sum + (values[*at] - mean).powi(2));
    (mean, squares / count)
}

#[cfg(feature = "pytorch")]
fn torch_batch_norm(
    x: &TorchArray,
    gain: &TorchArray,
    bias: &TorchArray,
    stats: &[TorchArray],
    eps: f64,
) -> Option<TorchArray> {
    let channels = [*x.shape.get(1)?];
    let fits = |array: &TorchArray| array.shape == channels && array.is_float();
    if !x.is_float() || !fits(gain) || !fits(bias) || !stats.iter().all(fits) {
        return None;
    }
    let given = match stats {
        [] => None,
        [means, variances] => Some((means.floats(), variances.floats())),
        _ => return None,
    };
    let (source, gain, bias) = (x.floats(), gain.floats(), bias.floats());
    let mut values = torch_zeros(source.len())?;
    for (channel, group) in torch_channels(&x.shape).enumerate() {
        let (mean, variance) = match &given {
            Some((means, variances)) => (means[channel], variances[channel]),
            None => torch_moments(&source, &group),
        };
        let scale = gain[channel] / (variance + eps).sqrt();
        for (at, _) in group {
            values[at] = (source[at] - mean) * scale + bias[channel];
        }
    }
    Some(TorchArray::new(x.shape.clone(), x.dtype(), values))
}

/// The gradient of a group that was normalised by its own mean and variance.
#[cfg(feature = "pytorch")]
fn torch_norm_grad(
    source: &[f64],
    grad: &[f64],
    gain: &[f64],
    eps: f64,
    group: &TorchNormGroup,
    [of_x, of_gain, of_bias]: [&mut [f64]; 3],
) {
    let (mean, variance) = torch_moments(source, group);
    let deviation = (variance + eps).sqrt();
    let unit = |at: usize| (source[at] - mean) / deviation;
    let (mut sum, mut dot) = (0.0, 0.0);
    for (at, parameter) in group {
        let scaled = grad[*at] * gain[*parameter];
        sum += scaled;
        dot += scaled * unit(*at);
        of_gain[*parameter] += grad[*at] * unit(*at);
        of_bias[*parameter] += grad[*at];
    }
    let count = group.len() as f64;
    for (at, parameter) in group {
        let scaled = grad[*at] * gain[*parameter];
        of_x[*at] = (scaled - sum / count - unit(*at) * dot / count) / deviation;
    }
}

#[cfg(feature = "pytorch")]
fn torch_batch_norm_grads(
    x: &TorchArray,
    gain: &TorchArray,
    stats: &[TorchArray],
    eps: f64,
    grad: &[f64],
) -> Option<TorchGrads> {
    let (source, gain) = (x.floats(), gain.floats());
    let mut of_x = torch_zeros(source.len())?;
    let mut of_gain = vec![0.0; gain.len()];
    let mut of_bias = vec![0.0; gain.len()];
    for (channel, group) in torch_channels(&x.shape).enumerate() {
        let [means, variances] = stats else {
            let into = [&mut of_x[..], &mut of_gain, &mut of_bias];
            torch_norm_grad(&source, grad, &gain, eps, &group, into);
            continue;
        };
        let mean = means.data.get(channel)?;
        let deviation = (variances.data.get(channel)? + eps).sqrt();
        for (at, _) in group {
            of_x[at] = grad[at] * gain[channel] / deviation;
            of_gain[channel] += grad[at] * (source[at] - mean) / deviation;
            of_bias[channel] += grad[at];
        }
    }
    let mut found = vec![Some(of_x), Some(of_gain), Some(of_bias)];
    found.extend(stats.iter().map(|_| None));
    Some(found)
}

/// One group for each row of the last axis.
#[cfg(feature = "pytorch")]
fn torch_rows(numel: usize, width: usize) -> impl Iterator<Item = TorchNormGroup> {
    (0..numel.checked_div(width).unwrap_or(0))
        .map(move |row| (0..width).map(|k| (row * width + k, k)).collect())
}

#[cfg(feature = "pytorch")]
fn torch_layer_norm(
    x: &TorchArray,
    gain: &TorchArray,
    bias: &TorchArray,
    eps: f64,
) -> Option<TorchArray> {
    let width = *x.shape.last()?;
    let fits = |array: &TorchArray| array.shape == [width] && array.is_float();
    if !x.is_float() || !fits(gain) || !fits(bias) {
        return None;
    }
    let (source, gain, bias) = (x.floats(), gain.floats(), bias.floats());
    let mut values = torch_zeros(source.len())?;
    for group in torch_rows(source.len(), width) {
        let (mean, variance) = torch_moments(&source, &group);
        for (at, k) in group {
            values[at] = (source[at] - mean) / (variance + eps).sqrt() * gain[k] + bias[k];
        }
    }
    Some(TorchArray::new(x.shape.clone(), x.dtype(), values))
}

#[cfg(feature = "pytorch")]
fn torch_layer_norm_grads(
    x: &TorchArray,
    gain: &TorchArray,
    eps: f64,
    grad: &[f64],
) -> Option<TorchGrads> {
    let (source, gain) = (x.floats(), gain.floats());
    let mut of_x = torch_zeros(source.len())?;
    let mut of_gain = vec![0.0; gain.len()];
    let mut of_bias = vec![0.0; gain.len()];
    for group in torch_rows(source.len(), gain.len()) {
        let into = [&mut of_x[..], &mut of_gain, &mut of_bias];
        torch_norm_grad(&source, grad, &gain, eps, &group, into);
    }
    Some(vec![Some(of_x), Some(of_gain), Some(of_bias)])
}

#[cfg(feature = "pytorch")]
fn torch_embedding(table: &TorchArray, rows: &TorchArray) -> Option<TorchArray> {
    let &[count, width] = &table.shape[..] else {
        return None;
    };
    let mut shape = rows.shape.clone();
    shape.push(width);
    let mut offsets = Vec::new();
    offsets.try_reserve_exact(torch_numel(&shape)?).ok()?;
    for row in rows.data.ints()? {
        let row = checked_index(*row, count)?;
        offsets.extend(row * width..(row + 1) * width);
    }
    Some(table.picked(shape, &offsets))
}

#[cfg(feature = "pytorch")]
fn torch_cross_entropy(scores: &TorchArray, right: &TorchArray) -> Option<TorchArray> {
    let &[examples, classes] = &scores.shape[..] else {
        return None;
    };
    let numbers = right.data.ints()?;
    if right.shape != [examples] || !scores.is_float() {
        return None;
    }
    let logs = torch_softmax(&scores.cast(TORCH_F64), 1, true)?;
    let mut sum = 0.0;
    for (row, number) in numbers.iter().enumerate() {
        sum -= logs
            .data
            .get(row * classes + checked_index(*number, classes)?)?;
    }
    let loss = sum / examples as f64;
    Some(TorchArray::new(Vec::new(), scores.dtype(), vec![loss]))
}

/// Applies an operation, so that autograd and a trace of the thread know of it.
#[cfg(feature = "pytorch")]
fn torch_apply(op: TorchOp, inputs: &[&Arc<TorchTensor>]) -> Option<Arc<TorchTensor>> {
    let arrays: Vec<TorchArray> = inputs.iter().map(|tensor| tensor.array()).collect();
    let output = op.forward(&arrays)?;
    let tracked = output.is_float()
        && !rt_torch_no_grad_get()
        && inputs.iter().any(|tensor| tensor.requires_grad());
    let origin = tracked.then(|| TorchOrigin {
        op: op.clone(),
        inputs: inputs.iter().map(|tensor| Arc::clone(tensor)).collect(),
        arrays,
        output: output.clone(),
    });
    let result = TorchTensor::of_array(output, origin);
    torch_record(op, inputs, &result);
    Some(result)
}

/// As [`torch_apply`], from handles to a handle; 0 for a bad handle or inputs that do not fit.
#[cfg(feature = "pytorch")]
fn torch_apply_to(op: TorchOp, handles: &[i64]) -> i64 {
    let tensors: Option<Vec<_>> = handles.iter().map(|handle| torch_tensor(*handle)).collect();
    tensors
        .and_then(|tensors| torch_apply(op, &tensors.iter().collect::<Vec<_>>()))
        .map_or(0, |result| TORCH_TENSORS.insert(result))
}

/// As [`torch_apply_to`], for an operation along an axis that may be counted from the end.
#[cfg(feature = "pytorch")]
fn torch_apply_along(tensor: i64, axis: i64, op: impl Fn(usize) -> TorchOp) -> i64 {
    let Some(t) = torch_tensor(tensor) else {
        return 0;
    };
    torch_axis(axis, t.shape.len()).map_or(0, |axis| torch_apply_to(op(axis), &[tensor]))
}

/// Whether the tensor engine is in this build.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_available() -> bool {
    true
}

/// Whether the tensor engine is in this build.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_available() -> bool {
    false
}

/// Makes a tensor full of one value. dtype 0 is f32, 1 is f64, 2 is i64 (see
/// [`rt_torch_tensor_cast`] for what becomes of the value).
///
/// 0 for a bad dtype, a null or negative shape, more than 8 dimensions or 2^24 elements.
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_full(
    shape: *const i64,
    ndim: i64,
    value: f64,
    dtype: i64,
) -> i64 {
    match torch_shape(shape, ndim) {
        Some((shape, numel)) if torch_is_dtype(dtype) => {
            TorchTensor::register(shape, dtype, vec![value; numel])
        }
        _ => 0,
    }
}

/// Not available: 0.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_full(
    _shape: *const i64,
    _ndim: i64,
    _value: f64,
    _dtype: i64,
) -> i64 {
    TORCH_NO_HANDLE
}

/// Makes a tensor of zeros; see [`rt_torch_tensor_full`].
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_zeros(shape: *const i64, ndim: i64, dtype: i64) -> i64 {
    rt_torch_tensor_full(shape, ndim, 0.0, dtype)
}

/// Not available: 0.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_zeros(_shape: *const i64, _ndim: i64, _dtype: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Makes a tensor of ones; see [`rt_torch_tensor_full`].
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_ones(shape: *const i64, ndim: i64, dtype: i64) -> i64 {
    rt_torch_tensor_full(shape, ndim, 1.0, dtype)
}

/// Not available: 0.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_ones(_shape: *const i64, _ndim: i64, _dtype: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Makes a tensor of `count` numbers in row-major order; 0 unless they fill the shape exactly.
///
/// # Safety
/// `data` must be null or point to `count` readable `f64`s, `shape` to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_from_data(
    data: *const f64,
    count: i64,
    shape: *const i64,
    ndim: i64,
    dtype: i64,
) -> i64 {
    let Some((shape, numel)) = torch_shape(shape, ndim) else {
        return 0;
    };
    if usize::try_from(count) != Ok(numel) || !torch_is_dtype(dtype) {
        return 0;
    }
    let values = match numel {
        0 => Vec::new(),
        _ if !is_aligned_cell(data) => return 0,
        _ => std::slice::from_raw_parts(data, numel).to_vec(),
    };
    TorchTensor::register(shape, dtype, values)
}

/// Not available: 0.
///
/// # Safety
/// None; the pointers are not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_from_data(
    _data: *const f64,
    _count: i64,
    _shape: *const i64,
    _ndim: i64,
    _dtype: i64,
) -> i64 {
    TORCH_NO_HANDLE
}

/// A tensor of its own with the same elements, but without history: no gradient flows back. 0 for a
/// bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_clone(tensor: i64) -> i64 {
    torch_tensor(tensor).map_or(0, |t| torch_register(t.array()))
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_clone(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Frees a tensor; results that were made of it keep what they need. False if it is not (or no
/// longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_free(tensor: i64) -> bool {
    TORCH_TENSORS.remove(tensor).is_some()
}

/// Not available: false.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_free(_tensor: i64) -> bool {
    false
}

/// Writes the extents to `out`, as many as `cap` leaves room for, and returns the number of
/// dimensions; -1 for a bad handle or bad arguments.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_shape(tensor: i64, out: *mut i64, cap: i64) -> i64 {
    torch_tensor(tensor).map_or(-1, |t| {
        let shape: Vec<i64> = t.shape.iter().map(|extent| *extent as i64).collect();
        torch_copy_out(&shape, out, cap)
    })
}

/// Not available: -1.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_shape(_tensor: i64, _out: *mut i64, _cap: i64) -> i64 {
    TORCH_NO_COUNT
}

/// Number of dimensions; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_ndim(tensor: i64) -> i64 {
    torch_tensor(tensor).map_or(-1, |t| t.shape.len() as i64)
}

/// Not available: -1.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_ndim(_tensor: i64) -> i64 {
    TORCH_NO_COUNT
}

/// Number of elements; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_numel(tensor: i64) -> i64 {
    torch_tensor(tensor).map_or(-1, |t| t.numel() as i64)
}

/// Not available: -1.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_numel(_tensor: i64) -> i64 {
    TORCH_NO_COUNT
}

/// dtype number (0 f32, 1 f64, 2 i64); -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_dtype(tensor: i64) -> i64 {
    torch_tensor(tensor).map_or(-1, |t| t.dtype())
}

/// Not available: -1.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_dtype(_tensor: i64) -> i64 {
    TORCH_NO_COUNT
}

/// The element at some indices (negative ones count from the end); NaN if there is none.
///
/// # Safety
/// `indices` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_get(tensor: i64, indices: *const i64, count: i64) -> f64 {
    let (Some(t), Some(indices)) = (torch_tensor(tensor), torch_ints(indices, count)) else {
        return f64::NAN;
    };
    t.offset(indices)
        .and_then(|offset| lock(&t.storage).get(offset))
        .unwrap_or(f64::NAN)
}

/// Not available: NaN.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_get(
    _tensor: i64,
    _indices: *const i64,
    _count: i64,
) -> f64 {
    f64::NAN
}

/// Sets the element at some indices. False if there is none. Results that were made of the tensor
/// stay what they are, and so do their gradients.
///
/// # Safety
/// `indices` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_set(
    tensor: i64,
    indices: *const i64,
    count: i64,
    value: f64,
) -> bool {
    let (Some(t), Some(indices)) = (torch_tensor(tensor), torch_ints(indices, count)) else {
        return false;
    };
    t.offset(indices)
        .is_some_and(|offset| t.change(|storage| storage.set(offset, value)))
}

/// Not available: false.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_set(
    _tensor: i64,
    _indices: *const i64,
    _count: i64,
    _value: f64,
) -> bool {
    false
}

/// The number in a tensor of one element; NaN for any other, and for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_item(tensor: i64) -> f64 {
    torch_tensor(tensor)
        .filter(|t| t.numel() == 1)
        .and_then(|t| lock(&t.storage).get(0))
        .unwrap_or(f64::NAN)
}

/// Not available: NaN.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_item(_tensor: i64) -> f64 {
    f64::NAN
}

/// Sum of two tensors, element by element with broadcasting; 0 if the shapes do not fit.
///
/// The result is f64 if either is, else f32 if either is, else i64 (which wraps); so for all
/// functions of two tensors.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_add(a: i64, b: i64) -> i64 {
    torch_apply_to(TorchOp::Binary(TorchBinary::Add), &[a, b])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_add(_a: i64, _b: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Difference of two tensors; see [`rt_torch_tensor_add`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_sub(a: i64, b: i64) -> i64 {
    torch_apply_to(TorchOp::Binary(TorchBinary::Sub), &[a, b])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_sub(_a: i64, _b: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Product of two tensors, element by element; see [`rt_torch_tensor_add`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_mul(a: i64, b: i64) -> i64 {
    torch_apply_to(TorchOp::Binary(TorchBinary::Mul), &[a, b])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_mul(_a: i64, _b: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Quotient of two tensors, element by element, f64 if both are i64; see [`rt_torch_tensor_add`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_div(a: i64, b: i64) -> i64 {
    torch_apply_to(TorchOp::Binary(TorchBinary::Div), &[a, b])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_div(_a: i64, _b: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Matrix product. A vector on the left is a row, one on the right a column, and leading
/// dimensions are batches that broadcast. 0 if the shapes do not fit, and for more than 2^33
/// multiplications.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_matmul(a: i64, b: i64) -> i64 {
    torch_apply_to(TorchOp::MatMul, &[a, b])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_matmul(_a: i64, _b: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Sum of all elements as a tensor without dimensions; 0 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_sum(tensor: i64) -> i64 {
    torch_apply_to(TorchOp::Sum, &[tensor])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_sum(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Mean of all elements (NaN if there are none) as a tensor without dimensions; 0 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_mean(tensor: i64) -> i64 {
    torch_apply_to(TorchOp::Mean, &[tensor])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_mean(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// The largest element (NaN if any is) as a tensor without dimensions; 0 for a bad handle and for
/// a tensor without elements.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_max(tensor: i64) -> i64 {
    torch_apply_to(TorchOp::Max, &[tensor])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_max(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Each element, or zero where it is negative; NaN stays NaN. 0 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_relu(tensor: i64) -> i64 {
    torch_apply_to(TorchOp::Unary(TorchUnary::Relu), &[tensor])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_relu(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Each element negated; 0 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_neg(tensor: i64) -> i64 {
    torch_apply_to(TorchOp::Unary(TorchUnary::Neg), &[tensor])
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_neg(_tensor: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// A tensor of its own with the same elements in another shape. One extent may be -1: it is worked
/// out. 0 if the number of elements is not the same.
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_reshape(tensor: i64, shape: *const i64, ndim: i64) -> i64 {
    let (Some(t), Some(wanted)) = (torch_tensor(tensor), torch_ints(shape, ndim)) else {
        return 0;
    };
    let numel = t.numel();
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (axis, extent) in wanted.iter().enumerate() {
        match usize::try_from(*extent) {
            Ok(extent) => shape.push(extent),
            Err(_) if *extent == -1 && open.is_none() => {
                open = Some(axis);
                shape.push(1);
            }
            Err(_) => return 0,
        }
    }
    let Some(known) = torch_numel(&shape) else {
        return 0;
    };
    if let Some(axis) = open {
        if known == 0 || numel % known != 0 {
            return 0;
        }
        shape[axis] = numel / known;
    } else if known != numel {
        return 0;
    }
    torch_apply_to(TorchOp::Reshape(shape), &[tensor])
}

/// Not available: 0.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_reshape(
    _tensor: i64,
    _shape: *const i64,
    _ndim: i64,
) -> i64 {
    TORCH_NO_HANDLE
}

/// A tensor of its own with two axes exchanged (negative ones count from the end); 0 if there are
/// no such axes.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_transpose(tensor: i64, first: i64, second: i64) -> i64 {
    let Some(t) = torch_tensor(tensor) else {
        return 0;
    };
    let axis = |number| torch_axis(number, t.shape.len());
    match (axis(first), axis(second)) {
        (Some(first), Some(second)) => torch_apply_to(TorchOp::Transpose(first, second), &[tensor]),
        _ => 0,
    }
}

/// Not available: 0.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_transpose(_tensor: i64, _first: i64, _second: i64) -> i64 {
    TORCH_NO_HANDLE
}

/// Copies the elements in row-major order to `out`, as many as `cap` leaves room for, and returns
/// their number; -1 for a bad handle or bad arguments.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable `f64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_to_data(tensor: i64, out: *mut f64, cap: i64) -> i64 {
    torch_tensor(tensor).map_or(-1, |t| torch_copy_out(&t.array().floats(), out, cap))
}

/// Not available: -1.
///
/// # Safety
/// None; the pointer is not looked at.
#[cfg(not(feature = "pytorch"))]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_to_data(_tensor: i64, _out: *mut f64, _cap: i64) -> i64 {
    TORCH_NO_COUNT
}

/// Defines exported functions that apply one operation to each element.
#[cfg(feature = "pytorch")]
macro_rules! torch_unary_functions {
    ($($(#[$doc:meta])* $name:ident => $op:ident;)+) => {$(
        $(#[$doc])*
        #[no_mangle]
        pub extern "C" fn $name(tensor: i64) -> i64 {
            torch_apply_to(TorchOp::Unary(TorchUnary::$op), &[tensor])
        }
    )+};
}

#[cfg(feature = "pytorch")]
torch_unary_functions! {
    /// e to the power of each element; 0 for a bad handle. Integers become f64, here and below.
    rt_torch_tensor_exp => Exp;
    /// The natural logarithm of each element, minus infinity for 0, NaN below; 0 for a bad handle.
    rt_torch_tensor_log => Log;
    /// The hyperbolic tangent of each element; 0 for a bad handle.
    rt_torch_tensor_tanh => Tanh;
    /// 1 / (1 + e^-x) of each element; 0 for a bad handle.
    rt_torch_tensor_sigmoid => Sigmoid;
    /// The square root of each element, NaN below zero; 0 for a bad handle.
    rt_torch_tensor_sqrt => Sqrt;
    /// The absolute value of each element (integers stay integers, and the smallest one stays what
    /// it is); 0 for a bad handle. The gradient at 0 is 0.
    rt_torch_tensor_abs => Abs;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_tensor_exp(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_log(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_tanh(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_sigmoid(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_sqrt(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_abs(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_pow(_tensor: i64, _exponent: f64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_sum_axis(_tensor: i64, _axis: i64, _keep: bool) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_mean_axis(_tensor: i64, _axis: i64, _keep: bool) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_argmax(_tensor: i64, _axis: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_softmax(_tensor: i64, _axis: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_log_softmax(_tensor: i64, _axis: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_cast(_tensor: i64, _dtype: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_slice(_tensor: i64, _axis: i64, _start: i64, _stop: i64, _step: i64) -> i64
        = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_conv2d(_images: i64, _kernels: i64, _bias: i64, _stride: i64, _padding: i64)
        -> i64 = TORCH_NO_HANDLE;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: 0.
    rt_torch_tensor_from_ints(_data: *const i64, _count: i64, _shape: *const i64, _ndim: i64)
        -> i64 = TORCH_NO_HANDLE;
    /// Not available: -1.
    rt_torch_tensor_to_ints(_tensor: i64, _out: *mut i64, _cap: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: 0.
    rt_torch_tensor_rand(_shape: *const i64, _ndim: i64, _seed: i64, _dtype: i64) -> i64
        = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_randn(_shape: *const i64, _ndim: i64, _seed: i64, _dtype: i64) -> i64
        = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_tensor_cat(_tensors: *const i64, _count: i64, _axis: i64) -> i64 = TORCH_NO_HANDLE;
}

/// Each element to the power of `exponent` as [`rt_math_pow`] has it; 0 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_pow(tensor: i64, exponent: f64) -> i64 {
    torch_apply_to(TorchOp::Unary(TorchUnary::Pow(exponent)), &[tensor])
}

/// Sums along an axis (negative ones count from the end), which goes, or stays with extent 1 if
/// `keep` is set. 0 for a bad handle or axis.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_sum_axis(tensor: i64, axis: i64, keep: bool) -> i64 {
    let mean = false;
    torch_apply_along(tensor, axis, |axis| TorchOp::Reduce { axis, keep, mean })
}

/// Means along an axis, NaN where it is empty; see [`rt_torch_tensor_sum_axis`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_mean_axis(tensor: i64, axis: i64, keep: bool) -> i64 {
    let mean = true;
    torch_apply_along(tensor, axis, |axis| TorchOp::Reduce { axis, keep, mean })
}

/// Where along an axis the largest element stands, as i64: the first of several, and NaN is larger
/// than all numbers. 0 for a bad handle or axis, and for an axis without elements.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_argmax(tensor: i64, axis: i64) -> i64 {
    torch_apply_along(tensor, axis, TorchOp::ArgMax)
}

/// e to the power of each element over the sum of these along an axis; 0 for a bad handle or axis.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_softmax(tensor: i64, axis: i64) -> i64 {
    let log = false;
    torch_apply_along(tensor, axis, |axis| TorchOp::Softmax { axis, log })
}

/// The logarithm of [`rt_torch_tensor_softmax`], without its loss of digits.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_log_softmax(tensor: i64, axis: i64) -> i64 {
    let log = true;
    torch_apply_along(tensor, axis, |axis| TorchOp::Softmax { axis, log })
}

/// The elements as another dtype. On the way to i64 fractions are cut off, numbers out of range go
/// to the nearest, NaN to 0. 0 for a bad handle or dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_cast(tensor: i64, dtype: i64) -> i64 {
    if !torch_is_dtype(dtype) {
        return 0;
    }
    torch_apply_to(TorchOp::Cast(dtype), &[tensor])
}

/// Each `step`th element along an axis, from `start` to before `stop`. Negative bounds count from
/// the end, and what lies outside is cut off. 0 for a bad handle or axis, or a step below 1.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_slice(
    tensor: i64,
    axis: i64,
    start: i64,
    stop: i64,
    step: i64,
) -> i64 {
    let (Some(t), Ok(step)) = (torch_tensor(tensor), usize::try_from(step)) else {
        return 0;
    };
    let Some(axis) = torch_axis(axis, t.shape.len()) else {
        return 0;
    };
    let extent = t.shape[axis] as i64;
    let bound = |at: i64| {
        let at = if at < 0 {
            at.saturating_add(extent)
        } else {
            at
        };
        at.clamp(0, extent) as usize
    };
    let (start, stop) = (bound(start), bound(stop));
    let op = TorchOp::Slice {
        axis,
        start,
        stop: stop.max(start),
        step,
    };
    torch_apply_to(op, &[tensor])
}

/// Tensors behind one another along an axis; 0 if there are none (or more than 4,096), if one of
/// them is none, or if the other axes differ.
///
/// # Safety
/// `tensors` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_cat(tensors: *const i64, count: i64, axis: i64) -> i64 {
    let Some(parts) = torch_tensors(tensors, count).filter(|parts| !parts.is_empty()) else {
        return 0;
    };
    let parts: Vec<_> = parts.iter().collect();
    torch_axis(axis, parts[0].shape.len())
        .and_then(|axis| torch_apply(TorchOp::Cat(axis), &parts))
        .map_or(0, |result| TORCH_TENSORS.insert(result))
}

/// Convolution (as in PyTorch: the kernel is not turned) of images `[N, C, H, W]` with kernels
/// `[F, C, h, w]` and a bias `[F]`, or none for handle 0. `padding` zeros stand around each image.
///
/// 0 for a bad handle, shapes that do not fit, integers, a stride below 1, negative padding, and
/// for more than 2^33 multiplications.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_tensor_conv2d(
    images: i64,
    kernels: i64,
    bias: i64,
    stride: i64,
    padding: i64,
) -> i64 {
    let (Ok(stride), Ok(padding)) = (usize::try_from(stride), usize::try_from(padding)) else {
        return 0;
    };
    let operands = [images, kernels, bias];
    let operands = if bias == 0 {
        &operands[..2]
    } else {
        &operands[..]
    };
    torch_apply_to(TorchOp::Conv2d { stride, padding }, operands)
}

/// Makes a tensor of `count` integers in row-major order, of dtype i64; 0 unless they fill the
/// shape exactly.
///
/// # Safety
/// `data` must be null or point to `count` readable `i64`s, `shape` to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_from_ints(
    data: *const i64,
    count: i64,
    shape: *const i64,
    ndim: i64,
) -> i64 {
    let Some((shape, numel)) = torch_shape(shape, ndim) else {
        return 0;
    };
    if usize::try_from(count) != Ok(numel) {
        return 0;
    }
    let values = match numel {
        0 => Vec::new(),
        _ if !is_aligned_cell(data) => return 0,
        _ => std::slice::from_raw_parts(data, numel).to_vec(),
    };
    torch_register(TorchArray::of_ints(shape, values))
}

/// As [`rt_torch_tensor_to_data`], for integers, which stay exact; floats are converted as
/// [`rt_torch_tensor_cast`] does.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_to_ints(tensor: i64, out: *mut i64, cap: i64) -> i64 {
    let Some(t) = torch_tensor(tensor) else {
        return -1;
    };
    let array = t.array().cast(TORCH_I64);
    torch_copy_out(array.data.ints().unwrap_or(&[]), out, cap)
}

/// A small generator of random numbers (SplitMix64): the same seed gives the same numbers.
#[cfg(feature = "pytorch")]
struct TorchRng(u64);

#[cfg(feature = "pytorch")]
impl TorchRng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, variance 1 (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Less than `limit`, all about as likely as each other.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

/// A tensor of random numbers, evenly spread from 0 to before 1. The same seed gives the same ones.
/// 0 for a bad shape or dtype, and for dtype i64.
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_rand(
    shape: *const i64,
    ndim: i64,
    seed: i64,
    dtype: i64,
) -> i64 {
    torch_random(torch_shape(shape, ndim), dtype, seed, TorchRng::uniform)
}

/// A tensor of random numbers of the normal distribution; see [`rt_torch_tensor_rand`].
///
/// # Safety
/// `shape` must be null or point to `ndim` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_tensor_randn(
    shape: *const i64,
    ndim: i64,
    seed: i64,
    dtype: i64,
) -> i64 {
    torch_random(torch_shape(shape, ndim), dtype, seed, TorchRng::normal)
}

#[cfg(feature = "pytorch")]
fn torch_random(
    shape: Option<(Vec<usize>, usize)>,
    dtype: i64,
    seed: i64,
    next: impl Fn(&mut TorchRng) -> f64,
) -> i64 {
    let Some((shape, numel)) = shape.filter(|_| torch_is_float(dtype)) else {
        return 0;
    };
    let mut rng = TorchRng(seed as u64);
    let values = (0..numel).map(|_| next(&mut rng)).collect();
    TorchTensor::register(shape, dtype, values)
}

// ---------------------------------------------------------------------------
// PyTorch: autograd
// ---------------------------------------------------------------------------
//
// A result remembers what it was made of if one of its inputs requires a gradient. The elements of
// then count: a later change of an input does not change the gradients of an earlier result.

#[cfg(feature = "pytorch")]
thread_local! {
    /// Whether results of this thread are made without history.
    static TORCH_NO_GRAD: Cell<bool> = const { Cell::new(false) };
}

/// Says whether backward passes shall leave a gradient at this tensor. False for a bad handle, for
/// integers, and for a result that has gradients because of its inputs.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_set_requires_grad(tensor: i64, wanted: bool) -> bool {
    match torch_tensor(tensor) {
        Some(t) if t.origin.is_none() && t.dtype() != TORCH_I64 => {
            t.wants_grad.store(wanted, SeqCst);
            true
        }
        _ => false,
    }
}

/// Whether gradients flow into or through the tensor; false for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_requires_grad(tensor: i64) -> bool {
    torch_tensor(tensor).is_some_and(|t| t.requires_grad())
}

/// Adds to the gradient of each tensor that requires one, and that this one was made of, the
/// derivative of this one by it. May be done again; then everything is added again.
///
/// False for a bad handle, a tensor of more or less than one element, and one that requires no
/// gradient.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_backward(tensor: i64) -> bool {
    torch_tensor(tensor)
        .filter(|t| t.numel() == 1)
        .is_some_and(|t| torch_backward(&t, vec![1.0]))
}

/// As [`rt_torch_backward`], for a tensor of any shape, given the gradient `seed` of this shape of
/// something that was made of it. False if the shapes differ.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_backward_from(tensor: i64, seed: i64) -> bool {
    match (torch_tensor(tensor), torch_tensor(seed)) {
        (Some(t), Some(seed)) if t.shape == seed.shape => torch_backward(&t, seed.values()),
        _ => false,
    }
}

#[cfg(feature = "pytorch")]
fn torch_backward(root: &Arc<TorchTensor>, seed: Vec<f64>) -> bool {
    if !root.requires_grad() {
        return false;
    }
    // The newest tensor comes first: whatever was made of it had its turn already.
    let mut open = BTreeMap::from([(root.serial, (Arc::clone(root), seed))]);
    let mut ends = Vec::new();
    while let Some((_, (tensor, grad))) = open.pop_last() {
        let Some(origin) = &tensor.origin else {
            ends.push((tensor, grad));
            continue;
        };
        let inputs = &origin.inputs;
        let needs: Vec<bool> = inputs.iter().map(|input| input.requires_grad()).collect();
        let found = origin
            .op
            .backward(&origin.arrays, &origin.output, &grad, &needs);
        let Some(found) = found else {
            return false;
        };
        for ((input, grad), needed) in inputs.iter().zip(found).zip(needs) {
            let Some(grad) = grad.filter(|_| needed) else {
                continue;
            };
            match open.get_mut(&input.serial) {
                Some((_, sum)) => torch_add_to(sum, &grad),
                None => {
                    open.insert(input.serial, (Arc::clone(input), grad));
                }
            }
        }
    }
    for (tensor, grad) in ends {
        match &mut *lock(&tensor.grad) {
            Some(sum) => torch_add_to(sum, &grad),
            empty => *empty = Some(grad),
        }
    }
    true
}

#[cfg(feature = "pytorch")]
fn torch_add_to(sum: &mut [f64], more: &[f64]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

/// The gradient that backward passes left at a tensor, as a tensor of its own; 0 if there is none,
/// and for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_grad(tensor: i64) -> i64 {
    let Some(t) = torch_tensor(tensor) else {
        return 0;
    };
    let grad = lock(&t.grad).clone();
    grad.map_or(0, |grad| {
        TorchTensor::register(t.shape.clone(), t.dtype(), grad)
    })
}

/// Forgets the gradient at a tensor; false for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_zero_grad(tensor: i64) -> bool {
    match torch_tensor(tensor) {
        Some(t) => {
            *lock(&t.grad) = None;
            true
        }
        None => false,
    }
}

/// Says whether the results of this thread shall have no history from now on; returns whether that
/// was so before.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_no_grad_set(off: bool) -> bool {
    TORCH_NO_GRAD
        .try_with(|cell| cell.replace(off))
        .unwrap_or(false)
}

/// Whether the results of this thread have no history; see [`rt_torch_no_grad_set`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_no_grad_get() -> bool {
    TORCH_NO_GRAD.try_with(Cell::get).unwrap_or(false)
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: false.
    rt_torch_set_requires_grad(_tensor: i64, _wanted: bool) -> bool = false;
    /// Not available: false.
    rt_torch_requires_grad(_tensor: i64) -> bool = false;
    /// Not available: false.
    rt_torch_backward(_tensor: i64) -> bool = false;
    /// Not available: false.
    rt_torch_backward_from(_tensor: i64, _seed: i64) -> bool = false;
    /// Not available: 0.
    rt_torch_grad(_tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: false.
    rt_torch_zero_grad(_tensor: i64) -> bool = false;
    /// Not available: false.
    rt_torch_no_grad_set(_off: bool) -> bool = false;
    /// Not available: false.
    rt_torch_no_grad_get() -> bool = false;
}

// ---------------------------------------------------------------------------
// PyTorch: layers
// ---------------------------------------------------------------------------

/// Most steps of one sequence in [`rt_torch_layer_forward`].
#[cfg(feature = "pytorch")]
const TORCH_MAX_STEPS: usize = 1 << 12;

/// What is added to variances before they divide.
#[cfg(feature = "pytorch")]
const TORCH_NORM_EPS: f64 = 1e-5;

/// How much of the running statistics a batch replaces.
#[cfg(feature = "pytorch")]
const TORCH_NORM_MOMENTUM: f64 = 0.1;

#[cfg(feature = "pytorch")]
enum TorchLayerKind {
    Linear,
    Conv2d {
        stride: usize,
        padding: usize,
    },
    /// With the running means and variances.
    BatchNorm(Mutex<[Vec<f64>; 2]>),
    LayerNorm,
    Dropout {
        rate: f64,
        rng: Mutex<TorchRng>,
    },
    Embedding,
    Rnn {
        hidden: usize,
    },
}

#[cfg(feature = "pytorch")]
struct TorchLayer {
    kind: TorchLayerKind,
    dtype: i64,
    parameters: Vec<Arc<TorchTensor>>,
    /// Handles of the parameters, which go with the layer.
    handles: Vec<i64>,
    training: AtomicBool,
}

#[cfg(feature = "pytorch")]
static TORCH_LAYERS: HandleTable<TorchLayer> = HandleTable::new();

#[cfg(feature = "pytorch")]
impl TorchLayer {
    /// A layer whose parameters have these shapes and are filled by these functions; 0 if that
    /// cannot be.
    fn register(
        kind: TorchLayerKind,
        dtype: i64,
        parameters: Vec<(Vec<usize>, &mut dyn FnMut() -> f64)>,
    ) -> i64 {
        if !torch_is_float(dtype) {
            return 0;
        }
        let numels = parameters.iter().map(|(shape, _)| torch_numel(shape));
        let Some(numels) = numels.collect::<Option<Vec<usize>>>() else {
            return 0;
        };
        let made = numels.into_iter().zip(parameters);
        let parameters: Vec<_> = made
            .map(|(numel, (shape, next))| {
                let values = (0..numel).map(|_| next()).collect();
                let tensor = TorchTensor::of_array(TorchArray::new(shape, dtype, values), None);
                tensor.wants_grad.store(true, SeqCst);
                tensor
            })
            .collect();
        let handles = parameters
            .iter()
            .map(|tensor| TORCH_TENSORS.insert(Arc::clone(tensor)))
            .collect();
        TORCH_LAYERS.insert(TorchLayer {
            kind,
            dtype,
            parameters,
            handles,
            training: AtomicBool::new(true),
        })
    }

    fn forward(&self, x: &Arc<TorchTensor>) -> Option<Arc<TorchTensor>> {
        let training = self.training.load(SeqCst);
        match &self.kind {
            TorchLayerKind::Linear => self.linear(x, 0),
            TorchLayerKind::Conv2d { stride, padding } => {
                let (stride, padding) = (*stride, *padding);
                let mut inputs = vec![x];
                inputs.extend(&self.parameters);
                torch_apply(TorchOp::Conv2d { stride, padding }, &inputs)
            }
            TorchLayerKind::BatchNorm(stats) => self.batch_norm(x, stats, training),
            TorchLayerKind::LayerNorm => {
                let eps = TORCH_NORM_EPS;
                let [gain, bias] = &self.parameters[..] else {
                    return None;
                };
                torch_apply(TorchOp::LayerNorm { eps }, &[x, gain, bias])
            }
            TorchLayerKind::Dropout { rate, rng } => torch_dropout(x, *rate, rng, training),
            TorchLayerKind::Embedding => {
                torch_apply(TorchOp::Embedding, &[self.parameters.first()?, x])
            }
            TorchLayerKind::Rnn { hidden } => self.rnn(x, *hidden),
        }
    }
}

/// A count of features or the like, at least 1.
#[cfg(feature = "pytorch")]
fn torch_extent(count: i64) -> Option<usize> {
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=TORCH_MAX_NUMEL).contains(count))
}

/// Runs a tensor through a layer; 0 for a bad handle or a shape that does not fit. Linear layers
/// take `[…, in]`, convolutions `[N, C, H, W]`, batch norms `[N, C, …]`, layer norms
/// `[…, features]`, dropouts anything but integers, embeddings integers of any shape, recurrent
/// layers `[steps, N, in]` with at most 4,096 steps (the hidden state begins as zeros).
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_layer_forward(layer: i64, input: i64) -> i64 {
    let (Some(layer), Some(input)) = (TORCH_LAYERS.get(layer), torch_tensor(input)) else {
        return 0;
    };
    layer
        .forward(&input)
        .map_or(0, |result| TORCH_TENSORS.insert(result))
}

/// Writes the handles of the parameters, as many as `cap` leaves room for, and returns how many
/// there are; -1 for a bad handle or bad arguments. They belong to the layer and go with it.
///
/// # Safety
/// `out` must be null (with `cap` 0) or point to `cap` writable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_layer_parameters(layer: i64, out: *mut i64, cap: i64) -> i64 {
    TORCH_LAYERS
        .get(layer)
        .map_or(-1, |layer| torch_copy_out(&layer.handles, out, cap))
}

/// Says whether a layer learns (so it begins) or is put to use: dropout and batch norm then do
/// other things. False for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_layer_set_training(layer: i64, training: bool) -> bool {
    match TORCH_LAYERS.get(layer) {
        Some(layer) => {
            layer.training.store(training, SeqCst);
            true
        }
        None => false,
    }
}

/// Frees a layer and the handles of its parameters; results that were made with them keep the
/// parameters themselves. False if it is not (or no longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_layer_free(layer: i64) -> bool {
    let Some(layer) = TORCH_LAYERS.remove(layer) else {
        return false;
    };
    for handle in &layer.handles {
        TORCH_TENSORS.remove(*handle);
    }
    true
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_layer_forward(_layer: i64, _input: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: false.
    rt_torch_layer_set_training(_layer: i64, _training: bool) -> bool = false;
    /// Not available: false.
    rt_torch_layer_free(_layer: i64) -> bool = false;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: -1.
    rt_torch_layer_parameters(_layer: i64, _out: *mut i64, _cap: i64) -> i64 = TORCH_NO_COUNT;
}

// PyTorch: linear layers

/// Makes a layer that computes `x · weightᵀ + bias`. Parameters: weight `[outputs, inputs]` and,
/// if wanted, bias `[outputs]`, evenly spread within ±1/√inputs. 0 for bad counts or a bad dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_linear_new(
    inputs: i64,
    outputs: i64,
    with_bias: bool,
    seed: i64,
    dtype: i64,
) -> i64 {
    let (Some(inputs), Some(outputs)) = (torch_extent(inputs), torch_extent(outputs)) else {
        return 0;
    };
    let rng = RefCell::new(TorchRng(seed as u64));
    let bound = 1.0 / (inputs as f64).sqrt();
    let mut weights = torch_within(&rng, bound);
    let mut biases = torch_within(&rng, bound);
    let mut parameters: Vec<(_, &mut dyn FnMut() -> f64)> =
        vec![(vec![outputs, inputs], &mut weights)];
    if with_bias {
        parameters.push((vec![outputs], &mut biases));
    }
    TorchLayer::register(TorchLayerKind::Linear, dtype, parameters)
}

/// Numbers evenly spread within plus and minus `bound`.
#[cfg(feature = "pytorch")]
fn torch_within(rng: &RefCell<TorchRng>, bound: f64) -> impl FnMut() -> f64 + '_ {
    move || bound * (2.0 * rng.borrow_mut().uniform() - 1.0)
}

#[cfg(feature = "pytorch")]
impl TorchLayer {
    /// A product with the weight at `first`, and the bias behind it if there is one.
    fn linear(&self, x: &Arc<TorchTensor>, first: usize) -> Option<Arc<TorchTensor>> {
        let turned = torch_apply(TorchOp::Transpose(0, 1), &[self.parameters.get(first)?])?;
        let product = torch_apply(TorchOp::MatMul, &[x, &turned])?;
        match self.parameters.get(first + 1) {
            Some(bias) => torch_apply(TorchOp::Binary(TorchBinary::Add), &[&product, bias]),
            None => Some(product),
        }
    }
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_linear_new(_inputs: i64, _outputs: i64, _with_bias: bool, _seed: i64, _dtype: i64)
        -> i64 = TORCH_NO_HANDLE;
}

// PyTorch: convolution layers

/// Makes a layer of [`rt_torch_tensor_conv2d`] with square kernels. Parameters: kernels
/// `[filters, channels, size, size]` and bias `[filters]`, evenly spread within
/// ±1/√(channels · size²). 0 for bad counts, a stride below 1, negative padding or a bad dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_conv2d_new(
    channels: i64,
    filters: i64,
    size: i64,
    stride: i64,
    padding: i64,
    seed: i64,
    dtype: i64,
) -> i64 {
    let counts = [channels, filters, size, stride].map(torch_extent);
    let ([Some(channels), Some(filters), Some(size), Some(stride)], Ok(padding)) =
        (counts, usize::try_from(padding))
    else {
        return 0;
    };
    let rng = RefCell::new(TorchRng(seed as u64));
    let bound = 1.0 / ((channels as f64) * (size as f64).powi(2)).sqrt();
    let mut kernels = torch_within(&rng, bound);
    let mut biases = torch_within(&rng, bound);
    TorchLayer::register(
        TorchLayerKind::Conv2d { stride, padding },
        dtype,
        vec![
            (vec![filters, channels, size, size], &mut kernels),
            (vec![filters], &mut biases),
        ],
    )
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_conv2d_new(
        _channels: i64,
        _filters: i64,
        _size: i64,
        _stride: i64,
        _padding: i64,
        _seed: i64,
        _dtype: i64,
    ) -> i64 = TORCH_NO_HANDLE;
}

// PyTorch: normalising layers

/// Makes a layer that gives each channel mean 0 and variance 1, then applies a gain (parameter 1,
/// all ones) and a bias (parameter 2, zeros). While it learns it takes the statistics of the batch,
/// of which there must be at least two numbers a channel, and keeps running ones for later use. 0
/// for a bad count or dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_batch_norm_new(channels: i64, dtype: i64) -> i64 {
    let Some(channels) = torch_extent(channels) else {
        return 0;
    };
    let stats = Mutex::new([vec![0.0; channels], vec![1.0; channels]]);
    torch_norm_layer(TorchLayerKind::BatchNorm(stats), channels, dtype)
}

/// Makes a layer that gives each row of the last axis mean 0 and variance 1, then applies a gain
/// and a bias; see [`rt_torch_batch_norm_new`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_layer_norm_new(features: i64, dtype: i64) -> i64 {
    torch_extent(features).map_or(0, |features| {
        torch_norm_layer(TorchLayerKind::LayerNorm, features, dtype)
    })
}

#[cfg(feature = "pytorch")]
fn torch_norm_layer(kind: TorchLayerKind, width: usize, dtype: i64) -> i64 {
    let (mut one, mut zero) = (|| 1.0, || 0.0);
    let parameters: Vec<(_, &mut dyn FnMut() -> f64)> =
        vec![(vec![width], &mut one), (vec![width], &mut zero)];
    TorchLayer::register(kind, dtype, parameters)
}

/// The running means (0) or variances (1) of a batch norm, as a tensor of its own; 0 for any other
/// layer or number.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_batch_norm_stat(layer: i64, which: i64) -> i64 {
    let (Some(layer), Some(which)) = (TORCH_LAYERS.get(layer), checked_index(which, 2)) else {
        return 0;
    };
    let TorchLayerKind::BatchNorm(stats) = &layer.kind else {
        return 0;
    };
    let values = lock(stats)[which].clone();
    TorchTensor::register(vec![values.len()], layer.dtype, values)
}

#[cfg(feature = "pytorch")]
impl TorchLayer {
    fn batch_norm(
        &self,
        x: &Arc<TorchTensor>,
        stats: &Mutex<[Vec<f64>; 2]>,
        training: bool,
    ) -> Option<Arc<TorchTensor>> {
        let op = TorchOp::BatchNorm {
            eps: TORCH_NORM_EPS,
        };
        let [gain, bias] = &self.parameters[..] else {
            return None;
        };
        if !training {
            let stats = lock(stats).clone().map(|values| {
                let array = TorchArray::new(vec![values.len()], self.dtype, values);
                TorchTensor::of_array(array, None)
            });
            return torch_apply(op, &[x, gain, bias, &stats[0], &stats[1]]);
        }
        let channels = *x.shape.get(1)?;
        if x.numel() < 2 * channels {
            return None;
        }
        let source = x.array();
        let result = torch_apply(op, &[x, gain, bias])?;
        let mut stats = lock(stats);
        let values = source.floats();
        for (channel, group) in torch_channels(&x.shape).enumerate() {
            let (mean, variance) = torch_moments(&values, &group);
            // What the batch says about the variance of all that it was taken from.
            let count = group.len() as f64;
            let estimates = [mean, variance * count / (count - 1.0)];
            for (running, estimate) in stats.iter_mut().zip(estimates) {
                running[channel] += TORCH_NORM_MOMENTUM * (estimate - running[channel]);
            }
        }
        Some(result)
    }
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_batch_norm_new(_channels: i64, _dtype: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_layer_norm_new(_features: i64, _dtype: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_batch_norm_stat(_layer: i64, _which: i64) -> i64 = TORCH_NO_HANDLE;
}

// PyTorch: dropout

/// Makes a layer without parameters that, while it learns, sets each element to zero with
/// probability `rate` and multiplies the others by 1 / (1 - rate); in use it gives a second handle
/// of the input itself. The same seed gives the same choices. 0 unless the rate is within 0 to 1.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dropout_new(rate: f64, seed: i64) -> i64 {
    if !(0.0..=1.0).contains(&rate) {
        return 0;
    }
    let rng = Mutex::new(TorchRng(seed as u64));
    TorchLayer::register(TorchLayerKind::Dropout { rate, rng }, TORCH_F64, Vec::new())
}

#[cfg(feature = "pytorch")]
fn torch_dropout(
    x: &Arc<TorchTensor>,
    rate: f64,
    rng: &Mutex<TorchRng>,
    training: bool,
) -> Option<Arc<TorchTensor>> {
    let dtype = x.dtype();
    if !torch_is_float(dtype) {
        return None;
    }
    if !training || rate == 0.0 {
        return Some(Arc::clone(x));
    }
    let mut mask: Vec<f64> = torch_zeros(x.numel())?;
    let mut rng = lock(rng);
    for factor in &mut mask {
        if rng.uniform() >= rate {
            *factor = 1.0 / (1.0 - rate);
        }
    }
    let mask = TorchTensor::of_array(TorchArray::new(x.shape.clone(), dtype, mask), None);
    torch_apply(TorchOp::Binary(TorchBinary::Mul), &[x, &mask])
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_dropout_new(_rate: f64, _seed: i64) -> i64 = TORCH_NO_HANDLE;
}

// PyTorch: embedding

/// Makes a layer that looks up rows by their numbers: its parameter is a table `[count, width]` of
/// numbers of the normal distribution. A number that is no row makes
/// [`rt_torch_layer_forward`] give 0. 0 for bad counts or a bad dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_embedding_new(count: i64, width: i64, seed: i64, dtype: i64) -> i64 {
    let (Some(count), Some(width)) = (torch_extent(count), torch_extent(width)) else {
        return 0;
    };
    let mut rng = TorchRng(seed as u64);
    let mut next = || rng.normal();
    TorchLayer::register(
        TorchLayerKind::Embedding,
        dtype,
        vec![(vec![count, width], &mut next)],
    )
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_embedding_new(_count: i64, _width: i64, _seed: i64, _dtype: i64) -> i64
        = TORCH_NO_HANDLE;
}

// PyTorch: recurrent layers

/// Makes a recurrent layer: `h' = tanh(x · Wᵀ + b + h · Uᵀ + c)`. Parameters: W `[hidden, inputs]`,
/// b `[hidden]`, U `[hidden, hidden]`, c `[hidden]`, evenly spread within ±1/√hidden. 0 for bad
/// counts or a bad dtype.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_rnn_new(inputs: i64, hidden: i64, seed: i64, dtype: i64) -> i64 {
    let (Some(inputs), Some(hidden)) = (torch_extent(inputs), torch_extent(hidden)) else {
        return 0;
    };
    let rng = RefCell::new(TorchRng(seed as u64));
    let bound = 1.0 / (hidden as f64).sqrt();
    let mut next = [(); 4].map(|()| torch_within(&rng, bound));
    let shapes = [
        vec![hidden, inputs],
        vec![hidden],
        vec![hidden, hidden],
        vec![hidden],
    ];
    let parameters = shapes.into_iter().zip(&mut next);
    let parameters = parameters.map(|(shape, next)| (shape, next as &mut dyn FnMut() -> f64));
    TorchLayer::register(TorchLayerKind::Rnn { hidden }, dtype, parameters.collect())
}

/// One step of a recurrent layer, from an input `[N, inputs]` and a hidden state `[N, hidden]` to
/// the next hidden state. 0 for a bad handle, another kind of layer, or shapes that do not fit.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_rnn_step(layer: i64, input: i64, hidden: i64) -> i64 {
    let (Some(layer), Some(input), Some(state)) = (
        TORCH_LAYERS.get(layer),
        torch_tensor(input),
        torch_tensor(hidden),
    ) else {
        return 0;
    };
    let TorchLayerKind::Rnn { hidden } = &layer.kind else {
        return 0;
    };
    if input.shape.len() != 2 || state.shape != [input.shape[0], *hidden] {
        return 0;
    }
    layer
        .linear(&input, 0)
        .and_then(|projected| layer.rnn_step(&projected, &state))
        .map_or(0, |result| TORCH_TENSORS.insert(result))
}

#[cfg(feature = "pytorch")]
impl TorchLayer {
    fn rnn_step(
        &self,
        projected: &Arc<TorchTensor>,
        state: &Arc<TorchTensor>,
    ) -> Option<Arc<TorchTensor>> {
        let carried = self.linear(state, 2)?;
        let sum = torch_apply(TorchOp::Binary(TorchBinary::Add), &[projected, &carried])?;
        torch_apply(TorchOp::Unary(TorchUnary::Tanh), &[&sum])
    }

    /// All hidden states `[steps, N, hidden]`.
    fn rnn(&self, x: &Arc<TorchTensor>, hidden: usize) -> Option<Arc<TorchTensor>> {
        let &[steps, batch, _] = &x.shape[..] else {
            return None;
        };
        if !(1..=TORCH_MAX_STEPS).contains(&steps) {
            return None;
        }
        let projected = self.linear(x, 0)?;
        let zeros = torch_zeros(torch_numel(&[batch, hidden])?)?;
        let zeros = TorchArray::new(vec![batch, hidden], self.dtype, zeros);
        let mut state = TorchTensor::of_array(zeros, None);
        let mut states = Vec::with_capacity(steps);
        for start in 0..steps {
            let slice = TorchOp::Slice {
                axis: 0,
                start,
                stop: start + 1,
                step: 1,
            };
            let row = torch_apply(slice, &[&projected])?;
            let row = torch_apply(TorchOp::Reshape(vec![batch, hidden]), &[&row])?;
            state = self.rnn_step(&row, &state)?;
            let as_row = TorchOp::Reshape(vec![1, batch, hidden]);
            states.push(torch_apply(as_row, &[&state])?);
        }
        torch_apply(TorchOp::Cat(0), &states.iter().collect::<Vec<_>>())
    }
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_rnn_new(_inputs: i64, _hidden: i64, _seed: i64, _dtype: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_rnn_step(_layer: i64, _input: i64, _hidden: i64) -> i64 = TORCH_NO_HANDLE;
}

// ---------------------------------------------------------------------------
// PyTorch: losses
// ---------------------------------------------------------------------------

/// The mean of the squared differences, as a tensor without dimensions; 0 for a bad handle or
/// shapes that differ.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_loss_mse(output: i64, target: i64) -> i64 {
    let (Some(output), Some(target)) = (torch_tensor(output), torch_tensor(target)) else {
        return 0;
    };
    if output.shape != target.shape {
        return 0;
    }
    torch_apply(TorchOp::Binary(TorchBinary::Sub), &[&output, &target])
        .and_then(|d| torch_apply(TorchOp::Binary(TorchBinary::Mul), &[&d, &d]))
        .and_then(|squares| torch_apply(TorchOp::Mean, &[&squares]))
        .map_or(0, |loss| TORCH_TENSORS.insert(loss))
}

/// The mean, over `[N, classes]` rows of scores, of minus the logarithm of the softmax at the right
/// class, of which `target` has the numbers `[N]` as i64. 0 for a bad handle, shapes that do not
/// fit, or a number that is no class.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_loss_cross_entropy(scores: i64, target: i64) -> i64 {
    torch_apply_to(TorchOp::CrossEntropy, &[scores, target])
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_loss_mse(_output: i64, _target: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_loss_cross_entropy(_scores: i64, _target: i64) -> i64 = TORCH_NO_HANDLE;
}

// ---------------------------------------------------------------------------
// PyTorch: optimisers
// ---------------------------------------------------------------------------

#[cfg(feature = "pytorch")]
#[derive(Clone, Copy)]
enum TorchRule {
    Sgd { momentum: f64, decay: f64 },
    Adam { beta1: f64, beta2: f64, eps: f64 },
    RmsProp { alpha: f64, eps: f64 },
}

#[cfg(feature = "pytorch")]
struct TorchOptim {
    rule: TorchRule,
    parameters: Vec<Arc<TorchTensor>>,
    state: Mutex<TorchOptimState>,
}

#[cfg(feature = "pytorch")]
struct TorchOptimState {
    rate: f64,
    memories: Vec<TorchMemory>,
}

/// What an optimiser remembers of one parameter; the lists are empty before the first step.
#[cfg(feature = "pytorch")]
#[derive(Clone, Default)]
struct TorchMemory {
    steps: i32,
    first: Vec<f64>,
    second: Vec<f64>,
}

#[cfg(feature = "pytorch")]
static TORCH_OPTIMS: HandleTable<TorchOptim> = HandleTable::new();

#[cfg(feature = "pytorch")]
impl TorchRule {
    /// Moves one parameter against its gradient.
    fn step(self, rate: f64, memory: &mut TorchMemory, values: &mut TorchStorage, grad: &[f64]) {
        memory.steps = memory.steps.saturating_add(1);
        memory.first.resize(grad.len(), 0.0);
        memory.second.resize(grad.len(), 0.0);
        let moments = memory.first.iter_mut().zip(&mut memory.second);
        for (at, (g, (first, second))) in grad.iter().zip(moments).enumerate() {
            let value = values.get(at).unwrap_or(f64::NAN);
            let change = match self {
                TorchRule::Sgd { momentum, decay } => {
                    *first = momentum * *first + g + decay * value;
                    *first
                }
                TorchRule::Adam { beta1, beta2, eps } => {
                    *first += (1.0 - beta1) * (g - *first);
                    *second += (1.0 - beta2) * (g * g - *second);
                    let mean = *first / (1.0 - beta1.powi(memory.steps));
                    let square = *second / (1.0 - beta2.powi(memory.steps));
                    mean / (square.sqrt() + eps)
                }
                TorchRule::RmsProp { alpha, eps } => {
                    *second += (1.0 - alpha) * (g * g - *second);
                    g / (second.sqrt() + eps)
                }
            };
            values.set(at, value - rate * change);
        }
    }
}

/// An optimiser for parameters behind a pointer; 0 if one of them is none, is there twice or
/// requires no gradient, or if a number is out of its range.
///
/// # Safety
/// As for [`torch_tensors`].
#[cfg(feature = "pytorch")]
unsafe fn torch_optim(
    parameters: *const i64,
    count: i64,
    rate: f64,
    rule: TorchRule,
    valid: bool,
) -> i64 {
    let Some(parameters) = torch_tensors(parameters, count) else {
        return 0;
    };
    let serials: HashSet<u64> = parameters.iter().map(|tensor| tensor.serial).collect();
    let is_parameter = |t: &Arc<TorchTensor>| t.origin.is_none() && t.requires_grad();
    if !valid
        || !torch_is_amount(rate)
        || serials.len() != parameters.len()
        || !parameters.iter().all(is_parameter)
    {
        return 0;
    }
    let memories = vec![TorchMemory::default(); parameters.len()];
    TORCH_OPTIMS.insert(TorchOptim {
        rule,
        parameters,
        state: Mutex::new(TorchOptimState { rate, memories }),
    })
}

/// Whether a number is finite and not negative.
#[cfg(feature = "pytorch")]
fn torch_is_amount(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

/// Makes an optimiser that goes down the gradient (with `decay` times the parameter added to it),
/// and a part `momentum` (0 to below 1) of the last step further.
///
/// 0 if one of the parameters (at most 4,096) is none, is there twice, is a result, or requires no
/// gradient, or if a number is NaN, infinite, negative or out of its range.
///
/// # Safety
/// `parameters` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_sgd_new(
    parameters: *const i64,
    count: i64,
    rate: f64,
    momentum: f64,
    decay: f64,
) -> i64 {
    let valid = (0.0..1.0).contains(&momentum) && torch_is_amount(decay);
    let rule = TorchRule::Sgd { momentum, decay };
    torch_optim(parameters, count, rate, rule, valid)
}

/// Makes an Adam optimiser; usual numbers are 0.001, 0.9, 0.999 and 1e-8. 0 for bad arguments, see
/// [`rt_torch_sgd_new`]; both betas are within 0 to below 1.
///
/// # Safety
/// `parameters` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_adam_new(
    parameters: *const i64,
    count: i64,
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
) -> i64 {
    let betas = [beta1, beta2];
    let valid = betas.iter().all(|beta| (0.0..1.0).contains(beta)) && torch_is_amount(eps);
    let rule = TorchRule::Adam { beta1, beta2, eps };
    torch_optim(parameters, count, rate, rule, valid)
}

/// Makes an RMSprop optimiser; usual numbers are 0.01, 0.99 and 1e-8. 0 for bad arguments, see
/// [`rt_torch_sgd_new`]; alpha is within 0 to below 1.
///
/// # Safety
/// `parameters` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_rmsprop_new(
    parameters: *const i64,
    count: i64,
    rate: f64,
    alpha: f64,
    eps: f64,
) -> i64 {
    let valid = (0.0..1.0).contains(&alpha) && torch_is_amount(eps);
    let rule = TorchRule::RmsProp { alpha, eps };
    torch_optim(parameters, count, rate, rule, valid)
}

/// Changes the parameters by their gradients; those without one stay. False for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_optim_step(optim: i64) -> bool {
    let Some(optim) = TORCH_OPTIMS.get(optim) else {
        return false;
    };
    let mut state = lock(&optim.state);
    let rate = state.rate;
    for (tensor, memory) in optim.parameters.iter().zip(&mut state.memories) {
        if let Some(grad) = &*lock(&tensor.grad) {
            tensor.change(|values| optim.rule.step(rate, memory, values, grad));
        }
    }
    true
}

/// Forgets the gradients of all parameters; false for a bad handle. See [`rt_torch_zero_grad`].
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_optim_zero_grad(optim: i64) -> bool {
    let Some(optim) = TORCH_OPTIMS.get(optim) else {
        return false;
    };
    for tensor in &optim.parameters {
        *lock(&tensor.grad) = None;
    }
    true
}

/// Sets the learning rate and returns the one before; NaN for a bad handle or rate.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_optim_set_rate(optim: i64, rate: f64) -> f64 {
    match TORCH_OPTIMS.get(optim) {
        Some(optim) if torch_is_amount(rate) => {
            std::mem::replace(&mut lock(&optim.state).rate, rate)
        }
        _ => f64::NAN,
    }
}

/// Frees an optimiser, not the parameters. False if it is not (or no longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_optim_free(optim: i64) -> bool {
    TORCH_OPTIMS.remove(optim).is_some()
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: 0.
    rt_torch_sgd_new(
        _parameters: *const i64,
        _count: i64,
        _rate: f64,
        _momentum: f64,
        _decay: f64,
    ) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_adam_new(
        _parameters: *const i64,
        _count: i64,
        _rate: f64,
        _beta1: f64,
        _beta2: f64,
        _eps: f64,
    ) -> i64 = TORCH_NO_HANDLE;
    /// Not available: 0.
    rt_torch_rmsprop_new(
        _parameters: *const i64,
        _count: i64,
        _rate: f64,
        _alpha: f64,
        _eps: f64,
    ) -> i64 = TORCH_NO_HANDLE;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: false.
    rt_torch_optim_step(_optim: i64) -> bool = false;
    /// Not available: false.
    rt_torch_optim_zero_grad(_optim: i64) -> bool = false;
    /// Not available: NaN.
    rt_torch_optim_set_rate(_optim: i64, _rate: f64) -> f64 = f64::NAN;
    /// Not available: false.
    rt_torch_optim_free(_optim: i64) -> bool = false;
}

// ---------------------------------------------------------------------------
// PyTorch: traces
// ---------------------------------------------------------------------------
//
// While a thread traces, the operations that it applies are written down; what comes out is a module
// that can be run on other inputs and exported. Tensors that are neither inputs nor results are
// captured as they are, not copied: a module of a layer knows what the layer learns later.

/// Most operations of one trace.
#[cfg(feature = "pytorch")]
const TORCH_MAX_TRACE: usize = 1 << 16;

/// Where an operand of a traced operation comes from.
#[cfg(feature = "pytorch")]
#[derive(Clone, Copy)]
enum TorchOperand {
    Input(usize),
    Captured(usize),
    Step(usize),
}

#[cfg(feature = "pytorch")]
#[derive(Clone)]
struct TorchStep {
    op: TorchOp,
    operands: Vec<TorchOperand>,
    /// Of the result, as it was when it was traced.
    shape: Vec<usize>,
    dtype: i64,
}

#[cfg(feature = "pytorch")]
#[derive(Default)]
struct TorchTrace {
    inputs: Vec<(Vec<usize>, i64)>,
    captured: Vec<Arc<TorchTensor>>,
    steps: Vec<TorchStep>,
    /// Operands by the serial number of the tensor.
    known: HashMap<u64, TorchOperand>,
    overflow: bool,
}

#[cfg(feature = "pytorch")]
struct TorchModule {
    inputs: Vec<(Vec<usize>, i64)>,
    captured: Vec<Arc<TorchTensor>>,
    steps: Vec<TorchStep>,
    outputs: Vec<TorchOperand>,
}

#[cfg(feature = "pytorch")]
static TORCH_MODULES: HandleTable<TorchModule> = HandleTable::new();

#[cfg(feature = "pytorch")]
thread_local! {
    static TORCH_TRACE: RefCell<Option<TorchTrace>> = const { RefCell::new(None) };
}

#[cfg(feature = "pytorch")]
impl TorchTrace {
    fn operand(&mut self, tensor: &Arc<TorchTensor>) -> TorchOperand {
        let captured = &mut self.captured;
        *self.known.entry(tensor.serial).or_insert_with(|| {
            captured.push(Arc::clone(tensor));
            TorchOperand::Captured(captured.len() - 1)
        })
    }

    /// The module that computes these tensors, without the steps that none of them needs.
    fn finish(mut self, outputs: &[Arc<TorchTensor>]) -> TorchModule {
        let mut outputs: Vec<_> = outputs.iter().map(|tensor| self.operand(tensor)).collect();
        let mut needed = vec![false; self.steps.len()];
        let mut wanted = vec![false; self.captured.len()];
        let mut mark = |needed: &mut [bool], operand: &TorchOperand| match *operand {
            TorchOperand::Step(at) => needed[at] = true,
            TorchOperand::Captured(at) => wanted[at] = true,
            TorchOperand::Input(_) => {}
        };
        outputs.iter().for_each(|output| mark(&mut needed, output));
        for at in (0..self.steps.len()).rev() {
            if needed[at] {
                let operands = &self.steps[at].operands;
                operands.iter().for_each(|from| mark(&mut needed, from));
            }
        }
        let new_places = |kept: &[bool]| {
            let mut count = 0;
            let place = |kept: &bool| {
                count += usize::from(*kept);
                count.wrapping_sub(1)
            };
            kept.iter().map(place).collect::<Vec<usize>>()
        };
        let (steps_at, captured_at) = (new_places(&needed), new_places(&wanted));
        let renumber = |operand: &mut TorchOperand| match operand {
            TorchOperand::Step(at) => *at = steps_at[*at],
            TorchOperand::Captured(at) => *at = captured_at[*at],
            TorchOperand::Input(_) => {}
        };
        let mut keep = needed.iter();
        self.steps.retain(|_| keep.next().is_some_and(|kept| *kept));
        let mut keep = wanted.iter();
        self.captured
            .retain(|_| keep.next().is_some_and(|kept| *kept));
        let operands = self.steps.iter_mut().flat_map(|step| &mut step.operands);
        operands.chain(&mut outputs).for_each(renumber);
        TorchModule {
            inputs: self.inputs,
            captured: self.captured,
            steps: self.steps,
            outputs,
        }
    }
}

/// Writes an operation down, if this thread traces.
#[cfg(feature = "pytorch")]
fn torch_record(op: TorchOp, inputs: &[&Arc<TorchTensor>], result: &Arc<TorchTensor>) {
    // During the end of a thread nobody traces.
    let _ = TORCH_TRACE.try_with(|slot| {
        let mut slot = slot.borrow_mut();
        let Some(trace) = slot.as_mut() else {
            return;
        };
        if trace.steps.len() >= TORCH_MAX_TRACE {
            trace.overflow = true;
            return;
        }
        let operands = inputs.iter().map(|tensor| trace.operand(tensor)).collect();
        let place = TorchOperand::Step(trace.steps.len());
        trace.known.insert(result.serial, place);
        trace.steps.push(TorchStep {
            op,
            operands,
            shape: result.shape.clone(),
            dtype: result.dtype(),
        });
    });
}

/// Begins a trace on this thread, of what is made of these tensors (at most 4,096, each once). A
/// trace that was begun before is forgotten, also if this one cannot begin: false for bad handles.
///
/// # Safety
/// `inputs` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_jit_trace_begin(inputs: *const i64, count: i64) -> bool {
    let trace = torch_tensors(inputs, count).and_then(|inputs| {
        let mut trace = TorchTrace::default();
        for (at, tensor) in inputs.iter().enumerate() {
            trace.inputs.push((tensor.shape.clone(), tensor.dtype()));
            let before = trace.known.insert(tensor.serial, TorchOperand::Input(at));
            if before.is_some() {
                return None;
            }
        }
        Some(trace)
    });
    let begun = trace.is_some();
    TORCH_TRACE
        .try_with(|slot| slot.replace(trace))
        .is_ok_and(|_| begun)
}

/// Ends the trace of this thread and makes a module that gives these tensors (at least one).
/// Operations that do not lead to them are left out. 0 if there is no trace, for bad handles (the
/// trace is over then, too), and if more than 65,536 operations were applied.
///
/// What a layer drew by lot or counted is not traced: its outcome is part of the module.
///
/// # Safety
/// `outputs` must be null or point to `count` readable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_jit_trace_end(outputs: *const i64, count: i64) -> i64 {
    let trace = TORCH_TRACE.try_with(|slot| slot.borrow_mut().take());
    let (Ok(Some(trace)), Some(outputs)) = (trace, torch_tensors(outputs, count)) else {
        return 0;
    };
    if outputs.is_empty() || trace.overflow {
        return 0;
    }
    TORCH_MODULES.insert(trace.finish(&outputs))
}

/// Runs a module on other inputs, and writes handles of its outputs if `cap` leaves room for all of
/// them. How many there are; -1 for a bad handle, a wrong number of inputs, inputs on which an
/// operation cannot be done, or bad arguments. With `cap` 0 nothing is run.
///
/// # Safety
/// `inputs` must be null or point to `count` readable `i64`s, `out` must be null (with `cap` 0) or
/// point to `cap` writable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_jit_run(
    module: i64,
    inputs: *const i64,
    count: i64,
    out: *mut i64,
    cap: i64,
) -> i64 {
    let Some(module) = TORCH_MODULES.get(module) else {
        return -1;
    };
    if cap == 0 {
        return length_of(module.outputs.len());
    }
    let Some(inputs) = torch_tensors(inputs, count) else {
        return -1;
    };
    match module.run(&inputs) {
        Some(outputs) => torch_hand_out(outputs, out, cap),
        None => -1,
    }
}

#[cfg(feature = "pytorch")]
impl TorchModule {
    fn run(&self, inputs: &[Arc<TorchTensor>]) -> Option<Vec<Arc<TorchTensor>>> {
        if inputs.len() != self.inputs.len() {
            return None;
        }
        let mut results: Vec<Arc<TorchTensor>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let find = |operand: &TorchOperand| match *operand {
                TorchOperand::Input(at) => &inputs[at],
                TorchOperand::Captured(at) => &self.captured[at],
                TorchOperand::Step(at) => &results[at],
            };
            let operands: Vec<_> = step.operands.iter().map(find).collect();
            let result = torch_apply(step.op.clone(), &operands)?;
            results.push(result);
        }
        let outputs = self.outputs.iter().map(|operand| match *operand {
            TorchOperand::Input(at) => Arc::clone(&inputs[at]),
            TorchOperand::Captured(at) => Arc::clone(&self.captured[at]),
            TorchOperand::Step(at) => Arc::clone(&results[at]),
        });
        Some(outputs.collect())
    }
}

/// Number of operations in a module; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_jit_op_count(module: i64) -> i64 {
    TORCH_MODULES
        .get(module)
        .map_or(-1, |module| length_of(module.steps.len()))
}

/// Frees a module. False if it is not (or no longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_jit_free(module: i64) -> bool {
    TORCH_MODULES.remove(module).is_some()
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: false.
    rt_torch_jit_trace_begin(_inputs: *const i64, _count: i64) -> bool = false;
    /// Not available: 0.
    rt_torch_jit_trace_end(_outputs: *const i64, _count: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: -1.
    rt_torch_jit_run(
        _module: i64,
        _inputs: *const i64,
        _count: i64,
        _out: *mut i64,
        _cap: i64,
    ) -> i64 = TORCH_NO_COUNT;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: -1.
    rt_torch_jit_op_count(_module: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: false.
    rt_torch_jit_free(_module: i64) -> bool = false;
}

// ---------------------------------------------------------------------------
// PyTorch: ONNX
// ---------------------------------------------------------------------------
//
// A module as a `ModelProto` of onnx.proto3: IR version 8, operator set 17. Field numbers stand
// where they are used, with the names of that file.

/// Most bytes of a model or a file of tensors.
#[cfg(feature = "pytorch")]
const TORCH_MAX_BYTES: usize = 1 << 30;

/// A message of protocol buffers.
#[cfg(feature = "pytorch")]
#[derive(Default)]
struct TorchMessage(Vec<u8>);

#[cfg(feature = "pytorch")]
impl TorchMessage {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: TorchMessage) -> Self {
        self.bytes(field, &message.0)
    }
}

/// An attribute of a node.
#[cfg(feature = "pytorch")]
enum TorchAttribute {
    Int(i64),
    Float(f64),
    Ints(Vec<i64>),
}

#[cfg(feature = "pytorch")]
#[derive(Default)]
struct TorchGraphWriter {
    graph: TorchMessage,
    /// Number of names that were made up.
    extra: usize,
}

#[cfg(feature = "pytorch")]
impl TorchGraphWriter {
    fn node(
        &mut self,
        kind: &str,
        inputs: &[String],
        outputs: &[String],
        attributes: &[(&str, TorchAttribute)],
    ) {
        let mut node = TorchMessage::default();
        for input in inputs {
            node = node.text(1, input); // NodeProto.input
        }
        for output in outputs {
            node = node.text(2, output); // output
        }
        node = node.text(4, kind); // op_type
        for (name, value) in attributes {
            let attribute = TorchMessage::default().text(1, name); // AttributeProto.name
            let attribute = match value {
                TorchAttribute::Float(value) => attribute.float(2, *value as f32).int(20, 1), // f
                TorchAttribute::Int(value) => attribute.int(3, *value).int(20, 2),            // i
                TorchAttribute::Ints(values) => values
                    .iter()
                    .fold(attribute, |attribute, value| attribute.int(8, *value)) // ints
                    .int(20, 7), // type
            };
            node = node.message(5, attribute); // NodeProto.attribute
        }
        self.graph = std::mem::take(&mut self.graph).message(1, node); // GraphProto.node
    }

    fn initializer(&mut self, name: &str, array: &TorchArray) {
        let mut tensor = TorchMessage::default();
        for extent in &array.shape {
            tensor = tensor.int(1, *extent as i64); // TensorProto.dims
        }
        let tensor = tensor
            .int(2, torch_onnx_type(array.dtype())) // data_type
            .text(8, name)
            .bytes(9, &torch_bytes(array)); // raw_data
        self.graph = std::mem::take(&mut self.graph).message(5, tensor); // GraphProto.initializer
    }

    /// The name of a constant.
    fn constant(&mut self, array: &TorchArray) -> String {
        let name = self.invent();
        self.initializer(&name, array);
        name
    }

    fn constant_ints(&mut self, ints: &[usize]) -> String {
        let ints = ints.iter().map(|n| *n as i64).collect::<Vec<_>>();
        self.constant(&TorchArray::of_ints(vec![ints.len()], ints))
    }

    fn invent(&mut self) -> String {
        self.extra += 1;
        format!("extra_{}", self.extra)
    }

    /// An input or output of the graph, with its type.
    fn port(&mut self, field: u64, name: &str, shape: &[usize], dtype: i64) {
        let mut dimensions = TorchMessage::default();
        for extent in shape {
            let dimension = TorchMessage::default().int(1, *extent as i64); // dim_value
            dimensions = dimensions.message(1, dimension); // TensorShapeProto.dim
        }
        let tensor = TorchMessage::default()
            .int(1, torch_onnx_type(dtype)) // TypeProto.Tensor.elem_type
            .message(2, dimensions); // shape
        let kind = TorchMessage::default().message(1, tensor); // TypeProto.tensor_type
        let port = TorchMessage::default().text(1, name).message(2, kind); // ValueInfoProto
        self.graph = std::mem::take(&mut self.graph).message(field, port);
    }

    /// Writes the nodes of one step. `operands` are names with what is behind them.
    fn step(&mut self, step: &TorchStep, operands: &[(String, Vec<usize>, i64)], output: String) {
        use TorchAttribute::{Float, Int, Ints};

        let mut outputs = vec![output];
        let rank = operands[0].1.len();
        let mut inputs: Vec<String> = Vec::with_capacity(operands.len() + 1);
        for (at, (name, _, dtype)) in operands.iter().enumerate() {
            let is_number = matches!(
                (&step.op, at),
                (TorchOp::Embedding | TorchOp::CrossEntropy, 1) | (TorchOp::ArgMax(_), _)
            );
            // ONNX converts nothing of its own accord.
            if is_number || *dtype == step.dtype || matches!(step.op, TorchOp::Cast(_)) {
                inputs.push(name.clone());
                continue;
            }
            let converted = self.invent();
            let to = Int(torch_onnx_type(step.dtype));
            let (from, into) = (std::slice::from_ref(name), std::slice::from_ref(&converted));
            self.node("Cast", from, into, &[("to", to)]);
            inputs.push(converted);
        }
        let ints = |values: &[usize]| Ints(values.iter().map(|n| *n as i64).collect());
        let no_axis = || vec![("keepdims", Int(0))];
        let (kind, attributes) = match &step.op {
            TorchOp::Unary(op) => {
                let kind = match op {
                    TorchUnary::Neg => "Neg",
                    TorchUnary::Relu => "Relu",
                    TorchUnary::Abs => "Abs",
                    TorchUnary::Exp => "Exp",
                    TorchUnary::Log => "Log",
                    TorchUnary::Tanh => "Tanh",
                    TorchUnary::Sigmoid => "Sigmoid",
                    TorchUnary::Sqrt => "Sqrt",
                    TorchUnary::Pow(exponent) => {
                        let array = TorchArray::new(Vec::new(), step.dtype, vec![*exponent]);
                        inputs.push(self.constant(&array));
                        "Pow"
                    }
                };
                (kind, vec![])
            }
            TorchOp::Binary(TorchBinary::Add) => ("Add", vec![]),
            TorchOp::Binary(TorchBinary::Sub) => ("Sub", vec![]),
            TorchOp::Binary(TorchBinary::Mul) => ("Mul", vec![]),
            TorchOp::Binary(TorchBinary::Div) => ("Div", vec![]),
            TorchOp::MatMul => ("MatMul", vec![]),
            TorchOp::Sum => ("ReduceSum", no_axis()),
            TorchOp::Mean => ("ReduceMean", no_axis()),
            TorchOp::Max => ("ReduceMax", no_axis()),
            TorchOp::Reduce { axis, keep, mean } => {
                let mut attributes = vec![("keepdims", Int(i64::from(*keep)))];
                if *mean {
                    attributes.push(("axes", ints(&[*axis])));
                    ("ReduceMean", attributes)
                } else {
                    inputs.push(self.constant_ints(&[*axis]));
                    ("ReduceSum", attributes)
                }
            }
            TorchOp::ArgMax(axis) => {
                let axis = Int(*axis as i64);
                ("ArgMax", vec![("axis", axis), ("keepdims", Int(0))])
            }
            TorchOp::Softmax { axis, log } => {
                let kind = if *log { "LogSoftmax" } else { "Softmax" };
                (kind, vec![("axis", Int(*axis as i64))])
            }
            TorchOp::Cast(dtype) => ("Cast", vec![("to", Int(torch_onnx_type(*dtype)))]),
            TorchOp::Reshape(shape) => {
                inputs.push(self.constant_ints(shape));
                // A zero is an extent, not "as before".
                ("Reshape", vec![("allowzero", Int(1))])
            }
            TorchOp::Transpose(first, second) => {
                let mut order: Vec<usize> = (0..rank).collect();
                order.swap(*first, *second);
                ("Transpose", vec![("perm", ints(&order))])
            }
            TorchOp::Slice {
                axis,
                start,
                stop,
                step,
            } => {
                for number in [start, stop, axis, step] {
                    inputs.push(self.constant_ints(&[*number]));
                }
                ("Slice", vec![])
            }
            TorchOp::Cat(axis) => ("Concat", vec![("axis", Int(*axis as i64))]),
            TorchOp::Conv2d { stride, padding } => {
                let strides = ints(&[*stride; 2]);
                let pads = ints(&[*padding; 4]);
                ("Conv", vec![("strides", strides), ("pads", pads)])
            }
            TorchOp::BatchNorm { eps } => {
                let of_batch = inputs.len() == 3;
                if of_batch {
                    // Running statistics, before and after: nobody asks for them.
                    let width = operands[1].1[0];
                    let ones = TorchArray::new(vec![width], step.dtype, vec![1.0; width]);
                    let ones = self.constant(&ones);
                    inputs.extend([ones.clone(), ones]);
                    outputs.extend([self.invent(), self.invent()]);
                }
                let mode = Int(i64::from(of_batch));
                let attributes = vec![("epsilon", Float(*eps)), ("training_mode", mode)];
                ("BatchNormalization", attributes)
            }
            TorchOp::LayerNorm { eps } => (
                "LayerNormalization",
                vec![("axis", Int(-1)), ("epsilon", Float(*eps))],
            ),
            TorchOp::Embedding => ("Gather", vec![("axis", Int(0))]),
            TorchOp::CrossEntropy => ("SoftmaxCrossEntropyLoss", vec![]),
        };
        self.node(kind, &inputs, &outputs, &attributes);
    }
}

#[cfg(feature = "pytorch")]
fn torch_onnx_type(dtype: i64) -> i64 {
    match dtype {
        TORCH_F32 => 1,
        TORCH_I64 => 7,
        _ => 11,
    }
}

/// The elements, each with its lowest byte first.
#[cfg(feature = "pytorch")]
fn torch_bytes(array: &TorchArray) -> Vec<u8> {
    match &*array.data {
        TorchStorage::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TorchStorage::F64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TorchStorage::I64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

#[cfg(feature = "pytorch")]
impl TorchModule {
    fn onnx(&self) -> Outcome<Vec<u8>> {
        let captured: Vec<_> = self.captured.iter().map(|tensor| tensor.array()).collect();
        let numel = captured.iter().map(TorchArray::numel).sum::<usize>();
        if numel.saturating_mul(8) > TORCH_MAX_BYTES {
            let message = format!("a model of {numel} numbers is too large");
            return Err(Failure::new(ERR_MEMORY, message));
        }
        let describe = |operand: &TorchOperand| match *operand {
            TorchOperand::Input(at) => {
                let (shape, dtype) = &self.inputs[at];
                (format!("input_{at}"), shape.clone(), *dtype)
            }
            TorchOperand::Captured(at) => {
                let array = &captured[at];
                (format!("captured_{at}"), array.shape.clone(), array.dtype())
            }
            TorchOperand::Step(at) => {
                let step = &self.steps[at];
                (format!("step_{at}"), step.shape.clone(), step.dtype)
            }
        };
        let mut writer = TorchGraphWriter::default();
        for (at, step) in self.steps.iter().enumerate() {
            let operands: Vec<_> = step.operands.iter().map(describe).collect();
            writer.step(step, &operands, format!("step_{at}"));
        }
        for (at, array) in captured.iter().enumerate() {
            writer.initializer(&format!("captured_{at}"), array);
        }
        for (at, (shape, dtype)) in self.inputs.iter().enumerate() {
            writer.port(11, &format!("input_{at}"), shape, *dtype); // GraphProto.input
        }
        for (at, operand) in self.outputs.iter().enumerate() {
            let (name, shape, dtype) = describe(operand);
            let output = format!("output_{at}");
            // Also what no step made may come out, and one result may come out twice.
            writer.port(12, &output, &shape, dtype); // GraphProto.output
            writer.node("Identity", &[name], &[output], &[]);
        }
        let graph = writer.graph.text(2, "trace"); // GraphProto.name
        let operators = TorchMessage::default().text(1, "").int(2, 17); // domain, version
        let model = TorchMessage::default()
            .int(1, 8) // ModelProto.ir_version
            .text(2, "native_ref") // producer_name
            .text(3, env!("CARGO_PKG_VERSION")) // producer_version
            .message(7, graph)
            .message(8, operators); // opset_import
        Ok(model.0)
    }
}

/// A module as the bytes of an ONNX model, in the way of functions that fill a buffer; -1 for a bad
/// handle, a model of more than 1 GiB, or bad arguments.
///
/// Shapes are those that were traced. Captured tensors are written with what is in them now.
///
/// # Safety
/// `out` is null or valid for writes of `cap` bytes.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_onnx_export(module: i64, out: *mut u8, cap: i64) -> i64 {
    let model = torch_module(module).and_then(|module| module.onnx());
    match model {
        Ok(model) => copy_out(&model, out, cap),
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

/// Writes the bytes of [`rt_torch_onnx_export`] to a file. False, with the error recorded, if that
/// cannot be.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_onnx_save(module: i64, path: *const u8, len: i64) -> bool {
    let saved = torch_module(module).and_then(|module| {
        let path = text_argument(path, len, "the path")?;
        torch_write(path, &module.onnx()?)
    });
    saved.map_err(Failure::record).is_ok()
}

#[cfg(feature = "pytorch")]
fn torch_module(handle: i64) -> Outcome<Arc<TorchModule>> {
    let module = TORCH_MODULES.get(handle);
    module.ok_or_else(|| Failure::new(ERR_ARGUMENT, format!("{handle} is no module")))
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: -1.
    rt_torch_onnx_export(_module: i64, _out: *mut u8, _cap: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: false.
    rt_torch_onnx_save(_module: i64, _path: *const u8, _len: i64) -> bool = false;
}

// ---------------------------------------------------------------------------
// PyTorch: files of tensors
// ---------------------------------------------------------------------------
//
// Eight bytes to know it by, the version and the number of tensors (32 bits each); for each tensor
// dtype and number of dimensions (a byte each), the extents (64 bits each) and the elements; at the
// end the XXH64 of all that. The lowest byte comes first everywhere.

#[cfg(feature = "pytorch")]
const TORCH_FILE_MARK: &[u8; 8] = b"\x89NRTENS\n";
#[cfg(feature = "pytorch")]
const TORCH_FILE_VERSION: u32 = 1;

#[cfg(feature = "pytorch")]
fn torch_checksum(bytes: &[u8]) -> u64 {
    let mut state = XxHashState::with_seed(0);
    state.update(bytes);
    state.value()
}

#[cfg(feature = "pytorch")]
fn torch_pack(arrays: &[TorchArray]) -> Outcome<Vec<u8>> {
    let numel: usize = arrays.iter().map(TorchArray::numel).sum();
    if numel.saturating_mul(8) > TORCH_MAX_BYTES {
        return Err(Failure::new(
            ERR_MEMORY,
            format!("{numel} numbers are too many for one file"),
        ));
    }
    let mut bytes = TORCH_FILE_MARK.to_vec();
    bytes.extend(TORCH_FILE_VERSION.to_le_bytes());
    bytes.extend((arrays.len() as u32).to_le_bytes());
    for array in arrays {
        bytes.extend([array.dtype() as u8, array.shape.len() as u8]);
        for extent in &array.shape {
            bytes.extend((*extent as u64).to_le_bytes());
        }
        bytes.extend(torch_bytes(array));
    }
    bytes.extend(torch_checksum(&bytes).to_le_bytes());
    Ok(bytes)
}

#[cfg(feature = "pytorch")]
fn torch_unpack(bytes: &[u8]) -> Outcome<Vec<TorchArray>> {
    let torn = || Failure::new(ERR_IO, "no file of tensors, or a damaged one");
    let (body, _) = bytes
        .split_last_chunk::<8>()
        .filter(|(body, checksum)| torch_checksum(body) == u64::from_le_bytes(**checksum))
        .ok_or_else(torn)?;
    let mut rest = body;
    if torch_chunk::<8>(&mut rest).ok_or_else(torn)? != *TORCH_FILE_MARK {
        return Err(torn());
    }
    let mut number = || Some(u32::from_le_bytes(torch_chunk(&mut rest)?));
    let version = number().ok_or_else(torn)?;
    if version != TORCH_FILE_VERSION {
        let message = format!("version {version} of files of tensors is not known");
        return Err(Failure::new(ERR_IO, message));
    }
    let count = number().ok_or_else(torn)?;
    if i64::from(count) > TORCH_MAX_HANDLES {
        return Err(torn());
    }
    let arrays = (0..count).map(|_| torch_unpack_one(&mut rest));
    let arrays = arrays.collect::<Option<Vec<_>>>().ok_or_else(torn)?;
    if rest.is_empty() {
        Ok(arrays)
    } else {
        Err(torn())
    }
}

/// Takes bytes from the front.
#[cfg(feature = "pytorch")]
fn torch_chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*chunk)
}

#[cfg(feature = "pytorch")]
fn torch_unpack_one(rest: &mut &[u8]) -> Option<TorchArray> {
    let [dtype, ndim] = torch_chunk(rest)?;
    if i64::from(ndim) > TORCH_MAX_DIMS || !torch_is_dtype(i64::from(dtype)) {
        return None;
    }
    let extents = (0..ndim).map(|_| usize::try_from(u64::from_le_bytes(torch_chunk(rest)?)).ok());
    let shape = extents.collect::<Option<Vec<usize>>>()?;
    let numel = torch_numel(&shape)?;
    let width = if i64::from(dtype) == TORCH_F32 { 4 } else { 8 };
    if rest.len() < numel * width {
        return None;
    }
    let (elements, behind) = rest.split_at(numel * width);
    *rest = behind;
    let eights = || {
        let chunks = elements.chunks_exact(8);
        chunks.filter_map(|chunk| <[u8; 8]>::try_from(chunk).ok())
    };
    let data = match i64::from(dtype) {
        TORCH_F32 => {
            let fours = elements.chunks_exact(4);
            let fours = fours.filter_map(|chunk| <[u8; 4]>::try_from(chunk).ok());
            TorchStorage::F32(fours.map(f32::from_le_bytes).collect())
        }
        TORCH_I64 => TorchStorage::I64(eights().map(i64::from_le_bytes).collect()),
        _ => TorchStorage::F64(eights().map(f64::from_le_bytes).collect()),
    };
    Some(TorchArray {
        shape,
        data: Arc::new(data),
    })
}

/// Writes a file that is there as a whole or not at all.
#[cfg(feature = "pytorch")]
fn torch_write(path: &str, bytes: &[u8]) -> Outcome<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let message = format!("{path} is no regular file");
        return Err(Failure::new(ERR_IO, message));
    }
    let number = NUMBER.fetch_add(1, Relaxed);
    let draft = format!("{path}.{}.{number}.new", std::process::id());
    let written = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        // Perhaps there is nothing to remove.
        let _ = std::fs::remove_file(&draft);
    }
    Ok(written?)
}

/// Saves tensors (at most 4,096, and 1 GiB) to a file, which is replaced if it is there. False,
/// with the error recorded, for bad handles or if the file cannot be written.
///
/// # Safety
/// `tensors` must be null or point to `count` readable `i64`s, `path` is null or valid for reads of
/// `len` bytes.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_save(
    tensors: *const i64,
    count: i64,
    path: *const u8,
    len: i64,
) -> bool {
    let tensors = torch_tensors(tensors, count)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, "some of the tensors are none"));
    let saved = tensors.and_then(|tensors| {
        let path = text_argument(path, len, "the path")?;
        let arrays: Vec<_> = tensors.iter().map(|tensor| tensor.array()).collect();
        torch_write(path, &torch_pack(&arrays)?)
    });
    saved.map_err(Failure::record).is_ok()
}

/// Loads the tensors of a file of [`rt_torch_save`], and writes their handles if `cap` leaves room
/// for all of them. How many there are; -1, with the error recorded, if the file cannot be read or
/// is damaged, and for bad arguments.
///
/// # Safety
/// `path` is null or valid for reads of `len` bytes, `out` must be null (with `cap` 0) or point to
/// `cap` writable `i64`s.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_load(path: *const u8, len: i64, out: *mut i64, cap: i64) -> i64 {
    let loaded = text_argument(path, len, "the path").and_then(|path| {
        // Asked first: to open a pipe may take for ever.
        let found = std::fs::metadata(path)?;
        if !found.is_file() || found.len() > 2 * TORCH_MAX_BYTES as u64 {
            let message = format!("{path} is no file of tensors");
            return Err(Failure::new(ERR_IO, message));
        }
        torch_unpack(&std::fs::read(path)?)
    });
    match loaded {
        Ok(arrays) => {
            let tensors = arrays.into_iter();
            let tensors = tensors.map(|array| TorchTensor::of_array(array, None));
            torch_hand_out(tensors.collect(), out, cap)
        }
        Err(failure) => {
            failure.record();
            -1
        }
    }
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: false.
    rt_torch_save(_tensors: *const i64, _count: i64, _path: *const u8, _len: i64) -> bool = false;
    /// Not available: -1.
    rt_torch_load(_path: *const u8, _len: i64, _out: *mut i64, _cap: i64) -> i64 = TORCH_NO_COUNT;
}

// ---------------------------------------------------------------------------
// PyTorch: data sets
// ---------------------------------------------------------------------------

/// Examples and what belongs to each of them: the first axis counts them.
#[cfg(feature = "pytorch")]
struct TorchDataset {
    features: TorchArray,
    targets: TorchArray,
}

#[cfg(feature = "pytorch")]
static TORCH_DATASETS: HandleTable<Arc<TorchDataset>> = HandleTable::new();

#[cfg(feature = "pytorch")]
struct TorchLoader {
    dataset: Arc<TorchDataset>,
    batch: usize,
    shuffle: bool,
    drop_last: bool,
    state: Mutex<TorchLoaderState>,
}

#[cfg(feature = "pytorch")]
struct TorchLoaderState {
    rng: TorchRng,
    order: Vec<usize>,
    at: usize,
}

#[cfg(feature = "pytorch")]
static TORCH_LOADERS: HandleTable<TorchLoader> = HandleTable::new();

#[cfg(feature = "pytorch")]
impl TorchDataset {
    fn len(&self) -> usize {
        self.features.shape[0]
    }

    /// Both parts of these examples.
    fn rows(&self, rows: &[usize]) -> [TorchArray; 2] {
        [&self.features, &self.targets].map(|array| {
            let (_, _, width) = torch_around(&array.shape, 0);
            let offsets = rows.iter().flat_map(|row| row * width..(row + 1) * width);
            let mut shape = array.shape.clone();
            shape[0] = rows.len();
            array.picked(shape, &offsets.collect::<Vec<_>>())
        })
    }
}

#[cfg(feature = "pytorch")]
impl TorchLoader {
    /// Begins an epoch.
    fn rewind(&self, state: &mut TorchLoaderState) {
        state.at = 0;
        if self.shuffle {
            // Fisher and Yates.
            for last in (1..state.order.len()).rev() {
                let other = state.rng.below(last + 1);
                state.order.swap(last, other);
            }
        }
    }
}

/// Makes a data set of two tensors with equally many rows, as they are now; 0 for bad handles or
/// if the first axes differ.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataset_new(features: i64, targets: i64) -> i64 {
    let (Some(features), Some(targets)) = (torch_tensor(features), torch_tensor(targets)) else {
        return 0;
    };
    let (features, targets) = (features.array(), targets.array());
    if features.shape.is_empty() || features.shape.first() != targets.shape.first() {
        return 0;
    }
    TORCH_DATASETS.insert(Arc::new(TorchDataset { features, targets }))
}

/// Number of examples; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataset_len(dataset: i64) -> i64 {
    TORCH_DATASETS
        .get(dataset)
        .map_or(-1, |dataset| length_of(dataset.len()))
}

/// Frees a data set; loaders that go through it keep what they need. False if it is not (or no
/// longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataset_free(dataset: i64) -> bool {
    TORCH_DATASETS.remove(dataset).is_some()
}

/// Makes a loader that goes through a data set in batches, in another order in each epoch if it
/// shall shuffle: the same seed gives the same orders. The last batch may be smaller, or is left
/// out if `drop_last` is set. 0 for a bad handle or a batch of less than one example.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataloader_new(
    dataset: i64,
    batch: i64,
    shuffle: bool,
    seed: i64,
    drop_last: bool,
) -> i64 {
    let (Some(dataset), Some(batch)) = (TORCH_DATASETS.get(dataset), torch_extent(batch)) else {
        return 0;
    };
    let mut state = TorchLoaderState {
        rng: TorchRng(seed as u64),
        order: (0..dataset.len()).collect(),
        at: 0,
    };
    let loader = TorchLoader {
        dataset: Arc::clone(&dataset),
        batch,
        shuffle,
        drop_last,
        state: Mutex::new(TorchLoaderState {
            rng: TorchRng(0),
            order: Vec::new(),
            at: 0,
        }),
    };
    loader.rewind(&mut state);
    *lock(&loader.state) = state;
    TORCH_LOADERS.insert(loader)
}

/// Number of batches in an epoch; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataloader_batches(loader: i64) -> i64 {
    TORCH_LOADERS.get(loader).map_or(-1, |loader| {
        let (len, batch) = (loader.dataset.len(), loader.batch);
        length_of(if loader.drop_last {
            len / batch
        } else {
            len.div_ceil(batch)
        })
    })
}

/// Writes the handles of the features and of the targets of the next batch, and returns how many
/// examples are in it; 0 at the end of an epoch (see [`rt_torch_dataloader_reset`]), -1 for a bad
/// handle or if one of the pointers is null.
///
/// # Safety
/// Both pointers must be null or point to a writable `i64`.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub unsafe extern "C" fn rt_torch_dataloader_next(
    loader: i64,
    features: *mut i64,
    targets: *mut i64,
) -> i64 {
    let Some(loader) = TORCH_LOADERS.get(loader) else {
        return -1;
    };
    if !is_aligned_cell(features) || !is_aligned_cell(targets) {
        return -1;
    }
    let rows = {
        let mut state = lock(&loader.state);
        let end = state.order.len().min(state.at + loader.batch);
        let rows = state.order[state.at..end].to_vec();
        if rows.is_empty() || (loader.drop_last && rows.len() < loader.batch) {
            return 0;
        }
        state.at = end;
        rows
    };
    let [left, right] = loader.dataset.rows(&rows).map(torch_register);
    features.write(left);
    targets.write(right);
    length_of(rows.len())
}

/// Begins the next epoch; false for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataloader_reset(loader: i64) -> bool {
    match TORCH_LOADERS.get(loader) {
        Some(loader) => {
            loader.rewind(&mut lock(&loader.state));
            true
        }
        None => false,
    }
}

/// Frees a loader. False if it is not (or no longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dataloader_free(loader: i64) -> bool {
    TORCH_LOADERS.remove(loader).is_some()
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_dataset_new(_features: i64, _targets: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: -1.
    rt_torch_dataset_len(_dataset: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: false.
    rt_torch_dataset_free(_dataset: i64) -> bool = false;
    /// Not available: 0.
    rt_torch_dataloader_new(
        _dataset: i64,
        _batch: i64,
        _shuffle: bool,
        _seed: i64,
        _drop_last: bool,
    ) -> i64 = TORCH_NO_HANDLE;
    /// Not available: -1.
    rt_torch_dataloader_batches(_loader: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: false.
    rt_torch_dataloader_reset(_loader: i64) -> bool = false;
    /// Not available: false.
    rt_torch_dataloader_free(_loader: i64) -> bool = false;
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable_unsafe! {
    /// Not available: -1.
    rt_torch_dataloader_next(_loader: i64, _features: *mut i64, _targets: *mut i64) -> i64
        = TORCH_NO_COUNT;
}

// ---------------------------------------------------------------------------
// PyTorch: collectives
// ---------------------------------------------------------------------------
//
// A group of threads in one process. Every collective is one exchange: each rank brings something
// and, once all are here, sees what all have brought, in the order of the ranks.

/// Most ranks of a group.
#[cfg(feature = "pytorch")]
const TORCH_MAX_RANKS: i64 = 1 << 10;

/// What a rank brings: which collective it takes part in, and a tensor.
#[cfg(feature = "pytorch")]
#[derive(Clone)]
struct TorchOffer {
    collective: TorchCollective,
    array: TorchArray,
}

#[cfg(feature = "pytorch")]
#[derive(Clone, Copy, PartialEq)]
enum TorchCollective {
    Barrier,
    AllReduce(usize),
    Broadcast(usize),
    AllGather,
}

#[cfg(feature = "pytorch")]
struct TorchGroup {
    timeout_ms: i64,
    state: Mutex<TorchGroupState>,
    changed: Condvar,
}

#[cfg(feature = "pytorch")]
struct TorchGroupState {
    offers: Vec<Option<TorchOffer>>,
    /// What all have brought, until each of them has seen it.
    outcome: Option<Arc<Vec<TorchOffer>>>,
    /// Ranks that have not seen it yet.
    unseen: usize,
    round: u64,
    freed: bool,
}

#[cfg(feature = "pytorch")]
static TORCH_GROUPS: HandleTable<TorchGroup> = HandleTable::new();

#[cfg(feature = "pytorch")]
impl TorchGroup {
    /// Waits for all ranks; `None` if they do not come in time, if the group is freed, if this rank
    /// waits already, or if the ranks want different things.
    fn exchange(&self, rank: i64, offer: TorchOffer) -> Option<Arc<Vec<TorchOffer>>> {
        let deadline = deadline_after(self.timeout_ms);
        let mut state = lock(&self.state);
        let rank = checked_index(rank, state.offers.len())?;
        // The last exchange is not over before all have seen what came of it.
        while state.unseen > 0 && !state.freed {
            state = wait_until(&self.changed, state, deadline).ok()?;
        }
        if state.freed || state.offers[rank].is_some() {
            return None;
        }
        state.offers[rank] = Some(offer);
        if state.offers.iter().all(Option::is_some) {
            let offers = state.offers.iter_mut().filter_map(Option::take).collect();
            state.outcome = Some(Arc::new(offers));
            state.unseen = state.offers.len();
            state.round = state.round.wrapping_add(1);
            self.changed.notify_all();
        } else {
            let round = state.round;
            while state.round == round && !state.freed {
                state = match wait_until(&self.changed, state, deadline) {
                    Ok(state) => state,
                    Err(mut state) => {
                        if state.round != round {
                            // All came in the very last moment.
                            return self.see(&mut state);
                        }
                        state.offers[rank] = None;
                        return None;
                    }
                };
            }
            if state.round == round {
                return None;
            }
        }
        self.see(&mut state)
    }

    fn see(&self, state: &mut TorchGroupState) -> Option<Arc<Vec<TorchOffer>>> {
        let offers = state.outcome.clone()?;
        state.unseen -= 1;
        if state.unseen == 0 {
            state.outcome = None;
            self.changed.notify_all();
        }
        let alike = |offer: &TorchOffer| {
            let first = &offers[0];
            offer.collective == first.collective
                && offer.array.shape == first.array.shape
                && offer.array.dtype() == first.array.dtype()
        };
        offers.iter().all(alike).then_some(offers)
    }
}

/// Brings a tensor to a collective.
#[cfg(feature = "pytorch")]
fn torch_exchange(
    group: i64,
    rank: i64,
    tensor: &TorchTensor,
    collective: TorchCollective,
) -> Option<Arc<Vec<TorchOffer>>> {
    let array = tensor.array();
    TORCH_GROUPS
        .get(group)?
        .exchange(rank, TorchOffer { collective, array })
}

/// Makes a group of 1 to 1,024 ranks, each of them a thread. A rank that waits longer than
/// `timeout_ms` for the others gives up; a negative number is for ever. 0 for a bad number of ranks.
///
/// In each collective all ranks take part, with tensors of one shape and dtype: a rank that does
/// something else makes it fail for all.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_group_new(ranks: i64, timeout_ms: i64) -> i64 {
    if !(1..=TORCH_MAX_RANKS).contains(&ranks) {
        return 0;
    }
    TORCH_GROUPS.insert(TorchGroup {
        timeout_ms,
        state: Mutex::new(TorchGroupState {
            offers: vec![None; ranks as usize],
            outcome: None,
            unseen: 0,
            round: 0,
            freed: false,
        }),
        changed: Condvar::new(),
    })
}

/// Number of ranks; -1 for a bad handle.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_size(group: i64) -> i64 {
    TORCH_GROUPS
        .get(group)
        .map_or(-1, |group| length_of(lock(&group.state).offers.len()))
}

/// Waits until all ranks are here; false for a bad handle or rank, or if the collective fails.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_barrier(group: i64, rank: i64) -> bool {
    let offer = TorchOffer {
        collective: TorchCollective::Barrier,
        array: TorchArray::of_ints(vec![0], Vec::new()),
    };
    TORCH_GROUPS
        .get(group)
        .and_then(|group| group.exchange(rank, offer))
        .is_some()
}

/// Puts the sum (`op` 0), product (1), smallest (2) or largest (3) of the elements of all ranks into
/// the tensor of each rank, the same to the last bit. False for a bad handle, rank or op, or if the
/// collective fails.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_all_reduce(group: i64, rank: i64, tensor: i64, op: i64) -> bool {
    let (Some(t), Some(op)) = (torch_tensor(tensor), checked_index(op, 4)) else {
        return false;
    };
    let collective = TorchCollective::AllReduce(op);
    let Some(offers) = torch_exchange(group, rank, &t, collective) else {
        return false;
    };
    let arrays = offers.iter().map(|offer| offer.array.clone());
    let Some(reduced) = arrays.reduce(|a, b| torch_combine(op, &a, &b)) else {
        return false;
    };
    *lock(&t.storage) = reduced.data;
    true
}

/// Two arrays of one shape and dtype, element by element, as [`rt_torch_dist_all_reduce`] says.
#[cfg(feature = "pytorch")]
fn torch_combine(op: usize, a: &TorchArray, b: &TorchArray) -> TorchArray {
    if let (Some(left), Some(right)) = (a.data.ints(), b.data.ints()) {
        let combine: fn(i64, i64) -> i64 = match op {
            0 => i64::wrapping_add,
            1 => i64::wrapping_mul,
            2 => |x, y| x.min(y),
            _ => |x, y| x.max(y),
        };
        let values = left.iter().zip(right).map(|(x, y)| combine(*x, *y));
        return TorchArray::of_ints(a.shape.clone(), values.collect());
    }
    let combine: fn(f64, f64) -> f64 = match op {
        0 => |x, y| x + y,
        1 => |x, y| x * y,
        2 => |x, y| rt_math_min(x, y),
        _ => |x, y| rt_math_max(x, y),
    };
    let (left, right) = (a.floats(), b.floats());
    let values = left.iter().zip(&*right).map(|(x, y)| combine(*x, *y));
    TorchArray::new(a.shape.clone(), a.dtype(), values.collect())
}

/// Puts the elements of the tensor of rank `root` into those of all ranks. False for a bad handle
/// or rank, or if the collective fails.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_broadcast(group: i64, rank: i64, tensor: i64, root: i64) -> bool {
    let (Some(t), Some(root)) = (
        torch_tensor(tensor),
        checked_index(root, TORCH_MAX_RANKS as usize),
    ) else {
        return false;
    };
    let offers = torch_exchange(group, rank, &t, TorchCollective::Broadcast(root));
    let Some(found) = offers.as_ref().and_then(|offers| offers.get(root)) else {
        return false;
    };
    *lock(&t.storage) = Arc::clone(&found.array.data);
    true
}

/// The tensors of all ranks in one, with a new first axis that counts the ranks. 0 for a bad handle
/// or rank, for a result of more than 8 dimensions or 2^24 elements, or if the collective fails.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_all_gather(group: i64, rank: i64, tensor: i64) -> i64 {
    let Some(t) = torch_tensor(tensor) else {
        return 0;
    };
    let Some(offers) = torch_exchange(group, rank, &t, TorchCollective::AllGather) else {
        return 0;
    };
    let mut row = vec![1];
    row.extend(&t.shape);
    let rows: Vec<_> = offers.iter().map(|o| o.array.reshaped(&row)).collect();
    torch_numel(&row)
        .and_then(|_| torch_cat(&rows, 0))
        .map_or(0, torch_register)
}

/// Frees a group; ranks that wait give up. False if it is not (or no longer) one.
#[cfg(feature = "pytorch")]
#[no_mangle]
pub extern "C" fn rt_torch_dist_group_free(group: i64) -> bool {
    match TORCH_GROUPS.remove(group) {
        Some(group) => {
            lock(&group.state).freed = true;
            group.changed.notify_all();
            true
        }
        None => false,
    }
}

#[cfg(not(feature = "pytorch"))]
torch_unavailable! {
    /// Not available: 0.
    rt_torch_dist_group_new(_ranks: i64, _timeout_ms: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: -1.
    rt_torch_dist_size(_group: i64) -> i64 = TORCH_NO_COUNT;
    /// Not available: false.
    rt_torch_dist_barrier(_group: i64, _rank: i64) -> bool = false;
    /// Not available: false.
    rt_torch_dist_all_reduce(_group: i64, _rank: i64, _tensor: i64, _op: i64) -> bool = false;
    /// Not available: false.
    rt_torch_dist_broadcast(_group: i64, _rank: i64, _tensor: i64, _root: i64) -> bool = false;
    /// Not available: 0.
    rt_torch_dist_all_gather(_group: i64, _rank: i64, _tensor: i64) -> i64 = TORCH_NO_HANDLE;
    /// Not available: false.
    rt_torch_dist_group_free(_group: i64) -> bool = false;
}

// ===========================================================================
// Concurrent: stack
// ===========================================================================

static STACKS: HandleTable<Mutex<Vec<RuntimeValue>>> = HandleTable::new();

/// Makes an empty stack that may be used from several threads at once.
#[no_mangle]
pub extern "C" fn rt_stack_new() -> i64 {
    STACKS.insert(Mutex::new(Vec::new()))
}

/// Puts a value on top. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_stack_push(handle: i64, value: RuntimeValue) -> bool {
    STACKS
        .get(handle)
        .map(|stack| lock(&stack).push(value))
        .is_some()
}

/// Takes the top value off; nil if there is none, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_stack_pop(handle: i64) -> RuntimeValue {
    STACKS
        .get(handle)
        .and_then(|stack| lock(&stack).pop())
        .unwrap_or(RuntimeValue::NIL)
}

/// The top value, left where it is; nil if there is none, and for a bad handle.
#[no_mangle]
pub extern "C" fn rt_stack_peek(handle: i64) -> RuntimeValue {
    STACKS
        .get(handle)
        .and_then(|stack| lock(&stack).last().copied())
        .unwrap_or(RuntimeValue::NIL)
}

/// Number of values on the stack; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_stack_len(handle: i64) -> i64 {
    STACKS
        .get(handle)
        .map_or(-1, |stack| lock(&stack).len() as i64)
}

/// Frees a stack. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_stack_free(handle: i64) -> bool {
    STACKS.remove(handle).is_some()
}

// ===========================================================================
// Actors
// ===========================================================================

/// What an actor does from its beginning to its end, with its own handle, which it may hand out.
/// It must not unwind.
type ActorBody = extern "C" fn(actor: i64, argument: RuntimeValue) -> RuntimeValue;

struct Actor {
    number: i64,
    mailbox: Mailbox,
    result: Completion<RuntimeValue>,
}

static ACTORS: HandleTable<Actor> = HandleTable::new();

thread_local! {
    static CURRENT_ACTOR: RefCell<Option<Arc<Actor>>> = const { RefCell::new(None) };
}

/// The actor whose body this thread runs.
fn current_actor() -> Option<Arc<Actor>> {
    CURRENT_ACTOR
        .try_with(|current| current.borrow().clone())
        .ok()?
}

fn actor_of(handle: Handle) -> Outcome<Arc<Actor>> {
    ACTORS
        .get(handle)
        .ok_or_else(|| Failure::new(ERR_ARGUMENT, "the handle is no actor's"))
}

/// Starts an actor: a thread of its own with a mailbox, which runs `body` with the actor's handle
/// and `argument`. The actor lives until the body returns. Returns 0 for a null body and if no
/// thread can be made.
#[no_mangle]
pub extern "C" fn rt_actor_spawn(body: Option<ActorBody>, argument: RuntimeValue) -> i64 {
    let Some(body) = body else {
        fail(ERR_ARGUMENT, "an actor needs a body");
        return 0;
    };
    let handle = ACTORS.insert(Actor {
        number: next_task_number(),
        mailbox: Mailbox::new(None),
        result: Completion::new(),
    });
    handle_or_zero(actor_of(handle).and_then(|actor| {
        let spawned = spawn_background("rt-actor", move || {
            let _ =
                CURRENT_ACTOR.try_with(|current| *current.borrow_mut() = Some(Arc::clone(&actor)));
            let result = body(handle, argument);
            actor.mailbox.close(true);
            actor.result.finish(result);
        });
        spawned.map(|()| handle).inspect_err(|_| {
            ACTORS.remove(handle);
        })
    }))
}

/// Puts a message into an actor's mailbox and returns at once; messages of one sender arrive in
/// their order. False if the actor has ended or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_actor_send(handle: i64, message: RuntimeValue) -> bool {
    succeeded(actor_of(handle).and_then(|actor| actor.mailbox.send(message, None)))
}

/// The oldest message to the actor that this thread runs, waiting up to `timeout_ms` for one
/// (negative: as long as it takes, which is for ever if nobody sends one; 0: not at all).
///
/// Nil is either a message or, with an error recorded, none: `index` when the time is up,
/// `argument` on a thread that is no actor's.
#[no_mangle]
pub extern "C" fn rt_actor_recv(timeout_ms: i64) -> RuntimeValue {
    match current_actor() {
        Some(actor) => value_or_nil(actor.mailbox.receive(deadline_after(timeout_ms))),
        None => fail(ERR_ARGUMENT, "this thread is no actor's"),
    }
}

/// What the body of an actor returned, waiting up to `timeout_ms` for its end (negative: as long
/// as it takes, for ever if it does not end). Then the actor is freed and the handle stale.
///
/// Nil, with the error recorded, when the time is up (`index`; the handle stays good), for a bad
/// handle, and for an actor that would wait for itself. Two actors that wait for one another
/// without limit wait for ever.
#[no_mangle]
pub extern "C" fn rt_actor_join(handle: i64, timeout_ms: i64) -> RuntimeValue {
    let joined = actor_of(handle).and_then(|actor| {
        if current_actor().is_some_and(|current| Arc::ptr_eq(&current, &actor)) {
            return Err(Failure::new(ERR_ARGUMENT, "an actor cannot join itself"));
        }
        actor.result.wait(deadline_after(timeout_ms))
    });
    if joined.is_ok() {
        ACTORS.remove(handle);
    }
    value_or_nil(joined)
}

/// The number of an actor, which no other actor or thread of this process ever has, counted from
/// 1; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_actor_id(handle: i64) -> i64 {
    ACTORS.get(handle).map_or(-1, |actor| actor.number)
}

/// Whether the body of the actor has not returned yet; false for a bad handle.
#[no_mangle]
pub extern "C" fn rt_actor_is_alive(handle: i64) -> bool {
    ACTORS
        .get(handle)
        .is_some_and(|actor| !actor.result.is_done())
}

// ---------------------------------------------------------------------------
// Pools
// ---------------------------------------------------------------------------

/// Most blocks of one pool.
const POOL_MAX_BLOCKS: usize = 1 << 20;

/// Blocks of one size out of one chunk, as the arenas use them.
struct BlockPool {
    chunk: RawChunk,
    stride: usize,
    block_size: usize,
    /// Blocks that are free, the last released on top.
    free: Vec<usize>,
    taken: Vec<bool>,
}

static POOLS: HandleTable<Mutex<BlockPool>> = HandleTable::new();

/// Makes a pool of `count` blocks of `block_size` bytes each. Returns 0 if either is not positive,
/// there are more than 1,048,576 blocks or 1 GiB, or there is no memory.
#[no_mangle]
pub extern "C" fn rt_pool_new(block_size: i64, count: i64) -> i64 {
    let (Ok(block_size), Ok(count)) = (usize::try_from(block_size), usize::try_from(count)) else {
        return 0;
    };
    if block_size == 0 || block_size > ARENA_MAX_REQUEST || count == 0 || count > POOL_MAX_BLOCKS {
        return 0;
    }
    let stride = block_size.next_multiple_of(ARENA_CHUNK_ALIGN);
    let Some(total) = stride
        .checked_mul(count)
        .filter(|total| *total <= ARENA_MAX_REQUEST)
    else {
        return 0;
    };
    let Some(chunk) = RawChunk::zeroed(total, ARENA_CHUNK_ALIGN) else {
        return 0;
    };
    POOLS.insert(Mutex::new(BlockPool {
        chunk,
        stride,
        block_size,
        free: (0..count).rev().collect(),
        taken: vec![false; count],
    }))
}

/// Takes a block out of the pool: zeroed, aligned to 16. Null if none is left or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_pool_acquire(handle: i64) -> *mut u8 {
    let Some(pool) = POOLS.get(handle) else {
        return std::ptr::null_mut();
    };
    let mut pool = lock(&pool);
    let Some(index) = pool.free.pop() else {
        return std::ptr::null_mut();
    };
    pool.taken[index] = true;
    // SAFETY: the block lies within the chunk and nobody else has it.
    unsafe {
        let block = pool.chunk.base.as_ptr().add(index * pool.stride);
        block.write_bytes(0, pool.block_size);
        block
    }
}

/// Gives a block back. False if the pointer is not the start of a block that is out (foreign, null,
/// or released before) or the handle is bad.
#[no_mangle]
pub extern "C" fn rt_pool_release(handle: i64, block: *mut u8) -> bool {
    let Some(pool) = POOLS.get(handle) else {
        return false;
    };
    let mut pool = lock(&pool);
    // Only the address is looked at, never the memory.
    let Some(offset) = (block as usize).checked_sub(pool.chunk.address()) else {
        return false;
    };
    let index = offset / pool.stride;
    if offset % pool.stride != 0 || !pool.taken.get(index).copied().unwrap_or(false) {
        return false;
    }
    pool.taken[index] = false;
    pool.free.push(index);
    true
}

/// Number of blocks that can still be acquired; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_pool_available(handle: i64) -> i64 {
    POOLS
        .get(handle)
        .map_or(-1, |pool| lock(&pool).free.len() as i64)
}

/// Number of blocks in all; -1 for a bad handle.
#[no_mangle]
pub extern "C" fn rt_pool_capacity(handle: i64) -> i64 {
    POOLS
        .get(handle)
        .map_or(-1, |pool| lock(&pool).taken.len() as i64)
}

/// Frees a pool with all its blocks, those that are out included. False if it is not (or no
/// longer) one.
#[no_mangle]
pub extern "C" fn rt_pool_free(handle: i64) -> bool {
    POOLS.remove(handle).is_some()
}

// ===========================================================================
// Concurrent: thread-local slots
// ===========================================================================

/// The slots there are, each with the value a thread sees before it sets its own.
static TLS_KEYS: HandleTable<RuntimeValue> = HandleTable::new();

thread_local! {
    static TLS_VALUES: RefCell<HashMap<i64, RuntimeValue>> = RefCell::new(HashMap::new());
}

/// Works on this thread's values; None when the thread is already being taken down.
fn with_tls<R>(work: impl FnOnce(&mut HashMap<i64, RuntimeValue>) -> R) -> Option<R> {
    TLS_VALUES
        .try_with(|values| values.try_borrow_mut().ok().map(|mut v| work(&mut v)))
        .ok()
        .flatten()
}

/// Makes a slot that has a value of its own in each thread, `initial` until it is set there.
#[no_mangle]
pub extern "C" fn rt_tls_new(initial: RuntimeValue) -> i64 {
    TLS_KEYS.insert(initial)
}

/// Sets this thread's value. False for a bad handle.
#[no_mangle]
pub extern "C" fn rt_tls_set(handle: i64, value: RuntimeValue) -> bool {
    TLS_KEYS.get(handle).is_some() && with_tls(|values| values.insert(handle, value)).is_some()
}

/// This thread's value, or the initial one; nil for a bad handle.
#[no_mangle]
pub extern "C" fn rt_tls_get(handle: i64) -> RuntimeValue {
    let Some(initial) = TLS_KEYS.get(handle) else {
        return RuntimeValue::NIL;
    };
    with_tls(|values| values.get(&handle).copied())
        .flatten()
        .unwrap_or(*initial)
}

/// Whether this thread has set a value of its own.
#[no_mangle]
pub extern "C" fn rt_tls_has(handle: i64) -> bool {
    TLS_KEYS.get(handle).is_some()
        && with_tls(|values| values.contains_key(&handle)).unwrap_or(false)
}

/// Forgets this thread's value. True if there was one.
#[no_mangle]
pub extern "C" fn rt_tls_clear(handle: i64) -> bool {
    TLS_KEYS.get(handle).is_some()
        && with_tls(|values| values.remove(&handle).is_some()).unwrap_or(false)
}

/// Frees a slot in all threads. False if it is not (or no longer) one.
#[no_mangle]
pub extern "C" fn rt_tls_free(handle: i64) -> bool {
    let freed = TLS_KEYS.remove(handle).is_some();
    if freed {
        // Other threads keep a dead entry until they end; the handle never comes back.
        with_tls(|values| values.remove(&handle));
    }
    freed
}

// Later additions: one-shot digests, integer math.

/// Writes the SHA-1 of `len` bytes to `out` as 40 hexadecimal digits, in one call. Returns 40, or
/// -1 for bad arguments.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_sha1_hex(data: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    let Some(bytes) = bytes_from_raw(data, len) else {
        return -1;
    };
    let digest = digest_of::<Sha1State>(bytes);
    debug_assert_eq!(digest.len(), SHA1_DIGEST_LEN);
    copy_out(hex_lower(&digest).as_bytes(), out, cap)
}

/// Writes the SHA-256 of `len` bytes to `out` as 64 hexadecimal digits, in one call. Returns 64, or
/// -1 for bad arguments.
///
/// # Safety
/// `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones.
#[no_mangle]
pub unsafe extern "C" fn rt_sha256_hex(data: *const u8, len: i64, out: *mut u8, cap: i64) -> i64 {
    let Some(bytes) = bytes_from_raw(data, len) else {
        return -1;
    };
    let digest = digest_of::<Sha256State>(bytes);
    debug_assert_eq!(digest.len(), SHA256_DIGEST_LEN);
    copy_out(hex_lower(&digest).as_bytes(), out, cap)
}

/// Greatest common divisor, never negative; 0 of two zeros. `i64::MIN` if it does not fit (which
/// only 2^63 does not).
#[no_mangle]
pub extern "C" fn rt_math_gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).unwrap_or(i64::MIN)
}

/// Least common multiple, never negative; `i64::MIN` if it does not fit.
#[no_mangle]
pub extern "C" fn rt_math_lcm(a: i64, b: i64) -> i64 {
    if a == 0 || b == 0 {
        return 0;
    }
    let divisor = rt_math_gcd(a, b);
    if divisor == i64::MIN {
        return i64::MIN;
    }
    (a / divisor)
        .checked_mul(b)
        .and_then(i64::checked_abs)
        .unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held by tests that touch what belongs to the whole process.
    static PROCESS: Mutex<()> = Mutex::new(());

    fn int(value: i64) -> RuntimeValue {
        RuntimeValue::from_int(value)
    }

    fn array(items: &[RuntimeValue]) -> RuntimeValue {
        array_value(items.to_vec())
    }

    /// How often to do a thing: Miri, which interprets the program, is some hundred times slower.
    fn times(full: i64, miri: i64) -> i64 {
        if cfg!(miri) {
            miri
        } else {
            full
        }
    }

    fn eval(source: &str) -> RuntimeValue {
        let value = unsafe { rt_interp_eval(source.as_ptr(), length_of(source.len())) };
        rt_error_clear();
        value
    }

    #[test]
    fn raw_helpers_reject_bad_lengths() {
        unsafe {
            let null = std::ptr::null();
            assert_eq!(bytes_from_raw(null, 0), Some(&[][..]));
            for len in [1, -1, i64::MIN, i64::MAX] {
                assert!(bytes_from_raw(null, len).is_none());
                assert!(values_from_raw(len, std::ptr::null()).is_none());
            }
            assert!(bytes_from_raw(b"x".as_ptr(), -1).is_none());
            assert!(str_from_raw([0xff].as_ptr(), 1).is_none());
            assert_eq!(str_from_raw(b"abc".as_ptr(), 2), Some("ab"));
            let words = [0_u64; 3];
            let odd = words.as_ptr().cast::<u8>().add(1).cast();
            assert!(values_from_raw(1, odd).is_none());
        }
    }

    #[test]
    fn copying_out_gives_the_full_length() {
        let mut out = [b'.'; 4];
        unsafe {
            assert_eq!(copy_out(b"abcdef", out.as_mut_ptr(), 3), 6);
            assert_eq!(&out, b"abc.");
            assert_eq!(copy_out(b"abc", std::ptr::null_mut(), 0), 3);
            assert_eq!(copy_out(b"abc", std::ptr::null_mut(), 1), -1);
            assert_eq!(copy_out(b"abc", out.as_mut_ptr(), -1), -1);
        }
    }

    #[test]
    fn the_catalogue_knows_every_code() {
        let catalogue = error_catalogue();
        assert_eq!(catalogue.len() as i64, ERR_DEPTH + 1);
        assert!(catalogue.keys().copied().eq(ERR_NONE..=ERR_DEPTH));
        let failure = Failure::new(ERR_IO, "gone");
        assert_eq!(failure.to_string(), "io: gone");
        assert_eq!(Failure::new(99, "x").to_string(), "error 99: x");
    }

    #[test]
    fn blocks_are_counted_and_their_values_go_stale() {
        let _guard = lock(&PROCESS);
        let before = LIVE_BYTES.load(Relaxed);
        let block = rt_alloc(100);
        assert_eq!(LIVE_BYTES.load(Relaxed), before + 100);
        assert!(lock(allocations()).contains_key(&(block as usize)));
        let value = rt_ptr_to_value(block);
        assert_eq!(lock(&POINTERS).get(&(block as usize)), Some(&value));
        assert!(rt_free(block) && !rt_free(block));
        assert!(lock(&POINTERS).get(&(block as usize)).is_none());
        assert!(rt_value_to_ptr(value).is_null());
        assert_eq!(LIVE_BYTES.load(Relaxed), before);
    }

    #[test]
    fn the_dict_table_probes_past_removed_entries() {
        let mut table = DictTable::default();
        // One hash for all keys: every probe runs into the others.
        for key in 0..50 {
            assert!(table.insert(7, int(key), int(key * key)).is_ok());
        }
        for key in (0..50).step_by(2) {
            assert_eq!(
                table.remove(7, int(key)).map(|e| e.value),
                Some(int(key * key))
            );
        }
        assert_eq!(table.live, 25);
        for key in 0..50 {
            assert_eq!(table.find(7, int(key)).is_some(), key % 2 == 1);
        }
        assert!(table.rebuild().is_ok());
        assert_eq!(table.entries.len(), 25);
        assert_eq!(table.find(7, int(1)), Some(0));
        assert_eq!(table.value_at(24), int(49 * 49));
    }

    #[test]
    fn a_removing_dict_does_not_grow() {
        let mut table = DictTable::default();
        for key in 0..times(10_000, 100) {
            let hash = hash_mix(1, key as u64);
            assert!(table.insert(hash, int(key), int(0)).is_ok());
            assert!(table.remove(hash, int(key)).is_some());
        }
        assert_eq!(table.index.len(), DICT_MIN_INDEX);
        assert!(table.entries.len() <= DICT_MIN_INDEX);
    }

    #[test]
    fn urls_are_taken_apart() {
        let parts = |url: &str| HttpUrl::parse(url).map_err(|error| error.code);
        let url = |address: &str, host: &str, target: &str| {
            Ok(HttpUrl {
                address: address.into(),
                host: host.into(),
                target: target.into(),
            })
        };
        assert_eq!(parts("http://a.b"), url("a.b:80", "a.b", "/"));
        assert_eq!(parts("HTTP://a.b:80/"), url("a.b:80", "a.b", "/"));
        assert_eq!(
            parts("http://[::1]:8080?q#f"),
            url("[::1]:8080", "[::1]:8080", "/?q")
        );
        assert_eq!(
            parts("http://[::1]/x/../y#f?"),
            url("[::1]:80", "[::1]", "/x/../y")
        );
        assert_eq!(parts("https://a.b/"), Err(NET_UNSUPPORTED));
        let long = format!("http://a/{}", "x".repeat(HTTP_MAX_URL));
        assert_eq!(parts(&long), Err(NET_TOO_LARGE));
        for wrong in [
            "",
            "a.b",
            "http://",
            "http:///x",
            "http://:80/",
            "http://a:0/",
            "http://a:+80/",
            "http://a:65536/",
            "http://a:b/",
            "http://u@a/",
            "http://a/x y",
            "http://a/\r\nX: y",
            "http://a/é",
        ] {
            assert_eq!(parts(wrong), Err(NET_BAD), "{wrong:?}");
        }
    }

    #[test]
    fn request_heads_hold_what_was_asked_for_and_no_more() {
        let url = HttpUrl::parse("http://h:81/t?q").expect("a URL");
        let head = |method: &str, headers: &str, body: &[u8]| {
            http_head(method, &url, headers, body).map_err(|error| error.code)
        };
        assert_eq!(
            head("GET", "", b"").as_deref(),
            Ok("GET /t?q HTTP/1.1\r\nHost: h:81\r\nConnection: close\r\n\r\n")
        );
        let own = "a:  b \r\n\nHost:x\nc:";
        assert_eq!(
            head("POST", own, b"").as_deref(),
            Ok(concat!(
                "POST /t?q HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n",
                "a: b\r\nHost: x\r\nc: \r\n\r\n"
            ))
        );
        assert!(head("DELETE", "", b"12").is_ok_and(|head| head.contains("Content-Length: 2\r\n")));
        for wrong in ["", "G T", "GET\r\n", "CONNECT", "connect"] {
            assert_eq!(head(wrong, "", b""), Err(NET_BAD), "{wrong:?}");
        }
        for wrong in [
            "no colon",
            ": x",
            "a b: c",
            " a: b",
            "a: b\rc: d",
            "a: \0",
            "content-LENGTH: 1",
            "Transfer-Encoding: chunked",
            "Connection: x",
            "Host: a\nhost: b",
        ] {
            assert_eq!(head("GET", wrong, b""), Err(NET_BAD), "{wrong:?}");
        }
        let long = format!("a: {}", "b".repeat(HTTP_MAX_HEAD));
        assert_eq!(head("GET", &long, b""), Err(NET_TOO_LARGE));
    }

    /// A response that comes in pieces of a given length.
    struct Canned<'a> {
        rest: &'a [u8],
        piece: usize,
    }

    impl HttpSource for Canned<'_> {
        fn more(&mut self, buffer: &mut Vec<u8>) -> NetOutcome<usize> {
            let (piece, rest) = self.rest.split_at(self.piece.min(self.rest.len()));
            buffer.extend_from_slice(piece);
            self.rest = rest;
            Ok(piece.len())
        }
    }

    /// Status and body, or the number of the error, the same for pieces of any length.
    fn canned(method: &str, text: &str) -> Result<(i64, String), i64> {
        let read = |piece| {
            let rest = text.as_bytes();
            let response = HttpReader::new(Canned { rest, piece }).response(method);
            let response = response.map_err(|error| error.code)?;
            let body = String::from_utf8(response.body).expect("text");
            Ok((response.status, body))
        };
        let first = read(1);
        for piece in [2, 3, 7, 1 << 20] {
            assert_eq!(read(piece), first, "{text:?}");
        }
        first
    }

    #[test]
    fn responses_are_read_in_pieces_of_any_length() {
        let ok = |body: &str| Ok((200, body.to_owned()));
        for (text, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "abc"),
            ("HTTP/1.0 200\n\nto the end\n", "to the end\n"),
            (
                "HTTP/1.1 200 \r\ncontent-length: 2\r\nContent-Length:2\r\n\r\nab",
                "ab",
            ),
            (
                "HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\nz",
                "z",
            ),
            (
                concat!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
                    "3;a=b\r\nabc\r\n0A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nmore"
                ),
                "abc0123456789",
            ),
        ] {
            assert_eq!(canned("GET", text), ok(body));
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(canned("HEAD", head), ok(""));
        assert_eq!(
            canned("GET", "HTTP/1.1 204 x\r\n\r\nx"),
            Ok((204, String::new()))
        );
    }

    #[test]
    fn responses_that_are_none_are_errors() {
        for text in [
            "",
            "\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 99 x\r\n\r\n",
            "HTTP/1.1 2000 x\r\n\r\n",
            "HTTP/1.1 600 x\r\n\r\n",
            "http/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 101 x\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        ] {
            assert_eq!(canned("GET", text), Err(NET_PROTOCOL), "{text:?}");
        }
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        ] {
            assert_eq!(canned("GET", text), Err(NET_TOO_LARGE), "{text:?}");
        }
        let gzip = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        assert_eq!(canned("GET", gzip), Err(NET_UNSUPPORTED));
        let endless = [b'x'; 2 * HTTP_MAX_HEAD];
        for start in ["", "HTTP/1.1 200 OK\r\na: "] {
            let text = [start.as_bytes(), endless.as_slice()].concat();
            let (rest, piece) = (text.as_slice(), 1000);
            let response = HttpReader::new(Canned { rest, piece }).response("GET");
            assert_eq!(response.map(|_| ()).map_err(|e| e.code), Err(NET_TOO_LARGE));
        }
    }

    #[test]
    fn header_values_of_one_name_are_joined() {
        let text = concat!(
            "HTTP/1.1 200 OK\r\nA: 1\r\na:2 \r\nSet-Cookie: x=1, y\r\n",
            "set-cookie: z\r\nb:\r\n\r\n"
        );
        let (rest, piece) = (text.as_bytes(), 5);
        let response = HttpReader::new(Canned { rest, piece }).response("GET");
        let headers = response.expect("a response").headers;
        let expected = [("a", "1, 2"), ("b", ""), ("set-cookie", "x=1, y\nz")];
        let found = headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        assert!(found.eq(expected));
    }

    #[test]
    fn addresses_are_numbers_or_names_with_a_port() {
        let soon = || net_deadline(5_000);
        let code = |text: &str| net_addresses(text, soon()).map_err(|error| error.code);
        assert_eq!(code("127.0.0.1:80").map(|all| all.len()), Ok(1));
        assert_eq!(code("[::1]:65535").map(|all| all[0].port()), Ok(65535));
        assert!(code("localhost:7").is_ok_and(|all| all.iter().all(|one| one.ip().is_loopback())));
        for wrong in [
            "",
            ":",
            ":80",
            "a",
            "a:",
            "a:65536",
            "a:+1",
            "a b:1",
            "::1:80",
            "a\0:1",
            "127.0.0.1:80:80",
        ] {
            assert_eq!(code(wrong), Err(NET_BAD), "{wrong:?}");
        }
        let past = Instant::now();
        let late = net_addresses("localhost:7", past).map_err(|error| error.code);
        assert_eq!(late, Err(NET_TIMEOUT));
    }

    #[test]
    fn network_timeouts_have_limits() {
        let code = |timeout, least| net_timeout(timeout, least).map_err(|error| error.code);
        assert_eq!(code(0, 0), Ok(0));
        assert_eq!(code(NET_MAX_TIMEOUT_MS, 1), Ok(NET_MAX_TIMEOUT_MS));
        for (timeout, least) in [
            (0, 1),
            (-1, 0),
            (i64::MIN, 0),
            (i64::MAX, 0),
            (3_600_001, 0),
        ] {
            assert_eq!(code(timeout, least), Err(NET_BAD));
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know these options")]
    fn keepalive_reaches_the_system() {
        use std::os::fd::AsRawFd;
        extern "C" {
            fn getsockopt(
                socket: i32,
                level: i32,
                option: i32,
                value: *mut i32,
                len: *mut u32,
            ) -> i32;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        let fd = stream.as_raw_fd();
        let read = |level, option| {
            let (mut value, mut len) = (-1, 4);
            // SAFETY: the pointers are to an int and to its length.
            let done = unsafe { getsockopt(fd, level, option, &mut value, &mut len) };
            assert_eq!(done, 0);
            value
        };
        assert_eq!(read(SOL_SOCKET, SO_KEEPALIVE), 0);
        assert!(set_keepalive(&stream, true, 77).is_ok());
        assert_ne!(read(SOL_SOCKET, SO_KEEPALIVE), 0);
        let idle = TCP_KEEPIDLE.map(|option| read(IPPROTO_TCP, option));
        assert_eq!(idle, Some(77));
        assert!(set_keepalive(&stream, false, 0).is_ok());
        assert_eq!(read(SOL_SOCKET, SO_KEEPALIVE), 0);
        assert!(set_backlog(&listener, 5).is_ok());
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills a table of 65,536 rows")]
    fn coverage_tables_are_bounded() {
        let mut counts = CoverageCounts::new();
        for decision in 0..COVERAGE_MAX_ROWS as u32 {
            assert!(counts.decision(decision, true));
        }
        assert!(!counts.decision(u32::MAX, true));
        assert!(counts.decision(3, false));
        assert!(counts.condition(1, 1, true) && counts.path(1, 1, 1));
        assert_eq!((counts.decisions.len(), counts.dropped), (1 << 16, 1));
        let mut outcomes = Outcomes {
            held: u64::MAX,
            failed: 0,
        };
        outcomes.count(true);
        assert_eq!(outcomes.held, u64::MAX);
    }

    #[test]
    fn paths_differ_by_their_blocks_and_their_order() {
        let id = |path, blocks: &[u32]| {
            let mut open = OpenPath::default();
            blocks.iter().for_each(|&block| open.step(block));
            open.id(path)
        };
        let ids = [
            id(1, &[]),
            id(1, &[0]),
            id(1, &[0, 0]),
            id(1, &[0, 1]),
            id(1, &[1, 0]),
            id(2, &[1, 0]),
        ];
        assert_eq!(HashSet::from(ids).len(), ids.len());
        assert_eq!(id(1, &[1, 0]), ids[4]);
    }

    #[test]
    fn hashes_follow_equality() {
        assert_eq!(
            hash_value(RuntimeValue::from_float(0.0)),
            hash_value(RuntimeValue::from_float(-0.0))
        );
        assert_ne!(
            hash_value(int(1)),
            hash_value(RuntimeValue::from_float(1.0))
        );
        assert_eq!(hash_value(string_value("a")), hash_value(string_value("a")));
        assert!(hash_value(RuntimeValue::from_float(f64::NAN)).is_none());
        assert!(hash_value(array(&[])).is_none());
        // A tuple that holds itself has no hash, one with shared parts has.
        let cyclic = rt_tuple_new(1);
        assert!(rt_tuple_set(cyclic, 0, cyclic));
        assert!(hash_value(cyclic).is_none());
        let mut shared = rt_tuple_new(0);
        for _ in 0..60 {
            let next = rt_tuple_new(2);
            assert!(rt_tuple_set(next, 0, shared) && rt_tuple_set(next, 1, shared));
            shared = next;
        }
        assert!(hash_value(shared).is_some());
        assert!(!rt_tuple_set(shared, 0, int(1)));
        rt_error_clear();
    }

    #[test]
    fn cycles_and_depth_end() {
        let (one, two) = (array(&[int(1)]), array(&[int(1)]));
        assert!(rt_array_push(one, two) && rt_array_push(two, one));
        assert!(values_equal(one, two));
        assert_eq!(render(one), "[1, [1, ...]]");
        let (mut left, mut right) = (RuntimeValue::NIL, RuntimeValue::NIL);
        let depth = times(50_000, 200);
        for _ in 0..depth {
            (left, right) = (array(&[left]), array(&[right]));
        }
        assert!(values_equal(left, right));
        assert_eq!(render(left).len() as i64, 2 * depth + 3);
    }

    #[test]
    fn a_unique_in_its_own_dict_does_not_lock_up() {
        let dict = rt_dict_new(0);
        let unique = rt_unique_new(dict);
        assert!(rt_dict_set(dict, unique, int(1)));
        assert_eq!(rt_dict_get(dict, unique), int(1));
        assert!(values_equal(dict, dict));
        assert_eq!(render(dict), "{unique(...): 1}");
    }

    #[test]
    fn slots_are_shared_code() {
        let object = ObjectData {
            class_id: 1,
            fields: Mutex::new(vec![int(1), int(2)]),
        };
        assert_eq!((object.count(), object.slot(1)), (2, Ok(int(2))));
        assert_eq!(object.slot(2), Err(out_of_range(2, 2)));
        assert!(object.put(-1, int(0)).is_err() && object.writable());
        let tuple = TupleData {
            slots: Mutex::new(vec![int(1)]),
            sealed: AtomicBool::new(false),
        };
        assert!(tuple.put(0, int(5)).is_ok());
        assert_eq!(tuple.seal(), [int(5)]);
        assert!(tuple.put(0, int(6)).is_err());
        assert_eq!(TupleData::KIND, HeapKind::Tuple);
    }

    #[test]
    fn tokens_have_clear_errors() {
        use self::text::Token;
        assert_eq!(
            text::tokens("x1 = 2.5e1 ** 3\n\"a\\n\""),
            Ok(vec![
                Token::Name("x1".to_owned()),
                Token::Symbol("="),
                Token::Float(25.0),
                Token::Symbol("**"),
                Token::Int(3),
                Token::Symbol(";"),
                Token::Text("a\n".to_owned()),
            ])
        );
        for bad in [
            "1x",
            "\"open",
            "\"\\q\"",
            "#",
            "99999999999999999999",
            "1 ?",
        ] {
            assert_eq!(
                text::tokens(bad).map_err(|e| e.code),
                Err(ERR_SYNTAX),
                "{bad}"
            );
        }
        assert!(text::is_identifier("_größe1") && !text::is_identifier("1a"));
        assert!(!text::is_identifier("") && !text::is_identifier("and"));
    }

    #[test]
    fn the_evaluator_calculates() {
        let _guard = lock(&PROCESS);
        for (source, expected) in [
            ("1 + 2 * 3", int(7)),
            ("(1 + 2) * 3", int(9)),
            ("-2 ** 2", int(-4)),
            ("2 ** 3 ** 2", int(512)),
            ("7 / -2", int(-3)),
            ("7 % -2", int(1)),
            ("-9223372036854775808", int(i64::MIN)),
            ("1 / 2.0", RuntimeValue::from_float(0.5)),
            ("1 == 1.0 and 1 < 2", RuntimeValue::from_bool(true)),
            ("nil or 3", int(3)),
            ("false and missing(1)", RuntimeValue::from_bool(false)),
            ("max(abs(-4), 3); min(1, 2)", int(1)),
            ("(-1) ** 9000000001", int(-1)),
            ("", RuntimeValue::NIL),
        ] {
            assert_eq!(eval(source), expected, "{source}");
        }
        for (source, code) in [
            ("1 / 0", ERR_ARITHMETIC),
            ("9223372036854775807 + 1", ERR_ARITHMETIC),
            ("2 ** 64", ERR_ARITHMETIC),
            ("1 +", ERR_SYNTAX),
            ("1 2", ERR_SYNTAX),
            ("no_such_name", ERR_NAME),
            ("no_such_name()", ERR_FUNCTION_NOT_FOUND),
            ("abs()", ERR_ARGUMENT),
            ("true + 1", ERR_TYPE),
        ] {
            assert_eq!(evaluate(source).map_err(|e| e.code), Err(code), "{source}");
        }
        let too_deep = times(5000, 200) as usize;
        let deep = "(".repeat(too_deep);
        assert_eq!(evaluate(&deep).map_err(|e| e.code), Err(ERR_DEPTH));
        let signs = "-".repeat(too_deep) + "1";
        assert_eq!(evaluate(&signs).map_err(|e| e.code), Err(ERR_DEPTH));
        let count = times(20_000, 100);
        let long = "1".to_owned() + &" + 1".repeat(count as usize);
        assert_eq!(evaluate(&long), Ok(int(count + 1)));
    }

    #[test]
    fn the_builtins_stand_in_one_table() {
        assert_eq!(builtins().len(), 10);
        assert_eq!(
            builtin_abs(&[int(i64::MIN)]).map_err(|e| e.code),
            Err(ERR_ARITHMETIC)
        );
        assert_eq!(
            pick(&[int(2), RuntimeValue::from_float(1.5)], Cmp::Less),
            Ok(RuntimeValue::from_float(1.5))
        );
        assert!(to_int(RuntimeValue::from_float(1e300)).is_err());
        assert!(to_int(RuntimeValue::from_float(f64::NAN)).is_err());
        assert_eq!(to_int(string_value(" 12 ")), Ok(int(12)));
        assert_eq!(value_len(string_value("grün")), Ok(int(5)));
        assert!(value_len(int(1)).is_err());
    }

    #[test]
    fn reports_go_to_the_captured_stream() {
        assert!(rt_capture_stderr_start());
        let name = "draw";
        unsafe { rt_function_not_found(name.as_ptr(), 4) };
        let text = rt_capture_stderr_stop();
        assert_eq!(
            render(text),
            "runtime error: function-not-found: function `draw` does not exist\n"
        );
        assert_eq!(last_error(), Some(missing_function(name)));
        assert!(rt_error_clear());
        assert_eq!(
            with_capture(STREAM_ERR, |capture| capture.is_none()),
            Some(true)
        );
    }

    #[test]
    fn a_violation_is_kept_for_its_thread() {
        let before = VIOLATION_COUNT.load(Relaxed);
        unsafe {
            assert_eq!(simple_contract_check(0, 1, b"f".as_ptr(), 1), 0);
            assert_eq!(simple_contract_check(0, 6, b"f".as_ptr(), 1), -1);
        }
        assert!(VIOLATION_COUNT.load(Relaxed) > before);
        let message = LAST_VIOLATION.with(|last| last.borrow().as_ref().map(ToString::to_string));
        assert_eq!(
            message.as_deref(),
            Some("postcondition of `f` does not hold")
        );
        assert_eq!(rt_error_last_code(), ERR_CONTRACT);
        let handle = rt_contract_violation_last();
        assert_eq!(VIOLATIONS.get(handle).map(|v| v.kind), Some(1));
        assert!(rt_contract_violation_free(handle) && !rt_contract_violation_free(handle));
        assert!(contract_kind(-1).is_none());
        rt_error_clear();
    }

    #[test]
    fn the_mock_is_read_piece_by_piece() {
        let input = "é1\nlast";
        unsafe { assert!(rt_stdin_mock_set(input.as_ptr(), length_of(input.len()))) };
        assert_eq!(rt_stdin_read_char(), 0xe9);
        assert_eq!(
            with_mock(|mock| (mock.at, mock.rest().to_owned())),
            Some((2, "1\nlast".to_owned()))
        );
        assert_eq!(render(rt_stdin_read_line()), "1");
        assert_eq!(render(rt_stdin_read_all()), "last");
        assert_eq!(
            (rt_stdin_read_char(), rt_stdin_read_line()),
            (-1, RuntimeValue::NIL)
        );
        assert!(rt_stdin_mock_clear() && !rt_stdin_mock_clear());
        assert_eq!(without_line_end("a\n"), "a");
    }

    #[test]
    fn objects_are_rendered_by_kind() {
        let tuple = rt_tuple_new(1);
        let object = rt_object_new(4, 1);
        assert!(rt_object_field_set(object, 0, string_value("a\"b")));
        let variant = rt_enum_new(1, 2, tuple);
        let all = array(&[tuple, object, variant, rt_enum_new(1, 0, RuntimeValue::NIL)]);
        assert_eq!(
            render(all),
            "[(nil,), object#4(\"a\\\"b\"), enum#1.2((nil,)), enum#1.0]"
        );
        assert_eq!(parts_of(&heap_get(variant).unwrap()), [tuple]);
        assert!(rt_heap_free(object));
        assert_eq!(type_name(object), "stale reference");
        assert_eq!(render(object), "<stale reference>");
        assert_eq!(render(RuntimeValue::from_float(f64::NAN)), "nan");
        assert_eq!(render(RuntimeValue::from_float(1e300)), "1e300");
        assert_eq!(render(RuntimeValue::from_bits(0x7fc)), "<invalid value>");
    }

    #[test]
    fn block_buffers_pad_to_whole_blocks() {
        for n in 0..=130usize {
            let mut buffer = BlockBuffer::empty();
            let mut bytes = Vec::new();
            buffer.absorb(&vec![7; n], |block| bytes.extend_from_slice(block));
            buffer.pad(|block| bytes.extend_from_slice(block));
            assert_eq!(bytes.len() % SHA_BLOCK, 0);
            assert!(bytes.len() >= n + 9 && bytes.len() < n + 9 + SHA_BLOCK);
            assert_eq!(bytes[n], 0x80);
            let bits = u64::from_be_bytes(bytes[bytes.len() - 8..].try_into().unwrap());
            assert_eq!(bits, 8 * n as u64);
        }
    }

    #[test]
    fn digests_are_what_their_lengths_say() {
        assert_eq!(digest_of::<Sha1State>(b"").len(), SHA1_DIGEST_LEN);
        assert_eq!(digest_of::<Sha256State>(b"").len(), SHA256_DIGEST_LEN);
        assert_eq!(hex_lower(&[0, 0x0a, 0xff]), "000aff");
        assert_eq!(le_u64(&[1, 2, 3]), 0x03_0201);
        assert_eq!(le_u64(&[0xff; 8]), u64::MAX);
    }

    #[test]
    fn hash_tables_forget_freed_states() {
        let handle = rt_sha1_new();
        assert!(SHA1_STATES.get(handle).is_some());
        assert!(rt_sha1_free(handle));
        assert!(SHA1_STATES.get(handle).is_none());
        assert!(SHA256_STATES.get(handle).is_none() && XXHASH_STATES.get(handle).is_none());
    }

    #[test]
    fn base64_alphabets_have_no_symbol_twice() {
        for alphabet in [BASE64_STD, BASE64_URL] {
            for (at, symbol) in alphabet.iter().enumerate() {
                assert!(!alphabet[at + 1..].contains(symbol));
            }
        }
        assert_eq!(base64_bytes(b"Zg", BASE64_URL, false), Some(vec![b'f']));
        assert_eq!(base64_bytes(b"Zg", BASE64_STD, true), None);
    }

    #[test]
    fn civil_days_are_inverse_to_each_other() {
        for days in (-4_000_000..4_000_000).step_by(997) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=month_length(year, month)).contains(&day));
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
    }

    #[test]
    fn months_hold_the_day_back() {
        let last = join_instant((2023, 1, 31), (1, 2, 3, 4)).unwrap();
        let short = join_instant((2023, 2, 28), (1, 2, 3, 4));
        assert_eq!(shift_months(last, 1), short);
        assert_eq!(shift_months(DATETIME_INVALID, 1), None);
        assert_eq!(shift_months(last, i64::MAX), None);
        assert_eq!((fixed_unit(6), calendar_unit(5)), (None, None));
    }

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(name_parts(b"a.tar.gz"), (&b"a.tar"[..], Some(&b"gz"[..])));
        assert_eq!(name_parts(b"..a"), (&b"..a"[..], None));
        assert!(names_of(b"/a//./b/").eq([&b"a"[..], b".", b"b"]));
        assert_eq!(path_folder(b"a//b//"), b"a");
        assert_eq!((root_length(b"//a"), root_of(b"//a")), (2, &b"/"[..]));
        assert_eq!(normal_names(b"../a/../../b"), [&b".."[..], b"..", b"b"]);
        assert_eq!(joined(b"a/", b"b"), joined(b"a", b"b"));
        assert!(renamed(b"a/..", b"b").is_none() && renamed(b"a", b"b/c").is_none());
    }

    #[test]
    fn a_pattern_is_parsed_into_names() {
        let parts = |pattern: &str| glob_parts(&pattern.chars().collect::<Vec<_>>());
        let name = |tokens: &[GlobToken]| GlobPart::Name(tokens.to_vec());
        let any = GlobToken::AnyNumber;
        assert_eq!(
            parts("**/a*/**/**"),
            Ok(vec![
                GlobPart::Deep,
                name(&[GlobToken::Exactly('a'), any.clone()]),
                GlobPart::Deep
            ])
        );
        // Only two stars alone cross slashes; more of them are one.
        assert_eq!(parts("***"), Ok(vec![name(&[any])]));
        assert_eq!(parts("\\"), Err("ends in a backslash"));
        let set = glob_set(&['[', ']', '-', 'a', ']'], 0);
        assert!(matches!(
            set,
            Ok((5, GlobToken::OneOf { negated: false, .. }))
        ));
        let choices = glob_alternatives("{a,b{c,d}}".chars().collect());
        let mut choices: Vec<String> = choices
            .unwrap()
            .into_iter()
            .map(|chars| chars.into_iter().collect())
            .collect();
        choices.sort();
        assert_eq!(choices, ["a", "bc", "bd"]);
        let glob = Glob::parse("a/**").unwrap();
        let inside = glob.step(&glob.start(), "a");
        assert!(is_complete(&inside) && is_open(&inside));
        assert!(!is_open(&glob.without_deep(inside)));
        assert!(!is_open(&glob.step(&glob.start(), "b")));
    }

    #[test]
    fn modes_and_names_of_drafts() {
        assert!(open_options("rb+").is_some() && open_options("rbb").is_none());
        assert_ne!(unique_suffix(), unique_suffix());
        assert_eq!((line_count(b""), line_count(b"a\n\nb")), (0, 3));
        let before = UNIX_EPOCH.checked_sub(Duration::from_micros(1)).unwrap();
        assert_eq!((instant_of(UNIX_EPOCH), instant_of(before)), (0, -1));
        assert!(remove_tree(Path::new("/")).is_err() && remove_tree(Path::new("a/..")).is_err());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let entries = walk_tree(&root, 1, false).unwrap();
        let value = entries
            .iter()
            .find(|entry| entry.relative == Path::new("value"));
        assert!(value.is_some_and(|value| value.kind == KIND_FOLDER && !value.unread));
    }

    #[test]
    fn cursors_take_what_fits_and_no_more() {
        let mut cursor = TextCursor { rest: b"12345x" };
        assert_eq!(cursor.digits(2, 4), Some(1234));
        assert_eq!(cursor.digits(2, 4), None);
        assert!(!cursor.eat(b'x') && cursor.eat(b'5') && cursor.eat(b'x') && !cursor.eat(b'x'));
        let mut cursor = TextCursor { rest: b"MAYMarch" };
        assert_eq!(cursor.name(&MONTH_NAMES, true), Some(5));
        assert_eq!(cursor.name(&MONTH_NAMES, false), Some(3));
        assert_eq!(year_text(-1), "-0001");
    }

    #[test]
    fn map_keys_by_value_and_identity() {
        let zero = MapKey::of(RuntimeValue::from_float(-0.0));
        assert!(zero == MapKey::of(RuntimeValue::from_float(0.0)));
        assert!(zero != MapKey::of(RuntimeValue::from_int(0)));
        assert!(MapKey::of(RuntimeValue::from_float(f64::NAN)).is_none());
        let text = MapKey::of(string_value("a"));
        assert!(matches!(&text, Some(MapKey::Text(bytes)) if bytes == b"a"));
        assert!(matches!(
            MapKey::of(RuntimeValue::NIL),
            Some(MapKey::Other(_))
        ));
    }

    #[test]
    fn arenas_fill_a_chunk_before_they_take_another() {
        let mut arena = Arena {
            chunk_size: ARENA_MIN_CHUNK,
            chunks: Vec::new(),
            top: 0,
            used: 0,
        };
        assert!(arena.alloc(60, 1).is_some() && arena.alloc(4, 4).is_some());
        assert_eq!((arena.chunks.len(), arena.top, arena.used), (1, 64, 64));
        assert!(arena.alloc(1, 1).is_some());
        assert_eq!((arena.chunks.len(), arena.top, arena.used), (2, 1, 65));
        assert!(RawChunk::zeroed(8, 3).is_none() && RawChunk::zeroed(usize::MAX, 8).is_none());
    }

    #[test]
    fn deadlines() {
        assert!(deadline_after(-1).is_none() && deadline_after(i64::MIN).is_none());
        assert!(deadline_after(60_000).is_some_and(|at| at > Instant::now()));
        let (state, condition) = (Mutex::new(()), Condvar::new());
        assert!(wait_until(&condition, lock(&state), deadline_after(0)).is_err());
        thread::scope(|scope| {
            let held = lock(&state);
            scope.spawn(|| {
                // Not before the other thread waits.
                let _held = lock(&state);
                condition.notify_one();
            });
            assert!(wait_until(&condition, held, deadline_after(60_000)).is_ok());
        });
    }

    #[test]
    fn mailboxes_take_turns() {
        let mailbox = Mailbox::new(Some(1));
        assert!(mailbox.send(int(1), deadline_after(0)).is_ok());
        let full = mailbox.send(int(2), deadline_after(0));
        assert_eq!(full.map_err(|failure| failure.code), Err(ERR_INDEX));
        lock(&mailbox.state).receiving = true;
        let busy = mailbox.receive(None).map_err(|failure| failure.code);
        assert_eq!(busy, Err(ERR_ARGUMENT));
        lock(&mailbox.state).receiving = false;
        assert_eq!(mailbox.receive(None), Ok(int(1)));
        assert!(!lock(&mailbox.state).receiving);
        mailbox.close(false);
        assert_eq!(mailbox.receive(None), Err(mailbox_closed()));
        assert!(mailbox.send(int(3), None).is_err());
    }

    #[test]
    fn nested_calls_are_counted_down_again() {
        let before = NestedCall::depth();
        let held: Vec<_> = std::iter::from_fn(|| NestedCall::enter().ok()).collect();
        assert_eq!(held.len() as u32, MAX_NESTED_CALLS - before);
        assert_eq!(NestedCall::enter().err().map(|e| e.code), Some(ERR_DEPTH));
        drop(held);
        assert_eq!(NestedCall::depth(), before);
    }

    #[test]
    fn a_wait_that_cannot_end_is_known() {
        let cell = |state| Arc::new(FutureCell::new(state, FutureSize::default()));
        let me = thread::current().id();
        let other = thread::spawn(|| thread::current().id()).join().unwrap();
        let mine = cell(FutureState::Running(me));
        let theirs = cell(FutureState::Running(other));
        let open = cell(FutureState::Promise);
        let waits = |blocks: &[&Arc<FutureCell>], table: &HashMap<_, _>| {
            let blocks: Vec<_> = blocks.iter().copied().cloned().collect();
            all_wait_for(me, &blocks, table, &mut HashSet::new())
        };
        let mut table = HashMap::new();
        assert!(waits(&[&mine], &table) && !waits(&[&theirs], &table));
        table.insert(other, vec![Arc::clone(&mine)]);
        assert!(waits(&[&theirs, &mine], &table) && !waits(&[&theirs, &open], &table));
        table.insert(other, vec![Arc::clone(&mine), open]);
        assert!(!waits(&[&theirs], &table));
    }

    #[test]
    fn watchers_that_gave_up_are_forgotten() {
        let cell = Arc::new(FutureCell::new(FutureState::Promise, FutureSize::default()));
        for _ in 0..3 {
            assert!(await_future(&cell, deadline_after(0)).is_err());
        }
        assert!(lock(&cell.inner).watchers.is_empty());
        let me = thread::current().id();
        assert!(!lock(future_waits()).contains_key(&me));
    }

    #[test]
    fn helpers_are_given_back() {
        // Other tests may hold some.
        let limit = parallelism();
        let (one, two) = (ParHelpers::claim(usize::MAX), ParHelpers::claim(usize::MAX));
        assert!(one.0 + two.0 <= limit);
        drop((one, two));
        assert!(PAR_HELPERS.load(SeqCst) <= limit);
        let items: Vec<_> = (0..1_000).map(int).collect();
        let parts = par_parts(&items, <[_]>::to_vec).unwrap();
        assert_eq!((parts.len(), parts.concat()), (63, items));
    }

    #[test]
    fn copies_do_not_keep_the_seal() {
        let inner = rt_tuple_new(1);
        assert!(rt_value_hash(inner) >= 0 && !rt_tuple_set(inner, 0, int(1)));
        rt_error_clear();
        let copy = isolated_copies(&[inner, int(5), inner]).unwrap();
        assert_eq!((copy[0], copy[1]), (copy[2], int(5)));
        assert!(copy[0] != inner && rt_tuple_set(copy[0], 0, int(1)));
    }

    #[test]
    fn lanes_are_folded_four_at_a_time() {
        // Pairs instead of sums: what was combined with what.
        let lanes: Vec<f64> = (0..10).map(f64::from).collect();
        let order = Mutex::new(Vec::new());
        let last = fold_lanes(&lanes, -1.0, |a, b| {
            lock(&order).push((a, b));
            b
        });
        let order = lock(&order);
        assert_eq!(
            order[..5],
            [
                (-1.0, 0.0),
                (-1.0, 1.0),
                (-1.0, 2.0),
                (-1.0, 3.0),
                (0.0, 4.0)
            ]
        );
        assert_eq!(
            order[8..],
            [(4.0, 8.0), (5.0, 9.0), (8.0, 6.0), (9.0, 7.0), (6.0, 7.0)]
        );
        assert_eq!(last, 7.0);
        assert_eq!(true_lanes(&[0.0, -0.0, f64::NAN, 1.0, 5e-324]), 3);
    }

    #[test]
    fn cells_are_aligned() {
        let words = [0_u64; 2];
        let start = words.as_ptr().cast::<u8>();
        assert!(is_aligned_cell(start.cast::<i64>()) && !is_aligned_cell::<i64>(std::ptr::null()));
        for offset in 1..8_usize {
            let cell = start.wrapping_add(offset);
            assert_eq!(is_aligned_cell(cell.cast::<i32>()), offset % 4 == 0);
            assert!(!is_aligned_cell(cell.cast::<i64>()));
        }
    }

    #[cfg(feature = "compiler")]
    #[test]
    fn json_comes_back_as_it_was() {
        for text in [
            "null",
            "[]",
            "{}",
            "[true,false,null]",
            "{\"a\":[-1,170141183460469231731687303715884105727],\"b\":{}}",
            "[0.1,1e300,-0.0,5e-324]",
            "\"\\\"\\\\\\n\\u0001ü😀\"",
        ] {
            assert_eq!(
                Json::read(text).map(|json| json.written()).as_deref(),
                Ok(text)
            );
        }
        let json = Json::read("{\"b\":1,\"a\":\"\\ud83d\\ude00\\/\"}");
        let json = json.map(|json| json.written());
        assert_eq!(json.as_deref(), Ok("{\"a\":\"😀/\",\"b\":1}"));
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::read(&deep(JSON_MAX_DEPTH)).is_ok());
        let error = Json::read(&deep(JSON_MAX_DEPTH + 1)).map_err(|error| error.code);
        assert_eq!(error, Err("depth"));
    }

    #[cfg(feature = "compiler")]
    #[test]
    fn shared_types_are_compared_once() {
        let mut inference = Inference::default();
        let mut tower = || {
            let mut top = inference.unknown(TypeClass::Any).unwrap_or_default();
            for _ in 0..TYPE_MAX_DEPTH - 1 {
                top = inference
                    .known(TypeShape::Tuple, vec![top, top])
                    .unwrap_or_default();
            }
            top
        };
        let (first, second) = (tower(), tower());
        // As trees they have 2^99 leaves.
        assert_eq!(inference.unify(first, second), Ok(()));
        assert!(inference.steps < 2_000);
        assert_eq!(inference.find(first), inference.find(second));
        assert_eq!(inference.shown(first), "…");
        let number = inference
            .known(TypeShape::Tuple, vec![first])
            .unwrap_or_default();
        let error = inference.unify(first, number).map_err(|error| error.code);
        assert!(
            matches!(error, Err("occurs" | "depth" | "mismatch")),
            "{error:?}"
        );
    }

    #[cfg(feature = "compiler")]
    #[test]
    fn types_have_one_number_each() {
        let mut types = TypeNumbers::default();
        let int = types.import(&TypeTree::INT);
        let pair = types.number(TypeShape::Tuple, vec![int, int]);
        let function = types.number(TypeShape::Function, vec![pair, int]);
        let holder = types.number(TypeShape::Named("Vec".into()), vec![function]);
        assert_eq!(types.number(TypeShape::Tuple, vec![int, int]), pair);
        assert_eq!(types.classes[int as usize], TypeClass::Number);
        assert_eq!(types.classes[pair as usize], TypeClass::Equal);
        assert_eq!(types.classes[function as usize], TypeClass::Any);
        assert_eq!(types.classes[holder as usize], TypeClass::Any);
        assert_eq!(types.shown(holder), "Vec<fn((i64, i64)) -> i64>");
        assert_eq!(
            (variable_name(25), variable_name(26)),
            ("z".into(), "a1".into())
        );
    }

    #[test]
    fn tls_values_go_with_their_slot() {
        let slot = rt_tls_new(RuntimeValue::NIL);
        rt_tls_set(slot, RuntimeValue::from_int(1));
        assert_eq!(with_tls(|values| values.contains_key(&slot)), Some(true));
        rt_tls_free(slot);
        assert_eq!(with_tls(|values| values.contains_key(&slot)), Some(false));
    }

    #[test]
    fn waiting_writers_keep_readers_out() {
        let mut state = RwState::default();
        assert!(state.may_read() && state.may_write());
        state.writers_waiting = 1;
        assert!(!state.may_read() && state.may_write());
        let me = thread::current().id();
        state.readers.insert(me, 1);
        assert!(!state.may_write() && state.held_by(me));
    }

    #[cfg(feature = "pytorch")]
    #[test]
    fn torch_shapes_broadcast() {
        assert_eq!(torch_broadcast(&[2, 1], &[3]), Some(vec![2, 3]));
        assert_eq!(torch_broadcast(&[], &[0]), Some(vec![0]));
        assert_eq!(torch_broadcast(&[1], &[0]), Some(vec![0]));
        assert_eq!(torch_broadcast(&[2], &[3]), None);
        assert_eq!(torch_offsets(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(torch_offsets(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(torch_offsets(&[], &[]), [0]);
        assert_eq!(torch_numel(&[0, usize::MAX]), None);
        assert_eq!(torch_numel(&[0, 5]), Some(0));
    }

    #[cfg(feature = "pytorch")]
    #[test]
    fn torch_numbers_are_those_of_splitmix64() {
        // Published with the algorithm, for the seed 1234567.
        let mut rng = TorchRng(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
        assert_eq!(rng.next(), 9_817_491_932_198_370_423);
        assert!((0..1000).all(|_| rng.below(3) < 3 && rng.below(1) == 0));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.uniform())));
        assert!((0..1000).all(|_| rng.normal().is_finite()));
    }

    #[cfg(feature = "pytorch")]
    #[test]
    fn torch_tensors_go_with_the_last_that_needs_them() {
        let tensor =
            |value| TorchTensor::of_array(TorchArray::new(vec![], TORCH_F64, vec![value]), None);
        let leaf = tensor(2.0);
        leaf.wants_grad.store(true, SeqCst);
        let square = torch_apply(TorchOp::Binary(TorchBinary::Mul), &[&leaf, &leaf]);
        assert_eq!(Arc::strong_count(&leaf), 3);
        let square = square.expect("a result");
        let kept = Arc::downgrade(&square);
        let sum = torch_apply(TorchOp::Sum, &[&square]);
        drop(square);
        assert!(kept.upgrade().is_some());
        drop(sum);
        assert!(kept.upgrade().is_none());
        assert_eq!(Arc::strong_count(&leaf), 1);
        // Without a gradient to pass on, nothing is kept.
        let plain = tensor(1.0);
        let result = torch_apply(TorchOp::Sum, &[&plain]);
        assert!(result.is_some_and(|result| result.origin.is_none()));
    }

    #[cfg(not(feature = "pytorch"))]
    #[test]
    fn torch_twins_say_not_available() {
        assert_eq!(rt_torch_tensor_sum(1), TORCH_NO_HANDLE);
        assert_eq!(rt_torch_tensor_numel(1), TORCH_NO_COUNT);
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no processes")]
    fn ended_children_are_reaped_when_another_one_starts() {
        let first = ChildProcess::start(&mut Command::new("true")).expect("a process");
        let known = || lock(&UNREAPED).iter().any(|other| other.id == first.id);
        assert!(known());
        for _ in 0..500 {
            thread::sleep(Duration::from_millis(10));
            let next = ChildProcess::start(&mut Command::new("true")).expect("a process");
            assert!(next.wait_until(None).is_ok());
            if !known() {
                return;
            }
        }
        panic!("the first child was not reaped");
    }
}
