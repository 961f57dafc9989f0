//! TCP over the loopback interface.

use std::ptr::{null, null_mut};
use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;

use crate::support::*;

pub fn bind(address: &str) -> (i64, i64) {
    let mut port = -1;
    let handle = unsafe { native_tcp_bind(address.as_ptr(), len(address), &mut port) };
    (handle, port)
}

fn connect(address: &str) -> i64 {
    unsafe { native_tcp_connect_timeout(address.as_ptr(), len(address), 5_000) }
}

fn accept(listener: i64) -> i64 {
    unsafe { native_tcp_accept(listener, null_mut(), 0, null_mut()) }
}

/// Both ends of a connection; the listener is closed.
fn pair() -> (i64, i64) {
    let (listener, port) = bind("127.0.0.1:0");
    assert!(listener > 0 && port > 0);
    let client = connect(&format!("127.0.0.1:{port}"));
    let server = accept(listener);
    assert!(client > 0 && server > 0);
    assert_eq!(native_tcp_close(listener), 0);
    (client, server)
}

fn write(handle: i64, data: &[u8]) -> i64 {
    unsafe { native_tcp_write(handle, data.as_ptr(), len(data)) }
}

fn read_up_to(handle: i64, cap: usize) -> Result<Vec<u8>, i64> {
    let mut buffer = vec![0; cap];
    match unsafe { native_tcp_read(handle, buffer.as_mut_ptr(), len(&buffer)) } {
        error if error < 0 => Err(error),
        count => {
            buffer.truncate(count as usize);
            Ok(buffer)
        }
    }
}

fn peek_up_to(handle: i64, cap: usize) -> Result<Vec<u8>, i64> {
    let mut buffer = vec![0; cap];
    match unsafe { native_tcp_peek(handle, buffer.as_mut_ptr(), len(&buffer)) } {
        error if error < 0 => Err(error),
        count => {
            buffer.truncate(count as usize);
            Ok(buffer)
        }
    }
}

fn last_message() -> String {
    text_of(|out, cap| unsafe { rt_error_last_message(out, cap) }).expect("a message")
}

#[test]
fn an_echo_comes_back_in_pieces() {
    let (listener, port) = bind("127.0.0.1:0");
    let server = thread::spawn(move || {
        let (mut peer, mut peer_len) = ([0; 64], 0);
        let handle = unsafe { native_tcp_accept(listener, peer.as_mut_ptr(), 64, &mut peer_len) };
        let peer = String::from_utf8(peer[..peer_len as usize].to_vec()).expect("text");
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");
        loop {
            let data = read_up_to(handle, 5).expect("data");
            if data.is_empty() {
                break;
            }
            assert_eq!(write(handle, &data), len(&data));
        }
        assert_eq!(native_tcp_close(handle), 0);
    });
    let client = connect(&format!("localhost:{port}"));
    assert!(client > 0, "{}", last_message());
    assert_eq!(write(client, b"hello, "), 7);
    assert_eq!(write(client, b"network"), 7);
    assert_eq!(write(client, b""), 0);
    assert_eq!(native_tcp_flush(client), 0);
    assert_eq!(native_tcp_shutdown(client, 1), 0);
    let mut all = Vec::new();
    loop {
        let piece = read_up_to(client, 3).expect("data");
        if piece.is_empty() {
            break;
        }
        assert!(piece.len() <= 3);
        all.extend(piece);
    }
    assert_eq!(all, b"hello, network");
    server.join().expect("the server ends");
    assert_eq!(native_tcp_close(client), 0);
    assert_eq!(native_tcp_close(listener), 0);
}

#[test]
fn peeking_leaves_the_bytes() {
    let (client, server) = pair();
    assert_eq!(write(client, b"abc"), 3);
    assert_eq!(peek_up_to(server, 2), Ok(b"ab".to_vec()));
    assert_eq!(peek_up_to(server, 2), Ok(b"ab".to_vec()));
    assert_eq!(read_up_to(server, 0), Ok(Vec::new()));
    assert_eq!(read_up_to(server, 10), Ok(b"abc".to_vec()));
    native_tcp_close(client);
    assert_eq!(peek_up_to(server, 2), Ok(Vec::new()));
    assert_eq!(read_up_to(server, 2), Ok(Vec::new()));
    native_tcp_close(server);
}

