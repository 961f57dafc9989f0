//! Plays the vectors of `fixtures/vectors` that need no memory of their own.
//!
//! A string in the file is passed as pointer and length, or as a string value
//! where the function takes a value. A string as the result of a function
//! that fills a buffer is compared with what it wrote.

use std::path::Path;

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

#[derive(Clone, Debug)]
enum Literal {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}

impl Literal {
    fn int(&self) -> i64 {
        match self {
            Self::Int(int) => *int,
            other => panic!("{other:?} is no integer"),
        }
    }

    fn float(&self) -> f64 {
        match self {
            Self::Float(float) => *float,
            other => panic!("{other:?} is no float"),
        }
    }

    fn bool(&self) -> bool {
        match self {
            Self::Bool(flag) => *flag,
            other => panic!("{other:?} is no bool"),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no string"),
        }
    }

    fn value(&self) -> RuntimeValue {
        match self {
            Self::Int(value) => int(*value),
            Self::Float(value) => float(*value),
            Self::Bool(value) => rt_value_bool(*value),
            Self::Text(value) => text(value),
        }
    }

    fn of(value: RuntimeValue) -> Self {
        if let Some(int) = value.as_int() {
            Self::Int(int)
        } else if let Some(float) = value.as_float() {
            Self::Float(float)
        } else if let Some(flag) = value.as_bool() {
            Self::Bool(flag)
        } else {
            Self::Text(read(value))
        }
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => {
                a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
            }
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }

    /// Reads one literal and gives what follows it.
    fn parse(source: &str) -> (Self, &str) {
        if let Some(rest) = source.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = rest.char_indices();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => return (Self::Text(text), &rest[at + 1..]),
                    '\\' => text.push(match chars.next().map(|(_, c)| c) {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some(c @ ('"' | '\\')) => c,
                        other => panic!("unknown escape {other:?}"),
                    }),
                    _ => text.push(c),
                }
            }
            panic!("an open string: {source}");
        }
        let len = source.find([',', ']']).unwrap_or(source.len());
        let (word, rest) = source.split_at(len);
        let word = word.trim();
        let literal = match word {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ => word.parse().map(Self::Int).unwrap_or_else(|_| {
                Self::Float(
                    word.parse()
                        .unwrap_or_else(|_| panic!("no literal: {word}")),
                )
            }),
        };
        (literal, rest)
    }

    fn parse_list(source: &str) -> Vec<Self> {
        let mut rest = source.strip_prefix('[').expect("a list").trim_start();
        let mut list = Vec::new();
        while !rest.starts_with(']') {
            let (literal, after) = Self::parse(rest);
            list.push(literal);
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        list
    }
}

/// Calls an exported function; `None` for a name that is not played here.
fn play(call: &str, args: &[Literal]) -> Option<Literal> {
    let raw = |at: usize| (args[at].text().as_ptr(), args[at].text().len() as i64);
    let value = |at: usize| args[at].value();
    Some(match call {
        "rt_value_int" => Literal::of(rt_value_int(args[0].int())),
        "rt_value_float" => Literal::of(rt_value_float(args[0].float())),
        "rt_value_bool" => Literal::of(rt_value_bool(args[0].bool())),
        "rt_value_as_int" => Literal::Int(rt_value_as_int(value(0))),
        "rt_value_as_float" => Literal::Float(rt_value_as_float(value(0))),
        "rt_value_as_bool" => Literal::Bool(rt_value_as_bool(value(0))),
        "rt_value_truthy" => Literal::Bool(rt_value_truthy(value(0))),
        "rt_value_is_nil" => Literal::Bool(rt_value_is_nil(value(0))),
        "rt_value_is_int" => Literal::Bool(rt_value_is_int(value(0))),
        "rt_value_is_float" => Literal::Bool(rt_value_is_float(value(0))),
        "rt_value_is_bool" => Literal::Bool(rt_value_is_bool(value(0))),
        "rt_value_is_heap" => Literal::Bool(rt_value_is_heap(value(0))),
        "rt_value_eq" => Literal::Bool(rt_value_eq(value(0), value(1))),
        "rt_value_compare" => Literal::Int(rt_value_compare(value(0), value(1))),
        "rt_value_hash" => Literal::Int(rt_value_hash(value(0))),
        "rt_value_to_string" => Literal::of(rt_value_to_string(value(0))),
        "rt_string_new" => Literal::of(unsafe { rt_string_new(raw(0).0, raw(0).1) }),
        "rt_string_len" => Literal::Int(rt_string_len(value(0))),
        "rt_string_char_count" => Literal::Int(rt_string_char_count(value(0))),
        "rt_string_concat" => Literal::of(rt_string_concat(value(0), value(1))),
        "rt_string_find" => Literal::Int(rt_string_find(value(0), value(1), args[2].int())),
        "rt_string_slice" => Literal::of(rt_string_slice(value(0), args[1].int(), args[2].int())),
        "rt_string_to_upper" => Literal::of(rt_string_to_upper(value(0))),
        "rt_string_to_lower" => Literal::of(rt_string_to_lower(value(0))),
        "rt_string_trim" => Literal::of(rt_string_trim(value(0))),
        "rt_string_repeat" => Literal::of(rt_string_repeat(value(0), args[1].int())),
        "rt_interp_eval" => Literal::of(unsafe { rt_interp_eval(raw(0).0, raw(0).1) }),
        "simple_contract_check" => {
            let (condition, kind, name) = (args[0].int(), args[1].int(), raw(2));
            let checked = unsafe { simple_contract_check(condition, kind, name.0, name.1) };
            Literal::Int(checked)
        }
        _ => return None,
    })
}

