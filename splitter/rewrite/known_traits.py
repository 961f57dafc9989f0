"""Traits of the standard library that code uses through their methods alone.

Source: the standard library's documentation.
"""


def _methods(table: dict[str, str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(methods.split()) for name, methods in table.items()}


#: Traits outside the prelude, which have to be imported.
KNOWN_TRAITS = _methods(
    {
        "Write": "writeln write write_all write_fmt write_str write_char write_vectored flush by_ref",
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
        "IsTerminal": "is_terminal",
        "ToSocketAddrs": "to_socket_addrs",
        "AsRawFd": "as_raw_fd",
        "FromRawFd": "from_raw_fd",
        "IntoRawFd": "into_raw_fd",
        "AsFd": "as_fd",
        "AsRawHandle": "as_raw_handle",
        "FromRawHandle": "from_raw_handle",
        "IntoRawHandle": "into_raw_handle",
        "AsRawSocket": "as_raw_socket",
        "FromRawSocket": "from_raw_socket",
        "IntoRawSocket": "into_raw_socket",
        "FileExt": "read_at read_exact_at write_at write_all_at seek_read seek_write",
        "DirEntryExt": "ino",
        "FileTypeExt": "is_block_device is_char_device is_fifo is_socket is_symlink_dir is_symlink_file",
        "OsStrExt": "as_bytes from_bytes encode_wide",
        "OsStringExt": "into_vec from_vec from_wide",
        "PermissionsExt": "mode set_mode from_mode",
        "MetadataExt": "mode uid gid ino dev size atime mtime ctime nlink"
        " file_attributes file_size creation_time last_write_time",
        "OpenOptionsExt": "mode custom_flags access_mode share_mode attributes security_qos_flags",
        "CommandExt": "exec pre_exec uid gid arg0 groups process_group creation_flags raw_arg",
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
    }
)

#: Traits of the prelude, which are in scope for every type without an import.
PRELUDE_TRAITS = _methods(
    {
        "Clone": "clone clone_from",
        "ToOwned": "to_owned",
        "ToString": "to_string",
        "Into": "into",
        "TryInto": "try_into",
        "AsRef": "as_ref",
        "AsMut": "as_mut",
        "PartialEq": "eq ne",
        "PartialOrd": "partial_cmp lt le gt ge",
        "Ord": "cmp max min clamp",
        "Default": "default",
        "Iterator": "next",
        "IntoIterator": "into_iter",
    }
)
