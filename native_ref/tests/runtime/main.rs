//! Integration tests of the exported functions, a module for each domain.

mod arrays;
mod capture;
mod contracts;
mod dicts;
mod equality;
mod errors;
mod interp;
mod memory;
mod objects;
mod print;
mod stdin_mock;
mod strings;
mod support;
mod tuples;
mod value_ops;
mod vectors;
