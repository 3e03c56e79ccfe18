//! Documents that are made to be expensive. Times are compared with each other, and are this thread's alone.

use rustix::time::{ClockId, clock_gettime};

use super::tests::{config, direct, soap};
use super::*;

/// Nanoseconds of processor time that a conversion takes: other threads' work doesn't count.
fn time(body: &[u8], config: &Config) -> i64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let start = now();
    let _ = std::hint::black_box(convert(body, config));
    now() - start
}

/// Eight times the document takes nowhere near the 64 times of a quadratic conversion. A machine under load may need
/// a few tries to show it; a quadratic conversion has none.
#[track_caller]
fn assert_linear(make: impl Fn(usize) -> String, size: usize) {
    let (small, large) = (make(size), make(8 * size));
    for config in [config(), direct(), soap()] {
        let (mut fast, mut slow) = (i64::MAX, i64::MAX);
        for _ in 0..20 {
            fast = fast.min(time(small.as_bytes(), &config));
            slow = slow.min(time(large.as_bytes(), &config));
            if slow < 20 * fast + 200_000 {
                break;
            }
        }
        assert!(slow < 20 * fast + 200_000, "{} bytes {fast} ns, {} bytes {slow} ns", small.len(), large.len());
    }
}

fn members(count: usize, member: impl Fn(usize) -> String) -> String {
    (0..count).map(member).collect::<Vec<_>>().join(",")
}

#[test]
fn every_document_is_converted_in_linear_time() {
    assert_linear(|n| format!("{{\"a\":[{}]}}", members(n, |_| "1".to_owned())), 5_000);
    assert_linear(|n| format!("{{{}}}", members(n, |i| format!("\"k{i}\":1"))), 5_000);
    assert_linear(|n| format!("{{{}}}", members(n, |_| "\"k\":1".to_owned())), 5_000);
    assert_linear(|n| format!("{{{}}}", members(n, |i| format!("\"\\u006b{}\":{{}}", i % 7))), 5_000);
    assert_linear(|n| format!("[{}]", members(n, |_| "{\"a\":{\"@b\":\"c\",\"d\":null}}".to_owned())), 1_000);
    assert_linear(|n| format!("\"{}\"", "\\u0041".repeat(n)), 10_000);
    assert_linear(|n| format!("\"{}\"", "<".repeat(n)), 10_000);
    assert_linear(|n| format!("{{\"{}\":1}}", "k".repeat(n)), 8_000);
    assert_linear(|n| format!("{}1", " ".repeat(n)), 50_000);
    assert_linear(
        |n| format!("[{}]", members(n, |_| "{\"p:a\":{\"xmlns:p\":\"u\",\"#attrs\":{\"p:x\":1}}}".to_owned())),
        1_000,
    );
}

#[test]
fn bombs_are_refused_in_linear_time() {
    for open in ["[", "{\"a\":", "{\"a\":[", "\"", "\\", "[[],", "{\"a\":1,", "{\"\\u", "-", "1", "1e", "tru"] {
        assert_linear(|n| open.repeat(n), 20_000);
    }
    assert_linear(|n| format!("{{\"a\":{{{}}}}}", members(n, |i| format!("\"@b{i}\":1"))), 5_000);
    assert_linear(|n| format!("{{\"a\":{{{}}}}}", members(n, |i| format!("\"xmlns:b{i}\":\"u\""))), 5_000);
    for body in
        ["[".repeat(4 << 20), "{\"a\":".repeat(800_000), format!("{{{}}}", members(65_537, |i| format!("\"k{i}\":1")))]
    {
        assert!(convert(body.as_bytes(), &config()).is_err());
    }
}

#[test]
fn the_deepest_document_fits_a_guests_stack() {
    let nested = "{\"a\":[".repeat(63) + "1" + &"]}".repeat(63);
    let bomb = "[{\"a\":".repeat(500_000);
    let deep =
        move || (convert(nested.as_bytes(), &config()).unwrap().len(), convert(bomb.as_bytes(), &config()).is_err());
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(deep).unwrap();
    assert_eq!(thread.join().unwrap(), (63 * "<a></a>".len() + 1, true));
}

#[test]
fn a_result_is_never_much_larger_than_its_document() {
    for body in [
        format!("{{\"{}\":[{}]}}", "n".repeat(1_000), members(100_000, |_| "1".to_owned())),
        format!("[{}]", members(100_000, |_| "null".to_owned())),
        format!("\"{}\"", "\\r".repeat(100_000)),
        format!("[{}]", members(100_000, |_| "[]".to_owned())),
        format!("{{\"{}\":1}}", "\u{1F4A9} ".repeat(10_000)),
    ] {
        if let Ok(xml) = convert(body.as_bytes(), &config()) {
            assert!(xml.len() <= 4 * body.len() + (256 << 10), "{} became {}", body.len(), xml.len());
        }
    }
}
