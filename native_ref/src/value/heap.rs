//! Heap objects and the handle tables that own them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::core::RuntimeValue;

/// Locks a mutex whether or not an earlier holder panicked; the data behind
/// every mutex of this library is valid between any two statements.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// ---------------------------------------------------------------------------
// Handle tables
// ---------------------------------------------------------------------------

// A handle is 60 bits: 10 bits table, 22 bits generation, 28 bits slot.
const SLOT_BITS: u32 = 28;
const GENERATION_BITS: u32 = 22;
const TABLE_BITS: u32 = 10;
const SLOT_LIMIT: usize = 1 << SLOT_BITS;
const GENERATION_LIMIT: u32 = (1 << GENERATION_BITS) - 1;
const TABLE_LIMIT: u64 = (1 << TABLE_BITS) - 1;

static NEXT_TABLE: AtomicU64 = AtomicU64::new(1);

/// A thread-safe table of shared objects that are named by handles.
///
/// A handle holds the slot, the generation of that slot, and a number of the
/// table, so that a handle that was removed, or that comes from another table,
/// is recognised. Handles are positive and fit into 60 bits.
pub struct HandleTable<T> {
    slots: Mutex<Slots<T>>,
}

struct Slots<T> {
    table: u64,
    entries: Vec<Slot<T>>,
    free: Vec<u32>,
    live: usize,
}

struct Slot<T> {
    generation: u32,
    object: Option<Arc<T>>,
}

impl<T> Slots<T> {
    fn locate(&self, handle: i64) -> Option<usize> {
        if handle <= 0 {
            return None;
        }
        let handle = handle as u64;
        let slot = (handle & (SLOT_LIMIT as u64 - 1)) as usize;
        let generation = (handle >> SLOT_BITS) & u64::from(GENERATION_LIMIT);
        let table = handle >> (SLOT_BITS + GENERATION_BITS);
        let entry = self.entries.get(slot)?;
        (table == self.table && generation == u64::from(entry.generation)).then_some(slot)
    }
}

impl<T> HandleTable<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self {
            slots: Mutex::new(Slots {
                table: 0,
                entries: Vec::new(),
                free: Vec::new(),
                live: 0,
            }),
        }
    }

    /// Stores an object and returns its handle, which is positive; -1 if all
    /// slots (2^28) are taken.
    pub fn insert(&self, object: T) -> i64 {
        let mut slots = lock(&self.slots);
        if slots.table == 0 {
            // Past the limit tables share a number: handles stay valid, only
            // a mix-up between those tables is no longer noticed.
            slots.table = NEXT_TABLE.fetch_add(1, Ordering::Relaxed).min(TABLE_LIMIT);
        }
        let index = match slots.free.pop() {
            Some(index) => index as usize,
            None if slots.entries.len() < SLOT_LIMIT => {
                slots.entries.push(Slot {
                    generation: 1,
                    object: None,
                });
                slots.entries.len() - 1
            }
            None => return -1,
        };
        slots.live += 1;
        slots.entries[index].object = Some(Arc::new(object));
        let generation = u64::from(slots.entries[index].generation);
        let handle = (slots.table << (SLOT_BITS + GENERATION_BITS))
            | (generation << SLOT_BITS)
            | index as u64;
        handle as i64
    }

    /// The object with this handle; `None` for a stale or foreign handle.
    pub fn get(&self, handle: i64) -> Option<Arc<T>> {
        let slots = lock(&self.slots);
        let slot = slots.locate(handle)?;
        slots.entries[slot].object.clone()
    }

    /// Takes the object out; its handle is stale from then on.
    pub fn remove(&self, handle: i64) -> Option<Arc<T>> {
        let mut slots = lock(&self.slots);
        let slot = slots.locate(handle)?;
        let object = slots.entries[slot].object.take()?;
        slots.live -= 1;
        // A slot that used up its generations is retired, never reused.
        if slots.entries[slot].generation < GENERATION_LIMIT {
            slots.entries[slot].generation += 1;
            slots.free.push(slot as u32);
        }
        Some(object)
    }

    /// Number of live objects.
    pub fn len(&self) -> usize {
        lock(&self.slots).live
    }

    /// Whether no object is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for HandleTable<T> {
    fn default() -> Self {
        Self::new()
    }
}

// ---------------------------------------------------------------------------
// Boxed numbers
// ---------------------------------------------------------------------------

/// A number that has no room beside the tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Wide {
    Int(i64),
    Float(u64),
}

static WIDE: HandleTable<Wide> = HandleTable::new();

fn wide_index() -> &'static Mutex<HashMap<Wide, i64>> {
    static INDEX: OnceLock<Mutex<HashMap<Wide, i64>>> = OnceLock::new();
    INDEX.get_or_init(Mutex::default)
}