#[test]
fn nothing_waits_longer_than_asked() {
    let (client, server) = pair();
    let (listener, _) = bind("127.0.0.1:0");
    assert_eq!(native_tcp_set_read_timeout(client, 60), 0);
    assert_eq!(native_tcp_set_read_timeout(listener, 60), 0);
    let waits: [&dyn Fn() -> i64; 3] = [
        &|| read_up_to(client, 1).unwrap_err(),
        &|| peek_up_to(client, 1).unwrap_err(),
        &|| accept(listener),
    ];
    for wait in waits {
        let begun = Instant::now();
        assert_eq!(wait(), -2);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert!(rt_error_has() && last_message().contains("time"));
    // Not to wait at all is possible too.
    assert_eq!(native_tcp_set_read_timeout(client, 0), 0);
    let begun = Instant::now();
    assert_eq!(read_up_to(client, 1), Err(-2));
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert_eq!(write(server, b"x"), 1);
    let begun = Instant::now();
    while read_up_to(client, 1) != Ok(b"x".to_vec()) {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    // Nobody reads: at some time no more bytes are taken, and the rest is told by the count.
    assert_eq!(native_tcp_set_write_timeout(client, 50), 0);
    let data = vec![7; 1 << 20];
    let mut calls = 0;
    let last = loop {
        let sent = write(client, &data);
        calls += 1;
        assert!(calls < 1000);
        if sent < len(&data) {
            break sent;
        }
    };
    assert!(last == -2 || last > 0);
    assert_eq!(write(client, &data), -2);
    for timeout in [-1, 3_600_001, i64::MIN, i64::MAX, 1 << 40] {
        assert_eq!(native_tcp_set_read_timeout(client, timeout), -1);
        assert_eq!(native_tcp_set_write_timeout(client, timeout), -1);
    }
    for handle in [client, server, listener] {
        assert_eq!(native_tcp_close(handle), 0);
    }
    rt_error_clear();
}

#[test]
fn a_close_ends_every_wait() {
    let (client, server) = pair();
    let (listener, _) = bind("127.0.0.1:0");
    let reader = thread::spawn(move || read_up_to(client, 1));
    let acceptor = thread::spawn(move || accept(listener));
    thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    assert_eq!(
        (native_tcp_close(client), native_tcp_close(listener)),
        (0, 0)
    );
    let read = reader.join().expect("a result");
    assert!(matches!(read, Ok(ref end) if end.is_empty()) || matches!(read, Err(-4 | -1)));
    assert!(matches!(acceptor.join(), Ok(-4 | -1)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    native_tcp_close(server);
}

#[test]
fn a_connection_that_is_gone_is_told() {
    let (client, server) = pair();
    assert_eq!(native_tcp_shutdown(client, 1), 0);
    assert_eq!(write(client, b"x"), -4);
    assert_eq!(read_up_to(server, 1), Ok(Vec::new()));
    assert_eq!(native_tcp_shutdown(client, 0), 0);
    assert_eq!(read_up_to(client, 1), Ok(Vec::new()));
    for direction in [-1, 3, i64::MIN, i64::MAX] {
        assert_eq!(native_tcp_shutdown(client, direction), -1);
    }
    native_tcp_close(client);
    // The first bytes may still be taken; then the other side says that it is gone.
    let begun = Instant::now();
    while write(server, b"x") != -4 {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert!(native_tcp_flush(server) < 0 || native_tcp_shutdown(server, 2) <= 0);
    native_tcp_close(server);
    rt_error_clear();
}

#[test]
fn nobody_listens_at_a_closed_port() {
    let (listener, port) = bind("127.0.0.1:0");
    assert_eq!(bind(&format!("127.0.0.1:{port}")).0, -5);
    assert_eq!(take_error(), 8);
    assert_eq!(native_tcp_close(listener), 0);
    let address = format!("127.0.0.1:{port}");
    assert_eq!(connect(&address), -3);
    assert!(last_message().to_lowercase().contains("refused"));
    assert_eq!(
        unsafe { native_tcp_connect(address.as_ptr(), len(&address)) },
        -3
    );
    // An address of documentation, which no interface has.
    assert_eq!(bind("192.0.2.1:0").0, -5);
    rt_error_clear();
}

#[test]
fn options_are_kept() {
    let (client, server) = pair();
    assert_eq!(native_tcp_get_nodelay(client), 0);
    assert_eq!(native_tcp_flush(client), 0);
    assert_eq!(native_tcp_get_nodelay(client), 0);
    assert_eq!(native_tcp_set_nodelay(client, true), 0);
    assert_eq!(native_tcp_get_nodelay(client), 1);
    assert_eq!(native_tcp_flush(client), 0);
    assert_eq!(native_tcp_get_nodelay(client), 1);
    assert_eq!(native_tcp_set_nodelay(client, false), 0);
    assert_eq!(native_tcp_get_nodelay(client), 0);
    let supported = if cfg!(unix) { 0 } else { -6 };
    assert_eq!(native_tcp_set_keepalive(client, true, 0), supported);
    assert_eq!(native_tcp_set_keepalive(client, false, 5), supported);
    if cfg!(any(target_os = "linux", target_os = "macos")) {
        assert_eq!(native_tcp_set_keepalive(client, true, 32_767), 0);
    }
    for seconds in [-1, 32_768, i64::MIN, i64::MAX] {
        assert_eq!(native_tcp_set_keepalive(client, true, seconds), -1);
    }
    let (listener, port) = bind("127.0.0.1:0");
    assert_eq!(native_tcp_set_backlog(listener, 1), supported);
    assert_eq!(native_tcp_set_backlog(listener, 65_535), supported);
    for backlog in [0, -1, 65_536, i64::MIN, i64::MAX] {
        assert_eq!(native_tcp_set_backlog(listener, backlog), -1);
    }
    // It listens as before.
    let late = connect(&format!("127.0.0.1:{port}"));
    let accepted = accept(listener);
    assert!(late > 0 && accepted > 0);
    for handle in [client, server, listener, late, accepted] {
        assert_eq!(native_tcp_close(handle), 0);
    }
}

#[test]
fn a_listener_is_no_connection() {
    let (client, server) = pair();
    let (listener, _) = bind("127.0.0.1:0");
    assert_eq!(accept(client), -1);
    assert_eq!(native_tcp_set_backlog(client, 5), -1);
    assert_eq!(read_up_to(listener, 1), Err(-1));
    assert_eq!(write(listener, b"x"), -1);
    assert_eq!(native_tcp_flush(listener), -1);
    assert_eq!(native_tcp_shutdown(listener, 2), -1);
    assert_eq!(native_tcp_get_nodelay(listener), -1);
    assert_eq!(take_error(), 11);
    for handle in [client, server, listener] {
        assert_eq!(native_tcp_close(handle), 0);
    }
}

#[test]
fn ipv6_works_where_there_is_any() {
    let (listener, port) = bind("[::1]:0");
    if listener < 0 {
        assert!(matches!(listener, -5 | -7), "{listener}");
        return;
    }
    let client = connect(&format!("[::1]:{port}"));
    let (mut peer, mut peer_len) = ([0; 4], 0);
    let server = unsafe { native_tcp_accept(listener, peer.as_mut_ptr(), 4, &mut peer_len) };
    assert_eq!(&peer, b"[::1");
    assert!(peer_len > 6);
    assert_eq!(write(client, b"six"), 3);
    assert_eq!(read_up_to(server, 9), Ok(b"six".to_vec()));
    for handle in [client, server, listener] {
        assert_eq!(native_tcp_close(handle), 0);
    }
}

#[test]
fn bad_arguments_are_errors() {
    let (client, server) = pair();
    assert_eq!(native_tcp_close(server), 0);
    for bad in BAD_HANDLES.into_iter().chain([server]) {
        assert_eq!(accept(bad), -1);
        assert_eq!(read_up_to(bad, 1), Err(-1));
        assert_eq!(peek_up_to(bad, 1), Err(-1));
        assert_eq!(write(bad, b"x"), -1);
        assert_eq!(native_tcp_flush(bad), -1);
        assert_eq!(native_tcp_shutdown(bad, 2), -1);
        assert_eq!(native_tcp_close(bad), -1);
        assert_eq!(native_tcp_set_nodelay(bad, true), -1);
        assert_eq!(native_tcp_get_nodelay(bad), -1);
        assert_eq!(native_tcp_set_keepalive(bad, true, 1), -1);
        assert_eq!(native_tcp_set_backlog(bad, 1), -1);
        assert_eq!(native_tcp_set_read_timeout(bad, 1), -1);
        assert_eq!(native_tcp_set_write_timeout(bad, 1), -1);
    }
    unsafe {
        for length in [1, -1, i64::MIN, i64::MAX] {
            assert_eq!(native_tcp_bind(null(), length, null_mut()), -1);
            assert_eq!(native_tcp_connect(null(), length), -1);
            assert_eq!(native_tcp_read(client, null_mut(), length), -1);
            assert_eq!(native_tcp_peek(client, null_mut(), length), -1);
            assert_eq!(native_tcp_write(client, null(), length), -1);
        }
        assert_eq!(native_tcp_write(client, b"x".as_ptr(), i64::MAX), -1);
        assert_eq!(native_tcp_read(client, null_mut(), 0), 0);
        assert_eq!(native_tcp_connect([0xff, b':', b'1'].as_ptr(), 3), -1);
        let address = "127.0.0.1:1";
        for timeout in [0, -1, 3_600_001, i64::MIN, i64::MAX] {
            let (text, n) = (address.as_ptr(), len(address));
            assert_eq!(native_tcp_connect_timeout(text, n, timeout), -1);
        }
        let (listener, _) = bind("127.0.0.1:0");
        assert_eq!(native_tcp_accept(listener, null_mut(), 1, null_mut()), -1);
        assert_eq!(native_tcp_accept(listener, null_mut(), -1, null_mut()), -1);
        native_tcp_close(listener);
    }
    for address in [
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:99999",
        ":1",
        "a b:1",
    ] {
        assert_eq!(bind(address), (-1, -1));
        assert_eq!(connect(address), -1);
    }
    assert_eq!(take_error(), 11);
    native_tcp_close(client);
}
