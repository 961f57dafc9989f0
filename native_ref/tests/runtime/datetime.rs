//! Dates: the calendar both ways, patterns, arithmetic, the ends of the range.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::{len, text_of};

const INVALID: i64 = i64::MIN;
const DAY: i64 = 86_400_000;

fn date(year: i64, month: i64, day: i64) -> i64 {
    rt_datetime_from_parts(year, month, day, 0, 0, 0, 0)
}

fn iso(instant: i64) -> Result<String, i64> {
    text_of(|out, cap| unsafe { rt_datetime_to_iso(instant, out, cap) })
}

fn from_iso(text: &str) -> i64 {
    unsafe { rt_datetime_parse_iso(text.as_ptr(), len(text)) }
}

fn format(instant: i64, pattern: &str) -> Result<String, i64> {
    text_of(|out, cap| unsafe {
        rt_datetime_format(instant, pattern.as_ptr(), len(pattern), out, cap)
    })
}

fn parse(text: &str, pattern: &str) -> i64 {
    unsafe { rt_datetime_parse(text.as_ptr(), len(text), pattern.as_ptr(), len(pattern)) }
}

fn parts(instant: i64) -> [i64; 9] {
    let mut out = [0; 9];
    assert_eq!(
        unsafe { rt_datetime_parts(instant, out.as_mut_ptr(), 9) },
        9
    );
    out
}

#[test]
fn known_days() {
    let days = [
        (1970, 1, 1, 0, 4),
        (1969, 12, 31, -1, 3),
        (2000, 2, 29, 11_016, 2),
        (2000, 3, 1, 11_017, 3),
        (1900, 2, 28, -25_509, 3),
        (1900, 3, 1, -25_508, 4),
        (1600, 2, 29, -135_081, 2),
        (1582, 10, 15, -141_427, 5),
        (1, 1, 1, -719_162, 1),
        (0, 12, 31, -719_163, 7),
        (0, 2, 29, -719_469, 2),
        (-1, 12, 31, -719_529, 5),
        (-400, 2, 29, -865_566, 2),
        (9999, 12, 31, 2_932_896, 5),
    ];
    for (year, month, day, number, weekday) in days {
        assert_eq!(date(year, month, day), number * DAY, "{year}-{month}-{day}");
        let got = parts(number * DAY);
        assert_eq!(got[..3], [year, month, day]);
        assert_eq!(got[7], weekday, "{year}-{month}-{day}");
    }
}

#[test]
fn every_day_of_eight_centuries_follows_the_one_before() {
    let mut instant = date(1599, 12, 31);
    let (mut year, mut month, mut day, mut yearday, mut weekday) = (1599, 12, 31, 365, 5);
    for _ in 0..146_097 * 2 {
        instant += DAY;
        (day, yearday, weekday) = (day + 1, yearday + 1, weekday % 7 + 1);
        if day > rt_datetime_days_in_month(year, month) {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month, yearday) = (year + 1, 1, 1);
        }
        let got = parts(instant);
        assert_eq!(got, [year, month, day, 0, 0, 0, 0, weekday, yearday]);
        assert_eq!(date(year, month, day), instant);
    }
    assert_eq!((year, month, day), (2399, 12, 31));
}

#[test]
fn times_before_1970_count_forwards_within_their_day() {
    assert_eq!(parts(-1), [1969, 12, 31, 23, 59, 59, 999, 3, 365]);
    assert_eq!(iso(-1).as_deref(), Ok("1969-12-31T23:59:59.999Z"));
    assert_eq!(rt_datetime_hour(-DAY), 0);
    assert_eq!(rt_datetime_from_parts(1969, 12, 31, 23, 59, 59, 999), -1);
    assert_eq!(format(-1, "%s").as_deref(), Ok("-1"));
}

#[test]
fn leap_years() {
    for (year, leap) in [
        (2000, true),
        (1900, false),
        (2024, true),
        (2023, false),
        (0, true),
    ] {
        assert_eq!(rt_datetime_is_leap_year(year), leap, "{year}");
        assert_eq!(rt_datetime_days_in_month(year, 2), 28 + i64::from(leap));
    }
    assert!(rt_datetime_is_leap_year(-4) && !rt_datetime_is_leap_year(-100));
    assert!(!rt_datetime_is_leap_year(i64::MAX));
    assert_eq!(rt_datetime_days_in_month(2024, 0), 0);
    assert_eq!(rt_datetime_days_in_month(2024, 13), 0);
    assert_eq!(rt_datetime_days_in_month(i64::MIN, 12), 31);
}

