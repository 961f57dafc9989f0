//! Type inference, code of templates, and what is said about wrong ones.
#![cfg(feature = "compiler")]

use std::time::{Duration, Instant};

use native_ref::value::ffi::*;

use crate::support::*;

/// A context that is destroyed at the end.
struct Context(i64);

impl Context {
    fn new() -> Self {
        let context = __rt_compiler_create_context();
        assert!(context > 0);
        Self(context)
    }

    fn infer(&self, source: &str) -> String {
        text_of(|out, cap| unsafe {
            __rt_compiler_infer_types(self.0, source.as_ptr(), len(source), out, cap)
        })
        .expect("an answer")
    }

    fn check(&self, source: &str) -> String {
        text_of(|out, cap| unsafe {
            __rt_compiler_check_types(self.0, source.as_ptr(), len(source), out, cap)
        })
        .expect("an answer")
    }

    fn instantiate(&self, template: &str, types: &str) -> String {
        let mut room = vec![0; 1 << 16];
        let count = unsafe {
            __rt_compiler_instantiate_template(
                self.0,
                template.as_ptr(),
                len(template),
                types.as_ptr(),
                len(types),
                room.as_mut_ptr(),
                room.len() as i64,
            )
        };
        room.truncate(count as usize);
        String::from_utf8(room).expect("UTF-8")
    }

    fn stat(&self, name: &str) -> i64 {
        let stats = text_of(|out, cap| unsafe { __rt_compiler_get_stats(self.0, out, cap) });
        let stats = stats.expect("counts");
        let (_, rest) = stats
            .split_once(&format!("\"{name}\":"))
            .unwrap_or_else(|| panic!("no {name} in {stats}"));
        let end = rest.find([',', '}']).expect("an end");
        rest[..end].parse().expect("a number")
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        assert!(__rt_compiler_destroy_context(self.0));
    }
}

/// The text of an inferred type.
fn type_of(source: &str) -> String {
    let answer = Context::new().infer(source);
    let (_, text) = answer
        .rsplit_once("\"text\":\"")
        .unwrap_or_else(|| panic!("{answer} for {source}"));
    text.trim_end_matches("\"}").to_owned()
}

/// Code, message and place of an error.
fn error_in(answer: &str) -> (String, String, String) {
    let field = |name: &str| {
        let (_, rest) = answer
            .split_once(&format!("\"{name}\":\""))
            .unwrap_or_else(|| panic!("no {name} in {answer}"));
        rest[..rest.find('"').expect("an end")].to_owned()
    };
    assert!(answer.starts_with("{\"ok\":false,"), "{answer}");
    (field("code"), field("message"), field("at"))
}

fn error_of(source: &str) -> (String, String, String) {
    error_in(&Context::new().infer(source))
}

fn code_of(source: &str) -> String {
    error_of(source).0
}

