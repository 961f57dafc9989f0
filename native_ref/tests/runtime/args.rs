//! Arguments of the program.

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn arguments_are_kept_as_copies() {
    let _process = process_lock();
    rt_clear_args();
    assert_eq!((rt_get_argc(), rt_array_len(rt_get_args())), (0, 0));
    let first = text("grüße");
    assert!(rt_set_args(array(&[first, text("")])));
    assert!(rt_heap_free(first));
    let args = rt_get_args();
    assert_eq!((rt_get_argc(), rt_array_len(args)), (2, 2));
    assert_eq!(read(rt_array_get(args, 0)), "grüße");
    assert_eq!(read(rt_array_get(args, 1)), "");
    rt_array_clear(args);
    assert_eq!(rt_get_argc(), 2);
    for bad in strangers() {
        assert!(!rt_set_args(bad));
        assert!(!rt_set_args(array(&[text("a"), bad])));
        assert_eq!(rt_get_argc(), 2);
    }
    assert_eq!((rt_clear_args(), rt_clear_args(), rt_get_argc()), (2, 0, 0));
}
