//! Does a header say what it should?

use std::borrow::Cow;

/// What the header's lines turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Fine,
    Nothing,
    Other,
}

/// A value is compared with the whole line. Two lines are never fine where values matter: the origin might go by the
/// other one. Without values the header only has to be there.
pub(crate) fn find(lines: &[Vec<u8>], values: Option<&[Cow<'_, str>]>, ignore_case: bool) -> Found {
    let same = |value: &[u8], line: &[u8]| if ignore_case { value.eq_ignore_ascii_case(line) } else { value == line };
    match (lines, values) {
        ([], _) => Found::Nothing,
        (_, None) => Found::Fine,
        ([line], Some(values)) if values.iter().any(|value| same(value.as_bytes(), line)) => Found::Fine,
        _ => Found::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(values: Option<&[&str]>, ignore_case: bool, lines: &[&str]) -> Found {
        let values: Option<Vec<Cow<'_, str>>> =
            values.map(|values| values.iter().map(|value| Cow::Borrowed(*value)).collect());
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        super::find(&lines, values.as_deref(), ignore_case)
    }

    #[test]
    fn without_values_presence_is_enough() {
        assert_eq!(find(None, false, &[]), Found::Nothing);
        assert_eq!(find(None, false, &[""]), Found::Fine);
        assert_eq!(find(None, false, &["a", "b"]), Found::Fine);
    }

    #[test]
    fn any_of_the_values_is_enough() {
        assert_eq!(find(Some(&["a", "b"]), false, &["b"]), Found::Fine);
        assert_eq!(find(Some(&["a", "b"]), false, &["c"]), Found::Other);
        assert_eq!(find(Some(&["a", "b"]), false, &["a, b"]), Found::Other);
        assert_eq!(find(Some(&["a"]), false, &[]), Found::Nothing);
    }

    #[test]
    fn case_matters_unless_it_is_ignored() {
        assert_eq!(find(Some(&["Gold"]), false, &["gold"]), Found::Other);
        assert_eq!(find(Some(&["Gold"]), true, &["gOLD"]), Found::Fine);
    }

    #[test]
    fn a_second_line_smuggles_nothing() {
        assert_eq!(find(Some(&["a"]), false, &["a", "evil"]), Found::Other);
        assert_eq!(find(Some(&["a"]), false, &["a", "a"]), Found::Other);
    }
}