/// What a function that fills a buffer gave: a text, or an error number.
fn outcome(result: Result<String, i64>) -> Literal {
    result.map_or_else(Literal::Int, Literal::Text)
}

/// As [`play`], for the functions that take or give no value.
fn play_plain(name: &str, args: &[Literal]) -> Option<Literal> {
    use Literal::{Bool, Float, Int, Text};

    type Unary = extern "C" fn(f64) -> f64;
    type Binary = extern "C" fn(f64, f64) -> f64;
    type Coder = unsafe extern "C" fn(*const u8, i64, *mut u8, i64) -> i64;
    type Getter = extern "C" fn(i64) -> i64;

    let unary: &[(&str, Unary)] = &[
        ("sqrt", rt_math_sqrt),
        ("cbrt", rt_math_cbrt),
        ("sin", rt_math_sin),
        ("cos", rt_math_cos),
        ("tan", rt_math_tan),
        ("asin", rt_math_asin),
        ("acos", rt_math_acos),
        ("atan", rt_math_atan),
        ("sinh", rt_math_sinh),
        ("cosh", rt_math_cosh),
        ("tanh", rt_math_tanh),
        ("exp", rt_math_exp),
        ("ln", rt_math_ln),
        ("log2", rt_math_log2),
        ("log10", rt_math_log10),
        ("floor", rt_math_floor),
        ("ceil", rt_math_ceil),
        ("round", rt_math_round),
        ("trunc", rt_math_trunc),
        ("abs", rt_math_abs),
    ];
    let binary: &[(&str, Binary)] = &[
        ("pow", rt_math_pow),
        ("atan2", rt_math_atan2),
        ("hypot", rt_math_hypot),
        ("fmod", rt_math_fmod),
        ("min", rt_math_min),
        ("max", rt_math_max),
    ];
    let coders: &[(&str, Coder)] = &[
        ("rt_sha1_hex", rt_sha1_hex),
        ("rt_sha256_hex", rt_sha256_hex),
        ("rt_base64_encode", rt_base64_encode),
        ("rt_base64_decode", rt_base64_decode),
        ("rt_base64_url_encode", rt_base64_url_encode),
        ("rt_base64_url_decode", rt_base64_url_decode),
    ];
    let getters: &[(&str, Getter)] = &[
        ("rt_base64_encoded_len", rt_base64_encoded_len),
        ("rt_datetime_year", rt_datetime_year),
        ("rt_datetime_month", rt_datetime_month),
        ("rt_datetime_day", rt_datetime_day),
        ("rt_datetime_hour", rt_datetime_hour),
        ("rt_datetime_minute", rt_datetime_minute),
        ("rt_datetime_second", rt_datetime_second),
        ("rt_datetime_weekday", rt_datetime_weekday),
        ("rt_vec_len", rt_vec_len),
        ("rt_vec_abs", rt_vec_abs),
        ("rt_vec_sqrt", rt_vec_sqrt),
        ("rt_vec_ceil", rt_vec_ceil),
        ("rt_vec_floor", rt_vec_floor),
        ("rt_vec_round", rt_vec_round),
        ("rt_datetime_yearday", rt_datetime_yearday),
    ];

    if let [Int(number)] = args {
        if let Some((_, getter)) = getters.iter().find(|(known, _)| *known == name) {
            return Some(Int(getter(*number)));
        }
    }
    if let [Text(text)] = args {
        if let Some((_, coder)) = coders.iter().find(|(known, _)| *known == name) {
            let (ptr, n) = (text.as_ptr(), len(text));
            return Some(outcome(text_of(|out, cap| unsafe {
                coder(ptr, n, out, cap)
            })));
        }
    }
    if let Some(short) = name.strip_prefix("rt_math_") {
        match args {
            [Float(x)] => {
                if let Some((_, function)) = unary.iter().find(|(known, _)| *known == short) {
                    return Some(Float(function(*x)));
                }
            }
            [Float(x), Float(y)] => {
                if let Some((_, function)) = binary.iter().find(|(known, _)| *known == short) {
                    return Some(Float(function(*x, *y)));
                }
            }
            _ => {}
        }
    }
    Some(match (name, args) {
        ("rt_math_clamp", [Float(x), Float(low), Float(high)]) => {
            Float(rt_math_clamp(*x, *low, *high))
        }
        ("rt_math_is_nan", [Float(x)]) => Bool(rt_math_is_nan(*x)),
        ("rt_math_is_finite", [Float(x)]) => Bool(rt_math_is_finite(*x)),
        ("rt_math_gcd", [Int(a), Int(b)]) => Int(rt_math_gcd(*a, *b)),
        ("rt_math_lcm", [Int(a), Int(b)]) => Int(rt_math_lcm(*a, *b)),
        ("rt_xxhash_hash", [Text(text), Int(seed)]) => {
            Int(unsafe { rt_xxhash_hash(text.as_ptr(), len(text), *seed as u64) } as i64)
        }
        ("rt_base64_is_valid", [Text(text)]) => {
            Bool(unsafe { rt_base64_is_valid(text.as_ptr(), len(text)) })
        }
        ("rt_datetime_from_parts", [Int(y), Int(mo), Int(d), Int(h), Int(mi), Int(s), Int(ms)]) => {
            Int(rt_datetime_from_parts(*y, *mo, *d, *h, *mi, *s, *ms))
        }
        ("rt_datetime_to_iso", [Int(instant)]) => outcome(text_of(|out, cap| unsafe {
            rt_datetime_to_iso(*instant, out, cap)
        })),
        ("rt_datetime_parse_iso", [Text(text)]) => {
            Int(unsafe { rt_datetime_parse_iso(text.as_ptr(), len(text)) })
        }
        ("rt_datetime_format", [Int(instant), Text(pattern)]) => {
            outcome(text_of(|out, cap| unsafe {
                rt_datetime_format(*instant, pattern.as_ptr(), len(pattern), out, cap)
            }))
        }
        ("rt_datetime_parse", [Text(text), Text(pattern)]) => Int(unsafe {
            rt_datetime_parse(text.as_ptr(), len(text), pattern.as_ptr(), len(pattern))
        }),
        ("rt_datetime_add", [Int(instant), Int(amount), Int(unit)]) => {
            Int(rt_datetime_add(*instant, *amount, *unit))
        }
        ("rt_datetime_diff", [Int(from), Int(to), Int(unit)]) => {
            Int(rt_datetime_diff(*from, *to, *unit))
        }
        ("rt_vec_min", [Int(vector)]) => Float(rt_vec_min(*vector)),
        ("rt_vec_max", [Int(vector)]) => Float(rt_vec_max(*vector)),
        ("rt_vec_sum", [Int(vector)]) => Float(rt_vec_sum(*vector)),
        ("rt_vec_product", [Int(vector)]) => Float(rt_vec_product(*vector)),
        ("rt_vec_all", [Int(vector)]) => Bool(rt_vec_all(*vector)),
        ("rt_vec_any", [Int(vector)]) => Bool(rt_vec_any(*vector)),
        ("rt_vec_free", [Int(vector)]) => Bool(rt_vec_free(*vector)),
        ("rt_vec_select", [Int(mask), Int(a), Int(b)]) => Int(rt_vec_select(*mask, *a, *b)),
        ("rt_vec_blend", [Int(a), Int(b), Int(bits)]) => Int(rt_vec_blend(*a, *b, *bits as u64)),
        ("rt_vec_extract", [Int(vector), Int(lane)]) => Float(rt_vec_extract(*vector, *lane)),
        ("rt_vec_with", [Int(vector), Int(lane), Float(value)]) => {
            Int(rt_vec_with(*vector, *lane, *value))
        }
        ("rt_vec_from_array", [value]) => Int(rt_vec_from_array(value.value())),
        ("rt_executor_set_mode", [Int(mode)]) => Bool(rt_executor_set_mode(*mode)),
        ("rt_executor_get_mode", []) => Int(rt_executor_get_mode()),
        ("rt_executor_is_manual", []) => Bool(rt_executor_is_manual()),
        ("rt_executor_set_workers", [Int(count)]) => Bool(rt_executor_set_workers(*count)),
        ("rt_executor_submit", [Int(future)]) => Bool(rt_executor_submit(*future)),
        ("rt_executor_poll", []) => Int(rt_executor_poll()),
        ("rt_executor_poll_all", []) => Int(rt_executor_poll_all()),
        ("rt_executor_pending_count", []) => Int(rt_executor_pending_count()),
        ("rt_executor_shutdown", [Int(timeout)]) => Bool(rt_executor_shutdown(*timeout)),
        ("rt_thread_sleep", [Int(micros)]) => Bool(rt_thread_sleep(*micros)),
        ("rt_thread_is_done", [Int(thread)]) => Bool(rt_thread_is_done(*thread)),
        ("rt_thread_id", [Int(thread)]) => Int(rt_thread_id(*thread)),
        ("rt_thread_free", [Int(thread)]) => Bool(rt_thread_free(*thread)),
        ("native_tcp_bind", [Text(address)]) => {
            Int(unsafe { native_tcp_bind(address.as_ptr(), len(address), std::ptr::null_mut()) })
        }
        ("native_udp_bind", [Text(address)]) => {
            Int(unsafe { native_udp_bind(address.as_ptr(), len(address), std::ptr::null_mut()) })
        }
        ("native_tcp_connect", [Text(address)]) => {
            Int(unsafe { native_tcp_connect(address.as_ptr(), len(address)) })
        }
        ("native_tcp_connect_timeout", [Text(address), Int(timeout_ms)]) => {
            Int(unsafe { native_tcp_connect_timeout(address.as_ptr(), len(address), *timeout_ms) })
        }
        (
            "native_http_send",
            [Text(method), Text(url), Text(headers), Text(body), Int(timeout_ms)],
        ) => Literal::of(unsafe {
            native_http_send(
                method.as_ptr(),
                len(method),
                url.as_ptr(),
                len(url),
                headers.as_ptr(),
                len(headers),
                body.as_ptr(),
                len(body),
                *timeout_ms,
            )
        }),
        ("rt_datetime_is_leap_year", [Int(year)]) => Bool(rt_datetime_is_leap_year(*year)),
        ("rt_datetime_days_in_month", [Int(year), Int(month)]) => {
            Int(rt_datetime_days_in_month(*year, *month))
        }
        _ => return None,
    })
}

