//! Which memory of this process is mapped from artefacts, and not to be written to. Machine code that didn't come from there is
//! in memory that is lost when it is let go of.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// Addresses that are mapped from files of a folder, in their order.
pub(crate) struct Mapped(Vec<Range<usize>>);

impl Mapped {
    /// As it is now; nothing if the system doesn't tell.
    pub(crate) fn from_folder(folder: &Path) -> Mapped {
        let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return Mapped(Vec::new()) };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for range in maps.lines().filter_map(|line| mapping_of(line, folder)) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Mapped(ranges)
    }

    /// Is all of it?
    pub(crate) fn holds(&self, wanted: &Range<usize>) -> bool {
        let at = self.0.partition_point(|range| range.end <= wanted.start);
        wanted.start < wanted.end
            && self.0.get(at).is_some_and(|range| range.start <= wanted.start && wanted.end <= range.end)
    }
}

/// The range of a line of `/proc/self/maps`, if it is a file's of this folder, private and not to be written to.
fn mapping_of(line: &str, folder: &Path) -> Option<Range<usize>> {
    let file = Path::new(&line[line.find('/')?..]);
    let (range, rest) = line.split_once(' ')?;
    let may = rest.split(' ').next()?;
    if may.contains('w') || !may.ends_with('p') || !file.starts_with(folder) {
        return None;
    }
    let (from, to) = range.split_once('-')?;
    Some(usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
7f0000001000-7f0000002000 r--p 00000000 08:01 7  /cache/a.cwasm
7f0000002000-7f0000004000 r-xp 00001000 08:01 7  /cache/a.cwasm
7f0000004000-7f0000005000 rw-p 00003000 08:01 7  /cache/a.cwasm
7f0000005000-7f0000006000 r--s 00003000 08:01 7  /cache/a.cwasm
7f0000006000-7f0000007000 r--p 00003000 08:01 7  /cached/a.cwasm
7f0000007000-7f0000008000 r--p 00000000 00:00 0
7f0000009000-7f000000a000 r-xp 00001000 08:01 8  /cache/with a name.cwasm";

    #[test]
    fn only_private_unwritable_mappings_of_the_folder_count() {
        let ranges: Vec<_> = LINES.lines().map(|line| mapping_of(line, Path::new("/cache"))).collect();
        let first = |line: usize| ranges[line].as_ref().map(|range| range.start);
        assert_eq!((first(0), first(1), first(6)), (Some(0x7f0000001000), Some(0x7f0000002000), Some(0x7f0000009000)));
        assert_eq!(ranges[2..6], [None, None, None, None]);
    }

    #[test]
    fn what_lies_in_a_gap_is_not_held() {
        let mapped = Mapped(vec![10..20, 30..40]);
        for within in [10..20, 12..13, 30..40] {
            assert!(mapped.holds(&within), "{within:?}");
        }
        for outside in [0..5, 9..12, 19..21, 15..35, 20..30, 39..41, 50..60, 12..12] {
            assert!(!mapped.holds(&outside), "{outside:?}");
        }
    }
}
