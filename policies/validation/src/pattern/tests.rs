//! Patterns against texts, and against what could make them slow.

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).unwrap().is_match(text)
}

#[test]
fn what_is_written_is_found() {
    for (pattern, fits, fails) in [
        ("", vec!["", "a"], vec![]),
        ("b", vec!["b", "abc"], vec!["", "ac"]),
        ("^a", vec!["a", "ab"], vec!["ba", ""]),
        ("a$", vec!["a", "ba"], vec!["ab", "a\n"]),
        ("^$", vec![""], vec!["a"]),
        ("^a.c$", vec!["abc", "aéc", "a😀c"], vec!["ac", "a\nc", "abbc"]),
        ("^(ab|cd)+$", vec!["ab", "abcd", "cdcdab"], vec!["", "abc", "ac"]),
        ("^a|b$", vec!["ax", "xb"], vec!["xa", "bx"]),
        ("^(a|)$", vec!["a", ""], vec!["b"]),
        ("^a*b?c+$", vec!["c", "aabcc", "ac"], vec!["ab", "abbc", ""]),
        ("^(a*)*$", vec!["", "aaa"], vec!["b"]),
        ("^(a*|b)+c$", vec!["c", "abac"], vec!["ad"]),
        ("^a{2}$", vec!["aa"], vec!["a", "aaa"]),
        ("^a{2,}$", vec!["aa", "aaaaa"], vec!["a"]),
        ("^(ab){1,2}?$", vec!["ab", "abab"], vec!["", "ababab"]),
        ("^a{,2}$", vec!["a{,2}"], vec!["aa"]),
        ("^a{0}$", vec![""], vec!["a"]),
        ("^x{$", vec!["x{"], vec!["x"]),
        ("^[a-c_-]+$", vec!["a-b_c"], vec!["d", ""]),
        ("^[^a-c]$", vec!["d", "\n"], vec!["a", "dd"]),
        ("^[]$", vec![], vec!["", "a"]),
        ("^[^]$", vec!["a", "\n"], vec![""]),
        (r"^[\d.\]a-\w]$", vec!["5", ".", "]", "-", "z"], vec!["+", ""]),
        (r"^\d\D\w\W\s\S$", vec!["1a_- x"], vec!["aaaaaa"]),
        (r"^\d$", vec!["7"], vec!["٧"]),
        (r"^\s$", vec![" ", "\u{a0}", "\u{feff}", "\u{2028}"], vec!["\u{85}", "x"]),
        (r"^\/\.\-\t\x41\u0042\u{1F600}\uD83D\uDE00\cA\0$", vec!["/.-\tAB😀😀\u{1}\0"], vec!["/"]),
        (r"^\p{L}\P{L}\p{Lu}\p{Script=N}$", vec!["é1Ä5"], vec!["11Ä5"]),
        (r"\bcat\b", vec!["a cat.", "cat"], vec!["concat", "cats"]),
        (r"\Bat", vec!["cat"], vec!["at"]),
        (r"^(?<year>\d{4})-(?:0[1-9]|1[0-2])$", vec!["2024-12"], vec!["2024-13", "2024-00"]),
        (
            "^(?=.*[A-Z])(?=.*[0-9])(?!.* ).{8,}$",
            vec!["Passw0rd", "0123456A"],
            vec!["password1", "Passw0r", "Pass w0rd"],
        ),
        ("a(?!b)", vec!["ac", "a"], vec!["ab"]),
        ("^(?!(?=a)ab).*$", vec!["ac", ""], vec!["abc"]),
    ] {
        for text in fits {
            assert!(matches(pattern, text), "{pattern} in {text:?}");
        }
        for text in fails {
            assert!(!matches(pattern, text), "{pattern} in {text:?}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    for (pattern, why) in [
        ("(", "a group without its end"),
        (")", "a `)` too many"),
        ("*a", "`*` with nothing before it"),
        ("a**", "`*` with nothing before it"),
        ("[a", "a class without its end"),
        ("[z-a]", "ends before it begins"),
        ("a{3,2}", "at most less often"),
        ("a{99999999999}", "repeats too often"),
        ("(a{1000}){1000}", "too large"),
        ("(){99999}", "repeats too often"),
        (r"(a)\1", "refers back"),
        ("(?<=a)b", "looks behind"),
        ("(?i)a", "unknown kind"),
        (r"\q", "unknown escape"),
        (r"\x4", "too few"),
        (r"\uD83D", "no character"),
        (r"\p{Greek}", "not supported"),
        ("\\", "ends in a backslash"),
    ] {
        let refused = Pattern::new(pattern).unwrap_err();
        assert!(refused.contains(why), "{pattern}: {refused}");
    }
    assert!(Pattern::new(&"(".repeat(500)).unwrap_err().contains("too deeply"));
}

#[test]
fn what_is_remembered_changes_nothing() {
    for source in ["^(a|b)*a(a|b){3}$", "a(a|b|é){9}c", "^[ab]+(é[ab]+)*$", "(a|b)*abb", "é$", "^.b"] {
        let pattern = Pattern::new(source).unwrap();
        // A small linear congruential generator: the same texts every time.
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ['a', 'b', 'c', 'é'][(state >> 16) as usize % 4]
        };
        for length in 0..40 {
            for _ in 0..20 {
                let text: String = (0..length).map(|_| next()).collect();
                assert_eq!(pattern.is_match(&text), program::is_match(&pattern.programs, &text), "{source} in {text}");
            }
        }
    }
}

#[test]
fn no_text_makes_it_run_for_ever() {
    let text = "a".repeat(5_000) + "!";
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*a){20}$", "^(?=(a+)+$)"] {
        assert!(!matches(pattern, &text), "{pattern}");
    }
}
