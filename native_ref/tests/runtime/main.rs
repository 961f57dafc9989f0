//! Integration tests of the exported functions, a module for each domain.

mod actors;
mod aop;
mod args;
mod arrays;
mod async_file;
mod base64;
mod capture;
mod channels;
mod compiler;
mod concurrent;
mod contracts;
mod coverage;
mod datetime;
mod dicts;
mod doctest;
mod env;
mod equality;
mod errors;
mod executor;
mod file_io;
mod filesystem;
mod futures;
mod generators;
mod gpu_atomic;
mod hash;
mod interp;
mod math;
mod memory;
mod net_http;
mod net_tcp;
mod net_udp;
mod objects;
mod par;
mod path;
mod print;
mod process;
mod search;
mod simd;
mod stdin_mock;
mod strings;
mod support;
mod sync;
mod threads;
mod torch;
#[cfg(feature = "pytorch")]
mod torch_autograd;
#[cfg(feature = "pytorch")]
mod torch_export;
#[cfg(feature = "pytorch")]
mod torch_learning;
#[cfg(feature = "pytorch")]
mod torch_sharing;
#[cfg(feature = "pytorch")]
mod torch_support;
mod tuples;
mod value_ops;
mod vectors;
