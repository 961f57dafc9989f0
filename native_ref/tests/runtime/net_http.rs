//! The HTTP client, against servers of the tests' own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

/// Serves one connection: reads a request of `expected` bytes of body, runs the script, and gives
/// the request.
fn serve(
    expected: usize,
    script: impl FnOnce(&mut std::net::TcpStream) + Send + 'static,
) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_write_timeout(limit).expect("a timeout");
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte).expect("a request") == 0 {
                break;
            }
            request.push(byte[0]);
        }
        let mut body = vec![0; expected];
        stream.read_exact(&mut body).expect("a body");
        request.extend(body);
        script(&mut stream);
        String::from_utf8(request).expect("text")
    });
    (format!("http://{address}"), server)
}

/// A server that gives one response, as it stands, and closes the connection.
fn respond(expected: usize, response: impl Into<Vec<u8>>) -> (String, JoinHandle<String>) {
    let response = response.into();
    serve(expected, move |stream| {
        // The client may have seen enough already.
        let _ = stream.write_all(&response);
    })
}

fn send(method: &str, url: &str, headers: &str, body: &[u8], timeout_ms: i64) -> RuntimeValue {
    unsafe {
        native_http_send(
            method.as_ptr(),
            len(method),
            url.as_ptr(),
            len(url),
            headers.as_ptr(),
            len(headers),
            body.as_ptr(),
            len(body),
            timeout_ms,
        )
    }
}

fn get(url: &str) -> RuntimeValue {
    send("GET", url, "", b"", 10_000)
}

/// The number of the error, with a message recorded.
fn error_of(outcome: RuntimeValue) -> i64 {
    assert!(rt_value_is_int(outcome), "{}", show(outcome));
    assert!(matches!(take_error(), 8 | 11));
    rt_value_as_int(outcome)
}

fn parts(response: RuntimeValue) -> (i64, RuntimeValue, RuntimeValue) {
    assert_eq!(rt_tuple_len(response), 3, "{}", show(response));
    let part = |index| rt_tuple_get(response, index);
    (rt_value_as_int(part(0)), part(1), part(2))
}

fn header(headers: RuntimeValue, name: &str) -> Option<String> {
    let name = text(name);
    rt_dict_contains(headers, name).then(|| read(rt_dict_get(headers, name)))
}

#[test]
fn a_response_with_a_length() {
    let (url, server) = respond(
        0,
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: 1\r\nx-a: 2\r\n\r\ngrüßt",
    );
    // The body is cut in a character: bytes that are no text come as an array.
    let (status, headers, body) = parts(get(&format!("{url}/path?q=1#part")));
    assert_eq!(status, 200);
    assert_eq!(header(headers, "content-length").as_deref(), Some("6"));
    assert_eq!(header(headers, "x-a").as_deref(), Some("1, 2"));
    assert_eq!(header(headers, "X-A"), None);
    assert_eq!(show(body), "grüß");
    let host = url.strip_prefix("http://").expect("a host");
    assert_eq!(
        server.join().expect("a request"),
        format!("GET /path?q=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    );
}

#[test]
fn bytes_that_are_no_text_come_as_an_array() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\x00\x80";
    let (url, server) = respond(0, response.to_vec());
    let (_, _, body) = parts(get(&url));
    assert!(rt_value_eq(body, array(&[int(255), int(0), int(128)])));
    server.join().expect("a request");
}

#[test]
fn a_body_is_sent_with_its_length() {
    let (url, server) = respond(5, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    let headers = "Content-Type: text/plain\r\nX-Token: a b\n";
    let (status, _, body) = parts(send("POST", &url, headers, b"a\r\n\r\n", 10_000));
    assert_eq!((status, read(body).as_str()), (201, ""));
    let request = server.join().expect("a request");
    assert!(request.starts_with("POST / HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(request.ends_with(
        "Content-Length: 5\r\nContent-Type: text/plain\r\nX-Token: a b\r\n\r\na\r\n\r\n"
    ));
}

#[test]
fn a_body_in_chunks() {
    let (url, server) = serve(0, |stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [
            head,
            "4\r\nwi",
            "ki\r\n",
            "6;x=y\r\npedia \r\n",
            "0\r\n",
            "T: x\r\n\r\n",
        ] {
            stream.write_all(piece.as_bytes()).expect("sent");
            stream.flush().expect("sent");
            thread::sleep(Duration::from_millis(5));
        }
        // The end is known without the connection being closed.
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).unwrap_or(0), 0);
    });
    let begun = Instant::now();
    let (status, headers, body) = parts(get(&url));
    assert_eq!((status, read(body).as_str()), (200, "wikipedia "));
    assert_eq!(
        header(headers, "transfer-encoding").as_deref(),
        Some("chunked")
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.join().expect("a request");
}

