use super::*;

fn url_error(guard: &TargetGuard, url: &str) -> Option<TargetError> {
    guard.check_url(&Url::parse(url).unwrap()).err()
}

fn networks(list: &[&str]) -> TargetGuard {
    TargetGuard::new().allow_networks(list.iter().map(|network| network.parse().unwrap()))
}

#[test]
fn thorn_165_schemes_are_compared_after_parsing() {
    let guard = TargetGuard::new();
    for good in ["http://example.com", "HTTP://example.com/x", "hTTps://example.com"] {
        assert_eq!(url_error(&guard, good), None, "{good}");
    }
    for bad in ["ftp://example.com", "file:///etc/passwd", "gopher://example.com", "httpx://example.com", "data:x"] {
        assert!(matches!(url_error(&guard, bad), Some(TargetError::Scheme { .. })), "{bad}");
    }
}

#[test]
fn credentials_are_refused_and_stay_out_of_the_message() {
    for bad in ["http://user@example.com", "http://user:hunter2@example.com", "http://:hunter2@example.com"] {
        let error = url_error(&TargetGuard::new(), bad).unwrap();
        assert_eq!(error, TargetError::Credentials);
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn thorn_136_166_a_url_without_a_port_has_the_port_of_its_scheme() {
    let guard = TargetGuard::new();
    for good in ["http://example.com", "https://example.com", "https://example.com:80", "http://example.com:443"] {
        assert_eq!(url_error(&guard, good), None, "{good}");
    }
    for (bad, port) in [("http://example.com:22", 22), ("https://1.1.1.1:8443", 8443), ("http://example.com:0", 0)] {
        assert_eq!(url_error(&guard, bad), Some(TargetError::Port { port }), "{bad}");
    }
    let https_only = TargetGuard::new().ports([443]);
    assert_eq!(url_error(&https_only, "https://example.com"), None);
    assert_eq!(url_error(&https_only, "http://example.com"), Some(TargetError::Port { port: 80 }));
}

#[test]
fn thorn_166_any_port_but_0_can_be_opened() {
    let guard = TargetGuard::new().allow_ports([8443, 0]);
    assert_eq!(url_error(&guard, "https://1.1.1.1:8443"), None);
    assert!(url_error(&guard, "https://10.0.0.1:8443").is_some());
    assert!(url_error(&guard, "https://1.1.1.1:0").is_some());
}

#[test]
fn thorn_164_167_internal_addresses_are_refused_however_they_are_written() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0x0",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0xa9fea9fe",
        "2852039166",
        "169.254.169.254",
        "192.168.1.1",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ] {
        let error = url_error(&TargetGuard::new(), &format!("http://{host}/"));
        assert!(matches!(error, Some(TargetError::Address { .. })), "{host}: {error:?}");
    }
}

#[test]
fn thorn_160_ipv6_literals_of_the_public_internet_are_fine() {
    assert_eq!(url_error(&TargetGuard::new(), "https://[2606:4700:4700::1111]/"), None);
    assert_eq!(url_error(&TargetGuard::new(), "https://1.1.1.1/"), None);
}

#[test]
fn thorn_161_allowed_networks_are_open_on_any_port() {
    let guard = networks(&["10.1.0.0/16", "fd00:1::/32", "::ffff:10.2.0.0/112"]);
    for good in [
        "http://10.1.2.3:9000",
        "https://10.1.255.255",
        "http://[fd00:1::5]:81",
        "http://[::ffff:10.1.2.3]:9000",
        "http://10.2.0.9:9000",
        "http://internal.example:9000",
    ] {
        assert_eq!(url_error(&guard, good), None, "{good}");
    }
    for bad in ["http://10.3.0.1", "http://127.0.0.1", "http://[fd00:2::5]", "http://1.1.1.1:9000", "http://10.1.2.3:0"]
    {
        assert!(url_error(&guard, bad).is_some(), "{bad}");
    }
}

#[test]
fn thorn_169_an_allowed_ipv4_network_does_not_open_ipv6_addresses() {
    let guard = networks(&["0.0.0.0/0"]);
    assert!(guard.check_address("127.0.0.1".parse().unwrap(), 9000).is_ok());
    assert!(guard.check_address("::ffff:127.0.0.1".parse().unwrap(), 9000).is_ok());
    assert!(guard.check_address("::1".parse().unwrap(), 80).is_err());
    assert!(guard.check_address("64:ff9b::7f00:1".parse().unwrap(), 80).is_err());
}

#[test]
fn messages_name_the_cause_and_the_setting_to_change() {
    let error = url_error(&TargetGuard::new(), "http://0x7f000001/secret-path").unwrap().to_string();
    assert!(error.starts_with("127.0.0.1 is refused, a loopback address;"), "{error}");
    assert!(error.contains("allow_networks") && error.contains("THORN_ALLOW_NETWORKS"), "{error}");
    assert!(!error.contains("secret-path"), "{error}");
}

#[tokio::test]
async fn thorn_164_host_names_are_refused_by_their_addresses() {
    let guard = TargetGuard::new();
    for url in ["http://localhost/", "https://LOCALHOST", "http://localhost:443/x"] {
        let error = guard.check(url).await.unwrap_err();
        assert!(matches!(&error, TargetError::Address { kind: "a loopback address", .. }), "{url}: {error:?}");
        assert!(error.to_string().starts_with("host `localhost` is refused"), "{error}");
    }
    assert!(networks(&["127.0.0.0/8", "::1/128"]).check("http://localhost:9000/").await.is_ok());
}

