//! Documents that are made to be expensive. Times are compared with each other, and are this thread's alone.

use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::config::{Apply, EmptyValues, Kind};

fn config(kind: Kind) -> Config {
    Config {
        kind,
        apply: Apply::Always,
        consider_accept_header: true,
        always_array_child_elements: false,
        preserve_whitespace_nodes: false,
        empty_values: EmptyValues::Preserve,
        trim_values: false,
    }
}

/// Nanoseconds of processor time that a conversion takes: other threads' work doesn't count.
fn time(body: &[u8]) -> i64 {
    let config = config(Kind::Direct);
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let start = now();
    let _ = std::hint::black_box(convert(body, &config));
    now() - start
}

/// Eight times the document takes nowhere near the 64 times of a quadratic conversion. A machine under load may need
/// a few tries to show it; a quadratic conversion has none.
#[track_caller]
fn assert_linear(make: impl Fn(usize) -> String, size: usize) {
    let (small, large) = (make(size), make(8 * size));
    let (mut fast, mut slow) = (i64::MAX, i64::MAX);
    for _ in 0..20 {
        fast = fast.min(time(small.as_bytes()));
        slow = slow.min(time(large.as_bytes()));
        if slow < 20 * fast + 200_000 {
            return;
        }
    }
    panic!("{} bytes {fast} ns, {} bytes {slow} ns", small.len(), large.len());
}

#[test]
fn every_document_is_converted_in_linear_time() {
    assert_linear(|n| format!("<a>{}</a>", "<b>1</b>".repeat(n)), 5_000);
    assert_linear(|n| format!("<a>{}</a>", "<b/><c/><d/>".repeat(n)), 5_000);
    assert_linear(|n| format!("<a>{}</a>", (0..n).map(|i| format!("<b{i}/>")).collect::<String>()), 7_000);
    assert_linear(|n| format!("<a>{}</a>", "x<b/>".repeat(n)), 5_000);
    assert_linear(|n| format!("<a>{}</a>", "&lt;".repeat(n)), 10_000);
    assert_linear(|n| format!("<a>{}</a>", "<!-- -->x".repeat(n)), 5_000);
    assert_linear(|n| format!("<a>{}</a>", "<![CDATA[x]]>".repeat(n)), 5_000);
    assert_linear(|n| format!("<a>{}</a>", "]]".repeat(n)), 20_000);
    assert_linear(|n| format!("<a b='{}'/>", "&#65;\n".repeat(n)), 10_000);
    assert_linear(|n| format!("<a>{}</a>", " \n".repeat(n)), 20_000);
}

#[test]
fn elements_full_of_attributes_and_namespaces_stay_linear() {
    let attributes: String = (0..256).map(|i| format!(" b{i}='x'")).collect();
    assert_linear(|n| format!("<a>{}</a>", format!("<c{attributes}/>").repeat(n)), 20);
    let same: String = (0..31).map(|i| format!(" xmlns:p{i}='u' p{i}:b{i}='x'")).collect();
    assert_linear(|n| format!("<a>{}</a>", format!("<c{same}/>").repeat(n)), 50);
    let bindings: String = (0..64).map(|i| format!(" xmlns:{}{i}='u'", "p".repeat(1_000))).collect();
    let user = format!("<{}0:c/>", "p".repeat(1_000));
    assert_linear(|n| format!("<a{bindings}>{}</a>", user.repeat(n)), 200);
}

#[test]
fn bombs_are_refused_in_linear_time() {
    assert_linear(|n| format!("<a {}/>", (0..n).map(|i| format!("b{i}='' ")).collect::<String>()), 25_000);
    assert_linear(|n| format!("<a {}/>", (0..n).map(|i| format!("xmlns:p{i}='u' ")).collect::<String>()), 12_500);
    for open in [
        "<a>",
        "<a",
        "<!--",
        "<![CDATA[",
        "&",
        "<?p ",
        "<a b='",
        "</a>",
        "<!",
        "<",
        "\"",
        "<a b=\"'\">",
        "<!DOCTYPE a [",
    ] {
        assert_linear(|n| open.repeat(n), 20_000);
        assert_linear(|n| format!("<a>{}", open.repeat(n)), 20_000);
    }
    for body in
        ["<a>".repeat(1_000_000), format!("<a {}/>", "b='' ".repeat(200_000)), format!("<{}/>", "n".repeat(1 << 20))]
    {
        assert!(convert(body.as_bytes(), &config(Kind::Direct)).is_err());
    }
}

#[test]
fn the_deepest_document_fits_a_guests_stack() {
    let body = "<a b='1'>".repeat(127) + "x" + &"</a>".repeat(127);
    let deep = move || convert(body.as_bytes(), &config(Kind::JavascriptFriendly)).unwrap().len();
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(deep).unwrap();
    assert_eq!(thread.join().unwrap(), 127 * r#""a":{"b":"1",}"#.len() + r#"{"$text":"x"}"#.len());
}

#[test]
fn a_document_of_the_smallest_elements_fits_an_instance() {
    let body = format!("<a>{}</a>", "<b/>".repeat(1 << 20));
    let json = convert(body.as_bytes(), &config(Kind::Direct)).unwrap();
    assert_eq!(json.len(), r#"{"a":{"b":[]}}"#.len() + (3 << 20) - 1);
}