/// The handle of the one box of this number.
pub(crate) fn intern_wide(number: Wide) -> i64 {
    let mut index = lock(wide_index());
    if let Some(&handle) = index.get(&number) {
        return handle;
    }
    let handle = WIDE.insert(number);
    if handle > 0 {
        index.insert(number, handle);
    }
    handle
}

/// The number in the box with this handle.
pub(crate) fn wide(handle: i64) -> Option<Wide> {
    WIDE.get(handle).map(|number| *number)
}

// ---------------------------------------------------------------------------
// Heap objects
// ---------------------------------------------------------------------------

/// What a heap object is; the numbers are part of the C interface.
#[repr(i64)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HeapKind {
    String = 1,
    Array = 2,
    Tuple = 3,
    Dict = 4,
    Object = 5,
    Closure = 6,
    Enum = 7,
    Unique = 8,
    Pointer = 9,
}

/// What every heap object begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeapHeader {
    /// Kind of the object.
    pub kind: HeapKind,
    /// Number of the allocation, counted from 1 over the whole process.
    pub serial: u64,
}

/// The part of a heap object that depends on its kind.
pub enum HeapBody {
    /// Immutable UTF-8 text.
    Text(Box<str>),
    /// Growable list of values.
    Items(Mutex<Vec<RuntimeValue>>),
    /// An address outside the heap.
    Address(usize),
    /// A structure that only the functions of its domain look into.
    Native(Box<dyn Any + Send + Sync>),
}

/// A heap object: header and body.
pub struct HeapObject {
    header: HeapHeader,
    body: HeapBody,
}

impl HeapObject {
    /// The header.
    pub fn header(&self) -> HeapHeader {
        self.header
    }

    /// The kind, from the header.
    pub fn kind(&self) -> HeapKind {
        self.header.kind
    }

    /// The body.
    pub fn body(&self) -> &HeapBody {
        &self.body
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            HeapBody::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The structure of a domain, if it has this type.
    pub fn native<T: 'static>(&self) -> Option<&T> {
        match &self.body {
            HeapBody::Native(object) => object.downcast_ref(),
            _ => None,
        }
    }
}

static HEAP: HandleTable<HeapObject> = HandleTable::new();
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// Allocates a heap object; nil if the heap is full.
pub fn heap_insert(kind: HeapKind, body: HeapBody) -> RuntimeValue {
    let header = HeapHeader {
        kind,
        serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
    };
    RuntimeValue::from_handle(HEAP.insert(HeapObject { header, body }))
}

/// The live object a value refers to.
pub fn heap_get(value: RuntimeValue) -> Option<Arc<HeapObject>> {
    HEAP.get(value.as_handle()?)
}

/// Frees the object a value refers to; the value is stale from then on.
pub fn heap_remove(value: RuntimeValue) -> Option<Arc<HeapObject>> {
    HEAP.remove(value.as_handle()?)
}

/// Number of live heap objects.
pub fn heap_live() -> usize {
    HEAP.len()
}

/// A new heap string.
pub fn string_value(text: &str) -> RuntimeValue {
    heap_insert(HeapKind::String, HeapBody::Text(text.into()))
}

/// The bytes of a heap string.
pub fn string_bytes(value: RuntimeValue) -> Option<Vec<u8>> {
    Some(heap_get(value)?.text()?.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_know_their_generation_and_table() {
        let table = HandleTable::new();
        let other = HandleTable::new();
        let first = table.insert(1);
        let foreign = other.insert(1);
        assert!(first > 0 && foreign > 0 && first != foreign);
        assert!(table.get(foreign).is_none());
        assert_eq!(table.remove(first).as_deref(), Some(&1));
        assert!(table.remove(first).is_none());
        let second = table.insert(2);
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).as_deref(), Some(&2));
        assert_eq!((table.len(), other.is_empty()), (1, false));
        for bad in [0, -1, i64::MIN, i64::MAX, first + 1] {
            assert!(table.get(bad).is_none());
        }
    }

    #[test]
    fn wide_numbers_are_interned() {
        let first = intern_wide(Wide::Int(i64::MAX));
        assert_eq!(first, intern_wide(Wide::Int(i64::MAX)));
        assert_ne!(first, intern_wide(Wide::Float(i64::MAX as u64)));
        assert_eq!(wide(first), Some(Wide::Int(i64::MAX)));
    }

    #[test]
    fn strings_live_on_the_heap() {
        let value = string_value("grüße");
        assert_eq!(string_bytes(value).as_deref(), Some("grüße".as_bytes()));
        assert_eq!(heap_remove(value).map(|o| o.kind()), Some(HeapKind::String));
        assert!(string_bytes(value).is_none() && heap_remove(value).is_none());
        assert!(string_bytes(RuntimeValue::NIL).is_none());
    }
}