/// As [`play`], for paths and patterns.
fn play_paths(name: &str, args: &[Literal]) -> Option<Literal> {
    use Literal::{Bool, Int, Text};

    type One = unsafe extern "C" fn(*const u8, i64, *mut u8, i64) -> i64;
    type Two = unsafe extern "C" fn(*const u8, i64, *const u8, i64, *mut u8, i64) -> i64;

    let one: &[(&str, One)] = &[
        ("rt_path_basename", rt_path_basename),
        ("rt_path_dirname", rt_path_dirname),
        ("rt_path_ext", rt_path_ext),
        ("rt_path_stem", rt_path_stem),
        ("rt_path_normalise", rt_path_normalise),
        ("rt_path_absolute", rt_path_absolute),
        ("rt_glob_escape", rt_glob_escape),
    ];
    let two: &[(&str, Two)] = &[
        ("rt_path_join", rt_path_join),
        ("rt_path_relative", rt_path_relative),
        ("rt_path_with_ext", rt_path_with_ext),
        ("rt_path_with_name", rt_path_with_name),
    ];
    if let Some((_, function)) = one.iter().find(|(known, _)| *known == name) {
        let (text, size) = (args[0].text().as_ptr(), len(args[0].text()));
        return Some(outcome(text_of(|out, cap| unsafe {
            function(text, size, out, cap)
        })));
    }
    if let Some((_, function)) = two.iter().find(|(known, _)| *known == name) {
        let (a, b) = (args[0].text(), args[1].text());
        return Some(outcome(text_of(|out, cap| unsafe {
            function(a.as_ptr(), len(a), b.as_ptr(), len(b), out, cap)
        })));
    }
    Some(match (name, args) {
        ("rt_path_is_absolute", [Text(path)]) => {
            Bool(unsafe { rt_path_is_absolute(path.as_ptr(), len(path)) })
        }
        ("rt_path_starts_with", [Text(a), Text(b)]) => {
            Bool(unsafe { rt_path_starts_with(a.as_ptr(), len(a), b.as_ptr(), len(b)) })
        }
        ("rt_path_component_count", [Text(path)]) => {
            Int(unsafe { rt_path_component_count(path.as_ptr(), len(path)) })
        }
        ("rt_path_component", [Text(path), Int(index)]) => outcome(text_of(|out, cap| unsafe {
            rt_path_component(path.as_ptr(), len(path), *index, out, cap)
        })),
        ("rt_glob_match", [Text(a), Text(b)]) => {
            Int(unsafe { rt_glob_match(a.as_ptr(), len(a), b.as_ptr(), len(b)) })
        }
        ("rt_glob_is_valid", [Text(pattern)]) => {
            Bool(unsafe { rt_glob_is_valid(pattern.as_ptr(), len(pattern)) })
        }
        ("doctest_path_contains", [Text(a), Text(b)]) => {
            Bool(doctest_path_contains(text(a), text(b)))
        }
        ("doctest_path_has_extension", [Text(a), Text(b)]) => {
            Bool(doctest_path_has_extension(text(a), text(b)))
        }
        _ => return None,
    })
}

