//! Values, the heap behind them, and the functions exported to C.

pub mod core;
pub mod ffi;
pub mod heap;

pub use self::core::RuntimeValue;
pub use self::ffi::*;
pub use self::heap::{string_bytes, string_value, HandleTable, HeapHeader, HeapKind};
