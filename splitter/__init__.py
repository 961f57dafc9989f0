"""Splits a monolithic Rust FFI file into domain modules and proves that nothing changed but the place."""
