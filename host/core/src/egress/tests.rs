//! Which hosts a rule names, and which addresses are private.

use super::*;

fn egress(rules: &[&str]) -> Egress {
    Egress::new(rules.iter().map(|text| EgressRule::parse(text).unwrap()).collect())
}

#[test]
fn a_rule_is_a_scheme_a_host_and_a_port() {
    for (text, scheme, host, port) in [
        ("https://a", Scheme::Https, HostPattern::Name("a".into()), 443),
        ("HTTP://A.Example.", Scheme::Http, HostPattern::Name("a.example".into()), 80),
        ("https://a:8443", Scheme::Https, HostPattern::Name("a".into()), 8443),
        ("https://*.Example.com:1", Scheme::Https, HostPattern::Below("example.com".into()), 1),
        ("http://*", Scheme::Http, HostPattern::Any, 80),
        ("http://10.0.0.1", Scheme::Http, HostPattern::Address("10.0.0.1".parse().unwrap()), 80),
        ("http://[::1]:81", Scheme::Http, HostPattern::Address("::1".parse().unwrap()), 81),
        ("http://[::ffff:10.0.0.1]", Scheme::Http, HostPattern::Address("10.0.0.1".parse().unwrap()), 80),
    ] {
        let rule = EgressRule::parse(text).unwrap();
        assert_eq!(rule, EgressRule { scheme, host, port, private: false }, "{text}");
        assert_eq!(EgressRule::parse(&rule.to_string()), Ok(rule), "{text}");
    }
}

#[test]
fn what_is_no_origin_is_refused_with_the_reason() {
    for (text, expected) in [
        ("", "an origin such as"),
        ("tenants.example", "an origin such as"),
        ("ftp://a", "an origin such as"),
        ("https://", "an origin such as"),
        ("https://a:0", "an origin such as"),
        ("https://a:*", "an origin such as"),
        ("https://a b", "an origin such as"),
        ("https://**", "an origin such as"),
        ("https://*a.example", "an origin such as"),
        ("https://a.*.example", "an origin such as"),
        ("https://*.", "an origin such as"),
        ("https://*.0.0.1", "an origin such as"),
        ("https://*.127.0.0.1", "an origin such as"),
        ("https://*.[::1]", "an origin such as"),
        ("http://127.1", "an origin such as"),
        ("https://a/", "without path"),
        ("https://a?x", "without path"),
        ("https://a#x", "without path"),
        ("https://u:p@a", "without user"),
    ] {
        let error = EgressRule::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn only_what_a_rule_names_may_be_called() {
    let rules = egress(&["https://a.example", "https://*.b.example:8443", "http://10.0.0.1", "http://[::1]"]);
    for (scheme, host, port, expected) in [
        (Scheme::Https, "a.example", 443, Some(false)),
        (Scheme::Https, "A.EXAMPLE.", 443, Some(false)),
        (Scheme::Http, "a.example", 443, None),
        (Scheme::Http, "a.example", 80, None),
        (Scheme::Https, "a.example", 8443, None),
        (Scheme::Https, "x.a.example", 443, None),
        (Scheme::Https, "xa.example", 443, None),
        (Scheme::Https, "a.example.evil", 443, None),
        (Scheme::Https, "x.b.example", 8443, Some(false)),
        (Scheme::Https, "x.y.b.example", 8443, Some(false)),
        (Scheme::Https, "b.example", 8443, None),
        (Scheme::Https, ".b.example", 8443, None),
        (Scheme::Https, "xb.example", 8443, None),
        (Scheme::Http, "10.0.0.1", 80, Some(true)),
        (Scheme::Http, "[::ffff:10.0.0.1]", 80, Some(true)),
        (Scheme::Http, "10.0.0.2", 80, None),
        (Scheme::Http, "10.0.0.1.", 80, None),
        (Scheme::Http, "[::1]", 80, Some(true)),
        (Scheme::Http, "0:0::1", 80, Some(true)),
        (Scheme::Http, "", 80, None),
    ] {
        let access = rules.access(scheme, host, port);
        assert_eq!(access.map(|access| access.private), expected, "{} {host} {port}", scheme.as_str());
    }
    assert_eq!(Egress::default().access(Scheme::Https, "a.example", 443), None);
}

#[test]
fn a_star_names_every_host_but_no_private_address() {
    let any = egress(&["https://*"]);
    for host in ["a", "a.example", "10.0.0.1", "::1"] {
        assert_eq!(any.access(Scheme::Https, host, 443), Some(Access { private: false }), "{host}");
    }
    assert_eq!(any.access(Scheme::Https, "a", 80), None);
}

#[test]
fn one_rule_that_says_private_is_enough() {
    let private = EgressRule { private: true, ..EgressRule::parse("https://*.corp.example").unwrap() };
    let public = EgressRule::parse("https://*").unwrap();
    for rules in [vec![private.clone(), public.clone()], vec![public, private]] {
        let rules = Egress::new(rules);
        assert_eq!(rules.access(Scheme::Https, "a.corp.example", 443), Some(Access { private: true }));
        assert_eq!(rules.access(Scheme::Https, "a.example", 443), Some(Access { private: false }));
    }
}

#[test]
fn private_addresses_are_known() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.0.1",
        "198.18.0.0",
        "198.19.255.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(is_private(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn public_addresses_are_not_private() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.2.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.100.1",
        "203.0.113.1",
        "223.255.255.255",
        "::1.1.1.1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
        "2001:db8::1",
        "2606:4700::1111",
        "fbff::1",
        "fe00::1",
    ] {
        assert!(!is_private(address.parse().unwrap()), "{address}");
    }
}