/// Plays one file; how many vectors it has.
fn play_file(path: &Path) -> usize {
    let source = std::fs::read_to_string(path).expect("a readable file");
    let mut count = 0;
    for vector in source.split("[[vector]]").skip(1) {
        let field = |wanted: &str| {
            let line = vector
                .lines()
                .find(|line| line.starts_with(&format!("{wanted} = ")));
            let line = line.unwrap_or_else(|| panic!("no {wanted} in {vector}"));
            line[wanted.len() + 3..].trim()
        };
        let name = Literal::parse(field("name")).0;
        let call = Literal::parse(field("call")).0;
        let args = Literal::parse_list(field("args"));
        let expected = Literal::parse(field("returns")).0;
        let found = play(call.text(), &args)
            .or_else(|| play_plain(call.text(), &args))
            .or_else(|| play_paths(call.text(), &args));
        let found = found.unwrap_or_else(|| panic!("unknown: {call:?}"));
        assert!(expected.same(&found), "{name:?} of {path:?}: {found:?}");
        count += 1;
    }
    count
}

#[test]
fn the_vectors_hold() {
    let _guard = process_lock();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors");
    if !folder.is_dir() {
        // The crate was copied out of its project, without the vectors.
        eprintln!("no vectors at {}", folder.display());
        return;
    }
    for domain in [
        "value_ops",
        "equality",
        "strings",
        "interp_bridge",
        "contracts",
        "sha1",
        "sha256",
        "xxhash",
        "base64",
        "math",
        "datetime",
        "network",
        "executor",
        "thread",
        "simd",
        "path",
        "search",
    ] {
        assert!(
            play_file(&folder.join(format!("{domain}.toml"))) > 5,
            "{domain}"
        );
    }
    rt_interp_clear_vars();
    rt_error_clear();
}
