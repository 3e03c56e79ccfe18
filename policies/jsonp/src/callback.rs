//! What may be called back: a function's name, and nothing that could be a program.

/// Characters of a name.
const MAX_LENGTH: usize = 128;

/// Words that stand for no function.
const RESERVED: [&str; 38] = [
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether this names a function: identifiers with dots between them, each perhaps with an index, such as `app.done[0]`.
pub(crate) fn is_callable(name: &str) -> bool {
    name.len() <= MAX_LENGTH && name.split('.').all(is_member)
}

fn is_member(member: &str) -> bool {
    let (identifier, indexes) = member.split_at(member.find('[').unwrap_or(member.len()));
    is_identifier(identifier) && (indexes.is_empty() || are_indexes(indexes))
}

fn is_identifier(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    text.bytes().next().is_some_and(|byte| part(byte) && !byte.is_ascii_digit())
        && text.bytes().all(part)
        && !RESERVED.contains(&text)
}

/// `[0][12]`
fn are_indexes(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let digits = |index: &str| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    inner.is_some_and(|inner| inner.split("][").all(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_functions_are_callable_and_programs_are_not() {
        for name in ["f", "$", "_", "jQuery17_4", "a.b.$c", "list[0]", "a[0][12].b", "angular.callbacks._0"] {
            assert!(is_callable(name), "{name}");
        }
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "1",
            "a b",
            "a-b",
            "a()",
            "a;b",
            "a[",
            "a[]",
            "a[b]",
            "a['b']",
            "a[0]b",
            "[0]",
            "new",
            "a.delete",
            "ä",
            "a\u{2028}",
            "a/**/",
            "<script>",
            "a\n",
        ] {
            assert!(!is_callable(name), "{name:?}");
        }
        assert!(!is_callable(&"a".repeat(129)));
    }
}
