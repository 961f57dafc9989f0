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
//!   and most functions also record it for [`rt_error_last_code`].
//!
//! New functions go to the section they belong to. (They mostly do.)

use std::alloc::{self, Layout};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering as Cmp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write as _};
use std::sync::{
    atomic::{
        AtomicBool, AtomicU64, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
    Arc, Mutex, OnceLock,
};

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

/// The bytes at a pointer; `None` for a length that is negative or too large,
/// or for null with bytes.
///
/// # Safety
/// `ptr` is null or valid for reads of `len` bytes.
unsafe fn bytes_from_raw<'a>(ptr: *const u8, len: i64) -> Option<&'a [u8]> {
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
        for key in 0..10_000 {
            let hash = hash_mix(1, key as u64);
            assert!(table.insert(hash, int(key), int(0)).is_ok());
            assert!(table.remove(hash, int(key)).is_some());
        }
        assert_eq!(table.index.len(), DICT_MIN_INDEX);
        assert!(table.entries.len() <= DICT_MIN_INDEX);
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
        for _ in 0..50_000 {
            (left, right) = (array(&[left]), array(&[right]));
        }
        assert!(values_equal(left, right));
        assert_eq!(render(left).len(), 100_000 + 3);
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
        let deep = "(".repeat(5000);
        assert_eq!(evaluate(&deep).map_err(|e| e.code), Err(ERR_DEPTH));
        let signs = "-".repeat(5000) + "1";
        assert_eq!(evaluate(&signs).map_err(|e| e.code), Err(ERR_DEPTH));
        let long = "1".to_owned() + &" + 1".repeat(20_000);
        assert_eq!(evaluate(&long), Ok(int(20_001)));
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
}