#[test]
fn a_body_up_to_the_end() {
    let (url, server) = respond(0, format!("HTTP/1.0 200 OK\n\n{}", "x".repeat(100_000)));
    let (status, _, body) = parts(get(&url));
    assert_eq!((status, rt_string_len(body)), (200, 100_000));
    server.join().expect("a request");
}

#[test]
fn heads_and_redirections_have_no_more_than_they_say() {
    let (url, server) = respond(0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    let (status, _, body) = parts(send("HEAD", &url, "", b"", 10_000));
    assert_eq!((status, rt_string_len(body)), (200, 0));
    server.join().expect("a request");
    let (url, server) = respond(
        0,
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno",
    );
    let (status, headers, body) = parts(get(&url));
    assert_eq!((status, read(body).as_str()), (302, "no"));
    assert_eq!(
        header(headers, "location").as_deref(),
        Some("http://127.0.0.1:1/")
    );
    server.join().expect("a request");
}

#[test]
fn bad_responses_are_errors() {
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(70_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(20_000));
    for (response, code) in [
        ("SSH-2.0-x\r\n", -8),
        ("HTTP/1.1 OK\r\n\r\n", -8),
        ("HTTP/1.1 200 OK\r\nbroken\r\n\r\n", -8),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", -8),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            -8,
        ),
        ("", -8),
        (&long, -9),
        (&many, -9),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", -9),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -6),
    ] {
        let (url, server) = respond(0, response);
        assert_eq!(error_of(get(&url)), code, "{response:.60}");
        server.join().expect("a request");
    }
}

#[test]
fn a_slow_server_cannot_hold_the_client() {
    // It says nothing at all.
    let (url, server) = serve(0, |stream| {
        let _ = stream.read(&mut [0]);
    });
    let begun = Instant::now();
    assert_eq!(error_of(send("GET", &url, "", b"", 100)), -2);
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.join().expect("a request");
    // It always says a little more.
    let (url, server) = serve(0, |stream| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(8) {
            if stream.write_all(b"H").is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the client did not give up");
    });
    let begun = Instant::now();
    assert_eq!(error_of(send("GET", &url, "", b"", 150)), -2);
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.join().expect("a request");
    // It does not read what is sent.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let begun = Instant::now();
    let body = vec![b'x'; 32 << 20];
    assert_eq!(error_of(send("PUT", &url, "", &body, 200)), -2);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_early_answer_counts() {
    let (url, server) = respond(0, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop");
    // The connection may also break before the answer is read, because not all was taken.
    let body = vec![b'x'; 8 << 20];
    let outcome = send("POST", &url, "", &body, 10_000);
    if rt_value_is_int(outcome) {
        assert_eq!(error_of(outcome), -4);
    } else {
        assert_eq!(parts(outcome).0, 413);
    }
    server.join().expect("a request");
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    assert_eq!(error_of(get(&url)), -3);
}

#[test]
fn bad_arguments_are_errors() {
    let url = "http://127.0.0.1:9/";
    for timeout in [0, -1, 3_600_001, i64::MIN, i64::MAX] {
        assert_eq!(error_of(send("GET", url, "", b"", timeout)), -1);
    }
    for method in ["", "GE T", "GET\r\nX: y", "CONNECT"] {
        assert_eq!(error_of(send(method, url, "", b"", 1_000)), -1);
    }
    for headers in [
        "broken",
        "A: b\rC: d",
        "Content-Length: 1",
        "Host: a\nHost: b",
    ] {
        assert_eq!(error_of(send("GET", url, headers, b"", 1_000)), -1);
    }
    for url in ["", "x", "http://", "http://a b/", "http://u@127.0.0.1/"] {
        assert_eq!(error_of(get(url)), -1);
    }
    for url in ["https://127.0.0.1/", "ftp://127.0.0.1/"] {
        assert_eq!(error_of(get(url)), -6);
    }
    let null = std::ptr::null();
    let ok = url.as_ptr();
    for n in [1, -1, i64::MIN, i64::MAX] {
        for outcome in unsafe {
            [
                native_http_send(null, n, ok, len(url), null, 0, null, 0, 1_000),
                native_http_send(ok, 1, null, n, null, 0, null, 0, 1_000),
                native_http_send(ok, 1, ok, len(url), null, n, null, 0, 1_000),
                native_http_send(ok, 1, ok, len(url), null, 0, null, n, 1_000),
                native_http_send([0xff].as_ptr(), 1, ok, len(url), null, 0, null, 0, n),
            ]
        } {
            assert_eq!(rt_value_as_int(outcome), -1);
        }
        assert_eq!(take_error(), 11);
    }
}