#[test]
fn dates_that_do_not_exist() {
    for (year, month, day) in [
        (2023, 2, 29),
        (1900, 2, 29),
        (2024, 4, 31),
        (2024, 0, 1),
        (2024, 13, 1),
        (2024, 1, 0),
        (2024, 1, -1),
        (i64::MAX, 1, 1),
        (i64::MIN, 1, 1),
        (300_000_000, 1, 1),
    ] {
        assert_eq!(date(year, month, day), INVALID, "{year}-{month}-{day}");
    }
    for (h, m, s, ms) in [
        (24, 0, 0, 0),
        (0, 60, 0, 0),
        (0, 0, 60, 0),
        (0, 0, 0, 1000),
        (-1, 0, 0, 0),
    ] {
        assert_eq!(rt_datetime_from_parts(2024, 1, 1, h, m, s, ms), INVALID);
    }
}

#[test]
fn the_ends_of_the_range() {
    let last = parts(i64::MAX);
    assert_eq!(last, [292_278_994, 8, 17, 7, 12, 55, 807, 7, 229]);
    assert_eq!(
        rt_datetime_from_parts(292_278_994, 8, 17, 7, 12, 55, 807),
        i64::MAX
    );
    assert_eq!(
        rt_datetime_from_parts(292_278_994, 8, 17, 7, 12, 55, 808),
        INVALID
    );
    let first = parts(i64::MIN + 1);
    assert_eq!(first[..7], [-292_275_055, 5, 16, 16, 47, 4, 193]);
    assert_eq!(
        rt_datetime_from_parts(-292_275_055, 5, 16, 16, 47, 4, 193),
        i64::MIN + 1
    );
    assert_eq!(
        rt_datetime_from_parts(-292_275_055, 5, 16, 16, 47, 4, 192),
        INVALID
    );
    assert_eq!(
        iso(i64::MAX).as_deref(),
        Ok("+292278994-08-17T07:12:55.807Z")
    );
    assert_eq!(from_iso("+292278994-08-17T07:12:55.807Z"), i64::MAX);
    assert_eq!(from_iso("-292275055-05-16T16:47:04.193Z"), i64::MIN + 1);
    for getter in [
        rt_datetime_year,
        rt_datetime_month,
        rt_datetime_day,
        rt_datetime_hour,
        rt_datetime_minute,
        rt_datetime_second,
        rt_datetime_weekday,
        rt_datetime_yearday,
    ] {
        assert_eq!(getter(INVALID), INVALID);
        assert_ne!(getter(i64::MAX), INVALID);
    }
    assert_eq!(iso(INVALID), Err(-1));
}

#[test]
fn now_is_after_this_was_written() {
    let now = rt_datetime_now();
    assert!(now > date(2024, 1, 1) && now < date(9999, 1, 1));
}

#[test]
fn parts_go_where_there_is_room() {
    let mut out = [-7; 3];
    unsafe {
        assert_eq!(rt_datetime_parts(0, out.as_mut_ptr(), 2), 9);
        assert_eq!(out, [1970, 1, -7]);
        assert_eq!(rt_datetime_parts(0, null_mut(), 0), 9);
        assert_eq!(rt_datetime_parts(0, null_mut(), 1), -1);
        assert_eq!(rt_datetime_parts(0, out.as_mut_ptr(), -1), -1);
        assert_eq!(rt_datetime_parts(INVALID, out.as_mut_ptr(), 3), -1);
    }
}