#[tokio::test]
async fn thorn_160_a_host_with_one_internal_address_among_many_is_refused() {
    for addresses in [["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["2606:4700::1", "fd00::1"]] {
        let guard = TargetGuard::new().resolving_to([&addresses]);
        assert!(matches!(guard.check("http://a.test/").await, Err(TargetError::Address { .. })), "{addresses:?}");
    }
    let guard = TargetGuard::new().resolving_to([&["1.1.1.1", "2606:4700::1"]]);
    assert_eq!(guard.check("http://a.test/").await, Ok(()));
}

#[tokio::test]
async fn a_host_name_with_another_port_must_resolve_into_an_allowed_network() {
    let guard = networks(&["10.0.0.0/8"]).resolving_to([["1.1.1.1"], ["10.1.1.1"]]);
    assert_eq!(guard.check("http://a.test:9000/").await, Err(TargetError::Port { port: 9000 }));
    assert_eq!(guard.check("http://a.test:9000/").await, Ok(()));
    assert!(matches!(guard.check("http://1.1.1.1:9000/").await, Err(TargetError::Port { port: 9000 })));
}

#[tokio::test]
async fn unresolvable_hosts_and_malformed_urls_are_refused() {
    let guard = TargetGuard::new();
    let error = guard.check("http://nothing.invalid/").await.unwrap_err();
    assert!(matches!(&error, TargetError::Unresolvable { host, .. } if host == "nothing.invalid"), "{error:?}");
    for bad in ["", "example.com", "http://", "http://exa mple.com", "http://[fe80::1%25eth0]/", "http://256.1.1.1/"] {
        assert!(matches!(guard.check(bad).await, Err(TargetError::Url { .. })), "{bad}");
    }
}

fn with_validators(validators: &[&str]) -> TargetGuard {
    networks(&["127.0.0.0/8", "10.0.0.0/8"]).validators(validators.iter().map(|text| text.parse().unwrap()))
}

#[test]
fn thorn_161_164_without_validators_all_ports_are_open_and_internal_addresses_stay_refused() {
    let guard = with_validators(&[]);
    for good in ["http://1.1.1.1:2222", "https://example.com:8443", "http://10.0.0.1:1"] {
        assert_eq!(url_error(&guard, good), None, "{good}");
    }
    for bad in ["http://192.168.0.1", "http://169.254.169.254", "http://[::ffff:192.168.0.1]"] {
        assert!(matches!(url_error(&guard, bad), Some(TargetError::Address { .. })), "{bad}");
    }
    assert!(matches!(url_error(&guard, "ftp://1.1.1.1"), Some(TargetError::Scheme { .. })));
    assert!(matches!(url_error(&guard, "http://1.1.1.1:0"), Some(TargetError::Port { port: 0 })));
}

#[test]
fn thorn_165_allowed_networks_are_subject_to_protocols_but_not_to_ports() {
    let guard = with_validators(&["protocols=https", "ports=443"]);
    assert_eq!(url_error(&guard, "https://127.0.0.1:9"), None);
    assert!(matches!(url_error(&guard, "http://127.0.0.1:9"), Some(TargetError::Protocol { .. })));
    assert!(matches!(url_error(&guard, "https://1.1.1.1:9"), Some(TargetError::Port { port: 9 })));
}

#[test]
fn thorn_169_blocked_networks_are_refused_even_if_wrapped_or_allowed() {
    let guard = with_validators(&["block-networks=10.0.0.0/8,8.8.8.0/24,2001:4860::/32"]);
    for bad in [
        "http://10.1.1.1",
        "http://8.8.8.8",
        "http://[::ffff:8.8.8.8]",
        "http://[64:ff9b::8.8.8.8]",
        "http://[2001:4860::1]",
    ] {
        assert!(matches!(url_error(&guard, bad), Some(TargetError::Network { .. })), "{bad}");
    }
    for good in ["http://127.0.0.1", "http://8.8.4.4", "http://[2606:4700::1]", "http://[64:ff9b::1.1.1.1]"] {
        assert_eq!(url_error(&guard, good), None, "{good}");
    }
}

#[test]
fn thorn_170_an_unknown_validator_refuses_everything() {
    let guard = TargetGuard::new().validators([Validator::from("moon=1".to_owned())]);
    assert_eq!(url_error(&guard, "https://1.1.1.1"), Some(TargetError::UnknownValidator));
}

#[tokio::test]
async fn public_addresses_of_this_machine_are_refused_unless_they_are_allowed() {
    let guard = TargetGuard { is_own: |ip| ip == "1.1.1.1".parse::<IpAddr>().unwrap(), ..TargetGuard::new() };
    let check = |guard: &TargetGuard, url: &str| guard.check_url(&url.parse().unwrap());
    assert!(matches!(check(&guard, "https://1.1.1.1/"), Err(TargetError::Address { .. })));
    assert!(matches!(check(&guard, "https://[::ffff:1.1.1.1]/"), Err(TargetError::Address { .. })));
    assert!(check(&guard, "https://1.0.0.1/").is_ok());
    let named = guard.clone().resolving_to([["1.1.1.1"]]).check("https://a.test/").await.unwrap_err();
    assert!(matches!(named, TargetError::Address { .. }) && !named.to_string().contains("1.1.1.1"), "{named}");
    let allowed = guard.clone().allow_addresses(["1.1.1.1:443".parse().unwrap()]);
    assert!(check(&allowed, "https://1.1.1.1/").is_ok() && check(&allowed, "http://1.1.1.1/").is_err());
    assert!(check(&guard.allow_networks(["1.1.1.1/32".parse().unwrap()]), "https://1.1.1.1/").is_ok());
}
