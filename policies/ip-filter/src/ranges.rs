//! Ranges of addresses, in numbers that can be searched.

use std::net::IpAddr;

/// A range of one family, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4(u32, u32),
    V6(u128, u128),
}

/// Ranges of each family, sorted and without overlap.
#[derive(Debug)]
pub(crate) struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// An address; an IPv4 address that is mapped into IPv6 is the IPv4 address.
pub(crate) fn parse_ip(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("`{text}` is no IP address"))?;
    Ok(address.to_canonical())
}

impl Family {
    /// An address, a block (`192.0.2.0/24`) or a range (`192.0.2.1-192.0.2.9`). A block may be written with any of
    /// its addresses.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some((address, prefix)) = text.split_once('/') {
            let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
            let prefix = if digits { prefix.parse::<u32>().ok() } else { None };
            return Self::block(
                address,
                prefix.ok_or_else(|| format!("`{text}` has no length of a prefix after the `/`"))?,
            );
        }
        if let Some((from, to)) = text.split_once('-') {
            return Self::between(parse_ip(from.trim())?, parse_ip(to.trim())?);
        }
        let address = parse_ip(text)?;
        Self::between(address, address)
    }

    fn block(text: &str, prefix: u32) -> Result<Self, String> {
        let written: IpAddr = text.parse().map_err(|_| format!("`{text}` is no IP address"))?;
        let longest = if written.is_ipv4() { 32 } else { 128 };
        let host_bits = |width: u32| width.checked_sub(prefix).ok_or(format!("a prefix has at most {longest} bits"));
        match (written, written.to_canonical()) {
            // A block within the mapped addresses; a shorter prefix reaches beyond them and is an IPv6 block.
            (IpAddr::V6(_), IpAddr::V4(v4)) if (96..=128).contains(&prefix) => {
                Ok(Self::block_v4(v4.into(), 128 - prefix))
            }
            (IpAddr::V4(v4), _) => Ok(Self::block_v4(v4.into(), host_bits(32)?)),
            (IpAddr::V6(v6), _) => {
                let hosts = u128::MAX.checked_shr(128 - host_bits(128)?).unwrap_or(0);
                Ok(Self::V6(u128::from(v6) & !hosts, u128::from(v6) | hosts))
            }
        }
    }

    fn block_v4(address: u32, host_bits: u32) -> Self {
        let hosts = u32::MAX.checked_shr(32 - host_bits).unwrap_or(0);
        Self::V4(address & !hosts, address | hosts)
    }

    /// From one address to another.
    pub(crate) fn between(from: IpAddr, to: IpAddr) -> Result<Self, String> {
        let range = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::V4(from.into(), to.into()),
            (IpAddr::V6(from), IpAddr::V6(to)) => Self::V6(from.into(), to.into()),
            _ => return Err(format!("a range from `{from}` to `{to}` mixes IPv4 and IPv6")),
        };
        if from > to { Err(format!("the range ends at `{to}` before it begins at `{from}`")) } else { Ok(range) }
    }
}

impl Family {
    /// Whether the address, which isn't mapped, is within.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(from, to), IpAddr::V4(address)) => (from..=to).contains(&address.into()),
            (Self::V6(from, to), IpAddr::V6(address)) => (from..=to).contains(&address.into()),
            _ => false,
        }
    }
}

impl Ranges {
    pub(crate) fn new(ranges: Vec<Family>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                Family::V4(from, to) => v4.push((from, to)),
                Family::V6(from, to) => v6.push((from, to)),
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => contains(&self.v4, address.into()),
            IpAddr::V6(address) => contains(&self.v6, address.into()),
        }
    }
}

fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// The last range that begins at or before the address is the only one that can hold it.
fn contains<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(from, _)| *from <= address);
    after.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|(_, to)| address <= *to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Family {
        Family::parse(text).unwrap()
    }

    #[test]
    fn blocks_cover_what_they_say() {
        assert_eq!(parse("192.0.2.7/24"), Family::V4(0xC000_0200, 0xC000_02FF));
        assert_eq!(parse("192.0.2.7/32"), parse("192.0.2.7"));
        assert_eq!(parse("0.0.0.0/0"), Family::V4(0, u32::MAX));
        assert_eq!(parse("::/0"), Family::V6(0, u128::MAX));
        assert_eq!(parse("::1/128"), Family::V6(1, 1));
        assert_eq!(parse("2001:db8::/32"), parse("2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    }

    #[test]
    fn mapped_blocks_are_ipv4_blocks() {
        assert_eq!(parse("::ffff:192.0.2.0/120"), parse("192.0.2.0/24"));
        assert_eq!(parse("::ffff:0:0/96"), parse("0.0.0.0/0"));
        assert!(matches!(parse("::ffff:0:0/95"), Family::V6(..)));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.1/33",
            "192.0.2.1/",
            "192.0.2.1/+8",
            "::1/129",
            "::ffff:192.0.2.1/129",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-::1",
            "192.0.2.1-",
            "192.0.2.01",
            "example.com",
            "fe80::1%eth0",
        ] {
            assert!(Family::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_search_agrees_with_looking_at_each_range() {
        // A small linear congruential generator: the same cases every time.
        let mut state = 7u32;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..200 {
            let ranges: Vec<(u32, u32)> =
                (0..next(8)).map(|_| (next(64), next(16))).map(|(at, len)| (at, at + len)).collect();
            let all = Ranges::new(ranges.iter().map(|&(from, to)| Family::V4(from, to)).collect());
            for address in 0..90 {
                let expected = ranges.iter().any(|&(from, to)| (from..=to).contains(&address));
                assert_eq!(all.contains(IpAddr::V4(address.into())), expected, "{address} in {ranges:?}");
            }
        }
    }

    #[test]
    fn the_last_address_is_reached() {
        let all = Ranges::new(vec![parse("255.255.255.255"), parse("0.0.0.0"), parse("::/0")]);
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(all.contains("0.0.0.0".parse().unwrap()));
        assert!(!all.contains("0.0.0.1".parse().unwrap()));
        assert!(all.contains("ffff::".parse().unwrap()));
    }
}