fn var(name: &str) -> String {
    format!(r#"{{"expr":"var","name":"{name}"}}"#)
}

fn num(value: i64) -> String {
    format!(r#"{{"expr":"int","value":{value}}}"#)
}

fn yes() -> String {
    r#"{"expr":"bool","value":true}"#.to_owned()
}

fn lambda(params: &[&str], body: &str) -> String {
    let params: Vec<String> = params.iter().map(|name| format!("\"{name}\"")).collect();
    let params = params.join(",");
    format!(r#"{{"expr":"lambda","params":[{params}],"body":{body}}}"#)
}

fn apply(function: &str, args: &[&str]) -> String {
    format!(
        r#"{{"expr":"apply","fn":{function},"args":[{}]}}"#,
        args.join(",")
    )
}

fn bind(name: &str, value: &str, body: &str) -> String {
    format!(r#"{{"expr":"let","name":"{name}","value":{value},"body":{body}}}"#)
}

fn op(op: &str, args: &[&str]) -> String {
    format!(r#"{{"expr":"op","op":"{op}","args":[{}]}}"#, args.join(","))
}

fn when(condition: &str, then: &str, other: &str) -> String {
    format!(r#"{{"expr":"if","cond":{condition},"then":{then},"else":{other}}}"#)
}

fn tuple_of(items: &[&str]) -> String {
    format!(r#"{{"expr":"tuple","items":[{}]}}"#, items.join(","))
}

fn list_of(items: &[&str]) -> String {
    format!(r#"{{"expr":"list","items":[{}]}}"#, items.join(","))
}

/// How often input is damaged.
const DAMAGED_ROUNDS: usize = 2_000;

const INT: &str = r#"{"kind":"int","bits":64,"signed":true}"#;

#[test]
fn functions_get_their_most_general_type() {
    let x = var("x");
    let identity = lambda(&["x"], &x);
    assert_eq!(type_of(&identity), "fn(a) -> a");
    assert_eq!(
        Context::new().infer(&identity),
        r#"{"ok":true,"type":{"kind":"fn","params":[{"kind":"var","name":"a"}],"result":{"kind":"var","name":"a"}},"text":"fn(a) -> a"}"#
    );
    let compose = lambda(
        &["f", "g"],
        &lambda(&["x"], &apply(&var("f"), &[&apply(&var("g"), &[&x])])),
    );
    assert_eq!(
        type_of(&compose),
        "fn(fn(a) -> b, fn(c) -> a) -> fn(c) -> b"
    );
    let constant = lambda(&["x"], &lambda(&["y"], &x));
    assert_eq!(type_of(&constant), "fn(a) -> fn(b) -> a");
    // The S combinator.
    let (f, g) = (var("f"), var("g"));
    let s = lambda(
        &["f"],
        &lambda(
            &["g"],
            &lambda(&["x"], &apply(&apply(&f, &[&x]), &[&apply(&g, &[&x])])),
        ),
    );
    assert_eq!(
        type_of(&s),
        "fn(fn(a) -> fn(b) -> c) -> fn(fn(a) -> b) -> fn(a) -> c"
    );
    assert_eq!(type_of(&lambda(&[], &num(1))), "fn() -> i64");
    assert_eq!(type_of(&apply(&lambda(&[], &num(1)), &[])), "i64");
}

#[test]
fn let_is_polymorphic_and_a_parameter_is_not() {
    let pair = |f: &str| tuple_of(&[&apply(f, &[&num(1)]), &apply(f, &[&yes()])]);
    let f = var("f");
    let identity = lambda(&["x"], &var("x"));
    assert_eq!(type_of(&bind("f", &identity, &pair(&f))), "(i64, bool)");
    let (code, message, place) = error_of(&lambda(&["f"], &pair(&f)));
    assert_eq!(code, "mismatch");
    assert!(
        message.starts_with("expected `i64`, found `bool`"),
        "{message}"
    );
    assert_eq!(place, "body.items[1].args[0]");
    // What a surrounding parameter decides is not general: \x. let y = x in (y y).
    let inner = bind("y", &var("x"), &tuple_of(&[&var("y"), &var("x")]));
    assert_eq!(type_of(&lambda(&["x"], &inner)), "fn(a) -> (a, a)");
    let inner = bind("y", &var("x"), &pair(&var("y")));
    assert_eq!(code_of(&lambda(&["x"], &inner)), "mismatch");
    // The same one level further in.
    let inner = bind(
        "y",
        &lambda(&["z"], &var("x")),
        &tuple_of(&[&apply(&var("y"), &[&num(1)]), &apply(&var("y"), &[&yes()])]),
    );
    assert_eq!(type_of(&lambda(&["x"], &inner)), "fn(a) -> (a, a)");
}

#[test]
fn recursive_functions() {
    let n = var("n");
    let smaller = op("-", &[&n, &num(1)]);
    let body = when(
        &op("<", &[&n, &num(2)]),
        &num(1),
        &op("*", &[&n, &apply(&var("f"), &[&smaller])]),
    );
    let factorial = lambda(&["n"], &body);
    let plain = bind("f", &factorial, &var("f"));
    let recursive = plain.replacen("\"expr\":\"let\"", "\"expr\":\"let\",\"rec\":true", 1);
    assert_eq!(type_of(&recursive), "fn(i64) -> i64");
    let (code, message, place) = error_of(&plain);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("unknown-name", "`f` is not known here")
    );
    assert_eq!(place, "value.body.else.args[1].fn");
}

#[test]
fn a_type_does_not_contain_itself() {
    let x = var("x");
    let (code, message, place) = error_of(&lambda(&["x"], &apply(&x, &[&x])));
    assert_eq!(code, "occurs");
    assert_eq!(
        message,
        "the type would contain itself: `a` in `fn(a) -> b`"
    );
    assert_eq!(place, "body");
    let omega = lambda(
        &["f"],
        &apply(&lambda(&["x"], &apply(&x, &[&x])), &[&var("f")]),
    );
    assert_eq!(code_of(&omega), "occurs");
    let nested = lambda(&["x"], &op("==", &[&x, &list_of(&[&x])]));
    assert_eq!(code_of(&nested), "occurs");
}

#[test]
fn arguments_are_counted() {
    let two = lambda(&["a", "b"], &var("a"));
    let call = bind("first", &two, &apply(&var("first"), &[&num(1)]));
    let (code, message, place) = error_of(&call);
    assert_eq!(code, "arity");
    assert_eq!(message, "`first` takes 2 argument(s), 1 given");
    assert_eq!(place, "body");
    assert_eq!(code_of(&apply(&two, &[])), "arity");
    assert_eq!(code_of(&op("+", &[&num(1)])), "arity");
    assert_eq!(code_of(&op("not", &[&yes(), &yes()])), "arity");
    let (code, message, place) = error_of(&apply(&num(1), &[&num(2)]));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("mismatch", "`i64` is no function")
    );
    assert_eq!(place, "fn");
    // Functions of different length are different types.
    let both = when(&yes(), &two, &lambda(&["a"], &var("a")));
    let (code, message, place) = error_of(&both);
    assert_eq!(code, "mismatch");
    assert_eq!(message, "expected `fn(a, b) -> a`, found `fn(a) -> a`");
    assert_eq!(place, "else");
}

#[test]
fn operators_need_their_class() {
    let (x, y) = (var("x"), var("y"));
    let sum = lambda(&["x", "y"], &op("+", &[&x, &y]));
    assert_eq!(type_of(&sum), "fn(a, a) -> a where a: number");
    let order = lambda(&["x", "y"], &op("<=", &[&x, &y]));
    assert_eq!(type_of(&order), "fn(a, a) -> bool where a: ordered");
    let equal = lambda(&["x", "y"], &op("==", &[&list_of(&[&x]), &y]));
    assert_eq!(type_of(&equal), "fn(a, Vec<a>) -> bool where a: equal");
    // The narrower class stays.
    let both = op(
        "and",
        &[&op("==", &[&x, &y]), &op("<", &[&op("-", &[&x, &y]), &y])],
    );
    assert_eq!(
        type_of(&lambda(&["x", "y"], &both)),
        "fn(a, a) -> bool where a: number"
    );
    let (code, message, place) = error_of(&op("+", &[&num(1), &yes()]));
    assert_eq!((code.as_str(), place.as_str()), ("mismatch", "args[1]"));
    assert_eq!(message, "expected `i64`, found `bool`");
    let (code, message, _) = error_of(&op("neg", &[&yes()]));
    assert_eq!(code, "class");
    assert_eq!(message, "a type of class `number` is needed, not `bool`");
    let function = lambda(&["x"], &x);
    assert_eq!(code_of(&op("==", &[&function, &function])), "class");
    let hidden = tuple_of(&[&num(1), &list_of(&[&function])]);
    assert_eq!(code_of(&op("!=", &[&hidden, &hidden])), "class");
    assert_eq!(
        code_of(&op("<", &[&tuple_of(&[]), &tuple_of(&[])])),
        "class"
    );
    // A class survives the generalisation, and a function does not get by later.
    let later = bind(
        "eq",
        &lambda(&["x"], &op("==", &[&x, &x])),
        &apply(&var("eq"), &[&function]),
    );
    assert_eq!(code_of(&later), "class");
    assert_eq!(code_of(&op("not", &[&num(1)])), "mismatch");
}

#[test]
fn environments_and_annotations() {
    let len_type = r#"{"kind":"fn","params":[{"kind":"named","name":"Vec","args":[{"kind":"var","name":"t"}]}],"result":{"kind":"int"}}"#;
    let of = |item: &str| apply(&var("len"), &[&list_of(&[item])]);
    let body = tuple_of(&[&of(&num(1)), &of(&yes())]);
    let program = format!(r#"{{"env":{{"len":{len_type}}},"body":{body}}}"#);
    assert_eq!(type_of(&program), "(i64, i64)");
    let wrong = format!(
        r#"{{"env":{{"len":{len_type}}},"body":{}}}"#,
        apply(&var("len"), &[&num(1)])
    );
    let (code, message, place) = error_of(&wrong);
    assert_eq!(
        (code.as_str(), place.as_str()),
        ("mismatch", "body.args[0]")
    );
    assert_eq!(message, "expected `Vec<a>`, found `i64`");

    let typed = r#"{"expr":"lambda","params":[{"name":"x","type":{"kind":"int","bits":8,"signed":false}},"y"],"body":{"expr":"op","op":"+","args":[{"expr":"var","name":"x"},{"expr":"var","name":"y"}]}}"#;
    assert_eq!(type_of(typed), "fn(u8, u8) -> u8");
    let as_float = r#"{"expr":"as","value":{"expr":"int","value":1},"type":{"kind":"float"}}"#;
    assert_eq!(code_of(as_float), "mismatch");
    let empty = r#"{"expr":"as","value":{"expr":"list","items":[]},"type":{"kind":"named","name":"Vec","args":[{"kind":"string"}]}}"#;
    assert_eq!(type_of(empty), "Vec<string>");
    // One name in annotations is one type, even inside a let.
    let same = |arg: &str| {
        let annotated = format!(
            r#"{{"expr":"lambda","params":[{{"name":"x","type":{{"kind":"var","name":"q"}}}}],"body":{}}}"#,
            var("x")
        );
        bind(
            "f",
            &annotated,
            &tuple_of(&[&apply(&var("f"), &[&num(1)]), &apply(&var("f"), &[arg])]),
        )
    };
    assert_eq!(type_of(&same(&num(2))), "(i64, i64)");
    assert_eq!(code_of(&same(&yes())), "mismatch");
}

#[test]
fn literals_fit_their_types() {
    let int = |value: &str, bits: u32, signed: bool| {
        format!(
            r#"{{"expr":"int","value":{value},"type":{{"kind":"int","bits":{bits},"signed":{signed}}}}}"#
        )
    };
    for (value, bits, signed, text) in [
        ("255", 8, false, "u8"),
        ("-128", 8, true, "i8"),
        ("65535", 16, false, "u16"),
        ("-2147483648", 32, true, "i32"),
        ("18446744073709551615", 64, false, "u64"),
        ("-9223372036854775808", 64, true, "i64"),
    ] {
        assert_eq!(type_of(&int(value, bits, signed)), text);
    }
    for (value, bits, signed) in [
        ("256", 8, false),
        ("-1", 8, false),
        ("128", 8, true),
        ("18446744073709551616", 64, false),
        ("9223372036854775808", 64, true),
    ] {
        let (code, _, place) = error_of(&int(value, bits, signed));
        assert_eq!((code.as_str(), place.as_str()), ("range", "value"));
    }
    assert_eq!(type_of(r#"{"expr":"float","value":1}"#), "f64");
    let narrow = r#"{"expr":"float","value":1e300,"type":{"kind":"float","bits":32}}"#;
    assert_eq!(code_of(narrow), "range");
    assert_eq!(code_of(r#"{"expr":"int","value":1.5}"#), "form");
    assert_eq!(
        code_of(r#"{"expr":"int","value":1,"type":{"kind":"float"}}"#),
        "form"
    );
    assert_eq!(
        code_of(r#"{"expr":"int","value":1,"type":{"kind":"int","bits":7}}"#),
        "form"
    );
    assert_eq!(type_of(r#"{"expr":"nil"}"#), "nil");
    assert_eq!(
        type_of(r#"{"expr":"string","value":"\ud83d\ude00"}"#),
        "string"
    );
    assert_eq!(type_of(&tuple_of(&[&num(1)])), "(i64,)");
    assert_eq!(type_of(&tuple_of(&[])), "()");
}

#[test]
fn malformed_programs_are_told_where() {
    for (source, code, place) in [
        ("", "json", ""),
        ("{", "json", ""),
        ("{}x", "json", ""),
        ("[1,]", "json", ""),
        ("{\"a\":1,}", "json", ""),
        ("{\"a\" 1}", "json", ""),
        ("{\"expr\":\"nil\",\"expr\":\"nil\"}", "json", ""),
        ("01", "json", ""),
        ("-", "json", ""),
        ("1.", "json", ""),
        ("1e", "json", ""),
        ("1e999", "json", ""),
        ("NaN", "json", ""),
        ("nul", "json", ""),
        ("\"\\x\"", "json", ""),
        ("\"\\ud800\"", "json", ""),
        ("\"\\udc00\"", "json", ""),
        ("\"\\ud800\\u0041\"", "json", ""),
        ("\"\\u00g0\"", "json", ""),
        ("\"a\nb\"", "json", ""),
        ("\"open", "json", ""),
        ("\"open\\", "json", ""),
        ("null", "form", ""),
        ("[]", "form", ""),
        ("{}", "form", ""),
        (r#"{"expr":"magic"}"#, "form", "expr"),
        (r#"{"expr":7}"#, "form", "expr"),
        (r#"{"expr":"nil","value":1}"#, "form", ""),
        (r#"{"expr":"var"}"#, "form", ""),
        (r#"{"expr":"var","name":""}"#, "form", "name"),
        (
            r#"{"expr":"apply","fn":{"expr":"nil"},"args":[{"expr":"nil"},3]}"#,
            "form",
            "args[1]",
        ),
        (
            r#"{"expr":"lambda","params":["x","x"],"body":{"expr":"nil"}}"#,
            "form",
            "params[1]",
        ),
        (r#"{"expr":"op","op":"**","args":[]}"#, "form", "op"),
        (
            r#"{"expr":"let","name":"x","value":{"expr":"nil"},"body":{"expr":"nil"},"rec":1}"#,
            "form",
            "rec",
        ),
        (r#"{"env":[],"body":{"expr":"nil"}}"#, "form", "env"),
        (
            r#"{"env":{"x":{"kind":"fn","params":[]}},"body":{"expr":"nil"}}"#,
            "form",
            "env.x",
        ),
    ] {
        let (found, message, at) = error_of(source);
        assert_eq!(
            (found.as_str(), at.as_str()),
            (code, place),
            "{source}: {message}"
        );
        assert!(!message.is_empty());
    }
}

#[test]
fn hostile_programs_end_soon() {
    let context = Context::new();
    let limit = Duration::from_secs(30);
    let row = |name: &str, source: &str, codes: &[&str]| {
        let start = Instant::now();
        let answer = unsafe {
            let mut room = vec![0u8; 1 << 16];
            let (out, cap) = (room.as_mut_ptr(), room.len() as i64);
            let count =
                __rt_compiler_infer_types(context.0, source.as_ptr(), len(source), out, cap);
            room.truncate(count as usize);
            String::from_utf8(room).expect("UTF-8")
        };
        assert!(start.elapsed() < limit, "{name}: {:?}", start.elapsed());
        let code = match answer.starts_with("{\"ok\":true") {
            true => "ok".to_owned(),
            false => error_in(&answer).0,
        };
        assert!(codes.contains(&code.as_str()), "{name}: {code}");
    };
    let megabyte = 1 << 20;
    row("open lists", &"[".repeat(megabyte), &["depth"]);
    row("open objects", &"{\"a\":".repeat(megabyte / 5), &["depth"]);
    row(
        "one byte too many",
        &" ".repeat(megabyte + 1),
        &["too-large"],
    );
    row("white space", &" ".repeat(megabyte), &["json"]);
    row("quotes", &"\"".repeat(megabyte), &["json"]);
    row(
        "escapes",
        &format!("\"{}", "\\".repeat(megabyte - 1)),
        &["json"],
    );
    row("a long number", &"9".repeat(megabyte), &["json"]);
    row(
        "zeros",
        &format!("[{}0]", "0,".repeat(megabyte / 2 - 2)),
        &["form"],
    );
    let keys: Vec<String> = (0..80_000).map(|key| format!("\"{key}\":0")).collect();
    row("many keys", &format!("{{{}}}", keys.join(",")), &["form"]);
    let mut deep = var("x");
    for _ in 0..400 {
        deep = lambda(&["x"], &deep);
    }
    row("deep lambdas", &deep, &["depth"]);
    let mut deep = var("x");
    for _ in 0..55 {
        deep = lambda(&["x"], &deep);
    }
    row("less deep lambdas", &deep, &["ok"]);
    let (mut lets, mut sums) = (num(1), num(1));
    for round in 0..120 {
        lets = bind("x", &num(1), &lets);
        if round % 2 == 0 {
            sums = op("+", &[&sums, &num(1)]);
        }
    }
    row("deep lets", &lets, &["ok"]);
    row("deep sums", &sums, &["ok"]);

    // Each let doubles the type: pair applied to itself.
    let mut source = var("p40");
    for step in (1..=40).rev() {
        let before = var(&format!("p{}", step - 1));
        source = bind(&format!("p{step}"), &tuple_of(&[&before, &before]), &source);
    }
    let doubling = bind("p0", &lambda(&["x"], &var("x")), &source);
    row("doubling", &doubling, &["too-complex", "too-large"]);
    let mut source = apply(&var("d9"), &[&lambda(&["z"], &var("z"))]);
    for step in (1..=9).rev() {
        let before = var(&format!("d{}", step - 1));
        let twice = lambda(&["x"], &apply(&before, &[&apply(&before, &[&var("x")])]));
        source = bind(&format!("d{step}"), &twice, &source);
    }
    let x = var("x");
    let growing = bind("d0", &lambda(&["x"], &tuple_of(&[&x, &x])), &source);
    row("growing", &growing, &["too-complex", "too-large", "depth"]);

    // A chain of unknowns, each in the next one, without any depth of the text.
    let names: Vec<String> = (0..3_000).map(|number| format!("v{number}")).collect();
    let mut links: Vec<String> = names
        .windows(2)
        .map(|pair| op("==", &[&var(&pair[0]), &list_of(&[&var(&pair[1])])]))
        .collect();
    let params: Vec<&str> = names.iter().map(String::as_str).collect();
    let chain = |links: &[String]| {
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        lambda(&params, &list_of(&links))
    };
    row("a chain", &chain(&links), &["too-large"]);
    links.push(op("==", &[&var("v2999"), &list_of(&[&var("v0")])]));
    row("a ring", &chain(&links), &["occurs", "too-complex"]);
    links.pop();
    links.reverse();
    row(
        "a chain from the end",
        &chain(&links),
        &["too-large", "too-complex"],
    );

    let wide: Vec<String> = (0..40_000)
        .map(|_| "{\"expr\":\"nil\"}".to_owned())
        .collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    row("wide", &tuple_of(&wide), &["too-large"]);
}

#[test]
fn programs_are_checked_against_a_type() {
    let context = Context::new();
    let check = |body: &str, of: &str| context.check(&format!(r#"{{"body":{body},"type":{of}}}"#));
    let (a, x) = (r#"{"kind":"var","name":"a"}"#, var("x"));
    let unary =
        |from: &str, to: &str| format!(r#"{{"kind":"fn","params":[{from}],"result":{to}}}"#);
    let identity = lambda(&["x"], &x);
    assert_eq!(
        check(&identity, &unary(a, a)),
        r#"{"ok":true,"type":{"kind":"fn","params":[{"kind":"var","name":"a"}],"result":{"kind":"var","name":"a"}}}"#
    );
    assert!(check(&identity, &unary(INT, INT)).starts_with("{\"ok\":true"));
    let (code, message, place) = error_in(&check(&identity, &unary(a, INT)));
    assert_eq!((code.as_str(), place.as_str()), ("mismatch", "body"));
    assert!(message.contains("expected `i64`, found `a`"), "{message}");
    // An increment is not for every type, but for every number there is none either.
    let twice = lambda(&["x"], &op("+", &[&x, &x]));
    assert_eq!(error_in(&check(&twice, &unary(a, a))).0, "class");
    let number = r#"{"kind":"var","name":"a","class":"number"}"#;
    assert!(check(&twice, &unary(number, number)).starts_with("{\"ok\":true"));
    assert!(check(&twice, &unary(a, number)).starts_with("{\"ok\":true"));
    let increment = lambda(&["x"], &op("+", &[&x, &num(1)]));
    assert_eq!(
        error_in(&check(&increment, &unary(number, number))).0,
        "mismatch"
    );
    let b = r#"{"kind":"var","name":"b"}"#;
    assert_eq!(error_in(&check(&identity, &unary(a, b))).0, "mismatch");
    assert_eq!(error_in(&context.check(&identity)).0, "form");
    assert_eq!(
        (context.stat("checks"), context.stat("check_errors")),
        (18, 10)
    );
}

/// The larger of two.
fn max_template() -> String {
    let (a, b) = (var("a"), var("b"));
    let t = r#"{"kind":"var","name":"T"}"#;
    let body = when(&op("<", &[&a, &b]), &b, &a);
    format!(
        r#"{{"name":"max","params":[{{"name":"T","class":"ordered"}}],"args":[{{"name":"a","type":{t}}},{{"name":"b","type":{t}}}],"result":{t},"body":{body}}}"#
    )
}

#[test]
fn a_template_becomes_code() {
    let context = Context::new();
    let answer = context.instantiate(&max_template(), &format!("[{INT}]"));
    assert_eq!(
        answer,
        format!(
            r#"{{"ok":true,"function":{{"name":"max<i64>","params":[{INT},{INT}],"locals":[],"result":{INT},"calls":{{}},"max_stack":2,"code":[["load",0],["load",1],["lt"],["jump_if_not",6],["load",1],["jump",7],["load",0],["return"]]}}}}"#
        )
    );
    assert_eq!(
        context.check(&answer),
        r#"{"ok":true,"instructions":8,"stack":2}"#
    );
    let strings = context.instantiate(&max_template(), r#"[{"kind":"string"}]"#);
    assert!(strings.contains("\"max<string>\"") && context.check(&strings).contains("true"));
    let (code, message, place) =
        error_in(&context.instantiate(&max_template(), r#"[{"kind":"bool"}]"#));
    assert_eq!((code.as_str(), place.as_str()), ("class", "template"));
    assert_eq!(message, "`T` needs a type of class `ordered`, not `bool`");
    let (code, message, _) = error_in(&context.instantiate(&max_template(), "[]"));
    assert_eq!(code, "arity");
    assert_eq!(message, "`max` takes 1 argument(s), 0 given");
    let open = r#"[{"kind":"named","name":"Vec","args":[{"kind":"var","name":"a"}]}]"#;
    let (code, _, place) = error_in(&context.instantiate(&max_template(), open));
    assert_eq!((code.as_str(), place.as_str()), ("open-type", "types[0]"));
    assert_eq!(
        error_in(&context.instantiate(&max_template(), "{}")).0,
        "form"
    );
    assert_eq!(error_in(&context.instantiate("[", "[]")).2, "template");
    assert_eq!(error_in(&context.instantiate("{}", "[")).2, "types");
}

#[test]
fn templates_use_everything() {
    let context = Context::new();
    let t = r#"{"kind":"var","name":"T"}"#;
    let template = |result: &str, body: &str| {
        format!(
            r#"{{"name":"f","params":["T"],"args":[{{"name":"x","type":{t}}},{{"name":"n","type":{INT}}}],"result":{result},"uses":{{"wrap":{{"kind":"fn","params":[{t}],"result":{t}}}}},"body":{body}}}"#
        )
    };
    let (x, n) = (var("x"), var("n"));
    let again = apply(
        &var("f"),
        &[&apply(&var("wrap"), &[&x]), &op("-", &[&n, &num(1)])],
    );
    let loops = when(&op("<=", &[&n, &num(0)]), &x, &again);
    let answer = context.instantiate(&template(t, &loops), r#"[{"kind":"float","bits":32}]"#);
    assert!(answer.contains(r#"["call","wrap"]"#), "{answer}");
    assert!(answer.contains(r#"["call","f<f32>"]"#), "{answer}");
    assert!(context.check(&answer).starts_with("{\"ok\":true"));

    let pair = bind(
        "y",
        &op("*", &[&n, &n]),
        &tuple_of(&[
            &x,
            &list_of(&[&var("y"), &n]),
            &list_of(&[]),
            &op("==", &[&n, &var("y")]),
        ]),
    );
    let result = format!(
        r#"{{"kind":"tuple","items":[{t},{{"kind":"named","name":"Vec","args":[{INT}]}},{{"kind":"named","name":"Vec","args":[{t}]}},{{"kind":"bool"}}]}}"#
    );
    let answer = context.instantiate(&template(&result, &pair), r#"[{"kind":"nil"}]"#);
    assert!(answer.contains(r#"["list",0,{"kind":"nil"}]"#), "{answer}");
    assert!(answer.contains(r#"["tuple",4]"#), "{answer}");
    assert!(
        context.check(&answer).starts_with("{\"ok\":true"),
        "{answer}"
    );

    let flags = op(
        "or",
        &[
            &op("and", &[&op(">", &[&n, &num(1)]), &yes()]),
            &op("not", &[&op("!=", &[&n, &num(3)])]),
        ],
    );
    let answer = context.instantiate(
        &template(r#"{"kind":"bool"}"#, &flags),
        "[{\"kind\":\"nil\"}]",
    );
    assert!(
        context.check(&answer).starts_with("{\"ok\":true"),
        "{answer}"
    );

    for (body, expected, place) in [
        (lambda(&["z"], &var("z")), "mismatch", "template.body"),
        (
            bind("g", &lambda(&["z"], &x), &x),
            "unsupported",
            "template.body.value",
        ),
        (
            bind("g", &var("wrap"), &x),
            "unsupported",
            "template.body.value",
        ),
        (apply(&x, &[]), "mismatch", "template.body.fn"),
        (
            bind("e", &list_of(&[]), &x),
            "ambiguous",
            "template.body.value",
        ),
        (var("m"), "unknown-name", "template.body"),
        (
            apply(&var("wrap"), &[&n]),
            "mismatch",
            "template.body.args[0]",
        ),
        (n.clone(), "mismatch", "template.body"),
        (
            format!(r#"{{"expr":"as","value":{x},"type":{{"kind":"var","name":"U"}}}}"#),
            "unknown-variable",
            "template.body.type",
        ),
    ] {
        let answer = context.instantiate(&template(t, &body), "[{\"kind\":\"nil\"}]");
        let (code, message, at) = error_in(&answer);
        assert_eq!(
            (code.as_str(), at.as_str()),
            (expected, place),
            "{body}: {message}"
        );
    }
    let long = "N".repeat(250);
    let named = vec![format!(r#"{{"kind":"named","name":"{long}"}}"#); 5].join(",");
    let tuple = format!(r#"[{{"kind":"tuple","items":[{named}]}}]"#);
    assert_eq!(
        error_in(&context.instantiate(&template(t, &x), &tuple)).0,
        "too-large"
    );
    let mut many = x.clone();
    for number in 0..70 {
        many = bind(&format!("w{number}"), &n, &many);
    }
    let answer = context.instantiate(&template(t, &many), "[{\"kind\":\"nil\"}]");
    assert_eq!(error_in(&answer).0, "too-large");
}

#[test]
fn instances_are_kept() {
    let context = Context::new();
    let template = max_template();
    let short = r#"[{"kind":"int"}]"#;
    let first = context.instantiate(&template, short);
    assert_eq!(context.stat("cache_misses"), 1);
    // The same type with everything said, and the same template in another order.
    let second = context.instantiate(&template, &format!("[ {INT} ]"));
    let name = r#""name":"max","#;
    let rest = template.replacen(name, "", 1);
    let rest = rest.strip_suffix('}').expect("an object");
    let turned = format!("{rest},\"name\":\"max\"}}");
    let third = context.instantiate(&turned, short);
    assert!(first == second && second == third, "{third}");
    let other = context.instantiate(&template, r#"[{"kind":"float"}]"#);
    assert!(other != first);
    assert_eq!(
        error_in(&context.instantiate(&template, r#"[{"kind":"nil"}]"#)).0,
        "class"
    );
    assert_eq!(
        error_in(&context.instantiate(&template, r#"[{"kind":"nil"}]"#)).0,
        "class"
    );
    for (name, count) in [
        ("instantiations", 6),
        ("instantiation_errors", 2),
        ("cache_hits", 2),
        ("cache_misses", 4),
        ("cache_entries", 2),
        ("cache_evictions", 0),
        ("inferences", 0),
    ] {
        assert_eq!(context.stat(name), count, "{name}");
    }
    assert!(context.stat("unifications") > 0 && context.stat("contexts") > 0);
    // Another context knows nothing of it, and a full one forgets the oldest.
    let other = Context::new();
    for number in 0..1_030 {
        let types = format!(r#"[{{"kind":"named","name":"N{number}"}}]"#);
        let plain = template.replace("\"class\":\"ordered\"", "\"class\":\"any\"");
        let plain = plain.replace(r#"{"expr":"op","op":"<","args":[{"expr":"var","name":"a"},{"expr":"var","name":"b"}]}"#, &yes());
        let answer = other.instantiate(&plain, &types);
        assert!(answer.starts_with("{\"ok\":true"), "{answer}");
    }
    assert_eq!(other.stat("cache_entries"), 1024);
    assert_eq!(other.stat("cache_evictions"), 6);
}

#[test]
fn wrong_code_is_found() {
    let context = Context::new();
    let (int, flag) = (r#"{"kind":"int"}"#, r#"{"kind":"bool"}"#);
    let check = |code: &str| {
        context.check(&format!(
            r#"{{"name":"f","params":[{int},{flag}],"locals":[{int}],"result":{int},"calls":{{"g":{{"kind":"fn","params":[{int},{flag}],"result":{flag}}}}},"max_stack":3,"code":[{code}]}}"#
        ))
    };
    for (code, needed) in [
        (r#"["load",0],["return"]"#.to_owned(), 1),
        (format!(r#"["push",-5,{int}],["store",2],["load",2],["neg"],["return"]"#), 1),
        // A loop that counts down.
        (
            format!(
                r#"["load",0],["store",2],["load",2],["push",0,{int}],["gt"],["jump_if_not",11],["load",2],["push",1,{int}],["sub"],["store",2],["jump",2],["load",2],["return"]"#
            ),
            2,
        ),
        (
            r#"["load",0],["load",1],["call","g"],["jump_if_not",6],["load",0],["return"],["load",0],["load",1],["call","f"],["return"]"#
                .to_owned(),
            2,
        ),
        (format!(r#"["load",0],["load",0],["list",2,{int}],["pop"],["load",0],["return"]"#), 2),
    ] {
        let answer = check(&code);
        assert!(answer.ends_with(&format!("\"stack\":{needed}}}")), "{code}: {answer}");
    }
    for (code, expected, place) in [
        ("", "falls-off", "code"),
        (r#"["load",0]"#, "falls-off", "code[0]"),
        (r#"["return"]"#, "stack-underflow", "code[0]"),
        (
            r#"["load",0],["add"],["return"]"#,
            "stack-underflow",
            "code[1]",
        ),
        (
            r#"["load",0],["tuple",2],["return"]"#,
            "stack-underflow",
            "code[1]",
        ),
        (
            r#"["tuple",9223372036854775807],["return"]"#,
            "stack-underflow",
            "code[0]",
        ),
        (
            r#"["list",9223372036854775807,{"kind":"nil"}],["return"]"#,
            "stack-underflow",
            "code[0]",
        ),
        (
            r#"["load",0],["call","g"],["return"]"#,
            "mismatch",
            "code[1]",
        ),
        (r#"["call","h"],["return"]"#, "unknown-name", "code[0]"),
        (r#"["load",1],["return"]"#, "mismatch", "code[1]"),
        (
            r#"["load",0],["load",0],["return"]"#,
            "stack-left",
            "code[2]",
        ),
        (
            r#"["load",0],["load",1],["add"],["return"]"#,
            "mismatch",
            "code[2]",
        ),
        (
            r#"["load",1],["load",1],["add"],["return"]"#,
            "mismatch",
            "code[2]",
        ),
        (r#"["load",0],["not"],["return"]"#, "mismatch", "code[1]"),
        (
            r#"["load",0],["jump_if_not",0],["return"]"#,
            "mismatch",
            "code[1]",
        ),
        (r#"["load",3],["return"]"#, "slot", "code[0]"),
        (r#"["load",0],["store",64],["return"]"#, "slot", "code[1]"),
        (
            r#"["load",0],["store",1],["return"]"#,
            "mismatch",
            "code[1]",
        ),
        (r#"["load",2],["return"]"#, "unassigned", "code[0]"),
        // Assigned on one of two paths only.
        (
            r#"["load",1],["jump_if_not",4],["load",0],["store",2],["load",2],["return"]"#,
            "unassigned",
            "code[4]",
        ),
        (r#"["jump",1]"#, "jump-target", "code[0]"),
        (
            r#"["load",0],["jump",18446744073709551615],["return"]"#,
            "jump-target",
            "code[1]",
        ),
        (r#"["load",0],["jump",-1],["return"]"#, "form", "code[1]"),
        // One value more in each round.
        (r#"["load",0],["jump",0]"#, "stack-mismatch", "code[1]"),
        // Two paths that meet with different types.
        (
            r#"["load",1],["jump_if_not",4],["load",0],["jump",5],["load",1],["return"]"#,
            "stack-mismatch",
            "code[4]",
        ),
        (
            r#"["load",0],["load",0],["load",0],["load",0],["pop"],["pop"],["pop"],["return"]"#,
            "stack-overflow",
            "code[3]",
        ),
        (
            r#"["load",0],["return"],["load",0],["return"]"#,
            "unreachable",
            "code[2]",
        ),
        (r#"["jump",0],["return"]"#, "unreachable", "code[1]"),
        (
            r#"["push",300,{"kind":"int","bits":8}],["return"]"#,
            "range",
            "code[0]",
        ),
        (
            r#"["push",1,{"kind":"var","name":"a"}],["return"]"#,
            "open-type",
            "code[0]",
        ),
        (r#"["push",1],["return"]"#, "form", "code[0]"),
        (r#"["dance"]"#, "form", "code[0]"),
        (r#"[""]"#, "form", "code[0]"),
        (r#"[]"#, "form", "code[0]"),
        (r#"["load",0],7"#, "form", "code[1]"),
    ] {
        let (found, message, at) = error_in(&check(code));
        assert_eq!(
            (found.as_str(), at.as_str()),
            (expected, place),
            "{code}: {message}"
        );
    }
    let loops = r#"["load",0],["pop"],["jump",0]"#;
    assert!(check(loops).starts_with("{\"ok\":true"));
    let function = |params: usize, stack: &str| {
        let params = vec![flag; params].join(",");
        context.check(&format!(
            r#"{{"name":"f","params":[{params}],"result":{flag},"max_stack":{stack},"code":[["load",0],["return"]]}}"#
        ))
    };
    assert!(function(64, "256").starts_with("{\"ok\":true"));
    assert_eq!(error_in(&function(65, "1")).2, "locals");
    assert_eq!(error_in(&function(0, "1")).0, "slot");
    assert_eq!(error_in(&function(1, "257")).2, "max_stack");
    assert_eq!(error_in(&function(1, "0")).0, "stack-overflow");
    assert_eq!(error_in(&function(1, "-1")).0, "form");
}

#[test]
fn hostile_code_ends_soon() {
    let context = Context::new();
    let start = Instant::now();
    // Every slot is lost one after the other around one loop.
    let mut code = Vec::new();
    for slot in 1..64 {
        code.push(format!("[\"load\",0],[\"store\",{slot}]"));
    }
    let head = code.len() * 2;
    for _ in 0..1_500 {
        code.push(format!("[\"load\",0],[\"jump_if_not\",{head}]"));
    }
    code.push(format!("[\"jump\",{head}]"));
    let flags = vec![r#"{"kind":"bool"}"#; 63].join(",");
    let source = format!(
        r#"{{"name":"f","params":[{{"kind":"bool"}}],"locals":[{flags}],"result":{{"kind":"bool"}},"max_stack":9,"code":[{}]}}"#,
        code.join(",")
    );
    assert!(context.check(&source).starts_with("{\"ok\":true"));
    // Types that double with every instruction.
    let doubling = vec![r#"["tuple",1],["store",0],["load",0]"#; 100].join(",");
    let source = format!(
        r#"{{"name":"f","params":[],"result":{{"kind":"nil"}},"max_stack":9,"code":[["tuple",0],{doubling}]}}"#
    );
    assert_eq!(error_in(&context.check(&source)).0, "slot");
    let nested = vec![r#"["tuple",1]"#; 16_000].join(",");
    let source = format!(
        r#"{{"name":"f","params":[],"result":{{"kind":"nil"}},"max_stack":9,"code":[["tuple",0],{nested},["return"]]}}"#
    );
    let (code, message, _) = error_in(&context.check(&source));
    assert_eq!(code, "mismatch");
    assert_eq!(message, "expected `nil` on the stack, found `…`");
    let source = source.replace(r#"["return"]"#, &vec!["[\"pop\"]"; 1_000].join(","));
    assert_eq!(error_in(&context.check(&source)).0, "too-large");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn bad_arguments_give_minus_one() {
    let context = Context::new();
    let gone = __rt_compiler_create_context();
    assert!(__rt_compiler_destroy_context(gone) && !__rt_compiler_destroy_context(gone));
    let foreign = rt_atomic_new(1);
    let source = yes();
    let (text, count) = (source.as_ptr(), len(&source));
    let mut room = [0u8; 8];
    let out = room.as_mut_ptr();
    let null = std::ptr::null_mut::<u8>();
    unsafe {
        for bad in BAD_HANDLES.into_iter().chain([gone, foreign]) {
            rt_error_clear();
            assert_eq!(__rt_compiler_infer_types(bad, text, count, out, 8), -1);
            assert_eq!(take_error(), 11);
            assert_eq!(__rt_compiler_check_types(bad, text, count, out, 8), -1);
            assert_eq!(
                __rt_compiler_instantiate_template(bad, text, count, text, count, out, 8),
                -1
            );
            assert_eq!(__rt_compiler_get_stats(bad, out, 8), -1);
            assert!(!__rt_compiler_destroy_context(bad));
        }
        let handle = context.0;
        for bad in [-1, i64::MIN, i64::MAX] {
            assert_eq!(__rt_compiler_infer_types(handle, text, bad, out, 8), -1);
            assert_eq!(__rt_compiler_check_types(handle, null, bad, out, 8), -1);
        }
        let broken = [0xffu8; 4];
        let wrong = broken.as_ptr();
        assert_eq!(__rt_compiler_infer_types(handle, wrong, 4, out, 8), -1);
        assert_eq!(
            __rt_compiler_instantiate_template(handle, text, count, wrong, 4, out, 8),
            -1
        );
        assert_eq!(__rt_compiler_infer_types(handle, text, count, null, 1), -1);
        assert_eq!(__rt_compiler_infer_types(handle, text, count, out, -1), -1);
        assert_eq!(__rt_compiler_get_stats(handle, null, 1), -1);
        assert_eq!(
            (context.stat("inferences"), context.stat("instantiations")),
            (0, 0)
        );
        // The whole length, and no byte too many.
        let length = __rt_compiler_infer_types(handle, text, count, out, 4);
        assert_eq!(
            length,
            len(r#"{"ok":true,"type":{"kind":"bool"},"text":"bool"}"#)
        );
        assert_eq!(&room, b"{\"ok\0\0\0\0");
        // Nothing at all is JSON that is wrong, not a bad argument.
        assert!(__rt_compiler_infer_types(handle, std::ptr::null(), 0, null, 0) > 0);
        assert_eq!(
            (context.stat("inferences"), context.stat("inference_errors")),
            (2, 1)
        );
    }
}

#[test]
fn threads_share_a_context() {
    let context = Context::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let answer = context.instantiate(&max_template(), &format!("[{INT}]"));
                    assert!(answer.starts_with("{\"ok\":true"));
                }
            });
        }
    });
    assert_eq!(
        (context.stat("cache_hits"), context.stat("cache_misses")),
        (159, 1)
    );
}

#[test]
fn the_deepest_programs_need_little_stack() {
    let (mut lets, mut ifs, mut sums) = (num(1), num(1), num(1));
    let mut of = INT.to_owned();
    for round in 0..120 {
        lets = bind("x", &num(1), &lets);
        ifs = when(&yes(), &num(1), &ifs);
        if round % 2 == 0 {
            sums = op("+", &[&sums, &num(1)]);
            of = format!(r#"{{"kind":"tuple","items":[{of}]}}"#);
        }
    }
    let cast = format!(r#"{{"expr":"as","value":{},"type":{of}}}"#, num(1));
    let work = move || {
        let context = Context::new();
        for (body, inferred, lowered) in [
            (&lets, "", "too-large"),
            (&ifs, "", ""),
            (&sums, "", ""),
            (&cast, "mismatch", "mismatch"),
        ] {
            let code = |answer: &str| match answer.starts_with("{\"ok\":true") {
                true => String::new(),
                false => error_in(answer).0,
            };
            assert_eq!(code(&context.infer(body)), inferred);
            let template =
                format!(r#"{{"name":"t","params":[],"args":[],"result":{INT},"body":{body}}}"#);
            assert_eq!(code(&context.instantiate(&template, "[]")), lowered);
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work);
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn damaged_input_is_survived() {
    let context = Context::new();
    let template = max_template();
    let int = format!("[{INT}]");
    let program = bind(
        "f",
        &lambda(&["x"], &op("==", &[&var("x"), &list_of(&[])])),
        &when(&yes(), &apply(&var("f"), &[&list_of(&[&num(1)])]), &yes()),
    );
    let wrapped = format!(
        r#"{{"env":{{"g":{{"kind":"var","name":"a","class":"number"}}}},"type":{INT},"body":{}}}"#,
        var("g")
    );
    let code = context.instantiate(&template, &int);
    let sources = [&program, &wrapped, &template, &code, &int];
    // Parts of all of them, to be put where they do not belong.
    let splits: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.split_inclusive(['{', '}', '[', ']', ',', ':']))
        .chain(["-1", "99", "null", "1e99", "\"\"", "18446744073709551616"])
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % limit.max(1)
    };
    for round in 0..DAMAGED_ROUNDS {
        let source = sources[round % sources.len()];
        let mut parts: Vec<&str> = source
            .split_inclusive(['{', '}', '[', ']', ',', ':'])
            .collect();
        for _ in 0..1 + below(3) {
            let at = below(parts.len());
            match below(4) {
                0 => drop(parts.remove(at)),
                1 => parts[at] = splits[below(splits.len())],
                2 => parts.insert(at, splits[below(splits.len())]),
                _ => {
                    let other = below(parts.len());
                    parts.swap(at, other);
                }
            }
            if parts.is_empty() {
                break;
            }
        }
        let damaged = parts.concat();
        for answer in [
            context.infer(&damaged),
            context.check(&damaged),
            context.instantiate(&damaged, &int),
            context.instantiate(&template, &damaged),
        ] {
            assert!(answer.starts_with("{\"ok\":"), "{damaged}: {answer}");
        }
    }
}
