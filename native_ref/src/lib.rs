//! Runtime library of a small dynamic language.
//!
//! Compiled programs link against the `rt_*` functions of [`value::ffi`].
//! Values cross the boundary as [`RuntimeValue`], one tagged 64-bit word;
//! everything that does not fit into a word lives behind a handle that carries
//! a generation, so that a stale or foreign handle is recognised.
//!
//! No function unwinds into its caller: bad input gives the error value that
//! the function documents.

// The exported names follow the C interface, which also has short pairs such
// as `rt_array_new`/`rt_array_len` without an `is_empty` beside them.
#![allow(clippy::len_without_is_empty)]

pub mod value;

pub use value::RuntimeValue;
