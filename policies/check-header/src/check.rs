//! Does a header say what it should?

/// What a header has to be.
#[derive(Debug)]
pub(crate) struct Expected {
    /// None if it only has to be there.
    values: Option<Vec<String>>,
    ignore_case: bool,
}

/// What the header's lines turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Fine,
    Nothing,
    Other,
}

impl Expected {
    pub(crate) fn new(values: Option<Vec<String>>, ignore_case: bool) -> Self {
        Self { values, ignore_case }
    }

    /// A value is compared with the whole line. Two lines are never fine where values matter: the origin might go by
    /// the other one.
    pub(crate) fn find(&self, lines: &[Vec<u8>]) -> Found {
        match (lines, &self.values) {
            ([], _) => Found::Nothing,
            (_, None) => Found::Fine,
            ([line], Some(values)) if values.iter().any(|value| self.same(value.as_bytes(), line)) => Found::Fine,
            _ => Found::Other,
        }
    }

    fn same(&self, value: &[u8], line: &[u8]) -> bool {
        if self.ignore_case { value.eq_ignore_ascii_case(line) } else { value == line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(values: Option<&[&str]>, ignore_case: bool, lines: &[&str]) -> Found {
        let values = values.map(|values| values.iter().map(ToString::to_string).collect());
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        Expected::new(values, ignore_case).find(&lines)
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