#[test]
fn patterns_write() {
    let instant = rt_datetime_from_parts(2024, 2, 29, 5, 6, 7, 8);
    let cases = [
        ("%Y-%m-%d %H:%M:%S.%L", "2024-02-29 05:06:07.008"),
        ("%F %T %z", "2024-02-29 05:06:07 +0000"),
        ("%a %A %b %B %u %j", "Thu Thursday Feb February 4 060"),
        ("100 %% — ü", "100 % — ü"),
        ("%s", "1709183167"),
        ("", ""),
    ];
    for (pattern, text) in cases {
        assert_eq!(format(instant, pattern).as_deref(), Ok(text));
    }
    assert_eq!(format(date(-44, 3, 15), "%F").as_deref(), Ok("-0044-03-15"));
    assert_eq!(format(date(12_345, 1, 1), "%Y").as_deref(), Ok("+12345"));
    for bad in ["%", "abc%", "%Q", "%é"] {
        assert_eq!(format(instant, bad), Err(-1), "{bad:?}");
    }
    unsafe {
        assert_eq!(rt_datetime_format(0, null(), 1, null_mut(), 0), -1);
        assert_eq!(
            rt_datetime_format(0, [0xffu8].as_ptr(), 1, null_mut(), 0),
            -1
        );
        assert_eq!(rt_datetime_format(0, b"%F".as_ptr(), 2, null_mut(), 5), -1);
    }
}

#[test]
fn patterns_read() {
    let instant = rt_datetime_from_parts(2024, 2, 29, 5, 6, 7, 8);
    for pattern in [
        "%Y-%m-%d %H:%M:%S.%L",
        "%F|%T|%L|%z",
        "%A, %d. %B %Y, %H %M %S %L",
        "%j/%Y %T.%L",
    ] {
        let text = format(instant, pattern).unwrap();
        assert_eq!(parse(&text, pattern), instant, "{text}");
    }
    assert_eq!(parse("1709183167", "%s"), 1_709_183_167_000);
    assert_eq!(parse("-1", "%s"), -1_000);
    assert_eq!(parse("thu, 29 FEB 2024", "%a, %d %b %Y"), date(2024, 2, 29));
    assert_eq!(parse("12:30", "%H:%M"), 45_000_000);
    assert_eq!(parse("", ""), 0);
    assert_eq!(parse("100%", "100%%"), 0);
    assert_eq!(
        parse("2024-01-01 +0130", "%F %z"),
        date(2024, 1, 1) - 5_400_000
    );
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let cases = [
        ("2023-02-29", "%F"),
        ("2024-1-01", "%F"),
        ("2024-01-01x", "%F"),
        ("2024-01-0", "%F"),
        ("24:00", "%H:%M"),
        ("Fri, 29 Feb 2024", "%a, %d %b %Y"),
        ("Foo", "%b"),
        ("366 2023", "%j %Y"),
        ("000 2024", "%j %Y"),
        ("060 2024-03-01", "%j %F"),
        ("1", "%Q"),
        ("1", "%"),
        ("9999999999999999999", "%s"),
        ("999999999999999999", "%s"),
        ("+12:60", "%z"),
        ("+24:00", "%z"),
    ];
    for (text, pattern) in cases {
        assert_eq!(parse(text, pattern), INVALID, "{text:?} by {pattern:?}");
    }
    unsafe {
        assert_eq!(rt_datetime_parse(null(), 1, null(), 0), INVALID);
        assert_eq!(
            rt_datetime_parse([0xffu8].as_ptr(), 1, b"x".as_ptr(), 1),
            INVALID
        );
        assert_eq!(rt_datetime_parse(null(), 0, b"x".as_ptr(), -1), INVALID);
        assert_eq!(rt_datetime_parse_iso(null(), 4), INVALID);
        assert_eq!(
            rt_datetime_parse_iso(b"2024-01-01".as_ptr(), i64::MIN),
            INVALID
        );
    }
}

#[test]
fn iso_8601() {
    let noon = rt_datetime_from_parts(2024, 2, 29, 12, 0, 0, 0);
    let cases = [
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-29T12:00", noon),
        ("2024-02-29T12:00Z", noon),
        ("2024-02-29 12:00:00", noon),
        ("2024-02-29t12:00:00z", noon),
        ("2024-02-29T14:00:00+02:00", noon),
        ("2024-02-29T03:30:00-0830", noon),
        ("2024-02-29T12:00:00.5Z", noon + 500),
        ("2024-02-29T12:00:00,25", noon + 250),
        ("2024-02-29T12:00:00.123456789Z", noon + 123),
        ("-0001-12-31", date(-1, 12, 31)),
    ];
    for (text, want) in cases {
        assert_eq!(from_iso(text), want, "{text}");
    }
    for bad in [
        "",
        "2024",
        "2024-02-30",
        "2024-02-29T",
        "2024-02-29T12",
        "2024-02-29T12:00:",
        "2024-02-29T12:00:00.",
        "2024-02-29T12:00:60",
        "2024-02-29Z",
        "2024-02-29T12:00+2",
        " 2024-02-29",
        "2024-02-29 ",
        "20240229",
    ] {
        assert_eq!(from_iso(bad), INVALID, "{bad:?}");
    }
}

