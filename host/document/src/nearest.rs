//! The nearest valid name for one that isn't valid: "did you mean".

/// The candidate that `name` was most likely meant to be, if any is near enough.
///
/// Case, hyphens and underscores don't count, so `renewalPeriod` finds `renewal-period`. Otherwise about one letter
/// in three may be wrong.
///
/// ```
/// # use tollgate_document::nearest;
/// assert_eq!(nearest("rate-limt", ["quota", "rate-limit"]), Some("rate-limit"));
/// assert_eq!(nearest("teapot", ["quota", "rate-limit"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are no slips of the finger, and comparing takes the product of both lengths.
    const MAX_BYTES: usize = 64;
    if name.len() > MAX_BYTES {
        return None;
    }
    let wanted = plain(name);
    let allowed = (wanted.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_BYTES && candidate.len().abs_diff(name.len()) <= 2 * allowed)
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A name without case, hyphens and underscores.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_seen_through_and_other_words_are_not() {
        let keys = ["id", "path", "backend", "subscription-required", "operations", "policies"];
        for (name, expected) in [
            ("pth", Some("path")),
            ("ptah", Some("path")),
            ("Backend", Some("backend")),
            ("subscriptionRequired", Some("subscription-required")),
            ("subscription_required", Some("subscription-required")),
            ("operation", Some("operations")),
            ("name", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, keys), expected, "{name}");
        }
        assert_eq!(nearest(&"a".repeat(1_000_000), keys), None);
    }
}
