//! Integration tests of the exported functions, a module for each domain.

mod arrays;
mod base64;
mod capture;
mod channels;
mod concurrent;
mod contracts;
mod datetime;
mod dicts;
mod env;
mod equality;
mod errors;
mod hash;
mod interp;
mod math;
mod memory;
mod objects;
mod print;
mod stdin_mock;
mod strings;
mod support;
mod sync;
mod threads;
mod torch;
mod tuples;
mod value_ops;
mod vectors;