#[test]
fn adding() {
    let start = date(2024, 1, 31);
    assert_eq!(rt_datetime_add(start, 1, 0), start + 1);
    assert_eq!(rt_datetime_add(start, -1, 1), start - 1_000);
    assert_eq!(rt_datetime_add(start, 1, 2), start + 60_000);
    assert_eq!(rt_datetime_add(start, 1, 3), start + 3_600_000);
    assert_eq!(rt_datetime_add(start, 1, 4), date(2024, 2, 1));
    assert_eq!(rt_datetime_add(start, 1, 5), date(2024, 2, 7));
    assert_eq!(rt_datetime_add(start, 1, 6), date(2024, 2, 29));
    assert_eq!(rt_datetime_add(start, 13, 6), date(2025, 2, 28));
    assert_eq!(rt_datetime_add(start, -2, 6), date(2023, 11, 30));
    assert_eq!(rt_datetime_add(start, -25, 6), date(2021, 12, 31));
    assert_eq!(rt_datetime_add(date(2024, 2, 29), 1, 7), date(2025, 2, 28));
    assert_eq!(rt_datetime_add(date(2024, 2, 29), -4, 7), date(2020, 2, 29));
    assert_eq!(
        rt_datetime_add(date(2024, 2, 29), -2025, 7),
        date(-1, 2, 28)
    );
    for (amount, unit) in [
        (1, 8),
        (1, -1),
        (i64::MAX, 4),
        (i64::MAX, 7),
        (i64::MIN, 6),
        (i64::MAX, 0),
    ] {
        assert_eq!(
            rt_datetime_add(start, amount, unit),
            INVALID,
            "{amount} of {unit}"
        );
    }
    assert_eq!(rt_datetime_add(INVALID, 0, 0), INVALID);
    assert_eq!(rt_datetime_add(i64::MIN + 1, -1, 0), INVALID);
}

#[test]
fn differences() {
    let (jan, feb, mar) = (date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 1));
    assert_eq!(rt_datetime_diff(jan, mar, 4), 30);
    assert_eq!(rt_datetime_diff(mar, jan, 4), -30);
    assert_eq!(rt_datetime_diff(jan, mar, 5), 4);
    assert_eq!(rt_datetime_diff(mar, mar - 1, 1), 0);
    assert_eq!(rt_datetime_diff(jan, feb, 6), 1);
    assert_eq!(rt_datetime_diff(jan, feb - 1, 6), 0);
    assert_eq!(rt_datetime_diff(mar, feb, 6), 0);
    assert_eq!(rt_datetime_diff(mar, date(2024, 2, 1), 6), -1);
    assert_eq!(rt_datetime_diff(date(2020, 2, 29), date(2024, 2, 28), 7), 3);
    assert_eq!(rt_datetime_diff(date(2020, 2, 29), feb, 7), 4);
    assert_eq!(rt_datetime_diff(feb, date(2020, 2, 29), 7), -4);
    assert_eq!(rt_datetime_diff(i64::MIN + 1, i64::MAX, 0), INVALID);
    assert_eq!(
        rt_datetime_diff(i64::MIN + 1, i64::MAX, 1),
        18_446_744_073_709_551
    );
    assert_eq!(rt_datetime_diff(i64::MIN + 1, i64::MAX, 7), 584_554_049);
    assert_eq!(rt_datetime_diff(i64::MAX, i64::MIN + 1, 7), -584_554_049);
    for (from, to, unit) in [(INVALID, 0, 0), (0, INVALID, 7), (0, 0, 8), (0, 0, -1)] {
        assert_eq!(rt_datetime_diff(from, to, unit), INVALID);
    }
}
