"""Traits of the standard library that code uses through their methods alone.

Source: the standard library's documentation; only traits outside the prelude.
"""

KNOWN_TRAITS: dict[str, frozenset[str]] = {
    name: frozenset(methods.split())
    for name, methods in {
        "Write": "write write_all write_fmt write_str write_char write_vectored flush by_ref",
        "Read": "read read_exact read_to_end read_to_string bytes chain take by_ref read_vectored",
        "BufRead": "read_line lines split fill_buf consume read_until",
        "Seek": "seek rewind stream_position seek_relative",
        "FromStr": "from_str Err",
        "Hash": "hash hash_slice",
        "Hasher": "finish write write_u8 write_u16 write_u32 write_u64 write_usize write_i64 write_i32 write_u128",
        "BuildHasher": "build_hasher hash_one Hasher",
        "Borrow": "borrow",
        "BorrowMut": "borrow_mut",
        "Any": "type_id",
        "Error": "source description cause",
        "ToSocketAddrs": "to_socket_addrs",
        "AsRawFd": "as_raw_fd",
        "FromRawFd": "from_raw_fd",
        "IntoRawFd": "into_raw_fd",
        "AsFd": "as_fd",
        "OsStrExt": "as_bytes from_bytes",
        "OsStringExt": "into_vec from_vec",
        "PermissionsExt": "mode set_mode from_mode",
        "MetadataExt": "mode uid gid ino dev size atime mtime ctime nlink",
        "OpenOptionsExt": "mode custom_flags",
        "CommandExt": "exec pre_exec uid gid arg0",
        "ExitStatusExt": "signal from_raw core_dumped",
        "Deref": "deref",
        "DerefMut": "deref_mut",
        "Index": "index",
        "IndexMut": "index_mut",
        "Add": "add",
        "Sub": "sub",
        "Mul": "mul",
        "Div": "div",
        "Rem": "rem",
        "Neg": "neg",
        "Not": "not",
        "Future": "poll",
        "Pattern": "is_match",
        "Debug": "",
        "Display": "",
    }.items()
}
